import type { LocalCloud } from 'local-cloud';
import { type PushResult, parseResults } from '../../tour/pushes.ts';

type Command = ReturnType<LocalCloud['commands']>[number];

/** The tags with which a group of the tests is watched. */
export const watchTags = { 'hostsync:options': 'watch=auto' };

/**
 * Whether the groups of a run are watched that do not say so themselves: every test has to hold with a watch and without.
 * Set by the variable HOSTSYNC_TEST_WATCH of `npm run integration`.
 */
export const isWatchedByDefault = process.env['HOSTSYNC_TEST_WATCH'] === 'auto';

const isWatch = ({ document, comment }: Command) =>
  document === 'PushDocument' && comment.startsWith('hostsync push and watch');

/**
 * The commands that watch on: the newest of each host. An older one has to end, for the newest takes over from it; but not on a host that was
 * replaced, which may not answer any more.
 */
export function watching(open: readonly Command[]): readonly Command[] {
  const hostOf = ({ invocations }: Command) => invocations[0]?.instanceId;
  const watches = open.filter(isWatch);
  const newest = watches.at(-1);
  return watches.filter((each) => each === newest || hostOf(each) !== hostOf(newest ?? each));
}

export const outputOf = ({ invocations }: Command): string =>
  invocations.flatMap(({ steps }) => steps.map(({ stdout }) => stdout)).join('\n');

export const hasEnded = ({ status }: Command): boolean => status !== 'Pending' && status !== 'InProgress';

/** It has ended, and knows of each secondary: a watch may end before the turn of one has come, or leave it to the next one. */
export function hasSaid(command: Command): boolean {
  return hasEnded(command) && parseResults(outputOf(command)).every(({ error }) => error !== 'busy');
}

/** Of each secondary the last that is known, with what was sent by all. */
export function inTotal(results: readonly PushResult[]): readonly PushResult[] {
  const total = new Map<string, PushResult>();
  for (const result of results) {
    const { files = 0, deleted = 0, bytes = 0, seconds = 0, ...before } = total.get(result.id) ?? result;
    const sums = total.has(result.id)
      ? {
          files: files + result.files,
          deleted: deleted + result.deleted,
          bytes: bytes + result.bytes,
          seconds: seconds + result.seconds,
        }
      : { files, deleted, bytes, seconds };
    total.set(result.id, { ...(result.error === 'busy' ? before : result), ...sums });
  }
  return [...total.values()];
}
