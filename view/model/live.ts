// What the page and its server say to each other. The page draws nothing else.

/** What a state means to whoever looks; each has a shape and a word of its own beside the colour. */
export type Level = 'ok' | 'warn' | 'held' | 'bad' | 'work' | 'off';

/** One sentence that says how the group is, what follows from it, and the command that helps. */
export interface Verdict {
  readonly level: Level;
  readonly title: string;
  readonly text: string;
  readonly command?: string | undefined;
}

export type HostRole = 'primary' | 'secondary' | 'newcomer' | 'former' | 'external';

export interface LiveHost {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly role: HostRole;
  readonly level: Level;
  /** The state in words, as "In sync". */
  readonly state: string;
  /** Null: not known, or it has no meaning for this role. */
  readonly secondsBehind: number | null;
  /** The kind of the last error, as "unreachable". */
  readonly error?: string | undefined;
  /** What the host or the program said: text from outside. */
  readonly message?: string | undefined;
  /** Of the host package, as "0.2.0-0123456", or "another" than the stage's. */
  readonly release?: string | undefined;
  /** Why it may not become the primary. */
  readonly blocker?: string | undefined;
}

export interface HeldDeletions {
  readonly id: string;
  readonly count: number;
  /** Milliseconds since 1970, where known. */
  readonly since?: number | undefined;
  readonly message: string;
  /** Some of the names: text from outside. */
  readonly examples: readonly string[];
  readonly acceptCommand?: string | undefined;
  readonly restoreCommand?: string | undefined;
}

export interface PromotionStep {
  readonly title: string;
  readonly state: 'done' | 'now' | 'todo';
  readonly detail: string;
}

export interface OpenPromotion {
  readonly from: string;
  readonly to: string;
  readonly steps: readonly PromotionStep[];
}

export interface PastPromotion {
  readonly epoch: number;
  readonly from: string;
  readonly to: string;
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** How long the group had no primary, where known. */
  readonly seconds?: number | undefined;
  /** Where the time went, in order. */
  readonly parts?: readonly { readonly name: string; readonly seconds: number }[] | undefined;
}

export interface LiveGroup {
  readonly name: string;
  readonly verdict: Verdict;
  readonly epoch: number | null;
  readonly directories: readonly string[];
  /** Seconds from which on a secondary counts as behind. */
  readonly behindAfter?: number | undefined;
  readonly hosts: readonly LiveHost[];
  readonly held: readonly HeldDeletions[];
  /** What hostsync would do to a group that is only observed, the oldest first: text from outside. Missing for others. */
  readonly observed?: { readonly would: readonly string[]; readonly resumeCommand: string } | undefined;
  readonly promotion?: OpenPromotion | undefined;
  /** Newest first. */
  readonly promotions: readonly PastPromotion[];
}

export interface LiveState {
  /** Milliseconds since 1970: when this was true. */
  readonly at: number;
  readonly environment: { readonly name: string; readonly local: boolean };
  readonly groups: readonly LiveGroup[];
  /** What the page may do: on the local cloud only. */
  readonly actions: readonly ActionState[];
}

export interface ActionState {
  readonly name: string;
  /** Why it cannot be done now. */
  readonly blocker?: string | undefined;
}

export type EventKind = 'alert' | 'push' | 'host' | 'promotion';

export interface LiveEvent {
  /** The same event always has the same one. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly group: string;
  readonly kind: EventKind;
  readonly level: Level;
  readonly title: string;
  readonly text: string;
  /** An alert that is not resolved yet. */
  readonly open?: boolean | undefined;
}

export interface LivePush {
  readonly id: string;
  readonly at: number;
  readonly group: string;
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Names of the secondaries that it did not reach. */
  readonly missed: readonly string[];
}

/** Seconds behind of each host at one moment, by id; null: not known. */
export interface Sample {
  readonly at: number;
  readonly group: string;
  readonly behind: Readonly<Record<string, number | null>>;
}

/** One entry of the stream; `state` replaces what was, the others add to it. */
export type Entry =
  | { readonly type: 'state'; readonly data: LiveState }
  | { readonly type: 'sample'; readonly data: Sample }
  | { readonly type: 'event'; readonly data: LiveEvent }
  | { readonly type: 'push'; readonly data: LivePush };

/** All that it takes to draw the page once, and where the stream goes on. */
export interface FirstDraw {
  readonly cursor: string;
  readonly state: LiveState;
  readonly samples: readonly Sample[];
  readonly events: readonly LiveEvent[];
  readonly pushes: readonly LivePush[];
}
