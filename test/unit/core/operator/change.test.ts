import { expect, test } from 'vitest';
import type { ObservedInstance, ObservedPush } from '../../../../shared/core/model/observation.ts';
import {
  planAcceptance,
  planForcedPromotion,
  planPause,
  planResume,
  planResync,
  planSwitchover,
} from '../../../../shared/core/operator/change.ts';
import type { GroupObservation } from '../../../../shared/core/operator/group-observation.ts';
import { overviewGroup } from '../../../../shared/core/operator/overview-group.ts';
import { agent, instance, instanceId, primaryTags, promotionSettings, secondaryTags } from '../fixtures.ts';

const now = Date.parse('2026-11-26T10:00:00Z');
const synced = new Date(now - 20_000).toISOString();
const primary = instance(1, { ...primaryTags, Name: 'web-1', 'hostsync:dns': 'edit.example.com' });
const secondary = (number: number, more: Readonly<Record<string, string>> = {}) =>
  instance(number, { ...secondaryTags, 'hostsync:synced-at': synced, Name: `web-${number}`, ...more });

function observe(instances: readonly ObservedInstance[], pushes: readonly ObservedPush[] = []) {
  const observation: GroupObservation = {
    ...{ group: 'web', now, pushes, settings: { behindAfter: 300, promoteWithin: 900 } },
    observed: {
      instances,
      agents: instances.map(({ id }) => agent(Number.parseInt(id.slice(2), 16))),
      ...{ lifecycles: new Map(), statuses: [], commands: [], reachability: [] },
      registers: new Map([['web', { claims: [], configuration: undefined }]]),
    },
  };
  return { observation, overview: overviewGroup(observation) };
}

function hostOf({ overview }: ReturnType<typeof observe>, number: number) {
  const host = overview.hosts.find(({ id }) => id === instanceId(number));
  if (host === undefined) throw new Error(`no host ${number}`);
  return host;
}

function switchover(instances: readonly ObservedInstance[], to?: number) {
  const { observation, overview } = observe(instances);
  const target = to === undefined ? undefined : instanceId(to);
  return planSwitchover(observation, overview, promotionSettings, target);
}

test('a switchover is one tag on the primary, and says what follows', () => {
  const change = switchover([primary, secondary(2), secondary(3)], 3);
  expect(change).toMatchObject({
    ...{ kind: 'change', instance: instanceId(1), remove: [] },
    set: { 'hostsync:switchover': instanceId(3) },
  });
  if (change.kind === 'change')
    expect(change.steps).toEqual([
      `stop writes on web-1 (${instanceId(1)}), by the hook before-demotion where there is one`,
      'push until nothing is left',
      `make web-3 (${instanceId(3)}) the primary (epoch 1 to 2)`,
      'move edit.example.com to it',
      `every host follows web-3 (${instanceId(3)}); web-1 (${instanceId(1)}) joins as a secondary`,
    ]);
  expect(switchover([primary, secondary(2)])).toMatchObject({ set: { 'hostsync:switchover': 'any' } });
});

test.each([
  [
    'a host that is behind',
    [primary, secondary(2), secondary(3, { 'hostsync:state': 'behind' })],
    3,
    `web-3 (${instanceId(3)}) cannot become the primary: its state is behind`,
  ],
  ['the primary itself', [primary, secondary(2)], 1, `web-1 (${instanceId(1)}) is the primary already`],
  [
    'nobody',
    [primary, secondary(2, { 'hostsync:promote': 'never' })],
    undefined,
    'no host can become the primary',
  ],
  [
    'a paused group',
    [instance(1, { ...primary.tags, 'hostsync:paused': 'x' }), secondary(2)],
    2,
    'web is paused',
  ],
  [
    'one that is in progress already',
    [instance(1, { ...primary.tags, 'hostsync:switchover': instanceId(2) }), secondary(2), secondary(3)],
    3,
    `a switchover to ${instanceId(2)} is in progress`,
  ],
  ['no primary', [secondary(2)], 2, 'web has no primary'],
] as const)(
  'a switchover to %s is refused, with the reason of the service',
  (_name, instances, to, reason) => {
    expect(switchover(instances, to)).toMatchObject({ kind: 'refused', reason });
  },
);

test('who could be the primary is said where the chosen host could not', () => {
  const refusal = switchover([primary, secondary(2), secondary(3, { 'hostsync:state': 'behind' })], 3);
  expect(refusal).toMatchObject({ instead: [`Possible: web-2 (${instanceId(2)})`] });
});

test('pause and resume: what is so already is refused', () => {
  const running = observe([primary, secondary(2)]).overview;
  const paused = observe([
    instance(1, { ...primaryTags, 'hostsync:paused': 'a deploy' }),
    secondary(2),
  ]).overview;
  expect(planPause(running, 'x')).toMatchObject({ set: { 'hostsync:paused': 'x' }, instance: instanceId(1) });
  expect(planPause(paused, 'x')).toMatchObject({ reason: 'web is paused already: a deploy' });
  expect(planResume(paused)).toMatchObject({ remove: ['hostsync:paused'], set: {} });
  expect(planResume(running)).toMatchObject({ reason: 'web is not paused' });
});

test('only deletions that are held now are accepted, and no others with them', () => {
  const push: ObservedPush = {
    ...{
      command: 'c',
      instance: instanceId(1),
      status: 'succeeded',
      detail: 'Success',
      requestedAt: now - 9000,
    },
    lines: [
      { kind: 'deletions-held', id: 'a'.repeat(16), count: 60, total: 80, reason: 'many', examples: ['x'] },
      { kind: 'push', ok: true, started: 0, seconds: 1 },
    ],
  };
  const { overview } = observe([primary, secondary(2)], [push]);
  expect(planAcceptance(overview, undefined)).toMatchObject({
    set: { 'hostsync:accept-deletions': 'a'.repeat(16) },
  });
  expect(planAcceptance(overview, 'a'.repeat(16)).kind).toBe('change');
  expect(planAcceptance(overview, 'b'.repeat(16))).toMatchObject({ kind: 'refused' });
  expect(planAcceptance(observe([primary, secondary(2)]).overview, undefined).kind).toBe('refused');
});

test('a host joins again by losing its fingerprint; the primary and a former one do not', () => {
  const found = observe([primary, secondary(2), secondary(3, { 'hostsync:state': 'quarantined' })]);
  expect(planResync(found.overview, hostOf(found, 2))).toMatchObject({ remove: ['hostsync:joined'] });
  expect(planResync(found.overview, hostOf(found, 1)).kind).toBe('refused');
  expect(planResync(found.overview, hostOf(found, 3)).kind).toBe('refused');
});

test('a forced promotion takes the next epoch and the directories, and needs --force', () => {
  const found = observe([primary, secondary(2, { 'hostsync:state': 'behind' })]);
  const planned = (force: boolean) =>
    planForcedPromotion(found.observation, found.overview, promotionSettings, {
      host: hostOf(found, 2),
      force,
    });
  expect(planned(true)).toMatchObject({
    ...{ kind: 'change', instance: instanceId(2) },
    set: { 'hostsync:directories': '/srv/uploads' },
  });
  expect(planned(false)).toMatchObject({
    kind: 'refused',
    instead: [expect.stringContaining('switchover web --to')],
  });
});
