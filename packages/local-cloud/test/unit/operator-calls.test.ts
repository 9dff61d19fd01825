import { AutoScalingClient, SetDesiredCapacityCommand } from '@aws-sdk/client-auto-scaling';
import { StopInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import { GetCommandInvocationCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { expect, test } from 'vitest';
import { clientsOf, sampleCloud } from './sample-cloud.ts';

// What an operator, or a program of his, does to hosts through AWS's own calls.
test('instances are stopped and terminated, and the answer comes before they are', async () => {
  const cloud = await sampleCloud();
  const { ec2 } = clientsOf(cloud);
  const [one, other] = await Promise.all([cloud.launch(), cloud.launch()]);
  const InstanceIds = [one.id];
  const { StoppingInstances } = await ec2.send(new StopInstancesCommand({ InstanceIds, Force: true }));
  expect(StoppingInstances).toMatchObject([
    { InstanceId: one.id, PreviousState: { Name: 'running' }, CurrentState: { Name: 'stopping', Code: 64 } },
  ]);
  await cloud.waitFor(() => one.state === 'stopped', { what: 'stopped' });
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [one.id, other.id] }));
  await cloud.waitFor(() => [one, other].every(({ state }) => state === 'terminated'), {
    what: 'terminated',
  });
  await expect(ec2.send(new StopInstancesCommand({ InstanceIds }))).rejects.toMatchObject({
    name: 'IncorrectInstanceState',
  });
});

test('the desired capacity of a group is set, up and down', async () => {
  const cloud = await sampleCloud();
  const client = new AutoScalingClient(cloud.clientConfig());
  const group = cloud.createAutoScalingGroup({ name: 'web' });
  const set = (DesiredCapacity: number) =>
    client.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'web', DesiredCapacity }));
  const inService = (count: number) => () =>
    group.instances().filter(({ state }) => state === 'InService').length === count;
  await set(2);
  await cloud.waitFor(inService(2), { what: 'two in service' });
  await set(1);
  await cloud.waitFor(() => inService(1)() && group.instances().length === 1, { what: 'one left' });
  await expect(
    client.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'blog', DesiredCapacity: 1 })),
  ).rejects.toMatchObject({ name: 'ValidationError' });
});

test('AWS-RunShellScript runs lines on a host', async () => {
  const cloud = await sampleCloud();
  const { ssm } = clientsOf(cloud);
  const { id } = await cloud.launch();
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      InstanceIds: [id],
      Parameters: { commands: ['word=hello', 'echo "$word there"'], executionTimeout: ['60'] },
    }),
  );
  await cloud.settle();
  const invocation = { CommandId: Command?.CommandId ?? '', InstanceId: id };
  expect(await ssm.send(new GetCommandInvocationCommand(invocation))).toMatchObject({
    Status: 'Success',
    StandardOutputContent: 'hello there\n',
  });
});

test('a pattern is tried on an event, and a bad one is refused', async () => {
  const cloud = await sampleCloud();
  const { events } = clientsOf(cloud);
  const Event = JSON.stringify({
    id: '1',
    'detail-type': 'x',
    source: 'a',
    account: '1',
    time: '2026-01-01T00:00:00Z',
    region: 'eu-west-1',
    resources: [],
    detail: { state: 'running' },
  });
  const test = (pattern: unknown) =>
    events.send(new TestEventPatternCommand({ EventPattern: JSON.stringify(pattern), Event }));
  expect((await test({ detail: { state: ['running'] } })).Result).toBe(true);
  expect((await test({ detail: { state: ['stopped'] } })).Result).toBe(false);
  await expect(test({ $or: [] })).rejects.toMatchObject({ name: 'InvalidEventPatternException' });
});
