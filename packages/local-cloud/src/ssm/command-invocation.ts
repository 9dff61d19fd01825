import type { Account } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { type AgentReport, carryOut, type StepReport } from './agent.ts';
import type { CommandProgress } from './command-progress.ts';
import { decisiveOf } from './command-progress.ts';
import type { CommandInvocationRecord, CommandRecord, CommandStatus, StepRecord } from './command-records.ts';
import { agentBlocker, type CommandDocument, type ParameterValues } from './document.ts';
import type { ManagedNode } from './nodes.ts';
import { listedOutput, reportedStderr, reportedStdout } from './output.ts';

export interface InvocationRequest {
  readonly command: CommandRecord;
  readonly invocation: CommandInvocationRecord;
  readonly node: ManagedNode;
  readonly document: CommandDocument;
  readonly values: ParameterValues;
}

interface Dependencies {
  readonly account: Account;
  readonly clock: Clock;
  readonly scratchDirectory: string;
  readonly progress: CommandProgress;
}

/** A command on one instance, from delivery to the last that its agent says. */
export class CommandInvocation {
  readonly #request: InvocationRequest;
  readonly #deps: Dependencies;
  /** Seconds; those in which nothing can happen pass at the clock's scale. */
  #passed = 0;
  #last = Date.now();
  #isLost = false;
  #heardOfCancel = false;
  /** What the agent has to say and could not yet. */
  readonly #unsent: (readonly [step: string, report: StepReport])[] = [];

  constructor(request: InvocationRequest, deps: Dependencies) {
    this.#request = request;
    this.#deps = deps;
  }

  async run(): Promise<void> {
    if (!(await this.#deliver())) return;
    this.#deps.progress.begin(this.#request.command, this.#request.invocation);
    await this.#follow();
  }

  /** @returns whether the agent has taken the command */
  async #deliver(): Promise<boolean> {
    const { command, invocation, node } = this.#request;
    for (; !this.#deps.clock.closed; await this.#pass(node.reachable)) {
      if (command.cancelled.has(node.instance.id)) return this.#conclude('Cancelled', 'Cancelled');
      if (node.reachable) {
        invocation.traceOutput = agentBlocker(this.#request.document, this.#request.values) ?? '';
        if (invocation.traceOutput !== '') return this.#conclude('Failed', 'Failed');
        if (node.queue.take(command.id)) return true;
        Object.assign(invocation, { status: 'Delayed', statusDetails: 'Delayed' });
      }
      if (this.#passed > command.timeoutSeconds) return this.#conclude('TimedOut', 'DeliveryTimedOut');
    }
    return false;
  }

  async #follow(): Promise<void> {
    const { command, node } = this.#request;
    const { clock } = this.#deps;
    let report: AgentReport | undefined;
    let isOver = false;
    const work = this.#carryOut().then((said) => {
      report = said;
      isOver = true;
    });
    const totalMs = command.expiresAfter.getTime() - command.requestedAt.getTime();
    while (!clock.closed) {
      // the agent may have no way to send its report
      if (node.reachable) this.#send();
      if (node.reachable && report !== undefined) return this.#report(report);
      if (this.#passed * 1000 > totalMs) {
        this.#conclude('TimedOut', 'DeliveryTimedOut');
        return;
      }
      await this.#pass(node.reachable && !this.#isLost, isOver ? undefined : work);
    }
    await work;
  }

  #carryOut(): Promise<AgentReport | undefined> {
    const { command, invocation, node, document, values } = this.#request;
    const { account, clock, scratchDirectory } = this.#deps;
    return carryOut({
      node,
      commandId: command.id,
      document,
      values,
      region: account.region,
      clock,
      scratchDirectory,
      cancelled: () => {
        this.#heardOfCancel ||= node.reachable && command.cancelled.has(node.instance.id);
        return this.#heardOfCancel;
      },
      onStep: (name) => {
        const step = invocation.steps.find((candidate) => candidate.name === name);
        if (step !== undefined)
          Object.assign(step, { status: 'InProgress', statusDetails: 'InProgress', startedAt: new Date() });
      },
      onStepEnd: (name, report) => this.#unsent.push([name, report]),
      onLost: () => {
        this.#isLost = true;
      },
    });
  }

  /** The agent reports each step as it ends. */
  #send(): void {
    for (const [name, report] of this.#unsent.splice(0)) {
      const step = this.#request.invocation.steps.find((candidate) => candidate.name === name);
      if (step === undefined) continue;
      const { stdout, stderr } = report.listed ?? report;
      Object.assign(step, {
        status: report.status,
        statusDetails: report.statusDetails,
        responseCode: report.responseCode,
        startedAt: report.startedAt,
        endedAt: report.endedAt,
        stdout: reportedStdout(report.stdout),
        stderr: reportedStderr(report.stderr),
        listedOutput: listedOutput(stdout, stderr),
      } satisfies Partial<StepRecord>);
    }
  }

  #report(report: AgentReport): void {
    const { steps } = this.#request.invocation;
    switch (report) {
      case 'not begun':
        this.#conclude('Cancelled', 'Cancelled');
        return;
      case 'ended': {
        const decisive = decisiveOf(steps);
        this.#conclude(decisive?.status ?? 'Success', decisive?.statusDetails ?? 'Success');
        return;
      }
      case 'lost': {
        const [first] = steps;
        if (first !== undefined) reportLost(first);
        this.#conclude('Failed', 'Failed');
        return;
      }
    }
  }

  #conclude(status: CommandStatus, statusDetails: string): false {
    const { command, invocation } = this.#request;
    this.#deps.progress.conclude(command, invocation, status, statusDetails);
    return false;
  }

  async #pass(isAlive: boolean, until?: Promise<unknown>): Promise<void> {
    const { clock } = this.#deps;
    await (until === undefined ? clock.wait(25) : Promise.race([until, clock.wait(25)]));
    const now = Date.now();
    this.#passed += ((now - this.#last) / 1000) * (isAlive ? 1 : clock.scale);
    this.#last = now;
  }
}

/** The agent reports it of the first step, whichever ran. @see agent/framework/processor/executer/outofproc/master.go, agent/contracts/aggregator.go */
function reportLost(first: StepRecord): void {
  Object.assign(first, {
    status: 'Failed',
    statusDetails: 'Failed',
    responseCode: Math.max(first.responseCode, 0) || 1,
    endedAt: new Date(),
    listedOutput:
      'document process failed unexpectedly: ipc messaging received timeout signal , check [ssm-document-worker]/[ssm-session-worker] log for crash reason',
  } satisfies Partial<StepRecord>);
}
