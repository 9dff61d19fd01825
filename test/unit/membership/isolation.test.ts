import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateTagsCommand, DeleteTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetCommandInvocationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/observation.ts';
import { agent, healthyGroup, instance, instanceId, primaryTags } from '../core/fixtures.ts';

// What fails for one group or host never stops another's.

vi.stubEnv('AWS_REGION', 'us-east-1');
vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'SILENT');
vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'true');
const { Logger } = await import('@aws-lambda-powertools/logger');
const { Metrics } = await import('@aws-lambda-powertools/metrics');
const { makeClients } = await import('../../../shared/aws/clients.ts');
const { TagWriter } = await import('../../../shared/aws/tags.ts');
const { observeMembership } = await import('../../../shared/membership/observe.ts');
const { reconcileMembership } = await import('../../../shared/membership/reconcile.ts');

const autoScaling = mockClient(AutoScalingClient);
const ec2 = mockClient(EC2Client);
const eventBridge = mockClient(EventBridgeClient);
const ssm = mockClient(SSMClient);
beforeEach(() => {
  for (const client of [autoScaling, ec2, eventBridge, ssm]) client.reset();
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: 'c-1' } });
});

const denied = Object.assign(new Error('no permission'), { name: 'AccessDeniedException' });
const scaled = { 'aws:autoscaling:groupName': 'asg' };
const blog = [
  instance(11, {
    ...{ ...primaryTags, 'hostsync:group': 'blog', 'hostsync:secondaries': '' },
    'hostsync:promoted': `1 ${instanceId(11)}`,
  }),
  instance(12, { 'hostsync:group': 'blog' }),
];
const observed = (instances: readonly ObservedInstance[]) => ({
  instances,
  agents: [1, 2, 3, 4, 5, 11, 12].map((number) => agent(number)),
});
function reconcile(instances: readonly ObservedInstance[]): Promise<void> {
  const clients = makeClients();
  const document = (name: string) => `${name}-document`;
  return reconcileMembership(
    {
      ...{ clients, tags: new TagWriter(clients.ec2), logger: new Logger(), metrics: new Metrics() },
      documents: {
        ...{ push: document('push'), join: document('join'), promote: document('promote') },
        ...{ leave: document('leave'), rescue: document('rescue'), probe: document('probe') },
      },
      settings: { joinTimeout: 1800, joinFailure: 'ABANDON' },
    },
    { first: observed(instances) },
  );
}
const joined = () =>
  ssm
    .commandCalls(SendCommandCommand, { DocumentName: 'join-document' })
    .flatMap((call) => call.args[0].input.InstanceIds ?? []);

describe('lifecycle states that Auto Scaling does not tell', () => {
  const web = [...healthyGroup().instances, instance(4, { 'hostsync:group': 'web', ...scaled })];
  beforeEach(() => {
    autoScaling.on(DescribeAutoScalingInstancesCommand).rejects(denied);
  });

  it('keep groups without Auto Scaling from nothing, and of the others nothing is taken for known', async () => {
    await expect(reconcile([...web, ...blog])).rejects.toThrow(
      'group web: asking Auto Scaling for lifecycle states failed: AccessDeniedException: no permission',
    );
    expect(joined()).toEqual([instanceId(12)]);
  });
});

it('a command whose result SSM does not tell is of one group', async () => {
  const task = `leave 1 0123456789abcdef 01234567-89ab-cdef-0123-456789abcdef ${new Date().toISOString()}`;
  const waiting = instance(4, {
    'hostsync:group': 'web',
    'hostsync:state': 'quarantined',
    'hostsync:task': task,
  });
  ssm.on(GetCommandInvocationCommand).rejects(denied);
  await expect(reconcile([...healthyGroup().instances, waiting, ...blog])).rejects.toThrow(
    'group web: asking',
  );
  expect(joined()).toEqual([instanceId(12)]);
});

it('nothing fails where nothing has to be asked', async () => {
  autoScaling.rejects(denied);
  ssm.rejects(denied);
  const fail = vi.fn();
  await observeMembership(makeClients(), observed(healthyGroup().instances), fail);
  expect(fail).not.toHaveBeenCalled();
});

it('a host whose join fails is not terminated for that: its launch hook is kept alive', async () => {
  autoScaling.on(DescribeAutoScalingInstancesCommand).resolves({
    AutoScalingInstances: [
      {
        ...{ InstanceId: instanceId(4), AutoScalingGroupName: 'asg', AvailabilityZone: 'a' },
        ...{ LifecycleState: 'Pending:Wait', HealthStatus: 'HEALTHY', ProtectedFromScaleIn: false },
      },
    ],
  });
  ssm.on(SendCommandCommand).rejects(denied);
  const newcomer = instance(4, { 'hostsync:group': 'web', ...scaled });
  await expect(reconcile([...healthyGroup().instances, newcomer])).rejects.toThrow('join failed');
  expect(autoScaling.commandCalls(RecordLifecycleActionHeartbeatCommand).length).toBe(1);
});

describe('a step that fails for one host', () => {
  const gone = { 'hostsync:group': 'web', 'hostsync:state': 'in-sync', ...scaled };
  beforeEach(() => {
    autoScaling.on(DescribeAutoScalingInstancesCommand).resolves({
      AutoScalingInstances: [2, 3].map((number) => ({
        ...{ InstanceId: instanceId(number), AutoScalingGroupName: 'asg', AvailabilityZone: 'a' },
        ...{ LifecycleState: 'Terminating:Wait', HealthStatus: 'HEALTHY', ProtectedFromScaleIn: false },
      })),
    });
  });

  it('ends the steps of that host, and no other’s', async () => {
    const [primary] = healthyGroup().instances;
    if (primary === undefined) throw new Error('fixture');
    ec2.on(DeleteTagsCommand, { Resources: [instanceId(2)] }).rejects(denied);
    const leaving = [instance(2, gone), instance(3, gone)];
    await expect(reconcile([primary, ...leaving, instance(4, { 'hostsync:group': 'web' })])).rejects.toThrow(
      'group web: clear-state failed',
    );
    const completed = autoScaling.commandCalls(CompleteLifecycleActionCommand);
    expect(completed.map((call) => call.args[0].input.InstanceId)).toEqual([instanceId(3)]);
    expect(joined()).toEqual([instanceId(4)]);
    expect(ec2.commandCalls(CreateTagsCommand).length).toBeGreaterThan(0);
  });
});
