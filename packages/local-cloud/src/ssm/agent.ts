import type { Clock } from '../base/clock.ts';
import { runStep, type StepOutcome } from './agent-step.ts';
import {
  type CommandDocument,
  type DocumentStep,
  type ParameterValues,
  type RenderedStep,
  renderStep,
} from './document.ts';
import type { ManagedNode } from './nodes.ts';

export type StepReport = StepOutcome & { readonly startedAt: Date; readonly endedAt: Date };

/** What became of a document. `not begun`: it was cancelled before its turn came. `lost`: the host went down under it. */
export type AgentReport = 'ended' | 'not begun' | 'lost';

export interface DocumentRun {
  readonly node: ManagedNode;
  readonly commandId: string;
  readonly document: CommandDocument;
  readonly values: ParameterValues;
  readonly region: string;
  readonly clock: Clock;
  readonly scratchDirectory: string;
  readonly cancelled: () => boolean;
  readonly onStep: (name: string) => void;
  readonly onStepEnd: (name: string, report: StepReport) => void;
  readonly onLost: () => void;
}

// interpolationType: ENV_VAR; older agents ignore it without an error (parameter-troubleshooting.html)
const minimumEnvironmentAgent = [3, 3, 2746, 0];

/**
 * What the agent makes of a command that its queue has taken.
 *
 * @returns undefined when nobody is left to report anything
 */
export async function carryOut(run: DocumentRun): Promise<AgentReport | undefined> {
  const { node, commandId, clock } = run;
  try {
    while (!node.agentRuns || !node.queue.isTurnOf(commandId)) {
      if (run.cancelled()) return 'not begun';
      if (node.isTerminated || clock.closed) return undefined;
      await clock.wait(25);
    }
    if (run.cancelled()) return 'not begun';
    return (await runDocument(run)) ? 'ended' : await missWorker(run);
  } finally {
    node.queue.leave(commandId);
  }
}

// agent/framework/processor/executer/outofproc/master.go: defaultZombieProcessTimeout
const missingWorkerSeconds = 60;

/**
 * The agent that comes back with its host knows the document from its files, and not the process that ran it: that one has a while to
 * speak, and then the document has failed.
 */
async function missWorker(run: DocumentRun): Promise<AgentReport | undefined> {
  const { node, clock } = run;
  run.onLost();
  let boot = node.boot;
  let since = Date.now();
  while (!node.isTerminated && !clock.closed) {
    if (!node.agentRuns || node.boot !== boot) {
      boot = node.boot;
      since = Date.now();
    }
    if (Date.now() - since > clock.scaledMs(missingWorkerSeconds)) return 'lost';
    await clock.wait(25);
  }
  return undefined;
}

/**
 * Runs a document as the agent does, step after step. A step that fails does not stop the next.
 *
 * @returns false when the host died under it
 */
async function runDocument(run: DocumentRun): Promise<boolean> {
  let skipped = false;
  for (const definition of run.document.steps) {
    const startedAt = new Date();
    const outcome: StepOutcome | undefined = skipped
      ? skip(afterExit(definition))
      : await runDefinition(run, definition);
    if (outcome === undefined) return false;
    run.onStepEnd(definition.name, { ...outcome, startedAt, endedAt: new Date() });
    skipped ||= outcome.next === 'skip the rest';
  }
  return true;
}

async function runDefinition(run: DocumentRun, definition: DocumentStep): Promise<StepOutcome | undefined> {
  const step = renderStep(run.document, definition, run.values, knowsEnvironmentVariables(run.node));
  if (step === undefined) return skip(unsatisfied(definition));
  return run.cancelled() ? cancelledBefore : await runUntilNoReboot(run, step);
}

function afterExit({ action, name }: DocumentStep): string {
  return `Plugin with name ${action} and id ${name} skipped due to prior step with an exit condition`;
}

async function runUntilNoReboot(run: DocumentRun, step: RenderedStep): Promise<StepOutcome | undefined> {
  run.onStep(step.name);
  let outcome = await runStep({ ...run, step });
  while (outcome?.next === 'reboot' && !run.clock.closed) {
    await run.node.reboot();
    while (!run.node.reachable && !run.clock.closed) await run.clock.wait(25);
    outcome = await runStep({ ...run, step });
  }
  return outcome;
}

const nothing = Buffer.alloc(0);

/** The agent calls it Skipped, "a form of success"; SSM has no such status, and what it shows instead is not documented. */
function skip(why: string): StepOutcome {
  return {
    status: 'Success',
    statusDetails: 'Success',
    responseCode: 0,
    stdout: nothing,
    stderr: nothing,
    listed: { stdout: Buffer.from(why), stderr: nothing },
    next: 'go on',
  };
}

const cancelledBefore: StepOutcome = {
  status: 'Cancelled',
  statusDetails: 'Cancelled',
  responseCode: 1,
  stdout: nothing,
  stderr: nothing,
  next: 'go on',
};

function unsatisfied({ name, precondition }: DocumentStep): string {
  const [first, second] = precondition?.StringEquals ?? [];
  return `Step execution skipped due to unsatisfied preconditions: '"StringEquals": [${first}, ${second}]'. Step name: ${name}`;
}

function knowsEnvironmentVariables(node: ManagedNode): boolean {
  const version = node.agentVersion.split('.').map(Number);
  for (const [index, minimum] of minimumEnvironmentAgent.entries()) {
    const part = version[index] ?? 0;
    if (part !== minimum) return part > minimum;
  }
  return true;
}
