import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { compilePattern } from '../../src/events/pattern.ts';
import { parseSchedule } from '../../src/events/schedule.ts';

const event = {
  source: 'aws.ec2',
  'detail-type': 'EC2 Instance State-change Notification',
  resources: ['arn:aws:ec2:eu-west-1:111122223333:instance/i-1'],
  detail: { state: 'running', count: 5, tags: { 'sample:group': 'web' }, list: ['a', 'b'], none: null },
} satisfies JsonObject;

describe('an event pattern matches as EventBridge does', () => {
  test.each<[string, JsonObject, boolean]>([
    ['exact', { source: ['aws.ec2'] }, true],
    ['exact, other', { source: ['aws.ssm'] }, false],
    ['one of several', { source: ['aws.ssm', 'aws.ec2'] }, true],
    ['all members are needed', { source: ['aws.ec2'], detail: { state: ['stopped'] } }, false],
    ['nested', { detail: { tags: { 'sample:group': ['web'] } } }, true],
    ['an item of a list', { detail: { list: ['b'] } }, true],
    ['null', { detail: { none: [null] } }, true],
    ['a number', { detail: { count: [5] } }, true],
    ['a number is no text', { detail: { count: ['5'] } }, false],
    ['a missing member', { detail: { other: ['x'] } }, false],
    ['prefix', { resources: [{ prefix: 'arn:aws:ec2:' }] }, true],
    ['prefix, other', { resources: [{ prefix: 'arn:aws:s3:' }] }, false],
    ['prefix ignoring case', { source: [{ prefix: { 'equals-ignore-case': 'AWS.' } }] }, true],
    ['suffix', { resources: [{ suffix: '/i-1' }] }, true],
    ['equals-ignore-case', { detail: { state: [{ 'equals-ignore-case': 'RUNNING' }] } }, true],
    ['anything-but a value', { detail: { state: [{ 'anything-but': 'stopped' }] } }, true],
    ['anything-but that value', { detail: { state: [{ 'anything-but': 'running' }] } }, false],
    ['anything-but a list', { detail: { state: [{ 'anything-but': ['stopped', 'running'] }] } }, false],
    ['anything-but a prefix', { detail: { state: [{ 'anything-but': { prefix: 'run' } }] } }, false],
    [
      'anything-but a list of suffixes',
      { detail: { state: [{ 'anything-but': { suffix: ['x', 'y'] } }] } },
      true,
    ],
    ['anything-but needs the member', { detail: { other: [{ 'anything-but': 'x' }] } }, false],
    ['exists', { detail: { state: [{ exists: true }] } }, true],
    ['exists, missing', { detail: { other: [{ exists: true }] } }, false],
    ['exists false', { detail: { other: [{ exists: false }] } }, true],
    ['exists false in an object that is missing', { detail: { deep: { other: [{ exists: false }] } } }, true],
    ['exists is for leaves', { detail: { tags: [{ exists: true }] } }, false],
    ['numeric range', { detail: { count: [{ numeric: ['>', 0, '<=', 5] }] } }, true],
    ['numeric outside', { detail: { count: [{ numeric: ['<', 5] }] } }, false],
    ['numeric equals', { detail: { count: [{ numeric: ['=', 5] }] } }, true],
    ['wildcard', { resources: [{ wildcard: 'arn:*:instance/*' }] }, true],
    ['wildcard, other', { resources: [{ wildcard: 'arn:*:volume/*' }] }, false],
    ['$or', { $or: [{ source: ['x'] }, { detail: { state: ['running'] } }] }, true],
    ['$or, neither', { $or: [{ source: ['x'] }, { source: ['y'] }] }, false],
  ])('%s', (_name, pattern, expected) => {
    expect(compilePattern(pattern)(event)).toBe(expected);
  });

  test.each<[string, unknown]>([
    ['an unknown operator', { source: [{ 'starts-with': 'x' }] }],
    ['an empty pattern', {}],
    ['a value that is no list', { source: 'aws.ec2' }],
    ['two operators in one object', { source: [{ prefix: 'a', suffix: 'b' }] }],
    ['a broken numeric', { source: [{ numeric: ['>'] }] }],
    ['an unknown sign', { source: [{ numeric: ['!=', 1] }] }],
    ['an $or with one alternative', { $or: [{ source: ['a'] }] }],
  ])('%s is refused', (_name, pattern) => {
    expect(() => compilePattern(pattern)).toThrow(/event pattern/);
  });
});

describe('a schedule expression', () => {
  test.each([
    ['rate(1 minute)', 60],
    ['rate(2 minutes)', 120],
    ['rate(1 hour)', 3600],
    ['rate(3 days)', 259_200],
    ['cron(0 10 * * ? *)', undefined],
  ])('%s', (expression, seconds) => {
    expect(parseSchedule(expression)).toBe(seconds);
  });

  test.each([
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(0 minutes)',
    'rate(1 week)',
    'cron(0 10 * * *)',
    'cron(0 10 * * * *)',
    '1m',
  ])('%s is refused', (expression) => {
    expect(() => parseSchedule(expression)).toThrow(expression);
  });
});
