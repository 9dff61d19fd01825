import { describe, expect, it } from 'vitest';
import { coresOf } from '../../../bench/control/cpu-cap.ts';
import {
  callRows,
  compare,
  ratioRow,
  scaledSeconds,
  summaryHead,
  summaryRow,
  type TickMeasure,
} from '../../../bench/control/summary.ts';

const measure: TickMeasure = {
  groups: 100,
  hosts: 20,
  expectedPushes: 99,
  pushes: 99,
  lastPushSeconds: 2.04,
  seconds: 3.96,
  end: 'done',
  message: undefined,
  cpuSeconds: 1,
  peakMiB: 120.4,
  memoryMiB: 256,
  cores: 0.145,
  calls: { 'ec2:DescribeInstances': 2, 'ssm:SendCommand': 99 },
  cap: 'quota',
  otherCpuSeconds: 0,
  late: { mean: 0, most: 0 },
  unserved: [],
};
const first: TickMeasure = {
  ...measure,
  lastPushSeconds: 8.16,
  cpuSeconds: 4,
  peakMiB: 240.8,
  calls: { 'ssm:SendCommand': 99, 'ssm:DescribeInstanceInformation': 40, 'ec2:DescribeInstances': 63 },
};

describe('the ratio to the first edition', () => {
  it('is figure by figure', () => {
    expect(compare(measure, first)).toEqual({
      lastPushSeconds: 0.25,
      calls: 0.5,
      cpuSeconds: 0.25,
      peakMiB: 0.5,
    });
  });

  it.each([
    ['now', { ...measure, pushes: 98 }, first],
    ['the first edition', measure, { ...first, pushes: 12 }],
    [
      'nobody',
      { ...measure, pushes: 0, lastPushSeconds: null },
      { ...first, pushes: 0, lastPushSeconds: null },
    ],
  ])('says nothing of times where not every group was pushed by both: %s', (_, one, other) => {
    expect(compare(one, other).lastPushSeconds).toBeNull();
  });
});

it('shows a figure in every column', () => {
  const row = summaryRow('now', measure);
  expect(row).toHaveLength(summaryHead.length);
  expect(row).toEqual(['now', '2.0 s', '99 of 99', 'done after 4.0 s', '101', '1.0 s', '120 of 256 MiB']);
  expect(ratioRow(compare(measure, first))).toHaveLength(summaryHead.length);
  expect(summaryRow('now', { ...measure, lastPushSeconds: null, pushes: 0 })[1]).toBe('none');
});

it('lists every call of both, the most frequent first', () => {
  expect(callRows(measure, first)).toEqual([
    ['ssm:SendCommand', '99', '99'],
    ['ec2:DescribeInstances', '2', '63'],
    ['ssm:DescribeInstanceInformation', '0', '40'],
  ]);
  expect(callRows(measure, { missing: 'a shallow clone' })[0]).toEqual(['ssm:SendCommand', '99', '–']);
});

describe('the CPU of a function', () => {
  it('is a core for each 1,769 MiB, as far as the machine has them', () => {
    expect(coresOf(1769, 2)).toBe(1);
    expect(coresOf(256, 2)).toBeCloseTo(0.1447, 4);
    expect(coresOf(10_240, 2)).toBe(2);
  });

  it('stretches what ran on a whole core', () => {
    expect(scaledSeconds(10, 2, 0.25)).toBe(16);
    expect(scaledSeconds(10, 2, 1)).toBe(10);
    expect(scaledSeconds(10, 2, 2)).toBe(10);
  });
});
