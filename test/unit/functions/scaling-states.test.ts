import type { AutoScalingGroup, LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeService, startFakeService } from './fake-service.ts';

// What Auto Scaling takes out of service without ending it still exists, and may hold what nobody else has.

let service: FakeService;
let close: (() => Promise<void>) | undefined;
beforeAll(async () => {
  [service, close] = await startFakeService();
});
afterAll(() => close?.());

let groups = 0;

/** A group of three that Auto Scaling has launched and that has joined; the first is the primary. */
async function startScaled(): Promise<readonly [AutoScalingGroup, LocalInstance, readonly LocalInstance[]]> {
  groups += 1;
  const group = service.cloud.createAutoScalingGroup({
    name: `scaled-${groups}`,
    tags: { 'hostsync:group': `scaled-${groups}` },
    hooks: [
      { name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 7200 },
      { name: 'hostsync-terminate', transition: 'terminating', heartbeatTimeout: 7200 },
    ],
    terminateHookAbandon: 'retain',
  });
  const [primary, ...others] = await group.scaleOut(3);
  if (primary === undefined) throw new Error('fixture');
  primary.setTags({ 'hostsync:primary': '1', 'hostsync:directories': '/srv/uploads' });
  await ticksUntil(() => group.instances().every(({ state }) => state === 'InService'), 'in service');
  return [group, primary, others];
}

async function ticksUntil(isReached: () => boolean, what: string): Promise<void> {
  for (let tick = 0; tick < 10; tick += 1) {
    expect(await service.tick()).toEqual([]);
    if (isReached()) return;
  }
  throw new Error(`not ${what}`);
}

const isMember = ({ tags }: LocalInstance) => tags['hostsync:state'] === 'in-sync';
const pushes = (primary: LocalInstance) =>
  service.cloud.commands(({ comment, invocations }) => {
    return (
      comment.startsWith('hostsync push') && invocations.some(({ instanceId }) => instanceId === primary.id)
    );
  }).length;

describe('a secondary', () => {
  it('in standby is pushed to, and let into service at once when it comes back', async () => {
    const [group, primary, [one]] = await startScaled();
    if (one === undefined) throw new Error('fixture');
    await group.enterStandby(one);
    await service.tick();
    expect([isMember(one), primary.tags['hostsync:secondaries-2']]).toEqual([
      true,
      expect.stringContaining(one.id),
    ]);
    await group.exitStandby(one);
    await ticksUntil(() => group.stateOf(one) === 'InService', 'back in service');
    expect(group.instances().map(({ instance }) => instance.state)).toEqual([
      'running',
      'running',
      'running',
    ]);
  });

  it('that is detached is a host like any other, and joins the group anew when it is attached', async () => {
    const [group, , [one]] = await startScaled();
    if (one === undefined) throw new Error('fixture');
    await group.detach(one);
    await service.tick();
    expect(isMember(one)).toBe(true);
    await group.attach(one);
    await ticksUntil(() => group.stateOf(one) === 'InService', 'attached');
  });
});

describe('a primary', () => {
  it.each(['standby', 'detached'] as const)('that is %s stays the primary, and pushes on', async (how) => {
    const [group, primary] = await startScaled();
    await (how === 'standby' ? group.enterStandby(primary) : group.detach(primary));
    const before = pushes(primary);
    await service.tick();
    await service.tick();
    expect([primary.tags['hostsync:primary'], pushes(primary)]).toEqual(['1', before + 2]);
  });

  it('that waits to be terminated is kept from it for longer than its hook waits, and hands over when it can', async () => {
    const [group, primary, others] = await startScaled();
    primary.setTags({ 'hostsync:paused': 'as long as a last push of a large file would take' });
    await group.terminateInstance(primary);
    for (let tick = 0; tick < 10; tick += 1) await service.tick();
    // Each starts its time-out anew
    const heartbeats = service.cloud.calls(
      ({ operation, input }) =>
        operation === 'RecordLifecycleActionHeartbeat' && JSON.stringify(input).includes(primary.id),
    );
    expect(heartbeats.length).toBeGreaterThanOrEqual(10);
    expect(group.stateOf(primary)).toBe('Terminating:Wait');
    primary.deleteTags('hostsync:paused');
    await ticksUntil(() => primary.state === 'terminated', 'terminated, after it has handed over');
    expect(others.map(({ tags }) => tags['hostsync:primary'])).toContain('2');
  });

  it('that is retained hands over, and gives what it holds before it is released', async () => {
    const [group, primary, others] = await startScaled();
    primary.setTags({ 'hostsync:paused': 'nothing is to be done while the hook holds it' });
    await group.terminateInstance(primary);
    await service.tick();
    group.findAction('hostsync-terminate', { instanceId: primary.id })?.complete('ABANDON');
    await service.cloud.waitFor(() => group.stateOf(primary) === 'Terminating:Retained', {
      what: 'retention',
    });
    primary.deleteTags('hostsync:paused');
    const promoted = () => others.find(({ tags }) => tags['hostsync:primary'] === '2');
    await ticksUntil(
      () => promoted() !== undefined && primary.tags['hostsync:primary'] === undefined,
      'handed over',
    );
    await ticksUntil(() => !('hostsync:state' in primary.tags), 'rescued');
    const rescues = service.cloud.commands({ comment: `hostsync rescue, group scaled-${groups}` });
    expect(rescues).toHaveLength(1);
    await ticksUntil(() => primary.state === 'terminated', 'released');
    expect(others.filter(isMember).length).toBe(1);
  });
});
