import { timestamp } from '../model/domain-event.ts';
import type { ObservedReachability } from '../model/observation.ts';
import { parseTime } from '../model/time.ts';

/** A probe of a suspected primary, as it is noted while it runs and while what it shows counts. */
export interface AskedProbe {
  readonly instance: string;
  readonly commands: readonly string[];
  /** Who was asked. */
  readonly by: readonly string[];
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
}

/** Seconds between the two looks of a prober: what is over by then is no death. */
export const probeInterval = 15;
/** Milliseconds after which nobody is waited for: two looks, 15 s apart, of 5 s at most, and SSM's ways. */
const longestProbe = 45_000;
/** Milliseconds for which it counts what a probe has shown: longer than from one tick to the next. */
const lasts = 90_000;

/** `INSTANCE TIME COMMAND,… PROBER,…` */
export function formatProbe({ instance, commands, by, requestedAt }: AskedProbe): string {
  return [instance, timestamp(requestedAt), commands.join(','), by.join(',')].join(' ');
}

/** Undefined for what is none, or is too old to count. */
export function parseProbe(value: string | undefined, now: number): AskedProbe | undefined {
  const [instance = '', time, commands, by] = (value ?? '').split(' ');
  const requestedAt = parseTime(time);
  if (commands === undefined || by === undefined || now - requestedAt > lasts) return undefined;
  const list = (text: string) => text.split(',').filter((word) => word !== '');
  return { instance, commands: list(commands), by: list(by), requestedAt };
}

/** One that reached the primary is enough; else all have to say that they did not, or to be out of time. */
export function isDecided({ requestedAt, ended, probes }: ObservedReachability, now: number): boolean {
  return ended || probes.some(({ reached }) => reached) || now - requestedAt > longestProbe;
}

/** The next tick probes again: what was seen then may have changed. */
export function isPast({ requestedAt }: ObservedReachability, now: number): boolean {
  return now - requestedAt > longestProbe;
}
