import {
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  DescribeTargetHealthCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  type CommandInvocation,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetConnectionStatusCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { healthyGroup, instance, instanceId, primaryTags, remembered } from '../core/fixtures.ts';
import { line } from '../core/simulated-results.ts';
import { lambdaContext } from './lambda-context.ts';
import * as aws from './mocked-aws.ts';

aws.stubEnvironment({ POWERTOOLS_METRICS_DISABLED: 'true' });
vi.mock('node:timers/promises', () => import('./passing-time.ts'));
const { handler } = await import('../../../functions/reconcile/handler.ts');

const { autoScaling, balancer, dynamoDb, ec2, eventBridge, ssm } = aws;
const look = (group = 'web', more = {}) => handler(aws.queueEvent(group, more), lambdaContext);
const denied = Object.assign(new Error('no permission'), { name: 'AccessDeniedException' });
const logged = () => vi.mocked(console.error).mock.calls.map(([text]) => JSON.parse(String(text)).message);
const sent = (DocumentName: string) =>
  ssm
    .commandCalls(SendCommandCommand, { DocumentName })
    .flatMap((call) => call.args[0].input.InstanceIds ?? []);
/** What was noted at the end of the look. */
const noted = () =>
  dynamoDb
    .commandCalls(UpdateCommand)
    .map((call) => call.args[0].input.ExpressionAttributeValues ?? {})
    .find((values) => ':from' in values);
const events = () =>
  eventBridge
    .commandCalls(PutEventsCommand)
    .flatMap((call) => call.args[0].input.Entries ?? [])
    .map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail ?? '')] as const);
const scaled = { 'aws:autoscaling:groupName': 'asg' };
const lifecycle = (number: number, LifecycleState: string) => ({
  InstanceId: instanceId(number),
  AutoScalingGroupName: 'asg',
  AvailabilityZone: 'a',
  LifecycleState,
  HealthStatus: 'HEALTHY',
  ProtectedFromScaleIn: false,
});
const newcomer = (number: number, tags = {}) => instance(number, { 'hostsync:group': 'web', ...tags });

beforeEach(() => {
  aws.resetAws();
  aws.show(healthyGroup().instances);
});

describe('a look', () => {
  it('at a group that is well changes nothing, and notes that nothing is left to do', async () => {
    const before = Date.now();
    await look();
    expect(ec2.commandCalls(CreateTagsCommand).length + ssm.commandCalls(SendCommandCommand).length).toBe(0);
    expect(noted()).toEqual({ ':from': expect.toSatisfy((from) => from >= before && from <= Date.now()) });
  });

  it('asks only for what is of its group', async () => {
    await look();
    const filters = ec2.commandCalls(DescribeInstancesCommand).map((call) => call.args[0].input.Filters?.[0]);
    expect(filters).toEqual([{ Name: 'tag:hostsync:group', Values: ['web'] }]);
  });

  it('of a group whose name has wildcards is none at others', async () => {
    await look('we*b?\\');
    const [first] = ec2.commandCalls(DescribeInstancesCommand);
    expect(first?.args[0].input.Filters?.[0]?.Values).toEqual(['we\\*b\\?\\\\']);
  });

  it('is not taken for a wake-up that an earlier one has served', async () => {
    const { head } = remembered(healthyGroup().instances) ?? {};
    aws.remember([{ pk: 'group#web', sk: 'head', ...head, reconciledFrom: 1_000_000 }]);
    await look('web', { at: 997_999 });
    expect(ec2.calls().length).toBe(0);
    await look('web', { at: 998_000 });
    expect(ec2.calls().length).toBeGreaterThan(0);
  });

  it('is always taken for a tick: they are counted', async () => {
    const { head } = remembered(healthyGroup().instances) ?? {};
    aws.remember([{ pk: 'group#web', sk: 'head', ...head, reconciledFrom: Date.now() }]);
    await look('web', { at: 1, tick: 60_000 });
    expect(ec2.calls().length).toBeGreaterThan(0);
  });

  it.each(['UnauthorizedOperation', 'RequestLimitExceeded'])(
    'that sees nothing (%s) decides nothing, is logged, and is taken again',
    async (name) => {
      ec2.on(DescribeInstanceStatusCommand).rejects(Object.assign(new Error('no answer'), { name }));
      await look();
      expect(logged()).toEqual([`group web: the look failed: ${name}: no answer`]);
      expect(ssm.commandCalls(SendCommandCommand).length).toBe(0);
      expect(noted()).toMatchObject({ ':due': expect.any(Number) });
    },
  );

  it('that is not complete is none that later wake-ups could rely on', async () => {
    const { head } = remembered(healthyGroup().instances) ?? {};
    aws.remember([{ pk: 'group#web', sk: 'head', ...head, reconciledFrom: 5 }]);
    ssm.on(ListCommandInvocationsCommand).rejects(denied);
    await look();
    expect(noted()).toEqual({ ':from': 5, ':due': expect.any(Number) });
  });
});

describe('newcomers', () => {
  const expectJoining = (...numbers: readonly number[]) => {
    const ids = numbers.map(instanceId);
    expect(ec2.commandCalls(CreateTagsCommand).map((call) => call.args[0].input)).toEqual([
      { Resources: ids, Tags: [{ Key: 'hostsync:state', Value: 'joining' }] },
    ]);
    const task = expect.stringMatching(`^join 1 [0-9a-f]{16} ${aws.commandId} `);
    for (const id of ids) expect(aws.written(`host#${id}`)).toMatchObject([{ task }]);
  };

  it('are asked with one command, and what was asked is written down', async () => {
    aws.show([...healthyGroup().instances, newcomer(4), newcomer(5)]);
    await look();
    expect(sent('join-document')).toEqual([instanceId(4), instanceId(5)]);
    expectJoining(4, 5);
  });

  it('are not kept from the others by one that SSM does not know', async () => {
    aws.show([...healthyGroup().instances, newcomer(4), newcomer(5)]);
    const unknown = Object.assign(new Error('unknown'), { name: 'InvalidInstanceId' });
    ssm.on(SendCommandCommand, { InstanceIds: [instanceId(4), instanceId(5)] }).rejects(unknown);
    ssm.on(SendCommandCommand, { InstanceIds: [instanceId(4)] }).rejects(unknown);
    await look();
    expect(logged()).toEqual([expect.stringContaining('group web: join (')]);
    expectJoining(5);
  });

  it('of another group are the affair of that one', async () => {
    aws.show([...healthyGroup().instances, instance(4, { 'hostsync:group': 'blog' })]);
    await look();
    expect(sent('join-document')).toEqual([]);
  });

  it('are taken in though something that points at the primary is gone', async () => {
    aws.show([...healthyGroup({ 'hostsync:target-group': 'arn:gone' }).instances, newcomer(4)]);
    balancer.on(DescribeTargetHealthCommand).rejects(Object.assign(new Error('gone'), { name: 'X' }));
    await look();
    expect(logged()).toEqual(['group web: reading the target group arn:gone failed: X: gone']);
    expect(sent('join-document')).toEqual([instanceId(4)]);
  });

  it('whose join fails are not terminated for that: the launch hook is kept alive', async () => {
    aws.show([...healthyGroup().instances, newcomer(4, scaled)]);
    autoScaling
      .on(DescribeAutoScalingInstancesCommand)
      .resolves({ AutoScalingInstances: [lifecycle(4, 'Pending:Wait')] });
    ssm.on(SendCommandCommand).rejects(denied);
    await look();
    expect(logged()).toEqual([expect.stringContaining('group web: join (')]);
    expect(autoScaling.commandCalls(RecordLifecycleActionHeartbeatCommand).length).toBe(1);
  });
});

describe('what makes a push possible', () => {
  it.each([
    ['a secondary that becomes ready is pushed to before the next tick', ['push-document']],
    ['a group that was well before waits for the next tick', []],
  ] as const)('%s', async (_name, documents) => {
    const isNew = documents.length > 0;
    const list = `${instanceId(2)} ${instanceId(3)} ${isNew ? instanceId(4) : ''}`.trim();
    const { instances } = healthyGroup({ 'hostsync:secondaries': list });
    const ready = instance(4, healthyGroup().instances[1]?.tags ?? {});
    aws.show(isNew ? [...instances, newcomer(4)] : instances);
    ssm.on(SendCommandCommand, { DocumentName: 'join-document' }).callsFake(() => {
      aws.show([...instances, ready]);
      return { Command: { CommandId: aws.commandId } };
    });
    await look();
    const all = ssm.commandCalls(SendCommandCommand).map((call) => call.args[0].input);
    expect(all.map(({ DocumentName }) => DocumentName).filter((name) => name !== 'join-document')).toEqual(
      documents,
    );
    for (const { DocumentName, InstanceIds } of all)
      if (DocumentName === 'push-document') expect(InstanceIds).toEqual([instanceId(1)]);
  });
});

describe('what cannot be read', () => {
  it('as lifecycle states, is reported, and nothing of it is taken for known', async () => {
    aws.show([...healthyGroup().instances, newcomer(4, scaled)]);
    autoScaling.on(DescribeAutoScalingInstancesCommand).rejects(denied);
    await look();
    expect(logged()).toEqual([
      'group web: asking Auto Scaling for lifecycle states failed: AccessDeniedException: no permission',
    ]);
    expect(autoScaling.commandCalls(CompleteLifecycleActionCommand).length).toBe(0);
  });

  it('as the result of one command, keeps no other host waiting', async () => {
    const task = `leave 1 0123456789abcdef ${aws.commandId} ${new Date().toISOString()}`;
    const former = newcomer(5, { 'hostsync:state': 'quarantined', 'hostsync:task': task });
    aws.show([...healthyGroup().instances, former, newcomer(4)]);
    ssm.on(GetCommandInvocationCommand).rejects(denied);
    await look();
    expect(logged()).toEqual([expect.stringContaining('asking for the result of the command')]);
    expect(sent('join-document')).toEqual([instanceId(4)]);
  });

  it('as a damaged claim, lets nobody be promoted', async () => {
    const [primary, ...others] = healthyGroup().instances;
    if (primary === undefined) throw new Error('fixture');
    aws.show([{ ...primary, state: 'stopped' }, ...others]);
    aws.remember([{ pk: 'group#web', sk: 'head', version: 1, claim: { epoch: 'one' } }]);
    await look();
    expect(logged()).toEqual([
      expect.stringContaining('group web: the look failed: MemoryItemError: the item group#web / head'),
    ]);
    expect(dynamoDb.commandCalls(PutCommand).length + sent('promote-document').length).toBe(0);
  });
});

describe('a step that fails for one host', () => {
  it('ends the steps of that host, and no other’s', async () => {
    const [primary] = healthyGroup().instances;
    if (primary === undefined) throw new Error('fixture');
    const gone = { 'hostsync:state': 'in-sync', ...scaled };
    aws.show([primary, newcomer(2, gone), newcomer(3, gone), newcomer(4)]);
    autoScaling.on(DescribeAutoScalingInstancesCommand).resolves({
      AutoScalingInstances: [lifecycle(2, 'Terminating:Wait'), lifecycle(3, 'Terminating:Wait')],
    });
    ec2.on(DeleteTagsCommand, { Resources: [instanceId(2)] }).rejects(denied);
    await look();
    expect(logged()).toEqual([expect.stringContaining('group web: clear-state (')]);
    const completed = autoScaling.commandCalls(CompleteLifecycleActionCommand);
    expect(completed.map((call) => call.args[0].input.InstanceId)).toContain(instanceId(3));
    expect(completed.map((call) => call.args[0].input.InstanceId)).not.toContain(instanceId(2));
    expect(sent('join-document')).toContain(instanceId(4));
  });
});

describe('the primary', () => {
  it('that EC2 shows running is not replaced, whatever woke the group', async () => {
    await look();
    expect(sent('promote-document')).toEqual([]);
  });

  it('whose tag of the group vanished is not dead: EC2 is asked for its id', async () => {
    const [primary, ...others] = healthyGroup().instances;
    if (primary === undefined) throw new Error('fixture');
    const { 'hostsync:group': _group, ...tags } = primary.tags;
    const { head, mirror } = remembered([primary]) ?? {};
    aws.show([{ ...primary, tags }, ...others]);
    const items = [
      { pk: 'group#web', sk: 'head', ...head },
      { pk: 'group#web', sk: 'mirror', ...mirror },
    ];
    aws.remember(items);
    await look();
    expect(events()).not.toContainEqual(['Promotion Blocked', expect.anything()]);
    aws.show(others);
    aws.remember(items);
    await look();
    expect(events()).toContainEqual([
      'Promotion Blocked',
      expect.objectContaining({ primary: instanceId(1) }),
    ]);
  });

  it('that seems dead is looked at by others; the ends of their commands bring the group back, and it is decided', async () => {
    const [primary, ...others] = healthyGroup().instances;
    if (primary === undefined) throw new Error('fixture');
    aws.show([primary, ...others]);
    ssm.on(DescribeInstanceInformationCommand).resolves({
      InstanceInformationList: others.map(({ id }) => ({ InstanceId: id, PingStatus: 'Online' })),
    });
    ec2.on(DescribeInstanceStatusCommand).resolves({
      InstanceStatuses: [{ InstanceId: primary.id, InstanceStatus: { Status: 'impaired' } }],
    });
    ssm.on(GetConnectionStatusCommand).resolves({ Status: 'notconnected' });
    const invocations = (status: string) => ({
      CommandInvocations: others.map(({ id }) => {
        const said = { v: 1, kind: 'probe', id: primary.id, reached: false, message: 'no answer' };
        const plugins = status === 'Success' ? [{ Output: JSON.stringify(said) }] : [];
        return { InstanceId: id, StatusDetails: status, CommandPlugins: plugins };
      }),
    });
    ssm.on(ListCommandInvocationsCommand, { CommandId: aws.commandId }).resolves(invocations('InProgress'));
    await look('web', { tick: Date.now() });
    expect(sent('probe-document')).toEqual(others.map(({ id }) => id));
    const probe = expect.stringMatching(new RegExp(`^${primary.id} \\S+ ${aws.commandId} \\S+$`, 'u'));
    expect(aws.written('notes').filter((each) => 'probe' in each)).toMatchObject([{ probe }]);
    expect(aws.written(`host#${primary.id}`)).toEqual([]);

    ssm.on(ListCommandInvocationsCommand, { CommandId: aws.commandId }).resolves(invocations('Success'));
    await look();
    expect(aws.written(`host#${primary.id}`)).toMatchObject([{ suspected: expect.stringMatching(/^1 /u) }]);
    expect(sent('probe-document').length).toBe(others.length);
  });

  it('of before is demoted though its pushes cannot be cancelled, which is reported', async () => {
    const promoted = { ...primaryTags, 'hostsync:primary': '2', 'hostsync:promoted': `2 ${instanceId(4)}` };
    const instances = [...healthyGroup().instances, instance(4, promoted)];
    aws.show(instances);
    const claim = { epoch: 2, holder: instanceId(4), kind: 'adopted', why: 'a hand', at: 1 };
    aws.remember([{ pk: 'group#web', sk: 'head', version: 2, claim }]);
    ssm.on(ListCommandInvocationsCommand, { InstanceId: instanceId(1) }).rejects(denied);
    await look();
    expect(logged()).toContainEqual(expect.stringContaining('group web: cancel-pushes ('));
    const [first] = ec2.commandCalls(CreateTagsCommand, { Resources: [instanceId(1)] });
    expect(first?.args[0].input.Tags).toEqual([{ Key: 'hostsync:state', Value: 'quarantined' }]);
  });

  it('has its tags mirrored where they outlive it, when they change', async () => {
    const { head } = remembered(healthyGroup().instances) ?? {};
    aws.remember([{ pk: 'group#web', sk: 'head', ...head, configuration: 'older' }]);
    await look();
    expect(dynamoDb.commandCalls(PutCommand).map((call) => call.args[0].input.Item)).toEqual([
      {
        pk: 'group#web',
        sk: 'mirror',
        primary: instanceId(1),
        tags: {
          'hostsync:primary': '1',
          'hostsync:directories': '/srv/uploads',
          'hostsync:secondaries': `${instanceId(2)} ${instanceId(3)}`,
        },
      },
    ]);
  });

  it('is registered where its editors go', async () => {
    const arn = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/editors/0123456789abcdef';
    aws.show(healthyGroup({ 'hostsync:target-group': arn }).instances);
    balancer
      .on(DescribeTargetHealthCommand, { TargetGroupArn: arn })
      .resolves({ TargetHealthDescriptions: [] });
    balancer.on(RegisterTargetsCommand).resolves({});
    await look();
    expect(balancer.commandCalls(RegisterTargetsCommand)[0]?.args[0].input).toEqual({
      TargetGroupArn: arn,
      Targets: [{ Id: instanceId(1) }],
    });
  });
});

describe('results of pushes', () => {
  const requestedAt = new Date(Date.now() - 90_000);
  const output = [2, 3]
    .map((number) => line(instanceId(number), 'unreachable'))
    .concat([])
    .map((each) => JSON.stringify({ v: 1, ...each }))
    .concat(
      JSON.stringify({ v: 1, kind: 'push', ok: false, started: requestedAt.getTime() / 1000, seconds: 2 }),
    )
    .join('\n');
  const listed: CommandInvocation = {
    CommandId: 'c-0',
    InstanceId: instanceId(1),
    Comment: 'hostsync push, group web, epoch 1',
    RequestedDateTime: requestedAt,
    StatusDetails: 'Failed',
    DocumentName: 'push-document',
    CommandPlugins: [{ Output: output.slice(0, 100), ResponseCode: 10 }],
  };

  it('whose event was lost are reported by the next look, from the whole output', async () => {
    ssm
      .on(ListCommandInvocationsCommand)
      .resolvesOnce({ CommandInvocations: [listed] })
      .resolves({ CommandInvocations: [] });
    ssm.on(GetCommandInvocationCommand).resolves({
      Comment: 'hostsync push, group web, epoch 1',
      StatusDetails: 'Failed',
      ResponseCode: 10,
      StandardOutputContent: output,
    });
    await look();
    expect(events().map(([type, { secondaries }]) => [type, secondaries.length])).toEqual([
      ['Sync Failed', 2],
    ]);
  });
});

it('instances that have lost their group lose what hostsync wrote there', async () => {
  aws.show([instance(9, { 'hostsync:state': 'in-sync', 'hostsync:epoch': '1' })]);
  await look('');
  expect(ec2.commandCalls(DeleteTagsCommand)[0]?.args[0].input).toMatchObject({
    Resources: [instanceId(9)],
    Tags: [{ Key: 'hostsync:state' }, { Key: 'hostsync:epoch' }],
  });
});

it('a message that is none of ours is refused with each field that is wrong', async () => {
  await expect(handler({ Records: [{ body: '{"v":2,"group":1}' }] }, lambdaContext)).rejects.toThrow(
    /not a batch of wake-ups.*is not 1/u,
  );
});

it('without the table nothing is known to be under way: nobody is promoted, and nobody joins', async () => {
  const [primary, ...others] = healthyGroup().instances;
  if (primary === undefined) throw new Error('fixture');
  aws.show([{ ...primary, state: 'stopped' }, ...others, newcomer(4)]);
  dynamoDb.reset();
  dynamoDb.rejects(Object.assign(new Error('gone'), { name: 'ResourceNotFoundException' }));
  await look();
  expect(ssm.commandCalls(SendCommandCommand).length).toBe(0);
  expect(ec2.commandCalls(CreateTagsCommand).length).toBe(0);
  expect(logged()).toContainEqual(
    expect.stringContaining('group web: the look failed: ResourceNotFoundException'),
  );
});

it('agents are asked for by the ids of the group', async () => {
  await look();
  expect(ssm.commandCalls(DescribeInstanceInformationCommand)[0]?.args[0].input.Filters).toEqual([
    { Key: 'InstanceIds', Values: [1, 2, 3].map(instanceId) },
  ]);
});
