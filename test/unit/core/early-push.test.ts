import { expect, it } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/model/observation.ts';
import { earlyPushReason } from '../../../shared/core/push/early-push.ts';
import { planPush } from '../../../shared/core/push/plan-push.ts';
import { agent, healthyGroup, instanceId } from './fixtures.ts';

type Tags = Readonly<Record<string, string | undefined>>;

/** What a tick would do for the healthy group, with these tags set on, or (undefined) taken from, its hosts in order. */
function plan(...tags: readonly Tags[]) {
  const members = healthyGroup().instances.map((each, index): ObservedInstance => {
    const all = Object.entries({ ...each.tags, ...tags[index] });
    return {
      ...each,
      tags: Object.fromEntries(all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
    };
  });
  return planPush({ instances: members, agents: members.map((_each, index) => agent(index + 1)) });
}

const primary = instanceId(1);
const whole = plan();

it.each([
  ['is not pushed where nothing has changed', whole, undefined],
  ['is pushed where it was paused', plan({ 'hostsync:paused': 'x' }), `${primary} can push now, at epoch 1`],
  [
    'is pushed where it had no primary',
    plan({ 'hostsync:primary': undefined }),
    `${primary} can push now, at epoch 1`,
  ],
  ['is pushed at another epoch', plan({ 'hostsync:primary': '7' }), `${primary} can push now, at epoch 1`],
  [
    'is pushed where a secondary has become ready',
    plan({}, { 'hostsync:state': 'joining' }),
    `${primary} can push to ${instanceId(2)} now`,
  ],
  [
    'is pushed where it was nobody',
    planPush({ instances: [], agents: [] }),
    `${primary} can push now, at epoch 1`,
  ],
])('a group %s', (_name, before, reason) => {
  expect(earlyPushReason('web', before, whole)).toBe(reason);
});

it.each([
  ['was paused', plan({ 'hostsync:paused': 'x' })],
  ['lost a secondary', plan({}, { 'hostsync:state': 'quarantined' })],
])('a group that %s meanwhile waits for its next tick', (_name, after) => {
  expect(earlyPushReason('web', whole, after)).toBe(undefined);
});

it('what became ready in another group is that group’s', () => {
  expect(earlyPushReason('shop', planPush({ instances: [], agents: [] }), whole)).toBe(undefined);
});
