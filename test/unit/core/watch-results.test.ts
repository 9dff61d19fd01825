import { describe, expect, it } from 'vitest';
import type { ObservedPush } from '../../../shared/core/model/observation.ts';
import type { ScriptLine, SecondaryLine, WatchLine } from '../../../shared/core/model/script-line.ts';
import { tagKeys } from '../../../shared/core/model/tag-keys.ts';
import { parseTime } from '../../../shared/core/model/time.ts';
import { didNothing, earlyEnd, knownUntil } from '../../../shared/core/model/watch-result.ts';
import type { OutcomeAction } from '../../../shared/core/results/outcome-action.ts';
import { instanceId } from './fixtures.ts';
import { line, push, SimulatedResults, start, type Went } from './simulated-results.ts';

const [primary, second, third] = [instanceId(1), instanceId(2), instanceId(3)];
const seconds = (count: number) => start + count * 1000;

/** A push that watched until the next tick took over. */
interface Watched {
  /** When it was asked for, and how long it ran, in seconds. */
  readonly at?: number;
  readonly ran?: number;
  readonly ended?: string;
  /** How it went for the second host; and, of its time, up to when that has everything. */
  readonly went?: Went;
  readonly until?: number;
  readonly files?: number;
  /** What the host's clock is ahead. */
  readonly skew?: number;
  readonly more?: readonly SecondaryLine[];
}

function watched(given: Watched = {}): ObservedPush {
  const { at = 0, ran = 60, ended = 'successor', went = 'ok', until = ran, skew = 0 } = given;
  const began = seconds(at) / 1000 + 1.5 + skew;
  const said: WatchLine = {
    kind: 'watch',
    rung: 'fanotify',
    ended,
    cycles: 9,
    walks: 1,
    arrivals: 40,
    p50: 0.2,
    p99: 0.6,
    max: 0.9,
  };
  const own = { ...line(second, went, seconds(at), given.files ?? 3), started: began + until };
  const whole = push([own, ...(given.more ?? [])], seconds(at));
  const lines = whole.lines.flatMap((each): readonly ScriptLine[] =>
    each.kind === 'push' ? [said, { ...each, started: began, seconds: ran }] : [each],
  );
  return { ...whole, watches: true, lines };
}

/** A tick that came while a later push watched. */
function superseded(at: number): ObservedPush {
  const busy = push([line(second, 'busy', seconds(at)), line(third, 'busy', seconds(at))], seconds(at));
  return {
    ...busy,
    watches: true,
    lines: busy.lines.map((each) => (each.kind === 'push' ? { ...each, secondaries: 2, busy: 2 } : each)),
  };
}

const running = (at: number): ObservedPush => ({
  ...watched({ at }),
  lines: [],
  status: 'under-way',
  detail: 'InProgress',
  exitCode: undefined,
});

const watchedGroup = (secondaries = 1) => {
  const group = new SimulatedResults(secondaries);
  group.tags(1)[tagKeys.options] = 'watch=auto';
  return group;
};
const syncedAt = (group: SimulatedResults, number = 2) => parseTime(group.tags(number)[tagKeys.syncedAt]);
const measured = (actions: readonly OutcomeAction[]) =>
  Object.assign({}, ...actions.flatMap((each) => (each.kind === 'measure' ? [each.values] : [])));

describe('up to when a watch knows of a secondary', () => {
  const own = (result: ObservedPush) => {
    const found = result.lines.find((each) => each.kind === 'secondary');
    if (found === undefined) throw new Error('fixture');
    return knownUntil(result, found, seconds(100));
  };
  it.each<[string, Watched, number]>([
    ['its end, where nothing was missing then', {}, 60],
    ['an earlier moment, where something was still on its way', { until: 41 }, 41],
    ['its beginning, where nothing is known since', { until: 0 }, 0],
    ['the same by a clock that is hours off', { skew: 7200 }, 60],
    ['never later than its end, whatever a clock that was set says', { until: 7000 }, 60],
    ['never earlier than it was asked for', { until: -500 }, 0],
    ['of one that fails: its end, when that was told', { went: 'unreachable', until: 5 }, 60],
  ])('is %s', (_name, given, expected) => {
    expect(own(watched(given))).toBe(seconds(expected));
  });

  it('is what it was asked for where it did not watch: what came while it looked may be missing', () => {
    expect(own(push([line(second)]))).toBe(start);
  });

  it('is never later than now', () => {
    const result = watched({ ran: 300, until: 300 });
    expect(own(result)).toBe(seconds(100));
  });
});

describe('how far behind a secondary is', () => {
  it('is seconds, when the result of a watch comes', () => {
    const group = watchedGroup();
    group.now = seconds(62);
    expect(measured(group.actions([watched()]))).toMatchObject({
      SecondsBehind: 2,
      SecondariesFailing: 0,
      LagP50: 0.2,
      LagP99: 0.6,
      FilesSent: 3,
    });
    group.record([watched()]);
    expect(syncedAt(group)).toBe(seconds(60));
    expect(syncedAt(group, 1)).toBe(start);
  });

  it('is left to the next result by a tick: that could only tell how old the last one is', () => {
    const group = watchedGroup();
    group.now = seconds(62);
    group.record([watched()]);
    group.now = seconds(121);
    expect(measured(group.actions([], true))).toEqual({ SecondariesFailing: 0 });
  });

  it('is reported by a tick when no result comes', () => {
    const group = watchedGroup();
    group.now = seconds(62);
    group.record([watched()]);
    group.now = seconds(241);
    expect(measured(group.actions([], true))).toMatchObject({ SecondsBehind: 181 });
  });

  it('has no time of a push: that one stayed says nothing of its work', () => {
    const group = watchedGroup();
    expect(measured(group.actions([watched()]))).not.toHaveProperty('PushSeconds');
  });
});

describe('results that overlap: the next push is asked for before the one that watches has ended', () => {
  it('all of them count, once', () => {
    const group = watchedGroup();
    const results = [watched(), watched({ at: 59 }), watched({ at: 118 })];
    for (const result of results) {
      group.now = result.requestedAt + 62_000;
      group.record([result]);
      expect(measured(group.actions([result]))).not.toHaveProperty('FilesSent');
    }
    expect(group.types()).toEqual(['Files Synced', 'Files Synced', 'Files Synced']);
    expect(syncedAt(group)).toBe(seconds(178));
    // A tick lists them all again
    group.record([...results], true);
    expect(group.types().length).toBe(3);
  });

  it('a failure in the next one sends an event, though that was asked for before the last good moment', () => {
    const group = watchedGroup();
    group.now = seconds(62);
    group.record([watched()]);
    group.now = seconds(75);
    const next = watched({ at: 59, ran: 15, ended: 'outcome changed', went: 'unreachable' });
    group.record([next]);
    expect(group.types()).toContain('Sync Failed');
    // It comes again, after a push that found the host well
    group.now = seconds(140);
    group.record([watched({ at: 75 })]);
    expect(group.types()).toContain('Sync Recovered');
    const notifications = group.notifications.length;
    group.record([next, watched({ at: 75 })], true);
    expect(group.notifications.length).toBe(notifications);
    expect(group.tags(2)[tagKeys.state]).toBe('in-sync');
  });

  it('a command that ends late, for a slow host, says nothing new of the others', () => {
    const group = watchedGroup(2);
    group.now = seconds(130);
    group.record([watched({ at: 59, more: [line(third, 'busy')] })]);
    expect(syncedAt(group)).toBe(seconds(119));
    // Its second host failed within its minute; the third one took the time
    const slow = watched({ ran: 128, went: 'unreachable', more: [line(third, 'ok', seconds(59), 1)] });
    group.record([slow]);
    expect(group.types()).not.toContain('Sync Failed');
    expect(group.tags(2)[tagKeys.state]).toBe('in-sync');
    expect(syncedAt(group, 3)).toBe(start);
  });
});

describe('a tick that came twice, or late', () => {
  it('did nothing', () => {
    expect(didNothing(superseded(1))).toBe(true);
    expect(didNothing(watched())).toBe(false);
    expect(didNothing(running(0))).toBe(false);
  });

  it('ends no incident, answers no acceptance, and makes no old news of the watch', () => {
    const group = watchedGroup(2);
    const id = '0123456789abcdef';
    const held = { kind: 'deletions-held', id, count: 9, total: 9, reason: 'many', examples: [] } as const;
    const holds = (result: ObservedPush) => ({ ...result, lines: [held, ...result.lines] });
    group.record([holds(watched())]);
    group.tags(1)[tagKeys.acceptDeletions] = id;
    group.record([superseded(1)]);
    expect(group.types()).toContain('Deletions Held');
    expect(group.types()).not.toContain('Group Recovered');
    expect(group.tags(1)[tagKeys.acceptDeletions]).toBe(id);
    group.now = seconds(120);
    group.record([superseded(60.5)]);
    group.record([watched({ at: 60, ran: 58 })]);
    expect(group.types()).toContain('Group Recovered');
    expect(syncedAt(group, 1)).toBe(seconds(60));
  });
});

describe('a push that still runs', () => {
  const overruns = (group: SimulatedResults, result: ObservedPush) => {
    group.record([result], true);
    return group.types().includes('Push Overrun');
  };
  it.each([
    ['and watches, is well until its lease is over', 149, false],
    ['and watches, sends an event when its lease is over', 151, true],
  ])('%s', (_name, after, notifications) => {
    const group = watchedGroup();
    group.now = seconds(after);
    expect(overruns(group, running(0))).toBe(notifications);
  });

  it('has the lease of the tag', () => {
    const group = watchedGroup();
    group.tags(1)[tagKeys.options] = 'watch=auto lease=600';
    group.now = seconds(599);
    expect(overruns(group, running(0))).toBe(false);
  });

  it('and does not watch, is an overrun after a minute as ever', () => {
    const group = watchedGroup();
    group.now = seconds(61);
    expect(overruns(group, { ...running(0), watches: false })).toBe(true);
  });
});

it('a watch that ended to tell of something says so', () => {
  expect(earlyEnd(watched({ ended: 'outcome changed' }))).toBe('outcome changed');
  for (const ended of ['successor', 'lease', 'fenced', 'signal 15'])
    expect(earlyEnd(watched({ ended }))).toBe(undefined);
  expect(earlyEnd(push([line(primary)]))).toBe(undefined);
});
