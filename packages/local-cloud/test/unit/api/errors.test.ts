import { AutoScalingClient, SetInstanceProtectionCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { ChangeResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetCommandInvocationCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { describe, expect, test } from 'vitest';
import modeled from '../../../src/api/modeled-errors.json' with { type: 'json' };
import type { LocalCloud } from '../../../src/cloud.ts';
import { readModeledErrors } from '../../../tools/modeled-errors.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

test('the table of errors is what the API models have, for every call that is served', async () => {
  expect(modeled).toEqual(readModeledErrors());
  const cloud = await sampleCloud();
  const ofModels = cloud.faults.calls.filter((call) => !call.startsWith('ec2:'));
  expect([...ofModels].sort()).toEqual(Object.keys(modeled).sort());
});

/** One call of each protocol, by an SDK client that tries once. */
const calls: Readonly<Record<string, (cloud: LocalCloud) => Promise<unknown>>> = {
  'ssm:GetCommandInvocation': (cloud) =>
    clientsOf(cloud, undefined, 1).ssm.send(
      new GetCommandInvocationCommand({
        CommandId: '00000000-0000-4000-8000-000000000000',
        InstanceId: 'i-0123456789abcdef0',
      }),
    ),
  'ssm:SendCommand': (cloud) =>
    clientsOf(cloud, undefined, 1).ssm.send(
      new SendCommandCommand({ DocumentName: 'x', InstanceIds: ['i-0123456789abcdef0'] }),
    ),
  'ec2:DescribeInstances': (cloud) =>
    clientsOf(cloud, undefined, 1).ec2.send(new DescribeInstancesCommand({})),
  'autoscaling:SetInstanceProtection': (cloud) =>
    new AutoScalingClient({ ...cloud.clientConfig(), maxAttempts: 1 }).send(
      new SetInstanceProtectionCommand({
        AutoScalingGroupName: 'web',
        InstanceIds: ['i-0123456789abcdef0'],
        ProtectedFromScaleIn: true,
      }),
    ),
  'sns:Publish': (cloud) =>
    new SNSClient({ ...cloud.clientConfig(), maxAttempts: 1 }).send(
      new PublishCommand({ TopicArn: 'x', Message: 'x' }),
    ),
  'route53:ChangeResourceRecordSets': (cloud) =>
    new Route53Client({ ...cloud.clientConfig(), maxAttempts: 1 }).send(
      new ChangeResourceRecordSetsCommand({ HostedZoneId: 'Z1', ChangeBatch: { Changes: [] } }),
    ),
};

describe.each(Object.entries(calls))('%s', (call, send) => {
  test('fails with each error of its model, in its shape', async () => {
    const cloud = await sampleCloud();
    const codes = cloud.faults.errorsOf(call);
    expect(codes.length).toBeGreaterThan(6);
    const names = new Set<unknown>();
    for (const code of codes) {
      const fault = cloud.faults.failCall(call, code, { message: 'as ordered' });
      const error = await send(cloud).catch((reason: unknown) => reason);
      expect(error, code).toBeInstanceOf(Error);
      names.add((error as Error).name);
      expect(fault.struck).toBe(1);
    }
    // The SDK knows each by a name of its own
    expect(names.size).toBe(codes.length);
    cloud.takeProblems();
  });
});

test.each([
  ['ssm:SendCommand', 'InvocationDoesNotExist', 'does not fail with InvocationDoesNotExist on AWS, but with'],
  ['ssm:SendComand', 'InternalServerError', 'the local cloud does not serve ssm:SendComand; it serves'],
  ['ec2:*', 'TagLimitExceeded ', 'does not fail with'],
  ['lambda:Invoke', 'ServiceException', 'does not serve lambda:Invoke'],
])('%s cannot fail with %j', async (call, code, message) => {
  const cloud = await sampleCloud();
  expect(() => cloud.faults.failCall(call, code)).toThrow(message);
});

test('a fault of any call of a service may be what one of them fails with', async () => {
  const cloud = await sampleCloud();
  cloud.faults.failCall('ec2:*', 'TagLimitExceeded');
  await expect(calls['ec2:DescribeInstances']?.(cloud)).rejects.toThrow('a fault of the scenario');
});
