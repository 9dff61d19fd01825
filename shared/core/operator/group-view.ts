import type { NotedIntention } from '../model/intention.ts';
import type { ObservedPush, PromotionObservation } from '../model/observation.ts';
import type { PushAction } from '../push/push-action.ts';
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

export interface ViewSettings {
  /** Seconds behind that need attention. */
  readonly behindAfter: number;
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
  readonly failover: 'auto' | 'manual';
}

/** All that a view is made from: what a look at the group has shown, the last pushes, and what the tick would do. */
export interface ViewInput {
  readonly group: string;
  readonly observed: PromotionObservation;
  readonly pushes: readonly ObservedPush[];
  readonly plan: readonly PushAction[];
  /** What could not be read, in words: then what is missing is unknown, and not fine. */
  readonly unread: readonly string[];
  readonly settings: ViewSettings;
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
export interface HostView {
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

export interface IncidentView {
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
  readonly message: string;
  /** A command of this program that helps; null where there is none. */
  readonly next: string | null;
}

/** What an operator sees of a group. */
export interface GroupView {
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
  readonly hosts: readonly HostView[];
  readonly held: HeldDeletions | null;
  readonly incidents: readonly IncidentView[];
  /** The worst first. */
  readonly attention: readonly Attention[];
}
