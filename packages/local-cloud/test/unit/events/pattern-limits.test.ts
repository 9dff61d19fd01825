import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type Json, type JsonObject, parseJson } from '../../../src/base/json.ts';
import { addressBits } from '../../../src/events/address-bits.ts';
import { compilePattern } from '../../../src/events/pattern.ts';
import { wildcardComplexity } from '../../../src/events/wildcard-complexity.ts';
import { sampleCloud } from '../sample-cloud.ts';

/** The lines of event-ruler.tsv: what Event Ruler 2.0.1 said of random patterns and events. */
const verdicts = readFileSync(new URL('event-ruler.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t'));

test.each(verdicts)('Event Ruler says %s of %s and %s', (verdict, pattern = '', event = '') => {
  const judge = (): string => {
    const subject = parseJson(event);
    return String(isJsonObject(subject) && compilePattern(parseJson(pattern))(subject));
  };
  if (verdict === 'refused') expect(judge).toThrow(/event pattern/);
  else expect(judge()).toBe(verdict);
});

const wildcards = (...texts: string[]): JsonObject => ({ a: texts.map((wildcard) => ({ wildcard })) });

describe('a pattern with many wildcards', () => {
  test.each<[string, JsonObject]>([
    ['one with six', wildcards('*:*:*:*:*:event-bus/*')],
    [
      'four with the same middle',
      wildcards('*/datasync/*.bif', '*/datasync/*.tif', '*/datasync/*.tiff', '*/datasync/*.svs'),
    ],
    [
      'four of stacks',
      wildcards('*:stack/One/*', '*:stack/Two/*', '*:stack/Three/*', '*:stack/MonitoringStack/*'),
    ],
    [
      'four, each in an alternative of $or',
      { $or: ['bif', 'tif', 'tiff', 'svs'].map((end) => wildcards(`*/datasync/*.${end}`)) },
    ],
    [
      'anything-but of many',
      { a: [{ 'anything-but': { wildcard: ['*:*:*:a', '*:*:*:b', '*:*:*:c', '*:*:*:d'] } }] },
    ],
  ])('that EventBridge refuses is refused: %s', (_name, pattern) => {
    expect(() => compilePattern(pattern)).toThrow(/event pattern, a: the rule is too complex/);
  });

  test.each<[string, JsonObject]>([
    ['two with the same middle', wildcards('*/datasync/*.bif', '*/datasync/*.tif')],
    ['three of stacks', wildcards('*:stack/One/*', '*:stack/Two/*', '*:stack/Three/*')],
    ['four suffixes', wildcards('*.bif', '*.tiff', '*.tif', '*.svs')],
    ['that says the same often', wildcards(...Array.from({ length: 9 }, () => '*/x/*'))],
    ['with asterisks that are none', wildcards('\\*:\\*:\\*:\\*:\\*:\\*:\\*:\\*:\\*:\\*:\\*:\\*')],
    [
      'one that both alternatives of $or replace',
      { ...wildcards('*:*:*:*:*:event-bus/*'), $or: [{ a: ['x'] }, { a: ['y'] }] },
    ],
    ['in several leaves', { a: [{ wildcard: '*:*:*:x' }], b: [{ wildcard: '*:*:*:x' }] }],
  ])('that EventBridge takes is taken: %s', (_name, pattern) => {
    expect(compilePattern(pattern)({ a: 'no' })).toBe(false);
  });

  /** Taken from Event Ruler 2.0.1 itself. */
  test.each<[number, readonly (readonly string[])[]]>([
    [0, [[]]],
    [2, [['a*']]],
    [3, [['arn:aws:events:us-east-1:*:event-bus/*']]],
    [5, [['arn:*:*:*']]],
    [8, [['*.bif'], ['*.tif'], ['*.tiff'], ['*.svs']]],
    [8, [['*/datasync/*.bif'], ['*/datasync/*.tif']]],
  ])('has a complexity of %i: %j', (complexity, matchers) => {
    expect(wildcardComplexity(matchers)).toBe(complexity);
  });

  test('of any kind is judged soon', () => {
    expect(wildcardComplexity([['*a'.repeat(500)]])).toBe(11);
    expect(wildcardComplexity([[`${'a*b'.repeat(3)}${'x'.repeat(1500)}`]])).toBeLessThan(11);
  });
});

describe('$or makes at most 1,000 rules', () => {
  const doubled = (times: number): Json => {
    const $or = [{ a: ['x'] }, { b: ['x'] }];
    return times === 1 ? { $or } : { $or, c: doubled(times - 1) };
  };

  test.each([9, 10, 50])('2 to the power of %i', (times) => {
    const compile = () => compilePattern(doubled(times));
    if (times < 10) expect(compile()({})).toBe(false);
    else expect(compile).toThrow(/\$or makes more than 1000 combinations/);
  });
});

describe('addresses in a pattern', () => {
  const matches = (matcher: Json, a: Json) => compilePattern({ a: [matcher] })({ a });

  test.each<[string, Json, string, boolean]>([
    ['IPv4 within IPv6 is IPv4', '::ffff:a00:1', '10.0.0.1', true],
    ['IPv4 within IPv6, with dots, is text', '::ffff:10.0.0.1', '10.0.0.1', false],
    ['which is equal to itself', '::ffff:10.0.0.1', '::ffff:10.0.0.1', true],
    ['a zone is text', 'fe80::1%eth0', 'fe80:0::1%eth0', false],
    ['all zeros', '::', '0:0:0:0:0:0:0:0', true],
    ['a block in the middle of a byte', { cidr: '10.0.0.9/30' }, '10.0.0.11', true],
    ['the next block', { cidr: '10.0.0.9/30' }, '10.0.0.12', false],
    ['all of IPv6', { cidr: '::/0' }, '2001:db8::1', true],
    ['a block of IPv6 and an address of IPv4', { cidr: '::/0' }, '10.0.0.1', false],
    ['an address that is in anything-but', { 'anything-but': '10.0.0.1' }, '10.0.0.1', false],
  ])('%s', (_name, matcher, value, expected) => {
    expect(matches(matcher, value)).toBe(expected);
  });

  test.each(['::ffff:a00:0/120', '::ffff:10.0.0.0/100', '10.0.0.0/-1', '10.0.0/8', '/8', '2001:db8::/128'])(
    'a block that is none is refused: %s',
    (cidr) => {
      expect(() => matches({ cidr }, 'x')).toThrow(/event pattern, a: cidr/);
    },
  );

  test('an address of IPv6 has 128 digits in every way to write it', () => {
    const written = fc.ipV6().filter((text) => !text.includes('.'));
    fc.assert(
      fc.property(written, (text) => {
        const bits = addressBits(text);
        const url = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        expect(addressBits(url)).toBe(bits);
        expect([32, 128]).toContain(bits?.length);
      }),
    );
  });
});

test.each<[string, Json]>([
  ['anything-but of no prefix', { 'anything-but': { prefix: [] } }],
  ['a number that is none', { numeric: ['>', Number.POSITIVE_INFINITY] }],
])('%s is refused', (_name, matcher) => {
  expect(() => compilePattern({ a: [matcher] })).toThrow(/event pattern, a/);
});

test('a template whose rule EventBridge would refuse does not start, and says which rule and where', async () => {
  const Properties = { EventPattern: { detail: { state: 'stopped' } }, Targets: [] };
  const resources = { Stopped: { Type: 'AWS::Events::Rule', Properties } };
  await expect(sampleCloud({ resources })).rejects.toThrow(
    /EventBridge refuses rule Stopped: event pattern, detail\.state: expected a list/,
  );
});
