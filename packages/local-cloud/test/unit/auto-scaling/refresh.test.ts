import {
  type AutoScalingClient,
  CancelInstanceRefreshCommand,
  DescribeInstanceRefreshesCommand,
  StartInstanceRefreshCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { AutoScalingGroupName, hooks, scalingEvents, startGroup } from './sample-group.ts';

describe('an instance refresh', () => {
  const refreshes = async (client: AutoScalingClient) =>
    (await client.send(new DescribeInstanceRefreshesCommand({ AutoScalingGroupName }))).InstanceRefreshes;

  test('replaces every instance, one after the other, and waits for hooks', async () => {
    const { cloud, client, group, one, other, complete, inState, serving } = await startGroup({
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
    const { cloud, client, group, one, other } = await startGroup({}, 2, 10_000);
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
    const { cloud, client, group, one } = await startGroup();
    await cloud.settle();
    group.protect(one.id, true);
    const Preferences = { ScaleInProtectedInstances, MinHealthyPercentage: 0 };
    await client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName, Preferences }));
    await cloud.waitFor(() => group.refreshes[0]?.status === 'Successful', {
      what: 'the end of the refresh',
    });
    await cloud.waitFor(() => one.state === state, { what: state });
  });

  test('is cancelled, and only one is in progress at a time', async () => {
    const { cloud, client, group, one, other } = await startGroup();
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

  const told = (cloud: Parameters<typeof scalingEvents>[0]) =>
    scalingEvents(cloud)
      .filter((event) => event['detail-type'].includes('Instance Refresh'))
      .map(({ 'detail-type': type, detail }) => [
        type.replace('EC2 Auto Scaling Instance Refresh ', ''),
        detail,
      ]);

  test('pauses at its checkpoints, ends at the last, and says so by event', async () => {
    const { cloud, client, group } = await startGroup({}, 4, 100);
    await cloud.settle();
    const Preferences = { MinHealthyPercentage: 0, CheckpointPercentages: [25, 50], CheckpointDelay: 60 };
    const { InstanceRefreshId } = await client.send(
      new StartInstanceRefreshCommand({ AutoScalingGroupName, Preferences }),
    );
    await cloud.waitFor(() => group.refreshes[0]?.inProgress === false, { what: 'the end of the refresh' });
    expect(await refreshes(client)).toMatchObject([
      { Status: 'Successful', PercentageComplete: 50, InstancesToUpdate: 2, Preferences },
    ]);
    const ids = { InstanceRefreshId, AutoScalingGroupName };
    const reached = (percentage: string) => [
      'Checkpoint Reached',
      { ...ids, CheckpointPercentage: percentage, CheckpointDelay: '60' },
    ];
    expect(told(cloud)).toEqual([['Started', ids], reached('25'), reached('50'), ['Succeeded', ids]]);
  });

  test.each([
    ['Wait' as const, 'Failed', 'running', 1],
    ['Ignore' as const, 'Successful', 'running', 1],
    ['Terminate' as const, 'Successful', 'terminated', 0],
  ])(
    'takes an instance in standby as its preferences say: %s',
    async (StandbyInstances, status, state, standby) => {
      const { cloud, client, group, one, other } = await startGroup({}, 2, 10_000);
      await cloud.settle();
      await group.enterStandby(one);
      const Preferences = { StandbyInstances, MinHealthyPercentage: 0 };
      await client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName, Preferences }));
      await cloud.waitFor(() => group.refreshes[0]?.inProgress === false, { what: 'the end of the refresh' });
      await cloud.settle();
      expect([group.refreshes[0]?.status, one.state, other.state]).toEqual([status, state, 'terminated']);
      const inStandby = group.instances().filter((each) => each.state === 'Standby');
      expect([inStandby.length, group.desiredCapacity]).toEqual([standby, 1]);
    },
  );

  test('is cancelled without waiting for what is being replaced, when asked so', async () => {
    const { cloud, client, group, one, other, complete, inState } = await startGroup({ hooks: [hooks[0]] });
    for (const instance of [one, other]) {
      await inState(instance, 'Pending:Wait');
      await complete(instance, 'launched');
      await inState(instance, 'InService');
    }
    await client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName }));
    const waits = () => group.instances().some(({ state }) => state === 'Pending:Wait');
    await cloud.waitFor(waits, { what: 'a replacement' });
    await client.send(
      new CancelInstanceRefreshCommand({ AutoScalingGroupName, WaitForTransitioningInstances: false }),
    );
    expect(group.refreshes[0]?.status).toBe('Cancelled');
    expect(told(cloud).map(([what]) => what)).toEqual(['Started', 'Cancelled']);
  });

  test('takes only checkpoints in ascending order', async () => {
    const { cloud, client } = await startGroup();
    await cloud.settle();
    const Preferences = { CheckpointPercentages: [40, 20] };
    await expect(
      client.send(new StartInstanceRefreshCommand({ AutoScalingGroupName, Preferences })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
  });
});
