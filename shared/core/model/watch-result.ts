import type { ObservedPush } from './observation.ts';
import type { SecondaryLine, WatchLine } from './script-line.ts';

/** What a push that watched has to say of that; undefined while it runs, and for one that did not watch. */
export function watchLine({ lines }: Pick<ObservedPush, 'lines'>): WatchLine | undefined {
  return lines.find((line) => line.kind === 'watch');
}

/** Ends of a watch that want another push at once; all others have a successor, or are to have none. Source: docs/host-package.md. */
const earlyEnds: ReadonlySet<string> = new Set([
  'outcome changed',
  'mounts changed',
  'directory moved',
  'memory lost',
]);

/** Why a watch ended before its time, with nobody to take over; undefined if it did not. */
export function earlyEnd(push: Pick<ObservedPush, 'lines'>): string | undefined {
  const ended = watchLine(push)?.ended;
  return ended !== undefined && earlyEnds.has(ended) ? ended : undefined;
}

/** A push that left all of its secondaries to another one, as a tick that came twice: it knows nothing of them, nor of the directories. */
export function didNothing({ lines }: Pick<ObservedPush, 'lines'>): boolean {
  const summary = lines.find((line) => line.kind === 'push');
  const { secondaries = 0, busy = 0 } = summary ?? {};
  return secondaries > 0 && busy === secondaries;
}

/**
 * Up to when a push knows of a secondary, in milliseconds since 1970: that it has everything, or that it fails. One that does not watch knows
 * it from its beginning; the host's clock is only asked how long after that it was.
 *
 * @param now no host knows of a later time
 */
export function knownUntil(push: ObservedPush, line: SecondaryLine, now: number): number {
  const { requestedAt, lines } = push;
  const summary = lines.find((each) => each.kind === 'push');
  if (watchLine(push) === undefined || summary === undefined) return requestedAt;
  const seconds = line.ok ? line.started - summary.started : summary.seconds;
  const later = Math.min(Math.max(0, seconds), summary.seconds);
  return Math.max(requestedAt, Math.min(now, requestedAt + Math.floor(later * 1000)));
}
