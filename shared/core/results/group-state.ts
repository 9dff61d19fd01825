import type { GroupConfiguration } from '../model/group.ts';
import { isMember } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import type { Secondary } from '../model/secondaries.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime } from '../model/time.ts';
import { parseTroubles, type Trouble } from '../model/trouble.ts';

/** What a secondary is found to be, before anything is written. */
export interface SecondaryState {
  readonly secondary: Secondary;
  /** Undefined for a host that has no tags. */
  readonly instance: ObservedInstance | undefined;
  readonly syncedBefore: number;
  syncedAt: number;
  readonly troubleBefore: Trouble | undefined;
  trouble: Trouble | undefined;
  /** It is recorded as `in-sync` or `behind`; a host that has no tags always is. */
  readonly member: boolean;
}

/** The group's troubles, from all members: those that joined later may not carry them. */
export function troublesOf(members: readonly ObservedInstance[]): Map<string, Trouble> {
  const troubles = new Map<string, Trouble>();
  for (const { tags } of members)
    for (const [, trouble] of parseTroubles(tags[tagKeys.groupTrouble])) {
      const earlier = troubles.get(trouble.code);
      troubles.set(trouble.code, earlier === undefined ? trouble : newer(earlier, trouble));
    }
  return troubles;
}

/** Of two notes on one trouble the later, as after a run that was killed between two hosts. */
function newer(one: Trouble, other: Trouble): Trouble {
  const later = lastChange(other) - lastChange(one) || other.told - one.told;
  return later > 0 ? other : one;
}

function lastChange({ since, notifiedAt = 0, clearedAt = 0 }: Trouble): number {
  return Math.max(since, notifiedAt, clearedAt);
}

export function secondaryStates(
  members: readonly ObservedInstance[],
  primary: ObservedInstance | undefined,
  configuration: GroupConfiguration | undefined,
): ReadonlyMap<string, SecondaryState> {
  const instances = new Map(members.map((instance) => [instance.id, instance]));
  const outside = new Map(parseTroubles(primary?.tags[tagKeys.outside]));
  return new Map(
    (configuration?.secondaries ?? []).flatMap((secondary) => {
      const { id, kind } = secondary;
      const instance = kind === 'instance' ? instances.get(id) : undefined;
      if (kind === 'instance' && instance === undefined) return [];
      const trouble =
        instance === undefined ? outside.get(id) : parseTroubles(instance.tags[tagKeys.trouble])[0]?.[1];
      const syncedAt = parseTime(instance?.tags[tagKeys.syncedAt]);
      const member = instance === undefined || isMember(instance);
      return [
        [
          id,
          {
            ...{ secondary, instance, member, syncedAt, syncedBefore: syncedAt },
            ...{ trouble, troubleBefore: trouble },
          },
        ] as const,
      ];
    }),
  );
}
