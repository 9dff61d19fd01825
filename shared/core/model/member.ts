import type { ObservedInstance } from './observation.ts';
import { tagKeys } from './tag-keys.ts';

/** It has all the files, or had them and is behind. */
export function isMember({ tags }: ObservedInstance): boolean {
  return tags[tagKeys.state] === 'in-sync' || tags[tagKeys.state] === 'behind';
}

/**
 * Has this host given the primary of this epoch what only it holds? Until then it is not pushed to, for a push deletes: the
 * last push of an earlier primary may have reached one host and not the one that was promoted.
 */
export function isGathered({ tags }: ObservedInstance, epoch: number): boolean {
  return Number(tags[tagKeys.gathered] ?? '1') >= epoch;
}
