import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPrimary } from '../../../shared/core/primary.ts';
import { promotionBlocker } from '../../../shared/core/promotion-blocker.ts';
import { instanceId } from './fixtures.ts';
import { Run, SimulatedFailover, settle, tickOf } from './simulated-failover.ts';

const [first, second, third, fourth] = [1, 2, 3, 4].map(instanceId) as [string, string, string, string];

/** A group of so many hosts that has been well for a while, with files that all of them have. */
function wellGroup(hosts: number, settings: ConstructorParameters<typeof SimulatedFailover>[1] = {}) {
  const group = new SimulatedFailover(hosts, settings);
  settle(group);
  group.upload();
  settle(group);
  return group;
}

it('a new group gets its primary from the tags alone, and all others get the files', () => {
  const group = wellGroup(3);
  expect(group.primary()?.id).toBe(first);
  expect(group.told).toEqual([]);
  for (const id of [second, third]) expect([...group.host(id).files]).toEqual(['file-1']);
});

/** What a user can meet. The group has four hosts and is well before. */
const scenarios: Readonly<Record<string, (group: SimulatedFailover) => void>> = {
  'the primary is stopped': (group) => group.stop(first),
  'the primary is terminated': (group) => group.terminate(first),
  'the primary hangs': (group) => group.hang(first),
  'a switchover to a certain host': (group) => group.tag(first, { 'hostsync:switchover': third }),
  'a switchover to any host': (group) => group.tag(first, { 'hostsync:switchover': 'any' }),
  'a spot interruption': (group) =>
    group.tag(first, { 'hostsync:switchover': 'any spot interruption: EC2 will terminate it' }),
  'scale-in of the primary': (group) =>
    group.lifecycles.set(first, { id: first, autoScalingGroup: 'asg', state: 'Terminating:Wait' }),
  'a hand sets a higher epoch elsewhere': (group) =>
    group.tag(third, { 'hostsync:primary': '2', 'hostsync:directories': '/srv/uploads' }),
  'a hand moves the tags': (group) => {
    group.untag(first, ['hostsync:primary', 'hostsync:directories']);
    group.tag(third, { 'hostsync:primary': '1', 'hostsync:directories': '/srv/uploads' });
  },
  'a hand moves the tags wholesale': (group) => {
    const all = Object.fromEntries(
      Object.entries(group.tags(first)).filter(([key]) => key !== 'hostsync:group'),
    );
    group.untag(first, Object.keys(all));
    group.tag(third, all);
  },
};

/** Uploads that nobody has pushed yet; then it happens; then its host comes back, if it is there. */
function play(scenario: (group: SimulatedFailover) => void, cut?: number, group = wellGroup(4)) {
  group.upload();
  scenario(group);
  if (cut !== undefined) {
    // One function is killed after so many steps, whatever it was at; the next tick goes on
    let left = cut;
    for (let round = 0; round < 40 && left > 0; round++) {
      for (const kind of ['promotion', 'membership', 'push'] as const) {
        const run = new Run(group, kind, tickOf(group));
        for (let step = 0; step < 60 && left > 0; step++) {
          run.step();
          left -= 1;
          if (run.quiet && kind !== 'push') break;
          if (run.quiet && step > 3) break;
        }
      }
      if (left > 0) group.advance(20);
    }
    group.advance(20);
  }
  settle(group);
  group.recover(first);
  settle(group);
  return group;
}

describe.each(Object.entries(scenarios))('%s', (_name, scenario) => {
  it('ends with one primary that all follow, nothing lost, and the former one as a secondary', () => {
    const group = play(scenario);
    const primary = group.primary();
    expect(primary?.id).not.toBe(first);
    expect(primary?.id).toBeDefined();
    const files = group.hosts.has(first) ? ['file-1', 'file-2'] : ['file-1'];
    for (const [id, host] of group.hosts) {
      expect([id, group.tags(id)['hostsync:state']]).toEqual([
        id,
        id === primary?.id ? undefined : 'in-sync',
      ]);
      expect([id, [...host.files].sort()]).toEqual([id, expect.arrayContaining(['file-1'])]);
      if (group.hosts.has(first) && group.lifecycles.size === 0)
        expect([id, [...host.files].sort()]).toEqual([id, files]);
    }
    expect(group.told.filter(({ type }) => type === 'Primary Promoted').length).toBe(1);
  });

  it('comes to the same end wherever the function is killed', { timeout: 60_000 }, () => {
    const whole = play(scenario).end();
    for (let cut = 1; cut < 60; cut++) expect([cut, play(scenario, cut).end()]).toEqual([cut, whole]);
  });
});
