import { join } from 'node:path';
import { expect, it } from 'vitest';
import { planMembership } from '../../../../shared/core/membership/plan-membership.ts';
import { joinDigest } from '../../../../shared/core/membership/plan-newcomer.ts';
import type {
  ObservedCommand,
  ObservedInstance,
  ObservedLifecycle,
} from '../../../../shared/core/model/observation.ts';
import type { ScriptLine } from '../../../../shared/core/model/script-line.ts';
import { formatTask, type TaskStep } from '../../../../shared/core/model/task.ts';
import { hostKey, instance, instanceId, primaryTags, publicKey, secondaryTags } from '../fixtures.ts';
import { describePlan } from '../plan-text.ts';

// What is done in situations that a whole story seldom comes to: npm run unit -- situations -u writes them anew, for you to review.

const now = Date.parse('2026-11-22T10:00:00.000Z');
const settings = {
  ...({ joinTimeout: 1800, joinFailure: 'ABANDON' } as const),
  remindAfter: 21_600,
  groupWait: 30,
  groupInterval: 300,
  rescueQuiet: 60,
} as const;

type Tags = Readonly<Record<string, string>>;

interface Situation {
  readonly name: string;
  readonly members: readonly ObservedInstance[];
  readonly offline?: readonly number[];
  readonly lifecycles?: Readonly<Record<number, string>>;
  readonly commands?: readonly ObservedCommand[];
}

const listed = { ...primaryTags, 'hostsync:secondaries': instanceId(2) };
const primary = (more: Tags = {}) => instance(1, { ...listed, ...more });
const group = { 'hostsync:group': 'web' };
const seconds = (ago: number) => now - ago * 1000;
const time = (ago: number) => new Date(seconds(ago)).toISOString();
/** That of a host which the primary may read as well. */
const readable = joinDigest(instanceId(1), {
  group: 'web',
  epoch: 1,
  directories: ['/srv/uploads'],
  owner: undefined,
  publicKey,
  readable: 'directories',
});
const joining = { ...secondaryTags, 'hostsync:state': 'joining' };
const quarantined = { ...group, 'hostsync:state': 'quarantined', 'hostsync:left': '1' };
const rescuable = { ...quarantined, 'hostsync:joined': readable, 'hostsync:host-key': hostKey };
const fresh = (number: number, tags: Tags = group, state = 'running'): ObservedInstance => {
  return { ...instance(number, tags, state), launchedAt: seconds(60) };
};

const command = '00000000-0000-4000-8000-000000000001';
/** A host that was asked for a step so many seconds ago, and what the command said. */
function asked(
  step: TaskStep,
  number: number,
  tags: Tags,
  ago: number,
  lines: readonly ScriptLine[],
  { by = 1, ok = true, pass = 1, digest = '-' } = {},
): Pick<Situation, 'members' | 'commands'> {
  const task = formatTask({ step, pass, digest, command, requestedAt: seconds(ago) });
  const status = ok ? 'succeeded' : 'failed';
  return {
    members: [primary(), instance(number, { ...tags, 'hostsync:task': task })],
    commands: [{ command, instance: instanceId(by), status, detail: ok ? 'Success' : 'Failed', lines }],
  };
}

const line = (id: number, more: Partial<Extract<ScriptLine, { kind: 'secondary' }>> = {}): ScriptLine => {
  const counts = { started: seconds(20) / 1000 + 0.5, files: 3, deleted: 0, bytes: 9, seconds: 10 };
  return { kind: 'secondary', id: instanceId(id), ok: true, ...counts, ...more };
};
const rescue = (id: number, more: Partial<Extract<ScriptLine, { kind: 'rescue' }>> = {}): ScriptLine => {
  return { kind: 'rescue', id: instanceId(id), ok: true, ...more };
};
const failing = (notifications: number, ago: number) => ({
  'hostsync:incident': `join-failed/${time(ago)}/${notifications}`,
});
const firstSync = (ago: number, lines: readonly ScriptLine[], pass = 1, tags: Tags = joining) =>
  asked('first-sync', 2, tags, ago, lines, { pass });

const situations: readonly Situation[] = [
  { name: 'a host that left its group', members: [primary(), instance(2, { 'hostsync:joined': 'x' })] },
  { name: 'a group whose name cannot be one', members: [fresh(2, { 'hostsync:group': 'a b' })] },
  { name: 'no primary', members: [fresh(2)] },
  {
    name: 'several primaries',
    members: [primary(), instance(3, { ...listed, 'hostsync:promoted': `1 ${instanceId(3)}` }), fresh(2)],
  },
  { name: 'a paused group', members: [primary({ 'hostsync:paused': 'x' }), fresh(2)] },
  {
    name: 'a primary whose tags are wrong',
    members: [primary({ 'hostsync:directories': 'srv' }), fresh(2)],
  },
  { name: 'a primary that is stopped', members: [instance(1, listed, 'stopped'), fresh(2)] },
  { name: 'a primary whose agent is silent', members: [primary(), fresh(2)], offline: [1] },
  {
    name: 'a primary that was tagged a moment ago',
    members: [primary({ 'hostsync:promoted': '' }), fresh(2), instance(3, secondaryTags)],
  },
  {
    name: 'a primary without a key, and a former primary that is to be rescued',
    members: [
      instance(1, Object.fromEntries(Object.entries(listed).filter(([key]) => !key.endsWith('public-key')))),
      fresh(2, quarantined),
    ],
  },
  { name: 'a newcomer', members: [primary(), fresh(2)] },
  { name: 'a newcomer that still starts', members: [primary(), fresh(2, group, 'pending')] },
  { name: 'a newcomer whose agent is silent', members: [primary(), fresh(2)], offline: [2] },
  {
    name: 'one that has waited for its agent for longer than a launch may take',
    members: [primary(), fresh(2, { ...group, ...failing(0, 1800) })],
    offline: [2],
  },
  {
    name: 'one that has waited for almost as long',
    members: [primary(), fresh(2, { ...group, ...failing(0, 1799) })],
    offline: [2],
  },
  {
    name: 'one that was told of already',
    members: [primary(), fresh(2, { ...group, ...failing(1, 1800) })],
    offline: [2],
  },
  {
    name: 'a newcomer of another family of addresses',
    members: [primary(), { ...fresh(2), address: undefined, ipv6Address: '2001:db8::2' }],
  },
  {
    name: 'two newcomers with two directories',
    members: [primary({ 'hostsync:directories': '/srv/a /srv/b' }), fresh(2), fresh(3)],
  },
  {
    name: 'a newcomer, a secondary of an earlier list of directories, and one whose host key is gone',
    members: [
      primary(),
      fresh(2),
      instance(3, { ...secondaryTags, 'hostsync:joined': 'x' }),
      instance(4, { ...group, 'hostsync:state': 'in-sync', 'hostsync:joined': 'x' }),
    ],
  },
  {
    name: 'sixty newcomers: a command has fifty hosts',
    members: [primary(), ...Array.from({ length: 60 }, (_, index) => fresh(index + 2))],
  },
  {
    name: 'a join that printed nothing',
    ...asked('join', 2, joining, 20, [], {
      by: 2,
      digest: secondaryTags['hostsync:joined'],
    }),
  },
  {
    name: 'a join that was well, among other lines',
    ...asked(
      'join',
      2,
      { ...group, 'hostsync:state': 'joining' },
      20,
      [
        { kind: 'install', release: '1', installed: true },
        { kind: 'join', epoch: 1, hostKey },
      ],
      { by: 2, digest: secondaryTags['hostsync:joined'] },
    ),
  },
  {
    name: 'a join that printed nothing, of a host without a key',
    ...asked(
      'join',
      2,
      { ...group, 'hostsync:state': 'joining' },
      20,
      [{ kind: 'install', release: '1', installed: true }],
      { by: 2, digest: secondaryTags['hostsync:joined'] },
    ),
  },
  {
    name: 'a secondary that need not join again any more, and could not',
    members: [
      primary(),
      instance(2, { ...secondaryTags, 'hostsync:join-incident': `rejoin-failed/${time(600)}/1` }),
    ],
  },
  { name: 'a first sync that sent files', ...firstSync(20, [line(3), line(2)]) },
  { name: 'a first sync of which nothing was printed', ...firstSync(20, [line(3)]) },
  { name: 'a first pass that had nothing to send', ...firstSync(20, [line(2, { files: 0 })]) },
  { name: 'a second pass that had nothing to send', ...firstSync(20, [line(2, { files: 0 })], 2) },
  {
    name: 'a second pass that deleted only, notifications before that it cannot join',
    ...firstSync(20, [line(2, { files: 0, deleted: 1 })], 2, { ...joining, ...failing(1, 900) }),
  },
  {
    name: 'the end of a first sync that was told to fail',
    ...firstSync(10, [line(2, { files: 0 })], 2, { ...joining, ...failing(1, 900) }),
  },
  { name: 'a short second pass that sent files', ...firstSync(20, [line(2)], 2) },
  { name: 'a short third pass of a busy primary', ...firstSync(20, [line(2)], 3) },
  { name: 'a third pass that took long', ...firstSync(20, [line(2, { seconds: 30 })], 3) },
  {
    name: 'a first sync while another push serves the host',
    ...firstSync(4, [line(2, { ok: false, error: 'busy', message: 'another push' })]),
  },
  {
    name: 'the same a while later',
    ...firstSync(5, [line(2, { ok: false, error: 'busy', message: 'another push' })]),
  },
  {
    name: 'a first sync that fails',
    ...firstSync(14, [line(2, { ok: false, error: 'disk-full', message: 'no room' })]),
  },
  {
    name: 'the same a while later, notifications already',
    ...firstSync(15, [line(2, { ok: false, error: 'disk-full', message: 'no room' })], 2, {
      ...joining,
      ...failing(1, 900),
    }),
  },
  {
    name: 'a first sync that has failed for five minutes',
    ...firstSync(14, [line(2, { ok: false, error: 'disk-full', message: 'no room' })], 1, {
      ...joining,
      ...failing(0, 320),
    }),
  },
  {
    name: 'a secondary of the epoch before',
    members: [primary(), instance(2, { ...secondaryTags, 'hostsync:gathered': '0' })],
  },
  {
    name: 'one that the primary may read',
    members: [
      primary(),
      instance(2, { ...secondaryTags, 'hostsync:joined': readable, 'hostsync:gathered': '0' }),
      instance(3, { ...secondaryTags, 'hostsync:joined': readable, 'hostsync:gathered': '0' }),
    ],
  },
  {
    name: 'a newcomer that gave its files to an earlier primary',
    members: [primary(), instance(2, { ...joining, 'hostsync:gathered': '0' })],
  },
  {
    name: 'the same while the primary is away',
    members: [instance(1, listed, 'stopped'), instance(2, { ...joining, 'hostsync:gathered': '0' })],
  },
  {
    name: 'what was gathered',
    ...asked('gather', 2, { ...secondaryTags, 'hostsync:gathered': '0', 'hostsync:joined': readable }, 20, [
      rescue(3),
      rescue(2, { files: 2, conflicts: 1, examples: ['/srv/uploads/a'], list: '/var/lib/x' }),
    ]),
  },
  {
    name: 'a former primary whose agent is silent',
    members: [primary(), instance(2, quarantined)],
    offline: [2],
  },
  {
    name: 'a former primary that has not left',
    members: [
      primary({ 'hostsync:exclude': '*.tmp' }),
      instance(2, { ...quarantined, 'hostsync:left': '0' }),
    ],
  },
  {
    name: 'one that has left, and does not say how much it holds',
    ...asked(
      'leave',
      2,
      { ...quarantined, 'hostsync:left': '0' },
      20,
      [
        { kind: 'install', release: '1', installed: true },
        { kind: 'leave', prepared: false, epoch: 1 },
      ],
      { by: 2 },
    ),
  },
  {
    name: 'one whose list was for another epoch',
    ...asked(
      'leave',
      2,
      { ...quarantined, 'hostsync:left': '0' },
      14,
      [{ kind: 'leave', prepared: false, epoch: 2 }],
      {
        by: 2,
      },
    ),
  },
  {
    name: 'one that cannot leave',
    ...asked(
      'leave',
      2,
      { ...quarantined, 'hostsync:left': '0', 'hostsync:incident': `rescue-failed/${time(300)}/0` },
      20,
      [{ kind: 'error', error: 'not-ready', message: 'no python' }],
      { by: 2, ok: false },
    ),
  },
  { name: 'a former primary that is to be read', members: [primary(), instance(2, rescuable)] },
  {
    name: 'a former primary that cannot be reached from the primary',
    members: [primary(), { ...instance(2, rescuable), address: undefined, ipv6Address: '2001:db8::2' }],
  },
  {
    name: 'a rescue that brought files, a moment ago',
    ...asked('rescue', 2, rescuable, 59, [rescue(2, { files: 2, conflicts: 1 })]),
  },
  {
    name: 'the same a minute later',
    ...asked('rescue', 2, rescuable, 60, [rescue(2, { files: 2, conflicts: 1 })]),
  },
  { name: 'a rescue that found nothing', ...asked('rescue', 2, rescuable, 60, [rescue(2)]) },
  {
    name: 'a rescue that failed',
    ...asked('rescue', 2, rescuable, 20, [
      rescue(2, { ok: false, error: 'unreachable', message: 'no answer' }),
    ]),
  },
  {
    name: 'a rescue that failed for an older epoch',
    ...asked('rescue', 2, rescuable, 14, [
      rescue(2, { ok: false, error: 'older-epoch', message: 'epoch 2' }),
    ]),
  },
  {
    name: 'a rescue of a busy host',
    ...asked('rescue', 2, rescuable, 4, [rescue(2, { ok: false, error: 'busy' })]),
  },
  {
    name: 'a rescue that says nothing',
    ...asked('rescue', 2, rescuable, 14, [rescue(3), rescue(2, { ok: false })]),
  },
  {
    name: 'a list after a rescue with something new',
    ...asked('relist', 2, rescuable, 20, [{ kind: 'leave', prepared: false, epoch: 1, new: 2 }], { by: 2 }),
  },
  {
    name: 'the same, and the host cannot be reached',
    ...asked('relist', 2, rescuable, 20, [{ kind: 'leave', prepared: false, epoch: 1, new: 2 }], { by: 2 }),
    members: [
      primary(),
      {
        ...instance(2, {
          ...rescuable,
          'hostsync:task': formatTask({
            step: 'relist',
            pass: 1,
            digest: '-',
            command,
            requestedAt: seconds(20),
          }),
        }),
        address: undefined,
      },
    ],
  },
  {
    name: 'a list after a rescue without anything new, of one that was told of',
    ...asked(
      'relist',
      2,
      { ...rescuable, 'hostsync:incident': `rescue-failed/${time(300)}/1` },
      20,
      [{ kind: 'leave', prepared: false, epoch: 1 }],
      { by: 2 },
    ),
  },
  {
    name: 'a former primary that lists again',
    members: [
      primary(),
      instance(2, {
        ...rescuable,
        'hostsync:task': formatTask({
          step: 'relist',
          pass: 1,
          digest: '-',
          command,
          requestedAt: seconds(70),
        }),
      }),
    ],
  },
  {
    name: 'a former primary that is stopped, and one that is terminated',
    members: [
      primary(),
      instance(2, quarantined, 'stopped'),
      instance(3, { ...quarantined, 'hostsync:joined': 'x' }, 'shutting-down'),
    ],
  },
  {
    name: 'a former primary that Auto Scaling takes away',
    members: [primary(), instance(2, quarantined)],
    offline: [2],
    lifecycles: { 2: 'Terminating:Wait' },
  },
  {
    name: 'one that lost the tag of the primary by hand, taken away as well',
    members: [primary(), instance(2, { ...group, 'hostsync:promoted': `1 ${instanceId(2)}` })],
    lifecycles: { 2: 'Terminating:Wait' },
  },
  {
    name: 'the same, stopped',
    members: [primary(), instance(2, { ...group, 'hostsync:promoted': `1 ${instanceId(2)}` }, 'stopped')],
    lifecycles: { 2: 'Terminating:Wait' },
  },
  {
    name: 'a rescued host that was retained, and one that was not rescued',
    members: [
      primary(),
      instance(2, { ...joining, 'hostsync:gathered': '1' }),
      instance(3, joining),
      instance(4, { ...secondaryTags, 'hostsync:gathered': '1' }),
    ],
    lifecycles: { 2: 'Terminating:Retained', 3: 'Terminating:Retained', 4: 'Terminating:Retained' },
  },
  {
    name: 'hosts that go: stopping, stopped, shutting down, scaled in, into the warm pool',
    members: [
      primary({ 'hostsync:secondaries-2': [2, 3, 4, 5, 6].map(instanceId).join(' ') }),
      instance(2, secondaryTags, 'stopping'),
      instance(3, secondaryTags, 'stopped'),
      instance(4, secondaryTags, 'shutting-down'),
      instance(5, secondaryTags),
      instance(6, secondaryTags),
      fresh(7, group, 'stopped'),
    ],
    lifecycles: { 5: 'Terminating:Wait', 6: 'Warmed:Pending:Wait' },
  },
  {
    name: 'hosts of a list by hand that go and come',
    members: [
      primary({
        'hostsync:secondaries': `${instanceId(2)} WEB9.example.com ${instanceId(9)}`,
        'hostsync:secondaries-2': `web9.example.com ${instanceId(3)}`,
        'hostsync:secondaries-3': instanceId(8),
      }),
      instance(2, secondaryTags),
      instance(3, secondaryTags),
      instance(5, secondaryTags),
      instance(4, secondaryTags),
      instance(6, joining),
    ],
  },
  {
    name: 'the whole list by hand goes',
    members: [primary({ 'hostsync:secondaries': `${instanceId(8)} ${instanceId(9)}` })],
  },
  {
    name: 'a list of hostsync alone, with one more',
    members: [
      primary({ 'hostsync:secondaries': '', 'hostsync:secondaries-2': instanceId(2) }),
      instance(2, secondaryTags),
      instance(3, secondaryTags),
    ],
  },
  {
    name: 'newcomers that the launch hook holds: at the last moment, and a moment after it',
    members: [
      primary(),
      { ...instance(2, joining), launchedAt: seconds(1800) },
      { ...instance(3, joining), launchedAt: seconds(1801) },
      instance(4, joining),
    ],
    lifecycles: { 2: 'Pending:Wait', 3: 'Pending:Wait', 4: 'Pending:Wait' },
  },
  {
    name: 'old hosts that come into service: unseen, noted, long noted, asked',
    members: [
      primary(),
      { ...instance(2, group), launchedAt: seconds(9000) },
      { ...instance(3, { ...group, ...failing(0, 1000) }), launchedAt: seconds(9000) },
      { ...instance(4, { ...group, ...failing(0, 1801) }), launchedAt: seconds(9000) },
      { ...instance(5, joining), launchedAt: seconds(9000) },
      { ...instance(6, { ...group, 'hostsync:task': 'x' }), launchedAt: seconds(9000) },
      { ...instance(7, { ...group, ...failing(0, 1000) }), launchedAt: seconds(1200) },
      { ...instance(8, group), launchedAt: seconds(1800) },
      { ...instance(9, group), launchedAt: seconds(9000) },
    ],
    lifecycles: {
      2: 'Pending:Wait',
      3: 'Pending:Wait',
      4: 'Pending:Wait',
      5: 'Pending:Wait',
      6: 'Pending:Wait',
      7: 'Pending:Wait',
      8: 'Pending:Wait',
      9: 'InService',
    },
  },
  {
    name: 'secondaries that hooks hold',
    members: [primary(), instance(2, secondaryTags), instance(3, secondaryTags)],
    lifecycles: { 2: 'Pending:Wait', 3: 'InService' },
  },
  {
    name: 'the primary in the launch hook',
    members: [primary(), instance(2, secondaryTags)],
    lifecycles: { 1: 'Pending:Wait' },
  },
  {
    name: 'a former primary with the tag, in the launch hook',
    members: [
      primary({ 'hostsync:primary': '2', 'hostsync:promoted': `2 ${instanceId(1)}` }),
      instance(2, { ...listed, 'hostsync:promoted': `1 ${instanceId(2)}` }),
    ],
    lifecycles: { 2: 'Pending:Wait' },
  },
  {
    name: 'the primary is scaled in, with an heir',
    members: [primary(), instance(2, secondaryTags)],
    lifecycles: { 1: 'Terminating:Wait' },
  },
  {
    name: 'the primary is scaled in, with nobody to take over',
    members: [
      primary(),
      instance(2, secondaryTags, 'stopped'),
      instance(3, secondaryTags),
      instance(4, secondaryTags),
    ],
    lifecycles: { 1: 'Terminating:Wait', 3: 'Terminating:Wait', 4: 'Warmed:Running' },
  },
];

it('of members', async () => {
  const texts = situations.map(({ name, members, offline = [], lifecycles = {}, commands = [] }) => {
    const silent = offline.map(instanceId);
    const agents = members.map(({ id, address }) => ({ id, online: !silent.includes(id), address }));
    const states = Object.entries(lifecycles).map(([number, state]): [string, ObservedLifecycle] => {
      const id = instanceId(Number(number));
      return [id, { id, autoScalingGroup: 'asg', state }];
    });
    const observed = { instances: members, agents, commands, lifecycles: new Map(states) };
    return `# ${name}\n${describePlan(planMembership(observed, settings, now))}\n`;
  });
  await expect(texts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'situations.txt'));
});
