import { join } from 'node:path';
import { expect, it } from 'vitest';
import type {
  Claim,
  ObservedAgent,
  ObservedInstance,
  ObservedPush,
  PromotionObservation,
} from '../../../../shared/core/model/observation.ts';
import type { ScriptLine } from '../../../../shared/core/model/script-line.ts';
import {
  forcedPromotionBlocker,
  nextEpoch,
  resyncBlocker,
  switchoverBlocker,
  switchoverStage,
} from '../../../../shared/core/operator/action-blockers.ts';
import { conditionBlocker } from '../../../../shared/core/operator/conditions.ts';
import type { AutoScalingFacts, IngressRule } from '../../../../shared/core/operator/doctor-facts.ts';
import { findInGroup } from '../../../../shared/core/operator/find-in-group.ts';
import { describePush, summarizePush } from '../../../../shared/core/operator/summarize-push.ts';
import { planPush } from '../../../../shared/core/push/plan-push.ts';
import type { UpkeepAction } from '../../../../shared/core/succession/plan-upkeep.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from '../fixtures.ts';
import { describeView } from '../plan-text.ts';
import { ago, changed, members, now, observation, push, view } from './fixtures.ts';

// What an operator is shown and refused: npm run unit -- operator/situations -u writes it anew, for you to review.

const [one, two, three] = [instanceId(1), instanceId(2), instanceId(3)];
const command = '00000000-0000-4000-8000-000000000001';

interface Situation {
  readonly name: string;
  readonly instances?: readonly ObservedInstance[];
  readonly agents?: readonly ObservedAgent[];
  readonly pushes?: readonly ObservedPush[];
  readonly observed?: Partial<PromotionObservation>;
  readonly unread?: readonly string[];
  readonly upkeep?: readonly UpkeepAction[];
  readonly rules?: ReadonlyMap<string, readonly IngressRule[]>;
  readonly groupsOf?: readonly string[];
  readonly autoScaling?: readonly AutoScalingFacts[];
  readonly versions?: ReadonlyMap<string, string>;
}

const line = (id: string, more: Partial<Extract<ScriptLine, { kind: 'secondary' }>> = {}): ScriptLine => {
  const counts = { started: 0, files: 2, deleted: 1, bytes: 9, seconds: 1 };
  return { kind: 'secondary', id, ok: true, ...counts, ...more };
};
const end: ScriptLine = { kind: 'push', ok: true, started: 0, seconds: 2.25 };
const held: ScriptLine = {
  kind: 'deletions-held',
  id: '0123456789abcdef',
  count: 9,
  total: 10,
  reason: 'more than half',
  examples: ['/a', '/b', '/c', '/d', '/e'],
};
const with1 = (tags: Readonly<Record<string, string | undefined>>, state?: string) => changed(1, tags, state);
const note = (code: string, seconds: number, notifications = 1) => `${code}/${ago(seconds)}/${notifications}`;
const add = (...more: readonly ObservedInstance[]) => [...members(), ...more];
const listOf = (...ids: readonly string[]) => ({ 'hostsync:secondaries': ids.join(' ') });
const outside = 'web9.example.com';
const node = `mi-${'0'.repeat(17)}`;
const claims: readonly Claim[] = [
  { epoch: 1, holder: one, kind: 'first', why: 'the first', at: now - 9_000_000 },
  { epoch: 4, holder: two, from: one, kind: 'failover', why: 'it was dead', at: now - 60_000 },
];
const scaled = (...numbers: readonly number[]) =>
  members().map((each) => {
    const isScaled = numbers.includes(Number.parseInt(each.id.slice(2), 16));
    return isScaled ? { ...each, tags: { ...each.tags, 'aws:autoscaling:groupName': 'WEB' } } : each;
  });
const hook = (name: string, transition: string, heartbeatTimeout: number, defaultResult = 'ABANDON') => ({
  name,
  transition: `autoscaling:EC2_INSTANCE_${transition}`,
  heartbeatTimeout,
  defaultResult,
});
const right: AutoScalingFacts = {
  name: 'WEB',
  group: 'web',
  propagates: true,
  terminateHookAbandon: 'retain',
  hooks: [hook('hostsync-launch', 'LAUNCHING', 180), hook('hostsync-terminate', 'TERMINATING', 660)],
};
const ssh: IngressRule = {
  protocol: 'tcp',
  fromPort: 22,
  toPort: 22,
  groups: ['sg-primary'],
  blocks: [],
  others: false,
};
const rule = (more: Partial<IngressRule>) => new Map([['sg-web', [{ ...ssh, ...more }]]]);
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`own-${index}`, '']));

const situations: readonly Situation[] = [
  { name: 'all is well' },
  { name: 'nobody is there', instances: [] },
  { name: 'a primary alone', instances: with1(listOf()).slice(0, 1) },
  { name: 'a name that cannot be one, and a wrong tag', instances: with1({ 'hostsync:options': 'nice=99' }) },
  { name: 'no primary', instances: with1({ 'hostsync:primary': undefined, 'hostsync:promoted': undefined }) },
  {
    name: 'several primaries',
    instances: changed(2, { ...primaryTags, 'hostsync:promoted': `1 ${two}` }),
  },
  {
    name: 'a former primary that nobody has set apart, one that lost the tag, and one in quarantine',
    instances: [
      ...with1({ 'hostsync:primary': '2', 'hostsync:promoted': `2 ${one}` }),
      instance(4, { ...primaryTags, 'hostsync:promoted': `1 ${instanceId(4)}` }),
      instance(5, { 'hostsync:group': 'web', 'hostsync:promoted': `1 ${instanceId(5)}` }),
      instance(6, { 'hostsync:group': 'web', 'hostsync:state': 'quarantined' }),
    ],
  },
  {
    name: 'a group that is only observed',
    instances: with1({
      'hostsync:mode': 'observe',
      'hostsync:intentions': `${now - 60_000}\tpush\t${one} ${two}\tpushes 1 directories\n${now}\tpoint\t\tthe name`,
    }),
  },
  {
    name: 'a paused group, long ago',
    instances: with1({ 'hostsync:paused': 'release' }).map((each) =>
      each.id === two ? { ...each, tags: { ...each.tags, 'hostsync:synced-at': ago(400) } } : each,
    ),
  },
  { name: 'a primary that is stopped', instances: with1({}, 'stopped') },
  { name: 'a primary whose agent is silent', agents: [agent(1, false), agent(2), agent(3)] },
  { name: 'agents that SSM does not know', agents: [] },
  { name: 'an agent whose version SSM does not say', versions: new Map([[one, '3.3']]) },
  { name: 'a primary that was tagged a moment ago', instances: with1({ 'hostsync:promoted': undefined }) },
  {
    name: 'a switchover that was asked for, and the host that is made the primary',
    instances: with1({ 'hostsync:switchover': 'any' }).map((each) =>
      each.id === two
        ? { ...each, tags: { ...each.tags, 'hostsync:task': `promote 1 - ${command} ${ago(5)}` } }
        : each,
    ),
  },
  {
    name: 'a switchover: writes stop',
    instances: with1({ 'hostsync:task': `prepare 1 - ${command} ${ago(5)}` }),
  },
  {
    name: 'a switchover: the last push',
    instances: with1({ 'hostsync:task': `final-push 3 - ${command} ${ago(5)}` }),
  },
  {
    name: 'a switchover: it is held up',
    instances: with1({ 'hostsync:promotion-incident': note('promotion-blocked', 90) }),
  },
  {
    name: 'another host was promoted, and claims say so',
    instances: changed(2, { ...primaryTags, 'hostsync:primary': '4', 'hostsync:promoted': `4 ${two}` }),
    observed: { registers: new Map([['web', { claims, configuration: undefined }]]) },
  },
  {
    name: 'hosts that are behind: notified, not notified, over',
    instances: [
      ...changed(2, {
        'hostsync:state': 'behind',
        'hostsync:incident': note('disk-full', 400),
        'hostsync:synced-at': ago(460),
      }),
      instance(4, {
        ...secondaryTags,
        'hostsync:state': 'behind',
        'hostsync:incident': note('timeout', 90, 0),
        'hostsync:synced-at': ago(120),
      }),
      instance(5, {
        ...secondaryTags,
        'hostsync:incident': `${note('timeout', 900, 0)}/..7ps0.`,
        'hostsync:synced-at': ago(20),
      }),
    ],
    pushes: [
      push([line(two, { ok: false, error: 'disk-full', message: 'no room' }), end], {
        requestedAt: now - 60_000,
      }),
      push([
        line(two, { ok: false, error: 'disk-full', message: 'no\nroom on /srv' }),
        line(instanceId(4), { ok: false, error: 'timeout' }),
        end,
      ]),
      push([], { status: 'under-way', requestedAt: now - 1000 }),
    ],
  },
  {
    name: 'a secondary that cannot join again',
    instances: changed(2, {
      'hostsync:join-incident': note('rejoin-failed', 400),
      'hostsync:task': `join 1 - ${command} ${ago(5)}`,
    }),
    observed: {
      commands: [
        {
          command,
          instance: two,
          status: 'failed',
          detail: 'Failed',
          lines: [end, { kind: 'error', error: 'not-ready', message: 'no rsync' }],
        },
      ],
    },
  },
  {
    name: 'newcomers: unseen, joining, failing, with a command that said nothing, stopped',
    instances: add(
      instance(4, { 'hostsync:group': 'web' }),
      instance(5, { 'hostsync:group': 'web', 'hostsync:state': 'joining' }),
      instance(6, { 'hostsync:group': 'web', 'hostsync:incident': note('join-failed', 400) }),
      instance(7, {
        'hostsync:group': 'web',
        'hostsync:state': 'joining',
        'hostsync:incident': note('join-failed', 400, 0),
        'hostsync:task': `join 1 - ${command} ${ago(5)}`,
      }),
      instance(8, { 'hostsync:group': 'web' }, 'stopped'),
    ),
    observed: {
      commands: [{ command, instance: instanceId(7), status: 'failed', detail: 'TimedOut', lines: [] }],
    },
  },
  {
    name: 'times: not known, just in time, too old',
    instances: [
      ...changed(2, { 'hostsync:synced-at': undefined }),
      instance(4, { ...secondaryTags, 'hostsync:synced-at': ago(300) }),
      instance(5, { ...secondaryTags, 'hostsync:synced-at': ago(301) }),
    ],
  },
  {
    name: 'names, zones and addresses',
    instances: [
      ...members(),
      { ...instance(5, { ...secondaryTags, Name: 'web-10', 'hostsync:synced-at': ago(20) }), zone: 'b' },
      {
        ...instance(4, { ...secondaryTags, Name: '', 'hostsync:synced-at': ago(20) }),
        zone: 'b',
        address: undefined,
        ipv6Address: '2001:db8::4',
      },
      {
        ...instance(6, { ...secondaryTags, Name: 'web-9', 'hostsync:synced-at': ago(20) }),
        zone: 'a',
        address: undefined,
      },
    ],
    observed: { lifecycles: new Map([[three, { id: three, autoScalingGroup: 'WEB', state: 'InService' }]]) },
  },
  {
    name: 'preferences',
    instances: [
      ...changed(2, { 'hostsync:promote': 'never' }),
      instance(4, { ...secondaryTags, 'hostsync:promote': 'prefer', 'hostsync:synced-at': ago(20) }),
      instance(5, { ...secondaryTags, 'hostsync:promote': 'x', 'hostsync:synced-at': ago(20) }),
    ],
  },
  {
    name: 'hosts outside EC2: well, failing, not known, unlisted',
    instances: with1({
      ...listOf(two, three, outside, node, 'web8.example.com', 'mi-00000000000000009'),
      'hostsync:outside': `web8.example.com/${note('timeout', 400)} ${node}/${note('timeout', 90, 0)}`,
    }),
    agents: [agent(1), agent(2), agent(3), { id: node, online: false, address: '192.0.2.7' }],
    pushes: [
      push([
        line(outside),
        line('web8.example.com', { ok: false, error: 'timeout', message: 'no answer' }),
        end,
      ]),
      push([line(outside), end], { requestedAt: now - 70_000 }),
    ],
  },
  {
    name: 'a list with the primary, a host of another group and one that is gone',
    instances: [
      ...with1(listOf(one, two, three, instanceId(4), instanceId(9))),
      instance(4, { 'hostsync:group': 'other' }),
    ],
  },
  {
    name: 'a group whose pushes fail, with more than one incident',
    instances: with1({
      'hostsync:group-incident': `${note('push-failed', 600)} ${note('push-overrun', 90)} ${note('directory-not-pushed', 60, 0)} ${note('of-old', 30)}`,
      'hostsync:promotion-incident': `${note('primary-suspected', 45)} ${note('writes-not-resumed', 40)}`,
    }),
    pushes: [
      push([{ kind: 'directory', directory: '/a', error: 'missing', message: 'is gone' }], {
        status: 'failed',
        detail: 'ExecutionTimedOut',
        exitCode: undefined,
      }),
      push([end], { requestedAt: now - 60_000 }),
    ],
  },
  {
    name: 'incidents of the plan, notifications in its words',
    instances: with1(
      {
        'hostsync:group-incident': `${note('primary-unavailable', 600)} ${note('no-primary', 600)} ${note('configuration-invalid', 500)}`,
      },
      'stopped',
    ),
  },
  {
    name: 'a directory that is not pushed',
    instances: with1({ 'hostsync:group-incident': note('directory-not-pushed', 600) }),
    pushes: [
      push([
        { kind: 'directory', directory: '/a', error: 'missing', message: 'is gone' },
        line(two),
        line(three, { ok: false, error: 'partial' }),
        end,
      ]),
    ],
  },
  { name: 'held deletions, seen a moment ago', pushes: [push([held, line(two), end])] },
  {
    name: 'held deletions, as recorded',
    instances: with1({ 'hostsync:group-incident': note('deletions-held', 600) }),
    pushes: [push([held, end]), push([held, end], { requestedAt: now - 60_000 })],
  },
  {
    name: 'held deletions of a push that is not listed any more',
    instances: with1({ 'hostsync:group-incident': note('deletions-held', 600) }),
  },
  {
    name: 'the same, not notified',
    instances: with1({ 'hostsync:group-incident': note('deletions-held', 60, 0) }),
    pushes: [push([], { status: 'failed' })],
  },
  {
    name: 'held deletions that a later push no longer held',
    instances: with1({ 'hostsync:group-incident': note('deletions-held', 600) }),
    pushes: [push([held, end], { requestedAt: now - 60_000 }), push([line(two), line(three), end])],
  },
  { name: 'what could not be read', unread: ['the pushes', 'the notes'] },
  {
    name: 'an impaired primary',
    observed: { statuses: [{ id: one, ok: false, detail: 'system impaired', impairedSince: now - 300_000 }] },
    instances: changed(2, { 'hostsync:synced-at': ago(1000) }),
  },
  {
    name: 'a name that is moved, and one that is refused',
    instances: with1({ 'hostsync:dns': 'files.example.com' }),
    upkeep: [
      { kind: 'refuse', group: 'web', reason: 'files.example.com is an alias' },
      {
        kind: 'protect',
        group: 'web',
        instance: one,
        autoScalingGroup: 'WEB',
        on: true,
        reason: 'it is the primary',
      },
    ],
  },
  { name: 'a name that is right', instances: with1({ 'hostsync:target-group': 'arn:x' }) },
  {
    name: 'no room to join, and none to be promoted',
    instances: [
      ...changed(2, { ...many(48), 'hostsync:host-key': undefined, 'hostsync:joined': undefined }),
      instance(4, { ...secondaryTags, ...many(40) }),
    ],
  },
  { name: 'a primary without room', instances: with1(many(44)) },
  { name: 'no rule for the primary', rules: new Map([['sg-web', []]]) },
  { name: 'a rule for other ports', rules: rule({ fromPort: 23, toPort: 30 }) },
  { name: 'a rule that ends before', rules: rule({ fromPort: 0, toPort: 21 }) },
  { name: 'a rule for all ports', rules: rule({ fromPort: undefined, toPort: undefined }) },
  { name: 'a rule for all traffic', rules: rule({ protocol: '-1', fromPort: 1, toPort: 1 }) },
  { name: 'a rule for TCP by its number', rules: rule({ protocol: '6' }) },
  { name: 'a rule for UDP', rules: rule({ protocol: 'udp' }) },
  { name: 'a rule for a block', rules: rule({ groups: [], blocks: ['192.0.2.0/24', '10.0.0.0/29'] }) },
  {
    name: 'a rule for another block and a prefix list',
    rules: rule({ groups: ['sg-x'], blocks: ['10.0.1.0/24'], others: true }),
  },
  { name: 'a prefix list for another port', rules: rule({ fromPort: 80, toPort: 80, others: true }) },
  { name: 'a security group that EC2 does not show', rules: new Map(), groupsOf: ['sg-web', 'sg-gone'] },
  { name: 'no security group', groupsOf: [] },
  {
    name: 'an SSH server on another port, one without addresses, one with a wrong port',
    instances: [
      ...changed(2, { 'hostsync:port': '2222' }),
      { ...instance(4, secondaryTags), address: undefined },
      instance(5, { ...secondaryTags, 'hostsync:port': 'x' }),
      instance(6, secondaryTags, 'stopped'),
      instance(7, secondaryTags),
    ],
  },
  { name: 'a group of Auto Scaling that is right', instances: scaled(1, 2), autoScaling: [right] },
  { name: 'one that is not shown', instances: scaled(1), autoScaling: [] },
  {
    name: 'one without hooks, tag and policy',
    instances: scaled(2),
    autoScaling: [{ ...right, hooks: [], group: undefined, terminateHookAbandon: undefined }],
  },
  {
    name: 'one with hooks for the other transition, and the tag of another group',
    instances: scaled(2),
    autoScaling: [
      {
        ...right,
        group: 'other',
        hooks: [hook('hostsync-launch', 'TERMINATING', 300), hook('hostsync-terminate', 'LAUNCHING', 900)],
      },
    ],
  },
  {
    name: 'one with hooks that run out, and a tag that stays',
    instances: scaled(2),
    autoScaling: [
      {
        ...right,
        propagates: false,
        hooks: [
          hook('hostsync-launch', 'LAUNCHING', 179, 'CONTINUE'),
          hook('hostsync-terminate', 'TERMINATING', 659),
        ],
      },
    ],
  },
];

function refusals(
  shown: ReturnType<typeof view>,
  instances: readonly ObservedInstance[],
  register: PromotionObservation['registers'],
) {
  const say = (name: string, refused: { readonly reason: string; readonly advice: string } | undefined) =>
    refused && [`${name}: ${refused.reason} | ${refused.advice}`];
  const stage = (target: string | undefined, done: boolean) => switchoverStage(shown, one, target, done);
  return {
    next: nextEpoch(shown, register.get('web')),
    refused: [
      ...[undefined, one, two, instanceId(99)].flatMap(
        (id) => say(`switchover to ${id}`, switchoverBlocker(shown, id)) ?? [],
      ),
      ...shown.hosts.flatMap((host) => {
        const its = instances.find(({ id }) => id === host.id);
        return [
          ...(say(`resync ${host.id}`, resyncBlocker(shown, host)) ?? []),
          ...((its && say(`promote ${host.id}`, forcedPromotionBlocker(shown, host, its))) ?? []),
          ...[conditionBlocker({ kind: 'joined', host: host.id }, shown) ?? []]
            .flat()
            .map((reason) => `wait joined ${host.id}: ${reason}`),
        ];
      }),
    ],
    stage: [stage(undefined, true), stage(two, false), stage(three, true)],
    wait: [
      conditionBlocker({ kind: 'in-sync', since: now - 60_000 }, shown),
      conditionBlocker({ kind: 'in-sync', since: now - 20_000 }, shown),
      conditionBlocker({ kind: 'in-sync', since: now - 19_999 }, shown),
      conditionBlocker({ kind: 'promoted', host: one }, shown),
      conditionBlocker({ kind: 'promoted', host: two }, shown),
      conditionBlocker({ kind: 'joined', host: instanceId(99) }, shown),
    ].map((blocker) => blocker ?? 'holds'),
  };
}

it('of an operator', async () => {
  const shown = situations.map((situation) => {
    const { name, instances = members(), pushes = [], unread = [], upkeep = [] } = situation;
    const numbers = instances.map(({ id }) => agent(Number.parseInt(id.slice(2), 16)));
    const observed = { ...observation(instances, [...(situation.agents ?? numbers)]), ...situation.observed };
    const itsView = view(instances, { observed, pushes, unread });
    const facts = instances
      .map(({ id }) => ({
        id,
        profile: id === two ? undefined : 'arn:profile',
        securityGroups: id === one ? ['sg-primary'] : (situation.groupsOf ?? ['sg-web']),
      }))
      .filter(({ id }) => id !== instanceId(7));
    const findings = findInGroup({
      group: 'web',
      observed,
      plan: planPush(observed),
      upkeep,
      unread,
      promoteWithin: 900,
      now,
      instances: { known: true, value: facts },
      ingress: { known: true, value: situation.rules ?? new Map([['sg-web', [ssh]]]) },
      agentVersions: {
        known: true,
        value: situation.versions ?? new Map(instances.map(({ id }) => [id, '3.3'])),
      },
      autoScaling: { known: true, value: situation.autoScaling ?? [] },
      hosts: undefined,
    });
    const { at: _, group: _group, directories, ...rest } = itsView;
    const summaries = pushes.map((each) => summarizePush(each, [two, three]));
    const text = [
      describeView({ directories: directories.join(' '), ...rest }),
      describeView({ summary: summaries, said: summaries.flatMap((each) => describePush(each, 'web')) }),
      describeView(refusals(itsView, instances, observed.registers)),
      describeView({ finding: findings }),
    ].join('\n');
    return { name, lines: text.split('\n').filter((each) => each !== '') };
  });
  // Of all but the first, only what is other there
  const well = shown[0]?.lines ?? [];
  const texts = shown.map(({ name, lines }, index) => {
    const fresh = index === 0 ? lines : lines.filter((each) => !well.includes(each));
    const gone = well.filter((each) => !lines.includes(each)).map((each) => `not: ${each}`);
    return `# ${name}\n${[...fresh, ...gone].join('\n')}\n`;
  });
  await expect(texts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'situations.txt'));
});
