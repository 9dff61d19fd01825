import { renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quotaCap } from '../control/cpu-cap.ts';
import { type Arrivals, lagsOf, percentile, type Written } from '../lag/arrivals.ts';
import { begin, type How, tickSeconds } from '../lag/tools.ts';
import {
  arrived,
  atRest,
  clearUploads,
  nameOf,
  settled,
  steadily,
  uploadsOf,
  watchArrivals,
  write,
} from '../lag/uploads.ts';
import { BenchError } from '../meter.ts';
import type { Testbed } from '../testbed.ts';
import { openTool } from '../tools.ts';
import type { Workload } from '../workload.ts';

/** A primary to which nothing happens. */
export interface Idle {
  readonly mode: 'watch' | 'tick';
  readonly minutes: number;
  /** Of the primary alone, a minute. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Seconds from the moment of a change to its arrival on each secondary. */
export interface Lags {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly missing: number;
}

/** What a power cut of the primary leaves on no secondary. */
export interface Loss {
  /** Seconds from the close of the oldest upload that is missing on the secondary that has most, to the cut. */
  readonly atRisk: number;
  /** Uploads that this secondary lacks. */
  readonly uploads: number;
  /** Of all uploads before the cut, those that were not on every secondary when the primary was back. */
  readonly neverCame: number;
}

/** Without CAP_SYS_ADMIN there is no fanotify, and the times of directories are looked at. */
const withoutEvents: How = { prefix: ['setpriv', '--bounding-set=-sys_admin'] };
const uploadsASecond = 5;

export class WatchBench {
  readonly #testbed: Testbed;
  readonly #workload: Workload;

  constructor(testbed: Testbed, workload: Workload) {
    this.#testbed = testbed;
    this.#workload = workload;
  }

  /** Begins in the middle of two ticks, so that as many ticks come as minutes are measured. */
  async idle(mode: Idle['mode'], minutes: number): Promise<Idle> {
    return this.#with({}, mode, async () => {
      await sleep((tickSeconds * 1000) / 2);
      const { primaryCpuSeconds, peakBytes } = await this.#testbed.meter.measure(async () => {
        await sleep(minutes * 60_000);
        return minutes * 60;
      });
      return { mode, minutes, cpuSeconds: primaryCpuSeconds / minutes, peakBytes };
    });
  }

  /** Seconds from the last write of many changes until all of them are on all secondaries. */
  async changed(): Promise<{ readonly watch: number; readonly parallel: number }> {
    const change = this.#workload.change('changed');
    const watch = await this.#with({}, 'watch', async () => {
      await change.apply();
      const since = performance.now();
      const waiting = new Map(
        this.#testbed.secondaries
          .flatMap((host) => this.#workload.changedOn(this.#testbed.inSandbox(host)))
          .map(({ path, bytes }) => [path, bytes]),
      );
      await arrived(() => {
        for (const [path, bytes] of waiting) if (statSync(path).size === bytes) waiting.delete(path);
        return waiting.size === 0;
      });
      if (waiting.size > 0) throw new BenchError(`${waiting.size} changed files have not arrived`);
      return (performance.now() - since) / 1000;
    });
    const tool = openTool('parallel', this.#testbed, this.#testbed.secondaries.length);
    await tool.undo(() => change.undo());
    const { wallSeconds } = await tool.sync(() => change.apply(), true);
    await tool.undo(() => change.undo());
    await tool.end();
    return { watch, parallel: wallSeconds };
  }

  /** Creates, renames and deletes files where no events are to be had. */
  async times(): Promise<Readonly<Record<'created' | 'renamed' | 'deleted', Lags>>> {
    const count = 60;
    return this.#with(withoutEvents, 'watch', async () => {
      const { created, renamed, deleted } = await this.#arrivals(async (arrivals) => {
        const series = async (act: (number: number, written: Written) => void, seen: Seen) => {
          const written: Written = new Map();
          await steadily(2, count, (number) => act(number, written));
          const all = arrivals.map((each) => ({ at: seen(each) }));
          await arrived(() => all.every(({ at }) => [...written.keys()].every((name) => at.has(name))));
          return summarize(written, all);
        };
        const root = uploadsOf(this.#testbed);
        return {
          created: await series((number, written) => write(this.#testbed, number, written), at),
          renamed: await series((number, written) => {
            renameSync(join(root, nameOf(number)), join(root, `renamed-${number}`));
            written.set(`renamed-${number}`, Date.now());
          }, at),
          deleted: await series((number, written) => {
            rmSync(join(root, `renamed-${number}`));
            written.set(`renamed-${number}`, Date.now());
          }, goneAt),
        };
      });
      return { created, renamed, deleted };
    });
  }

  /** New files at a rate while the primary has so much of one core. */
  async capped(percent: number, rate: number): Promise<Lags> {
    const cap = quotaCap(percent / 100);
    if (cap === undefined)
      throw new BenchError('the kernel has no controller of CPU time here: leave out capped');
    try {
      return await this.#with({ started: cap.hold }, 'watch', () =>
        this.#arrivals(async (arrivals) => {
          const written: Written = new Map();
          await steadily(rate, rate * 90, (number) => write(this.#testbed, number, written));
          await arrived(() => arrivals.every(({ at: seen }) => seen.size >= written.size));
          return summarize(written, arrivals);
        }),
      );
    } finally {
      cap.close();
    }
  }

  /** @param seconds from the first upload until the power of the primary is cut */
  async loss(seconds: number): Promise<Loss> {
    const written: Written = new Map();
    const lost = await this.#with({}, 'watch', async (going) =>
      this.#arrivals(async (arrivals) => {
        let isOn = true;
        const writing = steadily(
          uploadsASecond,
          uploadsASecond * seconds + 1,
          (number) => write(this.#testbed, number, written),
          () => isOn,
        );
        await sleep(seconds * 1000);
        isOn = false;
        const cut = Date.now();
        await going.end();
        await writing;
        return lossOf(written, arrivals, cut);
      }),
    );
    // The primary is back
    const neverCame = await this.#with(
      {},
      'watch',
      async () => {
        const root = uploadsOf(this.#testbed).slice(this.#testbed.inSandbox(this.#testbed.primary).length);
        const isThere = () =>
          this.#testbed.secondaries.flatMap((host) =>
            [...written.keys()].filter(
              (name) =>
                statSync(join(this.#testbed.inSandbox(host), root, name), { throwIfNoEntry: false }) ===
                undefined,
            ),
          );
        await arrived(() => isThere().length === 0);
        return new Set(isThere()).size;
      },
      false,
    );
    return { ...lost, neverCame };
  }

  async #with<Result>(
    how: How,
    mode: Idle['mode'],
    work: (going: { end(): Promise<void> }) => Promise<Result>,
    clears = true,
  ): Promise<Result> {
    if (clears) await clearUploads(this.#testbed);
    const { length } = this.#testbed.secondaries;
    const going = await begin(`hostsync ${mode}`, this.#testbed, length, how);
    try {
      await settled(this.#testbed);
      if (mode === 'watch') await atRest(this.#testbed);
      return await work(going);
    } finally {
      await going.end();
    }
  }

  async #arrivals<Result>(work: (arrivals: readonly Arrivals[]) => Promise<Result>): Promise<Result> {
    const arrivals = watchArrivals(this.#testbed);
    try {
      return await work(arrivals);
    } finally {
      for (const each of arrivals) each.close();
    }
  }
}

type Seen = (arrivals: Arrivals) => Map<string, number>;
const at: Seen = (arrivals) => arrivals.at;
const goneAt: Seen = (arrivals) => arrivals.goneAt;

/** On the secondary that has most: it is the one that is promoted. */
export function lossOf(
  written: Written,
  arrivals: readonly Pick<Arrivals, 'at'>[],
  cut: number,
): Pick<Loss, 'atRisk' | 'uploads'> {
  const missing = arrivals
    .map(({ at: seen }) => [...written].filter(([name, closed]) => closed <= cut && !seen.has(name)))
    .toSorted((one, other) => one.length - other.length)[0];
  const oldest = Math.min(cut, ...(missing ?? []).map(([, closed]) => closed));
  return { atRisk: (cut - oldest) / 1000, uploads: missing?.length ?? 0 };
}

function summarize(written: Written, arrivals: readonly Pick<Arrivals, 'at'>[]): Lags {
  const lags = lagsOf(written, arrivals);
  return {
    count: lags.length,
    p50: percentile(lags, 0.5),
    p99: percentile(lags, 0.99),
    max: percentile(lags, 1),
    missing: written.size * arrivals.length - lags.length,
  };
}
