import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ObservedInstance, ObservedPush } from '../../../../shared/core/model/observation.ts';
import type { ScriptLine, SecondaryLine } from '../../../../shared/core/model/script-line.ts';
import type { PushAction } from '../../../../shared/core/push/push-action.ts';
import type { OutcomeSettings } from '../../../../shared/core/results/outcome-view.ts';
import { measureGroups, recordOutcome } from '../../../../shared/core/results/record-outcome.ts';
import { hostKey, instance, instanceId, primaryTags, secondaryTags } from '../fixtures.ts';
import { describePlan } from '../plan-text.ts';

// What follows from results, and from what a tick saw: npm run unit -- results/situations -u writes it anew, for you to review.

const now = Date.parse('2026-11-22T10:00:00.000Z');
const settings: OutcomeSettings = {
  remindAfter: 21_600,
  groupWait: 0,
  groupInterval: 300,
  behindAfter: 300,
  overrunAfter: 60,
  tickSeconds: 60,
};
const seconds = (ago: number) => now - ago * 1000;
const time = (ago: number) => new Date(seconds(ago)).toISOString();

type Tags = Readonly<Record<string, string>>;

interface Situation {
  readonly name: string;
  readonly members: readonly ObservedInstance[];
  readonly pushes?: readonly ObservedPush[];
  readonly plan?: readonly PushAction[];
}

const outside = 'web9.example.com';
const list = [instanceId(2), instanceId(3), outside].join(' ');
const primary = (more: Tags = {}) =>
  instance(1, { ...primaryTags, 'hostsync:secondaries': list, 'hostsync:synced-at': time(120), ...more });
const secondary = (number: number, more: Tags = {}) =>
  instance(number, { ...secondaryTags, 'hostsync:synced-at': time(120), ...more });
const group = (more: Tags = {}, second: Tags = {}) => [primary(more), secondary(3), secondary(2, second)];

const line = (id: string, more: Partial<SecondaryLine> = {}): SecondaryLine => {
  const counts = { started: seconds(59) / 1000, files: 0, deleted: 0, bytes: 0, seconds: 1 };
  return { kind: 'secondary', id, ok: true, ...counts, ...more };
};
const fails = (id: string, error?: string): SecondaryLine =>
  line(id, { ok: false, ...(error !== undefined && { error, message: `it is ${error}` }) });
const [second, third] = [instanceId(2), instanceId(3)];

const end: ScriptLine = { kind: 'push', ok: true, started: 0, seconds: 2.5 };
function push(lines: readonly ScriptLine[], more: Partial<ObservedPush> = {}): ObservedPush {
  return {
    command: 'c-1',
    instance: instanceId(1),
    requestedAt: seconds(60),
    exitCode: 0,
    status: 'succeeded',
    detail: 'Success',
    lines,
    ...more,
  };
}
const broken = (detail: string, more: Partial<ObservedPush> = {}): ObservedPush => {
  const { exitCode: _, ...rest } = push([], { status: 'failed', detail });
  return { ...rest, ...more };
};
const held: ScriptLine = {
  kind: 'deletions-held',
  id: '0123456789abcdef',
  count: 9,
  total: 10,
  reason: 'more than half',
  examples: ['/srv/uploads/a'],
};
const missing = (directory: string): ScriptLine => {
  return { kind: 'directory', directory, error: 'missing', message: 'is not there' };
};

const pushed = (...ids: readonly string[]): PushAction => {
  const secondaries = ids.map((id) => ({ id, address: id, port: 22, hostKey }));
  return {
    kind: 'push',
    group: 'web',
    primary: instanceId(1),
    reason: 'pushes',
    request: {
      group: 'web',
      epoch: 1,
      directories: ['/srv/uploads'],
      excludes: [],
      options: new Map(),
      secondaries,
    },
  };
};
const noPush = (code: Extract<PushAction, { kind: 'no-push' }>['code'], of = 'web'): PushAction => {
  return { kind: 'no-push', group: of, code, severity: 'error', reason: `it is ${code} since 12 s` };
};
const leftOut = (
  id: string,
  code: Extract<PushAction, { kind: 'leave-out' }>['code'],
  severity: 'info' | 'error' = 'error',
): PushAction => {
  return { kind: 'leave-out', group: 'web', secondary: id, code, severity, reason: `${id} is ${code}` };
};
const incident = (code: string, ago: number, notifications = 1, more = '') =>
  `${code}/${time(ago)}/${notifications}${more}`;
/** Told when it began, without a cause. */
const tellsAtOnce = '/.0..';

const situations: readonly Situation[] = [
  {
    name: 'hosts of no group',
    members: [instance(1, {}), instance(2, { 'hostsync:joined': 'x' })],
    plan: [],
  },
  {
    name: 'files for two hosts, one of which deletes as much as it gets, and one without news',
    members: group(),
    pushes: [
      push([
        line(third, { files: 2, deleted: 2, bytes: 7, seconds: 4, drift: 1 }),
        line(second, { files: 1, bytes: 3, seconds: 2, drift: 2 }),
        line(outside),
        end,
      ]),
    ],
  },
  {
    name: 'nothing to send, and the push does not say how long it took',
    members: group(),
    pushes: [push([line(second)])],
  },
  {
    name: 'three pushes, in no order, one in progress and one of another host',
    members: group(),
    pushes: [
      push([line(second), end], { requestedAt: seconds(30), command: 'c-3' }),
      push([line(second, { files: 1 }), end], { requestedAt: seconds(90), command: 'c-2' }),
      push([], { requestedAt: seconds(10), status: 'under-way', detail: 'InProgress', command: 'c-4' }),
      push([line(second, { files: 8 }), end], { instance: third, command: 'c-5' }),
    ],
  },
  {
    name: 'results of the push that is recorded, and of one before it',
    members: group({ 'hostsync:synced-at': time(60) }, { 'hostsync:synced-at': time(60) }),
    pushes: [
      push([line(second, { files: 1 }), line(third, { files: 1 }), fails(outside, 'timeout'), end]),
      push([line(second, { files: 1 }), line(third, { files: 1 }), held, end], { requestedAt: seconds(90) }),
    ],
  },
  ...(
    [
      'DeliveryTimedOut',
      'Undeliverable',
      'ExecutionTimedOut',
      'TimedOut',
      'Failed',
      'Cancelled',
      'Terminated',
    ] as const
  ).map((detail): Situation => {
    return { name: `a push that ended as ${detail}`, members: group(), pushes: [broken(detail)] };
  }),
  {
    name: 'a push that was killed after two hosts',
    members: group(),
    pushes: [
      broken('ExecutionTimedOut', { lines: [line(second, { files: 1 }), fails(third), missing('/a')] }),
    ],
  },
  {
    name: 'a push with an exit code of its own',
    members: group(),
    pushes: [broken('Failed', { exitCode: 3 })],
  },
  {
    name: 'a push that says what is wrong',
    members: group(),
    pushes: [
      broken('Failed', {
        exitCode: 13,
        lines: [missing('/a'), { kind: 'error', error: 'not-ready', message: 'no rsync' }],
      }),
    ],
  },
  {
    name: 'a push that failed for some hosts, with the end cut off',
    members: group(),
    pushes: [broken('Failed', { exitCode: 10, lines: [fails(second, 'disk-full')] })],
  },
  {
    name: 'a push that finished, whatever SSM says',
    members: group({ 'hostsync:group-incident': incident('push-failed', 600, 1, tellsAtOnce) }),
    pushes: [broken('Failed', { lines: [end] })],
  },
  {
    name: 'two directories that are not there',
    members: group(),
    pushes: [push([missing('/srv/b'), missing('/srv/a'), fails(second, 'directory-skipped'), end])],
  },
  {
    name: 'held deletions',
    members: group({ 'hostsync:accept-deletions': '0123456789abcdef ' }),
    pushes: [push([fails(second, 'deletions-held'), held, end])],
  },
  {
    name: 'other deletions are held than were accepted',
    members: group({ 'hostsync:accept-deletions': 'fedcba9876543210' }),
    pushes: [push([missing('/a'), held, end])],
  },
  {
    name: 'accepted deletions were carried out',
    members: group({
      'hostsync:accept-deletions': '0123456789abcdef',
      'hostsync:group-incident': incident('deletions-held', 600, 1, tellsAtOnce),
    }),
    pushes: [push([line(second), end])],
  },
  {
    name: 'what was accepted is not answered by a push that failed',
    members: group({ 'hostsync:accept-deletions': '0123456789abcdef' }),
    pushes: [broken('Failed')],
  },
  {
    name: 'nor by one that is recorded',
    members: group({ 'hostsync:accept-deletions': '0123456789abcdef', 'hostsync:synced-at': time(60) }),
    pushes: [push([line(second), end])],
  },
  {
    name: 'a secondary fails without a word',
    members: group(),
    pushes: [push([fails(second), line(third), end])],
  },
  {
    name: 'three fail at once, each for a reason of its own, and one was never in sync',
    members: [primary(), secondary(3), instance(2, { ...secondaryTags })],
    pushes: [push([fails(third, 'disk-full'), fails(second, 'partial'), fails(outside, 'unreachable'), end])],
  },
  {
    name: 'another fails a minute after the last message',
    members: group(
      {},
      { 'hostsync:state': 'behind', 'hostsync:incident': incident('disk-full', 180, 1, '/.2bd0..') },
    ),
    pushes: [push([fails(third, 'partial'), fails(second, 'disk-full'), end])],
  },
  {
    name: 'and sends a message when five minutes are over, as what lasts longest',
    members: [
      primary(),
      secondary(3, { 'hostsync:state': 'behind', 'hostsync:incident': incident('partial', 200, 0) }),
      secondary(2, { 'hostsync:state': 'behind', 'hostsync:incident': incident('partial', 400, 0) }),
    ],
    pushes: [push([fails(third, 'partial'), fails(second, 'partial'), end])],
  },
  {
    name: 'hosts are in sync again',
    members: [
      primary({ 'hostsync:outside': `${outside}/${incident('timeout', 300)}` }),
      secondary(3, { 'hostsync:state': 'behind', 'hostsync:incident': incident('partial', 600) }),
      secondary(2, { 'hostsync:state': 'behind', 'hostsync:incident': incident('disk-full', 400, 0) }),
    ],
    pushes: [push([line(outside), line(third), line(second), end])],
  },
  {
    name: 'a host whose note was taken away stays behind until a push says otherwise',
    members: group({}, { 'hostsync:state': 'behind' }),
    pushes: [push([line(third), end])],
  },
  {
    name: 'a host that has lost its key, for the first time and again',
    members: [
      primary(),
      secondary(2),
      secondary(3, { 'hostsync:state': 'behind', 'hostsync:incident': incident('not-prepared', 120) }),
    ],
    pushes: [push([fails(second, 'key-refused'), fails(third, 'not-prepared'), end])],
  },
  {
    name: 'a host outside EC2 and one that was not joined have lost their key',
    members: [primary(), instance(2, { ...secondaryTags, 'hostsync:joined': '' })].map((each) => {
      const { 'hostsync:joined': joined, ...tags } = each.tags;
      return { ...each, tags: joined === '' || joined === undefined ? tags : each.tags };
    }),
    pushes: [push([fails(second, 'key-refused'), fails(outside, 'key-refused'), end])],
  },
  {
    name: 'a host outside EC2 fails in a push that did not finish',
    members: group(),
    pushes: [broken('ExecutionTimedOut', { lines: [fails(outside, 'timeout'), fails(second, 'timeout')] })],
  },
  {
    name: 'one that goes on failing there, and sends an event with what is known',
    members: [
      primary({ 'hostsync:outside': `${outside}/${incident('timeout', 30_000)}` }),
      secondary(2, { 'hostsync:state': 'joining' }),
    ],
    pushes: [push([fails(outside, 'timeout'), fails(second, 'timeout'), line(third), end])],
  },
  {
    name: 'notes on the group that differ: the later counts',
    members: [
      primary({ 'hostsync:group-incident': incident('push-failed', 600, 1, tellsAtOnce) }),
      secondary(2, { 'hostsync:group-incident': incident('push-failed', 600, 2, '/.2bd0..') }),
      secondary(3, {
        'hostsync:group-incident': `${incident('push-failed', 600, 3)} ${incident('no-primary', 90, 0)}`,
      }),
    ],
    pushes: [broken('Failed')],
  },
  {
    name: 'notes of one moment: the one with more messages counts',
    members: [
      primary({ 'hostsync:group-incident': incident('push-failed', 600, 1) }),
      secondary(2, { 'hostsync:group-incident': incident('push-failed', 600, 2) }),
      secondary(3, { 'hostsync:group-incident': incident('push-failed', 600, 1) }),
    ],
    pushes: [push([line(second), end])],
  },
  {
    name: 'two incidents that began at one moment',
    members: group(),
    pushes: [push([missing('/a'), held, end])],
  },
  {
    name: 'a note of a kind that there is not',
    members: group({ 'hostsync:group-incident': incident('of-old', 600) }),
    pushes: [push([line(second), end])],
  },
  // --- ticks
  { name: 'a tick of a group that is well', members: group(), plan: [pushed(second, third, outside)] },
  {
    name: 'a tick of another group beside it',
    members: [...group(), instance(7, { 'hostsync:group': 'other' })],
    plan: [noPush('no-primary', 'other'), { kind: 'nothing-to-do', reason: 'x' }, pushed(second)],
  },
  { name: 'a paused group', members: group(), plan: [noPush('paused')] },
  {
    name: 'no primary',
    members: [secondary(3), secondary(2)],
    plan: [noPush('no-primary')],
  },
  {
    name: 'no primary, for a minute',
    members: [secondary(3, { 'hostsync:group-incident': incident('no-primary', 60, 0) }), secondary(2)],
    plan: [noPush('no-primary')],
  },
  {
    name: 'several primaries, for a minute',
    members: [
      instance(9, { ...primaryTags, 'hostsync:group-incident': incident('several-primaries', 60, 0) }),
      instance(1, primaryTags),
      secondary(2),
    ],
    plan: [noPush('several-primaries')],
  },
  { name: 'wrong tags', members: group(), plan: [noPush('bad-tags')] },
  {
    name: 'too long a request, and two hosts that are left out for good, one for now',
    members: group(),
    plan: [
      noPush('request-too-long'),
      leftOut(second, 'other-group'),
      leftOut(third, 'no-address'),
      leftOut(outside, 'not-running', 'info'),
    ],
  },
  {
    name: 'a primary that is down says nothing of the tags',
    members: group({ 'hostsync:group-incident': incident('configuration-invalid', 600, 1, tellsAtOnce) }),
    plan: [noPush('primary-not-running')],
  },
  {
    name: 'a primary whose agent is silent, and wrong tags of a secondary',
    members: group(),
    plan: [noPush('primary-not-online'), leftOut(second, 'bad-tags')],
  },
  {
    name: 'a primary that is down, while its replacement says the same',
    members: group({ 'hostsync:promotion-incident': incident('promotion-blocked', 60) }),
    plan: [noPush('primary-not-running')],
  },
  {
    name: 'a primary that is up, after a replacement that was held up',
    members: group({
      'hostsync:promotion-incident': incident('promotion-blocked', 60),
      'hostsync:group-incident': incident('primary-unavailable', 600, 1, tellsAtOnce),
    }),
    plan: [pushed(second)],
  },
  {
    name: 'a replacement that was held up and is not any more',
    members: group({ 'hostsync:promotion-incident': incident('promotion-blocked', 60, 0, '/...1') }),
    plan: [noPush('primary-not-running')],
  },
  {
    name: 'a push that takes a minute, one of another host, and one that takes less',
    members: group(),
    pushes: [
      push([], { requestedAt: seconds(600), status: 'under-way', instance: third, command: 'c-0' }),
      push([], { requestedAt: seconds(59), status: 'under-way', command: 'c-2' }),
      push([], { requestedAt: seconds(60), status: 'under-way', command: 'c-1' }),
    ],
    plan: [pushed(second)],
  },
  {
    name: 'pushes come and go, and one host was not brought up to date for five minutes, another for longer',
    members: [
      primary({ 'hostsync:synced-at': time(60) }),
      secondary(2, { 'hostsync:synced-at': time(360) }),
      secondary(3, { 'hostsync:synced-at': time(361) }),
    ],
    plan: [pushed(second, third, outside)],
  },
  {
    name: 'the same, with what is known of them already',
    members: [
      primary({
        'hostsync:synced-at': time(60),
        'hostsync:outside': `${outside}/${incident('timeout', 500)}`,
      }),
      secondary(2, { 'hostsync:synced-at': time(900), 'hostsync:incident': incident('disk-full', 800) }),
      secondary(3, {
        'hostsync:synced-at': time(30_000),
        'hostsync:incident': incident('overdue', 30_000),
      }),
    ],
    plan: [pushed(second, third, outside)],
  },
  {
    name: 'the same, while no push arrives anywhere',
    members: [
      primary({ 'hostsync:synced-at': time(60), 'hostsync:group-incident': incident('push-failed', 600) }),
      secondary(2, { 'hostsync:synced-at': time(900) }),
    ],
    plan: [pushed(second)],
  },
  {
    name: 'after a promotion: a host that was not reached yet, one that joins, one that was never in sync',
    members: [
      primary({ 'hostsync:synced-at': time(60), 'hostsync:secondaries': `${list} ${instanceId(4)}` }),
      secondary(2, { 'hostsync:synced-at': time(900) }),
      secondary(3, { 'hostsync:state': 'joining', 'hostsync:synced-at': time(900) }),
      instance(4, { ...secondaryTags, 'hostsync:state': 'behind' }),
    ],
    plan: [
      leftOut(second, 'not-gathered', 'info'),
      leftOut(third, 'joining', 'info'),
      pushed(instanceId(4), third),
    ],
  },
  {
    name: 'a host that cannot join, reminded of after six hours, with the cause that was told',
    members: [
      primary(),
      instance(2, {
        ...secondaryTags,
        'hostsync:state': 'joining',
        'hostsync:incident': incident('join-failed', 22_000, 1, '/abcd.0..'),
      }),
      instance(3, {
        ...secondaryTags,
        'hostsync:state': 'joining',
        'hostsync:incident': incident('join-failed', 22_000, 1),
      }),
      instance(4, {
        ...secondaryTags,
        'hostsync:state': 'joining',
        'hostsync:incident': incident('join-failed', 22_000, 0),
      }),
      instance(5, { ...secondaryTags, 'hostsync:state': 'joining' }),
      instance(6, {
        ...secondaryTags,
        'hostsync:state': 'joining',
        'hostsync:incident': incident('join-failed', 60, 1),
      }),
    ],
    plan: [pushed(second)],
  },
];

it('of pushes and ticks', async () => {
  const texts = situations.map(({ name, members, pushes = [], plan }) => {
    const actions = recordOutcome({ instances: members, pushes, ...(plan && { plan }) }, settings, now);
    return `# ${name}\n${describePlan(actions)}\n`;
  });
  await expect(texts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'situations.txt'));
});

it('how far behind a group is, is measured without anything else', () => {
  const actions = measureGroups(
    { instances: group({}, { 'hostsync:state': 'behind' }), plan: [pushed(second)] },
    settings,
    now,
  );
  expect(actions.map(({ kind }) => kind)).toEqual(['measure', 'measure']);
  expect(actions.map((action) => action.kind === 'measure' && action.values)).toEqual([
    { SecondsBehind: 120 },
    { SecondsBehind: 120, SecondariesFailing: 1 },
  ]);
});
