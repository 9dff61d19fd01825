import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CreateTagsCommand, DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it, vi } from 'vitest';
import { agent, healthyGroup, instance, instanceId, primaryTags } from '../core/fixtures.ts';
import { lambdaContext } from './lambda-context.ts';

for (const [name, value] of Object.entries({
  HOSTSYNC_PUSH_DOCUMENT: 'push-document',
  HOSTSYNC_JOIN_DOCUMENT: 'join-document',
  HOSTSYNC_PROMOTE_DOCUMENT: 'promote-document',
  HOSTSYNC_LEAVE_DOCUMENT: 'leave-document',
  HOSTSYNC_RESCUE_DOCUMENT: 'rescue-document',
  HOSTSYNC_PROBE_DOCUMENT: 'probe-document',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
  AWS_REGION: 'us-east-1',
  POWERTOOLS_DEV: 'true',
  POWERTOOLS_LOG_LEVEL: 'SILENT',
}))
  vi.stubEnv(name, value);
const { handler } = await import('../../../functions/instance-launch/handler.ts');
const { handler: termination } = await import('../../../functions/instance-termination/handler.ts');

const ec2 = mockClient(EC2Client);
const ssm = mockClient(SSMClient);
const autoScaling = mockClient(AutoScalingClient);
const command = '01234567-89ab-cdef-0123-456789abcdef';

beforeEach(() => {
  for (const client of [ec2, ssm, autoScaling]) client.reset();
  vi.spyOn(console, 'log').mockImplementation(() => {});
  const { instances, agents } = healthyGroup();
  const newcomers = [instance(4, { 'hostsync:group': 'web' }), instance(5, { 'hostsync:group': 'web' })];
  ec2.on(DescribeInstancesCommand).resolves({
    Reservations: [
      {
        Instances: [...instances, ...newcomers].map(({ id, address, tags }) => ({
          ...{
            InstanceId: id,
            State: { Name: 'running' },
            ...(address !== undefined && { PrivateIpAddress: address }),
          },
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        })),
      },
    ],
  });
  ssm.on(DescribeInstanceInformationCommand).resolves({
    InstanceInformationList: [...agents, agent(4), agent(5)].map(({ id }) => ({
      InstanceId: id,
      PingStatus: 'Online',
    })),
  });
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: command } });
});

const running = {
  source: 'aws.ec2',
  'detail-type': 'EC2 Instance State-change Notification',
  detail: { 'instance-id': instanceId(4), state: 'running' },
};

it('asks all newcomers with one command, and writes down what it asked', async () => {
  await handler(running, lambdaContext);
  expect(ssm.commandCalls(SendCommandCommand).map((call) => call.args[0].input)).toMatchObject([
    { DocumentName: 'join-document', InstanceIds: [instanceId(4), instanceId(5)] },
  ]);
  expect(ec2.commandCalls(CreateTagsCommand).map((call) => call.args[0].input)).toEqual([
    { Resources: [instanceId(4), instanceId(5)], Tags: [{ Key: 'hostsync:state', Value: 'joining' }] },
    {
      Resources: [instanceId(4), instanceId(5)],
      Tags: [{ Key: 'hostsync:task', Value: expect.stringMatching(`^join 1 [0-9a-f]{16} ${command} `) }],
    },
  ]);
});

it('is not kept from the others by one that SSM does not know', async () => {
  const unknown = Object.assign(new Error('unknown'), { name: 'InvalidInstanceId' });
  ssm.on(SendCommandCommand, { InstanceIds: [instanceId(4), instanceId(5)] }).rejects(unknown);
  ssm.on(SendCommandCommand, { InstanceIds: [instanceId(4)] }).rejects(unknown);
  await expect(handler(running, lambdaContext)).rejects.toThrow('join failed');
  const tagged = ec2.commandCalls(CreateTagsCommand).flatMap((call) => call.args[0].input.Resources ?? []);
  expect(tagged).toEqual([instanceId(5), instanceId(5)]);
});

it('leaves what is not its work to others: termination sends no command', async () => {
  await termination(running, lambdaContext);
  expect(ssm.commandCalls(SendCommandCommand).length).toBe(0);
});

it('does nothing for an event of another kind', async () => {
  await handler({ source: 'aws.ec2', 'detail-type': 'EC2 Instance Rebalance Recommendation' }, lambdaContext);
  expect(ec2.calls().length).toBe(0);
});

it('lets an error out, so that Lambda tries again', async () => {
  ec2.on(DescribeInstancesCommand).rejects(new Error('UnauthorizedOperation'));
  await expect(handler(running, lambdaContext)).rejects.toThrow('UnauthorizedOperation');
});

it('one group in trouble does not keep another from its newcomers', async () => {
  const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
  ssm.on(SendCommandCommand, { InstanceIds: [instanceId(5)] }).rejects(denied);
  const { instances } = healthyGroup();
  const blog = {
    'hostsync:group': 'blog',
    'hostsync:promoted': `1 ${instanceId(6)}`,
    'hostsync:secondaries': '',
  };
  const all = [
    ...[...instances, instance(6, { ...primaryTags, ...blog })],
    ...[instance(5, { 'hostsync:group': 'blog' }), instance(4, { 'hostsync:group': 'web' })],
  ];
  ssm.on(DescribeInstanceInformationCommand).resolves({
    InstanceInformationList: all.map(({ id }) => ({ InstanceId: id, PingStatus: 'Online' })),
  });
  ec2.on(DescribeInstancesCommand).resolves({
    Reservations: [
      {
        Instances: all.map(({ id, address, tags }) => ({
          ...{
            InstanceId: id,
            State: { Name: 'running' },
            ...(address !== undefined && { PrivateIpAddress: address }),
          },
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        })),
      },
    ],
  });
  await expect(handler(running, lambdaContext)).rejects.toThrow('group blog: join failed');
  expect(
    ssm.commandCalls(SendCommandCommand, { DocumentName: 'join-document', InstanceIds: [instanceId(4)] })
      .length,
  ).toBe(1);
});
