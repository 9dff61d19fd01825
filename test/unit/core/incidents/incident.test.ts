import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assess,
  type Evidence,
  flapWindow,
  type IncidentPolicy,
  isRaised,
  type Notice,
  resolveAfter,
} from '../../../../shared/core/incidents/incident.ts';
import type { Incident } from '../../../../shared/core/model/incident.ts';
import { runs } from '../thoroughness.ts';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.parse('2026-11-22T10:00:00.000Z');
const policy: IncidentPolicy = { groupWait: 30, groupInterval: 300, remindAfter: 21_600 };
const undamped: IncidentPolicy = { ...policy, groupWait: 0, groupInterval: 0 };

/** One condition, observed once a minute: `x` or another letter is its cause, `.` that it does not hold. */
function observe(
  story: string,
  { policy: its = policy, ...more }: Partial<Evidence> & { readonly policy?: IncidentPolicy } = {},
): readonly (readonly [number, Notice])[] {
  let incident: Incident | undefined;
  const notices: (readonly [number, Notice])[] = [];
  for (const [index, letter] of [...story].entries()) {
    const at = start + index * minute;
    const evidence = { code: 'unreachable', raised: letter !== '.', at, cause: letter, ...more };
    const assessed = assess(incident, evidence, its, at + 5000);
    incident = assessed.incident;
    if (assessed.notice !== undefined) notices.push([index, assessed.notice]);
  }
  return notices;
}

describe('what is notified, minute by minute', () => {
  it.each<[string, string, number, readonly (readonly [number, Notice])[]]>([
    ['nothing wrong', '.....', 30, []],
    ['a condition that must hold for 30 s', 'xxxx', 30, [[1, 'raised']]],
    ['one that is gone before that', 'x.x.x.', 30, []],
    ['one that must not hold at all', 'x', 0, [[0, 'raised']]],
    ['one that must hold for two minutes', 'xxxx', 120, [[2, 'raised']]],
    [
      'resolved at once the first time',
      'xx.',
      30,
      [
        [1, 'raised'],
        [2, 'resolved'],
      ],
    ],
    [
      'one that comes back sends a message again, and its second end only after five minutes without it',
      'xx.xx.......',
      30,
      [
        [1, 'raised'],
        [2, 'resolved'],
        [4, 'raised'],
        [10, 'resolved'],
      ],
    ],
    [
      'while it flaps no more messages are sent',
      'xx.xx.x.x.x.x.x.x.x.x.x.x.x.x.x.x.',
      30,
      [
        [1, 'raised'],
        [2, 'resolved'],
        [4, 'raised'],
      ],
    ],
    [
      'another cause sends a message when five minutes are over',
      'xxyyyyyy',
      0,
      [
        [0, 'raised'],
        [5, 'changed'],
      ],
    ],
    ['another cause that went away before that sent no notification', 'xxyyxxxxxx', 0, [[0, 'raised']]],
    [
      'causes that take turns send a message every five minutes at most',
      'xyxyxyxyxyxy',
      0,
      [
        [0, 'raised'],
        [5, 'changed'],
        [10, 'changed'],
      ],
    ],
  ])('%s', (_name, story, seconds, expected) => {
    expect(observe(story, { for: seconds * 1000 })).toEqual(expected);
  });

  it('a reminder comes every six hours, whatever happened to the causes', () => {
    const notices = observe('x'.repeat(13 * 60), { for: 0 });
    expect(notices).toEqual([
      [0, 'raised'],
      [360, 'reminder'],
      [720, 'reminder'],
    ]);
  });

  it('without damping each end and each cause sends a message at once', () => {
    expect(observe('x.x.xy', { policy: undamped })).toEqual([
      ...([
        [0, 'raised'],
        [1, 'resolved'],
        [2, 'raised'],
        [3, 'resolved'],
        [4, 'raised'],
        [5, 'changed'],
      ] as const),
    ]);
  });

  it('what comes back after more than an hour is no flapping', () => {
    const quiet = '.'.repeat(62);
    expect(observe(`xx.${quiet}xx.`, { for: 0 }).map(([, notice]) => notice)).toEqual([
      ...(['raised', 'resolved', 'raised', 'resolved'] as const),
    ]);
  });
});

it('the end of what came back is sent later each time, an hour at most', () => {
  expect([0, 1, 2, 3, 4, 400].map((flaps) => resolveAfter(flaps, policy) / 1000)).toEqual([
    0, 300, 1200, 3600, 3600, 3600,
  ]);
});

it('however a host flaps, it makes seven messages in its first hour at most, and three in any later one', () => {
  const story = fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 })), {
    minLength: 20,
    maxLength: 60,
  });
  fc.assert(
    fc.property(story, (turns) => {
      const text = turns.map(([bad, good]) => 'x'.repeat(bad) + '.'.repeat(good)).join('');
      const notices = observe(text)
        .filter(([, notice]) => notice !== 'reminder')
        .map(([at]) => at);
      const within = (from: number) => notices.filter((at) => at >= from && at < from + 60).length;
      const [first = 0] = notices;
      expect(within(first)).toBeLessThanOrEqual(7);
    }),
    { numRuns: runs(200) },
  );
});

describe('what comes late, twice or out of order', () => {
  const raised = (at: number, cause = 'x'): Evidence => ({ code: 'unreachable', raised: true, at, cause });
  const clear = (at: number): Evidence => ({ code: 'unreachable', raised: false, at });
  const open = assess(undefined, raised(start), policy, start + 1000).incident;

  it('a failure before what is known to be well is old news', () => {
    const evidence = { ...raised(start), knownUntil: start };
    expect(assess(undefined, evidence, policy, start)).toEqual({ incident: undefined, notice: undefined });
  });

  it.each([
    ['the same failure again', raised(start)],
    ['the same cause later', raised(start + minute)],
    ['another cause from before the last message', raised(start, 'y')],
    ['a success of the same moment', clear(start)],
    ['a success before it', clear(start - 1)],
  ])('%s changes nothing', (_name, evidence) => {
    expect(assess(open, evidence, policy, start + 10 * minute)).toEqual({
      incident: open,
      notice: undefined,
    });
  });

  it('an old failure does not bring back what is over', () => {
    const over = assess(open, clear(start + minute), policy, start + minute).incident;
    expect(isRaised(over)).toBe(false);
    expect(assess(over, raised(start), policy, start + 2 * minute)).toEqual({
      incident: over,
      notice: undefined,
    });
  });

  it('one observation, seen again a minute later, does not confirm itself', () => {
    const evidence = { ...raised(start), for: 30_000 };
    const pending = assess(undefined, evidence, policy, start).incident;
    expect(assess(pending, evidence, policy, start + minute).notice).toBeUndefined();
    expect(assess(pending, { ...evidence, at: start + minute }, policy, start + minute).notice).toBe(
      'raised',
    );
  });
});

it('what begins near the last message of its kind waits, and sends its own when that is over', () => {
  const evidence = { code: 'disk-full', raised: true, at: start, notBefore: start + 4 * minute };
  const held = assess(undefined, evidence, policy, start).incident;
  expect(held).toMatchObject({ notifications: 0 });
  expect(
    assess(held, { ...evidence, at: start + 3 * minute }, policy, start + 3 * minute).notice,
  ).toBeUndefined();
  expect(assess(held, { ...evidence, at: start + 4 * minute }, policy, start + 4 * minute).notice).toBe(
    'raised',
  );
});

it('whatever is observed: only what was notified is resolved, and each once', () => {
  const observations = fc.array(
    fc.record({
      raised: fc.boolean(),
      minutes: fc.integer({ min: 1, max: 200 }),
      cause: fc.constantFrom('x', 'y'),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(observations, fc.integer({ min: 0, max: 600 }), (all, seconds) => {
      let incident: Incident | undefined;
      let notifications = false;
      let at = start;
      for (const { raised, minutes, cause } of all) {
        at += minutes * minute;
        const evidence = { code: 'unreachable', raised, at, cause, for: seconds * 1000 };
        const assessed = assess(incident, evidence, policy, at);
        incident = assessed.incident;
        if (assessed.notice === 'raised') {
          expect(notifications).toBe(false);
          notifications = true;
        } else if (assessed.notice === 'resolved') {
          expect(notifications).toBe(true);
          notifications = false;
        } else if (assessed.notice !== undefined) expect(notifications).toBe(true);
        // What is remembered is forgotten at last
        const later = assess(incident, { ...evidence, raised: false, at: at + 3 * flapWindow }, policy, at);
        const last = assess(
          later.incident,
          { ...evidence, raised: false, at: at + 6 * flapWindow },
          policy,
          at,
        );
        const end = assess(
          last.incident,
          { ...evidence, raised: false, at: at + 9 * flapWindow },
          policy,
          at,
        );
        expect(end.incident).toBeUndefined();
      }
    }),
  );
  expect(hour).toBe(flapWindow);
});
