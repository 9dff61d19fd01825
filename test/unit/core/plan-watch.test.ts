import { expect, it } from 'vitest';
import type { ObservedPush } from '../../../shared/core/model/observation.ts';
import { formatPushRequest } from '../../../shared/core/model/request.ts';
import type { WatchLine } from '../../../shared/core/model/script-line.ts';
import { planPush } from '../../../shared/core/push/plan-push.ts';
import { planWatch } from '../../../shared/core/push/plan-watch.ts';
import { agent, healthyGroup, instanceId } from './fixtures.ts';
import { line, push, start } from './simulated-results.ts';

const minute = 60_000;

function ended(how: string, at = start): ObservedPush {
  const whole = push([line(instanceId(2))], at);
  const said: WatchLine = {
    kind: 'watch',
    rung: 'fanotify',
    ended: how,
    cycles: 1,
    walks: 1,
    arrivals: 0,
    p50: 0,
    p99: 0,
    max: 0,
  };
  return { ...whole, watches: true, lines: [...whole.lines, said] };
}
const running = (at: number, watches = true): ObservedPush => ({
  ...push([], at),
  watches,
  lines: [],
  status: 'under-way',
  detail: 'InProgress',
});

function plan(pushes: readonly ObservedPush[], tags: Readonly<Record<string, string>> = {}) {
  const [primary, ...others] = healthyGroup().instances;
  if (primary === undefined) throw new Error('fixture');
  const options = { 'hostsync:options': 'watch=auto' };
  const members = [{ ...primary, tags: { ...primary.tags, ...options, ...tags } }, ...others];
  const agents = members.map((_each, index) => agent(index + 1));
  return planWatch('web', members, pushes, planPush({ instances: members, agents }));
}
const kind = (...given: Parameters<typeof plan>) => plan(...given)?.kind;

it.each<[string, string | undefined, readonly ObservedPush[], Readonly<Record<string, string>>?]>([
  ['goes on where it ended to tell of a host', 'push-again', [ended('outcome changed')]],
  ['goes on where a file system was mounted', 'push-again', [ended('mounts changed')]],
  ['goes on where a directory was exchanged', 'push-again', [ended('directory moved')]],
  ['goes on where the memory of the primary was lost', 'push-again', [ended('memory lost')]],
  [
    'is left to the next tick where it was exchanged again and again',
    undefined,
    [ended('directory moved again')],
  ],
  ['is left to the next tick where another one took over', undefined, [ended('successor')]],
  ['is left to the next tick where its time was over', undefined, [ended('lease')]],
  ['is not begun by somebody who was fenced', undefined, [ended('fenced')]],
  ['goes on once', undefined, [ended('outcome changed'), running(start + 1)]],
  [
    'goes on once, also when that has ended',
    undefined,
    [ended('outcome changed'), ended('successor', start + minute)],
  ],
  ['is no business of a push without one', undefined, [push([line(instanceId(2), 'unreachable')])]],
  [
    'does not go on where the tag says off',
    undefined,
    [ended('outcome changed')],
    { 'hostsync:options': '' },
  ],
  ['does not go on in a paused group', undefined, [ended('outcome changed')], { 'hostsync:paused': 'move' }],
  ['ends in a paused group', 'end-watch', [running(start)], { 'hostsync:paused': 'move' }],
  ['and nothing else ends there', undefined, [running(start, false)], { 'hostsync:paused': 'move' }],
])('a watch %s', (_name, expected, pushes, tags) => {
  expect(kind(pushes, tags)).toBe(expected);
});

it('the end of a watch sends nothing to anybody: the group is paused', () => {
  const action = plan([running(start)], { 'hostsync:paused': 'move' });
  if (action?.kind !== 'end-watch') throw new Error('fixture');
  expect(formatPushRequest(action.request)).toBe(
    `group\tweb\nepoch\t1\nholder\t${instanceId(1)}\ndirectory\t/srv/uploads\noption\twatch\tend\n`,
  );
});

it('a group without a primary has no watch', () => {
  expect(planWatch('web', [], [running(start)], [])).toBe(undefined);
});
