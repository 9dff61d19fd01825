import { expect, it } from 'vitest';
import { parseRecoveryOptions } from '../../../bench/recovery/options.ts';
import {
  planRun,
  type RecoveryKind,
  type RecoveryRun,
  replaceRecovery,
  summarize,
  tableRows,
} from '../../../bench/recovery/report.ts';
import { UsageError } from '../../../tour/options.ts';

it('makes twenty runs unless told otherwise', () => {
  expect(parseRecoveryOptions([])).toMatchObject({ runs: 20, secondaries: 2, files: 1000, writeDocs: false });
  expect(parseRecoveryOptions(['--runs', '3', '--write-docs'])).toMatchObject({ runs: 3, writeDocs: true });
  expect(parseRecoveryOptions(['--help'])).toBe('help');
});

it.each([
  [['--runs', '0'], '--runs "0" is not a whole number from 1 to 200'],
  [['--json', '/no/such/directory/file'], 'is not there'],
  [['--fast'], "Unknown option '--fast'"],
])('%j is refused with what it takes', (words, message) => {
  expect(() => parseRecoveryOptions(words)).toThrow(UsageError);
  expect(() => parseRecoveryOptions(words)).toThrow(message);
});

it('events come at every part of the minute, for each kind, or the longest wait for a tick would be missed', () => {
  const plans = Array.from({ length: 20 }, (_, index) => planRun(index));
  expect(plans.map(({ kind }) => kind).slice(0, 4)).toEqual(['stop', 'power cut', 'stop', 'power cut']);
  for (const kind of ['stop', 'power cut'])
    for (const quarter of [0, 15, 30, 45]) {
      const there = plans.filter(
        (plan) => plan.kind === kind && plan.phase >= quarter && plan.phase < quarter + 15,
      );
      expect(there.length, `${kind} in ${quarter}`).toBeGreaterThanOrEqual(2);
    }
});

function run(kind: RecoveryKind, complete: number, differences: readonly string[] = []): RecoveryRun {
  const seconds = { tag: complete - 3, name: complete - 2, complete, 'files flow': complete + 20 };
  return { kind, phase: 0, load: 2.34, seconds, differences };
}

it('percentiles are those of each kind; a kind without a run has none', () => {
  const rows = summarize([run('stop', 9), run('stop', 7), run('stop', 11)]);
  expect(rows.map(({ milestone, p50, p99 }) => [milestone, p50, p99])).toEqual([
    ['tag', 6, 8],
    ['name', 7, 9],
    ['complete', 9, 11],
    ['files flow', 29, 31],
  ]);
  expect(tableRows(rows)[2]).toEqual([
    'stop',
    'complete: all hosts are prepared',
    ...['3', '9.0 s', '11.0 s', '11.0 s', '15 s'],
  ]);
});

it('the documentation says how many runs there were, and whether a file was missing', () => {
  const document = 'before\n<!-- recovery -->\nold\n<!-- /recovery -->\nafter';
  const options = { secondaries: 2, files: 10 };
  const good = replaceRecovery(document, [run('stop', 9), run('power cut', 60)], options, 'today');
  expect(good).toMatch(
    /^before\n<!-- recovery -->\ntoday, load average 2\.3 to 2\.3; 2 runs, .*3 hosts and 10 files.*every file.*\| 60\.0 s .*<!-- \/recovery -->\nafter$/su,
  );
  const bad = replaceRecovery(document, [run('stop', 9, ['missing: "a"']), run('stop', 9)], options, 'today');
  expect(bad).toContain('In 1 of 2 runs the new primary had not what the old one had.');
  expect(() => replaceRecovery('without marks', [], options, 'today')).toThrow('has no <!-- recovery -->');
});
