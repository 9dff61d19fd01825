import type { Ended } from './invocation.ts';

/** What one tick of one edition took. */
export interface TickMeasure {
  /** Of them so many were to be pushed: their primary is there. */
  readonly groups: number;
  readonly expectedPushes: number;
  /** Of each group, its primary among them. */
  readonly hosts: number;
  /** From the invocation to the last SendCommand of a push; null where none was sent. */
  readonly lastPushSeconds: number | null;
  /** Groups that were sent a push. */
  readonly pushes: number;
  /** From the invocation to the end of the handler. */
  readonly seconds: number;
  readonly end: Ended['end'];
  readonly message: string | undefined;
  /** By `service:Operation`; attempts count. */
  readonly calls: Readonly<Record<string, number>>;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** What the function has. */
  readonly memoryMiB: number;
  readonly cores: number;
  /** How it was held to these cores; where it was not, times are longer than measured by what the CPU would have taken. */
  readonly cap: 'quota' | 'scaled';
  /** CPU seconds that others used on this machine meanwhile. */
  readonly otherCpuSeconds: number;
  /** Milliseconds by which the answers of the fake AWS came late. */
  readonly late: { readonly mean: number; readonly most: number };
  /** Calls that the fake AWS does not serve: with them the measure is worth nothing. */
  readonly unserved: readonly string[];
}

/** The first edition, in the same run. */
export type FirstEdition = TickMeasure | { readonly missing: string };

/** This edition against the first; a figure is null where one of both is not to be had. */
export interface Ratio {
  /** Null also where one of both has not reached all groups: the other one has done more by then. */
  readonly lastPushSeconds: number | null;
  readonly calls: number | null;
  readonly cpuSeconds: number | null;
  readonly peakMiB: number | null;
}

export interface ControlResult extends TickMeasure {
  readonly v: 1;
  /** From the arrival of a call at the fake AWS to its answer. */
  readonly callMilliseconds: number;
  readonly firstEdition: FirstEdition & { readonly commit: string };
  readonly ratio: Ratio | null;
}

export function callsOf({ calls }: Pick<TickMeasure, 'calls'>): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

/** Did every group with a primary that is there get its push? */
export function isWhole({ pushes, expectedPushes }: Pick<TickMeasure, 'pushes' | 'expectedPushes'>): boolean {
  return pushes >= expectedPushes;
}

export function compare(now: TickMeasure, first: TickMeasure): Ratio {
  const ratio = (one: number | null, other: number | null) =>
    one === null || other === null || other === 0 ? null : rounded(one / other, 4);
  const whole = isWhole(now) && isWhole(first);
  return {
    lastPushSeconds: whole ? ratio(now.lastPushSeconds, first.lastPushSeconds) : null,
    calls: ratio(callsOf(now), callsOf(first)),
    cpuSeconds: ratio(now.cpuSeconds, first.cpuSeconds),
    peakMiB: ratio(now.peakMiB, first.peakMiB),
  };
}

/**
 * Seconds at the speed of a function, of what ran on a whole core: the CPU part takes longer. An upper bound, since what is computed during
 * a call costs no time of its own.
 *
 * @param cores that the function has
 */
export function scaledSeconds(seconds: number, cpuSeconds: number, cores: number): number {
  return seconds + cpuSeconds * (1 / Math.min(1, cores) - 1);
}

export const summaryHead = ['', 'last push', 'groups pushed', 'end', 'calls', 'CPU', 'peak memory'];

export function summaryRow(title: string, measure: TickMeasure): readonly string[] {
  const { lastPushSeconds, pushes, expectedPushes, end, seconds, cpuSeconds, peakMiB, memoryMiB } = measure;
  return [
    title,
    lastPushSeconds === null ? 'none' : `${lastPushSeconds.toFixed(1)} s`,
    `${pushes} of ${expectedPushes}`,
    `${end} after ${seconds.toFixed(1)} s`,
    String(callsOf(measure)),
    `${cpuSeconds.toFixed(1)} s`,
    `${Math.round(peakMiB)} of ${memoryMiB} MiB`,
  ];
}

export function ratioRow(ratio: Ratio): readonly string[] {
  const show = (value: number | null) => (value === null ? '–' : value.toFixed(2));
  return [
    'ratio',
    show(ratio.lastPushSeconds),
    '',
    '',
    show(ratio.calls),
    show(ratio.cpuSeconds),
    show(ratio.peakMiB),
  ];
}

export const callHead = ['call', 'now', 'first edition'];

/** Each call that one of both has made, most often made first. */
export function callRows(now: TickMeasure, first: FirstEdition): readonly (readonly string[])[] {
  const before = 'missing' in first ? {} : first.calls;
  const names = new Set([...Object.keys(now.calls), ...Object.keys(before)]);
  const most = (name: string) => Math.max(now.calls[name] ?? 0, before[name] ?? 0);
  return [...names]
    .sort((one, other) => most(other) - most(one) || (one < other ? -1 : 1))
    .map((name) => [
      name,
      String(now.calls[name] ?? 0),
      'missing' in first ? '–' : String(before[name] ?? 0),
    ]);
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
