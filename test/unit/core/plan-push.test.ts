import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPush, tickBlocker } from '../../../shared/core/push/plan-push.ts';
import type { PushAction } from '../../../shared/core/push/push-action.ts';
import {
  agent,
  healthyGroup,
  hostKey,
  instance,
  instanceId,
  primaryTags,
  secondaryTags,
} from './fixtures.ts';

const codes = (actions: readonly PushAction[]) =>
  actions.map((action) =>
    'code' in action ? `${action.kind} ${action.code} ${action.severity}` : action.kind,
  );

describe('a group that is well', () => {
  it('is pushed to every secondary, with the keys that the tags pin', () => {
    expect(planPush(healthyGroup({ 'hostsync:exclude': '*.tmp cache/' }))).toEqual([
      {
        kind: 'push',
        group: 'web',
        primary: instanceId(1),
        request: {
          group: 'web',
          epoch: 1,
          directories: ['/srv/uploads'],
          excludes: ['*.tmp', 'cache/'],
          options: new Map(),
          secondaries: [
            { id: instanceId(2), address: '10.0.0.2', port: 22, hostKey },
            { id: instanceId(3), address: '10.0.0.3', port: 22, hostKey },
          ],
        },
        reason: `${instanceId(1)} pushes 1 directories to 2 of 2 secondaries`,
      },
    ]);
  });

  it('is pushed with the options of its tag', () => {
    expect(planPush(healthyGroup({ 'hostsync:options': 'nice=10 bandwidth=0' }))).toMatchObject([
      {
        request: {
          options: new Map([
            ['nice', 10],
            ['bandwidth', 0],
          ]),
        },
      },
    ]);
  });

  it('pushes to hosts outside EC2 by name, and to managed nodes by the address that SSM knows', () => {
    const node = `mi-${'0'.repeat(17)}`;
    const group = healthyGroup({ 'hostsync:secondaries': `web9.example.com:2222 ${node}` });
    const actions = planPush({
      ...group,
      agents: [...group.agents, { id: node, online: false, address: '10.9.0.1' }],
    });
    expect(actions).toMatchObject([
      {
        request: {
          secondaries: [
            { id: 'web9.example.com', address: 'web9.example.com', port: 2222, hostKey: undefined },
            { id: node, address: '10.9.0.1', port: 22, hostKey: undefined },
          ],
        },
      },
    ]);
  });
});

describe('a group that is not pushed', () => {
  const group = healthyGroup();
  const [primary, second, third] = group.instances;
  if (primary === undefined || second === undefined || third === undefined) throw new Error('fixture');
  it.each([
    ['nothing there at all', { instances: [], agents: [] }, ['nothing-to-do']],
    ['no primary', { ...group, instances: [second, third] }, ['no-push no-primary error']],
    [
      'two primaries, which would overwrite each other',
      { ...group, instances: [primary, instance(2, primaryTags), third] },
      ['no-push several-primaries error'],
    ],
    ['paused', healthyGroup({ 'hostsync:paused': 'moving house' }), ['no-push paused info']],
    ['paused with an empty text', healthyGroup({ 'hostsync:paused': '' }), ['no-push paused info']],
    [
      'a primary that is stopped',
      { ...group, instances: [instance(1, primaryTags, 'stopped'), second, third] },
      ['no-push primary-not-running error'],
    ],
    [
      'a primary that SSM has lost',
      { ...group, agents: [agent(1, false)] },
      ['no-push primary-not-online error'],
    ],
    ['a primary that SSM never knew', { ...group, agents: [agent(2)] }, ['no-push primary-not-online error']],
    ['no list', healthyGroup({ 'hostsync:secondaries': undefined }), ['no-push no-secondaries info']],
    ['an empty list', healthyGroup({ 'hostsync:secondaries': ' ' }), ['no-push no-secondaries info']],
    [
      'a name that is none',
      healthyGroup({ 'hostsync:group': 'a b' }),
      ['no-push bad-tags error', 'no-push no-primary error'],
    ],
    ['no directories', healthyGroup({ 'hostsync:directories': undefined }), ['no-push bad-tags error']],
    ['epoch 0', healthyGroup({ 'hostsync:primary': '0' }), ['no-push bad-tags error']],
    ['an epoch that is empty', healthyGroup({ 'hostsync:primary': '' }), ['no-push bad-tags error']],
    ['an epoch that is text', healthyGroup({ 'hostsync:primary': 'true' }), ['no-push bad-tags error']],
    ['a bad entry in the list', healthyGroup({ 'hostsync:secondaries': 'i-1' }), ['no-push bad-tags error']],
    ['a pattern that excludes all', healthyGroup({ 'hostsync:exclude': '*' }), ['no-push bad-tags error']],
    ['an option that there is not', healthyGroup({ 'hostsync:options': 'bw=1' }), ['no-push bad-tags error']],
    [
      'a pattern that clears the others',
      healthyGroup({ 'hostsync:exclude': '*.a !' }),
      ['no-push bad-tags error'],
    ],
  ])('%s', (_name, observed, expected) => {
    expect(codes(planPush(observed))).toEqual(expected);
  });

  it('says of bad tags which instance, tag and value, and what to do, all at once', () => {
    const [action] = planPush(healthyGroup({ 'hostsync:directories': '/etc', 'hostsync:primary': 'yes' }));
    expect(action?.reason).toBe(
      `${instanceId(1)}: tag hostsync:primary, value "yes": the epoch is not a whole number from 1; set it to 1 on a new group, else to one more than the highest epoch so far | ${instanceId(1)}: tag hostsync:directories, value "/etc": this directory belongs to the system; name the directory that holds the uploads, as in /var/www/site/uploads`,
    );
  });

  it('names both primaries', () => {
    const [action] = planPush({ ...group, instances: [primary, instance(2, primaryTags)] });
    expect(action?.reason).toContain(`${instanceId(1)}, ${instanceId(2)}`);
  });

  it('for a request that SSM would refuse, says so instead of failing each minute', () => {
    const many = Array.from({ length: 290 }, (_, index) => index + 2);
    const tags = Object.fromEntries(
      Array.from({ length: 29 }, (_, shard) => [
        shard === 0 ? 'hostsync:secondaries' : `hostsync:secondaries-${shard + 1}`,
        many
          .slice(shard * 10, shard * 10 + 10)
          .map(instanceId)
          .join(' '),
      ]),
    );
    const longKey = `ecdsa-sha2-nistp521 ${'A'.repeat(232)}==`;
    const secondaries = many.map((number) =>
      instance(number, { ...secondaryTags, 'hostsync:host-key': longKey }),
    );
    const actions = planPush({
      instances: [instance(1, { ...primaryTags, ...tags }), ...secondaries],
      agents: [agent(1)],
    });
    expect(codes(actions)).toEqual(['no-push request-too-long error']);
  });
});

describe('a secondary that is left out, while the others are pushed to', () => {
  const group = healthyGroup();
  const replaceSecond = (tags: Readonly<Record<string, string>>, state?: string) => ({
    ...group,
    instances: group.instances.map((each) => (each.id === instanceId(2) ? instance(2, tags, state) : each)),
  });
  it.each([
    ['stopped', replaceSecond(secondaryTags, 'stopped'), 'not-running info'],
    ['still starting', replaceSecond(secondaryTags, 'pending'), 'not-running info'],
    ['in its first sync', replaceSecond({ ...secondaryTags, 'hostsync:state': 'joining' }), 'joining info'],
    [
      'in quarantine',
      replaceSecond({ ...secondaryTags, 'hostsync:state': 'quarantined' }),
      'quarantined info',
    ],
    ['not yet joined', replaceSecond({ 'hostsync:group': 'web' }), 'not-joined info'],
    [
      'with a key that is none',
      replaceSecond({ ...secondaryTags, 'hostsync:host-key': 'x' }),
      'bad-tags error',
    ],
    [
      'with two keys in one tag',
      replaceSecond({ ...secondaryTags, 'hostsync:host-key': `${hostKey}\n${hostKey}` }),
      'bad-tags error',
    ],
    [
      'terminated',
      { ...group, instances: group.instances.filter(({ id }) => id !== instanceId(2)) },
      'unknown info',
    ],
    [
      'without an address',
      {
        ...group,
        instances: group.instances.map((each) =>
          each.id === instanceId(2) ? { ...each, address: undefined } : each,
        ),
      },
      'no-address error',
    ],
  ])('%s', (_name, observed, expected) => {
    expect(codes(planPush(observed))).toEqual([`leave-out ${expected}`, 'push']);
  });

  it('without an address says which has none, also when it is the primary, and what to do', () => {
    const instances = group.instances.map((each) =>
      each.id === instanceId(1) ? { ...each, address: undefined } : each,
    );
    const actions = planPush({ ...group, instances });
    expect(actions.map((action) => ('reason' in action ? action.reason : ''))).toContain(
      `${instanceId(1)} has neither a private IPv4 address nor an IPv6 address: see its network interface`,
    );
    expect(actions.map(({ kind }) => kind)).not.toContain('push');
  });

  it('of another group: its files are not mixed with ours', () => {
    const observed = replaceSecond({ ...secondaryTags, 'hostsync:group': 'other' });
    expect(codes(planPush(observed))).toEqual([
      'no-push no-primary error',
      'leave-out other-group error',
      'push',
    ]);
  });

  it('that is the primary itself, which would delete its own files', () => {
    const observed = healthyGroup({ 'hostsync:secondaries': `${instanceId(1)} ${instanceId(2)}` });
    expect(codes(planPush(observed))).toEqual(['leave-out is-primary error', 'push']);
  });

  it('leaves no push when it was the only one', () => {
    const observed = healthyGroup({ 'hostsync:secondaries': instanceId(9) });
    expect(codes(planPush(observed))).toEqual(['leave-out unknown info', 'no-push no-secondary-ready info']);
  });
});

it('one group in trouble changes nothing for another', () => {
  const well = healthyGroup();
  const alone = planPush(well);
  const junk = fc.dictionary(
    fc.constantFrom(
      'hostsync:primary',
      'hostsync:directories',
      'hostsync:secondaries',
      'hostsync:exclude',
      'hostsync:secondaries-9',
    ),
    fc.oneof(fc.string(), fc.constantFrom('1', '/srv/a', '/', instanceId(2), instanceId(3))),
  );
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 4 }), fc.string(), (others, name) => {
      fc.pre(name !== 'web');
      const strangers = others.map((tags, index) =>
        instance(100 + index, { ...tags, 'hostsync:group': name }),
      );
      const actions = planPush({ ...well, instances: [...strangers, ...well.instances] });
      expect(actions.filter((action) => 'group' in action && action.group === 'web')).toEqual(alone);
    }),
  );
});

it('every action has a reason', () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('1', '2', '/srv/a', instanceId(1), instanceId(2), hostKey),
  );
  const tags = fc.dictionary(
    fc.constantFrom(
      'hostsync:primary',
      'hostsync:directories',
      'hostsync:secondaries',
      'hostsync:host-key',
      'hostsync:paused',
    ),
    value,
  );
  const state = fc.constantFrom('running', 'stopped', 'pending');
  fc.assert(
    fc.property(fc.array(fc.tuple(tags, state), { maxLength: 5 }), (members) => {
      const instances = members.map(([own, its], index) =>
        instance(index + 1, { ...own, 'hostsync:group': 'web' }, its),
      );
      const actions = planPush({ instances, agents: [agent(1), agent(2, false)] });
      expect(actions.length).toBeGreaterThan(0);
      for (const { reason } of actions) expect(reason).toMatch(/\S/u);
      expect(actions.filter(({ kind }) => kind === 'push').length).toBeLessThanOrEqual(1);
    }),
  );
});

it.each([
  [0, undefined],
  [60_000, undefined],
  [61_000, 'the tick is 61 s old'],
  [-5_000, undefined],
])('a tick that is %i ms old', (age, expected) => {
  const blocker = tickBlocker(1_000_000_000, 1_000_000_000 + age);
  if (expected === undefined) expect(blocker).toBeUndefined();
  else expect(blocker).toContain(expected);
});
