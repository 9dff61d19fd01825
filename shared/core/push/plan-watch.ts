import { parseDirectories } from '../model/directories.ts';
import { isObserved } from '../model/mode.ts';
import type { ObservedInstance, ObservedPush } from '../model/observation.ts';
import { epochOf, findPrimary } from '../model/primary.ts';
import { endOfWatch, type PushRequest } from '../model/request.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { earlyEnd } from '../model/watch-result.ts';
import type { PushAction } from './push-action.ts';

/** What a look does about the watch of a primary; all else the next tick's push does. */
export type WatchAction =
  /** The push of a tick, before the next tick. */
  | { readonly kind: 'push-again'; readonly reason: string }
  | {
      readonly kind: 'end-watch';
      readonly primary: string;
      readonly request: PushRequest;
      readonly reason: string;
    };

/**
 * A watch that ended to tell of something goes on at once, and one whose group was paused, or is only observed from now on, ends at once.
 *
 * @param pushes of the primary, of late
 * @param plan what a tick would do for this group
 */
export function planWatch(
  group: string,
  members: readonly ObservedInstance[],
  pushes: readonly ObservedPush[],
  plan: readonly PushAction[],
): WatchAction | undefined {
  const primary = findPrimary(members).current;
  if (primary === undefined) return undefined;
  const own = pushes.filter(({ instance }) => instance === primary.id);
  if (primary.tags[tagKeys.paused] !== undefined) return endWatch(group, primary, own, 'paused');
  if (isObserved(members)) return endWatch(group, primary, own, 'only observed');
  if (!plan.some((action) => action.kind === 'push' && action.request.watch === 'auto')) return undefined;
  if (own.some(({ status }) => status === 'under-way')) return undefined;
  const [newest] = own.toSorted((one, other) => other.requestedAt - one.requestedAt);
  const ended = newest && earlyEnd(newest);
  if (ended === undefined) return undefined;
  return { kind: 'push-again', reason: `the watch of ${primary.id} ended early (${ended}) and goes on` };
}

function endWatch(
  group: string,
  primary: ObservedInstance,
  pushes: readonly ObservedPush[],
  why: string,
): WatchAction | undefined {
  const watching = pushes.some(({ status, watches }) => status === 'under-way' && watches === true);
  const epoch = epochOf(primary);
  const directories = parseDirectories(primary.id, primary.tags[tagKeys.directories]);
  if (!watching || epoch === undefined || !directories.ok) return undefined;
  return {
    kind: 'end-watch',
    primary: primary.id,
    request: endOfWatch(group, epoch, primary.id, directories.value),
    reason: `the group is ${why}, and ${primary.id} still watches`,
  };
}
