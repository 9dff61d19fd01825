import type { MembershipObservation, ObservedCommand } from './observation.ts';
import type { Task } from './task.ts';

/** A command that was asked for, failed, and is asked for again: not before so many seconds. */
export const retryAfter = 15;
/** The same for one that found that another run had asked for it already: that is no failure, and over in a moment. */
export const busyAgain = 5;
/** How long SSM may not know a command that it has accepted, in seconds: GetCommandInvocation is eventually consistent. */
const unknownFor = 60;

/** A host's word for a request of an epoch that is over: whoever asked did not know of the next one. Nothing is wrong with the host. */
export const staleError = 'older-epoch';

/** How far a task has come; `stale`: it was asked for in the name of an epoch that is over, which is nobody's failure. */
export type Outcome =
  | { readonly kind: 'under-way'; readonly reason: string }
  /** It has failed, and is asked for again only in a while. */
  | { readonly kind: 'failed'; readonly reason: string; readonly stale: boolean }
  | { readonly kind: 'again'; readonly reason: string; readonly failed: boolean; readonly stale: boolean }
  | { readonly kind: 'ended'; readonly command: ObservedCommand };

/** What became of a task: it still runs, it ended (well or, as a push with one failed host, not), or it has to be asked for again. */
export function outcomeOf(
  task: Task,
  host: string,
  { observed, now }: { readonly observed: MembershipObservation; readonly now: number },
): Outcome {
  const age = (now - task.requestedAt) / 1000;
  const command = observed.commands.find((each) => each.command === task.command && each.instance === host);
  if (command === undefined)
    return age < unknownFor
      ? { kind: 'under-way', reason: `SSM does not show the command ${task.command} yet` }
      : {
          kind: 'again',
          reason: `SSM does not know the command ${task.command}`,
          failed: false,
          stale: false,
        };
  if (command.status === 'under-way')
    return { kind: 'under-way', reason: `${task.step} runs since ${Math.round(age)} s` };
  // One host that failed is not to hold up the others of the same command
  const byHost = command.lines.some(({ kind }) => kind === 'secondary' || kind === 'rescue');
  if (command.status === 'succeeded' || byHost) return { kind: 'ended', command };
  const said = command.lines.find((line) => line.kind === 'error');
  const reason = `${task.step} failed on ${host} (${command.detail})${said === undefined ? '' : `: ${said.error}: ${said.message}`}`;
  const stale = said?.error === staleError;
  return age < retryAfter
    ? { kind: 'failed', reason, stale }
    : { kind: 'again', reason, failed: true, stale };
}
