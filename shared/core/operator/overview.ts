import type { NotedIntention } from '../model/intention.ts';
import type { ClaimKind, ObservedPush, PromotionObservation } from '../model/observation.ts';
import type { InstalledReleases } from '../model/release.ts';
import type { PushAction } from '../push/push-action.ts';
import type { HostRelease } from './host-release.ts';
import type { WatchView } from './watch-view.ts';

/** How much a group, a host or a finding wants from a person. The order is that of the exit codes: 0, 1, 2. */
export const levels = ['in-sync', 'behind', 'attention'] as const;
export type Level = (typeof levels)[number];

/** The exit code of `hostsync status`: 0 in sync, 1 behind, 2 needs attention. */
export function exitCodeOf(level: Level): number {
  return levels.indexOf(level);
}

export function worst(found: Iterable<Level>): Level {
  return levels[Math.max(0, ...[...found].map((level) => levels.indexOf(level)))] ?? 'in-sync';
}

export interface OverviewSettings {
  /** Seconds behind that need attention. */
  readonly behindAfter: number;
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
  readonly failover: 'auto' | 'manual';
}

/** All that an overview is made from: what a look at the group has shown, the last pushes, and what the tick would do. */
export interface OverviewInput {
  readonly group: string;
  readonly observed: PromotionObservation;
  readonly pushes: readonly ObservedPush[];
  readonly plan: readonly PushAction[];
  /** Which release of the host package the hosts have taken, where that was asked. */
  readonly releases?: InstalledReleases | undefined;
  /** What could not be read, in words: then what is missing is unknown, and not fine. */
  readonly unread: readonly string[];
  readonly settings: OverviewSettings;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type HostRole = 'primary' | 'secondary' | 'newcomer' | 'former' | 'external';

/** What is wrong with a host. */
export interface HostError {
  readonly code: string;
  /** In the words of the push that met it; undefined where none of the last pushes says. */
  readonly message: string | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** One row of the table. JSON has no undefined: what is not known is null. */
export interface HostOverview {
  readonly id: string;
  /** Its tag `Name`, or null. */
  readonly name: string | null;
  readonly zone: string | null;
  readonly role: HostRole;
  readonly level: Level;
  /** One or two words: `takes writes`, `in sync`, `joining`, `stopped` … */
  readonly state: string;
  /** Null for the primary, and where it is not known. */
  readonly secondsBehind: number | null;
  /** Milliseconds since 1970. */
  readonly syncedAt: number | null;
  readonly error: HostError | null;
  /** What hostsync has asked of it and not yet seen done. */
  readonly task: { readonly step: string; readonly pass: number; readonly requestedAt: number } | null;
  /** The state that Auto Scaling has for it, as `InService`; null outside of a group of Auto Scaling. */
  readonly lifecycle: string | null;
  readonly agent: 'online' | 'offline' | 'unknown' | null;
  /** Of the host package; null where nothing says which. */
  readonly release: HostRelease | null;
  /** Why it would not become the primary by itself; null if it might. */
  readonly promotionBlocker: string | null;
}

export interface HeldDeletions {
  /** What `accept-deletions` takes; null where the push that held them is not listed any more. */
  readonly id: string | null;
  readonly count: number | null;
  readonly total: number | null;
  readonly reason: string;
  readonly examples: readonly string[];
  /** Milliseconds since 1970; null where it is not recorded yet. */
  readonly since: number | null;
}

export interface IncidentOverview {
  readonly code: string;
  /** The host that it is about; null for the group. */
  readonly host: string | null;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** People were notified of it. */
  readonly notified: boolean;
}

/** One thing that a person should know, and what to do about it. */
export interface Attention {
  readonly level: Level;
  readonly host: string | null;
  readonly code: string;
  /** In a few words, the same for as long as it lasts. */
  readonly title: string;
  /** In full, with how long it has lasted. */
  readonly message: string;
  /** A command of this program that helps; null where there is none. */
  readonly next: string | null;
}

/** What came of one push, as far as it has come. */
export interface PushOverview {
  readonly command: string;
  readonly primary: string;
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  readonly status: 'in progress' | 'succeeded' | 'failed';
  /** Null where it did not complete. */
  readonly seconds: number | null;
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Secondaries that did not receive it in full. */
  readonly missed: readonly { readonly id: string; readonly error: string; readonly message: string }[];
}

/** A host that became the primary. */
export interface PromotionOverview {
  readonly epoch: number;
  readonly to: string;
  /** The primary before it; null for the first. */
  readonly from: string | null;
  readonly kind: ClaimKind;
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What an operator sees of a group: `hostsync status -o json` prints it, and the live page is drawn from it. */
export interface GroupOverview {
  readonly group: string;
  /** When it was looked at, in milliseconds since 1970. */
  readonly at: number;
  readonly level: Level;
  readonly verdict: string;
  readonly primary: string | null;
  readonly epoch: number | null;
  /** What the operator wrote, or null. */
  readonly paused: string | null;
  /** The group is only observed: hostsync says what it would do. */
  readonly observed: boolean;
  /** What it would do, the oldest first; empty for a group that is not only observed. */
  readonly intentions: readonly NotedIntention[];
  readonly failover: 'auto' | 'manual';
  readonly directories: readonly string[];
  /** Null for a group that is not watched. */
  readonly watch: WatchView | null;
  readonly hosts: readonly HostOverview[];
  readonly held: HeldDeletions | null;
  readonly incidents: readonly IncidentOverview[];
  /** The worst first. */
  readonly attention: readonly Attention[];
  /** The newest first, as far back as SSM was asked. */
  readonly pushes: readonly PushOverview[];
  /** The newest first. */
  readonly promotions: readonly PromotionOverview[];
}

/** How a group is marked at a glance: what was held, paused or only observed on purpose is not marked as a fault. */
export function markOf({ held, paused, observed, level }: GroupOverview): Level | 'held' {
  return held !== null || paused !== null || observed ? 'held' : level;
}
