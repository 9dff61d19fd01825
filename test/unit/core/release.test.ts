import { describe, expect, it } from 'vitest';
import type {
  ObservedCommand,
  ObservedPush,
  PromotionObservation,
} from '../../../shared/core/model/observation.ts';
import { planInstall } from '../../../shared/core/model/release.ts';
import { formatTask, type TaskStep } from '../../../shared/core/model/task.ts';
import { agent, instance, instanceId, primaryTags, secondaryTags } from './fixtures.ts';

const commandId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const answer = (error: string) => [{ kind: 'error', error, message: '' }] as const;
const command = (number: number, host: number, error = 'other-release'): ObservedCommand => ({
  command: commandId(number),
  instance: instanceId(host),
  status: 'failed',
  detail: 'Failed',
  lines: answer(error),
});
const push = (host: number, requestedAt: number, error = 'other-release'): ObservedPush => ({
  ...command(9, host, error),
  requestedAt,
});
const task = (step: TaskStep, number: number) => ({
  'hostsync:task': formatTask({ step, pass: 1, digest: '-', command: commandId(number), requestedAt: 0 }),
});

function observed(changes: Partial<PromotionObservation>): PromotionObservation {
  return {
    instances: [1, 2, 3, 4].map((number) => instance(number, number === 1 ? primaryTags : secondaryTags)),
    agents: [1, 2, 3].map((number) => agent(number)),
    commands: [],
    lifecycles: new Map(),
    registers: new Map(),
    statuses: [],
    reachability: [],
    ...changes,
  };
}

describe('the package is installed', () => {
  it('nowhere, while no host says that it lacks the release', () => {
    const commands = [command(1, 2, 'not-ready'), command(2, 3, 'older-epoch')];
    expect(planInstall(observed({ commands }), [push(1, 5, 'not-ready')])).toBeUndefined();
  });

  it('on the host that could not join, which is then asked again, alone', () => {
    const instances = [
      instance(1, primaryTags),
      instance(2, { ...secondaryTags, ...task('join', 1) }),
      instance(3, { ...secondaryTags, ...task('join', 1) }),
    ];
    const plan = planInstall(
      observed({ instances, commands: [command(1, 2), { ...command(1, 3), lines: [] }] }),
      [],
    );
    expect(plan?.waves).toEqual([[instanceId(2)]]);
    expect([...(plan?.tasks ?? [])]).toEqual([[instanceId(2), instanceId(2)]]);
  });

  it('on the primary that could not send a first sync, for both newcomers that wait for it', () => {
    const instances = [
      instance(1, primaryTags),
      instance(2, { ...secondaryTags, ...task('first-sync', 1) }),
      instance(3, { ...secondaryTags, ...task('first-sync', 1) }),
    ];
    const plan = planInstall(observed({ instances, commands: [command(1, 1)] }), []);
    expect(plan?.waves).toEqual([[instanceId(1)]]);
    expect([...(plan?.tasks.keys() ?? [])]).toEqual([instanceId(2), instanceId(3)]);
  });

  it('on every host that is online after a deployment, secondaries first', () => {
    expect(planInstall(observed({}), [push(1, 5), push(1, 4, 'not-ready')])?.waves).toEqual([
      [instanceId(2), instanceId(3)],
      [instanceId(1)],
    ]);
  });

  it('but not for a push that a later one has overtaken, or of a primary that is none any more', () => {
    expect(planInstall(observed({}), [push(1, 4), push(1, 5, 'not-ready')])).toBeUndefined();
    expect(planInstall(observed({}), [push(2, 5)])).toBeUndefined();
  });

  it('on hosts that were to look at a primary and could not', () => {
    const reachability = [
      {
        instance: instanceId(1),
        requestedAt: 0,
        ended: true,
        asked: [],
        answered: [],
        probes: [],
        connection: undefined,
        withoutRelease: [instanceId(3)],
      },
    ];
    expect(planInstall(observed({ reachability }), [])?.waves).toEqual([[instanceId(3)]]);
  });
});
