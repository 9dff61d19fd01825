import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../bench/meter.ts';
import { ticks } from '../../../bench/plot.ts';
import {
  type BenchRun,
  type CaseResult,
  evaluateTargets,
  medianSample,
  otherWork,
  plots,
  replacePlots,
  replaceRun,
  resultRows,
  showBytes,
  showRatio,
} from '../../../bench/report.ts';

const sample = (wallSeconds: number, more: Partial<Sample> = {}): Sample => ({
  wallSeconds,
  cpuSeconds: wallSeconds,
  primaryCpuSeconds: wallSeconds,
  machineCpuSeconds: wallSeconds,
  wireBytes: 1000,
  peakBytes: 1e7,
  ...more,
});
const result = (tool: CaseResult['tool'], name: CaseResult['case'], ...samples: Sample[]): CaseResult => ({
  tool,
  toolTitle: `the ${tool}`,
  case: name,
  title: 'nothing changed',
  samples,
  differences: [],
});
const run: BenchRun = {
  v: 1,
  conditions: {
    date: '2026-01-02',
    cpu: 'CPU',
    cores: 2,
    memoryBytes: 8e9,
    kernel: '6',
    system: 'Debian',
    fileSystem: 'tmpfs',
    rsync: '3.5.0',
    openssh: 'OpenSSH_9',
    lsyncd: '2.2.3',
  },
  files: 200_000,
  secondaries: 4,
  fileBytes: 1024,
  flat: false,
  repeat: 3,
  find: sample(0.5),
  results: [
    result('cron', 'nothing', sample(8, { wireBytes: 1_000_000 })),
    result('push', 'nothing', sample(1), sample(0.8), sample(0.9)),
  ],
  sweep: ([1, 2, 10] as const).map((secondaries) => ({
    over: 'secondaries',
    tool: 'push',
    files: 200_000,
    secondaries,
    median: sample(1 + secondaries / 10),
  })),
};

it('takes the median of each measure, not the mean: one disturbed run is not to count', () => {
  expect(medianSample([sample(1), sample(100), sample(2)]).wallSeconds).toBe(2);
  expect(medianSample([sample(1), sample(4)]).wallSeconds).toBe(2.5);
  expect(medianSample([sample(1), sample(9), sample(3), sample(5)]).wallSeconds).toBe(4);
});

describe('targets', () => {
  it('are reached at their limit and below, and never by what was not measured', () => {
    const [wall, cpu, changed] = evaluateTargets({
      ...run,
      results: [
        result('cron', 'nothing', sample(12, { cpuSeconds: 4 })),
        result('push', 'nothing', sample(1.1), sample(0.9), sample(1)),
      ],
    });
    expect(wall).toMatchObject({ got: 1 / 12, reached: true });
    expect(cpu).toMatchObject({ got: 1 / 4, reached: false });
    expect(changed).toMatchObject({ got: undefined, reached: undefined });
  });

  it('of a flat directory are not those of a tree', () => {
    const results = [result('parallel', 'changed', sample(9)), result('push', 'changed', sample(3))];
    const named = (flat: boolean, files: number) =>
      evaluateTargets({ ...run, files, flat, results }).flatMap(({ what, reached }) =>
        reached === undefined ? [] : [what],
      );
    expect(named(true, 300_000)).toEqual([expect.stringContaining('flat')]);
    expect(named(true, 1000)).toEqual([]);
    expect(named(false, 300_000)).toEqual([expect.stringContaining('100'), expect.stringContaining('100')]);
  });

  it('about memory count the worst run of all cases', () => {
    const results = [result('push', 'nothing', sample(1), sample(1, { peakBytes: 160e6 }), sample(1))];
    expect(evaluateTargets({ ...run, files: 1_000_000, results }).at(-1)).toMatchObject({
      got: 160,
      reached: false,
    });
  });
});

it('tells of other work on the machine, which makes wall times worthless', () => {
  expect(otherWork(run)).toBe(0);
  const disturbed = result('push', 'nothing', sample(1, { machineCpuSeconds: 1.5 }));
  expect(otherWork({ ...run, results: [disturbed] })).toBeCloseTo(0.5);
});

it('says which trees differ, and why there is no measure', () => {
  const results: CaseResult[] = [
    { ...result('push', 'nothing', sample(1)), differences: ['secondary-1: missing: "./a"'] },
    { ...result('lsyncd', 'nothing'), failure: 'not to be had' },
  ];
  const rows = resultRows({ ...run, results }, 'nothing');
  expect(rows[0]?.at(-1)).toBe('DIFFER: secondary-1: missing: "./a"');
  expect(rows[1]).toEqual(['the lsyncd', '–', '–', '–', '–', '–', '–', '–', 'not to be had']);
});

it.each([
  [0, '0'],
  [1 / 8, '1/8'],
  [1 / 1234, '1/1234'],
  [0.97, '0.97'],
  [1, '1'],
  [2.5, '2.50'],
])('shows the ratio %d as %s', (ratio, text) => expect(showRatio(ratio)).toBe(text));

it.each([
  [0, '0 B'],
  [1500, '1.50 kB'],
  [999_600, '1.00 MB'],
  [2e9, '2.00 GB'],
])('shows %d bytes as %s', (bytes, text) => expect(showBytes(bytes)).toBe(text));

describe('docs/performance.md', () => {
  const empty = 'before\n<!-- runs -->\n\n<!-- /runs -->\n<!-- plots -->\n\n<!-- /plots -->\nafter\n';

  it('holds one section for each size, the last one measured, and keeps what people wrote', () => {
    const once = replaceRun(empty, run);
    const other = replaceRun(once, { ...run, files: 1_000_000 });
    const again = replaceRun(other, { ...run, conditions: { ...run.conditions, cpu: 'NEWER' } });
    expect(again.match(/^### .*$/gm)).toEqual([
      '### 200,000 files, 4 secondaries',
      '### 1,000,000 files, 4 secondaries',
    ]);
    expect(again).toMatch(/^before\n.*NEWER.*after\n$/s);
    expect(again.match(/NEWER/g)).toHaveLength(1);
    expect(replaceRun(again, { ...run, conditions: { ...run.conditions, cpu: 'NEWER' } })).toBe(again);
  });

  it('shows the plots', () => {
    const text = replacePlots(empty, run);
    expect(text).toContain('](performance-secondaries.svg)');
    expect(replacePlots(text, run)).toBe(text);
  });

  it('is not overwritten when its markers are gone', () => {
    expect(() => replaceRun('rewritten', run)).toThrow('/runs');
    expect(() => replacePlots('rewritten', run)).toThrow('plots');
  });
});

describe('a plot', () => {
  it('is well-formed, with a line for each tool in each panel', () => {
    const [plot, ...more] = plots(run);
    expect(more).toEqual([]);
    expect(XMLValidator.validate(plot?.svg ?? '')).toBe(true);
    expect(plot?.svg.match(/<polyline /g)).toHaveLength(2);
    expect(plot?.svg.match(/<circle /g)).toHaveLength(6);
    expect(plot?.svg).not.toContain('NaN');
  });

  it('has an axis that reaches the greatest value, in round steps', () => {
    expect(ticks(10)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(200_000)).toEqual([0, 50_000, 100_000, 150_000, 200_000]);
    expect(ticks(0.37)).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]);
    expect(ticks(0)).toEqual([0, 1]);
  });
});
