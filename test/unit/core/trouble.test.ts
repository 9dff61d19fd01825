import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTrouble, parseTroubles, weigh } from '../../../shared/core/trouble.ts';

const hour = 3600_000;
const since = Date.parse('2026-11-22T10:00:00.123Z');
const trouble = { code: 'unreachable', since, told: 1 };

it('a trouble survives its tag, with and without the host that it is of', () => {
  const entry = fc.record({
    code: fc.stringMatching(/^[a-z-]{1,40}$/u),
    since: fc.integer({ min: 0, max: Date.parse('9999-12-31T23:59:59.999Z') }),
    told: fc.integer({ min: 0, max: 999_999_999 }),
  });
  const subject = fc.option(fc.stringMatching(/^[A-Za-z0-9.-]{1,100}$/u), { nil: undefined });
  fc.assert(
    fc.property(fc.array(fc.tuple(entry, subject), { maxLength: 3 }), (entries) => {
      const value = entries.map(([each, who]) => formatTrouble(each, who)).join(' ');
      expect(parseTroubles(value)).toEqual(entries.map(([each, who]) => [who ?? '', each]));
    }),
  );
});

it('whatever a tag holds, reading it as troubles ends, and gives only what can be written again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      for (const [who, each] of parseTroubles(value))
        expect(parseTroubles(formatTrouble(each, who === '' ? undefined : who))).toEqual([[who, each]]);
    }),
  );
});

describe('one piece of evidence', () => {
  const weighed = (before: typeof trouble | undefined, raised: boolean, at: number, known = 0, now = at) =>
    weigh(before, { code: 'unreachable', raised, at }, known, now, 6 * hour);

  it.each([
    ['a first failure is told', undefined, true, since, 0, trouble, 'failure'],
    [
      'a failure before what is known to be well is old news',
      undefined,
      true,
      since,
      since,
      undefined,
      undefined,
    ],
    ['a failure that goes on is not told again', trouble, true, since + hour, 0, trouble, undefined],
    ['nothing wrong stays so', undefined, false, since, 0, undefined, undefined],
    ['a success after it is a recovery', trouble, false, since + 1, 0, undefined, 'recovery'],
    ['a success of the same moment is none', trouble, false, since, 0, trouble, undefined],
    ['a success before it is none', trouble, false, since - 1, 0, trouble, undefined],
  ] as const)('%s', (_name, before, raised, at, known, expected, tell) => {
    expect(weighed(before, raised, at, known)).toEqual({ trouble: expected, tell });
  });

  it('what nobody was told of ends without a word', () => {
    expect(weighed({ ...trouble, told: 0 }, false, since + 1)).toEqual({
      trouble: undefined,
      tell: undefined,
    });
  });

  it('that has to last is told when it has lasted', () => {
    const evidence = { code: 'no-primary', raised: true, at: since, confirmAfter: 45_000 };
    const first = weigh(undefined, evidence, 0, since, 6 * hour);
    expect(first).toEqual({ trouble: { code: 'no-primary', since, told: 0 }, tell: undefined });
    expect(weigh(first.trouble, evidence, 0, since + 44_999, 6 * hour).tell).toBeUndefined();
    expect(weigh(first.trouble, evidence, 0, since + 45_000, 6 * hour)).toEqual({
      ...{ trouble: { code: 'no-primary', since, told: 1 }, tell: 'failure' },
    });
  });
});
