import type { IntentionKind } from './intention.ts';
import { tagPrefix } from './tag-prefix.ts';
import { digest } from './task.ts';

/** The source of all events of this stage's own: its prefix, so that no other stage answers them. */
export const eventSource = tagPrefix;

/** Milliseconds since 1970 as ISO 8601, the form of all times in events. */
export type Timestamp = string;

/** When an incident began, and why it is told now. */
export interface IncidentDetail {
  readonly since: Timestamp;
  /** 0 for the first message, then 1, 2, … */
  readonly reminder: number;
  /** It was told before, with another cause. */
  readonly changed?: boolean | undefined;
  /** How often it came back within an hour of its end. */
  readonly flaps?: number | undefined;
}

/** How a push to one secondary went. */
export interface SyncedSecondary {
  readonly secondary: string;
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface FailedSecondary {
  readonly secondary: string;
  readonly error: string;
  readonly message: string;
  /** Undefined for a host whose last sync is not known. */
  readonly syncedAt?: Timestamp | undefined;
  readonly secondsBehind?: number | undefined;
}

export interface RecoveredSecondary {
  readonly secondary: string;
  /** What it was. */
  readonly error: string;
  readonly since: Timestamp;
  readonly seconds: number;
}

/** What secondaries alone had in one directory. */
export interface ExtraFiles {
  readonly directory: string;
  /** Entries, of all secondaries together. */
  readonly count: number;
  /** How many secondaries had some. */
  readonly secondaries: number;
  /** Some of them. */
  readonly instances: readonly string[];
  readonly examples: readonly string[];
}

/** Files of one directory that are larger than `max-size`. */
export interface LargeFiles {
  readonly directory: string;
  readonly count: number;
  /** Some of them. */
  readonly examples: readonly string[];
}

/** A host that could take the place of the primary. */
export interface PromotionCandidate {
  readonly instance: string;
  /** What keeps it from being promoted; empty if nothing does. */
  readonly blocker: string;
  /** EC2's word for its state, as `running` or `stopped`. */
  readonly state?: string | undefined;
}

/** The detail of each event, besides `version`, `id` and `group`. Their schemas: docs/events.schema.json. */
export interface EventDetails {
  readonly 'Files Synced': {
    readonly primary: string;
    /** When the push was asked for: the secondaries hold at least what the primary held then. */
    readonly requestedAt: Timestamp;
    /** Until the last secondary was done. */
    readonly seconds: number;
    readonly files: number;
    readonly deleted: number;
    readonly bytes: number;
    readonly secondaries: readonly SyncedSecondary[];
  };
  /** Secondaries that one push found failing, or that are told again: one event for all of them. */
  readonly 'Sync Failed': IncidentDetail & {
    readonly primary: string;
    readonly secondaries: readonly FailedSecondary[];
  };
  readonly 'Sync Recovered': {
    readonly primary: string;
    readonly syncedAt: Timestamp;
    readonly secondaries: readonly RecoveredSecondary[];
  };
  readonly 'Secondary Joined': { readonly secondary: string; readonly syncedAt: Timestamp };
  readonly 'Secondary Left': { readonly secondary: string; readonly primary: string };
  readonly 'Join Failed': IncidentDetail & {
    readonly secondary: string;
    readonly message: string;
    /** Its launch was given up. Else hostsync goes on trying. */
    readonly final: boolean;
    /** It was in sync before, serves the files that it has, and cannot join again. */
    readonly member?: boolean | undefined;
  };
  readonly 'Push Failed': IncidentDetail & {
    readonly primary: string;
    readonly error: string;
    readonly message: string;
  };
  readonly 'Push Overrun': IncidentDetail & {
    readonly primary: string;
    readonly command: string;
    readonly seconds: number;
  };
  readonly 'Directory Not Pushed': IncidentDetail & {
    readonly primary: string;
    readonly directories: readonly {
      readonly directory: string;
      readonly error: string;
      readonly message: string;
    }[];
  };
  /** The option `max-size` leaves files out: secondaries have none, or the version that they had before. */
  readonly 'Files Too Large': IncidentDetail & {
    readonly primary: string;
    readonly directories: readonly LargeFiles[];
  };
  readonly 'Deletions Held': IncidentDetail & {
    readonly primary: string;
    /** What `hostsync:accept-deletions` has to name. */
    readonly deletions: string;
    readonly count: number;
    readonly total: number;
    readonly message: string;
    readonly examples: readonly string[];
  };
  /** The hook after-sync failed on secondaries. What was pushed is there all the same. */
  readonly 'Hook Failed': IncidentDetail & {
    readonly primary: string;
    readonly hook: string;
    /** How many secondaries. */
    readonly count: number;
    /** Some of them. */
    readonly secondaries: readonly { readonly secondary: string; readonly message: string }[];
  };
  /** Secondaries did not keep what a push deleted or replaced there, though the option `keep-deleted` asks for that. */
  readonly 'Deletions Not Kept': IncidentDetail & {
    readonly primary: string;
    /** How many secondaries. */
    readonly count: number;
    /** Some of them. */
    readonly secondaries: readonly { readonly secondary: string; readonly message: string }[];
  };
  /** What secondaries alone had was deleted there when everything was compared: an upload may have gone to the wrong host. */
  readonly 'Extra Files Deleted': {
    readonly primary: string;
    readonly requestedAt: Timestamp;
    readonly directories: readonly ExtraFiles[];
  };
  /** hostsync would have done this, had the group not the tag `hostsync:mode`: nothing was done. */
  readonly 'Action Observed': {
    readonly action: IntentionKind;
    readonly hosts: readonly string[];
    readonly reason: string;
    readonly since: Timestamp;
  };
  readonly 'No Primary': IncidentDetail & { readonly instances: readonly string[] };
  readonly 'Several Primaries': IncidentDetail & { readonly primaries: readonly string[] };
  readonly 'Primary Unavailable': IncidentDetail & { readonly primary: string; readonly message: string };
  readonly 'Configuration Invalid': IncidentDetail & { readonly message: string };
  readonly 'Primary Promoted': {
    readonly primary: string;
    /** The primary before it; empty if that is not known. */
    readonly from: string;
    readonly epoch: number;
    readonly kind: 'adopted' | 'failover' | 'switchover';
    readonly why: string;
    readonly claimedAt: Timestamp;
    /** Seconds of uploads before the decision that only the earlier primary may have; null if that is not known. */
    readonly secondsAtRisk: number | null;
    /** From the decision until now. */
    readonly seconds: number;
  };
  readonly 'Promotion Blocked': IncidentDetail & {
    /** The primary that is to be replaced. */
    readonly primary: string;
    readonly why: string;
    readonly message: string;
    /** Of all other members; without a blocker for one that could be promoted. */
    readonly candidates: readonly PromotionCandidate[];
    /** What a person would set to override. */
    readonly epoch: number;
    readonly directories: string;
  };
  /** A switchover was withdrawn after the hook before-demotion had run, and no hook has let the writes begin again. */
  readonly 'Writes Not Resumed': IncidentDetail & {
    readonly primary: string;
    readonly message: string;
  };
  readonly 'Primary Suspected': IncidentDetail & {
    readonly primary: string;
    readonly signs: readonly string[];
    /** What was seen by whom. */
    readonly seen: readonly string[];
  };
  readonly 'Files Rescued': {
    readonly primary: string;
    readonly from: string;
    readonly files: number;
    /** There with other content: both are kept. */
    readonly conflicts: number;
    readonly examples: readonly string[];
    /** A file on the primary that names them all; empty if nothing was brought. */
    readonly list: string;
    /** The directory on the primary with what has other content there. */
    readonly keptIn?: string | undefined;
    /** Paths that are too long for rsync: they stay on the host they were on. */
    readonly tooLong?: number | undefined;
    readonly tooLongExamples?: readonly string[] | undefined;
  };
  /** A former primary keeps a copy of what nobody could fetch from it, or what is too long for rsync. */
  readonly 'Files Kept': {
    readonly primary: string;
    readonly from: string;
    readonly files: number;
    /** The directory on the former primary with the copies; empty if there are none. */
    readonly keptIn: string;
    readonly tooLong: number;
  };
  readonly 'Rescue Failed': IncidentDetail & {
    readonly primary: string;
    readonly from: string;
    readonly message: string;
  };
  readonly 'Group Recovered': {
    /** The event that told of the incident. */
    readonly from: GroupEventType;
    /** The host that it was about; undefined for the group as a whole. */
    readonly instance?: string | undefined;
    readonly since: Timestamp;
    readonly seconds: number;
  };
}

export type EventType = keyof EventDetails;

/** Of incidents whose end is told by `Group Recovered`. */
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
