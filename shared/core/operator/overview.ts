import type { ClaimKind } from '../model/observation.ts';
import type { WatchView } from './watch-view.ts';

/** How a group is, in one word. The exit codes of `hostsync status`: 0, 1, 2. */
export type Verdict =
  /** All that the primary held at the last push is everywhere. */
  | 'in-sync'
  /** Some host lacks something, and nobody has to act: it joins, is retried, or the group is paused. */
  | 'behind'
  /** A person has to act, or to decide. */
  | 'attention';

/** What a host is to its group. */
export type HostRole =
  | 'primary'
  | 'secondary'
  /** It carries the group's tag and has not joined yet. */
  | 'newcomer'
  /** It was the primary: what only it holds is not rescued yet. */
  | 'former'
  /** A host that EC2 does not know: a managed node, or a name on the list. */
  | 'external';

export type HostState =
  /** The primary, established and running. */
  | 'takes-writes'
  | 'being-promoted'
  | 'in-sync'
  | 'behind'
  | 'joining'
  /** Nothing was begun for it yet. */
  | 'waiting'
  | 'quarantined'
  /** EC2 does not run it: stopped, stopping, pending. */
  | 'stopped'
  | 'unknown';

/** All of this is JSON: `hostsync status -o json` prints it, and the live page is drawn from it. Times are milliseconds since 1970. */
export interface HostOverview {
  readonly id: string;
  /** Of the tag `Name`. */
  readonly name?: string;
  readonly role: HostRole;
  readonly state: HostState;
  readonly zone?: string;
  readonly address?: string;
  /**
   * Since the last push that it received in full was requested; while a push watches, how long changes took in the minute before. Missing for
   * the primary, and where that is not known.
   */
  readonly secondsBehind?: number;
  readonly syncedAt?: number;
  /** Why it is behind or cannot join. */
  readonly incident?: {
    readonly code: string;
    readonly since: number;
    readonly notified: boolean;
    /** What the host or the last push said, where that was observed. */
    readonly message?: string;
  };
  /** What it was asked to do and is not known to have done. */
  readonly task?: { readonly step: string; readonly since: number };
  readonly agent: 'online' | 'offline' | 'unknown';
  /** Why the next push leaves it out. */
  readonly leftOut?: { readonly code: string; readonly reason: string };
  /** Could it be the primary? The blocker is in the words of the service; none for one that could. Missing for primary and external hosts. */
  readonly promote?: { readonly blocker?: string; readonly preference?: 'never' | 'prefer' };
}

/** One thing that a person should know of, the worst first. */
export interface AttentionItem {
  readonly level: 'error' | 'held' | 'warning';
  readonly code: string;
  readonly host?: string;
  readonly what: string;
  readonly why: string;
  /** A command, or what to do in a sentence. */
  readonly remedy: string;
}

export interface IncidentOverview {
  readonly code: string;
  readonly since: number;
  /** The host that it is about; missing for the group as a whole. */
  readonly subject?: string;
  /** People got a message on it. */
  readonly notified: boolean;
}

export interface HeldDeletions {
  /** What `hostsync accept-deletions` takes. */
  readonly id: string;
  readonly host: string;
  readonly count: number;
  readonly total: number;
  readonly reason: string;
  readonly examples: readonly string[];
  readonly seenAt: number;
}

export interface PushOverview {
  readonly command: string;
  readonly primary: string;
  readonly requestedAt: number;
  readonly status: 'in progress' | 'succeeded' | 'failed';
  readonly seconds?: number;
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Secondaries that did not receive it in full. */
  readonly missed: readonly { readonly id: string; readonly error: string; readonly message: string }[];
}

export interface PromotionOverview {
  readonly epoch: number;
  readonly to: string;
  readonly from?: string;
  readonly kind: ClaimKind;
  readonly why: string;
  readonly at: number;
}

export interface GroupOverview {
  readonly group: string;
  readonly at: number;
  /** 0 while there is no primary. */
  readonly epoch: number;
  readonly primary?: string;
  readonly directories: readonly string[];
  /** The text of the tag. */
  readonly paused?: string;
  /** A switchover that was asked for and is not over: a host, or `any`. */
  readonly switchover?: string;
  readonly verdict: Verdict;
  /** The verdict in one sentence, the same wherever it is shown. */
  readonly headline: string;
  /** Missing for a group that is not watched. */
  readonly watch?: WatchView;
  /** Why no push would be made now. */
  readonly pushBlocker?: { readonly code: string; readonly reason: string };
  readonly attention: readonly AttentionItem[];
  /** The primary first, then by zone and id. */
  readonly hosts: readonly HostOverview[];
  readonly incidents: readonly IncidentOverview[];
  readonly heldDeletions?: HeldDeletions;
  /** The newest first, as far back as the observation goes. */
  readonly pushes: readonly PushOverview[];
  /** The newest first. */
  readonly promotions: readonly PromotionOverview[];
}
