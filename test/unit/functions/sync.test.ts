import { CreateTagsCommand, DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/observation.ts';
import { healthyGroup, instance, instanceId, primaryTags, secondaryTags } from '../core/fixtures.ts';
import { lambdaContext, scheduledEvent } from './lambda-context.ts';

for (const [name, value] of Object.entries({
  HOSTSYNC_PUSH_DOCUMENT: 'hostsync-test-PushDocument-1A2B3C',
  HOSTSYNC_JOIN_DOCUMENT: 'hostsync-test-JoinDocument-1A2B3C',
  HOSTSYNC_PROMOTE_DOCUMENT: 'hostsync-test-PromoteDocument-1A2B3C',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
}))
  vi.stubEnv(name, value);
vi.stubEnv('AWS_REGION', 'us-east-1');
// Has Powertools log through the console that the tests watch
vi.stubEnv('POWERTOOLS_DEV', 'true');
// The exported handler, with its middleware: what Lambda calls
const { handler } = await import('../../../functions/sync/handler.ts');

const ec2 = mockClient(EC2Client);
const ssm = mockClient(SSMClient);

beforeEach(() => {
  ec2.reset();
  ssm.reset();
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
  return [
    instance(1, { ...primaryTags, ...shards }),
    ...numbers.map((number) => instance(number, secondaryTags)),
  ];
}

describe('the calls of a tick', () => {
  it.each([1, 10, 50])(
    'are three with %i secondaries: the cost does not grow with the group',
    async (count) => {
      ec2
        .on(DescribeInstancesCommand)
        .resolves({ Reservations: [{ Instances: groupOf(count).map(described) }] });
      ssm.on(DescribeInstanceInformationCommand).resolves({ InstanceInformationList: [online(1)] });
      await tick();
      expect(ec2.calls().length + ssm.calls().length).toBe(3);
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
    const [primary, second, third] = healthyGroup().instances.map(described);
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
      instance(11, { ...primaryTags, 'hostsync:group': 'blog', 'hostsync:secondaries': instanceId(12) }),
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

it('logs every reason as one JSON object, and takes off the list what is gone', async () => {
  const [primary, second] = healthyGroup().instances;
  if (primary === undefined || second === undefined) throw new Error('fixture');
  const instances = [primary, second].map(described);
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
