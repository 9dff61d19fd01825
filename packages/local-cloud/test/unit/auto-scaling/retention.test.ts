import {
  DescribeAutoScalingGroupsCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  SetInstanceProtectionCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { AutoScalingGroupName, hooks, move, startGroup } from './sample-group.ts';

describe('the instance lifecycle policy', () => {
  const policy = { terminateHookAbandon: 'retain' as const };
  const release = (InstanceId: string, ShouldDecrementDesiredCapacity: boolean) =>
    new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity });

  async function retainOne() {
    const started = await startGroup({ hooks: [hooks[1]], ...policy });
    await started.cloud.settle();
    await started.group.scaleIn(started.one);
    await started.complete(started.one, 'terminated', 'ABANDON');
    await started.inState(started.one, 'Terminating:Retained');
    return started;
  }

  test('retains again what is released and abandoned again', async () => {
    const { client, group, one, complete, inState } = await retainOne();
    await client.send(release(one.id, false));
    await inState(one, 'Terminating:Wait');
    await complete(one, 'terminated', 'ABANDON');
    await inState(one, 'Terminating:Retained');
    const states = group.instances().find(({ instance }) => instance === one)?.states;
    const passage = ['Terminating', 'Terminating:Wait', 'Terminating:Proceed', 'Terminating:Retained'];
    expect(states?.slice(-8)).toEqual([...passage, ...passage]);
  });

  test('lets nothing be done with what is retained but to release it, or to take it out of the group', async () => {
    const { cloud, client, group, one } = await retainOne();
    const refused = (send: Promise<unknown>) =>
      expect(send).rejects.toMatchObject({ name: 'ValidationError' });
    await refused(client.send(new EnterStandbyCommand(move(one.id, false))));
    await refused(client.send(new DetachInstancesCommand(move(one.id))));
    await refused(
      client.send(
        new SetInstanceProtectionCommand({
          AutoScalingGroupName,
          InstanceIds: [one.id],
          ProtectedFromScaleIn: true,
        }),
      ),
    );
    await client.send(new DetachInstancesCommand(move(one.id, false)));
    await cloud.settle();
    expect([one.state, one.tags, group.desiredCapacity, group.instances().length]).toEqual([
      'running',
      { team: 'web' },
      1,
      1,
    ]);
  });

  test('keeps a group from being deleted by force, until it is another', async () => {
    const { cloud, group, one } = await retainOne();
    await expect(group.delete()).rejects.toThrow("setTerminateHookAbandon('terminate')");
    group.setTerminateHookAbandon('terminate');
    await group.delete();
    await cloud.settle();
    expect(one.state).toBe('terminated');
  });

  test('retains what was to go back to the warm pool, as what is terminated there', async () => {
    const { group, one, other, complete, inState } = await startGroup({
      hooks: [hooks[1]],
      warmPool: true,
      ...policy,
    });
    await inState(one, 'InService');
    await inState(other, 'InService');
    await group.returnToWarmPool(one);
    await complete(one, 'terminated', 'ABANDON');
    await inState(one, 'Warmed:Pending:Retained');
    await group.terminateInstance(one);
    await inState(one, 'Warmed:Terminating:Wait');
    await complete(one, 'terminated', 'ABANDON');
    await inState(one, 'Warmed:Terminating:Retained');
    expect(one.state).toBe('running');
  });

  test.each(['ABANDON', 'a time-out with the default ABANDON'])(
    'retains on %s, until it is released',
    async (how) => {
      const timeScale = how === 'ABANDON' ? 1 : 1000;
      const { cloud, client, group, one, complete, inState, described } = await startGroup(
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
      // As on AWS: it does not count, and its hook is asked once more
      await expect(client.send(release(one.id, true))).rejects.toMatchObject({ name: 'ValidationError' });
      await client.send(release(one.id, false));
      await inState(one, 'Terminating:Wait');
      await complete(one, 'terminated');
      await inState(one, undefined);
      await cloud.settle();
      expect([one.state, group.stateOf(one), group.desiredCapacity]).toEqual(['terminated', undefined, 1]);
    },
  );

  test('does not retain what was completed with CONTINUE', async () => {
    const { cloud, group, one, complete } = await startGroup({ hooks: [hooks[1]], ...policy });
    await cloud.settle();
    await group.scaleIn(one);
    await complete(one, 'terminated');
    await cloud.waitFor(() => one.state === 'terminated', { what: 'its end' });
  });

  test('that a group does not have retains nothing', async () => {
    const { cloud, group, one, complete } = await startGroup({ hooks: [hooks[1]] });
    await cloud.settle();
    await group.scaleIn(one);
    await complete(one, 'terminated', 'ABANDON');
    await cloud.waitFor(() => one.state === 'terminated', { what: 'its end' });
  });
});
