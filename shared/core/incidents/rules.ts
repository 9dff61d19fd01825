import type { IncidentPolicy } from './incident.ts';

/** How many times `group-wait` a condition must hold before it is notified, where that is not once. */
const waits: Readonly<Record<string, number>> = {
  // Both were measured over time already
  'push-overrun': 0,
  overdue: 0,
  // Each push tells of its own files only
  'deletions-not-kept': 0,
  // A reboot, an update of the agent, and most failovers are over by then
  'primary-unavailable': 4,
  'primary-suspected': 4,
  'rescue-failed': 4,
  // Its user data may still install what is missing
  'join-failed': 10,
};

/** Milliseconds that a condition must hold at least: tags are eventually consistent, so an old read can feign it. */
const leastHolds: Readonly<Record<string, number>> = { 'no-primary': 45_000, 'several-primaries': 45_000 };

/** How long a condition must hold before it is notified, in milliseconds. */
export function holdOf(code: string, { groupWait }: Pick<IncidentPolicy, 'groupWait'>): number {
  return Math.max((waits[code] ?? 1) * groupWait * 1000, leastHolds[code] ?? 0);
}

/** Incidents that say the same and more: while one of these is raised, the one that is named first is not notified. */
const inhibitors: Readonly<Record<string, readonly string[]>> = {
  'primary-unavailable': ['primary-suspected', 'promotion-blocked'],
  'primary-suspected': ['promotion-blocked'],
};

/** Is it left untold, as Alertmanager's inhibition does, because of others that are raised? */
export function isInhibited(code: string, raised: Iterable<string>): boolean {
  const others = new Set(raised);
  return inhibitors[code]?.some((each) => others.has(each)) ?? false;
}

/** Errors of a push to one secondary that have one cause, and may take turns. Source: docs/host-package.md. */
const notReached: ReadonlySet<string> = new Set(['unreachable', 'timeout']);

/** The code of a secondary's incident: that which it has, if this error says the same. */
export function secondaryCode(error: string, before = error): string {
  return notReached.has(before) && notReached.has(error) ? before : error;
}
