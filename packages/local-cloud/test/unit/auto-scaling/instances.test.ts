import {
  AttachInstancesCommand,
  AutoScalingClient,
  CancelInstanceRefreshCommand,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  ExitStandbyCommand,
  SetInstanceProtectionCommand,
  StartInstanceRefreshCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import type { AutoScalingGroupOptions, LocalInstance } from '../../../src/cloud.ts';
import { sampleCloud } from '../sample-cloud.ts';

const AutoScalingGroupName = 'web';
const hooks = [
  { name: 'launched', transition: 'launching' },
  { name: 'terminated', transition: 'terminating' },
] as const;

async function start(options: Partial<AutoScalingGroupOptions> = {}, size = 2, timeScale = 1) {
  const cloud = await sampleCloud({ timeScale });
  const client = new AutoScalingClient(cloud.clientConfig());
  const group = cloud.createAutoScalingGroup({ name: 'web', tags: { team: 'web' }, ...options });
  const instances = await group.scaleOut(size);
  const complete = (instance: LocalInstance, hook: string, LifecycleActionResult = 'CONTINUE') =>
    client.send(
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName,
        LifecycleHookName: hook,
        InstanceId: instance.id,
        LifecycleActionResult,
      }),
    );
  const inState = (instance: LocalInstance, state: string | undefined) =>
    cloud.waitFor(() => group.stateOf(instance) === state, { what: `${instance.id} ${state}` });
  const serving = () => group.instances().filter(({ state }) => state === 'InService').length;
  const described = async ({ id }: LocalInstance) => {
    const command = new DescribeAutoScalingInstancesCommand({ InstanceIds: [id] });
    return (await client.send(command)).AutoScalingInstances?.[0]?.LifecycleState;
  };
  const [one, other] = instances;
  if (one === undefined || other === undefined) throw new Error('fixture');
  return { cloud, client, group, one, other, complete, inState, serving, described };
}

const move = (InstanceId: string, ShouldDecrementDesiredCapacity = true) => ({
  AutoScalingGroupName,
  InstanceIds: [InstanceId],
  ShouldDecrementDesiredCapacity,
});

describe('standby', () => {
  test('takes an instance out of service, which runs on, and back through the hooks', async () => {
    const { cloud, client, group, one, complete, inState, described } = await start({ hooks });
    await inState(one, 'Pending:Wait');
    for (const { instance } of group.instances()) await complete(instance, 'launched');
    await inState(one, 'InService');
    await client.send(new EnterStandbyCommand(move(one.id)));
    expect(await described(one)).toBe('Standby');
    expect([one.state, group.desiredCapacity]).toEqual(['running', 1]);
    await client.send(new ExitStandbyCommand({ AutoScalingGroupName, InstanceIds: [one.id] }));
    await inState(one, 'Pending:Wait');
    await complete(one, 'launched');
    await inState(one, 'InService');
    expect(group.desiredCapacity).toBe(2);
    await cloud.settle();
  });

  test('with another in its place, when the desired capacity stays', async () => {
    const { cloud, client, group, one, serving } = await start();
    await cloud.settle();
    await client.send(new EnterStandbyCommand(move(one.id, false)));
    await cloud.settle();
    expect([serving(), group.instances().length, group.desiredCapacity]).toEqual([2, 3, 2]);
  });

  test('may be protected, and is terminated without another in its place', async () => {
    const { cloud, client, group, one } = await start();
    await cloud.settle();
    await group.enterStandby(one);
    await client.send(
      new SetInstanceProtectionCommand({
        AutoScalingGroupName,
        InstanceIds: [one.id],
        ProtectedFromScaleIn: true,
      }),
    );
    await group.terminateInstance(one);
    await cloud.settle();
    expect([one.state, group.desiredCapacity]).toEqual(['terminated', 1]);
  });
});

describe('detached and attached', () => {
  test('an instance runs on, without the group, and comes back with its tags and through its hooks', async () => {
    const { cloud, client, group, one, complete, inState, described } = await start({ hooks });
    await inState(one, 'Pending:Wait');
    for (const { instance } of group.instances()) await complete(instance, 'launched');
    await inState(one, 'InService');
    await client.send(new DetachInstancesCommand(move(one.id)));
    expect([one.state, await described(one), one.tags]).toEqual(['running', undefined, { team: 'web' }]);
    one.setTags({ team: 'other', own: 'x' });
    await client.send(new AttachInstancesCommand({ AutoScalingGroupName, InstanceIds: [one.id] }));
    expect(one.tags).toEqual({ team: 'web', own: 'x', 'aws:autoscaling:groupName': 'web' });
    await inState(one, 'Pending:Wait');
    await complete(one, 'launched');
    await inState(one, 'InService');
    expect(group.desiredCapacity).toBe(2);
    await cloud.settle();
  });

  test('with another in its place, when the desired capacity stays', async () => {
    const { cloud, client, group, one, serving } = await start();
    await cloud.settle();
    await client.send(new DetachInstancesCommand(move(one.id, false)));
    await cloud.settle();
    expect([serving(), group.desiredCapacity, one.state]).toEqual([2, 2, 'running']);
  });

  test('what cannot be moved is refused in the words of a caller', async () => {
    const { cloud, client, group, one } = await start();
    await cloud.settle();
    const refused = (send: Promise<unknown>) =>
      expect(send).rejects.toMatchObject({ name: 'ValidationError' });
    await refused(client.send(new ExitStandbyCommand({ AutoScalingGroupName, InstanceIds: [one.id] })));
    await refused(client.send(new AttachInstancesCommand({ AutoScalingGroupName, InstanceIds: [one.id] })));
    await refused(client.send(new EnterStandbyCommand(move('i-0ffffffffffffffff'))));
    await group.detach(one);
    await refused(client.send(new DetachInstancesCommand(move(one.id))));
    await one.stop();
    await refused(client.send(new AttachInstancesCommand({ AutoScalingGroupName, InstanceIds: [one.id] })));
  });
});

describe('the instance lifecycle policy', () => {
  const policy = { terminateHookAbandon: 'retain' as const };

  test.each(['ABANDON', 'a time-out with the default ABANDON'])(
    'retains on %s, until it is released',
    async (how) => {
      const timeScale = how === 'ABANDON' ? 1 : 1000;
      const { cloud, client, group, one, complete, inState, described } = await start(
        { hooks: [hooks[1]], ...policy },
        2,
        timeScale,
      );
      await cloud.settle();
      const groups = await client.send(new DescribeAutoScalingGroupsCommand({}));
      expect(groups.AutoScalingGroups).toMatchObject([
        { InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: 'retain' } } },
      ]);
      await group.scaleIn(one);
      if (how === 'ABANDON') await complete(one, 'terminated', how);
      await inState(one, 'Terminating:Retained');
      await cloud.settle();
      expect([one.state, await described(one), group.desiredCapacity]).toEqual([
        'running',
        'Terminating:Retained',
        1,
      ]);
      await client.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: one.id,
          ShouldDecrementDesiredCapacity: true,
        }),
      );
      await cloud.settle();
      expect([one.state, group.stateOf(one), group.desiredCapacity]).toEqual(['terminated', undefined, 1]);
    },
  );

  test('does not retain what was completed with CONTINUE', async () => {
    const { cloud, group, one, complete } = await start({ hooks: [hooks[1]], ...policy });
    await cloud.settle();
    await group.scaleIn(one);
    await complete(one, 'terminated');
    await cloud.waitFor(() => one.state === 'terminated', { what: 'its end' });
  });

  test('that a group does not have retains nothing', async () => {
    const { cloud, group, one, complete } = await start({ hooks: [hooks[1]] });
    await cloud.settle();
    await group.scaleIn(one);
    await complete(one, 'terminated', 'ABANDON');
    await cloud.waitFor(() => one.state === 'terminated', { what: 'its end' });
  });
});

describe('an instance refresh', () => {
  const refreshes = async (client: AutoScalingClient) =>
    (await client.send(new DescribeInstanceRefreshesCommand({ AutoScalingGroupName }))).InstanceRefreshes;

  test('replaces every instance, one after the other, and waits for hooks', async () => {
    const { cloud, client, group, one, other, complete, inState, serving } = await start({
      hooks: [hooks[0]],
    });
    await inState(one, 'Pending:Wait');
    await inState(other, 'Pending:Wait');
    for (const { instance } of group.instances()) await complete(instance, 'launched');
    await inState(other, 'InService');
    await inState(one, 'InService');
    const inOrder = group.instances().map(({ instance }) => instance);
    const { InstanceRefreshId } = await client.send(
      new StartInstanceRefreshCommand({ AutoScalingGroupName }),
    );
    for (const old of inOrder) {
      await cloud.waitFor(() => old.state === 'terminated', { what: `the end of ${old.id}` });
      expect(serving()).toBe(1);
      const newcomer = () => group.instances().find(({ state }) => state === 'Pending:Wait')?.instance;
      await cloud.waitFor(() => newcomer() !== undefined, { what: 'its replacement' });
      const waiting = newcomer();
      if (waiting !== undefined) await complete(waiting, 'launched');
    }
    await cloud.waitFor(() => group.refreshes[0]?.inProgress === false, { what: 'the end of the refresh' });
    expect(await refreshes(client)).toMatchObject([
      { InstanceRefreshId, Status: 'Successful', PercentageComplete: 100, InstancesToUpdate: 0 },
    ]);
    expect([serving(), group.desiredCapacity]).toEqual([2, 2]);
  });

  test('waits for an instance that is protected from scale-in, and fails after an hour', async () => {
    const { cloud, client, group, one, other } = await start({}, 2, 10_000);
    await cloud.settle();
    group.protect(one.id, true);
    await client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName }));
    await cloud.waitFor(() => group.refreshes[0]?.inProgress === false, { what: 'the end of the refresh' });
    expect([one.state, other.state]).toEqual(['running', 'terminated']);
    expect(await refreshes(client)).toMatchObject([{ Status: 'Failed', InstancesToUpdate: 1 }]);
  });

  test.each([
    ['Ignore' as const, 'running'],
    ['Refresh' as const, 'terminated'],
  ])('takes a protected instance as its preferences say: %s', async (ScaleInProtectedInstances, state) => {
    const { cloud, client, group, one } = await start();
    await cloud.settle();
    group.protect(one.id, true);
    const Preferences = { ScaleInProtectedInstances, MinHealthyPercentage: 0 };
    await client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName, Preferences }));
    await cloud.waitFor(() => group.refreshes[0]?.status === 'Successful', {
      what: 'the end of the refresh',
    });
    expect(one.state).toBe(state);
  });

  test('is cancelled, and only one is in progress at a time', async () => {
    const { cloud, client, group, one, other } = await start();
    await cloud.settle();
    for (const { id } of [one, other]) group.protect(id, true);
    const begin = () => client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName }));
    const cancel = () => client.send(new CancelInstanceRefreshCommand({ AutoScalingGroupName }));
    await expect(cancel()).rejects.toMatchObject({ name: 'ActiveInstanceRefreshNotFoundFault' });
    await begin();
    await expect(begin()).rejects.toMatchObject({ name: 'InstanceRefreshInProgressFault' });
    await cancel();
    await cloud.waitFor(() => group.refreshes[0]?.status === 'Cancelled', { what: 'the end of the refresh' });
    expect([one.state, other.state]).toEqual(['running', 'running']);
  });
});
