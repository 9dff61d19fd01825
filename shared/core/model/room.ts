import { tagsOf } from './notes.ts';
import type { ObservedInstance } from './observation.ts';
import { tagKeys } from './tag-keys.ts';

/** The most tags of one resource; those of AWS itself do not count. Source: EC2 User Guide, tag restrictions. */
const mostTags = 50;

/** What a host gets when it joins. */
export const joinTagKeys: readonly string[] = [
  tagKeys.state,
  tagKeys.epoch,
  tagKeys.hostKey,
  tagKeys.joined,
  tagKeys.gathered,
];

/** Why a host cannot be given these tags, or nothing: EC2 would refuse all of them. Those that it has need no room. */
export function roomProblem(instance: ObservedInstance, keys: readonly string[]): string | undefined {
  const own = Object.keys(tagsOf(instance)).filter((key) => !key.startsWith('aws:'));
  const missing = new Set(keys.filter((key) => !own.includes(key)));
  const room = mostTags - own.length;
  if (missing.size <= room) return undefined;
  return `it has ${own.length} of ${mostTags} tags, and hostsync needs ${missing.size} more: take ${missing.size - room} away`;
}
