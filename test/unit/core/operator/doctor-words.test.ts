import { join } from 'node:path';
import { expect, it } from 'vitest';
import type {
  DeploymentFacts,
  Finding,
  HostAnswer,
  Known,
} from '../../../../shared/core/operator/doctor-facts.ts';
import { findInDeployment } from '../../../../shared/core/operator/find-in-deployment.ts';
import { isInBlock } from '../../../../shared/core/operator/find-reach.ts';
import {
  acceptCommand,
  heldDeletions,
  restoreCommand,
} from '../../../../shared/core/operator/held-deletions.ts';
import { findOnHosts } from '../../../../shared/core/operator/host-checks.ts';
import { view } from './fixtures.ts';

// What the doctor finds, in its words: npm run unit -- doctor-words -u writes it anew, for you to review.

const describeFinding = ({ check, level, subject, what, why, mend }: Finding) =>
  [
    `${level} ${check} ${subject ?? '-'}: ${what}`,
    ...(why === null ? [] : [`    ${why}`]),
    ...(mend === null ? [] : [`    ${mend}`]),
  ].join('\n');

const right: DeploymentFacts = {
  stage: 'prod',
  topic: 'arn:topic',
  subscriptions: {
    known: true,
    value: [
      { endpoint: 'ops@example.com', confirmed: true },
      { endpoint: 'new@example.com', confirmed: false },
    ],
  },
  alarms: {
    known: true,
    value: ['DeadLetters', 'TickMissing', 'SecondsBehind', 'LaneAge', 'SyncErrors', 'Other']
      .map((name) => ({ name, state: 'ALARM', reason: 'r' }))
      .concat({ name: 'Fine', state: 'OK', reason: '' }),
  },
  mappings: {
    known: true,
    value: [
      { id: 'a', state: 'Enabled' },
      { id: 'b', state: 'Disabled' },
    ],
  },
  stages: {
    known: true,
    value: [
      { stage: 'prod', tagPrefix: 'hostsync' },
      { stage: 'dev', tagPrefix: 'hostsync' },
      { stage: 'x', tagPrefix: 'x' },
    ],
  },
};
const none = { known: true, value: [] } as const;
const unread = { known: false, reason: 'AccessDenied' } as const;

const line = (fields: object) => JSON.stringify(fields);
const answer = (lines: readonly object[], more: Partial<HostAnswer> = {}): Known<HostAnswer> => {
  return {
    known: true,
    value: { output: lines.map(line).join('\n'), askedAt: 1_000_000, answeredAt: 1_002_000, ...more },
  };
};
const check = (level: string) => ({
  kind: 'check',
  check: 'disk',
  level,
  what: 'it is so',
  why: 'w',
  mend: 'm',
});
const host = (now: number | undefined, owners: object = {}) => ({ kind: 'host', now, owners });

const hosts = new Map<string, Known<HostAnswer>>([
  ['p', answer([check('ok'), host(1000, { '/a': 'www', '/b': 'web', '/c': 7 })])],
  [
    'same',
    answer([
      check('ok'),
      check('warning'),
      check('error'),
      check('unknown'),
      check('x'),
      host(1007, { '/a': 'www', '/b': 'root' }),
    ]),
  ],
  ['ahead', answer([check('ok'), host(1007.001)])],
  ['behind', answer([check('ok'), host(994.999)])],
  ['in-time', answer([check('ok'), host(995)])],
  ['far', answer([check('ok'), host(1242)])],
  ['lost', answer([check('ok'), host(1242.001)])],
  ['lost-behind', answer([check('ok'), host(700)])],
  ['old', answer([{ kind: 'error', error: 'other-release', message: 'x' }])],
  ['no-python', answer([{ kind: 'error', error: 'not-ready', message: 'no python3' }])],
  ['wrong', answer([{ kind: 'error', error: 'internal', message: 'x' }])],
  ['mute', answer([{ kind: 'error' }])],
  ['silent', answer([])],
  ['unread', unread],
]);

it('of deployments and of hosts', async () => {
  const facts = [
    right,
    { ...right, subscriptions: none, alarms: none, mappings: none, stages: none },
    { ...right, subscriptions: unread, alarms: unread, mappings: unread, stages: unread },
  ];
  const found = [
    ...facts.map((each) => findInDeployment(each)),
    ...[
      { primary: 'p', group: 'web', observed: false },
      { primary: 'gone', group: 'web', observed: false },
      { primary: null, group: 'web', observed: true },
    ].map((roles) => findOnHosts(hosts, roles)),
    findOnHosts(undefined, { primary: null, group: 'web', observed: false }),
  ];
  const text = found.map((findings) => findings.map(describeFinding).join('\n')).join('\n====\n');
  await expect(`${text}\n`).toMatchFileSnapshot(join(import.meta.dirname, 'doctor-words.txt'));
});

it.each([
  ['10.0.0.7', '10.0.0.7', true],
  ['10.0.0.7', '10.0.0.8', false],
  ['10.0.0', '10.0.0.0/0', false],
  ['10.0.0.0.0', '0.0.0.0/0', false],
  ['10.0.0.256', '0.0.0.0/0', false],
  ['10.0.0.-1', '0.0.0.0/0', false],
  ['10.0.0.1.5', '0.0.0.0/0', false],
  ['10.0.0.7', '0.0.0/0', false],
  ['10.0.0.7', '0.0.0.0/-1', false],
  ['10.0.0.7', '10.0.0.7/33', false],
  ['10.0.0.7', '10.0.0.7/x', false],
  ['10.0.0.x', '10.0.0.x/32', false],
])('%s in %s: %s', (address, block, expected) => {
  expect(isInBlock(address, block)).toBe(expected);
});

it('deletions that are not held any more are neither accepted nor restored', () => {
  const held = { id: 'a', count: 1, total: 2, reason: 'r', examples: [], since: null };
  expect(heldDeletions(view(), undefined, acceptCommand)).toEqual({
    reason: 'No deletions of web are held',
    advice: 'Nothing was done. See: hostsync status web',
  });
  expect(heldDeletions(view(), 'b', acceptCommand)).toMatchObject({
    reason: 'The deletions b are no longer held',
  });
  expect(heldDeletions({ ...view(), held: { ...held, id: null } }, 'b', acceptCommand)).toEqual({
    reason: 'r',
    advice: 'First: hostsync push web',
  });
  expect(heldDeletions({ ...view(), held }, 'b', acceptCommand)).toEqual({
    reason: 'The deletions b are no longer held: others are, 1 of 2',
    advice: 'Nothing was done. Look at them, then: hostsync accept-deletions web a',
  });
  expect(restoreCommand('web', 'a')).toBe('hostsync restore web --held a');
});
