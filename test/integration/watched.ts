import type { LocalCloud } from 'local-cloud';

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
