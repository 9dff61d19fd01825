import { digest } from './task.ts';

/** Asks for a look at one group. What it says is for the log: the look itself decides what is to be done. */
export interface WakeUp {
  /** Empty for the instances that have lost their group and still carry what hostsync wrote. */
  readonly group: string;
  readonly because: string;
  /** When what it tells of was known, in milliseconds since 1970. */
  readonly at: number;
  /** The same for one event, however often it comes: the queue takes it once. */
  readonly ref: string;
  /** The minute that the schedule named, in milliseconds since 1970, if a tick asks. */
  readonly tick?: number | undefined;
}

/** The lane of a group: what is in one lane is done one after the other. */
export function laneOf(group: string): string {
  return digest(group);
}

/** Milliseconds for which what a look has shown may be acted upon: a run that was held up looks again, for others may have acted since. */
const longestView = 30_000;

/** Is what a look has shown too old to be acted upon? Both times are in milliseconds since 1970. */
export function isStaleView(reconciledFrom: number, now: number): boolean {
  return now - reconciledFrom > longestView;
}

/** Clocks of two functions differ by less than this, in milliseconds. */
const clocksDiffer = 2_000;

/**
 * Has a look that is over seen what this wake-up tells of? So wake-ups coalesce, and none that came during a look is lost. That of a tick is
 * served always: ticks are counted.
 *
 * @param reconciledFrom when the last complete look began, in milliseconds since 1970
 */
export function isServed({ at, tick }: WakeUp, reconciledFrom: number): boolean {
  return tick === undefined && at < reconciledFrom - clocksDiffer;
}
