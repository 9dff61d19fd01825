import type { Clock } from '../base/clock.ts';
import { runStep, type StepOutcome } from './agent-step.ts';
import { agentBlocker, type CommandDocument, type ParameterValues, renderStep } from './document.ts';
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
  for (const definition of run.document.steps) {
    const step = renderStep(run.document, definition, run.values, knowsEnvironmentVariables(run.node));
    if (step === undefined) continue;
    run.onStep(step.name);
    const startedAt = new Date();
    let outcome = await runStep({ ...run, step });
    while (outcome?.next === 'reboot' && !run.clock.closed) {
      await run.node.reboot();
      while (!run.node.reachable && !run.clock.closed) await run.clock.wait(25);
      outcome = await runStep({ ...run, step });
    }
    if (outcome === undefined) return undefined;
    reports.set(step.name, { ...outcome, startedAt, endedAt: new Date() });
    if (outcome.next === 'skip the rest' || outcome.status === 'Cancelled') break;
  }
  return { steps: reports, refused: undefined };
}

function knowsEnvironmentVariables(node: ManagedNode): boolean {
  const version = node.agentVersion.split('.').map(Number);
  for (const [index, minimum] of minimumEnvironmentAgent.entries()) {
    const part = version[index] ?? 0;
    if (part !== minimum) return part > minimum;
  }
  return true;
}
