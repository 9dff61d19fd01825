import { describe, expect, it } from 'vitest';
import { formatProbe, isDecided, isPast, parseProbe } from '../../../shared/core/succession/probe.ts';
import { closeLook, instanceId } from './fixtures.ts';

const now = Date.parse('2026-11-22T10:00:00.000Z');
const [first, second, third] = [instanceId(1), instanceId(2), instanceId(3)];

describe('the note on a probe', () => {
  const probe = { instance: first, commands: ['c-1', 'c-2'], by: [second, third], requestedAt: now };

  it('is read as it was written', () => {
    expect(parseProbe(formatProbe(probe), now + 1000)).toEqual(probe);
    const nobody = { ...probe, commands: [], by: [] };
    expect(parseProbe(formatProbe(nobody), now)).toEqual(nobody);
  });

  it.each([
    ['there is none', undefined, now],
    ['it is no note on a probe', 'x', now],
    ['its time is none', `${first} yesterday c-1 ${second}`, now],
    ['it is too old to count', formatProbe(probe), now + 90_001],
  ])('counts for nothing where %s', (_name, value, at) => {
    expect(parseProbe(value, at)).toBeUndefined();
  });
});

describe('a probe', () => {
  const no = { by: second, reached: false, message: 'timed out' };
  const asked = (more: Parameters<typeof closeLook>[2]) =>
    closeLook(first, [no], { requestedAt: now, ended: false, ...more });

  it.each([
    ['all are done', asked({ ended: true }), 0, true],
    ['one has reached it', asked({ probes: [no, { ...no, reached: true }] }), 0, true],
    ['nobody is waited for any longer', asked({}), 45_001, true],
    ['some still look', asked({}), 45_000, false],
  ])('is decided or not: %s', (_name, seen, later, decided) => {
    expect(isDecided(seen, now + later)).toBe(decided);
  });

  it('is made anew by the next tick', () => {
    expect([45_000, 45_001].map((later) => isPast(asked({}), now + later))).toEqual([false, true]);
  });
});
