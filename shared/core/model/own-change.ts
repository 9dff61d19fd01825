import { configurationTagKeys, tagKeys } from './tag-keys.ts';

/** What nobody but hostsync writes: a change of tags with one of these among them is its own. */
const ownKeys: ReadonlySet<string> = new Set([
  ...[tagKeys.state, tagKeys.syncedAt, tagKeys.epoch, tagKeys.hostKey, tagKeys.joined, tagKeys.task],
  ...[
    tagKeys.incident,
    tagKeys.joinIncident,
    tagKeys.groupIncident,
    tagKeys.promotionIncident,
    tagKeys.outside,
  ],
  ...[tagKeys.promoted, tagKeys.publicKey, tagKeys.suspected, tagKeys.gathered, tagKeys.left],
]);

/** What an operator writes, and hostsync hands on from one primary to the next, always with one of its own. */
const handedOn: ReadonlySet<string> = new Set([
  tagKeys.primary,
  tagKeys.paused,
  tagKeys.mode,
  tagKeys.switchover,
  tagKeys.acceptDeletions,
  ...configurationTagKeys,
]);

/**
 * Is a change of an instance's tags hostsync's own? Such a change asks for no look: who wrote it is looking, or has looked. What a person
 * changes in the same moment is found by the next tick.
 *
 * @param changed the keys that changed, each added, overwritten or taken away
 * @param tags all tags afterwards, as far as the event tells
 */
export function isOwnChange(
  changed: readonly string[],
  tags: Readonly<Record<string, string>> = {},
): boolean {
  // Its group is the operator's alone, and decides whether hostsync has to do with it at all
  if (changed.includes(tagKeys.group)) return false;
  if (changed.some((key) => ownKeys.has(key))) return true;
  // A spot interruption is noted with its reason behind the word; a person asks without one
  const noted = /^any\s+\S/u.test(tags[tagKeys.switchover] ?? '');
  return noted && changed.includes(tagKeys.switchover) && changed.every((key) => handedOn.has(key));
}
