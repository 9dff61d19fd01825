import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Head, ObservedAgent, ObservedInstance } from '../../../../shared/core/model/observation.ts';
import { isUnsettled, needsReconciling } from '../../../../shared/core/push/needs-reconciling.ts';
import { planPush } from '../../../../shared/core/push/plan-push.ts';
import { nodesOf } from '../../../../shared/core/push/push-target.ts';
import { agent, instance, instanceId, primaryTags, remembered, secondaryTags } from '../fixtures.ts';
import { describePlan } from '../plan-text.ts';

// What a tick does, and whether a look follows it: npm run unit -- push/situations -u writes it anew, for you to review.

const now = Date.parse('2026-11-22T10:00:00.000Z');
const time = (ago: number) => new Date(now - ago * 1000).toISOString();
type Tags = Readonly<Record<string, string>>;

const node = `mi-${'0'.repeat(17)}`;
const primary = (more: Tags = {}, state = 'running') => instance(1, { ...primaryTags, ...more }, state);
const secondary = (number: number, more: Tags = {}, state = 'running') =>
  instance(number, { ...secondaryTags, 'hostsync:synced-at': time(30), ...more }, state);
const without = ({ tags, ...each }: ObservedInstance, ...names: readonly string[]): ObservedInstance => {
  const kept = Object.entries(tags).filter(([key]) => !names.includes(key.slice('hostsync:'.length)));
  return { ...each, tags: Object.fromEntries(kept) };
};
const others = [secondary(2), secondary(3)];
const well = [primary(), ...others];
const over = `no-primary/${time(600)}/0/..7ps0.`;

interface Situation {
  readonly name: string;
  readonly members: readonly ObservedInstance[];
  readonly agents?: readonly ObservedAgent[];
  readonly head?: Partial<Head> | 'unread' | 'none';
  readonly impaired?: number;
}

const situations: readonly Situation[] = [
  { name: 'nothing at all', members: [] },
  { name: 'hosts of no group', members: [instance(1, { Name: 'x' })] },
  { name: 'a group that is well', members: well },
  {
    name: 'a name that cannot be one, on two hosts',
    members: [instance(2, { 'hostsync:group': 'a b' }), instance(1, { 'hostsync:group': 'a b' })],
  },
  {
    name: 'two groups, the second one first',
    members: [
      ...[instance(8, { 'hostsync:group': 'zoo' }), instance(7, { 'hostsync:group': 'ape' })],
      instance(6, {}),
    ],
  },
  {
    name: 'three primaries, in no order',
    members: [instance(3, primaryTags), instance(1, primaryTags), instance(2, primaryTags)],
  },
  {
    name: 'a paused group, whose secondaries are old',
    members: [primary({ 'hostsync:paused': 'release' }), secondary(2, { 'hostsync:synced-at': time(900) })],
  },
  { name: 'a primary that is stopped', members: [primary({}, 'stopped'), ...others] },
  {
    name: 'a primary that SSM does not know, and one whose agent is silent',
    members: well,
    agents: [agent(2)],
  },
  { name: 'a primary whose agent is silent', members: well, agents: [agent(1, false)] },
  { name: 'a primary that was tagged by hand', members: [primary({ 'hostsync:promoted': '' }), ...others] },
  { name: 'no secondaries', members: [primary({ 'hostsync:secondaries': '' })] },
  {
    name: 'no secondary that can be pushed to',
    members: [
      primary(),
      secondary(2, { 'hostsync:state': 'joining' }),
      secondary(3, { 'hostsync:state': 'quarantined' }),
    ],
  },
  {
    name: 'deletions that were accepted',
    members: [primary({ 'hostsync:accept-deletions': ' 0123456789abcdef ' }), ...others],
  },
  ...['yes', 'x0123456789abcdef', '0123456789abcdef0', 'ghijklmnopqrstuv'].map((answer): Situation => {
    return {
      name: `"${answer}", which is no id of deletions`,
      members: [primary({ 'hostsync:accept-deletions': answer }), secondary(2)],
    };
  }),
  {
    name: 'a list with the primary, a host of another group, one that is gone, and two nodes of SSM',
    members: [
      primary({
        'hostsync:secondaries': [
          instanceId(1),
          instanceId(4),
          instanceId(9),
          node,
          'mi-00000000000000002',
        ].join(' '),
      }),
      secondary(4, { 'hostsync:group': 'other' }),
    ],
    agents: [agent(1), { id: node, online: false, address: '192.0.2.7' }],
  },
  {
    name: 'hosts outside EC2, and a primary with an IPv6 address only',
    members: [
      {
        ...primary({ 'hostsync:secondaries': `192.0.2.9 [2001:db8::9]:2222 ${instanceId(2)}` }),
        address: undefined,
        ipv6Address: '2001:db8::1',
      },
      secondary(2),
    ],
  },
  {
    name: 'secondaries that start, have no key, a wrong key, a port of their own, or gave nothing yet',
    members: [
      primary({ 'hostsync:secondaries': [2, 3, 4, 5, 6].map(instanceId).join(' ') }),
      secondary(2, {}, 'pending'),
      without(secondary(3), 'host-key'),
      secondary(4, { 'hostsync:host-key': 'ssh-rsa x' }),
      secondary(5, { 'hostsync:port': '2222' }),
      secondary(6, { 'hostsync:gathered': '0' }),
    ],
  },
  {
    name: 'a secondary with no address',
    members: [primary(), { ...secondary(2), address: undefined }, secondary(3)],
  },
  { name: 'nothing is remembered', members: well, head: 'none' },
  {
    name: 'the memory could not be read',
    members: [primary(), secondary(2, { 'hostsync:synced-at': time(900) }), secondary(3)],
    head: 'unread',
  },
  { name: 'due', members: well, head: { dueAt: now } },
  { name: 'due in a moment', members: well, head: { dueAt: now + 1 } },
  { name: 'not looked at for ten minutes', members: well, head: { reconciledFrom: now - 600_000 } },
  { name: 'almost as long', members: well, head: { reconciledFrom: now - 599_999 } },
  { name: 'other tags than in the mirror', members: well, head: { configuration: 'x' } },
  {
    name: 'a former primary',
    members: [
      primary({ 'hostsync:primary': '2', 'hostsync:promoted': `2 ${instanceId(1)}` }),
      instance(2, primaryTags),
      secondary(3),
    ],
  },
  {
    name: 'one that lost the tag by hand',
    members: [
      primary(),
      without(instance(2, { ...primaryTags, 'hostsync:promoted': `1 ${instanceId(2)}` }), 'primary'),
      secondary(3),
    ],
  },
  { name: 'an impaired primary', members: well, impaired: 1 },
  { name: 'a switchover', members: [primary({ 'hostsync:switchover': 'any' }), ...others] },
  {
    name: 'a secondary that was in sync long ago',
    members: [primary(), secondary(2), secondary(3, { 'hostsync:synced-at': time(151) })],
  },
  {
    name: 'one that was just in time',
    members: [primary(), secondary(2), secondary(3, { 'hostsync:synced-at': time(150) })],
  },
  {
    name: 'one of which nothing is remembered',
    members: [primary(), secondary(2), without(secondary(3), 'synced-at')],
  },
  { name: 'a new host', members: [...well, instance(4, { 'hostsync:group': 'web' })] },
  {
    name: 'hosts that are stopped: new, quarantined, a secondary',
    members: [
      primary(),
      secondary(2),
      secondary(3),
      instance(4, { 'hostsync:group': 'web' }, 'stopped'),
      instance(5, { 'hostsync:group': 'web', 'hostsync:state': 'quarantined' }, 'stopped'),
    ],
  },
  { name: 'a secondary that is stopped', members: [primary(), secondary(2, {}, 'stopped'), secondary(3)] },
  {
    name: 'a secondary that is behind',
    members: [primary(), secondary(2, { 'hostsync:state': 'behind' }), secondary(3)],
  },
  { name: 'a task in progress', members: [primary(), secondary(2, { 'hostsync:task': 'x' }), secondary(3)] },
  { name: 'a note that cannot be read', members: [primary({ 'hostsync:group-incident': 'x' }), ...others] },
  { name: 'a note on what is over', members: [primary({ 'hostsync:group-incident': over }), ...others] },
  {
    name: 'a note on what is over, and on what is not',
    members: [primary({ 'hostsync:group-incident': `${over} push-failed/${time(60)}/1` }), ...others],
  },
];

it('of a tick', async () => {
  const texts = situations.map(({ name, members, agents, head = {}, impaired = 0 }) => {
    const numbers = members.map(({ id }) => agent(Number.parseInt(id.slice(2), 16)));
    const plan = planPush({ instances: members, agents: agents ?? numbers });
    const own = plan.filter((action) => action.kind === 'nothing-to-do' || action.group === 'web');
    const known = typeof head === 'string' ? {} : head;
    const of = remembered(members, { reconciledFrom: now - 30_000, ...known })?.head;
    const group = members[0]?.tags['hostsync:group'] ?? '';
    const look = needsReconciling({
      group,
      members,
      plan: own,
      now,
      isImpaired: (id) => id === instanceId(impaired),
      head: head === 'unread' ? head : head === 'none' ? undefined : of,
    });
    const nodes = nodesOf(members).join(' ') || 'none';
    const after = `a look: ${look ?? 'none'}; it asks for another: ${isUnsettled(members)}; nodes: ${nodes}`;
    return `# ${name}\n${describePlan(plan)}\n${describePlan([{ kind: 'then', reason: after }])}\n`;
  });
  await expect(texts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'situations.txt'));
});
