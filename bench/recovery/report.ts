import { percentile } from '../lag/arrivals.ts';
import type { RecoveryOptions } from './options.ts';

const recoveryKinds = ['stop', 'power cut'] as const;
export type RecoveryKind = (typeof recoveryKinds)[number];

/** What a promotion reaches, in this order as a rule. */
export const milestones = ['tag', 'name', 'complete', 'files flow'] as const;
export type Milestone = (typeof milestones)[number];

/** What became of one primary. */
export interface RecoveryRun {
  readonly kind: RecoveryKind;
  /** Seconds from a tick to the event. */
  readonly phase: number;
  /** The machine's load average of the last minute, at the end. */
  readonly load: number;
  /** Seconds from the event: from the stop, or from the moment when EC2's status checks show the power cut. */
  readonly seconds: Readonly<Record<Milestone, number>>;
  /** What the old primary had and the new one has not, or otherwise. */
  readonly differences: readonly string[];
}

/** Most seconds from the event until the promotion is complete. */
const goals: Readonly<Record<RecoveryKind, number>> = { stop: 15, 'power cut': 90 };

/** A run's kind, and its place between two ticks: spread evenly, for each kind apart, however many runs there are. */
export function planRun(index: number): Pick<RecoveryRun, 'kind' | 'phase'> {
  const kind = index % 2 === 0 ? 'stop' : 'power cut';
  // Multiples of the golden ratio fill an interval evenly
  const share = ((Math.floor(index / 2) + 1) * 0.618_033_988_75) % 1;
  return { kind, phase: Math.round(share * 600) / 10 };
}

/** Of the runs of one kind: seconds. */
export interface RecoveryRow {
  readonly kind: RecoveryKind;
  readonly milestone: Milestone;
  readonly runs: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Kinds without a run have no rows. */
export function summarize(runs: readonly RecoveryRun[]): readonly RecoveryRow[] {
  return recoveryKinds.flatMap((kind) => {
    const own = runs.filter((run) => run.kind === kind);
    if (own.length === 0) return [];
    return milestones.map((milestone) => {
      const ascending = own.map(({ seconds }) => seconds[milestone]).sort((one, other) => one - other);
      const at = (share: number) => percentile(ascending, share);
      return { kind, milestone, runs: own.length, p50: at(0.5), p99: at(0.99), max: at(1) };
    });
  });
}

const titles: Readonly<Record<Milestone, string>> = {
  tag: 'the tag is on another host',
  name: "the editors' name has its address",
  complete: 'complete: all hosts are prepared',
  'files flow': 'a new upload is on every secondary',
};

export const tableHead = ['primary', 'until', 'runs', 'p50', 'p99', 'longest', 'goal'];

export function tableRows(rows: readonly RecoveryRow[]): readonly (readonly string[])[] {
  return rows.map(({ kind, milestone, runs, p50, p99, max }) => [
    ...[kind, titles[milestone], String(runs)],
    ...[p50, p99, max].map((value) => `${value.toFixed(1)} s`),
    milestone === 'complete' ? `${goals[kind]} s` : '',
  ]);
}

const [from, to] = ['<!-- recovery -->', '<!-- /recovery -->'];

/** @returns the document with a new table between its two marks */
export function replaceRecovery(
  document: string,
  runs: readonly RecoveryRun[],
  { secondaries, files }: Pick<RecoveryOptions, 'secondaries' | 'files'>,
  conditions: string,
): string {
  const start = document.indexOf(from);
  const end = document.indexOf(to);
  if (start < 0 || end < start) throw new Error(`docs/performance.md has no ${from} … ${to}`);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [tableHead, tableHead.map(() => '---'), ...tableRows(summarize(runs))].map(line).join('\n');
  const differing = runs.filter(({ differences }) => differences.length > 0).length;
  const lost =
    differing === 0
      ? 'Each new primary had every file that the old one had.'
      : `In ${differing} of ${runs.length} runs the new primary had not what the old one had.`;
  const loads = runs.map(({ load }) => load);
  const busy = `load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  const text = `${conditions}, ${busy}; ${runs.length} runs, each with a new group of ${secondaries + 1} hosts and ${files} files; a tick every 60 s. ${lost}\n\n${table}\n`;
  return `${document.slice(0, start + from.length)}\n${text}${document.slice(end)}`;
}
