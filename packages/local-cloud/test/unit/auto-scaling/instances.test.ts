import {
  AttachInstancesCommand,
  DescribeAutoScalingGroupsCommand,
  DetachInstancesCommand,
  EnterStandbyCommand,
  ExitStandbyCommand,
  SetInstanceProtectionCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { AutoScalingGroupName, hooks, move, scalingEvents, startGroup } from './sample-group.ts';

describe('standby', () => {
  test('takes an instance out of service, which runs on, and back through the hooks', async () => {
    const { cloud, client, group, one, complete, inState, described } = await startGroup({ hooks });
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
    const { cloud, client, group, one, serving } = await startGroup();
    await cloud.settle();
    await client.send(new EnterStandbyCommand(move(one.id, false)));
    await cloud.settle();
    expect([serving(), group.instances().length, group.desiredCapacity]).toEqual([2, 3, 2]);
  });

  test('may be protected, and is terminated without another in its place', async () => {
    const { cloud, client, group, one } = await startGroup();
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
    const { cloud, client, group, one, complete, inState, described } = await startGroup({ hooks });
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
    const { cloud, client, group, one, serving } = await startGroup();
    await cloud.settle();
    await client.send(new DetachInstancesCommand(move(one.id, false)));
    await cloud.settle();
    expect([serving(), group.desiredCapacity, one.state]).toEqual([2, 2, 'running']);
  });

  test('what cannot be moved is refused in the words of a caller', async () => {
    const { cloud, client, group, one } = await startGroup();
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

describe('what Auto Scaling says', () => {
  const said = (cloud: Parameters<typeof scalingEvents>[0]) =>
    scalingEvents(cloud)
      .filter(
        ({ detail }) => 'Description' in detail && !String(detail['Description']).startsWith('Launching'),
      )
      .map(({ 'detail-type': type, detail }) => [type, detail['Description'], detail['Cause']]);

  test('of an instance that comes back, or goes without an end: in the answer, and by event', async () => {
    const { cloud, client, group, one } = await startGroup();
    await cloud.settle();
    const words = (verb: string, change: string) =>
      expect.stringMatching(
        `^At 2\\S+Z instance ${one.id} ${verb} in response to a user request, ${change}\\.$`,
      );
    const entered = await client.send(new EnterStandbyCommand(move(one.id)));
    expect(entered.Activities).toMatchObject([
      {
        Description: `Moving EC2 instance to Standby: ${one.id}`,
        StatusCode: 'InProgress',
        Progress: 50,
        Cause: words('was moved to standby', 'shrinking the capacity from 2 to 1'),
      },
    ]);
    const left = await client.send(new ExitStandbyCommand({ AutoScalingGroupName, InstanceIds: [one.id] }));
    expect(left.Activities).toMatchObject([{ StatusCode: 'PreInService', Progress: 30 }]);
    await cloud.waitFor(() => group.stateOf(one) === 'InService', { what: 'service' });
    await client.send(new DetachInstancesCommand(move(one.id)));
    await client.send(new AttachInstancesCommand({ AutoScalingGroupName, InstanceIds: [one.id] }));
    await cloud.settle();
    expect(said(cloud)).toEqual([
      [
        ...['EC2 Instance Launch Successful', `Moving EC2 instance out of Standby: ${one.id}`],
        words('was moved out of standby', 'increasing the capacity from 1 to 2'),
      ],
      [
        ...['EC2 Instance Detach Successful', `Detaching EC2 instance: ${one.id}`],
        words('was detached', 'shrinking the capacity from 2 to 1'),
      ],
      [
        ...['EC2 Instance Launch Successful', `Attaching an existing EC2 instance: ${one.id}`],
        words('was attached', 'increasing the capacity from 1 to 2'),
      ],
    ]);
  });
});

describe('target groups', () => {
  const attached = { targetGroups: ['editors'] };
  const targets = (cloud: Parameters<typeof scalingEvents>[0]) =>
    cloud
      .targetGroup('editors')
      .targets()
      .map(({ instanceId, state }) => [instanceId, state === 'draining']);

  test('hold what is in service, and what leaves is drained before it is in standby', async () => {
    const { cloud, client, group, one, other, inState } = await startGroup(attached, 2, 300);
    await cloud.settle();
    const both = [one.id, other.id].sort();
    expect(
      targets(cloud)
        .map(([id]) => id)
        .sort(),
    ).toEqual(both);
    const groups = await client.send(new DescribeAutoScalingGroupsCommand({}));
    expect(groups.AutoScalingGroups?.[0]?.TargetGroupARNs).toEqual([cloud.targetGroup('editors').arn]);
    await group.enterStandby(one);
    expect(group.stateOf(one)).toBe('EnteringStandby');
    expect(targets(cloud)).toContainEqual([one.id, true]);
    await inState(one, 'Standby');
    expect(targets(cloud)).toEqual([[other.id, false]]);
    await group.exitStandby(one);
    await inState(one, 'InService');
    expect(targets(cloud).length).toBe(2);
  });

  test.each(['detached', 'terminated'] as const)('an instance that is %s is drained first', async (how) => {
    const { cloud, group, one, other, inState, described } = await startGroup(
      { ...attached, hooks: [hooks[1]] },
      2,
      300,
    );
    await cloud.settle();
    if (how === 'detached') await group.detach(one);
    else await group.scaleIn(one);
    expect(group.stateOf(one)).toBe(how === 'detached' ? 'Detaching' : 'Terminating');
    expect(scalingEvents(cloud).map((event) => event['detail-type'])).not.toContain(
      'EC2 Instance-terminate Lifecycle Action',
    );
    await inState(one, how === 'detached' ? undefined : 'Terminating:Wait');
    expect(targets(cloud)).toEqual([[other.id, false]]);
    expect([one.state, await described(one)]).toEqual([
      'running',
      how === 'detached' ? undefined : 'Terminating:Wait',
    ]);
  });

  test('that are not there are refused', async () => {
    await expect(startGroup({ targetGroups: ['nobody'] })).rejects.toThrow('there is no target group nobody');
  });
});
