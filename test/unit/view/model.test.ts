import { describe, expect, it } from 'vitest';
import type { GroupOverview } from '../../../shared/core/operator/overview.ts';
import { changesBetween } from '../../../view/model/changes.ts';
import { EventStreamReader } from '../../../view/model/event-stream.ts';
import { ago, duration, size, visible } from '../../../view/model/format.ts';
import type { LiveEvent, LiveState } from '../../../view/model/live.ts';
import { Observer } from '../../../view/model/observer.ts';
import { sparkline } from '../../../view/model/sparkline.ts';
import { kept, Store } from '../../../view/model/store.ts';
import { layOut } from '../../../view/model/topology.ts';
import {
  groupBehind,
  groupHolding,
  healthyGroup,
  host,
  idOf,
} from '../../../view/screenshots/sample-groups.ts';
import { StreamLog } from '../../../view/stream-log.ts';

const at = 1_700_000_000_000;

describe('numbers as people say them', () => {
  it.each([
    [0, '0.0 s'],
    [0.44, '0.4 s'],
    [9.97, '10 s'],
    [99.4, '99 s'],
    [312, '5 min 12 s'],
    [3_600, '1 h 00 min'],
    [400_000, '5 days'],
  ])('%d seconds: %s', (seconds, text) => expect(duration(seconds)).toBe(text));
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_500, '1.5 kB'],
    [999_900, '1.0 MB'],
    [184e6, '184 MB'],
  ])('%d bytes: %s', (bytes, text) => expect(size(bytes)).toBe(text));
  it('a moment ago', () => expect(ago(at - 90_000, at)).toBe('1 min ago'));
});

it.each([
  ['two\nlines', 'two\\nlines'],
  ['a\u202egpj.exe', 'a\\u202egpj.exe'],
  ['\u001b[31mred', '\\u001b[31mred'],
  ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ['Grüße 写真.jpg', 'Grüße 写真.jpg'],
])('a name that would show as another is made visible: %j', (name, shown) =>
  expect(visible(name)).toBe(shown),
);

it('reads events wherever the pieces are cut', () => {
  const text = 'id: a.1\nevent: state\ndata: {"x":\ndata: 1}\n\n: still here\n\nevent: reset\ndata: {}\n\n';
  for (let cut = 0; cut <= text.length; cut += 1) {
    const reader = new EventStreamReader();
    const events = [...reader.read(text.slice(0, cut)), ...reader.read(text.slice(cut))];
    expect(events).toEqual([
      { type: 'state', data: '{"x":\n1}', id: 'a.1' },
      { type: 'reset', data: '{}', id: undefined },
    ]);
  }
});

const state: LiveState = { at, environment: { name: 'x', local: false }, groups: [], actions: [] };

describe('the log of the stream', () => {
  it('gives what came after a cursor, in order, and knows when it cannot', () => {
    const log = new StreamLog({ keep: 3 });
    const cursors = [0, 1, 2, 3, 4].map((number) => {
      const { cursor } = log;
      log.add({ type: 'state', data: { ...state, at: number } });
      return cursor;
    });
    const ats = (cursor: string) => {
      const found = log.since(cursor);
      return found === 'too-old'
        ? found
        : found.map(({ entry }) => (entry.type === 'state' ? entry.data.at : -1));
    };
    expect(cursors.map(ats)).toEqual(['too-old', 'too-old', [2, 3, 4], [3, 4], [4]]);
    expect(ats(log.cursor)).toEqual([]);
    expect(new StreamLog().since(log.cursor)).toBe('too-old');
  });

  it('takes an event once, and its end once more', () => {
    const log = new StreamLog();
    const event: LiveEvent = { id: 'e', at, group: 'web', kind: 'alert', level: 'bad', title: 't', text: '' };
    for (const open of [true, true, false, false]) log.add({ type: 'event', data: { ...event, open } });
    expect(log.cursor.endsWith('.2')).toBe(true);
  });
});

describe('the page after hours', () => {
  it('keeps no more than it shows, and every open alert', () => {
    const store = new Store();
    store.state = state;
    const event = { at, group: 'web', kind: 'alert', level: 'bad', title: 't', text: '' } as const;
    store.take({ type: 'event', data: { ...event, id: 'open', open: true, at: 0 } });
    for (let index = 0; index < 2_000; index += 1) {
      store.take({ type: 'sample', data: { at: index, group: 'web', behind: {} } });
      store.take({ type: 'event', data: { ...event, id: String(index), at: index } });
    }
    expect(store.samples('web').length).toBe(kept.samples);
    expect(store.events('web').length).toBe(kept.events);
    expect(store.events('web')[0]?.id).toBe('open');
  });
});

describe('what happened between two looks', () => {
  const titles = (before: GroupOverview | undefined, after: GroupOverview) =>
    changesBetween(before, after)
      .filter(({ kind }) => kind !== 'push' && kind !== 'promotion')
      .map(({ title, open }) => (open === true ? `${title} (open)` : title));

  it('nothing', () => expect(titles(healthyGroup(at), healthyGroup(at + 2_000))).toEqual([]));
  it('a host is lost', () =>
    expect(titles(healthyGroup(at), groupBehind(at + 2_000))).toEqual([
      'web-4 is behind: unreachable (open)',
      'web-4 is behind',
    ]));
  it('and is back', () =>
    expect(titles(groupBehind(at), healthyGroup(at + 2_000))).toEqual([
      'web-4 is behind: unreachable',
      'web-4 is in sync again',
    ]));
  it('deletions are held', () =>
    expect(titles(healthyGroup(at), groupHolding(at + 2_000))).toEqual(['2,981 deletions held']));
  it('a host joins, another leaves', () => {
    const before = healthyGroup(at, { hosts: [host(1, at), host(2, at)] });
    const joining = healthyGroup(at, {
      hosts: [host(1, at), host(3, at, { role: 'newcomer', state: 'joining' })],
    });
    const joined = healthyGroup(at, { hosts: [host(1, at), host(3, at)] });
    expect(titles(before, joining)).toEqual(['web-3 is joining', 'web-2 left']);
    expect(titles(joining, joined)).toEqual(['web-3 joined']);
  });
});

it('follows a promotion from the loss of the primary to the first push of the next one', () => {
  const observer = new Observer();
  const look = (seconds: number, more: Partial<GroupOverview>) => {
    const now = at + seconds * 1_000;
    const [group] = observer.observe([healthyGroup(now, more)]).groups;
    return group?.promotion?.steps.map((step) => step.state).join(' ');
  };
  const lost = host(1, at, { state: 'stopped' });
  const next = host(2, at, { state: 'being promoted' });
  const { at: _at, ...nobody } = healthyGroup(at, { pushes: [], primary: null });
  expect(look(0, {})).toBeUndefined();
  expect(look(4, { ...nobody, hosts: [lost, host(2, at)] })).toBe('done now todo todo');
  expect(look(6, { ...nobody, hosts: [lost, next] })).toBe('done done now todo');
  const leads = {
    primary: idOf(2),
    epoch: 4,
    hosts: [host(2, at, { role: 'primary', state: 'takes writes' })],
    promotions: [{ epoch: 4, to: idOf(2), from: idOf(1), kind: 'failover', why: 'w', at }],
  } as const;
  expect(look(9, { ...leads, pushes: [] })).toBe('done done done now');
  const push = {
    command: 'c',
    primary: idOf(2),
    requestedAt: at,
    seconds: null,
    files: 0,
    deleted: 0,
    bytes: 0,
    missed: [],
  };
  expect(look(12, { ...leads, pushes: [{ ...push, status: 'succeeded' }] })).toBeUndefined();
  const [group] = observer.observe([healthyGroup(at + 13_000, leads)]).groups;
  expect(group?.promotions[0]?.parts?.map(({ seconds }) => seconds)).toEqual([2, 3, 3]);
});

describe('pictures', () => {
  it('a gap where nothing is known', () =>
    expect(sparkline([0.1, null, 3_600], 2, 22)).toBe('M0.0 20.0M2.0 2.0'));

  it.each([320, 390, 800, 1_000])('every node is inside, at a width of %d', (width) => {
    for (const hosts of [1, 3, 6]) {
      const group = new Observer().observe([
        healthyGroup(at, { hosts: [1, 2, 3, 4, 5, 6].slice(0, hosts).map((number) => host(number, at)) }),
      ]).groups[0];
      if (group === undefined) throw new Error('no group');
      const { nodes, height } = layOut(group, width);
      for (const node of nodes) {
        expect(node.x - node.width / 2).toBeGreaterThanOrEqual(0);
        expect(node.x + node.width / 2).toBeLessThanOrEqual(width);
        expect(node.y).toBeLessThan(height);
      }
    }
  });

  it('many hosts are one node a zone, and who is in trouble is named', () => {
    const hosts = Array.from({ length: 60 }, (_, index) => ({
      ...host(2, at),
      id: `i-${index}`,
      name: `web-${index}`,
      zone: `z${index % 3}`,
      ...(index === 7 && { state: 'behind', level: 'behind' as const }),
    }));
    const [group] = new Observer().observe([healthyGroup(at, { hosts: [host(1, at), ...hosts] })]).groups;
    if (group === undefined) throw new Error('no group');
    expect(layOut(group, 1_000).nodes.map(({ title }) => title)).toEqual([
      'Editors',
      'web-1',
      'z0',
      'z1',
      'web-7',
      'z2',
      'Visitors',
    ]);
  });
});
