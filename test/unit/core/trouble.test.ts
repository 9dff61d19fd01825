import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatIncident, parseIncidents } from '../../../shared/core/model/incident.ts';

it('an incident survives its tag, with and without its history and the host that it is of', () => {
  const week = 7 * 24 * 3600_000;
  const entry = fc
    .record(
      {
        code: fc.stringMatching(/^[a-z-]{1,40}$/u),
        since: fc.integer({ min: 0, max: Date.parse('9999-12-31T23:59:59.999Z') }),
        notifications: fc.integer({ min: 0, max: 999_999_999 }),
        cause: fc.stringMatching(/^[0-9a-z]{4}$/u),
        notifiedAt: fc.integer({ min: 0, max: week }),
        clearedAt: fc.integer({ min: 0, max: week }),
        flaps: fc.integer({ min: 1, max: 999 }),
      },
      { requiredKeys: ['code', 'since', 'notifications'] },
    )
    .map(({ notifiedAt, clearedAt, ...each }) => ({
      ...each,
      ...(notifiedAt !== undefined && { notifiedAt: each.since + notifiedAt }),
      ...(clearedAt !== undefined && { clearedAt: each.since + clearedAt }),
    }));
  const subject = fc.option(fc.stringMatching(/^[A-Za-z0-9.-]{1,100}$/u), { nil: undefined });
  fc.assert(
    fc.property(fc.array(fc.tuple(entry, subject), { maxLength: 3 }), (entries) => {
      const value = entries.map(([each, who]) => formatIncident(each, who)).join(' ');
      expect(parseIncidents(value)).toEqual(entries.map(([each, who]) => [who ?? '', each]));
    }),
  );
});

it('whatever a tag holds, reading it as incidents ends, and gives only what can be written again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      for (const [who, each] of parseIncidents(value))
        expect(parseIncidents(formatIncident(each, who === '' ? undefined : who))).toEqual([[who, each]]);
    }),
  );
});
