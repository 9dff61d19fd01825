import { describe, expect, test } from 'vitest';
import { formatIncident } from '../../../../shared/core/model/incident.ts';
import type {
  ObservedCommand,
  ObservedInstance,
  ObservedPush,
  Register,
} from '../../../../shared/core/model/observation.ts';
import type { ScriptLine } from '../../../../shared/core/model/script-line.ts';
import { overviewGroup } from '../../../../shared/core/operator/overview-group.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from '../fixtures.ts';

const now = Date.parse('2026-11-26T10:00:00Z');
const seconds = (ago: number): string => new Date(now - ago * 1000).toISOString();

const primary = instance(1, { ...primaryTags, Name: 'web-1' });
const secondary = (number: number, more: Readonly<Record<string, string>> = {}, state = 'running') =>
  instance(number, { ...secondaryTags, 'hostsync:synced-at': seconds(20), ...more }, state);

function overview(
  instances: readonly ObservedInstance[],
  more: {
    readonly offline?: readonly number[];
    readonly pushes?: readonly ObservedPush[];
    readonly claims?: Register['claims'];
    readonly commands?: readonly ObservedCommand[];
  } = {},
) {
  const { offline = [], pushes = [], claims = [], commands = [] } = more;
  const agents = instances.map(({ id }) => agent(Number.parseInt(id.slice(2), 16)));
  return overviewGroup({
    group: 'web',
    now,
    pushes,
    settings: { behindAfter: 300, promoteWithin: 900 },
    observed: {
      instances,
      agents: agents.map((each) => ({ ...each, online: !offline.some((n) => instanceId(n) === each.id) })),
      lifecycles: new Map(),
      statuses: [],
      commands,
      reachability: [],
      registers: new Map([['web', { claims, configuration: undefined }]]),
    },
  });
}

function push(
  lines: readonly ScriptLine[],
  ago = 20,
  status: ObservedPush['status'] = 'succeeded',
): ObservedPush {
  const end: ScriptLine = { kind: 'push', ok: true, started: 0, seconds: 2 };
  return {
    command: `c-${ago}`,
    instance: instanceId(1),
    status,
    detail: 'Success',
    lines: status === 'under-way' ? lines : [...lines, end],
    requestedAt: now - ago * 1000,
  };
}

describe('the verdict, and the sentence that every operator sees first', () => {
  const behind = `unreachable/${seconds(312)}/1`;
  const unnotified = `unreachable/${seconds(12)}/0`;
  const over = formatIncident({
    code: 'unreachable',
    since: now - 900_000,
    notifications: 0,
    clearedAt: now - 600_000,
  });
  const cases: readonly (readonly [string, readonly ObservedInstance[], string, string])[] = [
    ['all is well', [primary, secondary(2), secondary(3)], 'in-sync', 'All 2 secondaries are in sync'],
    ['one secondary', [primary, secondary(2)], 'in-sync', 'The secondary is in sync'],
    [
      'nobody to push to',
      [instance(1, { ...primaryTags, 'hostsync:secondaries': '' })],
      'in-sync',
      'The group has no secondaries',
    ],
    [
      'one cannot be reached, and people know',
      [primary, secondary(2), secondary(3, { 'hostsync:state': 'behind', 'hostsync:incident': behind })],
      'attention',
      '1 of 2 secondaries is behind',
    ],
    [
      'one push to one host failed',
      [primary, secondary(2), secondary(3, { 'hostsync:state': 'behind', 'hostsync:incident': unnotified })],
      'behind',
      '1 of 2 hosts is not in sync yet',
    ],
    [
      'an incident that is over is only remembered',
      [primary, secondary(2, { 'hostsync:incident': over })],
      'in-sync',
      'The secondary is in sync',
    ],
    [
      'no push reports success any more',
      [primary, secondary(2, { 'hostsync:synced-at': seconds(301) })],
      'behind',
      '1 of 1 host is not in sync yet',
    ],
    [
      'a newcomer',
      [primary, secondary(2), instance(4, { 'hostsync:group': 'web' })],
      'behind',
      '1 of 2 hosts is not in sync yet',
    ],
    [
      'a stopped host is pushed to when it runs',
      [primary, secondary(2), secondary(3, {}, 'stopped')],
      'in-sync',
      'The secondary is in sync',
    ],
    [
      'paused',
      [instance(1, { ...primaryTags, 'hostsync:paused': 'a deploy' }), secondary(2)],
      'behind',
      'Pushes of web are paused',
    ],
    ['no primary', [secondary(2)], 'attention', 'The group has no primary: nothing is pushed'],
    [
      'the primary is stopped',
      [{ ...primary, state: 'stopped' }, secondary(2)],
      'attention',
      'The primary does not run: nothing is pushed',
    ],
    [
      'a wrong tag',
      [instance(1, { ...primaryTags, 'hostsync:directories': '/etc' }), secondary(2)],
      'attention',
      'A tag of the primary is wrong: nothing is pushed',
    ],
  ];
  test.each(cases)('%s', (_name, instances, verdict, headline) => {
    const found = overview(instances);
    expect([found.verdict, found.headline]).toEqual([verdict, headline]);
  });
});

test('what holds a host is shown once, with a remedy, and another host is not blamed for it', () => {
  const incident = `disk-full/${seconds(600)}/1`;
  const { attention, hosts } = overview([
    primary,
    secondary(2),
    secondary(3, { 'hostsync:state': 'behind', 'hostsync:incident': incident }),
  ]);
  expect(attention).toMatchObject([{ code: 'disk-full', host: instanceId(3), level: 'error' }]);
  expect(attention[0]?.remedy).toContain('make room there');
  expect(hosts.map(({ id, role, state }) => [id, role, state])).toEqual([
    [instanceId(1), 'primary', 'takes-writes'],
    [instanceId(2), 'secondary', 'in-sync'],
    [instanceId(3), 'secondary', 'behind'],
  ]);
});

test('the plan and the incident that say the same are one item', () => {
  const incident = `primary-unavailable/${seconds(200)}/1`;
  const { attention } = overview([primary, secondary(2, { 'hostsync:group-incident': incident })], {
    offline: [1],
  });
  expect(attention.map(({ code }) => code)).toEqual(['primary-not-online']);
});

test('held deletions are those of the newest push that came to its end', () => {
  const held: ScriptLine = {
    kind: 'deletions-held',
    id: '5c1f00d2a94be317',
    count: 2981,
    total: 11_204,
    reason: 'too many',
    examples: ['2024/a.jpg'],
  };
  const members = [primary, secondary(2)];
  const found = overview(members, { pushes: [push([held], 20), push([], 5, 'under-way')] });
  expect(found.heldDeletions).toMatchObject({ id: '5c1f00d2a94be317', count: 2981, host: instanceId(1) });
  expect(found.verdict).toBe('attention');
  expect(found.attention[0]?.remedy).toContain('hostsync accept-deletions web 5c1f00d2a94be317');
  const gone = overview(members, { pushes: [push([held], 80), push([], 20)] });
  expect(gone.heldDeletions).toBeUndefined();
});

test('whether a host could be promoted is what the service itself would say', () => {
  const { hosts } = overview([primary, secondary(2), secondary(3, { 'hostsync:promote': 'never' })], {
    offline: [2],
  });
  expect(hosts.map(({ promote }) => promote?.blocker)).toEqual([
    undefined,
    'its SSM agent is not online',
    'its tag hostsync:promote says never',
  ]);
  expect(hosts[2]?.promote?.preference).toBe('never');
});

test('a host outside EC2 is known by the pushes to it and by what is remembered beside its primary', () => {
  const outside = instance(1, {
    ...primaryTags,
    'hostsync:secondaries': 'web8.example.com web9.example.com',
    'hostsync:outside': `web9.example.com/unreachable/${seconds(600)}/1`,
  });
  const line: ScriptLine = {
    kind: 'secondary',
    id: 'web8.example.com',
    ok: true,
    started: 0,
    files: 3,
    deleted: 0,
    bytes: 9,
    seconds: 1,
  };
  const { hosts, pushes, verdict } = overview([outside], { pushes: [push([line])] });
  expect(hosts.slice(1)).toMatchObject([
    { id: 'web8.example.com', role: 'external', state: 'in-sync', secondsBehind: 20 },
    { id: 'web9.example.com', role: 'external', state: 'behind' },
  ]);
  expect(pushes).toMatchObject([{ files: 3, bytes: 9, status: 'succeeded', missed: [] }]);
  expect(verdict).toBe('attention');
});

test('it is JSON: nothing is lost when it is written and read', () => {
  const found = overview([primary, secondary(2)], {
    claims: [{ epoch: 1, holder: instanceId(1), kind: 'first', why: 'the first', at: now - 1000 }],
  });
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  expect(found.promotions).toEqual([
    { epoch: 1, to: instanceId(1), kind: 'first', why: 'the first', at: now - 1000 },
  ]);
});

test('why a host cannot join, or is behind, is in the words of the host or of the last push', () => {
  const task = '00000000-0000-4000-8000-000000000001';
  const newcomer = instance(4, {
    'hostsync:group': 'web',
    'hostsync:state': 'joining',
    'hostsync:task': `join 1 - ${task} ${seconds(9)}`,
    'hostsync:incident': `join-failed/${seconds(9)}/1`,
  });
  const late = secondary(3, {
    'hostsync:state': 'behind',
    'hostsync:incident': `disk-full/${seconds(90)}/1`,
  });
  const line: ScriptLine = {
    kind: 'secondary',
    id: instanceId(3),
    ok: false,
    error: 'disk-full',
    message: 'no space left\non /srv',
    started: 0,
    files: 0,
    deleted: 0,
    bytes: 0,
    seconds: 1,
  };
  const failed: ObservedCommand = {
    command: task,
    instance: instanceId(4),
    status: 'failed',
    detail: 'Failed',
    lines: [{ kind: 'error', error: 'not-ready', message: 'missing on this host: rsync' }],
  };
  const { hosts, attention } = overview([primary, late, newcomer], {
    pushes: [push([line])],
    commands: [failed],
  });
  expect(hosts.map(({ incident }) => incident?.message)).toEqual([
    undefined,
    'no space left on /srv',
    'not-ready: missing on this host: rsync',
  ]);
  expect(attention.map(({ why }) => why).join()).toContain('missing on this host: rsync');
});
