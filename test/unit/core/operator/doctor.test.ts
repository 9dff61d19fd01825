import { describe, expect, it } from 'vitest';
import {
  type DeploymentFacts,
  doctorExitCode,
  type Finding,
  type GroupFacts,
  type HostAnswer,
  type IngressRule,
  type Known,
} from '../../../../shared/core/operator/doctor-facts.ts';
import { findInDeployment } from '../../../../shared/core/operator/find-in-deployment.ts';
import { findInGroup } from '../../../../shared/core/operator/find-in-group.ts';
import { isInBlock } from '../../../../shared/core/operator/find-reach.ts';
import { planPush } from '../../../../shared/core/push/plan-push.ts';
import { agent, instanceId } from '../fixtures.ts';
import { changed, members, now, observation } from './fixtures.ts';

const [one, two, three] = [instanceId(1), instanceId(2), instanceId(3)];
const unread = { known: false, reason: 'AccessDenied' } as const;
const ssh: IngressRule = {
  protocol: 'tcp',
  fromPort: 22,
  toPort: 22,
  groups: ['sg-primary'],
  blocks: [],
  others: false,
};

function group(more: Partial<GroupFacts> = {}, instances = members()): GroupFacts {
  const observed = more.observed ?? observation(instances);
  return {
    group: 'web',
    observed,
    plan: planPush(observed),
    upkeep: [],
    unread: [],
    promoteWithin: 900,
    now,
    instances: {
      known: true,
      value: [one, two, three].map((id) => ({
        id,
        profile: 'arn:aws:iam::1:instance-profile/web',
        securityGroups: [id === one ? 'sg-primary' : 'sg-web'],
      })),
    },
    ingress: { known: true, value: new Map([['sg-web', [ssh]]]) },
    agentVersions: { known: true, value: new Map([one, two, three].map((id) => [id, '3.3.2746.0'])) },
    autoScaling: { known: true, value: [] },
    hosts: undefined,
    ...more,
  };
}

const bad = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'ok');

describe('a group', () => {
  it('that is well has no findings, and says what was checked', () => {
    const findings = findInGroup(group());
    expect(bad(findings)).toEqual([]);
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set(['push', 'tags', 'agent', 'room', 'security-groups', 'candidates']),
    );
    expect(doctorExitCode(findings)).toBe(0);
  });

  const many = Object.fromEntries(Array.from({ length: 48 }, (_, index) => [`own-${index}`, '']));
  it.each([
    ['a wrong tag', {}, changed(1, { 'hostsync:options': 'nice=99' }), 'error', 'tags', 'create-tags'],
    [
      'no room to join',
      {},
      changed(2, { ...many, 'hostsync:host-key': undefined, 'hostsync:joined': undefined }),
      'error',
      'room',
      'delete-tags',
    ],
    [
      'no room to be promoted',
      {},
      changed(2, Object.fromEntries(Object.entries(many).slice(0, 40))),
      'warning',
      'room',
      'delete-tags',
    ],
    ['paused', {}, changed(1, { 'hostsync:paused': 'x' }), 'warning', 'push-paused', 'hostsync resume web'],
    [
      'nobody to follow the primary',
      {},
      changed(3, { 'hostsync:promote': 'never' }).map((each) =>
        each.id === two ? { ...each, state: 'stopped' } : each,
      ),
      'error',
      'candidates',
      'hostsync status',
    ],
    [
      'no rule for the primary',
      { ingress: { known: true, value: new Map([['sg-web', []]]) } },
      members(),
      'error',
      'security-groups',
      'aws ec2 authorize-security-group-ingress --group-id sg-web --protocol tcp --port 22 --source-group sg-primary',
    ],
    [
      'a rule for another port',
      { ingress: { known: true, value: new Map([['sg-web', [{ ...ssh, toPort: 23, fromPort: 23 }]]]) } },
      members(),
      'error',
      'security-groups',
      '--port 22',
    ],
    [
      'an SSH server on another port',
      {},
      changed(2, { 'hostsync:port': '2222' }),
      'error',
      'security-groups',
      '--port 2222',
    ],
    [
      'an agent that is silent',
      { observed: observation(members(), [agent(1), agent(2, false), agent(3)]) },
      members(),
      'error',
      'agent',
      'restart amazon-ssm-agent',
    ],
    [
      'an agent that SSM does not know',
      { observed: observation(members(), [agent(1), agent(3)]) },
      members(),
      'error',
      'agent',
      'AmazonSSMManagedInstanceCore',
    ],
    [
      'a name that is refused',
      { upkeep: [{ kind: 'refuse', group: 'web', reason: 'an alias' }] },
      members(),
      'error',
      'pointers',
      'docs/tags.md',
    ],
  ] as const satisfies readonly (readonly [
    string,
    Partial<GroupFacts>,
    ReturnType<typeof members>,
    string,
    string,
    string,
  ])[])('%s', (_what, facts, instances, level, check, mend) => {
    const found = bad(findInGroup(group(facts, instances))).filter((each) => each.check === check);
    expect(found[0]).toMatchObject({ level, mend: expect.stringContaining(mend), why: expect.any(String) });
  });

  it('of an unknown agent without an instance profile, it says what that lacks', () => {
    const value = [one, two, three].map((id) => ({ id, profile: undefined, securityGroups: ['sg-primary'] }));
    const facts = {
      observed: observation(members(), [agent(1), agent(3)]),
      instances: { known: true, value },
    } as const;
    expect(findInGroup(group(facts)).find(({ check }) => check === 'instance-profile')?.subject).toBe(two);
  });

  it('what could not be read is unknown, and never fine', () => {
    const findings = findInGroup(
      group({
        instances: unread,
        ingress: unread,
        agentVersions: unread,
        autoScaling: unread,
        unread: ['pushes'],
      }),
    );
    expect(bad(findings).every(({ level }) => level === 'unknown')).toBe(true);
    expect(new Set(bad(findings).map(({ check }) => check))).toEqual(
      new Set(['look', 'agent-version', 'security-groups']),
    );
    expect(doctorExitCode(findings)).toBe(1);
  });

  it('a rule that names what is not looked into proves nothing', () => {
    const value = new Map([['sg-web', [{ ...ssh, groups: [], others: true }]]]);
    const found = bad(findInGroup(group({ ingress: { known: true, value } })));
    expect(found.map(({ level }) => level)).toEqual(['unknown', 'unknown']);
  });

  it.each([
    ['10.0.0.7', '10.0.0.0/24', true],
    ['10.0.1.7', '10.0.0.0/24', false],
    ['10.0.0.7', '0.0.0.0/0', true],
    ['255.1.1.1', '128.0.0.0/1', true],
    ['10.0.0.7', '10.0.0.7/32', true],
    ['10.0.0.7', 'nonsense', false],
    ['10.0.0.7', '10.0.0.0/33', false],
  ])('%s in %s: %s', (address, block, expected) => {
    expect(isInBlock(address, block)).toBe(expected);
  });
});

describe('a group of Auto Scaling', () => {
  const scaled = members().map((each) => ({
    ...each,
    tags: { ...each.tags, 'aws:autoscaling:groupName': 'WEB' },
  }));
  const hook = (name: string, transition: string, heartbeatTimeout: number, defaultResult = 'ABANDON') => ({
    name,
    transition: `autoscaling:EC2_INSTANCE_${transition}`,
    heartbeatTimeout,
    defaultResult,
  });
  const right = {
    name: 'WEB',
    group: 'web',
    propagates: true,
    terminateHookAbandon: 'retain',
    hooks: [hook('hostsync-launch', 'LAUNCHING', 300), hook('hostsync-terminate', 'TERMINATING', 900)],
  };
  const find = (facts: object) =>
    bad(findInGroup(group({ autoScaling: { known: true, value: [{ ...right, ...facts }] } }, scaled)));

  it('with everything right has no findings', () => {
    expect(find({})).toEqual([]);
  });

  it.each([
    ['no hooks', { hooks: [] }, ['error', 'error'], 'put-lifecycle-hook'],
    [
      'a hook for the other transition',
      { hooks: [right.hooks[1], hook('hostsync-launch', 'TERMINATING', 300)] },
      ['error'],
      'delete-lifecycle-hook',
    ],
    [
      'a hook that runs out',
      { hooks: [right.hooks[0], hook('hostsync-terminate', 'TERMINATING', 300)] },
      ['warning'],
      '--heartbeat-timeout 900',
    ],
    [
      'a hook that goes on',
      { hooks: [right.hooks[1], hook('hostsync-launch', 'LAUNCHING', 300, 'CONTINUE')] },
      ['warning'],
      '--default-result ABANDON',
    ],
    ['no tag', { group: undefined }, ['error'], 'create-or-update-tags'],
    ['a tag that stays', { propagates: false }, ['warning'], 'PropagateAtLaunch=true'],
    ['no policy', { terminateHookAbandon: undefined }, ['warning'], 'RetentionTriggers'],
  ] as const)('%s', (_what, facts, levels, mend) => {
    const found = find(facts);
    expect(found.map(({ level }) => level)).toEqual(levels);
    expect(found[0]?.mend).toContain(mend);
  });
});

describe('the deployment', () => {
  const right: DeploymentFacts = {
    stage: 'prod',
    topic: 'arn:topic',
    subscriptions: { known: true, value: [{ endpoint: 'ops@example.com', confirmed: true }] },
    alarms: { known: true, value: [{ name: 'hostsync-prod-DeadLettersAlarm-1', state: 'OK', reason: '' }] },
    mappings: { known: true, value: [{ id: 'uuid', state: 'Enabled' }] },
    stages: {
      known: true,
      value: [
        { stage: 'prod', tagPrefix: 'hostsync' },
        { stage: 'dev', tagPrefix: 'dev' },
      ],
    },
  };

  it('that is well has no findings', () => {
    expect(bad(findInDeployment(right))).toEqual([]);
  });

  it.each([
    ['nobody is subscribed', { subscriptions: { known: true, value: [] } }, 'warning', 'sns subscribe'],
    [
      'a mail that nobody answered',
      { subscriptions: { known: true, value: [{ endpoint: 'a@b', confirmed: false }] } },
      'warning',
      'a@b',
    ],
    [
      'an alarm',
      {
        alarms: {
          known: true,
          value: [{ name: 'hostsync-prod-DeadLettersAlarm-1', state: 'ALARM', reason: 'r' }],
        },
      },
      'error',
      'describe-alarm-history',
    ],
    ['no alarms', { alarms: { known: true, value: [] } }, 'warning', 'serverless deploy'],
    [
      'a mapping that is off',
      { mappings: { known: true, value: [{ id: 'u', state: 'Disabled' }] } },
      'error',
      '--uuid u --enabled',
    ],
    ['no mapping', { mappings: { known: true, value: [] } }, 'error', 'serverless deploy'],
    [
      'two stages with one prefix',
      { stages: { known: true, value: [{ stage: 'dev', tagPrefix: 'hostsync' }] } },
      'error',
      'tag-prefix',
    ],
  ] as const)('%s', (_what, facts, level, mend) => {
    const found = bad(findInDeployment({ ...right, ...facts }));
    expect(found).toEqual([expect.objectContaining({ level, mend: expect.stringContaining(mend) })]);
  });

  it('what could not be read is unknown', () => {
    const found = findInDeployment({
      ...right,
      subscriptions: unread,
      alarms: unread,
      mappings: unread,
      stages: unread,
    });
    expect(found.map(({ level }) => level)).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
  });
});

describe('what hosts say of themselves', () => {
  const host = (seconds = 0, owner = 'www-data:www-data') =>
    JSON.stringify({
      v: 1,
      kind: 'host',
      now: (now + seconds * 1000) / 1000,
      owners: { '/srv/a': owner },
    });
  const answered = (...lines: readonly string[]) =>
    ({
      known: true,
      value: { output: lines.join('\n'), askedAt: now - 2_000, answeredAt: now + 2_000 },
    }) as const;
  const ofHosts = (...answers: readonly (readonly [string, Known<HostAnswer>])[]) =>
    findInGroup(group({ hosts: new Map(answers) })).filter(({ check }) => check.startsWith('host'));

  it('becomes findings that name the host; what is no check is none', () => {
    const lines = [
      host(),
      '{"kind":"check","check":"disk","level":"error","what":"/srv is full","why":"w","mend":"m"}',
      '{"kind":"check","check":"rsync","level":"ok","what":"rsync 3.2.7"}',
      '{"kind":"check","check":"sshd","level":"unknown","what":"sshd -T does not say"}',
      '{"kind":"doctor","ok":false}',
      '{"kind":"check","check":"x","level":"fine","what":"y"}',
      'no JSON',
    ];
    expect(ofHosts([two, answered(...lines)], [three, unread])).toEqual([
      {
        check: 'host-disk',
        level: 'error',
        subject: two,
        what: `${two}: /srv is full`,
        why: 'w',
        mend: 'm',
      },
      { check: 'host-rsync', level: 'ok', subject: two, what: 'rsync 3.2.7', why: null, mend: null },
      expect.objectContaining({ check: 'host-sshd', level: 'unknown', subject: two }),
      expect.objectContaining({ check: 'host-clock', level: 'ok', subject: two }),
      expect.objectContaining({ check: 'host', level: 'unknown', what: 'not checked: AccessDenied' }),
    ]);
  });

  it('a host that says nothing is not fine', () => {
    expect(bad(ofHosts([two, answered('')]))).toMatchObject([{ check: 'host', level: 'unknown' }]);
  });

  it.each([
    ['other-release', 'warning', 'host-release', 'hostsync push web'],
    ['not-ready', 'error', 'host-python', 'python3'],
  ])('of a host that cannot run the command, %s, it says what that lacks', (error, level, check, mend) => {
    const line = JSON.stringify({ v: 1, kind: 'error', error, message: 'words' });
    expect(ofHosts([two, answered(line)])).toMatchObject([
      { level, check, subject: two, mend: expect.stringContaining(mend) },
    ]);
  });

  it('of a group that is only observed, a host without the package was not asked, and nobody is told to push', () => {
    const line = JSON.stringify({ v: 1, kind: 'error', error: 'other-release', message: 'words' });
    const instances = members().map((each) =>
      each.id === one ? { ...each, tags: { ...each.tags, 'hostsync:mode': 'observe' } } : each,
    );
    const hosts = new Map([[two, answered(line)]]);
    expect(
      findInGroup(group({ hosts }, instances)).filter(({ check }) => check.startsWith('host')),
    ).toMatchObject([
      { level: 'unknown', check: 'host', subject: two, what: expect.stringContaining('hostsync resume web') },
    ]);
  });

  it.each([
    [-6, undefined],
    [-8, 'warning'],
    [8, 'warning'],
    [300, 'error'],
    [-300, 'error'],
  ])('a clock that is %i s off: %s', (seconds, level) => {
    const clock = ofHosts([two, answered(host(seconds))]).find(({ check }) => check === 'host-clock');
    expect(clock?.level).toBe(level ?? 'ok');
    if (level !== undefined) expect(clock?.what).toContain(seconds < 0 ? 'behind' : 'ahead of');
  });

  it('a directory that belongs to another user than on the primary is named', () => {
    const found = ofHosts([one, answered(host())], [two, answered(host(0, 'nginx:nginx'))]);
    expect(found.filter(({ check }) => check === 'host-owner')).toMatchObject([
      { level: 'warning', subject: two, mend: `On ${two}: chown -R www-data:www-data /srv/a` },
    ]);
  });
});
