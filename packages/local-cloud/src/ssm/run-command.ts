import { type Account, requestId } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import type { Activity } from '../base/journal.ts';
import type { EventSink } from '../events/bus.ts';
import { CommandInvocation, type InvocationRequest } from './command-invocation.ts';
import { CommandProgress } from './command-progress.ts';
import { type CommandRecord, isTerminal, pendingInvocation } from './command-records.ts';
import { type CommandDocument, type ParameterValues, renderStep } from './document.ts';
import type { ManagedNode } from './nodes.ts';

export interface SendRequest
  extends Pick<
    CommandRecord,
    'givenDocumentName' | 'comment' | 'caller' | 'timeoutSeconds' | 'maxConcurrency' | 'maxErrors' | 'targets'
  > {
  readonly document: CommandDocument;
  /** as given, without defaults: this is what events show */
  readonly given: ParameterValues;
  readonly values: ParameterValues;
  readonly nodes: readonly ManagedNode[];
  /** instances that a tag selected but the caller may not command */
  readonly deniedInstanceIds: readonly string[];
}

interface Dependencies {
  readonly account: Account;
  readonly events: EventSink;
  readonly activity: Activity;
  readonly clock: Clock;
  readonly scratchDirectory: string;
}

/** Run Command: sends documents to the agents and keeps what they report. */
export class RunCommand {
  readonly commands: CommandRecord[] = [];
  readonly #deps: Dependencies;
  readonly #progress: CommandProgress;

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#progress = new CommandProgress(deps.account, deps.events);
  }

  send(request: SendRequest): CommandRecord {
    const { document, given, nodes, deniedInstanceIds } = request;
    const requestedAt = new Date();
    const command: CommandRecord = {
      id: requestId(),
      document: document.logicalId,
      documentName: document.name,
      givenDocumentName: request.givenDocumentName,
      parameters: given,
      comment: request.comment,
      caller: request.caller,
      requestedAt,
      timeoutSeconds: request.timeoutSeconds,
      expiresAfter: new Date(requestedAt.getTime() + totalSeconds(request) * 1000),
      maxConcurrency: request.maxConcurrency,
      maxErrors: request.maxErrors,
      targets: request.targets,
      status: 'Pending',
      statusDetails: 'Pending',
      cancelled: new Set(),
      invocations: [
        ...nodes.map((node) => pendingInvocation(node.instance.id, document)),
        ...deniedInstanceIds.map((id) => ({
          ...pendingInvocation(id, document),
          status: 'Failed' as const,
          statusDetails: 'AccessDenied',
        })),
      ],
    };
    this.commands.push(command);
    if (command.invocations.length === 0) {
      command.status = 'Success';
      command.statusDetails = 'NoInstancesInTag';
      return command;
    }
    this.#deps.activity.start(`command ${document.logicalId}`, () => this.#run(command, request));
    return command;
  }

  /** Cancels what has not ended, as far as the agents can be reached: "not guaranteed to cancel" (API_CancelCommand). */
  cancel(command: CommandRecord, instanceIds: readonly string[]): void {
    const running = command.invocations.filter(
      ({ instanceId, status }) =>
        !isTerminal(status) && (instanceIds.length === 0 || instanceIds.includes(instanceId)),
    );
    for (const invocation of running) {
      command.cancelled.add(invocation.instanceId);
      invocation.status = 'Cancelling';
      invocation.statusDetails = 'Cancelling';
    }
    const left = command.invocations.filter(({ status }) => !isTerminal(status) && status !== 'Cancelling');
    if (running.length === 0 || left.length > 0) return;
    command.status = 'Cancelling';
    command.statusDetails = 'Cancelling';
  }

  async #run(command: CommandRecord, request: SendRequest): Promise<void> {
    const queue = [...request.nodes];
    const limit = share(command.maxConcurrency, queue.length);
    const errorsAllowed = share(command.maxErrors, queue.length);
    const worker = async (): Promise<void> => {
      for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
        const invocation = command.invocations.find(
          (candidate) => candidate.instanceId === node?.instance.id,
        );
        if (invocation === undefined) continue;
        const errors = command.invocations.filter(
          ({ status, statusDetails }) =>
            status === 'TimedOut' || (status === 'Failed' && statusDetails !== 'AccessDenied'),
        ).length;
        if (errors > errorsAllowed) this.#progress.conclude(command, invocation, 'Cancelled', 'Terminated');
        else await this.#invoke({ ...request, command, invocation, node });
      }
    };
    await Promise.all(Array.from({ length: Math.min(Math.max(limit, 1), queue.length) }, worker));
    if (this.#deps.clock.closed) return;
    this.#progress.concludeCommand(command);
  }

  #invoke(request: InvocationRequest): Promise<void> {
    return new CommandInvocation(request, { ...this.#deps, progress: this.#progress }).run();
  }
}

/** Delivery timeout and execution timeouts: userguide/monitor-commands.html */
function totalSeconds(request: SendRequest): number {
  const execution = request.document.steps.map(
    (step) => renderStep(request.document, step, request.values, false)?.timeoutSeconds ?? 0,
  );
  return request.timeoutSeconds + execution.reduce((sum, seconds) => sum + seconds, 0);
}

/** `10` or `10%` of so many. */
function share(text: string, of: number): number {
  const number = Number.parseInt(text, 10);
  return text.endsWith('%') ? Math.floor((number / 100) * of) : number;
}
