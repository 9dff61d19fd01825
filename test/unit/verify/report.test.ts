import { expect, it } from 'vitest';
import { lagsFrom, readerLines, writerLines } from '../../../verify/lag.ts';
import { isGood, type Report, reportMarkdown } from '../../../verify/report.ts';
import { addedTo } from '../../../verify/run-command-measures.ts';

const report: Report = {
  v: 1,
  release: '0.2.0',
  date: '2026-11-27',
  region: 'eu-central-1',
  cloud: 'AWS',
  minutes: 21.4,
  steps: [
    { id: 'lag', title: 'lag', kind: 'measured', figures: [{ name: 'median', value: 31.27, unit: 's' }] },
    { id: 'failover', title: 'failover', kind: 'failed', reason: 'not within 600 seconds: a | b\nc' },
    { id: 'switchover', title: 'switchover', kind: 'skipped', reason: 'no time was left' },
  ],
  answers: [
    { question: 'Which error', where: 'fidelity.md', answer: 'InvocationDoesNotExist' },
    { question: 'A queue', where: 'fidelity.md', reason: 'needs a queue of its own' },
  ],
  left: [],
};

it('a report says what was measured, what failed and why, what was answered, and what is left', () => {
  const text = reportMarkdown(report);
  expect(text).toContain('# hostsync 0.2.0 on AWS');
  expect(text).toContain('| lag | median: 31.3 s |');
  expect(text).toContain('| failover | FAILED: not within 600 seconds: a \\| b c |');
  expect(text).toContain('| switchover | not measured: no time was left |');
  expect(text).toContain('| Which error | InvocationDoesNotExist | fidelity.md |');
  expect(text).toContain('- A queue: needs a queue of its own');
  expect(text).toContain('Nothing is left in the account.');
  expect(reportMarkdown({ ...report, left: ['stack hostsync-verify'] })).toContain(
    'Left in the account: stack hostsync-verify.',
  );
});

it('a run is good only if everything was measured and nothing is left', () => {
  const steps = report.steps.slice(0, 1);
  expect(isGood(report)).toBe(false);
  expect(isGood({ steps, left: [] })).toBe(true);
  expect(isGood({ steps, left: ['stack hostsync-verify'] })).toBe(false);
});

it('a lag is the time between what both hosts said; a file that did not come is no short lag', () => {
  expect(lagsFrom('100.5\n107.5\n', '101.75\n107.25\n')).toEqual([1.25, 0]);
  expect(() => lagsFrom('100.5\n107.5\n', '101.75\n')).toThrow('of 2 files 1 arrived');
  expect(() => lagsFrom('100.5\n', 'date: no such option\n')).toThrow('cannot be read');
  const lines = [...writerLines('/var/www/up loads', 'm'), ...readerLines('/var/www/up loads', 'm')];
  expect(lines.filter((line) => line.startsWith("cd '/var/www/up loads' ||"))).toHaveLength(2);
});

it('words that SSM adds to an output are told from the output', () => {
  expect(addedTo('o'.repeat(24_000), 'o')).toBe('nothing');
  expect(addedTo(`${'e'.repeat(7900)}\n---Error output truncated---`, 'e')).toBe(
    '---Error output truncated---',
  );
});
