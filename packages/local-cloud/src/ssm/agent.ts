import type { Clock } from '../base/clock.ts';
import { runStep, type StepOutcome } from './agent-step.ts';
import {
  agentBlocker,
  type CommandDocument,
  type DocumentStep,
  type ParameterValues,
  type RenderedStep,
  renderStep,
} from './document.ts';
import type { ManagedNode } from './nodes.ts';

export type StepReport = StepOutcome & { readonly startedAt: Date; readonly endedAt: Date };

/** What the agent says when a document has ended. */
export interface AgentReport {
  readonly steps: ReadonlyMap<string, StepReport>;
  /** why it did not run the document at all */
  readonly refused: string | undefined;
}

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
}

// interpolationType: ENV_VAR; older agents ignore it without an error (parameter-troubleshooting.html)
const minimumEnvironmentAgent = [3, 3, 2746, 0];

/**
 * Runs a document as the agent does, step after step. A step that fails does not stop the next.
 *
 * @returns undefined when the host died under it
 */
export async function runDocument(run: DocumentRun): Promise<AgentReport | undefined> {
  const refused = agentBlocker(run.document, run.values);
  if (refused !== undefined) return { steps: new Map(), refused };
  const reports = new Map<string, StepReport>();
  let skipped = false;
  for (const definition of run.document.steps) {
    const startedAt = new Date();
    const step = renderStep(run.document, definition, run.values, knowsEnvironmentVariables(run.node));
    let outcome: StepOutcome | undefined;
    if (skipped)
      outcome = skip(
        `Plugin with name ${definition.action} and id ${definition.name} skipped due to prior step with an exit condition`,
      );
    else if (step === undefined) outcome = skip(unsatisfied(definition));
    else if (run.cancelled()) outcome = cancelledBefore;
    else outcome = await runUntilNoReboot(run, step);
    if (outcome === undefined) return undefined;
    reports.set(definition.name, { ...outcome, startedAt, endedAt: new Date() });
    skipped ||= outcome.next === 'skip the rest';
  }
  return { steps: reports, refused: undefined };
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
