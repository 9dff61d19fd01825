import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Arrivals, lagsOf, percentile } from '../../../bench/lag/arrivals.ts';
import { lagTools, parseLagOptions } from '../../../bench/lag/options.ts';
import { plotLags, replaceLags, rowOf, tableRows } from '../../../bench/lag/report.ts';
import { UsageError } from '../../../tour/options.ts';

it('takes the rates, the seconds and the tools, and else what the documentation says', () => {
  expect(parseLagOptions([])).toMatchObject({
    rates: [1, 20, 200],
    seconds: 180,
    burst: 2000,
    tools: lagTools,
  });
  expect(
    parseLagOptions(['--rates', '5', '--seconds', '30', '--tools', 'cron loop,hostsync tick']),
  ).toMatchObject({
    rates: [5],
    seconds: 30,
    tools: ['cron loop', 'hostsync tick'],
  });
});

it.each([
  [['--rates', '0'], '--rates "0" is not a whole number from 1 to 1000'],
  [['--tools', 'rsync'], '--tools knows no "rsync"'],
  [['--fast'], "Unknown option '--fast'"],
])('%j is refused with what it takes', (words, message) => {
  expect(() => parseLagOptions(words)).toThrow(UsageError);
  expect(() => parseLagOptions(words)).toThrow(message);
});

it('a lag runs from the close to the arrival on each secondary; what has not come has none', () => {
  const written = new Map([
    ['a', 1000],
    ['b', 2000],
  ]);
  const lags = lagsOf(written, [
    { at: new Map([['a', 1500]]) },
    {
      at: new Map([
        ['b', 2250],
        ['a', 900],
      ]),
    },
  ]);
  expect(lags).toEqual([0, 0.25, 0.5]);
  const many = Array.from({ length: 200 }, (_, index) => index + 1);
  expect([0.5, 0.9, 0.99, 1].map((share) => percentile(many, share))).toEqual([100, 180, 198, 200]);
});

it('a file arrives when it has its name and all of its bytes', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'arrivals-'));
  const arrivals = new Arrivals(directory, 3);
  try {
    writeFileSync(join(directory, '.half.Xy12ab'), 'abc');
    writeFileSync(join(directory, 'short'), 'ab');
    renameSync(join(directory, '.half.Xy12ab'), join(directory, 'whole'));
    await vi.waitFor(() => expect([...arrivals.at.keys()]).toEqual(['whole']), 10_000);
  } finally {
    arrivals.close();
    rmSync(directory, { recursive: true });
  }
});

it('a file whose event was lost has arrived all the same', () => {
  const directory = mkdtempSync(join(tmpdir(), 'arrivals-'));
  writeFileSync(join(directory, 'whole'), 'abc');
  writeFileSync(join(directory, 'short'), 'ab');
  const arrivals = new Arrivals(directory, 3);
  try {
    arrivals.lookFor(['whole', 'short', 'missing']);
    expect([...arrivals.at]).toEqual([['whole', statSync(join(directory, 'whole')).ctimeMs]]);
  } finally {
    arrivals.close();
    rmSync(directory, { recursive: true });
  }
});

it('is shown as a table and as a plot, with what is missing', () => {
  const rows = [
    rowOf('hostsync watch', 20, [0.1, 0.2, 0.3], 1, { cpuSeconds: 1.25, wireBytes: 2_000_000 }),
    rowOf('cron loop', 0, [], 4, { cpuSeconds: 0, wireBytes: 0 }),
  ];
  expect(tableRows(rows)).toEqual([
    ['hostsync watch', '20', '0.20', '0.30', '0.30', '0.30', '1.3', '2.0', '1'],
    ['cron loop', 'burst', '–', '–', '–', '–', '0.0', '0.0', '4'],
  ]);
  expect(plotLags(rows)).toContain('hostsync watch');
  const options = parseLagOptions([]);
  if (options === 'help') throw new Error('fixture');
  const document = replaceLags('before\n<!-- lag -->\nold\n<!-- /lag -->\nafter', rows, options);
  expect(document).toMatch(/^before\n<!-- lag -->\n4 secondaries.*hostsync watch.*<!-- \/lag -->\nafter$/su);
});
