import { describe, expect, test } from 'vitest';
import { diagnose } from '../../../../shared/core/operator/doctor.ts';
import type { DoctorFacts, HostFacts } from '../../../../shared/core/operator/doctor-facts.ts';
import { overviewGroup } from '../../../../shared/core/operator/overview-group.ts';
import { admits, isInCidr } from '../../../../shared/core/operator/reach.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from '../fixtures.ts';

const now = Date.parse('2026-11-26T10:00:00Z');
const members = [
  instance(1, { ...primaryTags, 'hostsync:secondaries': instanceId(2) }),
  instance(2, { ...secondaryTags, 'hostsync:synced-at': new Date(now - 20_000).toISOString() }),
];
const overview = overviewGroup({
  ...{ group: 'web', now, pushes: [], settings: { behindAfter: 300, promoteWithin: 900 } },
  observed: {
    instances: members,
    agents: [agent(1), agent(2)],
    ...{ lifecycles: new Map(), statuses: [], commands: [], reachability: [], registers: new Map() },
  },
});

const host = (number: number, more: Partial<HostFacts> = {}): HostFacts => ({
  ...{ id: instanceId(number), instanceProfile: { known: 'arn:aws:iam::1:instance-profile/web' } },
  ...{
    agent: { known: { version: '3.3.2299.0', online: true } },
    securityGroups: { known: ['sg-web'] },
    ...more,
  },
});
const ssh = (more: object) => ({
  ...{ protocol: 'tcp', fromPort: 22, toPort: 22, cidrs: [], groups: [], prefixLists: [], ...more },
});

const healthy: DoctorFacts = {
  ...{ overview, members, hosts: [host(1), host(2)] },
  securityGroups: { known: [{ id: 'sg-web', ingress: [ssh({ groups: ['sg-web'] })] }] },
  autoScalingGroups: { known: ['asg'] },
  hooks: {
    known: ['launch', 'terminate'].map((name) => ({
      ...{
        autoScalingGroup: 'asg',
        name: `hostsync-${name}`,
        heartbeatTimeout: 600,
        defaultResult: 'ABANDON',
      },
    })),
  },
  hookNames: { launch: 'hostsync-launch', terminate: 'hostsync-terminate' },
  pointers: { known: [] },
  subscriptions: { known: [{ endpoint: 'ops@example.com', confirmed: true }] },
  deadLetters: { known: [{ queue: 'https://q', messages: 0 }] },
  alarms: { known: [{ name: 'a', ringing: false, enabled: true }] },
  mapping: { known: { id: 'm', state: 'Enabled' } },
};

test('a healthy group has no finding, and every check was made', () => {
  const { findings, passed } = diagnose(healthy);
  expect(findings).toEqual([]);
  expect(passed).toHaveLength(14);
});

describe('each thing that would stop a push, a join or a promotion is found, with what mends it', () => {
  const unmanaged = { known: undefined };
  const cases: readonly (readonly [string, Partial<DoctorFacts>, string, string])[] = [
    [
      'no profile, and SSM does not manage it otherwise',
      { hosts: [host(1), host(2, { instanceProfile: { known: undefined }, agent: unmanaged })] },
      `${instanceId(2)} has no instance profile`,
      'associate-iam-instance-profile',
    ],
    [
      'an agent that is gone',
      { hosts: [host(1), host(2, { agent: { known: { version: '3.3.0.0', online: false } } })] },
      `The SSM agent of ${instanceId(2)} is offline`,
      'get-connection-status',
    ],
    [
      'an agent of a version that is not supported',
      { hosts: [host(1), host(2, { agent: { known: { version: '2.3.1319.0', online: true } } })] },
      `The SSM agent of ${instanceId(2)} is old (2.3.1319.0)`,
      'AWS-UpdateSSMAgent',
    ],
    [
      'a security group without a rule for SSH',
      { securityGroups: { known: [{ id: 'sg-web', ingress: [ssh({ fromPort: 80, toPort: 443 })] }] } },
      `The primary ${instanceId(1)} cannot reach port 22 of ${instanceId(2)}`,
      'authorize-security-group-ingress --group-id sg-web --protocol tcp --port 22 --source-group sg-web',
    ],
    ['no hook', { hooks: { known: [] } }, 'asg has no lifecycle hook hostsync-launch', 'put-lifecycle-hook'],
    [
      'a hook that one lost tick ends',
      {
        hooks: {
          known: ['launch', 'terminate'].map((name) => ({
            ...{
              autoScalingGroup: 'asg',
              name: `hostsync-${name}`,
              heartbeatTimeout: 60,
              defaultResult: 'ABANDON',
            },
          })),
        },
      },
      'The hook hostsync-launch of asg ends after 60 s',
      '--heartbeat-timeout 600',
    ],
    [
      'a name that does not follow',
      { pointers: { known: [{ kind: 'refuse', group: 'web', reason: 'it is an alias' }] } },
      'What editors use does not follow the primary',
      'docs/tags.md',
    ],
    [
      'a mail that was not confirmed',
      { subscriptions: { known: [{ endpoint: 'ops@example.com', confirmed: false }] } },
      'The alert subscription ops@example.com is not confirmed',
      'confirm',
    ],
    ['nobody subscribed', { subscriptions: { known: [] } }, 'Nobody is subscribed to alerts', 'alert-email'],
    [
      'dead letters',
      { deadLetters: { known: [{ queue: 'https://q', messages: 3 }] } },
      '3 events were given up: https://q',
      'receive-message',
    ],
    [
      'an alarm that rings',
      { alarms: { known: [{ name: 'a', ringing: true, enabled: true }] } },
      'The alarm a rings',
      'describe-alarms',
    ],
    [
      'a queue that nobody reads',
      { mapping: { known: { id: 'm', state: 'Disabled' } } },
      'The queue of looks is not read (Disabled)',
      'update-event-source-mapping --uuid m --enabled',
    ],
    [
      'what a host says of itself',
      {
        hosts: [
          host(1),
          host(2, { checks: { known: [{ name: 'rsync', level: 'error', message: 'it is not installed' }] } }),
        ],
      },
      `${instanceId(2)}: rsync`,
      'start-session',
    ],
    [
      'two stages on one host',
      {
        members: [
          ...members.slice(0, 1),
          instance(2, { ...secondaryTags, 'staging:group': 'x', 'staging:state': 'in-sync' }),
        ],
      },
      `${instanceId(2)} belongs to two stages: it carries staging:group as well`,
      'delete-tags',
    ],
    [
      'no room for tags',
      {
        members: [
          ...members.slice(0, 1),
          instance(2, {
            ...secondaryTags,
            ...Object.fromEntries(Array.from({ length: 46 }, (_, n) => [`t${n}`, ''])),
          }),
        ],
      },
      `${instanceId(2)} has no room for tags`,
      'delete-tags',
    ],
  ];
  test.each(cases)('%s', (_name, facts, what, mend) => {
    const [first] = diagnose({ ...healthy, ...facts }).findings;
    expect(first?.what).toContain(what);
    expect(first?.mend).toContain(mend);
  });
});

test('what could not be read is neither well nor wrong', () => {
  const unknown = { unknown: 'AccessDenied: no' };
  const facts: DoctorFacts = {
    ...{ ...healthy, securityGroups: unknown, hooks: unknown, pointers: unknown, subscriptions: unknown },
    ...{ deadLetters: unknown, alarms: unknown, mapping: unknown },
    hosts: [host(1, { instanceProfile: unknown, agent: unknown, securityGroups: unknown }), host(2)],
  };
  const { findings, passed } = diagnose(facts);
  expect(new Set(findings.map(({ level }) => level))).toEqual(new Set(['unknown']));
  expect(findings.map(({ what }) => what)).toContain('Not checked: alarms');
  expect(passed).not.toContain('security groups');
});

describe('who is let in', () => {
  const from = { address: '10.0.1.7', groups: ['sg-a'], port: 22 };
  test.each([
    ['no rule', [], 'no'],
    ['the group', [ssh({ groups: ['sg-a'] })], 'yes'],
    ['another group', [ssh({ groups: ['sg-b'] })], 'no'],
    ['its network', [ssh({ cidrs: ['10.0.0.0/16'] })], 'yes'],
    ['another network', [ssh({ cidrs: ['10.1.0.0/16'] })], 'no'],
    [
      'all protocols',
      [ssh({ protocol: '-1', fromPort: undefined, toPort: undefined, cidrs: ['0.0.0.0/0'] })],
      'yes',
    ],
    ['udp', [ssh({ protocol: 'udp', cidrs: ['0.0.0.0/0'] })], 'no'],
    ['another port', [ssh({ fromPort: 2222, toPort: 2222, groups: ['sg-a'] })], 'no'],
    ['a list that was not read', [ssh({ prefixLists: ['pl-1'] })], 'unknown'],
  ] as const)('%s: %s', (_name, rules, verdict) => {
    expect(admits(rules, from)).toBe(verdict);
  });

  test.each([
    ['10.0.1.7', '10.0.1.7/32', true],
    ['10.0.1.7', '10.0.1.0/29', true],
    ['10.0.1.8', '10.0.1.0/29', false],
    ['10.0.1.7', '0.0.0.0/0', true],
    ['10.0.1.7', '::/0', false],
    ['2001:db8::7', '2001:db8::/64', true],
    ['2001:db8:0:1::7', '2001:db8::/64', false],
    ['', '10.0.0.0/8', false],
  ])('%s in %s: %s', (address, cidr, isIn) => {
    expect(isInCidr(address, cidr)).toBe(isIn);
  });
});
