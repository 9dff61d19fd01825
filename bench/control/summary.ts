import type { Ended } from './invocation.ts';

/** What one tick of one edition took. */
export interface TickMeasure {
  /** Groups with a live primary. */
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
  /** Of the function. */
  readonly memoryMiB: number;
  readonly cores: number;
  /** `quota`: the process had these cores. `scaled`: the process had more, and times are calculated (`scaledSeconds`). */
  readonly cap: 'quota' | 'scaled';
  /** CPU seconds that other processes of this machine used meanwhile. */
  readonly otherCpuSeconds: number;
  /** How late the fake AWS answered, in milliseconds. */
  readonly late: { readonly mean: number; readonly most: number };
  /** Calls that the fake AWS does not serve. If there are any, the figures are wrong. */
  readonly unserved: readonly string[];
}

/** The first edition, in the same run. */
export type FirstEdition = TickMeasure | { readonly missing: string };

/** This edition's figures divided by the first edition's; null without a figure of both. */
export interface Ratio {
  /** Null unless both editions pushed every group. */
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

function callsOf({ calls }: Pick<TickMeasure, 'calls'>): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

/** Was every group with a live primary pushed? */
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
 * The duration on a function's share of a core, calculated from a run on a whole core: the CPU time takes longer. An upper bound, because some
 * of the CPU time passes while calls are open.
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

/** The calls of both editions, the most frequent first. */
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
