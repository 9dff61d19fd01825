import type { ObservedInstance, Register } from './observation.ts';
import { findPrimary } from './primary.ts';
import { tagKeys } from './tag-keys.ts';

/** What the tag `hostsync:mode` says. */
export const observeMode = 'observe';

/**
 * Is the group only observed? Then hostsync says what it would do, and does nothing: every path asks this, the one that would finish a
 * promotion included. The tag counts on any host of the group, and so does a value that nobody knows: who wrote it wanted less, not more.
 *
 * @param register what is remembered: EC2 drops the tags of a primary that was terminated, and its successor must not be promoted for that
 */
export function isObserved(
  members: readonly ObservedInstance[],
  register?: Pick<Register, 'configuration'>,
): boolean {
  if (members.some(({ tags }) => tags[tagKeys.mode] !== undefined)) return true;
  const isHeaded = findPrimary(members).current !== undefined;
  return !isHeaded && register?.configuration?.tags[tagKeys.mode] !== undefined;
}
