import type { Sample } from '../meter.ts';
import { renderPlot } from '../plot.ts';
import { percentile } from './arrivals.ts';
import type { LagOptions, LagTool } from './options.ts';

/** One tool at one rate; seconds from the writer's close until the file is whole on a secondary. */
export interface LagRow {
  readonly tool: LagTool;
  /** New files a second; 0: a burst. */
  readonly rate: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Of all ends. */
  readonly cpuSeconds: number;
  /** In and out of the primary. */
  readonly bytes: number;
  /** Files, counted for each secondary, that had not arrived 90 s after the last one was written. */
  readonly missing: number;
  /** Percentiles 0 to 100. */
  readonly distribution: readonly number[];
}

export function rowOf(
  tool: LagTool,
  rate: number,
  lags: readonly number[],
  missing: number,
  { cpuSeconds, wireBytes }: Pick<Sample, 'cpuSeconds' | 'wireBytes'>,
): LagRow {
  return {
    tool,
    rate,
    p50: percentile(lags, 0.5),
    p90: percentile(lags, 0.9),
    p99: percentile(lags, 0.99),
    max: percentile(lags, 1),
    cpuSeconds,
    bytes: wireBytes,
    missing,
    distribution: Array.from({ length: 101 }, (_, share) => percentile(lags, share / 100)),
  };
}

export const tableHead = ['tool', 'files/s', 'p50', 'p90', 'p99', 'max', 'CPU s', 'MB', 'missing'];

const seconds = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(value < 10 ? 2 : 1));

export function tableRows(rows: readonly LagRow[]): readonly (readonly string[])[] {
  return rows.map((row) => [
    row.tool,
    row.rate === 0 ? 'burst' : String(row.rate),
    ...[row.p50, row.p90, row.p99, row.max].map(seconds),
    row.cpuSeconds.toFixed(1),
    (row.bytes / 1e6).toFixed(1),
    String(row.missing),
  ]);
}

const colors: Readonly<Record<LagTool, string>> = {
  'hostsync watch': '#2563eb',
  'hostsync tick': '#60a5fa',
  'lsyncd delay=1': '#dc2626',
  'lsyncd default': '#f59e0b',
  'cron loop': '#6b7280',
};

/** The distribution of the lags: what share of the files has arrived within so many percent. */
export function plotLags(rows: readonly LagRow[]): string {
  const rates = [...new Set(rows.map(({ rate }) => rate))];
  const panels = rates.map((rate) => ({
    yLabel: rate === 0 ? 'seconds, burst' : `seconds, ${rate} files/s`,
    series: rows
      .filter((row) => row.rate === rate && !Number.isNaN(row.p50))
      .map(({ tool, distribution }) => ({
        name: tool,
        color: colors[tool],
        points: distribution.flatMap((y, x) => (x % 5 === 0 || x === 99 ? [{ x, y }] : [])),
      })),
  }));
  return renderPlot({
    title: 'From the close of a file to its arrival',
    xLabel: 'percent of the files',
    panels,
  });
}

const [from, to] = ['<!-- lag -->', '<!-- /lag -->'];

/** @returns the document with a new table between its two marks */
export function replaceLags(document: string, rows: readonly LagRow[], options: LagOptions): string {
  const start = document.indexOf(from);
  const end = document.indexOf(to);
  if (start < 0 || end < start) throw new Error(`docs/performance.md has no ${from} … ${to}`);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [
    line(tableHead),
    line(tableHead.map(() => '---')),
    ...tableRows(rows).map((cells) => line(cells)),
  ].join('\n');
  const text = `${options.secondaries} secondaries, ${options.files} files before, ${options.seconds} s for each line, 20 kB a file, a tick every 60 s; seconds from the writer's close:\n\n${table}\n`;
  return `${document.slice(0, start + from.length)}\n${text}${document.slice(end)}`;
}
