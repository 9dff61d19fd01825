import {
  CreateTagsCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  DescribeInstanceInformationCommand,
  GetParametersByPathCommand,
  ListCommandInvocationsCommand,
  PutParameterCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/observation.ts';
import { healthyGroup, instance, instanceId, mirrored, primaryTags } from '../core/fixtures.ts';
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
  HOSTSYNC_REMIND_AFTER: '21600',
  HOSTSYNC_BEHIND_AFTER: '300',
  HOSTSYNC_OVERRUN_AFTER: '60',
  HOSTSYNC_METRICS_BY_SECONDARY: 'false',
  HOSTSYNC_FAILOVER: 'manual',
  HOSTSYNC_FAILOVER_TICKS: '2',
  HOSTSYNC_PROMOTE_WITHIN: '900',
  HOSTSYNC_COOL_DOWN: '600',
  HOSTSYNC_HOSTED_ZONE: '',
  AWS_REGION: 'us-east-1',
  POWERTOOLS_DEV: 'true',
  POWERTOOLS_LOG_LEVEL: 'SILENT',
}))
  vi.stubEnv(name, value);
const { handler } = await import('../../../functions/primary-failure/handler.ts');

const ec2 = mockClient(EC2Client);
const ssm = mockClient(SSMClient);
const eventBridge = mockClient(EventBridgeClient);
const balancer = mockClient(ElasticLoadBalancingV2Client);
const arn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/editors/0123456789abcdef';

function show(instances: readonly ObservedInstance[]): void {
  const Instances = instances.map(({ id, state, address = '', tags }) => ({
    ...{ InstanceId: id, State: { Name: state as 'running' }, PrivateIpAddress: address },
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  }));
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances }] });
  ssm.on(DescribeInstanceInformationCommand).resolves({
    InstanceInformationList: instances.map(({ id }) => ({ InstanceId: id, PingStatus: 'Online' })),
  });
}
beforeEach(() => {
  for (const client of [ec2, ssm, eventBridge, balancer]) client.reset();
  vi.spyOn(console, 'log').mockImplementation(() => {});
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  ec2.on(DescribeInstanceStatusCommand).callsFake(({ InstanceIds }) => ({
    InstanceStatuses: InstanceIds.map((InstanceId: string) => ({
      ...{ InstanceId, SystemStatus: { Status: 'ok' }, InstanceStatus: { Status: 'ok' } },
    })),
  }));
  ssm.on(GetParametersByPathCommand).resolves({ Parameters: [] });
  ssm.on(ListCommandInvocationsCommand).resolves({ CommandInvocations: [] });
  show(mirrored(healthyGroup().instances));
});

const spot = (id: string) => ({
  ...{ source: 'aws.ec2', 'detail-type': 'EC2 Spot Instance Interruption Warning' },
  // The ARN of this event has the zone where the region belongs
  ...{
    resources: [`arn:aws:ec2:us-east-1b:instance/${id}`],
    detail: { 'instance-id': id, 'instance-action': 'terminate' },
  },
});
const stopping = (id: string) => ({
  ...{ source: 'aws.ec2', 'detail-type': 'EC2 Instance State-change Notification' },
  detail: { 'instance-id': id, state: 'stopping' },
});
const switchovers = () =>
  ec2
    .commandCalls(CreateTagsCommand)
    .map((call) => call.args[0].input)
    .filter(({ Tags = [] }) => Tags.some(({ Key }) => Key === 'hostsync:switchover'));

describe('a spot interruption', () => {
  it('of the primary is written down, for nothing but this one event tells of it', async () => {
    await handler(spot(instanceId(1)), lambdaContext);
    const Value = 'any spot interruption: EC2 will terminate it';
    expect(switchovers()).toEqual([
      { Resources: [instanceId(1)], Tags: [{ Key: 'hostsync:switchover', Value }] },
    ]);
    // A tag takes only these characters. Source: EC2 User Guide, tag restrictions
    expect(Value).toMatch(/^[\p{L}\p{N} _.:/=+\-@]{1,256}$/u);
  });

  it('that comes twice, or after the wish of an operator, is written down once', async () => {
    show(healthyGroup({ 'hostsync:switchover': instanceId(3) }).instances);
    await handler(spot(instanceId(1)), lambdaContext);
    expect(switchovers()).toEqual([]);
  });

  it.each([
    ['a secondary', instanceId(2)],
    ['somebody else’s instance', instanceId(99)],
  ])('of %s changes nothing about the primary', async (_name, id) => {
    await handler(spot(id), lambdaContext);
    expect(switchovers()).toEqual([]);
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(0);
  });

  it('of a former primary does not hand over once more', async () => {
    const promoted = { ...primaryTags, 'hostsync:primary': '2', 'hostsync:promoted': `2 ${instanceId(4)}` };
    show([...healthyGroup().instances, instance(4, promoted)]);
    ssm.on(DescribeInstanceInformationCommand).resolves({
      InstanceInformationList: [{ InstanceId: instanceId(4), PingStatus: 'Online' }],
    });
    await handler(spot(instanceId(1)), lambdaContext);
    expect(switchovers()).toEqual([]);
  });
});

it('an event is only a hint: a primary that EC2 shows running is not replaced', async () => {
  await handler(stopping(instanceId(1)), lambdaContext);
  expect(ssm.commandCalls(PutParameterCommand).length + ssm.commandCalls(SendCommandCommand).length).toBe(0);
});

it('an event of another kind does nothing', async () => {
  await handler({ source: 'aws.ec2', 'detail-type': 'EC2 Instance Rebalance Recommendation' }, lambdaContext);
  expect(ec2.calls().length + ssm.calls().length).toBe(0);
});

it.each(['UnauthorizedOperation', 'RequestLimitExceeded'])(
  '%s leaves the function, so that Lambda tries again: it is never taken for a primary that is well',
  async (name) => {
    ec2.on(DescribeInstanceStatusCommand).rejects(Object.assign(new Error('no'), { name }));
    await expect(handler(stopping(instanceId(1)), lambdaContext)).rejects.toThrow('no');
  },
);

it('pushes of a former primary that cannot be cancelled do not keep it from being demoted, and are told of', async () => {
  const promoted = { ...primaryTags, 'hostsync:primary': '2', 'hostsync:promoted': `2 ${instanceId(4)}` };
  show([...healthyGroup().instances, instance(4, promoted)]);
  const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
  ssm.on(ListCommandInvocationsCommand, { InstanceId: instanceId(1) }).rejects(denied);
  await expect(handler(stopping(instanceId(1)), lambdaContext)).rejects.toThrow('cancel-pushes');
  expect(ec2.commandCalls(CreateTagsCommand, { Resources: [instanceId(1)] })[0]?.args[0].input.Tags).toEqual([
    { Key: 'hostsync:state', Value: 'quarantined' },
  ]);
});

it('a promotion that fails keeps no newcomer waiting', async () => {
  const { instances } = healthyGroup({ 'hostsync:target-group': 'arn:gone' });
  show([...instances, instance(4, { 'hostsync:group': 'web' })]);
  balancer.on(DescribeTargetHealthCommand).rejects(Object.assign(new Error('gone'), { name: 'X' }));
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: 'c-1' } });
  await expect(handler(stopping(instanceId(1)), lambdaContext)).rejects.toThrow('the target group arn:gone');
  expect(ssm.commandCalls(SendCommandCommand)[0]?.args[0].input).toMatchObject({
    ...{ DocumentName: 'join-document', InstanceIds: [instanceId(4)] },
  });
});

describe('what is wrong with one group', () => {
  const blog = { ...primaryTags, 'hostsync:group': 'blog', 'hostsync:secondaries': '' };
  const blogPrimary = (tags: Readonly<Record<string, string>>, state = 'running') =>
    instance(11, { ...blog, 'hostsync:promoted': `1 ${instanceId(11)}`, ...tags }, state);

  it('as a damaged register, does not keep another from being told that its primary is gone', async () => {
    const { instances } = healthyGroup();
    show([
      ...instances.map((each) => (each.id === instanceId(1) ? { ...each, state: 'stopped' } : each)),
      blogPrimary({}, 'stopped'),
    ]);
    ssm
      .on(GetParametersByPathCommand, { Path: '/hostsync/blog' })
      .resolves({ Parameters: [{ Name: '/hostsync/blog/epochs/1', Value: 'x' }] });
    await expect(handler(stopping(instanceId(1)), lambdaContext)).rejects.toThrow(
      'group blog: reading its register failed: RegisterError: the parameter /hostsync/blog/epochs/1 holds no JSON',
    );
    const events = eventBridge
      .commandCalls(PutEventsCommand)
      .flatMap((call) => call.args[0].input.Entries ?? []);
    expect(
      events.map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail ?? '').group]),
    ).toContainEqual([...['Promotion Blocked', 'web']]);
  });

  it('as a target group that is gone, does not keep editors of another from their primary', async () => {
    const own = { 'hostsync:target-group': arn };
    show(mirrored([blogPrimary({ 'hostsync:target-group': 'arn:gone' }), ...healthyGroup(own).instances]));
    const gone = Object.assign(new Error('gone'), { name: 'TargetGroupNotFoundException' });
    balancer.on(DescribeTargetHealthCommand, { TargetGroupArn: 'arn:gone' }).rejects(gone);
    balancer
      .on(DescribeTargetHealthCommand, { TargetGroupArn: arn })
      .resolves({ TargetHealthDescriptions: [] });
    balancer.on(RegisterTargetsCommand).resolves({});
    await expect(handler(stopping(instanceId(1)), lambdaContext)).rejects.toThrow(
      'group blog: reading the target group arn:gone failed: TargetGroupNotFoundException: gone',
    );
    expect(balancer.commandCalls(RegisterTargetsCommand)[0]?.args[0].input).toEqual({
      TargetGroupArn: arn,
      Targets: [{ Id: instanceId(1) }],
    });
  });
});
