import { describe, expect, it } from 'vitest';
import type { Head, ObservedInstance } from '../../../shared/core/model/observation.ts';
import { isServed, laneOf } from '../../../shared/core/model/wake-up.ts';
import {
  isUnsettled,
  needsReconciling,
  type TickedGroup,
} from '../../../shared/core/push/needs-reconciling.ts';
import { planPush } from '../../../shared/core/push/plan-push.ts';
import {
  agent,
  healthyGroup,
  instance,
  instanceId,
  primaryTags,
  remembered,
  secondaryTags,
} from './fixtures.ts';

const now = Date.parse('2026-11-26T12:00:00.000Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
const [primary] = healthyGroup().instances;
if (primary === undefined) throw new Error('fixture');
const secondary = (
  number: number,
  tags: Readonly<Record<string, string | undefined>> = {},
  state = 'running',
) => {
  const all = { ...secondaryTags, 'hostsync:synced-at': ago(30), ...tags };
  const given = Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  return instance(number, Object.fromEntries(given), state);
};
const withTags = (tags: Readonly<Record<string, string>>): ObservedInstance => ({
  ...primary,
  tags: { ...primary.tags, ...tags },
});

function ask(
  members: readonly ObservedInstance[],
  more: Partial<TickedGroup> & { readonly remember?: Partial<Head>; readonly offline?: boolean } = {},
): string | undefined {
  const { remember = {}, offline = false, ...given } = more;
  const agents = members.map((_each, index) => agent(index + 1, !offline));
  return needsReconciling({
    group: 'web',
    members,
    now,
    isImpaired: () => false,
    plan: planPush({ instances: members, agents }),
    head: remembered(members, { reconciledFrom: now - 30_000, ...remember })?.head,
    ...given,
  });
}
const others = [secondary(2), secondary(3)];

describe('nothing but a push is needed by', () => {
  it.each<[string, readonly ObservedInstance[], Parameters<typeof ask>[1]?]>([
    ['a group that is well', [primary, ...others]],
    ['a paused group', [withTags({ 'hostsync:paused': 'release' }), ...others]],
    ['a primary alone', [withTags({ 'hostsync:secondaries': '' })]],
    ['a group whose head could not be read, which proves nothing', [primary, ...others], { head: 'unread' }],
    ['a group that is due later', [primary, ...others], { remember: { dueAt: now + 1 } }],
  ])('%s', (_name, members, more) => {
    expect(ask(members, more)).toBeUndefined();
  });
});

describe('a look is needed by a group', () => {
  it.each<[string, readonly ObservedInstance[], RegExp, Parameters<typeof ask>[1]?]>([
    ['that nothing is remembered of', [primary, ...others], /nothing is remembered/, { head: undefined }],
    ['that is due', [primary, ...others], /not done with/, { remember: { dueAt: now } }],
    [
      'whose primary has other tags than its mirror',
      [withTags({ 'hostsync:exclude': '*.tmp' }), ...others],
      /the tags of i-0+1 have changed/,
      { remember: { configuration: 'older' } },
    ],
    [
      'nobody has looked at for ten minutes',
      [primary, ...others],
      /nobody has looked/,
      { remember: { reconciledFrom: now - 600_000 } },
    ],
    ['with a newcomer', [primary, ...others, instance(4, { 'hostsync:group': 'web' })], /i-0+4 is new/],
    [
      'with one that boots',
      [primary, ...others, instance(4, { 'hostsync:group': 'web' }, 'pending')],
      /is new/,
    ],
    [
      'with one that is joining',
      [primary, secondary(2, { 'hostsync:state': 'joining' }), secondary(3)],
      /joining|first sync/,
    ],
    [
      'with one that is behind',
      [primary, secondary(2, { 'hostsync:state': 'behind' }), secondary(3)],
      /is behind/,
    ],
    ['with one that was stopped', [primary, secondary(2, {}, 'stopped'), secondary(3)], /is stopped/],
    ['with one that is gone', [primary, secondary(2)], /no instance i-0+3/],
    [
      'with one in quarantine',
      [primary, ...others, secondary(4, { 'hostsync:state': 'quarantined' })],
      /is quarantined/,
    ],
    [
      'with one that no push has reached for long',
      [primary, secondary(2, { 'hostsync:synced-at': ago(151) }), secondary(3)],
      /not in sync since/,
    ],
    [
      'with a wish of its operator',
      [withTags({ 'hostsync:switchover': 'any' }), ...others],
      /hostsync:switchover/,
    ],
    ['without a primary', others, /none of the 2 instances/, { head: { version: 1, reconciledFrom: now } }],
    [
      'with two primaries',
      [primary, instance(2, { ...primaryTags, 'hostsync:promoted': '' })],
      /2 instances carry/,
    ],
    [
      'with a former primary',
      [
        instance(2, { ...primaryTags, 'hostsync:primary': '9', 'hostsync:promoted': `9 ${instanceId(2)}` }),
        primary,
        secondary(3, { 'hostsync:gathered': '9' }),
      ],
      /was the primary/,
    ],
    ['whose primary is stopped', [{ ...primary, state: 'stopped' }, ...others], /is stopped/],
    ['whose primary has no agent', [primary, ...others], /SSM agent/, { offline: true }],
    [
      'whose primary is impaired',
      [primary, ...others],
      /impaired/,
      { isImpaired: (id) => id === primary.id },
    ],
    ['whose name is none', [instance(2, { 'hostsync:group': 'a b' })], /no name/, { group: 'a b' }],
    ['with a wrong tag', [withTags({ 'hostsync:directories': '/etc' }), ...others], /hostsync:directories/],
  ])('%s', (_name, members, reason, more) => {
    expect(ask(members, more)).toMatch(reason);
  });

  it('that is none: instances that have lost theirs', () => {
    const lost = instance(9, { 'hostsync:state': 'in-sync' });
    expect(ask([lost], { group: '', head: undefined, plan: [] })).toBe(
      `${instanceId(9)} lost hostsync:group`,
    );
  });
});

describe('a wake-up', () => {
  const wakeUp = (at: number, tick?: number) => ({ group: 'web', because: '', ref: '', at, tick });

  it('that came before a look began has been served by it, and none that came later', () => {
    expect(isServed(wakeUp(10_000), 12_001)).toBe(true);
    expect(isServed(wakeUp(10_000), 12_000)).toBe(false);
    expect(isServed(wakeUp(10_000), 0)).toBe(false);
    expect(isServed(wakeUp(10_000, 60_000), 12_001)).toBe(false);
  });

  it('is in the lane of its group, whatever characters its name has', () => {
    expect(laneOf('web')).toMatch(/^[0-9a-f]{16}$/u);
    expect(laneOf('we b*')).toMatch(/^[0-9a-f]{16}$/u);
    expect(laneOf('web')).not.toBe(laneOf('blog'));
  });
});

describe('a look asks for another one, whatever happens,', () => {
  it.each([
    ...(['task', 'incident', 'suspected', 'group-incident', 'promotion-incident', 'outside'] as const),
  ])('while a host or its group has a note: %s', (name) => {
    expect(isUnsettled([primary, secondary(2, { [`hostsync:${name}`]: 'x' })])).toBe(true);
  });

  it('and not otherwise', () => {
    expect(isUnsettled([primary, ...others])).toBe(false);
  });
});
