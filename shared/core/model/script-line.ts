/** One line that a command of the host package printed. Source: docs/host-package.md. */
export type ScriptLine =
  | { readonly kind: 'join'; readonly epoch: number; readonly hostKey: string }
  | {
      readonly kind: 'promote';
      readonly epoch: number;
      readonly publicKey: string;
      /** What became of the operator's hook. */
      readonly hook?: 'none' | 'ok' | 'failed' | undefined;
      readonly hookMessage?: string | undefined;
      /** On a host that a primary watched for. */
      readonly synced?: Freshness | undefined;
    }
  | SecondaryLine
  | {
      readonly kind: 'directory';
      readonly directory: string;
      readonly error: string;
      readonly message: string;
    }
  | {
      readonly kind: 'deletions-held';
      /** What `hostsync:accept-deletions` has to name. */
      readonly id: string;
      /** How many entries would be deleted, of how many. */
      readonly count: number;
      readonly total: number;
      readonly reason: string;
      readonly examples: readonly string[];
    }
  /** Answers an id that came with the request. */
  | {
      readonly kind: 'deletions-accepted';
      readonly id: string;
      readonly count: number;
      readonly message: string;
    }
  | ExtrasLine
  | TooLargeLine
  | {
      readonly kind: 'push';
      readonly ok: boolean;
      /** When it began, in seconds since 1970. */
      readonly started: number;
      readonly seconds: number;
      /** Of the request. */
      readonly secondaries?: number | undefined;
      /** Those of them that were left to another push. */
      readonly busy?: number | undefined;
    }
  | WatchLine
  | {
      readonly kind: 'leave';
      /** It is still the primary, and has stopped taking writes where the user has a hook for that. */
      readonly prepared: boolean;
      /** That of the primary that follows; undefined if it is only prepared. */
      readonly epoch?: number | undefined;
      /** Files that the group may never have received. */
      readonly stranded?: number | undefined;
      /** Those of them that no earlier list of this epoch had: written since. */
      readonly new?: number | undefined;
      /** Files that nobody can fetch, and were copied there to the directory `keptIn`. */
      readonly kept?: number | undefined;
      readonly keptIn?: string | undefined;
      /** Paths that are too long for rsync. */
      readonly tooLong?: number | undefined;
    }
  | RescueLine
  | KeptLine
  /** So many earlier runs are not listed. */
  | { readonly kind: 'kept-earlier'; readonly runs: number }
  | { readonly kind: 'probe'; readonly id: string; readonly reached: boolean; readonly message: string }
  /** A part of the package has come; `installed` with the last one. */
  | { readonly kind: 'install'; readonly release: string; readonly installed: boolean }
  | { readonly kind: 'error'; readonly error: string; readonly message: string };

/** What a host keeps of one push that deleted or replaced it. */
export interface KeptLine {
  readonly kind: 'kept';
  readonly directory: string;
  /** When the push was, in UTC, as 20261122T185325Z; with a number behind it where there was one of that second. */
  readonly time: string;
  readonly files: number;
  readonly bytes: number;
  /** Absolute paths, some of them. */
  readonly examples: readonly string[];
}

/** What a push saw and did that watched. */
export interface WatchLine {
  readonly kind: 'watch';
  /** What showed the changes, as `fanotify`. */
  readonly rung: string;
  /** Why it ended, as `successor`. */
  readonly ended: string;
  readonly cycles: number;
  readonly walks: number;
  /** Changes that came to secondaries, each counted for each of them. */
  readonly arrivals: number;
  /** Seconds from a change to its arrival. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How a push to one secondary went. */
export interface SecondaryLine {
  readonly kind: 'secondary';
  readonly id: string;
  readonly ok: boolean;
  /** Why it is not `ok`, and in whose words. */
  readonly error?: string | undefined;
  readonly message?: string | undefined;
  /** When the scan began, or up to when a watch knows that nothing is missing there; in seconds since 1970, by the host's clock. */
  readonly started: number;
  /** Regular files whose content was sent. */
  readonly files: number;
  readonly deleted: number;
  /** Sent over the wire. */
  readonly bytes: number;
  readonly seconds: number;
  /** What became of the hook after-sync, where something arrived and there is one. */
  readonly hook?: 'ok' | 'failed' | undefined;
  readonly hookMessage?: string | undefined;
  /** Why something that was deleted or replaced there is not kept, though the option `keep-deleted` asks for that. */
  readonly notKept?: string | undefined;
  /** `none`: nothing had changed for it. `verify`: everything was compared. */
  readonly mode?: 'full' | 'changes' | 'none' | 'verify' | undefined;
  /** Entries that had changed behind our back and were mended. */
  readonly drift?: number | undefined;
}

/** What was brought to the primary from one host that held more. */
export interface RescueLine {
  readonly kind: 'rescue';
  readonly id: string;
  readonly ok: boolean;
  readonly error?: string | undefined;
  readonly message?: string | undefined;
  /** Files that were not there. */
  readonly files?: number | undefined;
  /** Files that were there with other content: kept in the directory `keptIn`. */
  readonly conflicts?: number | undefined;
  readonly examples?: readonly string[] | undefined;
  /** The file on the primary that names them all; null if there were none. */
  readonly list?: string | null | undefined;
  readonly keptIn?: string | undefined;
  /** Paths that are too long for rsync: they stay where they are. */
  readonly tooLong?: number | undefined;
  readonly tooLongExamples?: readonly string[] | undefined;
}

/** Files of a directory that the option `max-size` leaves out. */
export interface TooLargeLine {
  readonly kind: 'too-large';
  readonly directory: string;
  readonly count: number;
  /** Some of them. */
  readonly examples: readonly string[];
}

/** What secondaries alone had in a directory, and was deleted there when everything was compared. */
export interface ExtrasLine {
  readonly kind: 'extras-deleted';
  readonly directory: string;
  /** Entries, of all secondaries together. */
  readonly count: number;
  /** How many secondaries had some. */
  readonly secondaries: number;
  /** Some of them. */
  readonly ids: readonly string[];
  readonly examples: readonly string[];
}

/** What a primary that watched left on a secondary, by its own clock and word: everything that it held then is there. */
export interface Freshness {
  /** Seconds since 1970. */
  readonly at: number;
  readonly epoch: number;
  /** The primary's id. */
  readonly holder?: string | undefined;
}
