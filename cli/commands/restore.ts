import { modeBlocker } from '../../shared/core/operator/action-blockers.ts';
import { heldDeletions, restoreCommand } from '../../shared/core/operator/held-deletions.ts';
import { bringBack, pushBack, type Wanted, type Way, wayBack } from '../bring-back.ts';
import { makeChange } from '../change.ts';
import { CommandError, exitCodes, RefusedError } from '../errors.ts';
import { observe } from '../observe.ts';
import type { ActionOptions } from '../options.ts';
import type { Session } from '../session.ts';

export interface RestoreOptions extends ActionOptions {
  readonly group?: string;
  /** Undefined for what is held now. */
  readonly held?: string;
}

/** Copies what is held back from deletion from a secondary to the primary, and overwrites nothing there. */
export async function restore(session: Session, options: RestoreOptions): Promise<number> {
  const group = await session.group(options.group);
  const seen = await observe(session, group);
  const blocker = modeBlocker(seen.overview);
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
  const held = heldDeletions(seen.overview, options.held, restoreCommand);
  if ('advice' in held) throw new RefusedError(held.reason, held.advice);
  const way = wayBack(seen, group);
  const from = way.sources.map(({ id }) => id).join(', ');
  const done = await makeChange(session, options, {
    title: `Copy ${held.count} entries of ${group} that are held (${held.id}) back to ${way.primary}`,
    steps: [
      ...held.examples.slice(0, 10).map((name) => `copy back ${name}`),
      `let ${way.primary} read them on a secondary (the first that answers of ${from}), fetch them, and end that again`,
      'push: what is back is held no more',
    ],
    warnings: [
      `Nothing on ${way.primary} is overwritten: where there is another file by now, that stays, and the secondary's is kept in /var/lib/hostsync/rescued if it is newer.`,
      'Directories that were empty do not come back.',
    ],
    tags: [],
  });
  if (!done) return 0;
  session.didWrite = true;
  const wanted: Wanted = {
    directories: way.request.directories,
    held: held.id,
    readable: 'directories',
    again: restoreCommand(group, held.id),
  };
  await fetchFromFirst(session, way, wanted, options.timeout);
  return pushBack(session, group, options.timeout);
}

/** From the first secondary from which it can be done: each has everything that is held. */
async function fetchFromFirst(session: Session, way: Way, wanted: Wanted, timeout: number): Promise<void> {
  const { terminal } = session;
  const failures: string[] = [];
  for (const source of way.sources) {
    terminal.say(`${terminal.symbol('working')} copying back from ${source.id}`);
    const failure = await bringBack(session, way, wanted, source, timeout);
    if (failure === undefined) return;
    terminal.say(`${terminal.symbol('behind')} ${source.id}: ${failure}`);
    failures.push(`${source.id}: ${failure}`);
  }
  throw new CommandError(
    exitCodes.refused,
    `The files are not all back: ${failures.join('; ')}`,
    `What came back stays, and nothing is deleted. Try again: ${wanted.again}`,
  );
}
