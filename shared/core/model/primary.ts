import { parseEpoch } from './group.ts';
import type { ObservedInstance } from './observation.ts';
import { tagKeys } from './tag-keys.ts';

/** Who of a group is its primary. */
export interface Primaries {
  /** The one with the highest epoch; undefined if there is none, or if that is not known. */
  readonly current: ObservedInstance | undefined;
  /** Those with a lower epoch: they were primary before, and nobody has taken the tag off them yet. */
  readonly superseded: readonly ObservedInstance[];
  /** Several that claim the same epoch, or one of several whose epoch cannot be read. */
  readonly tied: readonly ObservedInstance[];
}

/** A higher epoch wins over a lower one, everywhere: so the moment in which two hosts carry the tag is harmless. */
export function findPrimary(members: readonly ObservedInstance[]): Primaries {
  const carriers = members.filter(({ tags }) => tags[tagKeys.primary] !== undefined);
  const [only] = carriers;
  if (only === undefined || carriers.length === 1) return { current: only, superseded: [], tied: [] };
  const epochs = new Map(carriers.map((each) => [each.id, epochOf(each)]));
  const highest = Math.max(...[...epochs.values()].map((epoch) => epoch ?? 0));
  const first = carriers.filter(({ id }) => epochs.get(id) === highest);
  const [current] = first;
  if (current === undefined || first.length > 1 || [...epochs.values()].includes(undefined))
    return { current: undefined, superseded: [], tied: carriers };
  return { current, superseded: carriers.filter(({ id }) => id !== current.id), tied: [] };
}

/** The epoch that an instance's tag names; undefined if it names none that is valid. */
export function epochOf({ id, tags }: ObservedInstance): number | undefined {
  const epoch = parseEpoch(id, tags[tagKeys.primary] ?? '');
  return epoch.ok ? epoch.value : undefined;
}

/** What `hostsync:promoted` says of a primary that was made one in all respects. It names the host: tags can be copied. */
export function promotedMark(instance: string, epoch: number): string {
  return `${epoch} ${instance}`;
}

/** It was the primary, and lost the tag by hand: nothing is written over what it holds until it is set apart. */
export function isDeposed({ id, tags }: ObservedInstance): boolean {
  return tags[tagKeys.primary] === undefined && tags[tagKeys.promoted]?.split(' ')[1] === id;
}

/** Did hostsync itself make it the primary of the epoch that its tag names? One that was tagged by hand waits for that. */
export function isEstablished(instance: ObservedInstance): boolean {
  const epoch = epochOf(instance);
  return epoch !== undefined && instance.tags[tagKeys.promoted] === promotedMark(instance.id, epoch);
}
