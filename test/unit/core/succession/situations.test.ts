import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mirrorDigest } from '../../../../shared/core/model/mirror.ts';
import type {
  Claim,
  ObservedAgent,
  ObservedInstance,
  ObservedLifecycle,
  ObservedReachability,
  ObservedStatus,
  Register,
} from '../../../../shared/core/model/observation.ts';
import type { ScriptLine } from '../../../../shared/core/model/script-line.ts';
import { digest, formatTask, type TaskStep } from '../../../../shared/core/model/task.ts';
import type { PromotionSettings } from '../../../../shared/core/succession/group-view.ts';
import { planPromotion } from '../../../../shared/core/succession/plan-promotion.ts';
import {
  closeLook,
  instance,
  instanceId,
  primaryTags,
  promotionSettings,
  publicKey,
  secondaryTags,
} from '../fixtures.ts';
import { describePlan } from '../plan-text.ts';

// Who is to be the primary, in situations that a whole story seldom comes to: npm run unit -- succession -u writes them anew, for you to review.

const now = Date.parse('2026-11-22T10:00:30.000Z');
const minute = Date.parse('2026-11-22T10:00:00.000Z');
const seconds = (ago: number) => now - ago * 1000;
const time = (ago: number) => new Date(seconds(ago)).toISOString();
type Tags = Readonly<Record<string, string>>;
const [one, two, three] = [instanceId(1), instanceId(2), instanceId(3)];
const command = '00000000-0000-4000-8000-000000000001';

interface Situation {
  readonly name: string;
  readonly members: readonly ObservedInstance[];
  readonly statuses?: readonly ObservedStatus[];
  readonly offline?: readonly number[];
  readonly pinged?: number;
  readonly looks?: readonly ObservedReachability[];
  readonly lifecycles?: Readonly<Record<number, string>>;
  readonly lines?: readonly ScriptLine[] | 'failed' | 'under-way';
  readonly claims?: readonly Claim[];
  readonly register?: 'none' | 'new';
  readonly settings?: Partial<PromotionSettings>;
  readonly tick?: boolean;
}

const primary = (more: Tags = {}, state = 'running') =>
  instance(1, { ...primaryTags, 'hostsync:synced-at': time(20), ...more }, state);
const secondary = (number: number, more: Tags = {}, state = 'running') =>
  instance(number, { ...secondaryTags, 'hostsync:synced-at': time(20), ...more }, state);
const others = [secondary(2), secondary(3)];
const well = [primary(), ...others];
const first: Claim = { epoch: 1, holder: one, kind: 'first', why: 'the first', at: 0 };
const failover = (more: Partial<Claim> = {}): Claim => {
  return { epoch: 2, holder: two, from: one, kind: 'failover', why: 'it was dead', at: seconds(60), ...more };
};
const task = (step: TaskStep, ago: number, pass = 1, of = digest(two)) => ({
  'hostsync:task': formatTask({ step, pass, digest: of, command, requestedAt: seconds(ago) }),
});
const impaired: ObservedStatus = {
  id: one,
  ok: false,
  detail: 'system impaired',
  impairedSince: seconds(120),
};
const fine: ObservedStatus = { id: one, ok: true, detail: 'ok' };
const unseen = (...by: readonly string[]) =>
  by.map((each) => ({ by: each, reached: false, message: 'timed out' }));
const look = (ago: number, more: Partial<ObservedReachability> = {}) =>
  closeLook(one, unseen(two, three), { requestedAt: seconds(ago), ...more });
const alive = (...by: readonly string[]) =>
  closeLook(one, unseen(), { requestedAt: seconds(20), asked: by, answered: by, connection: undefined });
const dead = { statuses: [impaired], offline: [1], tick: true } as const;
const switching = (more: Tags = {}) => primary({ 'hostsync:switchover': 'any', ...more });
const synced = (more: Partial<Extract<ScriptLine, { kind: 'secondary' }>> = {}): ScriptLine => {
  const counts = { started: 0, files: 0, deleted: 0, bytes: 0, seconds: 1 };
  return { kind: 'secondary', id: two, ok: true, ...counts, ...more };
};
const promoted: ScriptLine = { kind: 'promote', epoch: 2, publicKey };
const promoting = (ago = 5, more: Tags = {}) =>
  secondary(2, { ...task('promote', ago, 1, digest('epoch 2')), ...more });
const fresh = (ago: number) => ({ at: seconds(ago) / 1000, epoch: 1, holder: one });
const incident = (code: string, ago: number, notifications = 1) => ({
  'hostsync:promotion-incident': `${code}/${time(ago)}/${notifications}`,
});
const without = ({ tags, ...each }: ObservedInstance, ...names: readonly string[]): ObservedInstance => {
  const kept = Object.entries(tags).filter(([key]) => !names.includes(key.slice('hostsync:'.length)));
  return { ...each, tags: Object.fromEntries(kept) };
};
const untagged = without(primary(), 'primary', 'promoted');
const stopped = primary({}, 'stopped');
const answers = { looks: [alive(two, three)] };

const situations: readonly Situation[] = [
  { name: 'all is well', members: well },
  { name: 'a name that cannot be one', members: [instance(1, { ...primaryTags, 'hostsync:group': 'a b' })] },
  { name: 'hosts of no group', members: [instance(1, {})] },
  {
    name: 'several primaries',
    members: [...well, instance(4, { ...primaryTags, 'hostsync:promoted': `1 ${instanceId(4)}` })],
  },
  { name: 'other tags than in the mirror', members: well, claims: [first], register: 'new' },
  {
    name: 'leftovers of its time as a secondary',
    members: [
      primary({ 'hostsync:state': 'in-sync', 'hostsync:joined': 'x', ...task('join', 60) }),
      ...others,
    ],
  },
  {
    name: 'a suspicion that is over',
    members: [
      primary({
        'hostsync:suspected': `1 ${time(60)}`,
        'hostsync:probe': 'x',
        ...incident('primary-suspected', 120),
      }),
      ...others,
    ],
    statuses: [fine],
  },
  {
    name: 'incidents that are over: notified, not notified, of a kind that there is not',
    members: [
      primary({
        'hostsync:promotion-incident': `promotion-blocked/${time(600)}/1 writes-not-resumed/${time(60)}/0 of-old/${time(90)}/1`,
      }),
      ...others,
    ],
  },
  {
    name: 'the same with damping',
    members: [primary(incident('promotion-blocked', 600)), ...others],
    settings: { groupInterval: 300 },
  },
  { name: 'nothing is remembered', members: well, register: 'none' },
  // --- adopted by hand
  { name: 'a new group', members: [primary({ 'hostsync:promoted': '' }), ...others], claims: [] },
  {
    name: 'a new group whose primary starts',
    members: [primary({ 'hostsync:promoted': '' }, 'pending')],
    claims: [],
  },
  {
    name: 'a new group whose agent is silent',
    members: [primary({ 'hostsync:promoted': '' })],
    claims: [],
    offline: [1],
  },
  {
    name: 'a new group without directories',
    members: [without(primary({ 'hostsync:promoted': '' }), 'directories')],
    claims: [],
    register: 'new',
  },
  {
    name: 'the tag was moved',
    members: [untagged, secondary(2, { 'hostsync:primary': '1' }), others[1] ?? secondary(3)],
  },
  {
    name: 'a higher epoch by hand, beside the primary',
    members: [primary(), secondary(2, { 'hostsync:primary': '5' }), secondary(3)],
  },
  { name: 'an epoch that cannot be read', members: [primary({ 'hostsync:primary': 'x' }), ...others] },
  {
    name: 'one that is made the primary of its own claim',
    members: [primary({ 'hostsync:promoted': '' }), ...others],
  },
  // --- suspected
  { name: 'checks fail, a tick', members: well, ...dead },
  { name: 'checks fail, outside a tick', members: well, ...dead, tick: false },
  { name: 'only the agent is silent', members: well, offline: [1], statuses: [fine], tick: true },
  {
    name: 'checks begin',
    members: well,
    statuses: [{ ...impaired, initializing: true }],
    offline: [1],
    tick: true,
  },
  { name: 'nobody can be asked', members: [primary()], ...dead },
  {
    name: 'probers by zone: without a key, silent, stopped, failing, of another family',
    members: [
      { ...primary(), zone: 'a' },
      { ...secondary(2), zone: 'a' },
      { ...secondary(9), zone: 'b' },
      { ...secondary(4), zone: 'b' },
      without(secondary(5), 'host-key'),
      secondary(6),
      secondary(7, {}, 'stopped'),
      { ...secondary(8), address: undefined },
      secondary(10),
    ],
    statuses: [impaired, { id: instanceId(10), ok: false, detail: 'x' }],
    offline: [1, 6],
    tick: true,
  },
  {
    name: 'a probe in progress',
    members: well,
    ...dead,
    looks: [look(10, { ended: false, probes: unseen(two), answered: [two] })],
  },
  {
    name: 'one that takes too long',
    members: well,
    ...dead,
    tick: false,
    looks: [look(46, { ended: false, probes: unseen(two), answered: [two] })],
  },
  { name: 'both find it dead, for the first time', members: well, ...dead, tick: false, looks: [look(20)] },
  {
    name: 'the same look again',
    members: [
      primary({ 'hostsync:suspected': `1 ${time(20)}`, ...incident('primary-suspected', 30, 0) }),
      ...others,
    ],
    ...dead,
    tick: false,
    looks: [look(20)],
  },
  {
    name: 'for the second time',
    members: [
      primary({ 'hostsync:suspected': `1 ${time(80)}`, ...incident('primary-suspected', 90) }),
      ...others,
    ],
    ...dead,
    tick: false,
    looks: [look(20)],
  },
  {
    name: 'for the second time, long after the first',
    members: [primary({ 'hostsync:suspected': `1 ${time(700)}` }), ...others],
    ...dead,
    tick: false,
    looks: [look(20)],
  },
  {
    name: 'a note that cannot be read',
    members: [primary({ 'hostsync:suspected': 'x y' }), ...others],
    ...dead,
    tick: false,
    looks: [look(20)],
  },
  {
    name: 'one of two does not answer',
    members: well,
    ...dead,
    tick: false,
    looks: [look(20, { probes: unseen(two), answered: [two] })],
  },
  {
    name: 'one reaches it',
    members: [primary({ 'hostsync:suspected': `1 ${time(80)}` }), ...others],
    ...dead,
    tick: false,
    looks: [look(20, { probes: [...unseen(two), { by: three, reached: true, message: 'ok' }] })],
  },
  {
    name: 'SSM has its channel',
    members: well,
    ...dead,
    tick: false,
    looks: [look(20, { connection: 'connected' })],
  },
  {
    name: 'SSM does not say',
    members: well,
    ...dead,
    tick: false,
    looks: [look(20, { connection: { unknown: 'throttled' } })],
  },
  {
    name: 'the next tick probes again',
    members: [primary({ 'hostsync:suspected': `1 ${time(60)}` }), ...others],
    ...dead,
    looks: [look(60)],
  },
  // --- gone
  { name: 'stopped, and nobody was asked', members: [stopped, ...others] },
  { name: 'stopped, and all answer', members: [stopped, ...others], ...answers },
  {
    name: 'stopped, and one answers that is behind',
    members: [
      stopped,
      secondary(2, { 'hostsync:state': 'behind', 'hostsync:incident': `disk-full/${time(900)}/1` }),
      secondary(3),
    ],
    looks: [alive(two)],
  },
  {
    name: 'stopped, with a preference and a refusal',
    members: [
      stopped,
      secondary(2, { 'hostsync:promote': 'never' }),
      secondary(3),
      secondary(4, { 'hostsync:promote': 'prefer' }),
    ],
    looks: [alive(two, three, instanceId(4))],
  },
  {
    name: 'stopped, and all too far behind',
    members: [stopped, secondary(2, { 'hostsync:synced-at': time(2000) })],
    ...answers,
    pinged: 30,
  },
  {
    name: 'stopped, and failover is manual',
    members: [stopped, ...others],
    ...answers,
    settings: { failover: 'manual' },
  },
  {
    name: 'stopped soon after a promotion',
    members: [stopped, ...others],
    ...answers,
    claims: [{ ...first, kind: 'failover', at: seconds(100) }],
  },
  {
    name: 'stopped while paused',
    members: [primary({ 'hostsync:paused': 'x' }, 'stopped'), ...others],
    ...answers,
  },
  { name: 'stopped, with no other host', members: [stopped] },
  {
    name: 'stopped, with nobody who may',
    members: [stopped, secondary(2, { 'hostsync:state': 'joining' }), secondary(3, {}, 'stopped')],
    ...answers,
  },
  {
    name: 'stopped, with nobody who may, notifications already',
    members: [
      primary(incident('promotion-blocked', 600), 'stopped'),
      secondary(2, { 'hostsync:state': 'joining' }),
    ],
    ...answers,
  },
  { name: 'stopped, and nothing is remembered', members: [stopped, ...others], ...answers, register: 'none' },
  {
    name: 'starting, stopping, shutting down',
    members: [primary({}, 'shutting-down'), ...others],
    ...answers,
  },
  { name: 'not shown any more', members: others, ...answers },
  { name: 'the tag was taken away', members: [untagged, ...others] },
  { name: 'never one', members: [secondary(2)], claims: [], register: 'none' },
  {
    name: 'not shown, with a claim that nobody began',
    members: [secondary(2), secondary(3)],
    claims: [first, failover()],
    ...answers,
  },
  // --- claimed
  { name: 'claimed, and not asked yet', members: [stopped, ...others], claims: [first, failover()] },
  { name: 'claimed, from one that runs', members: well, claims: [first, failover()] },
  {
    name: 'claimed for one that is stopped',
    members: [stopped, secondary(2, {}, 'stopped'), secondary(3)],
    claims: [first, failover()],
  },
  { name: 'claimed for one that is gone', members: [stopped, secondary(3)], claims: [first, failover()] },
  {
    name: 'claimed long ago, and the primary is well',
    members: well,
    claims: [first, failover({ at: seconds(4000) })],
  },
  {
    name: 'promoting',
    members: [stopped, promoting(), secondary(3)],
    claims: [first, failover()],
    lines: 'under-way',
  },
  {
    name: 'the promotion failed',
    members: [stopped, promoting(), secondary(3)],
    claims: [first, failover()],
    lines: 'failed',
  },
  {
    name: 'the promotion printed nothing',
    members: [stopped, promoting(2), secondary(3)],
    claims: [first, failover()],
    lines: [synced()],
  },
  {
    name: 'the promotion printed nothing, a while ago',
    members: [stopped, promoting(3), secondary(3)],
    claims: [first, failover()],
    lines: [{ ...promoted, epoch: 1 }],
  },
  {
    name: 'promoted',
    members: [stopped, promoting(), secondary(3)],
    claims: [first, failover()],
    lines: [synced(), promoted],
  },
  ...(
    [
      ['its primary watched: the risk is known to a tenth of a second', fresh(60.8)],
      ['what it knows is of another primary', { ...fresh(60.8), holder: three }],
      ['what it knows is of a later epoch', { ...fresh(60.8), epoch: 2 }],
      ['what it knows is of the future, for a clock is ahead', fresh(-500)],
      ['what it knows is older than the last result', fresh(3000)],
    ] as const
  ).map(([name, freshness]) => ({
    name: `promoted; ${name}`,
    members: [stopped, promoting(5, { 'hostsync:synced-at': time(120) }), secondary(3)],
    claims: [first, failover()],
    lines: [{ ...promoted, synced: freshness }],
  })),
  {
    name: 'promoted; it is not known when it was in sync',
    members: [stopped, without(promoting(), 'synced-at'), secondary(3)],
    claims: [first, failover()],
    lines: [promoted],
  },
  {
    name: 'promoted, and its hook failed',
    members: [
      primary({
        'hostsync:paused': 'x',
        'hostsync:dns': 'a.example.com',
        'hostsync:secondaries': `${two} ${three} web9.example.com`,
        'hostsync:exclude': '*.tmp',
      }),
      promoting(),
      secondary(3),
    ],
    claims: [first, failover({ kind: 'switchover' })],
    lines: [{ ...promoted, hook: 'failed', hookMessage: 'exit 1' }],
  },
  {
    name: 'promoted, and the former one lost the tag by hand',
    members: [without(primary(), 'primary'), promoting(), secondary(3)],
    claims: [first, failover({ kind: 'adopted' })],
    lines: [promoted],
  },
  {
    name: 'promoted, and the former one is gone',
    members: [promoting(), secondary(3)],
    claims: [first, failover()],
    lines: [promoted],
  },
  {
    name: 'promoted, and nobody was told',
    members: [
      instance(2, { ...primaryTags, 'hostsync:primary': '2', 'hostsync:promoted': `2 ${two}` }),
      secondary(3),
    ],
    claims: [first, failover()],
  },
  {
    name: 'two primaries, one of a later epoch',
    members: [
      primary({ 'hostsync:secondaries-2': three, 'hostsync:joined': 'x' }),
      instance(2, { ...primaryTags, 'hostsync:primary': '2', 'hostsync:promoted': `2 ${two}` }),
      secondary(3),
    ],
    claims: [first, failover()],
  },
  {
    name: 'a host that follows a newer epoch',
    members: [primary(), secondary(2, { 'hostsync:epoch': '3' }), secondary(3)],
  },
  // --- switchovers
  { name: 'a switchover to any', members: [switching(), ...others] },
  { name: 'a switchover to one', members: [switching({ 'hostsync:switchover': three }), ...others] },
  {
    name: 'a switchover to one that is not there',
    members: [switching({ 'hostsync:switchover': instanceId(9) }), ...others],
  },
  { name: 'a switchover while paused', members: [switching({ 'hostsync:paused': 'x' }), ...others] },
  {
    name: 'a switchover with a wrong tag',
    members: [switching({ 'hostsync:options': 'nice=99' }), ...others],
  },
  {
    name: 'a switchover with nobody who may',
    members: [switching(), secondary(2, { 'hostsync:promote': 'never' })],
  },
  {
    name: 'a switchover to one that has not given all',
    members: [switching(), secondary(2, { 'hostsync:gathered': '0' })],
  },
  {
    name: 'a switchover to one of another family',
    members: [switching(), { ...secondary(2), address: undefined, ipv6Address: '2001:db8::2' }],
  },
  {
    name: 'a spot interruption',
    members: [switching({ 'hostsync:switchover': 'any spot interruption' }), ...others],
  },
  { name: 'the primary is scaled in', members: well, lifecycles: { 1: 'Terminating:Wait' } },
  { name: 'the hook runs', members: [switching(task('prepare', 5)), ...others], lines: 'under-way' },
  { name: 'the hook fails', members: [switching(task('prepare', 20)), ...others], lines: 'failed' },
  {
    name: 'the hook fails, and the host has to go',
    members: [
      switching({ 'hostsync:switchover': 'any spot interruption', ...task('prepare', 20) }),
      ...others,
    ],
    lines: 'failed',
  },
  {
    name: 'the hook ran',
    members: [switching(task('prepare', 5)), ...others],
    lines: [{ kind: 'leave', prepared: true }],
  },
  {
    name: 'the first last push arrived',
    members: [switching(task('final-push', 5)), ...others],
    lines: [synced()],
  },
  {
    name: 'the second arrived, with nothing',
    members: [switching(task('final-push', 5, 2)), ...others],
    lines: [synced()],
  },
  {
    name: 'the second arrived, with files',
    members: [switching(task('final-push', 5, 2)), ...others],
    lines: [synced({ files: 3 })],
  },
  {
    name: 'the fourth arrived, with files',
    members: [switching(task('final-push', 5, 4)), ...others],
    lines: [synced({ files: 3 })],
  },
  {
    name: 'the second deleted',
    members: [switching(task('final-push', 5, 2)), ...others],
    lines: [synced({ deleted: 1 })],
  },
  {
    name: 'a last push that is too old',
    members: [switching(task('final-push', 92, 2)), ...others],
    lines: [synced()],
  },
  {
    name: 'a last push that is almost too old',
    members: [switching(task('final-push', 91, 2)), ...others],
    lines: [synced()],
  },
  {
    name: 'a last push that did not arrive',
    members: [switching(task('final-push', 2)), ...others],
    lines: [synced({ ok: false, error: 'timeout', message: 'no answer' })],
  },
  {
    name: 'the same a while later',
    members: [switching(task('final-push', 3)), ...others],
    lines: [synced({ ok: false, error: 'timeout', message: 'no answer' })],
  },
  {
    name: 'a last push to a busy host',
    members: [switching(task('final-push', 3)), ...others],
    lines: [synced({ ok: false, error: 'busy', message: 'x' })],
  },
  {
    name: 'a last push that says nothing of it',
    members: [switching(task('final-push', 3)), ...others],
    lines: [synced({ id: three })],
  },
  {
    name: 'a switchover to another host than it was begun with',
    members: [switching({ 'hostsync:switchover': three, ...task('final-push', 3) }), ...others],
    lines: [synced()],
  },
  {
    name: 'withdrawn, while the hook runs',
    members: [primary(task('prepare', 5)), ...others],
    lines: 'under-way',
  },
  {
    name: 'withdrawn after the hook',
    members: [primary(task('prepare', 5)), ...others],
    lines: [{ kind: 'leave', prepared: true }],
  },
  {
    name: 'withdrawn after a last push',
    members: [primary(task('final-push', 5)), ...others],
    lines: 'under-way',
  },
  {
    name: 'undone',
    members: [primary(task('undo-demotion', 5)), ...others],
    lines: [{ ...promoted, epoch: 1, hook: 'ok' }],
  },
  {
    name: 'undoing failed in its hook',
    members: [primary(task('undo-demotion', 59)), ...others],
    lines: [{ ...promoted, epoch: 1, hook: 'failed', hookMessage: 'exit 1' }],
  },
  {
    name: 'the same a minute later',
    members: [primary({ ...task('undo-demotion', 60), ...incident('writes-not-resumed', 60) }), ...others],
    lines: [{ ...promoted, epoch: 1, hook: 'failed', hookMessage: 'exit 1' }],
  },
  { name: 'undoing failed', members: [primary(task('undo-demotion', 20)), ...others], lines: 'failed' },
];

it('of primaries', async () => {
  const texts = situations.map((situation) => {
    const { name, members, statuses = [], offline = [], lines = [], claims = [first] } = situation;
    const silent = offline.map(instanceId);
    const agents = members.map(({ id, address }): ObservedAgent => {
      const ping = situation.pinged === undefined ? {} : { pingedAt: seconds(situation.pinged) };
      return { id, online: !silent.includes(id), address, ...ping };
    });
    const states = Object.entries(situation.lifecycles ?? {}).map(
      ([number, state]): [string, ObservedLifecycle] => {
        const id = instanceId(Number(number));
        return [id, { id, autoScalingGroup: 'asg', state }];
      },
    );
    const said = typeof lines === 'string' ? [] : lines;
    const status = lines === 'under-way' || lines === 'failed' ? lines : ('succeeded' as const);
    const commands = members.map(({ id }) => ({
      command,
      instance: id,
      status,
      detail: status,
      lines: said,
    }));
    const mirrored = members.find(({ tags }) => tags['hostsync:primary'] !== undefined) ?? primary();
    const head = {
      version: claims.length,
      claim: claims.at(-1),
      reconciledFrom: 0,
      configuration: situation.register === 'new' ? 'x' : mirrorDigest(mirrored),
    };
    const configuration = { primary: one, tags: { ...primaryTags } };
    const register: Register = {
      head,
      claims,
      configuration: claims.length === 0 ? undefined : configuration,
    };
    const observed = {
      instances: members,
      agents,
      commands,
      lifecycles: new Map(states),
      statuses,
      reachability: situation.looks ?? [],
      registers: new Map(situation.register === 'none' ? [] : [['web', register] as const]),
    };
    const settings = { ...promotionSettings, ...situation.settings };
    const plan = planPromotion({
      observed,
      settings,
      now,
      tick: situation.tick === true ? minute : undefined,
    });
    return `# ${name}\n${describePlan(plan)}\n`;
  });
  await expect(texts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'situations.txt'));
});
