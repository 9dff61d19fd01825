import type { Head, ObservedInstance } from './observation.ts';
import { findPrimary } from './primary.ts';
import { tagKeys } from './tag-keys.ts';

/**
 * Where that stands which is known of a host by one of `tagKeys`. Tags are the operator's to see and move, there are 50 of them, and hostsync
 * writes them on transitions only: what changes with every push or step is remembered in the table.
 */
export type Place =
  /** A tag of the instance. */
  | 'tag'
  /** A note on the host, in the table. */
  | 'host'
  /** A note on its group. */
  | 'group'
  /** The head of its group, which a tick reads. */
  | 'head';

const places: ReadonlyMap<string, Place> = new Map([
  ...[tagKeys.task, tagKeys.incident, tagKeys.joinIncident, tagKeys.suspected].map(
    (key) => [key, 'host'] as const,
  ),
  ...[
    tagKeys.groupIncident,
    tagKeys.promotionIncident,
    tagKeys.promotionNotified,
    tagKeys.probe,
    tagKeys.intentions,
  ].map((key) => [key, 'group'] as const),
  ...[tagKeys.syncedAt, tagKeys.outside].map((key) => [key, 'head'] as const),
]);

export function placeOf(key: string): Place {
  return places.get(key) ?? 'tag';
}

/** What is remembered of a group beside its head, by the keys of `tagKeys`. */
export interface Notes {
  readonly group: Readonly<Record<string, string>>;
  /** By instance. */
  readonly hosts: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Nothing but what the head says. */
export const noNotes: Notes = { group: {}, hosts: new Map() };

/**
 * The members of one group, with what is remembered of each among its tags. A tag of that name counts for nothing: an image or a launch
 * template may have copied it.
 */
export function withNotes(
  members: readonly ObservedInstance[],
  head: Pick<Head, 'synced' | 'outside'> | undefined,
  notes: Notes = noNotes,
): readonly ObservedInstance[] {
  const primary = findPrimary(members).current;
  return members.map((member) => {
    const { id } = member;
    const synced = head?.synced?.[id];
    return {
      ...member,
      tags: {
        ...tagsOf(member),
        ...notes.group,
        ...notes.hosts.get(id),
        ...(synced !== undefined && { [tagKeys.syncedAt]: new Date(synced).toISOString() }),
        ...(id === primary?.id && head?.outside !== undefined && { [tagKeys.outside]: head.outside }),
      },
    };
  });
}

/** Its tags, without what is remembered of it. */
export function tagsOf({ tags }: Pick<ObservedInstance, 'tags'>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => placeOf(key) === 'tag'));
}

/** Milliseconds after which the time of a host that is not there any more is forgotten. */
const forgottenAfter = 24 * 3600 * 1000;

/**
 * When each host was in sync, with what is new. A time never goes back: results come late and twice.
 *
 * @param before by instance, in milliseconds since 1970
 * @param news of some; undefined for a host that has left
 * @param members the hosts that are there
 */
export function mergeSynced(
  before: Readonly<Record<string, number>>,
  news: ReadonlyMap<string, number | undefined>,
  members: ReadonlySet<string>,
  now: number,
): Readonly<Record<string, number>> {
  const merged = new Map(
    Object.entries(before).filter(([id, at]) => members.has(id) || now - at < forgottenAfter),
  );
  for (const [id, at] of news)
    if (at === undefined) merged.delete(id);
    else merged.set(id, Math.max(at, merged.get(id) ?? 0));
  return Object.fromEntries(merged);
}
