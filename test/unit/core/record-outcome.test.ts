import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../shared/core/model/domain-event.ts';
import { parseIncidents } from '../../../shared/core/model/incident.ts';
import type { ObservedPush } from '../../../shared/core/model/observation.ts';
import type { OutcomeAction } from '../../../shared/core/results/outcome-action.ts';
import { instanceId, secondaryTags } from './fixtures.ts';
import { broken, line, push, SimulatedResults, start, type Went } from './simulated-results.ts';
import { runs } from './thoroughness.ts';

const minute = 60_000;
const [second, third, fourth] = [instanceId(2), instanceId(3), instanceId(4)];
const outside = 'web9.example.com';
const at = (minutes: number) => start + minutes * minute;
const time = (minutes: number) => new Date(at(minutes)).toISOString();

const held = (id: string) =>
  ({ kind: 'deletions-held', id, count: 30, total: 40, reason: 'too many', examples: [] }) as const;

/** What must not follow a second time from the same results. */
const consequences = (actions: readonly OutcomeAction[]) =>
  actions.filter((action) => action.kind !== 'measure' || action.values.FilesSent !== undefined);

/** Who failed or was well again, as people were told, in order. */
const failures = (notifications: readonly DomainEvent[]) =>
  notifications.flatMap((event) =>
    event.type === 'Sync Failed' && event.detail.changed !== true
      ? event.detail.secondaries.map(({ secondary }) => secondary)
      : [],
  );
const recoveries = (notifications: readonly DomainEvent[]) =>
  notifications.flatMap((event) =>
    event.type === 'Sync Recovered' ? event.detail.secondaries.map(({ secondary }) => secondary) : [],
  );

describe('the same results again', () => {
  it.each<[string, ObservedPush]>([
    ['all well, with files', push([line(second, 'ok', start, 3), line(third, 'ok', start, 3)])],
    ['nothing to send', push([line(second), line(third)])],
    [
      'one got only a part of its files',
      push([line(second, 'partial', start, 2), line(third, 'ok', start, 3)]),
    ],
    ['all unreachable', push([line(second, 'unreachable'), line(third, 'unreachable')])],
    [
      'a directory was not sent',
      push([line(second, 'directory-skipped', start, 1), line(third, 'directory-skipped', start, 1)]),
    ],
    ['one is busy', push([line(second, 'busy'), line(third, 'ok', start, 1)])],
    ['a host outside EC2 fails', push([line(outside, 'unreachable'), line(second), line(third)])],
    ['a host that is in no list', push([line(instanceId(99), 'unreachable', start, 5), line(second)])],
    [
      'a line for the end is missing, and the exit code says that it came',
      { ...push([line(second, 'disk-full')]), lines: [line(second, 'disk-full')] },
    ],
    [
      'killed while it served the second host',
      broken('ExecutionTimedOut', [line(second, 'ok', start, 9), line(third, 'partial', start, 4)]),
    ],
    ['cancelled', broken('Cancelled')],
    ['not delivered', broken('DeliveryTimedOut')],
    ['undeliverable', broken('Undeliverable')],
    ['failed without a word', { ...broken('Failed'), exitCode: 1 }],
    [
      'refused',
      {
        ...broken('Failed'),
        exitCode: 13,
        lines: [{ kind: 'error', error: 'not-ready', message: 'no rsync' }],
      },
    ],
  ])('are notified, recorded and counted once: %s', (_name, result) => {
    const group = new SimulatedResults(2, [outside]);
    group.now += 5000;
    expect(consequences(group.actions([result]))).not.toEqual([]);
    group.record([result]);
    expect(consequences(group.actions([result]))).toEqual([]);
    expect(consequences(group.actions([result, result]))).toEqual([]);
    // The next four ticks list it again
    group.now += 4 * minute;
    expect(consequences(group.actions([result], true))).toEqual([]);
  });

  it('say nothing of a group that is gone, or that never had a primary', () => {
    const group = new SimulatedResults(1);
    delete group.tags(1)['hostsync:primary'];
    expect(group.actions([push([line(second, 'unreachable')])])).toEqual([]);
    group.instances.clear();
    expect(group.actions([push([line(second)])])).toEqual([]);
  });
});

describe('a push', () => {
  it('that served 50 secondaries writes all their times with one call, and tells nobody', () => {
    const group = new SimulatedResults(50);
    const ids = Array.from({ length: 50 }, (_, index) => instanceId(index + 2));
    const actions = group.actions([push(ids.map((id) => line(id)))]);
    expect(actions.filter(({ kind }) => kind !== 'measure')).toEqual([
      {
        kind: 'record',
        group: 'web',
        set: { 'hostsync:synced-at': time(0) },
        remove: [],
        instances: [instanceId(1), ...ids],
        reason: expect.any(String),
      },
    ]);
  });

  it('that 50 secondaries did not get is one event, one mail and one call', () => {
    const group = new SimulatedResults(50);
    const ids = Array.from({ length: 50 }, (_, index) => instanceId(index + 2));
    const result = push(ids.map((id) => line(id, 'unreachable')));
    const records = group.actions([result]).filter(({ kind }) => kind === 'record');
    expect(records.length).toBe(2);
    group.record([result]);
    expect(group.notifications).toEqual([
      {
        type: 'Sync Failed',
        detail: {
          version: 1,
          id: expect.stringMatching(/^[0-9a-f]{16}$/u),
          group: 'web',
          primary: instanceId(1),
          since: time(0),
          reminder: 0,
          secondaries: ids.map((secondary) => {
            return {
              secondary,
              error: 'unreachable',
              message: 'it is unreachable',
              syncedAt: time(-1),
              secondsBehind: 60,
            };
          }),
        },
      },
    ]);
  });

  it('that one secondary did not get leaves it behind, the time of its last sync as it was, and the others in sync', () => {
    const group = new SimulatedResults(2);
    group.record([push([line(second, 'disk-full'), line(third, 'ok', start, 2)])]);
    expect(group.tags(2)).toMatchObject({
      'hostsync:state': 'behind',
      'hostsync:synced-at': time(-1),
      'hostsync:incident': expect.stringContaining(`disk-full/${time(0)}/1/`),
    });
    expect(group.tags(3)).toEqual({ ...secondaryTags, 'hostsync:synced-at': time(0) });
    expect(group.types()).toEqual(['Files Synced', 'Sync Failed']);
    group.record([push([line(second, 'ok', at(3), 2), line(third)], at(3))]);
    expect(group.tags(2)).toEqual({ ...secondaryTags, 'hostsync:synced-at': time(3) });
    expect(group.notifications.at(-1)).toMatchObject({
      type: 'Sync Recovered',
      detail: {
        syncedAt: time(3),
        secondaries: [{ secondary: second, error: 'disk-full', since: time(0), seconds: 180 }],
      },
    });
  });

  it('whose directory is not there sends one event for the group and none for each secondary', () => {
    const group = new SimulatedResults(3);
    const skipped = (minutes: number) =>
      push(
        [second, third, fourth].map((id) => line(id, 'directory-skipped', at(minutes))),
        at(minutes),
      );
    for (let minutes = 0; minutes < 10; minutes++) {
      group.now = at(minutes) + 5000;
      group.record([skipped(minutes)]);
      group.record([skipped(minutes)], true);
    }
    expect(group.types()).toEqual(['Directory Not Pushed']);
    expect(group.notifications[0]?.detail).toMatchObject({
      directories: [{ directory: '/srv/uploads', error: 'missing', message: 'is not there' }],
    });
    group.now = at(11);
    group.record([push([line(second, 'ok', at(10), 5)], at(10))]);
    expect(group.types()).toEqual(['Directory Not Pushed', 'Group Recovered', 'Files Synced']);
    expect(Object.keys(group.tags(2))).not.toContain('hostsync:group-incident');
  });

  it('whose deletions are held sends one event for the group, with what has to be typed to accept them', () => {
    const group = new SimulatedResults(3);
    const held = (minutes: number): ObservedPush => {
      const moment = at(minutes);
      const whole = push(
        [second, third, fourth].map((id) => ({ ...line(id, 'partial', moment, 1), error: 'deletions-held' })),
        moment,
      );
      const said = {
        id: '5c1f00d2a94be317',
        count: 900,
        total: 1000,
        reason: 'too many',
        examples: ['a.jpg'],
      };
      return { ...whole, lines: [{ kind: 'deletions-held', ...said }, ...whole.lines] };
    };
    // Longer than a secondary may be behind: all are, for a reason that was told
    for (let minutes = 0; minutes < 10; minutes++) group.tick([held(minutes)]);
    expect(group.types().filter((type) => type !== 'Files Synced')).toEqual(['Deletions Held']);
    expect(group.notifications.find(({ type }) => type === 'Deletions Held')?.detail).toMatchObject({
      deletions: '5c1f00d2a94be317',
      count: 900,
      total: 1000,
      message: 'too many',
      examples: ['a.jpg'],
    });
    const all = [second, third, fourth].map((id) => line(id, 'ok', at(10)));
    group.tick([push(all, at(10))]);
    expect(group.types().at(-1)).toBe('Group Recovered');
  });

  it('after which a hook failed sends one event, and is resolved when files arrive and the hook does its work', () => {
    const group = new SimulatedResults(2);
    const ran = (minutes: number, hook?: 'ok' | 'failed') => {
      const whole = push([line(second, 'ok', at(minutes)), line(third, 'ok', at(minutes))], at(minutes));
      const lines = whole.lines.map((each) =>
        each.kind === 'secondary' && each.id === second && hook !== undefined
          ? { ...each, hook, ...(hook === 'failed' && { hookMessage: 'exit code 3' }) }
          : each,
      );
      return { ...whole, lines };
    };
    // Nothing arrives in the third: that says nothing
    for (const [index, hook] of (['failed', 'failed', undefined, 'ok'] as const).entries())
      group.tick([ran(index, hook)]);
    expect(group.types().filter((type) => type !== 'Files Synced')).toEqual([
      'Hook Failed',
      'Group Recovered',
    ]);
    expect(group.notifications.find(({ type }) => type === 'Hook Failed')?.detail).toMatchObject({
      hook: 'after-sync',
      count: 1,
      secondaries: [{ secondary: second, message: 'exit code 3' }],
    });
  });

  it('that did not keep what it deleted sends one event, and is resolved when what is deleted next is kept', () => {
    const group = new SimulatedResults(2);
    const deleted = (minutes: number, count: number, notKept?: string) => {
      const whole = push([line(second, 'ok', at(minutes)), line(third, 'ok', at(minutes))], at(minutes));
      const lines = whole.lines.map((each) => {
        if (each.kind !== 'secondary') return each;
        const said = { ...each, files: 0, deleted: count };
        return each.id === second && notKept !== undefined ? { ...said, notKept } : said;
      });
      return { ...whole, lines };
    };
    const full = '1 not kept: it is more than may be kept';
    // In the third nothing is deleted: that says nothing
    for (const [index, [count, notKept]] of (
      [
        [1, full],
        [1, full],
        [0, undefined],
        [1, undefined],
      ] as const
    ).entries())
      group.tick([deleted(index, count, notKept)]);
    expect(group.types().filter((type) => type !== 'Files Synced')).toEqual([
      'Deletions Not Kept',
      'Group Recovered',
    ]);
    expect(group.notifications.find(({ type }) => type === 'Deletions Not Kept')?.detail).toMatchObject({
      count: 1,
      secondaries: [{ secondary: second, message: full }],
    });
  });

  it('that left out what is larger than max-size sends an event with names, again when there are others, and is resolved when there are none', () => {
    const group = new SimulatedResults(2);
    const left = (minutes: number, count: number): ObservedPush => {
      const whole = push([line(second, 'ok', at(minutes)), line(third, 'ok', at(minutes))], at(minutes));
      const found = { kind: 'too-large' as const, directory: '/srv/a', count, examples: ['/srv/a/film'] };
      return { ...whole, lines: [...(count > 0 ? [found] : []), ...whole.lines] };
    };
    for (const [index, count] of [1, 1, 2, 2, 0, 0].entries()) group.tick([left(index, count)]);
    const news = group.notifications.filter(({ type }) => type !== 'Files Synced');
    expect(news.map(({ type }) => type)).toEqual(['Files Too Large', 'Files Too Large', 'Group Recovered']);
    expect(news[0]?.detail).toMatchObject({
      directories: [{ directory: '/srv/a', count: 1, examples: ['/srv/a/film'] }],
    });
    expect(news[1]?.detail).toMatchObject({ changed: true });
  });

  it('that deleted what only secondaries had sends an event with names: an upload may have gone to the wrong host', () => {
    const group = new SimulatedResults(2);
    const whole = push([line(second), line(third)]);
    const found = { directory: '/srv/a', count: 2, secondaries: 1, ids: [second], examples: ['/srv/a/x'] };
    const result: ObservedPush = {
      ...whole,
      lines: [{ kind: 'extras-deleted', ...found }, ...whole.lines],
    };
    group.record([result]);
    group.record([result]);
    const { ids: instances, ...same } = found;
    expect(group.notifications.map(({ type, detail }) => [type, detail])).toEqual([
      ['Extra Files Deleted', expect.objectContaining({ directories: [{ ...same, instances }] })],
    ]);
  });

  it.each<[string, ObservedPush['lines'], string | undefined]>([
    [
      'carried out',
      [{ kind: 'deletions-accepted', id: 'b', count: 3, message: 'accepted' }],
      '3 deletions b: accepted',
    ],
    ['not held', [], 'no deletions are held'],
    ['another one', [held('a')], 'the deletions that are held are a'],
    ['held, and asked for before the tag was there', [held('a'), held('b')], undefined],
  ])('takes the request to accept deletions away when it is answered: %s', (_what, lines, reason) => {
    const group = new SimulatedResults(1);
    group.tags(1)['hostsync:accept-deletions'] = ' b ';
    const whole = push([line(second)]);
    const actions = group.actions([{ ...whole, lines: [...lines, ...whole.lines] }]);
    const removed = actions.filter(
      (action) => action.kind === 'record' && action.remove.includes('hostsync:accept-deletions'),
    );
    expect(removed.map((action) => action.reason)).toEqual(reason === undefined ? [] : [reason]);
  });

  it('whose end is cut off by SSM counts for the hosts that it names', () => {
    const group = new SimulatedResults(2);
    group.record([{ ...push([line(second, 'unreachable')]), lines: [line(second, 'unreachable')] }]);
    expect(group.types()).toEqual(['Sync Failed']);
    expect(group.tags(1)['hostsync:synced-at']).toBe(time(0));
    expect(group.tags(3)['hostsync:synced-at']).toBe(time(-1));
  });

  it.each([
    ['ExecutionTimedOut', 'by the kernel when memory ran out'],
    ['Failed', 'the push was killed, as by the kernel when memory ran out'],
    ['Failed', 'the host may have restarted during it', 1],
    ['Cancelled', 'somebody cancelled the command'],
    ['DeliveryTimedOut', 'did not reach'],
    ['Undeliverable', 'did not reach'],
    ['Terminated', 'ended as Terminated without a result'],
  ])(
    'that ended as %s sends an event, and is resolved when one finishes: %s',
    (detail, message, exitCode?: number) => {
      const group = new SimulatedResults(1);
      group.record([{ ...broken(detail), exitCode }]);
      group.record([{ ...broken(detail, [], at(1)), exitCode }]);
      expect(group.notifications).toMatchObject([
        {
          type: 'Push Failed',
          detail: { error: detail, message: expect.stringContaining(message), since: time(0) },
        },
      ]);
      expect(group.tags(2)['hostsync:group-incident']).toContain(`push-failed/${time(0)}/1/`);
      group.record([push([line(second, 'ok', at(2))], at(2))]);
      expect(group.notifications.at(-1)).toMatchObject({
        type: 'Group Recovered',
        detail: { from: 'Push Failed', since: time(0), seconds: 120 },
      });
    },
  );

  it('that failed and whose result comes after that of a later one is no news', () => {
    const group = new SimulatedResults(1);
    group.record([push([line(second, 'ok', at(2))], at(2))]);
    const before = group.allTags();
    group.record([push([line(second, 'unreachable', at(1))], at(1))]);
    group.record([broken('Cancelled', [], at(1))]);
    expect(group.notifications).toEqual([]);
    expect(group.allTags()).toEqual(before);
  });

  it('that a slow host got at last, after later ones to the others, counts for that host', () => {
    const group = new SimulatedResults(2);
    group.record([push([line(second, 'busy'), line(third, 'ok', at(1))], at(1))]);
    group.record([push([line(second, 'ok', at(0), 1000), line(third)], at(0))]);
    expect(group.tags(2)['hostsync:synced-at']).toBe(time(0));
    expect(group.tags(3)['hostsync:synced-at']).toBe(time(1));
    expect(group.types()).toEqual(['Files Synced']);
  });

  it('of a host that is no primary any more is not believed', () => {
    const group = new SimulatedResults(2);
    expect(group.actions([{ ...push([line(third, 'unreachable')]), instance: second }])).toEqual([]);
  });

  it('says nothing of a secondary that is still joining: the join tells of itself', () => {
    const group = new SimulatedResults(1);
    group.tags(2)['hostsync:state'] = 'joining';
    const before = { ...group.tags(2) };
    group.record([push([line(second, 'unreachable', start, 4)])]);
    expect(group.notifications).toEqual([]);
    expect(group.tags(2)).toEqual(before);
  });

  it('that sent one file to two hosts says so, in all and by host', () => {
    const group = new SimulatedResults(2);
    group.record([push([line(second, 'ok', start, 1), line(third, 'ok', start, 1)])]);
    expect(group.notifications).toMatchObject([
      {
        type: 'Files Synced',
        detail: {
          primary: instanceId(1),
          requestedAt: time(0),
          files: 2,
          deleted: 0,
          bytes: 200,
          seconds: 0.5,
          secondaries: [
            { secondary: second, files: 1, bytes: 100 },
            { secondary: third, files: 1, bytes: 100 },
          ],
        },
      },
    ]);
  });
});

describe('an incident that lasts', () => {
  it('is sent again every six hours, with how long it lasts, and never more often', () => {
    const group = new SimulatedResults(1);
    for (let minutes = 0; minutes < 13 * 60; minutes++) {
      group.now = at(minutes) + 5000;
      group.record([push([line(second, 'unreachable', at(minutes))], at(minutes))], true);
    }
    expect(group.notifications).toMatchObject([
      { type: 'Sync Failed', detail: { reminder: 0, since: time(0) } },
      { type: 'Sync Failed', detail: { reminder: 1, since: time(0) } },
      { type: 'Sync Failed', detail: { reminder: 2, since: time(0) } },
    ]);
    expect(new Set(group.notifications.map(({ detail: { id } }) => id)).size).toBe(3);
  });

  it('is sent again once, not as often as was missed, after a long pause', () => {
    const group = new SimulatedResults(1);
    group.record([push([line(second, 'unreachable')])]);
    group.tags(1)['hostsync:paused'] = 'maintenance';
    group.tick([], 60 * 24 * 3);
    expect(group.types()).toEqual(['Sync Failed']);
    delete group.tags(1)['hostsync:paused'];
    const days = 60 * 24 * 3 + 1;
    group.tick([push([line(second, 'unreachable', at(days))], at(days))]);
    group.tick([push([line(second, 'unreachable', at(days + 1))], at(days + 1))]);
    expect(group.notifications).toMatchObject([{ detail: { reminder: 0 } }, { detail: { reminder: 12 } }]);
  });

  it('of a host that cannot join is sent again by the tick', () => {
    const group = new SimulatedResults(1);
    Object.assign(group.tags(2), {
      'hostsync:state': 'joining',
      'hostsync:incident': `join-failed/${time(0)}/1`,
    });
    group.tick([], 5 * 60);
    expect(group.notifications).toEqual([]);
    group.tick([], 61);
    group.tick();
    expect(group.notifications).toMatchObject([
      { type: 'Join Failed', detail: { secondary: second, reminder: 1, final: false, since: time(0) } },
    ]);
  });
});

describe('what only a tick sees', () => {
  it('no primary sends an event when it lasts, not when the tag is just being moved', () => {
    const group = new SimulatedResults(2);
    const { 'hostsync:primary': epoch = '' } = group.tags(1);
    delete group.tags(1)['hostsync:primary'];
    group.tick();
    expect(group.notifications).toEqual([]);
    group.tags(1)['hostsync:primary'] = epoch;
    group.tick();
    expect(group.notifications).toEqual([]);
    delete group.tags(1)['hostsync:primary'];
    for (let minutes = 0; minutes < 10; minutes++) group.tick();
    expect(group.notifications).toMatchObject([
      { type: 'No Primary', detail: { instances: [instanceId(1), second, third] } },
    ]);
    group.tags(1)['hostsync:primary'] = epoch;
    group.tick();
    expect(group.types()).toEqual(['No Primary', 'Group Recovered']);
  });

  it('several primaries send an event when it lasts, with who they are', () => {
    const group = new SimulatedResults(2);
    Object.assign(group.tags(3), { 'hostsync:primary': '1', 'hostsync:directories': '/srv/uploads' });
    for (let minutes = 0; minutes < 5; minutes++) group.tick();
    expect(group.notifications).toMatchObject([
      { type: 'Several Primaries', detail: { primaries: [instanceId(1), third] } },
    ]);
  });

  it('a primary that is down, or whose agent is silent, sends one event at once', () => {
    const group = new SimulatedResults(1);
    group.offline = true;
    for (let minutes = 0; minutes < 5; minutes++) group.tick();
    group.offline = false;
    group.tick();
    expect(group.types()).toEqual(['Primary Unavailable', 'Group Recovered']);
  });

  it.each([
    [
      'a primary that is down is not well again because its tags are wrong as well',
      (group: SimulatedResults) => {
        group.offline = true;
      },
      (group: SimulatedResults) => {
        group.tags(1)['hostsync:directories'] = '/etc';
      },
      ['Primary Unavailable', 'Configuration Invalid'],
    ],
    [
      'a wrong tag of a secondary is not mended because the primary is down as well',
      (group: SimulatedResults) => {
        group.tags(2)['hostsync:host-key'] = 'none';
      },
      (group: SimulatedResults) => {
        group.offline = true;
      },
      ['Configuration Invalid', 'Primary Unavailable'],
    ],
  ])('%s', (_name, first, then, types) => {
    const group = new SimulatedResults(1);
    first(group);
    group.tick();
    then(group);
    for (let minutes = 0; minutes < 3; minutes++) group.tick();
    expect(group.types()).toEqual(types);
  });

  it('a push that runs for longer than a minute sends one event, with the command, and is resolved when it ends', () => {
    const group = new SimulatedResults(1);
    const running: ObservedPush = { ...broken('InProgress', []), status: 'under-way' };
    for (let minutes = 0; minutes < 5; minutes++) group.tick([running]);
    expect(group.notifications).toMatchObject([
      { type: 'Push Overrun', detail: { command: running.command, since: time(0), seconds: 60 } },
    ]);
    group.tick([push([line(second, 'ok', start, 1)])]);
    expect(group.types()).toEqual(['Push Overrun', 'Files Synced', 'Group Recovered']);
  });

  it('a secondary that no push brings up to date sends an event, though no result says why', () => {
    const group = new SimulatedResults(2);
    for (let minutes = 0; minutes < 10; minutes++) {
      group.tick([push([line(third, 'ok', at(minutes))], at(minutes))]);
    }
    expect(group.notifications).toMatchObject([
      { type: 'Sync Failed', detail: { secondaries: [{ secondary: second, error: 'overdue' }] } },
    ]);
    expect(group.tags(2)['hostsync:state']).toBe('behind');
    group.tick([push([line(second, 'ok', at(11))], at(11))]);
    expect(group.types()).toEqual(['Sync Failed', 'Sync Recovered']);
    expect(group.tags(2)['hostsync:state']).toBe('in-sync');
  });

  it('nothing is overdue while nothing was pushed at all, as after a pause', () => {
    const group = new SimulatedResults(2);
    group.tags(1)['hostsync:paused'] = 'maintenance';
    group.tick([], 600);
    delete group.tags(1)['hostsync:paused'];
    group.tick();
    expect(group.notifications).toEqual([]);
  });

  it('a paused group is quiet, whatever is wrong with it', () => {
    const group = new SimulatedResults(2);
    group.tags(1)['hostsync:paused'] = 'moving house';
    group.offline = true;
    group.tags(2)['hostsync:host-key'] = 'none';
    group.tags(3)['hostsync:synced-at'] = time(-600);
    for (let minutes = 0; minutes < 10; minutes++) group.tick();
    expect(group.notifications).toEqual([]);
  });

  it('nothing is resolved because the group was paused, and nothing is sent again meanwhile', () => {
    const group = new SimulatedResults(2);
    group.offline = true;
    Object.assign(group.tags(2), {
      'hostsync:state': 'joining',
      'hostsync:incident': `join-failed/${time(0)}/1`,
    });
    group.tick();
    group.tags(1)['hostsync:paused'] = 'maintenance';
    group.tick([], 600);
    expect(group.types()).toEqual(['Primary Unavailable']);
    delete group.tags(1)['hostsync:paused'];
    group.offline = false;
    group.tick();
    expect([...group.types()].sort()).toEqual(['Group Recovered', 'Join Failed', 'Primary Unavailable']);
  });

  it('how far behind each secondary is, and the worst of the group, is measured at every tick', () => {
    const group = new SimulatedResults(2);
    group.tags(3)['hostsync:synced-at'] = time(-3);
    const measures = group.actions([], true).filter(({ kind }) => kind === 'measure');
    expect(measures).toMatchObject([
      { secondary: second, values: { SecondsBehind: 60 } },
      { secondary: third, values: { SecondsBehind: 180 } },
      { values: { SecondsBehind: 180, SecondariesFailing: 0 } },
    ]);
  });
});

describe('what is known of the group', () => {
  it('outlives the host that carried it: whoever is lost, nobody is notified twice', () => {
    const group = new SimulatedResults(3);
    const { 'hostsync:primary': epoch = '' } = group.tags(1);
    delete group.tags(1)['hostsync:primary'];
    group.tick();
    group.tick();
    expect(group.types()).toEqual(['No Primary']);
    group.instances.delete(instanceId(1));
    group.instances.delete(third);
    group.tick();
    group.tick();
    expect(group.types()).toEqual(['No Primary']);
    Object.assign(group.tags(2), { 'hostsync:primary': epoch, 'hostsync:directories': '/srv/uploads' });
    group.tick();
    expect(group.types()).toEqual(['No Primary', 'Group Recovered']);
  });

  it('does not come back from a stopped host that carries what was known before', () => {
    const group = new SimulatedResults(3);
    group.tick([broken('Cancelled')]);
    Object.assign(group.instances.get(fourth) ?? {}, { state: 'stopped' });
    group.tags(3)['hostsync:host-key'] = 'none';
    group.tick();
    for (let minutes = 3; minutes < 6; minutes++)
      group.tick([push([line(second, 'ok', at(minutes)), line(third, 'ok', at(minutes))], at(minutes))]);
    expect(group.types()).toEqual(['Push Failed', 'Configuration Invalid', 'Group Recovered']);
    group.tags(3)['hostsync:host-key'] = secondaryTags['hostsync:host-key'];
    group.tick();
    for (const number of [1, 2, 3, 4])
      expect(Object.keys(group.tags(number))).not.toContain('hostsync:group-incident');
  });

  it.each([
    'x',
    '/',
    'unreachable',
    'unreachable/yesterday/1',
    `unreachable/${time(0)}/-1`,
    `A/B/${time(0)}/x`,
  ])('a tag that says %j, which is no incident, stops nothing and is put right', (value) => {
    const group = new SimulatedResults(1, [outside]);
    for (const key of ['hostsync:incident', 'hostsync:group-incident']) group.tags(2)[key] = value;
    group.tags(1)['hostsync:outside'] = value;
    group.tags(1)['hostsync:synced-at'] = 'never';
    group.record([push([line(second), line(outside)])], true);
    expect(group.notifications).toEqual([]);
    expect(group.tags(2)).toEqual({ ...secondaryTags, 'hostsync:synced-at': time(0) });
    expect(group.tags(1)['hostsync:synced-at']).toBe(time(0));
    expect(Object.keys(group.tags(1))).not.toContain('hostsync:outside');
  });
});

describe.each(['key-refused', 'not-prepared'] as const)(
  'a secondary that has lost what its join made (%s)',
  (error) => {
    it('joins again by itself, once for each time', () => {
      const group = new SimulatedResults(2);
      const joined = () => group.tags(2)['hostsync:joined'];
      Object.assign(group.tags(2), { 'hostsync:joined': 'x' });
      group.record([push([line(second, error, at(0)), line(third, 'ok', at(0))], at(0))]);
      expect(joined()).toBeUndefined();
      Object.assign(group.tags(2), { 'hostsync:joined': 'x' });
      group.record([push([line(second, error, at(1)), line(third, 'ok', at(1))], at(1))]);
      expect(joined()).toBe('x');
    });
  },
);

describe('hosts outside EC2', () => {
  it('have their incidents on the primary, send one event, and their recovery another', () => {
    const group = new SimulatedResults(1, [outside, 'web8.example.com']);
    for (let minutes = 0; minutes < 5; minutes++) {
      const lines = [
        line(outside, 'unreachable', at(minutes)),
        line('web8.example.com', 'ok', at(minutes)),
        line(second, 'ok', at(minutes)),
      ];
      group.record([push(lines, at(minutes))]);
    }
    expect(group.tags(1)['hostsync:outside']).toContain(`${outside}/unreachable/${time(0)}/1/`);
    group.record([push([line(outside, 'ok', at(5))], at(5))]);
    expect(group.types()).toEqual(['Sync Failed', 'Sync Recovered']);
    expect(Object.keys(group.tags(1))).not.toContain('hostsync:outside');
  });

  it('that are many: no mail a minute, and each is named and recovers', () => {
    const names = Array.from({ length: 60 }, (_, index) => `web${index}.example.com`);
    const group = new SimulatedResults(0, names);
    for (let minutes = 0; minutes < 20; minutes++) {
      const lines = names.map((name) => line(name, 'unreachable', at(minutes)));
      group.record([push(lines, at(minutes))]);
    }
    expect(group.types()).toEqual(['Sync Failed']);
    expect(failures(group.notifications).length).toBe(60);
    group.record([
      push(
        names.map((name) => line(name, 'ok', at(20))),
        at(20),
      ),
    ]);
    expect(recoveries(group.notifications).sort()).toEqual(failures(group.notifications).sort());
    expect(Object.keys(group.tags(1))).not.toContain('hostsync:outside');
  });
});

// --- properties

const hosts = [second, third, outside];
const outcomes: readonly (Went | 'missing')[] = [
  ...(['ok', 'ok', 'unreachable', 'partial', 'busy', 'directory-skipped', 'missing'] as const),
];
const went = fc.constantFrom(...outcomes);
const end = fc.constantFrom('ended', 'ended', 'ended', 'cut off', 'ExecutionTimedOut', 'Undeliverable');

/** Pushes, one a minute, with an outcome for each host. */
const pushes = fc
  .array(fc.tuple(end, fc.tuple(went, went, went)), { minLength: 1, maxLength: 7 })
  .map((all) =>
    all.map(([how, each], minutes): ObservedPush => {
      const moment = at(minutes);
      const skips = each.includes('directory-skipped');
      const lines = hosts.flatMap((id, index) => {
        const outcome = each[index] ?? 'missing';
        // A directory that is not there is not there for anybody
        const fits = skips && outcome === 'ok' ? 'directory-skipped' : outcome;
        return fits === 'missing' ? [] : [line(id, fits, moment, minutes % 3)];
      });
      const whole = push(lines, moment);
      if (how === 'ended') return whole;
      if (how === 'cut off') return { ...whole, lines: whole.lines.slice(0, -1) };
      return how === 'Undeliverable' ? broken(how, [], moment) : broken(how, lines.slice(0, 2), moment);
    }),
  );

/** Every result as it comes. */
/** The tags without what depends on when people were told, and of what first. */
function withoutCauses(group: SimulatedResults): unknown {
  const notifications = /[a-z-]+(\/[^ /]+Z\/\d+)(?:\/[0-9a-z.]*)?/gu;
  return JSON.parse(JSON.stringify(group.allTags()).replaceAll(notifications, '$1'));
}

function inOrder(all: readonly ObservedPush[]): SimulatedResults {
  const group = new SimulatedResults(2, [outside]);
  for (const each of all) {
    group.now = each.requestedAt + 30_000;
    group.record([each]);
  }
  return group;
}

/** For each host that was told of: what was told, in order. */
function transitions(notifications: readonly DomainEvent[]): ReadonlyMap<string, readonly string[]> {
  const all = notifications.flatMap((event): readonly (readonly [string, string])[] => {
    if ('changed' in event.detail && event.detail.changed === true) return [];
    switch (event.type) {
      case 'Sync Failed':
        return event.detail.secondaries.map(({ secondary }) => [secondary, 'failure']);
      case 'Sync Recovered':
        return event.detail.secondaries.map(({ secondary }) => [secondary, 'recovery']);
      case 'Push Failed':
      case 'Directory Not Pushed':
        return [[event.type, 'failure']];
      case 'Group Recovered':
        return [[event.detail.from, 'recovery']];
      default:
        return [];
    }
  });
  return new Map(
    [...Map.groupBy(all, ([who]) => who)].map(([who, each]) => [who, each.map(([, what]) => what)]),
  );
}

/** What the tags say, but for since when and how often told. */
function standing(group: SimulatedResults) {
  const codes = (value: string | undefined) =>
    parseIncidents(value).map(([who, { code }]) => (who === '' ? code : who));
  return {
    hosts: [1, 2, 3].map((number) => {
      const tags = group.tags(number);
      return {
        state: tags['hostsync:state'],
        syncedAt: tags['hostsync:synced-at'],
        incident: codes(tags['hostsync:incident']).length,
        group: codes(tags['hostsync:group-incident']).sort(),
      };
    }),
    outside: codes(group.tags(1)['hostsync:outside']),
  };
}

/**
 * What was told of, without repetitions: events on the group by their ids, the others host by host. A run that is killed
 * between the tags of two hosts tells of the second host once more, in an event for the hosts that are left.
 */
function happenings(notifications: readonly DomainEvent[]): ReadonlySet<string> {
  return new Set(
    notifications.flatMap((event) => {
      const { type, detail } = event;
      switch (type) {
        case 'Sync Failed':
          return detail.secondaries.map(
            ({ secondary }) => `${type} ${secondary} ${detail.since} ${detail.reminder}`,
          );
        case 'Sync Recovered':
          return detail.secondaries.map(({ secondary, since }) => `${type} ${secondary} ${since}`);
        case 'Files Synced':
          return detail.secondaries.map(({ secondary }) => `${type} ${secondary} ${detail.requestedAt}`);
        default:
          return [`${type} ${detail.id}`];
      }
    }),
  );
}

describe('whatever pushes bring', () => {
  it('in order: failure and recovery are sent in turn, each once, and never a recovery of what was not notified', () => {
    fc.assert(
      fc.property(pushes, (all) => {
        const group = inOrder(all);
        for (const [, notifications] of transitions(group.notifications))
          expect(notifications).toEqual(
            notifications.map((_, index) => (index % 2 === 0 ? 'failure' : 'recovery')),
          );
        expect(consequences(group.actions(all))).toEqual([]);
        expect(consequences(group.actions([...all, ...all].reverse()))).toEqual([]);
        const ids = group.notifications.map(({ detail: { id } }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: runs(500) },
    );
  });

  it('all at once, as a tick finds them after an outage, end in the same tags as one by one', () => {
    fc.assert(
      fc.property(pushes, (all) => {
        const group = new SimulatedResults(2, [outside]);
        group.now = at(all.length);
        group.record(all);
        expect(withoutCauses(group)).toEqual(withoutCauses(inOrder(all)));
      }),
      { numRuns: runs(500) },
    );
  });

  it('in any order and any number of times, a tick that lists them again sets right what the order spoilt', () => {
    const scene = pushes.chain((all) =>
      fc.tuple(fc.constant(all), fc.array(fc.constantFrom(...all), { maxLength: 12 })),
    );
    fc.assert(
      fc.property(scene, ([all, come]) => {
        const group = new SimulatedResults(2, [outside]);
        group.now = at(all.length);
        for (const each of come) group.record([each]);
        group.record(all);
        // For a host outside EC2 only the next push says how it is
        const { outside: _unsure, ...sure } = standing(group);
        const { outside: _expected, ...expected } = standing(inOrder(all));
        expect(sure).toEqual(expected);
        for (const [, notifications] of transitions(group.notifications))
          expect(notifications[0]).toBe('failure');
        const last = push(
          hosts.map((id) => line(id, 'ok', at(9))),
          at(9),
        );
        group.record([last]);
        expect(standing(group).outside).toEqual([]);
      }),
      { numRuns: runs(500) },
    );
  });

  it('killed after any action and begun again, ends in the same tags, and tells again only what has the same id', () => {
    const scene = fc.tuple(pushes, fc.array(fc.nat(8), { minLength: 7, maxLength: 7 }));
    fc.assert(
      fc.property(scene, ([all, cuts]) => {
        const whole = inOrder(all);
        const group = new SimulatedResults(2, [outside]);
        for (const [index, each] of all.entries()) {
          group.now = each.requestedAt + 30_000;
          group.record([each], false, cuts[index] ?? 0);
          group.record([each]);
        }
        expect(group.allTags()).toEqual(whole.allTags());
        expect(happenings(group.notifications)).toEqual(happenings(whole.notifications));
      }),
      { numRuns: runs(500) },
    );
  });

  it('killed before the first tag is written, tells everything again with the same ids', () => {
    fc.assert(
      fc.property(pushes, fc.nat(4), (all, cut) => {
        const group = new SimulatedResults(2, [outside]);
        group.now = at(all.length);
        const events = (actions: readonly OutcomeAction[]) =>
          actions.flatMap((action) => (action.kind === 'tell' ? [action.event] : []));
        const first = events(group.actions(all));
        group.record(all, false, Math.min(cut, first.length));
        group.now += 20_000;
        expect(events(group.actions(all)).map(({ detail: { id } }) => id)).toEqual(
          first.map(({ detail: { id } }) => id),
        );
      }),
    );
  });
});
