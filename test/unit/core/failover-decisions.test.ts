import { describe, expect, it } from 'vitest';
import { composeAlert } from '../../../shared/core/incidents/compose-alert.ts';
import type { Claim, ObservedCommand, PromotionObservation } from '../../../shared/core/model/observation.ts';
import { digest, formatTask, type TaskStep } from '../../../shared/core/model/task.ts';
import type { PromotionSettings } from '../../../shared/core/succession/group-view.ts';
import { planPromotion } from '../../../shared/core/succession/plan-promotion.ts';
import {
  agent,
  closeLook,
  instance,
  instanceId,
  primaryTags,
  promotionSettings,
  secondaryTags,
} from './fixtures.ts';

const now = Date.parse('2026-11-22T10:00:00.000Z');
const [first, second, third] = [instanceId(1), instanceId(2), instanceId(3)];
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
const begun: Claim = { epoch: 1, holder: first, kind: 'first', why: 'the first primary', at: now - 9e6 };

type Tags = Readonly<Record<string, string | undefined>>;
interface Case {
  readonly tags?: Tags;
  readonly state?: string;
  readonly secondaries?: Readonly<Record<number, Tags>>;
  readonly observed?: Partial<PromotionObservation>;
  readonly settings?: Partial<PromotionSettings>;
  readonly claims?: readonly Claim[];
  readonly tick?: number | undefined;
  readonly mirror?: Tags | undefined;
  /** The digest that the head has of the primary's tags. */
  readonly mirrored?: string;
  /** The numbers of the hosts that have IPv6 addresses only; all others have IPv4 addresses only. */
  readonly ipv6?: readonly number[];
}
const given = (tags: Tags) =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );

/** These have just answered; nobody asked for the primary. */
const alive = (...answered: readonly string[]) =>
  closeLook(first, [], { asked: [second, third], answered, connection: undefined });

/** A primary (1) and two secondaries, of which 3 is the newer, and what is planned for them. */
function plan({
  tags = {},
  state = 'running',
  secondaries = {},
  observed = {},
  settings = {},
  claims = [begun],
  tick,
  mirror,
  mirrored,
  ipv6 = [],
}: Case) {
  const synced = (number: number, behind: number) => ({
    ...secondaryTags,
    'hostsync:synced-at': at(-behind),
    'hostsync:gathered': '1',
    ...secondaries[number],
  });
  const own = { ...primaryTags, ...tags };
  const members = [
    ...(state === 'terminated' ? [] : [instance(1, given(own), state)]),
    ...[instance(2, given(synced(2, 60))), instance(3, given(synced(3, 30)))],
  ].map((each) => {
    const number = Number.parseInt(each.id.slice(2), 16);
    return ipv6.includes(number) ? { ...each, address: undefined, ipv6Address: `2001:db8::${number}` } : each;
  });
  const head = { version: claims.length, claim: claims.at(-1), reconciledFrom: 0, configuration: mirrored };
  const configuration = { primary: first, tags: given({ ...primaryTags, ...mirror }) };
  const seen: PromotionObservation = {
    instances: members,
    agents: [agent(1, state === 'running'), agent(2), agent(3)],
    lifecycles: new Map(),
    commands: [],
    // Both have just answered, where the primary needs no closer look
    reachability: state === 'running' ? [] : [alive(second, third)],
    statuses: [{ id: first, ok: true, detail: 'system ok, instance ok' }],
    registers: new Map([['web', { head, claims, configuration }]]),
    ...observed,
  };
  const view = { observed: seen, settings: { ...promotionSettings, ...settings }, now, tick };
  return planPromotion(view);
}
const acts = (each: Case) => plan(each).filter(({ kind }) => kind !== 'mirror');
const kinds = (each: Case) => acts(each).map(({ kind }) => kind);
const notifications = (each: Case) =>
  acts(each).flatMap((action) => (action.kind === 'tell' ? [action.event] : []));
const claimed = (each: Case) =>
  acts(each).flatMap((action) => (action.kind === 'claim' ? [action.claim] : []));

describe('a group whose primary is well', () => {
  it('is left alone', () => {
    expect(kinds({})).toEqual([]);
  });

  it('has its configuration mirrored when it changes, and only then', () => {
    const [mirror] = plan({});
    expect(mirror).toMatchObject({
      kind: 'mirror',
      primary: first,
      tags: { 'hostsync:directories': '/srv/uploads' },
    });
    const mirrored = mirror?.kind === 'mirror' ? mirror.digest : '';
    expect(plan({ mirrored })).toEqual([]);
    // What changes with every push is not in it
    expect(plan({ mirrored, tags: { 'hostsync:synced-at': at(0) } })).toEqual([]);
    expect(plan({ mirrored, tags: { 'hostsync:exclude': '*.tmp' } }).length).toBe(1);
  });
});

describe('a promotion that is done', () => {
  const second2: Claim = {
    epoch: 2,
    holder: second,
    from: first,
    kind: 'failover',
    why: 'it is gone',
    at: now,
  };
  const promoted = {
    'hostsync:primary': '2',
    'hostsync:promoted': `2 ${second}`,
    'hostsync:directories': '/srv/uploads',
    'hostsync:public-key': primaryTags['hostsync:public-key'],
  };
  const promotedWith = (notes: Tags): Case => ({
    state: 'terminated',
    claims: [begun, second2],
    secondaries: { 2: { ...promoted, ...notes, 'hostsync:state': undefined } },
  });

  it('is notified after its tags are written, and by the next run if this one was killed in between', () => {
    expect(notifications(promotedWith({}))).toMatchObject([
      { type: 'Primary Promoted', detail: { primary: second, epoch: 2 } },
    ]);
    expect(acts(promotedWith({}))[1]).toMatchObject({
      kind: 'tag',
      set: { 'hostsync:promotion-notified': '2' },
    });
  });

  it('is notified once', () => {
    expect(notifications(promotedWith({ 'hostsync:promotion-notified': '2' }))).toEqual([]);
    expect(notifications(promotedWith({ 'hostsync:promotion-notified': '1' })).length).toBe(1);
  });
});

describe('a host without room for the tags of a primary', () => {
  const crowd = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`team:tag-${index}`, 'x']));

  it.each([
    // A secondary has 5 tags of hostsync here, and a primary needs 5 more: group and state are there
    [39, third],
    [44, second],
  ])('of its user’s %i tags is none of the candidates', (count, holder) => {
    const each = { state: 'stopped', secondaries: { 3: crowd(count) } };
    expect(claimed(each)).toMatchObject([{ holder }]);
  });

  it('is named, with what to do, when no other is there', () => {
    const crowded = { 2: crowd(46), 3: crowd(46) };
    expect(JSON.stringify(notifications({ state: 'stopped', secondaries: crowded }))).toMatch(
      /it has 5\d of 50 tags, and hostsync needs \d more: take \d+ away/u,
    );
  });
});

describe('seconds that may be missing are counted to the last sign of life of the primary', () => {
  const late = { 2: { 'hostsync:synced-at': at(-5060) }, 3: { 'hostsync:synced-at': at(-5030) } };
  const lastPush = { 'hostsync:synced-at': at(-5000) };

  it('so one that was dead for long, while nobody was promoted, is replaced still', () => {
    const gone = { state: 'stopped', tags: lastPush, secondaries: late };
    expect(claimed(gone)).toMatchObject([{ holder: third, kind: 'failover' }]);
  });

  it('and one that lived on without being able to push is not, for what it took would be missing', () => {
    const members = (pingedAt: number) => [{ ...agent(1, false), pingedAt }, agent(2), agent(3)];
    const gone = { state: 'stopped', tags: lastPush, secondaries: late };
    expect(claimed({ ...gone, observed: { agents: members(now - 4000_000) } })).toEqual([]);
    expect(claimed({ ...gone, observed: { agents: members(now - 4200_000) } })).toMatchObject([
      { holder: third },
    ]);
  });
});

describe('a suspicion', () => {
  const minute = now - 5000;
  const offline = { agents: [agent(1, false), agent(2), agent(3)] };
  const impaired = { statuses: [{ id: first, ok: false, detail: 'system ok, instance impaired' }] };
  const no = (by: string) => ({ by, reached: false, message: 'timed out' });
  const dead = {
    ...offline,
    ...impaired,
    reachability: [closeLook(first, [no(second), no(third)])],
  };
  const counted = (count: number, last: number) => ({
    'hostsync:suspected': `${count} ${new Date(last).toISOString()}`,
  });
  const noted = (each: Case) =>
    acts(each).flatMap((action) =>
      action.kind === 'tag' ? [action.set['hostsync:suspected'] ?? action.remove] : [],
    );

  it('has secondaries look, at most three, and only in a tick', () => {
    expect(acts({ observed: offline, tick: minute })).toMatchObject([{ kind: 'probe', by: [second, third] }]);
    expect(acts({ observed: offline })).toEqual([]);
  });

  it('waits for those who were asked, and decides without who never answers', () => {
    const asked = (ago: number, probes = [no(second)]) => ({
      ...offline,
      ...impaired,
      reachability: [
        closeLook(first, probes, { asked: [second, third], ended: false, requestedAt: now - ago }),
      ],
    });
    const later = (ago: number, probes?: ReturnType<typeof no>[]) =>
      kinds({ observed: asked(ago, probes), settings: { failoverTicks: 3 }, tags: counted(1, now - 60_000) });
    expect(later(20_000)).toEqual([]);
    expect(later(20_000, [no(second), no(third)])).toEqual([]);
    expect(later(46_000, [no(second), no(third)])).toContain('tag');
    // One that reached it is enough
    expect(later(1000, [{ by: second, reached: true, message: 'SSH answers' }])).toEqual(['tag']);
  });

  it('is looked at anew by the next tick', () => {
    const observed = {
      ...dead,
      reachability: [closeLook(first, [no(second)], { requestedAt: now - 60_000 })],
    };
    expect(acts({ observed, tick: minute })).toMatchObject([{ kind: 'probe', where: 'primary' }]);
    expect(kinds({ observed })).not.toContain('probe');
  });

  it('is counted once a probe, sends an event at once, and replaces nobody before it was found as often as is set', () => {
    expect(noted({ observed: dead })[0]).toBe(`1 ${new Date(now).toISOString()}`);
    expect(notifications({ observed: dead }).map(({ type }) => type)).toEqual(['Primary Suspected']);
    expect(claimed({ observed: dead })).toEqual([]);
    expect(claimed({ observed: dead, settings: { failoverTicks: 1 } })).toMatchObject([{ holder: third }]);
  });

  it.each([
    ['the same probe is seen again: that counts once', now, []],
    ['the probe of the next tick: that is the second time', now - 60_000, [third]],
    ['one of ten minutes later: that is the first time', now - 600_000, []],
  ])('%s', (_name, last, holders) => {
    expect(claimed({ observed: dead, tags: counted(1, last) }).map(({ holder }) => holder)).toEqual(holders);
  });

  it.each([
    ['all is well again', {}, undefined],
    [
      'it was seen by SSM',
      {
        ...offline,
        ...impaired,
        reachability: [closeLook(first, [], { connection: 'connected' })],
      },
      minute,
    ],
  ])('is over when %s in between, so that losses far apart do not add up', (_name, observed, tick) => {
    expect(noted({ observed, tick, tags: counted(1, minute - 60_000) })).toContainEqual([
      'hostsync:suspected',
    ]);
    expect(claimed({ observed, tick, tags: counted(1, minute - 60_000) })).toEqual([]);
  });

  it('that was read wrongly from the tag starts at none', () => {
    for (const text of ['', 'x', '-3 2026-11-22T10:00:00.000Z', '1e9', '2.5 2026-11-22T09:00:00.000Z'])
      expect(
        claimed({
          observed: dead,
          tick: minute,
          tags: { 'hostsync:suspected': text },
          settings: { failoverTicks: 3 },
        }),
      ).toEqual([]);
  });

  it('says in the end what was seen by whom', () => {
    const [claim] = claimed({ observed: dead, tick: minute, tags: counted(1, minute - 60_000) });
    expect(claim).toMatchObject({ epoch: 2, kind: 'failover', from: first });
    expect(claim?.why).toContain(`${second}: did not reach it: timed out`);
    expect(claim?.why).toContain('SSM channel: not connected');
  });
});

describe('who is promoted', () => {
  it('is asked first whether it lives, the best three: a ping of SSM may be five minutes old', () => {
    expect(acts({ state: 'stopped', observed: { reachability: [] } })).toMatchObject([
      { kind: 'probe', instance: first, where: 'itself', by: [third, second] },
    ]);
  });

  it('is the best of those that answered', () => {
    const observed = { reachability: [alive(second)] };
    expect(claimed({ state: 'stopped', observed })).toMatchObject([{ holder: second }]);
  });

  it('is none that is silent, and an event says so', () => {
    const silent: Case = { state: 'stopped', observed: { reachability: [alive()] } };
    expect(claimed(silent)).toEqual([]);
    const message = 'none of the secondaries that may be promoted answers';
    expect(notifications(silent)).toMatchObject([{ type: 'Promotion Blocked', detail: { message } }]);
  });

  it('is asked for in turns of three', () => {
    const five = [2, 3, 4, 5, 6].map((number) =>
      instance(number, { ...secondaryTags, 'hostsync:synced-at': at(-30), 'hostsync:gathered': '1' }),
    );
    const observed = {
      instances: [instance(1, primaryTags, 'stopped'), ...five],
      agents: [1, 2, 3, 4, 5, 6].map((number) => agent(number)),
    };
    const none = closeLook(first, [], {
      asked: [2, 3, 4].map(instanceId),
      answered: [],
      connection: undefined,
    });
    expect(acts({ state: 'stopped', observed: { ...observed, reachability: [none] } })).toMatchObject([
      { kind: 'probe', by: [5, 6].map(instanceId) },
    ]);
  });

  it('is no host of a zone that died with the primary, however its last ping looks', () => {
    const zones = ['a', 'a', 'a', 'a', 'b', 'b'];
    const members = zones.map((zone, index) => ({
      ...instance(
        index + 1,
        index === 0
          ? { ...primaryTags, 'hostsync:suspected': `1 ${new Date(now - 65_000).toISOString()}` }
          : { ...secondaryTags, 'hostsync:synced-at': at(-30 - index), 'hostsync:gathered': '1' },
      ),
      zone,
    }));
    const no = (number: number) => ({ by: instanceId(number), reached: false, message: 'timed out' });
    const observed = {
      instances: members,
      agents: members.map((_each, index) => agent(index + 1)),
      statuses: [{ id: first, ok: false, detail: 'impaired' }],
      reachability: [closeLook(first, [no(5), no(6)], { asked: [2, 5, 6].map(instanceId) })],
    };
    expect(claimed({ observed, tick: now - 5000 })).toMatchObject([{ holder: instanceId(5) }]);
  });
});

describe('a claim that nobody has begun', () => {
  const young = {
    epoch: 2,
    holder: third,
    from: first,
    kind: 'failover',
    why: 'x',
    at: now - 5_000,
  } as const;
  const old = { ...young, at: now - 21 * 86_400_000 };

  it('is begun at once', () => {
    expect(acts({ state: 'stopped', claims: [begun, young] })).toMatchObject([
      { kind: 'run', instance: third },
    ]);
  });

  it.each<[string, Case]>([
    ['while the group is paused', { tags: { 'hostsync:paused': 'x' } }],
    ['with failover left to a person', { settings: { failover: 'manual' } }],
  ])('is not begun %s', (_name, each) => {
    expect(kinds({ ...each, state: 'stopped', claims: [begun, young] })).not.toContain('run');
  });

  it('and whose turn was weeks ago is made void by the next epoch once the primary is well', () => {
    expect(claimed({ claims: [begun, old] })).toMatchObject([{ epoch: 3, holder: first, kind: 'adopted' }]);
    expect(acts({ claims: [begun, old], tags: { 'hostsync:paused': 'x' } })).toEqual([]);
  });

  it('is not carried out weeks later at a mere loss of an agent', () => {
    const observed = { agents: [agent(1, false), agent(2), agent(3)] };
    const tags = { 'hostsync:paused': 'x' };
    expect(kinds({ claims: [begun, old], observed, tags, tick: now - 5000 })).toEqual(['probe']);
    expect(kinds({ claims: [begun, old], observed, tick: now - 5000 })).toEqual(['probe']);
  });
});

describe('a primary that is gone', () => {
  const failover = { epoch: 2, holder: second, from: first, why: 'x', at: now - 60_000 } as const;

  it('is replaced by the best of those that live', () => {
    expect(claimed({ state: 'stopped' })).toMatchObject([
      { epoch: 2, holder: third, from: first, kind: 'failover' },
    ]);
    expect(claimed({ state: 'terminated' })).toMatchObject([
      { epoch: 2, holder: third, from: first, kind: 'failover' },
    ]);
  });

  it.each<[string, Case, string]>([
    ['failover is manual', { settings: { failover: 'manual' } }, 'failover is left to a person'],
    ['the group is paused', { tags: { 'hostsync:paused': 'upgrade' } }, 'the group is paused: "upgrade"'],
    [
      'the last promotion was just now',
      {
        claims: [begun, { ...failover, kind: 'failover' }],
        tags: { 'hostsync:primary': '2', 'hostsync:promoted': `2 ${first}` },
      },
      'epoch 2 began less than 600 s ago',
    ],
    [
      'nobody may be promoted',
      { secondaries: { 2: { 'hostsync:state': 'behind' }, 3: { 'hostsync:promote': 'never' } } },
      'no secondary may be promoted',
    ],
  ])('is not replaced when %s, and an event says so', (_name, each, message) => {
    const gone = { ...each, state: 'stopped' };
    expect(claimed(gone)).toEqual([]);
    expect(notifications(gone)).toMatchObject([
      { type: 'Promotion Blocked', detail: { primary: first, message } },
    ]);
  });

  it('a group that was paused stays so when its primary is terminated: the mirror says it', () => {
    const each: Case = { state: 'terminated', mirror: { 'hostsync:paused': 'upgrade' } };
    expect(claimed(each)).toEqual([]);
    expect(notifications(each)).toMatchObject([{ type: 'Promotion Blocked' }]);
  });

  it('sends one event, with what blocks each candidate and the command that overrides', () => {
    const each: Case = {
      state: 'stopped',
      secondaries: { 2: { 'hostsync:state': 'behind' }, 3: { 'hostsync:promote': 'never' } },
    };
    const [event, ...more] = notifications(each);
    expect(more).toEqual([]);
    if (event === undefined) throw new Error('no event');
    const { body = '' } = composeAlert(event, now) ?? {};
    expect(body).toContain(`${second}: its state is behind`);
    expect(body).toContain(`${third}: its tag hostsync:promote says never`);
    expect(body).toContain(
      `aws ec2 create-tags --resources ${second} --tags Key=hostsync:primary,Value=2 Key=hostsync:directories,Value="/srv/uploads"`,
    );
    const noted = acts(each).flatMap((action) => (action.kind === 'tag' ? [action.set] : []))[0] ?? {};
    const again = {
      ...each,
      tags: noted,
      secondaries: { 2: { ...each.secondaries?.[2], ...noted }, 3: { ...each.secondaries?.[3], ...noted } },
    };
    expect(acts(again)).toEqual([]);
  });

  it('a promotion that did not finish does not hold up the next one: its host has died, too', () => {
    const claims = [begun, { ...failover, kind: 'failover' as const }];
    const each: Case = { state: 'stopped', claims, secondaries: { 2: { 'hostsync:state': undefined } } };
    expect(claimed(each)).toMatchObject([{ epoch: 3, holder: third }]);
  });

  it('is replaced though the mirror of its tags had not been written yet', () => {
    const claims = [begun, { ...failover, holder: instanceId(9), kind: 'failover' as const, at: now - 9e5 }];
    const reachability = [{ ...alive(second, third), instance: instanceId(9) }];
    expect(claimed({ state: 'terminated', claims, observed: { reachability } })).toMatchObject([
      { epoch: 3, from: instanceId(9), holder: third },
    ]);
  });

  it.each<[string, Partial<PromotionObservation>]>([
    ['never had one', { registers: new Map([['web', { claims: [], configuration: undefined }]]) }],
    ['cannot be asked for', { registers: new Map() }],
  ])('a group that %s is left alone', (_name, observed) => {
    expect(acts({ state: 'terminated', observed })).toEqual([]);
  });

  it('a switchover that is asked for to a host without a family in common is blocked, and the event says why', () => {
    const each: Case = { tags: { 'hostsync:switchover': third }, ipv6: [3] };
    expect(acts(each).map(({ kind }) => kind)).not.toContain('run');
    expect(notifications(each)).toMatchObject([
      {
        type: 'Promotion Blocked',
        detail: {
          message: `${third} may not be promoted`,
          candidates: [{ instance: third, blocker: expect.stringContaining('dual-stack subnet') }],
        },
      },
    ]);
  });

  it('only those look for a suspected primary that share an address family with it', () => {
    const agents = [agent(1, false), agent(2), agent(3)];
    expect(acts({ observed: { agents }, tick: now - 5000, ipv6: [1, 3] })).toMatchObject([
      { kind: 'probe', by: [third] },
    ]);
  });

  it('a tag that was taken away by hand from a primary that lives is not set again', () => {
    expect(acts({ tags: { 'hostsync:primary': undefined } })).toEqual([]);
  });
});

describe('a planned switchover', () => {
  const task = (step: TaskStep, pass: number, to = third, age = 5) =>
    formatTask({
      step,
      pass,
      digest: digest(to),
      command: '01234567-89ab-cdef-0123-456789abcdef',
      requestedAt: now - age * 1000,
    });
  const command = (lines: ObservedCommand['lines'], status: ObservedCommand['status'] = 'succeeded') => ({
    commands: [
      { command: '01234567-89ab-cdef-0123-456789abcdef', instance: first, status, detail: 'x', lines },
    ],
  });
  const asked = (value: string, own: string | undefined = undefined) => ({
    'hostsync:switchover': value,
    'hostsync:task': own,
  });
  const pushed = (files: number, error?: string) =>
    command([
      {
        kind: 'secondary',
        id: third,
        ok: error === undefined,
        error,
        message: error,
        started: 0,
        files,
        deleted: 0,
        bytes: 0,
        seconds: 1,
      },
    ]);
  const prepared: ObservedCommand['lines'][number] = { kind: 'leave', prepared: true };
  const hookFailed = command([{ kind: 'error', error: 'hook-failed', message: 'exit 1' }], 'failed');
  const spot = 'any spot interruption: EC2 will terminate it';

  it.each<[string, Case, unknown]>([
    ['any: to the best', { tags: asked('any') }, { kind: 'run', step: 'prepare', digest: digest(third) }],
    [
      'to a certain host, though another is better',
      { tags: asked(second) },
      { kind: 'run', step: 'prepare', digest: digest(second) },
    ],
    [
      'any: not to one that the last push cannot reach',
      { tags: asked('any'), ipv6: [3] },
      { kind: 'run', step: 'prepare', digest: digest(second) },
    ],
    [
      'to a host with IPv6 alone and an SSH port of its own: the last push goes there',
      {
        tags: asked('any', task('prepare', 1)),
        observed: command([prepared]),
        ipv6: [1, 2, 3],
        secondaries: { 3: { 'hostsync:port': '2222' } },
      },
      {
        kind: 'run',
        step: 'final-push',
        request: { value: { secondaries: [{ id: third, address: '2001:db8::3', port: 2222 }] } },
      },
    ],
    [
      'the operator changes his mind',
      { tags: asked(second, task('final-push', 2)), observed: pushed(0) },
      { kind: 'run', step: 'prepare', digest: digest(second) },
    ],
    [
      'it has stopped taking writes',
      { tags: asked('any', task('prepare', 1)), observed: command([{ kind: 'leave', prepared: true }]) },
      { kind: 'run', step: 'final-push', pass: 1 },
    ],
    [
      'one push proves nothing',
      { tags: asked('any', task('final-push', 1)), observed: pushed(0) },
      { kind: 'run', step: 'final-push', pass: 2 },
    ],
    [
      'nothing was left',
      { tags: asked('any', task('final-push', 2)), observed: pushed(0) },
      { kind: 'claim', claim: { kind: 'switchover', holder: third } },
    ],
    [
      'editors go on writing',
      { tags: asked('any', task('final-push', 3)), observed: pushed(4) },
      { kind: 'run', step: 'final-push', pass: 4 },
    ],
    [
      'they never stop: it is said that files may follow',
      { tags: asked('any', task('final-push', 4)), observed: pushed(4) },
      { kind: 'claim', claim: { why: expect.stringContaining('the last 4 files may be followed by more') } },
    ],
    [
      'a push of long ago counts no more: what came since is not in it',
      { tags: asked('any', task('final-push', 2, third, 600)), observed: pushed(0) },
      { kind: 'run', step: 'prepare' },
    ],
    [
      'an ordinary push still runs',
      { tags: asked('any', task('final-push', 1)), observed: pushed(0, 'busy') },
      { kind: 'run', step: 'final-push', pass: 1 },
    ],
    [
      'the hook fails, and spot does not wait for it',
      { tags: asked(spot, task('prepare', 1, third, 20)), observed: hookFailed },
      { kind: 'run', step: 'final-push' },
    ],
    [
      'the one chosen still holds what the primary lacks: a push would delete it',
      { tags: asked(third), secondaries: { 3: { 'hostsync:gathered': '0' } } },
      { kind: 'wait' },
    ],
  ])('%s', (_name, each, first) => {
    const steps = acts(each).filter(({ kind }) => kind !== 'tag');
    expect(steps).toMatchObject([first]);
  });

  it.each<[string, Case, string]>([
    [
      'to a host that may not be promoted',
      { tags: asked(third), secondaries: { 3: { 'hostsync:state': 'behind' } } },
      `${third} may not be promoted`,
    ],
    ['to a host that is not there', { tags: asked('i-typo') }, 'i-typo may not be promoted'],
    ['of a paused group', { tags: { ...asked('any'), 'hostsync:paused': 'x' } }, 'the group is paused'],
    [
      'with bad tags',
      { tags: { ...asked('any'), 'hostsync:directories': '/etc' } },
      'a tag of the primary is wrong',
    ],
    [
      'whose hook fails is called off',
      { tags: asked('any', task('prepare', 1, third, 20)), observed: hookFailed },
      'prepare failed',
    ],
    [
      'whose final push fails is not carried on',
      { tags: asked('any', task('final-push', 2)), observed: pushed(0, 'disk-full') },
      'disk-full',
    ],
  ])('one %s sends an event, and nothing is claimed', (_name, each, message) => {
    expect(claimed(each)).toEqual([]);
    expect(notifications(each)).toMatchObject([
      { type: 'Promotion Blocked', detail: { message: expect.stringContaining(message) } },
    ]);
  });

  it.each<[string, Partial<PromotionSettings>]>([
    ['within the cool-down', {}],
    ['where failover is manual', { failover: 'manual' }],
  ])('goes ahead %s: it is planned', (_name, settings) => {
    const last: Claim = { epoch: 1, holder: first, kind: 'failover', why: 'x', at: now - 1000 };
    const each: Case = {
      claims: [last],
      settings,
      tags: asked('any', task('final-push', 2)),
      observed: pushed(0),
    };
    expect(claimed(each)).toMatchObject([{ epoch: 2, kind: 'switchover' }]);
  });

  const hookUndone = (hook: 'ok' | 'failed') =>
    command([{ kind: 'promote', epoch: 1, publicKey: 'ssh-ed25519 AAAA', hook, hookMessage: 'exit 1' }]);
  const undone = command([{ kind: 'promote', epoch: 1, publicKey: 'ssh-ed25519 AAAA' }]);
  const undo = { kind: 'run', instance: first, step: 'undo-demotion', request: { script: 'promote' } };
  const noTask = { kind: 'tag', instances: [first], set: {}, remove: ['hostsync:task'] };
  it.each<[string, Case, readonly unknown[]]>([
    [
      'after the hook',
      { tags: { 'hostsync:task': task('prepare', 1) }, observed: command([prepared]) },
      [undo],
    ],
    [
      'while the hook runs: first it has to end',
      { tags: { 'hostsync:task': task('prepare', 1) }, observed: command([], 'under-way') },
      [{ kind: 'wait' }],
    ],
    [
      'after a hook that failed, for it may have done half of its work',
      { tags: { 'hostsync:task': task('prepare', 1, third, 20) }, observed: hookFailed },
      [undo],
    ],
    ['before the claim', { tags: { 'hostsync:task': task('final-push', 2) }, observed: pushed(0) }, [undo]],
    [
      'and a push still runs',
      { tags: { 'hostsync:task': task('final-push', 1) }, observed: command([], 'under-way') },
      [undo],
    ],
    [
      'and the site takes writes again: nothing is left that a later one could take for its own',
      { tags: { 'hostsync:task': task('undo-demotion', 1) }, observed: undone },
      [noTask],
    ],
    [
      'and its hook fails: run again, after a while',
      { tags: { 'hostsync:task': task('undo-demotion', 1, third, 61) }, observed: hookUndone('failed') },
      [{ kind: 'tell', event: { type: 'Writes Not Resumed' } }, { kind: 'tag' }, undo],
    ],
    [
      'and its hook has just failed',
      { tags: { 'hostsync:task': task('undo-demotion', 1) }, observed: hookUndone('failed') },
      [{ kind: 'tell' }, { kind: 'tag' }, { kind: 'wait' }],
    ],
    [
      'and the host does not answer: asked again',
      { tags: { 'hostsync:task': task('undo-demotion', 1, third, 20) }, observed: command([], 'failed') },
      [{ kind: 'tell', event: { type: 'Writes Not Resumed' } }, { kind: 'tag' }, undo],
    ],
  ])('that is withdrawn %s', (_name, each, expected) => {
    expect(acts(each)).toMatchObject(expected as object[]);
  });

  it.each<[string, Case]>([
    ['the group is paused', { tags: { ...asked('any', task('final-push', 1)), 'hostsync:paused': 'x' } }],
    [
      'the one chosen may not be promoted any more',
      { tags: asked(third, task('final-push', 1)), secondaries: { 3: { 'hostsync:state': 'behind' } } },
    ],
  ])('that was begun and cannot go on because %s: until it can, the site takes writes', (_name, each) => {
    expect(acts(each)).toContainEqual(expect.objectContaining({ kind: 'run', step: 'undo-demotion' }));
    const isForced = { ...each, tags: { ...each.tags, 'hostsync:switchover': spot } };
    expect(acts(isForced)).not.toContainEqual(expect.objectContaining({ step: 'undo-demotion' }));
  });
});

describe('tags that were moved by hand', () => {
  const adopt = { 'hostsync:primary': '2', 'hostsync:directories': '/srv/uploads' };

  it('to a higher epoch: adopted as that epoch, whatever keeps hostsync itself from choosing the host', () => {
    const each: Case = {
      secondaries: { 2: { ...adopt, 'hostsync:promote': 'never', 'hostsync:state': 'behind' } },
    };
    expect(claimed(each)).toMatchObject([{ epoch: 2, holder: second, from: first, kind: 'adopted' }]);
    expect(claimed({ ...each, settings: { failover: 'manual' } }).length).toBe(1);
  });

  it('with the same epoch on two: nothing is done, the tick tells', () => {
    expect(acts({ secondaries: { 2: { ...adopt, 'hostsync:primary': '1' } } })).toEqual([]);
  });

  it.each<[string, Tags]>([
    ['with the same epoch, and taken off the other', { ...adopt, 'hostsync:primary': '1' }],
    ['without the directories', { 'hostsync:primary': '1' }],
    ['wholesale, the mark of the other host among them', { ...primaryTags }],
  ])('%s: a new epoch', (_name, tags) => {
    const none = { 'hostsync:primary': undefined, 'hostsync:directories': undefined };
    expect(claimed({ tags: none, secondaries: { 2: tags } })).toMatchObject([
      { epoch: 2, holder: second, from: first, kind: 'adopted' },
    ]);
  });

  it('with an epoch that others held long ago: a new one', () => {
    const claims = [begun, { ...begun, epoch: 7, holder: third }];
    expect(
      claimed({
        claims,
        tags: { 'hostsync:primary': undefined },
        secondaries: { 2: { ...adopt, 'hostsync:primary': '5' } },
      }),
    ).toMatchObject([{ epoch: 8, holder: second }]);
  });

  it('the first primary of a group that upgrades or begins is adopted without a message', () => {
    const none = { registers: new Map([['web', { claims: [], configuration: undefined }]]) };
    expect(acts({ tags: { 'hostsync:promoted': undefined }, observed: none })).toMatchObject([
      { kind: 'claim', claim: { epoch: 1, holder: first, kind: 'first' } },
    ]);
  });
});
