import {
  CreateTagsCommand,
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  type CommandInvocation,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  PutParameterCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/observation.ts';
import {
  healthyGroup,
  instance,
  instanceId,
  mirrored,
  primaryTags,
  secondaryTags,
} from '../core/fixtures.ts';
import { line } from '../core/simulated-results.ts';
import { lambdaContext, scheduledEvent } from './lambda-context.ts';

for (const [name, value] of Object.entries({
  HOSTSYNC_PUSH_DOCUMENT: 'hostsync-test-PushDocument-1A2B3C',
  HOSTSYNC_JOIN_DOCUMENT: 'hostsync-test-JoinDocument-1A2B3C',
  HOSTSYNC_PROMOTE_DOCUMENT: 'hostsync-test-PromoteDocument-1A2B3C',
  HOSTSYNC_LEAVE_DOCUMENT: 'hostsync-test-LeaveDocument-1A2B3C',
  HOSTSYNC_RESCUE_DOCUMENT: 'hostsync-test-RescueDocument-1A2B3C',
  HOSTSYNC_PROBE_DOCUMENT: 'hostsync-test-ProbeDocument-1A2B3C',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
  HOSTSYNC_REMIND_AFTER: '21600',
  HOSTSYNC_BEHIND_AFTER: '300',
  HOSTSYNC_OVERRUN_AFTER: '60',
  HOSTSYNC_METRICS_BY_SECONDARY: 'true',
  HOSTSYNC_FAILOVER: 'auto',
  HOSTSYNC_FAILOVER_TICKS: '2',
  HOSTSYNC_PROMOTE_WITHIN: '900',
  HOSTSYNC_COOL_DOWN: '600',
  HOSTSYNC_HOSTED_ZONE: '',
}))
  vi.stubEnv(name, value);
vi.stubEnv('AWS_REGION', 'us-east-1');
// Has Powertools log through the console that the tests watch
vi.stubEnv('POWERTOOLS_DEV', 'true');
// The exported handler, with its middleware: what Lambda calls
const { handler } = await import('../../../functions/sync/handler.ts');

const ec2 = mockClient(EC2Client);
const ssm = mockClient(SSMClient);
const eventBridge = mockClient(EventBridgeClient);

beforeEach(() => {
  ec2.reset();
  ssm.reset();
  eventBridge.reset();
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  ssm.on(ListCommandInvocationsCommand).resolves({ CommandInvocations: [] });
  ec2.on(DescribeInstanceStatusCommand).callsFake(({ InstanceIds }) => ({
    InstanceStatuses: InstanceIds.map((InstanceId: string) => ({
      ...{ InstanceId, SystemStatus: { Status: 'ok' }, InstanceStatus: { Status: 'ok' } },
    })),
  }));
  vi.spyOn(console, 'info').mockImplementation(() => {});
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.spyOn(console, 'log').mockImplementation(() => {});
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: 'c-1' } });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const described = ({ id, state, address, tags }: ObservedInstance) => ({
  InstanceId: id,
  State: { Name: state as 'running' },
  ...(address === undefined ? {} : { PrivateIpAddress: address }),
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
});
const online = (number: number) => ({ InstanceId: instanceId(number), PingStatus: 'Online' as const });
const now = () => new Date().toISOString();
const tick = (time = now()) => handler(scheduledEvent(time), lambdaContext);

function groupOf(secondaries: number) {
  const numbers = Array.from({ length: secondaries }, (_, index) => index + 2);
  const shards = Object.fromEntries(
    Array.from({ length: Math.ceil(secondaries / 10) }, (_, shard) => [
      shard === 0 ? 'hostsync:secondaries' : `hostsync:secondaries-${shard + 1}`,
      numbers
        .slice(shard * 10, shard * 10 + 10)
        .map(instanceId)
        .join(' '),
    ]),
  );
  return mirrored([
    instance(1, { ...primaryTags, ...shards }),
    ...numbers.map((number) => instance(number, secondaryTags)),
  ]);
}

describe('the calls of a tick', () => {
  it.each([1, 10, 50])(
    'are six with %i secondaries: the cost does not grow with the group',
    async (count) => {
      ec2
        .on(DescribeInstancesCommand)
        .resolves({ Reservations: [{ Instances: groupOf(count).map(described) }] });
      ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
      await tick();
      expect(ec2.calls().map(({ args: [sent] }) => sent.constructor.name)).toEqual([
        ...['DescribeInstancesCommand', 'DescribeInstanceStatusCommand'],
      ]);
      const names = ssm.calls().map(({ args: [sent] }) => sent.constructor.name);
      expect(names.sort()).toEqual([
        'DescribeInstanceInformationCommand',
        // The pushes of the last minutes, and older ones that still run
        'ListCommandInvocationsCommand',
        'ListCommandInvocationsCommand',
        'SendCommandCommand',
      ]);
      const [send] = ssm.commandCalls(SendCommandCommand);
      const text = Buffer.from(send?.args[0].input.Parameters?.['request']?.[0] ?? '', 'base64').toString();
      expect(text.split('\n').filter((line) => line.startsWith('secondary\t')).length).toBe(count);
    },
  );

  it('are filtered by the tag, leave terminated instances out, and send one pinned document', async () => {
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: groupOf(1).map(described) }] });
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
    await tick();
    expect(ec2.commandCalls(DescribeInstancesCommand)[0]?.args[0].input).toEqual({
      Filters: [
        { Name: 'tag-key', Values: ['hostsync:group', 'hostsync:state'] },
        {
          Name: 'instance-state-name',
          Values: ['pending', 'running', 'stopping', 'stopped', 'shutting-down'],
        },
      ],
      MaxResults: 1000,
      NextToken: undefined,
    });
    expect(ssm.commandCalls(SendCommandCommand)[0]?.args[0].input).toMatchObject({
      DocumentName: 'hostsync-test-PushDocument-1A2B3C',
      DocumentVersion: '1',
      InstanceIds: [instanceId(1)],
      TimeoutSeconds: 30,
    });
  });

  it('read every page and every reservation, so that no secondary is forgotten', async () => {
    const [primary, second, third] = mirrored(healthyGroup().instances).map(described);
    if (primary === undefined || second === undefined || third === undefined) throw new Error('fixture');
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce({ Reservations: [{ Instances: [second] }, { Instances: [] }], NextToken: 'more' })
      .resolvesOnce({ Reservations: [{ Instances: [primary] }, { Instances: [third] }] });
    ssm
      .on(DescribeInstanceInformationCommand)
      .resolvesOnce({ InstanceInformationList: [online(2)], NextToken: 'more' })
      .resolvesOnce({ InstanceInformationList: [online(1)] });
    await tick();
    const request = ssm.commandCalls(SendCommandCommand)[0]?.args[0].input.Parameters?.['request']?.[0] ?? '';
    expect(Buffer.from(request, 'base64').toString()).toBe(
      [
        'group\tweb',
        'epoch\t1',
        'directory\t/srv/uploads',
        `secondary\t${instanceId(2)}\t10.0.0.2\t22\t${secondaryTags['hostsync:host-key'].replace(' ', '\t')}`,
        `secondary\t${instanceId(3)}\t10.0.0.3\t22\t${secondaryTags['hostsync:host-key'].replace(' ', '\t')}`,
        '',
      ].join('\n'),
    );
  });
});

describe('trouble', () => {
  it('of one group does not stop another, and still fails the function so that its alarm rings', async () => {
    const other = [
      instance(11, {
        ...{ ...primaryTags, 'hostsync:group': 'blog', 'hostsync:secondaries': instanceId(12) },
        'hostsync:promoted': `1 ${instanceId(11)}`,
      }),
      instance(12, { ...secondaryTags, 'hostsync:group': 'blog' }),
    ];
    const instances = [...healthyGroup().instances, ...other].map(described);
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: instances }] });
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1), online(11)] });
    const denied = Object.assign(new Error('no permission'), { name: 'AccessDeniedException' });
    ssm.on(SendCommandCommand, { InstanceIds: [instanceId(11)] }).rejects(denied);
    await expect(tick()).rejects.toThrow(
      `group blog: the push could not be started on ${instanceId(11)}: AccessDeniedException: no permission`,
    );
    expect(ssm.commandCalls(SendCommandCommand, { InstanceIds: [instanceId(1)] }).length).toBe(1);
  });

  it('with reading the tags leaves the function, and nothing is pushed from half a picture', async () => {
    ec2
      .on(DescribeInstancesCommand)
      .rejects(Object.assign(new Error('slow down'), { name: 'RequestLimitExceeded' }));
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
    await expect(tick()).rejects.toThrow('slow down');
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(0);
  });

  it('with the clock: a tick older than a minute is dropped, for a later one has come', async () => {
    await tick(new Date(Date.now() - 62_000).toISOString());
    expect(ec2.calls().length + ssm.calls().length).toBe(0);
    expect(console.warn).toHaveBeenCalledWith(expect.stringMatching(/the tick is 6[23] s old/u));
  });

  it.each([
    ['nothing', undefined, 'source is missing; detail-type is missing; time is missing'],
    [
      'another event',
      { source: 'aws.ec2', 'detail-type': 'x', time: now() },
      'source "aws.ec2" is not "aws.events"',
    ],
    ['no time', { source: 'aws.events', 'detail-type': 'Scheduled Event' }, 'time'],
    [
      'a bad time',
      { source: 'aws.events', 'detail-type': 'Scheduled Event', time: 'noon' },
      'time "noon" is no ISO 8601 time',
    ],
  ])(
    'an event that is none of ours (%s) is refused with what to send instead',
    async (_name, event, message) => {
      await expect(handler(event, lambdaContext)).rejects.toThrow(message);
      await expect(handler(event, lambdaContext)).rejects.toThrow('To try the function by hand');
    },
  );
});

describe('results of pushes', () => {
  const requestedAt = new Date(Date.now() - 90_000);
  const listed = (output: string, changes: CommandInvocation = {}): CommandInvocation => ({
    ...{ CommandId: 'c-0', InstanceId: instanceId(1), Comment: 'hostsync push, group web, epoch 1' },
    ...{ RequestedDateTime: requestedAt, StatusDetails: 'Failed' },
    CommandPlugins: [{ Output: output.slice(0, 2500), ResponseCode: 10 }],
    ...changes,
  });
  const output = (count: number) =>
    [
      ...Array.from({ length: count }, (_, index) => line(instanceId(index + 2), 'unreachable')),
      { kind: 'push', ok: false, started: requestedAt.getTime() / 1000, seconds: 2 },
    ]
      .map((each) => JSON.stringify({ v: 1, ...each }))
      .join('\n');

  beforeEach(() => {
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: groupOf(20).map(described) }] });
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
  });
  const told = () =>
    eventBridge
      .commandCalls(PutEventsCommand)
      .flatMap((call) => call.args[0].input.Entries ?? [])
      .map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail ?? '').secondaries?.length]);

  it('whose event was lost are told of by the next tick, from the whole output', async () => {
    ssm
      .on(ListCommandInvocationsCommand)
      .resolvesOnce({ CommandInvocations: [listed(output(20))] })
      .resolves({ CommandInvocations: [] });
    ssm.on(GetCommandInvocationCommand).resolves({
      ...{ Comment: 'hostsync push, group web, epoch 1', StatusDetails: 'Failed', ResponseCode: 10 },
      StandardOutputContent: output(20),
    });
    await tick();
    expect(told()).toEqual([['Sync Failed', 20]]);
    const [first, second] = ec2.commandCalls(CreateTagsCommand).map((call) => call.args[0].input);
    expect(first?.Resources?.length).toBe(20);
    expect(second).toEqual({
      Resources: [instanceId(1)],
      Tags: [{ Key: 'hostsync:synced-at', Value: requestedAt.toISOString() }],
    });
  });

  it('that cannot be read keep nobody from being pushed to, and fail the function', async () => {
    const denied = Object.assign(new Error('no permission'), { name: 'AccessDeniedException' });
    ssm.on(ListCommandInvocationsCommand).rejects(denied);
    await expect(tick()).rejects.toThrow('no permission');
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(1);
  });
});

it('logs every reason as one JSON object, and takes off the list what is gone', async () => {
  const [primary, second] = healthyGroup().instances;
  if (primary === undefined || second === undefined) throw new Error('fixture');
  const instances = mirrored([primary, second]).map(described);
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: instances }] });
  ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
  await tick();
  expect(ec2.commandCalls(CreateTagsCommand)[0]?.args[0].input).toEqual({
    Resources: [instanceId(1)],
    Tags: [{ Key: 'hostsync:secondaries', Value: instanceId(2) }],
  });
  const lines = [...vi.mocked(console.error).mock.calls, ...vi.mocked(console.info).mock.calls].map(
    ([line]) => JSON.parse(String(line)),
  );
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'INFO',
      action: 'leave-out',
      group: 'web',
      code: 'unknown',
      secondary: instanceId(3),
    }),
    expect.objectContaining({
      level: 'INFO',
      action: 'push',
      group: 'web',
      primary: instanceId(1),
      command: 'c-1',
    }),
    expect.objectContaining({ level: 'INFO', action: 'set-list', left: [instanceId(3)] }),
  ]);
});

it('a change of the primary’s tags is written down where it outlives the instance, once', async () => {
  const { instances } = healthyGroup();
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: instances.map(described) }] });
  ssm
    .on(DescribeInstanceInformationCommand)
    .resolves({ InstanceInformationList: [online(1), online(2), online(3)] });
  await tick();
  const written = ssm.commandCalls(PutParameterCommand).map((call) => call.args[0].input);
  expect(written).toMatchObject([{ Name: '/hostsync/web/config', Overwrite: true }]);
  expect(JSON.parse(written[0]?.Value ?? '')).toEqual({
    primary: instanceId(1),
    tags: {
      'hostsync:primary': '1',
      'hostsync:directories': '/srv/uploads',
      'hostsync:secondaries': `${instanceId(2)} ${instanceId(3)}`,
    },
  });
});

it.each(['UnauthorizedOperation', 'RequestLimitExceeded'])(
  'status checks that cannot be read (%s) fail the tick: nobody takes that for a primary that is well',
  async (name) => {
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: groupOf(1).map(described) }] });
    ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
    ec2.on(DescribeInstanceStatusCommand).rejects(Object.assign(new Error('no answer'), { name }));
    await expect(tick()).rejects.toThrow('no answer');
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(1);
  },
);
