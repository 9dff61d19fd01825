import { type Account, instanceArn, requestId } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import type { Activity } from '../base/journal.ts';
import type { EventSink } from '../events/bus.ts';
import { type AgentReport, runDocument } from './agent.ts';
import {
  type CommandInvocationRecord,
  type CommandRecord,
  type CommandStatus,
  isTerminal,
  pendingInvocation,
  type StepRecord,
} from './command-records.ts';
import { type CommandDocument, type ParameterValues, renderStep } from './document.ts';
import type { ManagedNode } from './nodes.ts';
import { listedOutput, maximumStderrBytes, maximumStdoutBytes, truncateOutput } from './output.ts';

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

// appconfig CommandWorkersLimit of the agent
const workersPerNode = 5;

/** Run Command: sends documents to the agents and keeps what they report. */
export class RunCommand {
  readonly commands: CommandRecord[] = [];
  readonly #deps: Dependencies;
  readonly #workers = new Map<string, number>();

  constructor(deps: Dependencies) {
    this.#deps = deps;
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
        if (errors > errorsAllowed) this.#conclude(command, invocation, 'Cancelled', 'Terminated');
        else await this.#invoke(command, invocation, node, request);
      }
    };
    await Promise.all(Array.from({ length: Math.min(Math.max(limit, 1), queue.length) }, worker));
    if (this.#deps.clock.closed) return;
    this.#concludeCommand(command);
  }

  /** One instance, from delivery to report. Time in which nothing can happen passes at the clock's scale. */
  async #invoke(
    command: CommandRecord,
    invocation: CommandInvocationRecord,
    node: ManagedNode,
    request: SendRequest,
  ): Promise<void> {
    const { clock } = this.#deps;
    const id = node.instance.id;
    const total = totalSeconds(request);
    let passed = 0;
    let last = Date.now();
    const pass = async (alive: boolean, until?: Promise<unknown>): Promise<void> => {
      await (until === undefined ? clock.wait(25) : Promise.race([until, clock.wait(25)]));
      const now = Date.now();
      passed += ((now - last) / 1000) * (alive ? 1 : clock.scale);
      last = now;
    };
    while (!clock.closed && (!node.reachable || (this.#workers.get(id) ?? 0) >= workersPerNode)) {
      if (command.cancelled.has(id)) return this.#conclude(command, invocation, 'Cancelled', 'Cancelled');
      if (passed > command.timeoutSeconds)
        return this.#conclude(command, invocation, 'TimedOut', 'DeliveryTimedOut');
      await pass(node.reachable);
    }
    if (clock.closed) return;
    if (command.cancelled.has(id)) return this.#conclude(command, invocation, 'Cancelled', 'Cancelled');
    this.#progress(command, invocation);
    this.#workers.set(id, (this.#workers.get(id) ?? 0) + 1);
    let report: AgentReport | undefined;
    const work = this.#runOnAgent(command, invocation, node, request)
      .then((result) => {
        report = result;
      })
      .finally(() => this.#workers.set(id, (this.#workers.get(id) ?? 1) - 1));
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    work.then(end, end);
    while (!clock.closed) {
      // without a report the host has died; with one, it may have no way to send it
      if (settled && report !== undefined && node.reachable) return this.#report(command, invocation, report);
      if (passed > total) return this.#conclude(command, invocation, 'TimedOut', 'DeliveryTimedOut');
      await pass(node.reachable && !(settled && report === undefined), settled ? undefined : work);
    }
    await work;
  }

  #runOnAgent(
    command: CommandRecord,
    invocation: CommandInvocationRecord,
    node: ManagedNode,
    request: SendRequest,
  ): Promise<AgentReport | undefined> {
    const { account, clock, scratchDirectory } = this.#deps;
    return runDocument({
      node,
      commandId: command.id,
      document: request.document,
      values: request.values,
      region: account.region,
      clock,
      scratchDirectory,
      cancelled: () => command.cancelled.has(node.instance.id),
      onStep: (name) => {
        const step = invocation.steps.find((candidate) => candidate.name === name);
        if (step !== undefined)
          Object.assign(step, { status: 'InProgress', statusDetails: 'InProgress', startedAt: new Date() });
      },
    });
  }

  #report(command: CommandRecord, invocation: CommandInvocationRecord, report: AgentReport): void {
    if (report.refused !== undefined) {
      for (const step of invocation.steps) Object.assign(step, { stderr: report.refused });
      this.#conclude(command, invocation, 'Failed', 'Failed');
      return;
    }
    for (const step of invocation.steps) {
      const outcome = report.steps.get(step.name);
      if (outcome === undefined) continue;
      const { stdout, stderr } = outcome.listed ?? outcome;
      Object.assign(step, {
        status: outcome.status,
        statusDetails: outcome.statusDetails,
        responseCode: outcome.responseCode,
        startedAt: outcome.startedAt,
        endedAt: outcome.endedAt,
        stdout: truncateOutput(outcome.stdout, maximumStdoutBytes),
        stderr: truncateOutput(outcome.stderr, maximumStderrBytes),
        listedOutput: listedOutput(stdout, stderr),
      } satisfies Partial<StepRecord>);
    }
    const outcomes = [...report.steps.values()];
    // agent/contracts/aggregator.go: a contract between SSM and the agent
    const worst =
      outcomes.find(({ status }) => status === 'Failed') ??
      outcomes.find(({ status }) => status === 'TimedOut') ??
      outcomes.find(({ status }) => status === 'Cancelled');
    this.#conclude(command, invocation, worst?.status ?? 'Success', worst?.statusDetails ?? 'Success');
  }

  #progress(command: CommandRecord, invocation: CommandInvocationRecord): void {
    invocation.status = 'InProgress';
    invocation.statusDetails = 'InProgress';
    this.#emitInvocation(command, invocation);
    if (command.status !== 'Pending') return;
    command.status = 'InProgress';
    command.statusDetails = 'InProgress';
    this.#emitCommand(command);
  }

  #conclude(
    command: CommandRecord,
    invocation: CommandInvocationRecord,
    status: CommandStatus,
    statusDetails: string,
  ): void {
    invocation.status = status;
    invocation.statusDetails = statusDetails;
    for (const step of invocation.steps) {
      if (isTerminal(step.status)) continue;
      step.status = status;
      step.statusDetails = statusDetails;
    }
    this.#emitInvocation(command, invocation);
  }

  #concludeCommand(command: CommandRecord): void {
    const of = (status: CommandStatus) =>
      command.invocations.find((invocation) => invocation.status === status);
    const decisive = of('Failed') ?? of('TimedOut') ?? of('Cancelled');
    command.status = decisive?.status ?? 'Success';
    command.statusDetails = decisive?.statusDetails ?? 'Success';
    this.#emitCommand(command);
  }

  #emitInvocation(command: CommandRecord, invocation: CommandInvocationRecord): void {
    this.#deps.events.emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      resources: [instanceArn(this.#deps.account, invocation.instanceId)],
      detail: {
        'command-id': command.id,
        'document-name': command.givenDocumentName,
        'instance-id': invocation.instanceId,
        'requested-date-time': command.requestedAt.toISOString(),
        status: eventStatus(invocation.status),
      },
    });
  }

  #emitCommand(command: CommandRecord): void {
    this.#deps.events.emit({
      source: 'aws.ssm',
      'detail-type': 'EC2 Command Status-change Notification',
      resources: command.invocations.map(({ instanceId }) => instanceArn(this.#deps.account, instanceId)),
      detail: {
        'command-id': command.id,
        'document-name': command.givenDocumentName,
        'expire-after': command.expiresAfter.toISOString(),
        parameters: command.parameters,
        'requested-date-time': command.requestedAt.toISOString(),
        status: eventStatus(command.status),
      },
    });
  }
}

/** Events spell it with one l, the API with two: userguide/monitoring-systems-manager-event-examples.html */
function eventStatus(status: CommandStatus): string {
  return status === 'Cancelled' ? 'Canceled' : status;
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
