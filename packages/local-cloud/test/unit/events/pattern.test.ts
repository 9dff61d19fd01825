import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../../src/base/json.ts';
import { compilePattern } from '../../../src/events/pattern.ts';
import { parseSchedule } from '../../../src/events/schedule.ts';

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

/** Classes in which the local cloud once differed from Event Ruler. */
describe('an event pattern matches leaves, and not what holds them', () => {
  test.each<[string, JsonObject, JsonObject, boolean]>([
    ['an empty list does not exist', { a: [{ exists: true }] }, { a: [] }, false],
    ['an empty list is absent', { a: [{ exists: false }] }, { a: [] }, true],
    ['a list of empty lists is absent', { a: [{ exists: false }] }, { a: [[], [[]]] }, true],
    ['an object is absent', { a: [{ exists: false }] }, { a: { b: 1 } }, true],
    ['a list of objects is absent', { a: [{ exists: false }] }, { a: [{ b: 1 }] }, true],
    ['null exists', { a: [{ exists: true }] }, { a: null }, true],
    ['an item of a list within a list', { a: ['x'] }, { a: [['x']] }, true],
    ['anything-but, a list of objects', { a: [{ 'anything-but': 'x' }] }, { a: [{ b: 'y' }] }, false],
    ['anything-but, an empty list', { a: [{ 'anything-but': 'x' }] }, { a: [] }, false],
    ['anything-but, one item of a list', { a: [{ 'anything-but': 'x' }] }, { a: ['x', 'y'] }, true],
    ['anything-but, every item of a list', { a: [{ 'anything-but': ['x', 'y'] }] }, { a: ['x', 'y'] }, false],
    ['anything-but text, a number', { a: [{ 'anything-but': 'x' }] }, { a: 5 }, true],
    ['anything-but a prefix, null', { a: [{ 'anything-but': { prefix: 'x' } }] }, { a: null }, true],
    ['anything-but a number, text', { a: [{ 'anything-but': 5 }] }, { a: '5' }, true],
    ['anything-but numbers', { a: [{ 'anything-but': [5, 6] }] }, { a: 6 }, false],
    [
      'anything-but ignoring case',
      { a: [{ 'anything-but': { 'equals-ignore-case': ['X'] } }] },
      { a: 'x' },
      false,
    ],
    ['anything-but a wildcard', { a: [{ 'anything-but': { wildcard: '*/x/*' } }] }, { a: '1/x/2' }, false],
    ['text is no number', { a: [{ numeric: ['=', 5] }] }, { a: '5' }, false],
    ['a wildcard, with an asterisk of its own', { a: [{ wildcard: 'x\\*y*' }] }, { a: 'x*y z' }, true],
    ['a wildcard, with a backslash', { a: [{ wildcard: 'x\\\\*' }] }, { a: 'x\\y' }, true],
    ['a suffix ignoring case', { a: [{ suffix: { 'equals-ignore-case': 'PNG' } }] }, { a: 'x.png' }, true],
    ['a block of addresses', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.0.255' }, true],
    ['a block of addresses, another', { a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.1.0' }, false],
    ['a block of IPv6 addresses', { a: [{ cidr: '2001:db8::/33' }] }, { a: '2001:db8:7fff::1' }, true],
    ['a block of addresses, no address', { a: [{ cidr: '10.0.0.0/24' }] }, { a: 'ten' }, false],
    ['an address, written otherwise', { a: ['2001:db8::1'] }, { a: '2001:0DB8:0:0::1' }, true],
  ])('%s', (_name, pattern, subject, expected) => {
    expect(compilePattern(pattern)(subject)).toBe(expected);
  });

  const list = {
    list: [
      { a: 1, b: 2 },
      { a: 3, b: 4, c: 5 },
    ],
    texts: ['x', 'y'],
  };
  test.each<[string, JsonObject, boolean]>([
    ['two members of one item', { list: { a: [3], b: [4] } }, true],
    ['members of two items', { list: { a: [1], b: [4] } }, false],
    ['a member that this item lacks', { list: { a: [1], c: [{ exists: false }] } }, true],
    ['a member that this item has', { list: { a: [3], c: [{ exists: false }] } }, false],
    ['a member that some item has', { list: { c: [{ exists: false }] } }, false],
    ['items of two lists', { list: { a: [1] }, texts: ['y'] }, true],
  ])('of one item of a list: %s', (_name, pattern, expected) => {
    expect(compilePattern(pattern)(list)).toBe(expected);
  });
});

describe('$or', () => {
  const or = { $or: [{ a: ['y'] }, { b: ['z'] }] };
  test.each<[string, JsonObject, JsonObject, boolean]>([
    ['beside a member, which is needed', { c: [1], ...or }, { b: 'z' }, false],
    ['beside a member', { c: [1], ...or }, { b: 'z', c: 1 }, true],
    ['before the same member, which then holds', { ...or, a: ['x'] }, { a: 'y' }, false],
    [
      'behind the same member, which holds in the other alternative',
      { a: ['x'], ...or },
      { a: 'x', b: 'z' },
      true,
    ],
    ['behind the same member, which its alternative replaces', { a: ['x'], ...or }, { a: 'y' }, true],
    ['within a member', { d: or }, { d: { b: 'z' } }, true],
    ['within $or', { $or: [{ ...or, c: [1] }, { d: [2] }] }, { c: 1, a: 'y' }, true],
    ['twice', { $or: [{ c: or }, { d: [1] }] }, { c: { a: 'x' }, d: 2 }, false],
  ])('%s', (_name, pattern, subject, expected) => {
    expect(compilePattern(pattern)(subject)).toBe(expected);
  });
});

describe('what EventBridge refuses', () => {
  test.each<[string, unknown]>([
    ['an empty object', { a: {} }],
    ['an empty list', { a: [] }],
    ['a list within a list', { a: [['x']] }],
    ['an empty match expression', { a: [{}] }],
    ['anything-but of nothing', { a: [{ 'anything-but': [] }] }],
    ['anything-but of text and numbers', { a: [{ 'anything-but': ['x', 5] }] }],
    ['anything-but null', { a: [{ 'anything-but': null }] }],
    ['anything-but of objects', { a: [{ 'anything-but': [{ prefix: 'x' }] }] }],
    ['anything-but of an unknown operator', { a: [{ 'anything-but': { numeric: ['>', 1] } }] }],
    ['anything-but of two operators', { a: [{ 'anything-but': { prefix: 'x', suffix: 'y' } }] }],
    ['anything-but of an empty prefix', { a: [{ 'anything-but': { prefix: '' } }] }],
    ['exists as text', { a: [{ exists: 'true' }] }],
    ['a prefix that is a number', { a: [{ prefix: 5 }] }],
    ['two wildcards in a row', { a: [{ wildcard: 'x**' }] }],
    ['an escape of something else', { a: [{ wildcard: 'x\\n' }] }],
    ['a backslash at the end', { a: [{ wildcard: 'x\\' }] }],
    ['an upper bound first', { a: [{ numeric: ['<', 5, '>', 0] }] }],
    ['three bounds', { a: [{ numeric: ['>', 0, '<', 5, '<', 6] }] }],
    ['a bound that is text', { a: [{ numeric: ['>', '0'] }] }],
    ['a range without anything in it', { a: [{ numeric: ['>', 5, '<', 5] }] }],
    ['a block that is an address', { a: [{ cidr: '10.0.0.1' }] }],
    ['a block of one address', { a: [{ cidr: '10.0.0.1/32' }] }],
    ['a block of no address', { a: [{ cidr: 'ten/8' }] }],
    ['$or of one', { $or: [{ a: ['x'] }] }],
    ['$or that is an object', { $or: { a: ['x'], b: ['y'] } }],
    ['$or of text', { $or: ['a', 'b'] }],
    ['$or with an empty object', { $or: [{}, { a: ['x'] }] }],
    ['an operator as a member inside $or', { $or: [{ prefix: ['x'] }, { a: ['x'] }] }],
    ['more than 2,048 characters', { a: ['x'.repeat(2048)] }],
    ['a list', ['a']],
    ['null', null],
  ])('%s', (_name, pattern) => {
    expect(() => compilePattern(pattern)).toThrow(/event pattern/);
  });

  test('an operator is a member like any other outside of $or', () => {
    expect(compilePattern({ prefix: ['x'] })({ prefix: 'x' })).toBe(true);
  });
});

describe('properties of patterns', () => {
  const leaf = fc.constantFrom<Json>('x', 'y', '', 1, 2, null, true);
  const value = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b'), tie('value'), { maxKeys: 2 }),
    ),
  })).value;

  test('a member exists or is absent, and what is not x exists', () => {
    fc.assert(
      fc.property(value, leaf, (a, x) => {
        const passes = (matcher: Json) => compilePattern({ a: [matcher] })({ a });
        expect(passes({ exists: true })).toBe(!passes({ exists: false }));
        if (passes(x)) expect(passes({ exists: true })).toBe(true);
        if (typeof x === 'string' && passes({ 'anything-but': x }))
          expect(passes({ exists: true })).toBe(true);
      }),
    );
  });

  test('the order of members does not matter without $or', () => {
    fc.assert(
      fc.property(value, leaf, leaf, (list, one, other) => {
        const [first, second] = [{ a: [one] }, { b: [other] }];
        expect(compilePattern({ list: { ...first, ...second } })({ list })).toBe(
          compilePattern({ list: { ...second, ...first } })({ list }),
        );
      }),
    );
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
