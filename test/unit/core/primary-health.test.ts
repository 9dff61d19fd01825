import { describe, expect, it } from 'vitest';
import type { ObservedReachability, PromotionObservation } from '../../../shared/core/model/observation.ts';
import { assessPrimary, probeVerdict } from '../../../shared/core/succession/primary-health.ts';
import { agent, closeLook, instance, instanceId, primaryTags } from './fixtures.ts';

const id = instanceId(1);
const well: PromotionObservation = {
  instances: [],
  agents: [agent(1)],
  lifecycles: new Map(),
  commands: [],
  registers: new Map(),
  statuses: [{ id, ok: true, detail: 'system ok, instance ok' }],
  reachability: [],
};
const impaired = { statuses: [{ id, ok: false, detail: 'system ok, instance impaired' }] };
const offline = { agents: [agent(1, false)] };
const assess = (
  seen: Partial<PromotionObservation>,
  tags: Readonly<Record<string, string>> = {},
  state = 'running',
) => assessPrimary(instance(1, { ...primaryTags, ...tags }, state), { ...well, ...seen });
const leaving = (why: string, target = 'any', byOperator = false) => ({
  kind: 'leaving',
  why,
  target,
  byOperator,
});
const suspected = (...signs: readonly string[]) => ({ kind: 'suspected', signs });
const scaledIn = (state: string) => ({ lifecycles: new Map([[id, { id, autoScalingGroup: 'asg', state }]]) });

describe('a primary is', () => {
  it.each([
    ['well', assess({}), { kind: 'well' }],
    ['well while it starts', assess(offline, {}, 'pending'), { kind: 'well' }],
    ['gone: stopping', assess({}, {}, 'stopping'), { kind: 'gone', why: `EC2 has ${id} stopping` }],
    ['gone: stopped', assess(offline, {}, 'stopped'), { kind: 'gone', why: `EC2 has ${id} stopped` }],
    [
      'gone: terminated',
      assess({}, {}, 'shutting-down'),
      { kind: 'gone', why: `EC2 has ${id} shutting-down` },
    ],
    [
      'gone, whatever was asked of it',
      assess({}, { 'hostsync:switchover': 'any' }, 'stopped'),
      { kind: 'gone', why: `EC2 has ${id} stopped` },
    ],
    [
      'to hand over to a certain host',
      assess({}, { 'hostsync:switchover': ` ${instanceId(3)} ` }),
      leaving('the tag hostsync:switchover asks for it', instanceId(3), true),
    ],
    [
      'to hand over, asked with an empty tag',
      assess({}, { 'hostsync:switchover': '' }),
      leaving('the tag hostsync:switchover asks for it', 'any', true),
    ],
    [
      'taken away: spot',
      assess({}, { 'hostsync:switchover': 'any spot interruption: EC2 will stop it' }),
      leaving('spot interruption: EC2 will stop it'),
    ],
    ['scaled in', assess(scaledIn('Terminating:Wait')), leaving('Auto Scaling has it Terminating:Wait')],
    ['in service', assess(scaledIn('InService')), { kind: 'well' }],
    [
      'suspected: status checks',
      assess(impaired),
      suspected('EC2 status checks: system ok, instance impaired'),
    ],
    ['suspected: agent', assess(offline), suspected('its SSM agent is not online')],
    ['suspected: unknown to SSM', assess({ agents: [] }), suspected('its SSM agent is not online')],
    [
      'suspected: pushes',
      assess({}, { 'hostsync:group-incident': 'push-failed/2026-11-22T10:00:30.049Z/1' }),
      suspected('its pushes do not come to an end'),
    ],
    // Nothing can be handed over without the agent: a request must not keep a dead primary from being replaced
    [
      'suspected, though it is to hand over',
      assess(offline, { 'hostsync:switchover': 'any' }),
      suspected('its SSM agent is not online'),
    ],
    [
      'suspected, though it is scaled in',
      assess({ ...offline, ...scaledIn('Terminating:Wait') }),
      suspected('its SSM agent is not online'),
    ],
  ])('%s', (_name, health, expected) => {
    expect(health).toEqual(expected);
  });
});

type Connection = ObservedReachability['connection'];

describe('a suspected primary is dead only if nobody sees anything of it', () => {
  const no = (by: number) => ({ by: instanceId(by), reached: false, message: 'timed out' });
  const yes = (by: number) => ({ by: instanceId(by), reached: true, message: 'ok' });
  const look = (
    probes: readonly ReturnType<typeof no>[],
    secondaries: number,
    connection: Connection = 'not connected',
    seen: Partial<PromotionObservation> = impaired,
  ) =>
    probeVerdict(
      instance(1, primaryTags),
      { ...well, ...seen },
      [closeLook(id, probes, { connection })],
      secondaries,
    ).verdict;

  it.each([
    ['two secondaries, SSM and EC2 agree', look([no(2), no(3)], 3), 'dead'],
    ['EC2 alone keeps it alive', look([no(2), no(3)], 3, 'not connected', {}), 'alive'],
    ['SSM alone keeps it alive', look([no(2), no(3)], 3, 'connected'), 'alive'],
    ['one secondary alone keeps it alive', look([no(2), no(3), yes(4)], 3), 'alive'],
    ['one that answers of several is not enough', look([no(2)], 3), 'unknown'],
    ['there is only one, and it agrees', look([no(2)], 1), 'dead'],
    ['there is only one, and it sees it', look([yes(2)], 1), 'alive'],
    ['there is none', look([], 0), 'unknown'],
    ['SSM does not tell, and all others agree', look([no(2), no(3)], 3, { unknown: 'denied' }), 'dead'],
    [
      'SSM does not tell, and one secondary sees it',
      look([no(2), yes(3)], 3, { unknown: 'denied' }),
      'alive',
    ],
    ['nobody answers', look([], 3), 'unknown'],
    [
      'EC2 shows nothing of it, and all others agree',
      look([no(2), no(3)], 2, 'not connected', { statuses: [] }),
      'dead',
    ],
  ])('%s', (_name, verdict, expected) => {
    expect(verdict).toBe(expected);
  });

  it('and the event says what was seen by whom', () => {
    const reachability = [closeLook(id, [no(2), yes(3)])];
    expect(probeVerdict(instance(1, primaryTags), { ...well, ...impaired }, reachability, 2).seen).toEqual([
      'EC2 status checks: system ok, instance impaired',
      'SSM channel: not connected',
      `${instanceId(2)}: did not reach it: timed out`,
      `${instanceId(3)}: reached it`,
    ]);
  });
});
