import type { IncidentDetail, Timestamp } from './incident-detail.ts';
import type { IntentionKind } from './intention.ts';
import type { PushEventDetails } from './push-event-details.ts';
import type { RoleEventDetails } from './role-event-details.ts';
import { tagPrefix } from './tag-prefix.ts';
import { digest } from './task.ts';

/** The source of all events of this stage's own: its prefix, so that no other stage answers them. */
export const eventSource = tagPrefix;

/** The detail of each event, besides `version`, `id` and `group`. Their schemas: docs/events.schema.json. */
export interface EventDetails extends PushEventDetails, RoleEventDetails {
  /** hostsync would have done this, had the group not the tag `hostsync:mode`: nothing was done. */
  readonly 'Action Observed': {
    readonly action: IntentionKind;
    readonly hosts: readonly string[];
    readonly reason: string;
    readonly since: Timestamp;
  };
  readonly 'Configuration Invalid': IncidentDetail & { readonly message: string };
  readonly 'Group Recovered': {
    /** The event that raised the incident. */
    readonly from: GroupEventType;
    /** The host that it was about; undefined for the group as a whole. */
    readonly instance?: string | undefined;
    readonly since: Timestamp;
    readonly seconds: number;
  };
}

export type EventType = keyof EventDetails;

/** Of incidents that `Group Recovered` resolves. */
export type GroupEventType =
  | 'Push Failed'
  | 'Push Overrun'
  | 'Directory Not Pushed'
  | 'Files Too Large'
  | 'Deletions Held'
  | 'Hook Failed'
  | 'Deletions Not Kept'
  | 'No Primary'
  | 'Several Primaries'
  | 'Primary Unavailable'
  | 'Configuration Invalid'
  | 'Primary Suspected'
  | 'Promotion Blocked'
  | 'Writes Not Resumed'
  | 'Join Failed'
  | 'Rescue Failed';

/** What happened in a group, for people and for other software. */
export type DomainEvent = {
  readonly [Type in EventType]: {
    readonly type: Type;
    readonly detail: EventDetails[Type] & {
      readonly version: 1;
      /** The same for the same happening, however often it is found. 16 hexadecimal digits. */
      readonly id: string;
      readonly group: string;
    };
  };
}[EventType];

/**
 * Makes an event.
 *
 * @param what tells this happening from all others of its type in the group: whoever finds it again must come to the same
 */
export function domainEvent<Type extends EventType>(
  type: Type,
  group: string,
  what: readonly (string | number)[],
  detail: EventDetails[Type],
): Extract<DomainEvent, { type: Type }>;
export function domainEvent(
  type: EventType,
  group: string,
  what: readonly (string | number)[],
  detail: EventDetails[EventType],
): { readonly type: EventType; readonly detail: object } {
  const id = digest([type, group, ...what].join('\n'));
  return { type, detail: { version: 1, id, group, ...detail } };
}

export function timestamp(at: number): Timestamp {
  return new Date(at).toISOString();
}
