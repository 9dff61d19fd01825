import { expect, it } from 'vitest';
import { lossOf } from '../../../bench/watch/measure.ts';
import { parseWatchOptions } from '../../../bench/watch/options.ts';
import { replaceWatch, tableRows, type WatchResult } from '../../../bench/watch/report.ts';
import { UsageError } from '../../../tour/options.ts';

const options = parseWatchOptions(['--secondaries', '2']);
if (options === 'help') throw new Error('fixture');

it.each([
  [['--runs', '0'], '--runs "0" is not a whole number from 1 to 1000'],
  [['--cases', 'busy'], '--cases knows no "busy"'],
  [['--cpu', '101'], '--cpu "101" is not a whole number from 1 to 100'],
])('%j is refused with what it takes', (words, message) => {
  expect(() => parseWatchOptions(words)).toThrow(UsageError);
  expect(() => parseWatchOptions(words)).toThrow(message);
});

it('a power cut costs what the secondary lacks that has most; what was not closed before it is none', () => {
  const written = new Map([
    ['a', 1000],
    ['b', 2000],
    ['c', 2500],
    ['after', 3100],
  ]);
  const arrivals = [{ at: new Map([['a', 1100]]) }, { at: new Map(['a', 'b'].map((name) => [name, 2100])) }];
  expect(lossOf(written, arrivals, 3000)).toEqual({ atRisk: 0.5, uploads: 1 });
  expect(lossOf(new Map([['a', 1000]]), arrivals, 3000)).toEqual({ atRisk: 0, uploads: 0 });
});

it('says what was measured beside what was to be reached, and leaves out what was not', () => {
  const idle = { minutes: 4, cpuSeconds: 0.5, peakBytes: 30e6 };
  const lags = { count: 10, p50: 0.2, p99: 1, max: 12.34, missing: 1 };
  const result: WatchResult = {
    idle: { watch: { ...idle, mode: 'watch' }, tick: { ...idle, mode: 'tick', cpuSeconds: 2 } },
    capped: { percent: 20, rate: 20, lags },
    loss: [
      { atRisk: 0.5, uploads: 3, neverCame: 0 },
      { atRisk: 1, uploads: 5, neverCame: 2 },
    ],
  };
  expect(tableRows(result, options).map((row) => row.slice(1))).toEqual([
    ['0.50 s; 2.00 s (1/4.0)', '1/3'],
    ['30.0 MB', '33 MB'],
    ['p50 0.20 s, p99 1.00 s, longest 12.3 s, 1 MISSING', ''],
    ['p50 0.50 s, p99 1.00 s, longest 1.00 s', 'p50 1 s, p99 3 s'],
    ['2', '0'],
  ]);
  const text = replaceWatch('a <!-- watch 2 -->old<!-- /watch 2 --> b', result, options, 'today');
  expect(text).toMatch(
    /^a <!-- watch 2 -->\ntoday; 200,000 files, 2 secondaries[\s\S]*<!-- \/watch 2 --> b$/,
  );
  expect(() => replaceWatch('nothing', result, options, 'today')).toThrow('has no <!-- watch 2 -->');
});
