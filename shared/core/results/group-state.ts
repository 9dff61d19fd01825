import type { GroupConfiguration } from '../model/group.ts';
import { type Incident, parseIncidents } from '../model/incident.ts';
import { isMember } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import type { Secondary } from '../model/secondaries.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime } from '../model/time.ts';

/** What a secondary is found to be, before anything is written. */
export interface SecondaryState {
  readonly secondary: Secondary;
  /** Undefined for a host that has no tags. */
  readonly instance: ObservedInstance | undefined;
  readonly syncedBefore: number;
  syncedAt: number;
  readonly incidentBefore: Incident | undefined;
  incident: Incident | undefined;
  /** It is recorded as `in-sync` or `behind`; a host that has no tags always is. */
  readonly member: boolean;
}

/** The group's incidents, from all members: those that joined later may not carry them. */
export function groupIncidents(members: readonly ObservedInstance[]): Map<string, Incident> {
  const incidents = new Map<string, Incident>();
  for (const { tags } of members)
    for (const [, incident] of parseIncidents(tags[tagKeys.groupIncident])) {
      const earlier = incidents.get(incident.code);
      incidents.set(incident.code, earlier === undefined ? incident : newer(earlier, incident));
    }
  return incidents;
}

/** Of two notes on one incident the later, as after a run that was killed between two hosts. */
function newer(one: Incident, other: Incident): Incident {
  const later = lastChange(other) - lastChange(one) || other.notifications - one.notifications;
  return later > 0 ? other : one;
}

function lastChange({ since, notifiedAt = 0, clearedAt = 0 }: Incident): number {
  return Math.max(since, notifiedAt, clearedAt);
}

export function secondaryStates(
  members: readonly ObservedInstance[],
  primary: ObservedInstance | undefined,
  configuration: GroupConfiguration | undefined,
): ReadonlyMap<string, SecondaryState> {
  const instances = new Map(members.map((instance) => [instance.id, instance]));
  const outside = new Map(parseIncidents(primary?.tags[tagKeys.outside]));
  return new Map(
    (configuration?.secondaries ?? []).flatMap((secondary) => {
      const { id, kind } = secondary;
      const instance = kind === 'instance' ? instances.get(id) : undefined;
      if (kind === 'instance' && instance === undefined) return [];
      const incident =
        instance === undefined ? outside.get(id) : parseIncidents(instance.tags[tagKeys.incident])[0]?.[1];
      const syncedAt = parseTime(instance?.tags[tagKeys.syncedAt]);
      const member = instance === undefined || isMember(instance);
      return [
        [
          id,
          {
            secondary,
            instance,
            member,
            syncedAt,
            syncedBefore: syncedAt,
            incident,
            incidentBefore: incident,
          },
        ] as const,
      ];
    }),
  );
}
