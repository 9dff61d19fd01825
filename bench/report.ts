import type { Sample } from './meter.ts';
import type { CaseName, ToolName } from './options.ts';
import { renderPlot } from './plot.ts';

/** Where and with what was measured. */
export interface Conditions {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly system: string;
  readonly fileSystem: string;
  readonly rsync: string;
  readonly openssh: string;
  /** Its version, or why there is none. */
  readonly lsyncd: string;
}

export interface CaseResult {
  readonly tool: ToolName;
  readonly toolTitle: string;
  readonly case: CaseName;
  readonly title: string;
  /** Why there are no measures. */
  readonly failure?: string;
  readonly samples: readonly Sample[];
  /** What differed between the primary's tree and the secondaries' afterwards, a line each; none: they are identical. */
  readonly differences: readonly string[];
}

/** One point of a plot: nothing changed. */
export interface SweepPoint {
  readonly over: 'files' | 'secondaries';
  readonly tool: ToolName;
  readonly files: number;
  readonly secondaries: number;
  readonly median: Sample;
}

export interface BenchRun {
  readonly v: 1;
  readonly conditions: Conditions;
  readonly files: number;
  readonly secondaries: number;
  /** Nothing: 1 to 20 KB, mixed. */
  readonly fileBytes: number | undefined;
  /** All files in one directory. */
  readonly flat: boolean;
  readonly repeat: number;
  /** One plain `find` over the same metadata, median. */
  readonly find: Sample;
  readonly results: readonly CaseResult[];
  readonly sweep: readonly SweepPoint[];
}

export interface Target {
  readonly what: string;
  /** The most that it may be: times what it is compared with, or bytes. */
  readonly most: number;
  /** Nothing: this run has not measured it. */
  readonly got: number | undefined;
  readonly reached: boolean | undefined;
}

/** Field by field; of an even number of samples the mean of the two in the middle. */
export function medianSample(samples: readonly Sample[]): Sample {
  const middle = (field: keyof Sample) => {
    const sorted = samples.map((sample) => sample[field]).sort((one, other) => one - other);
    const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
    return (upper + lower) / 2;
  };
  return {
    wallSeconds: middle('wallSeconds'),
    cpuSeconds: middle('cpuSeconds'),
    primaryCpuSeconds: middle('primaryCpuSeconds'),
    machineCpuSeconds: middle('machineCpuSeconds'),
    wireBytes: middle('wireBytes'),
    peakBytes: middle('peakBytes'),
  };
}

/** CPU time that others spent during the measures, as a share of what was measured. Without lsyncd, whose end is waited for with idle hands. */
export function otherWork(run: BenchRun): number {
  const samples = run.results.flatMap((result) => (result.tool === 'lsyncd' ? [] : result.samples));
  const sum = (of: (sample: Sample) => number) => samples.reduce((total, sample) => total + of(sample), 0);
  const counted = sum(({ cpuSeconds }) => cpuSeconds);
  return counted === 0 ? 0 : sum(({ machineCpuSeconds }) => machineCpuSeconds) / counted - 1;
}

/** What hostsync wants to reach; a target names the size that it is meant for, whatever the size of this run. */
export function evaluateTargets(run: BenchRun): readonly Target[] {
  const of = (tool: ToolName, name: CaseName): Sample | undefined => {
    const found = run.results.find((result) => result.tool === tool && result.case === name);
    return found === undefined || found.samples.length === 0 ? undefined : medianSample(found.samples);
  };
  const ratio = (one: number | undefined, other: number | undefined) =>
    one === undefined || other === undefined ? undefined : one / other;
  const target = (what: string, most: number, got: number | undefined): Target => ({
    what,
    most,
    got,
    reached: got === undefined ? undefined : got <= most,
  });
  const against = (other: ToolName, name: CaseName, field: keyof Sample) =>
    ratio(of('push', name)?.[field], of(other, name)?.[field]);
  const tree = (got: number | undefined) => (run.flat ? undefined : got);
  const peaks = run.results.flatMap(({ tool, samples }) =>
    tool === 'push' ? samples.map(({ peakBytes }) => peakBytes) : [],
  );
  return [
    target(
      'nothing changed: wall time against the cron loop',
      1 / 12,
      against('cron', 'nothing', 'wallSeconds'),
    ),
    target(
      'nothing changed: CPU time against the cron loop',
      1 / 8,
      against('cron', 'nothing', 'cpuSeconds'),
    ),
    target(
      'everything compared: wall time against parallel rsync',
      1,
      against('parallel', 'verified', 'wallSeconds'),
    ),
    target(
      '100 changed: wall time against parallel rsync',
      1 / 4.5,
      tree(against('parallel', 'changed', 'wallSeconds')),
    ),
    target(
      '100 changed: CPU time against parallel rsync',
      1 / 4.5,
      tree(against('parallel', 'changed', 'cpuSeconds')),
    ),
    target(
      'a directory of 10,000 renamed: wall time against parallel rsync',
      1 / 3,
      against('parallel', 'renamed', 'wallSeconds'),
    ),
    target(
      'a directory of 10,000 renamed: bytes against parallel rsync',
      1 / 40,
      against('parallel', 'renamed', 'wireBytes'),
    ),
    target(
      'first sync: wall time against parallel rsync',
      0.95,
      tree(against('parallel', 'first', 'wallSeconds')),
    ),
    target(
      'one changed in a flat directory of 300,000: wall time against parallel rsync',
      1 / 3,
      run.flat && run.files >= 300_000 ? against('parallel', 'changed', 'wallSeconds') : undefined,
    ),
    target(
      'peak memory on the primary at 1,000,000 files, in MB',
      150,
      run.files < 1_000_000 || peaks.length === 0 ? undefined : Math.max(...peaks) / 1e6,
    ),
  ];
}

export const targetHead = ['target (for 200,000 files, 4 secondaries)', 'at most', 'measured', ''] as const;

export function targetRows(targets: readonly Target[]): readonly (readonly string[])[] {
  return targets.map(({ what, most, got, reached }) => [
    what,
    showRatio(most),
    got === undefined ? '–' : showRatio(got),
    reached === undefined ? 'not measured' : reached ? 'reached' : 'NOT REACHED',
  ]);
}

export const resultHead = [
  ...['', 'wall s', 'CPU s', 'on the wire', 'peak memory'],
  ...['wall / cron', 'CPU / cron', 'bytes / cron', 'trees'],
] as const;

/** The rows of one case, a tool each. */
export function resultRows(run: BenchRun, name: CaseName): readonly (readonly string[])[] {
  const results = run.results.filter((result) => result.case === name);
  const base = results.find(({ tool, samples }) => tool === 'cron' && samples.length > 0);
  const cron = base === undefined ? undefined : medianSample(base.samples);
  return results.map(({ toolTitle, failure, samples, differences }) => {
    if (failure !== undefined) return [toolTitle, ...Array.from({ length: 7 }, () => '–'), failure];
    const { wallSeconds, cpuSeconds, wireBytes, peakBytes } = medianSample(samples);
    const compared = (value: number, other: number | undefined) =>
      other === undefined ? '–' : showRatio(value / other);
    return [
      ...[toolTitle, showSeconds(wallSeconds), showSeconds(cpuSeconds), showBytes(wireBytes)],
      ...[showBytes(peakBytes), compared(wallSeconds, cron?.wallSeconds)],
      ...[compared(cpuSeconds, cron?.cpuSeconds), compared(wireBytes, cron?.wireBytes)],
      differences.length === 0 ? 'identical' : `DIFFER: ${differences[0]}`,
    ];
  });
}

export function showSeconds(seconds: number): string {
  return seconds.toFixed(seconds < 10 ? 2 : 1);
}

/** In units of a thousand. */
export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  for (const [unit, size] of [
    ['kB', 1e3],
    ['MB', 1e6],
  ] as const)
    if (bytes < size * 999.5) return `${(bytes / size).toPrecision(3)} ${unit}`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Small ones as a fraction: 1/8. */
export function showRatio(ratio: number): string {
  if (ratio === 0) return '0';
  if (ratio >= 0.9) return ratio.toFixed(ratio < 10 ? 2 : 0).replace(/\.00$/, '');
  const inverse = 1 / ratio;
  return `1/${inverse.toFixed(inverse < 20 ? 1 : 0).replace(/\.0$/, '')}`;
}

export function describeConditions({ conditions, fileBytes, repeat }: BenchRun): string {
  const { cpu, cores, memoryBytes, kernel, system, fileSystem, rsync, openssh, lsyncd, date } = conditions;
  const size = fileBytes === undefined ? 'files of 1 to 20 KB' : `files of ${fileBytes} bytes`;
  return (
    `${date}; ${cpu}, ${cores} cores for all hosts together, ${showBytes(memoryBytes)} of memory; Linux ${kernel}, ${system}; ` +
    `rsync ${rsync}, ${openssh}, lsyncd ${lsyncd}; ${fileSystem}; ${size}; median of ${repeat}.`
  );
}

export function describeCrossCheck(run: BenchRun): string {
  const percent = Math.round(otherWork(run) * 100);
  return `Cross-check: during the measures the whole machine spent ${percent} % more CPU time than was counted (the benchmark itself, and other work).`;
}

export function secondariesText(number: number): string {
  return number === 1 ? '1 secondary' : `${number} secondaries`;
}

/** The section of docs/performance.md about one run. */
function markdownSection(run: BenchRun): string {
  const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
    [
      head,
      head.map((_, column) => (column === 0 || column === head.length - 1 ? '---' : '---:')),
      ...rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' '))),
    ]
      .map((cells) => `| ${cells.join(' | ')} |`)
      .join('\n');
  const cases = [...new Map(run.results.map((result) => [result.case, result.title]))];
  return [
    `### ${count(run.files)} files${run.flat ? ' in one directory' : ''}, ${secondariesText(run.secondaries)}`,
    describeConditions(run),
    `One plain \`find\` that reads the same metadata: ${showSeconds(run.find.wallSeconds)} s. ${describeCrossCheck(run)}`,
    ...cases.map(
      ([name, title]) =>
        `**${title[0]?.toUpperCase()}${title.slice(1)}**\n\n${table(resultHead, resultRows(run, name))}`,
    ),
    table(targetHead, targetRows(evaluateTargets(run))),
  ].join('\n\n');
}

const runsEnd = '<!-- /runs -->';

/**
 * Puts the section of a run where the last one of that size stands, else after those of other sizes.
 *
 * @throws {Error} if the document has lost its markers
 */
export function replaceRun(document: string, run: BenchRun): string {
  const start = `<!-- run: ${run.files} files${run.flat ? ', flat' : ''}, ${run.secondaries} secondaries -->`;
  const section = `${start}\n\n${markdownSection(run)}\n\n<!-- /run -->`;
  if (document.includes(start)) return replaceBetween(document, start, '<!-- /run -->', section);
  if (!document.includes(runsEnd)) throw new Error(`docs/performance.md has no line "${runsEnd}"`);
  return document.replace(runsEnd, () => `${section}\n\n${runsEnd}`);
}

export function replacePlots(document: string, run: BenchRun): string {
  const [start, end] = ['<!-- plots -->', '<!-- /plots -->'];
  const text = plots(run).map(({ file, title }) => `![${title}](${file})`);
  return replaceBetween(document, start, end, [start, ...text, describeConditions(run), end].join('\n\n'));
}

function replaceBetween(document: string, start: string, end: string, text: string): string {
  const from = document.indexOf(start);
  const to = document.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`docs/performance.md has no "${start}" with a "${end}"`);
  return document.slice(0, from) + text + document.slice(to + end.length);
}

const colors: Readonly<Record<ToolName, string>> = {
  cron: '#6b7280',
  parallel: '#2563eb',
  lsyncd: '#15803d',
  push: '#dc2626',
};

export interface PlotFile {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** The plots of a run that has swept; none of one that has not. */
export function plots(run: BenchRun): readonly PlotFile[] {
  const titleOf = new Map(run.results.map(({ tool, toolTitle }) => [tool, toolTitle]));
  return (['files', 'secondaries'] as const).flatMap((over) => {
    const points = run.sweep.filter((point) => point.over === over);
    if (points.length === 0) return [];
    const title =
      over === 'files'
        ? `Nothing changed, ${secondariesText(run.secondaries)}: cost over the number of files`
        : `Nothing changed, ${count(run.files)} files: cost over the number of secondaries`;
    const tools = [...new Set(points.map(({ tool }) => tool))];
    const panel = (yLabel: string, field: 'wallSeconds' | 'cpuSeconds') => ({
      yLabel,
      series: tools.map((tool) => ({
        name: titleOf.get(tool) ?? tool,
        color: colors[tool],
        points: points
          .filter((point) => point.tool === tool)
          .map((point) => ({ x: point[over], y: point.median[field] })),
      })),
    });
    const panels = [panel('wall time, seconds', 'wallSeconds'), panel('CPU time, seconds', 'cpuSeconds')];
    return [
      { file: `performance-${over}.svg`, title, svg: renderPlot({ title, xLabel: `${over}`, panels }) },
    ];
  });
}

export function count(number: number): string {
  return number.toLocaleString('en');
}
