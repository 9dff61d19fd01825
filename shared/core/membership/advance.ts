import type { MembershipObservation, ObservedCommand } from '../model/observation.ts';
import type { Task } from '../model/task.ts';
import { outcomeOf } from '../model/task-outcome.ts';

/** Something that a host is asked to do, and what follows from how far that has come. */
export interface Step<Action> {
  readonly step: Task['step'];
  /** What it is to establish; a task with another digest is another one. */
  readonly digest?: string;
  /** Where the command runs. */
  readonly host: string;
  /** Why it is asked for at all. */
  readonly because: string;
  /** Asks for it, for the first time (without a task) or again; `failed`: the host was asked and could not do it. */
  readonly send: (reason: string, task?: Task, failed?: boolean) => readonly Action[];
  /** @param soon it ends within seconds */
  readonly wait: (reason: string, soon: boolean) => readonly Action[];
  /** It has failed, and that is somebody's failure. */
  readonly report: (reason: string, task: Task) => readonly Action[];
  /** It has ended, well or not. */
  readonly ended: (command: ObservedCommand, task: Task) => readonly Action[];
}

/** The next action of a step: it is asked for, waited for, asked for again after a while, or done. */
export function advance<Action>(
  task: Task | undefined,
  step: Step<Action>,
  view: { readonly observed: MembershipObservation; readonly now: number },
): readonly Action[] {
  const isOther = step.digest !== undefined && task?.digest !== step.digest;
  if (task === undefined || task.step !== step.step || isOther) return step.send(step.because);
  const outcome = outcomeOf(task, step.host, view);
  switch (outcome.kind) {
    case 'under-way':
      return step.wait(outcome.reason, true);
    case 'failed':
      return [
        ...(outcome.stale ? [] : step.report(outcome.reason, task)),
        ...step.wait(outcome.reason, false),
      ];
    case 'again':
      return [
        ...(outcome.failed && !outcome.stale ? step.report(outcome.reason, task) : []),
        ...step.send(outcome.reason, task, outcome.failed),
      ];
    case 'ended':
      return step.ended(outcome.command, task);
  }
}

/** Was it asked for less than so many seconds ago? Then it is not asked for again yet. */
export function isYoung({ requestedAt }: Task, seconds: number, now: number): boolean {
  return now - requestedAt < seconds * 1000;
}
