import type { IncidentDetail, Timestamp } from './incident-detail.ts';

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

/** The details of events on pushes and what they carry. */
export interface PushEventDetails {
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
  /** Secondaries that one push found failing, or that are due for a reminder: one event for all of them. */
  readonly 'Sync Failed': IncidentDetail & {
    readonly primary: string;
    readonly secondaries: readonly FailedSecondary[];
  };
  readonly 'Sync Recovered': {
    readonly primary: string;
    readonly syncedAt: Timestamp;
    readonly secondaries: readonly RecoveredSecondary[];
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
}
