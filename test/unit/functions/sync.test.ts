import { inflateSync } from 'node:zlib';
import { DescribeInstanceStatusCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { DescribeInstanceInformationCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { laneOf } from '../../../shared/core/model/wake-up.ts';
import { healthyGroup, instance, instanceId, primaryTags, secondaryTags } from '../core/fixtures.ts';
import { lambdaContext, scheduledEvent } from './lambda-context.ts';
import * as aws from './mocked-aws.ts';

aws.stubEnvironment();
// The exported handler, with its middleware: what Lambda calls
const { handler } = await import('../../../functions/sync/handler.ts');

const { dynamoDb, ec2, sqs, ssm } = aws;
beforeEach(() => aws.resetAws());

const now = () => new Date().toISOString();
const tick = (time = now()) => handler(scheduledEvent(time), lambdaContext);
const synced = { ...secondaryTags, 'hostsync:synced-at': now() };
/** Well in all respects. */
const web = () =>
  healthyGroup().instances.map((each) =>
    each.id === instanceId(1) ? each : { ...each, tags: { ...each.tags, 'hostsync:synced-at': now() } },
  );
const calls = () =>
  [ec2, ssm, dynamoDb, sqs].flatMap((client) =>
    client.calls().map(({ args: [sent] }) => sent.constructor.name),
  );
const requestOf = () =>
  inflateSync(
    Buffer.from(
      ssm.commandCalls(SendCommandCommand)[0]?.args[0].input.Parameters?.['request']?.[0] ?? '',
      'base64',
    ),
  ).toString();

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
  return [instance(1, { ...primaryTags, ...shards }), ...numbers.map((number) => instance(number, synced))];
}

describe('the calls of a tick', () => {
  it.each([1, 10, 50])(
    'are five with %i secondaries: the cost does not grow with the group',
    async (count) => {
      aws.show(groupOf(count));
      await tick();
      expect(calls().sort()).toEqual([
        ...['BatchGetCommand', 'DescribeInstanceInformationCommand', 'DescribeInstanceStatusCommand'],
        ...['DescribeInstancesCommand', 'SendCommandCommand'],
      ]);
      expect(
        requestOf()
          .split('\n')
          .filter((line) => line.startsWith('secondary\t')).length,
      ).toBe(count);
    },
  );

  it('with 120 groups are two batches of heads, three of agents, and a push each', async () => {
    const groups = Array.from({ length: 120 }, (_, index) => {
      const [primary, secondary] = [1000 + 2 * index, 1001 + 2 * index];
      const group = { 'hostsync:group': `g${index}` };
      return [
        instance(primary, {
          ...primaryTags,
          ...group,
          'hostsync:secondaries': instanceId(secondary),
          'hostsync:promoted': `1 ${instanceId(primary)}`,
        }),
        instance(secondary, { ...synced, ...group }),
      ];
    });
    aws.show(groups.flat());
    await tick();
    const counts = Map.groupBy(calls(), (name) => name);
    expect(Object.fromEntries([...counts].map(([name, all]) => [name, all.length]))).toEqual({
      BatchGetCommand: 2,
      DescribeInstanceInformationCommand: 3,
      DescribeInstanceStatusCommand: 1,
      DescribeInstancesCommand: 1,
      SendCommandCommand: 120,
    });
  });

  it('are filtered by the tag, leave terminated instances out, and send one pinned document', async () => {
    aws.show(groupOf(1));
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
      DocumentName: 'push-document',
      DocumentVersion: '1',
      InstanceIds: [instanceId(1)],
      TimeoutSeconds: 30,
    });
  });

  it('read every page and every reservation, so that no secondary is forgotten', async () => {
    const [primary, second, third] = web().map(aws.described);
    if (primary === undefined || second === undefined || third === undefined) throw new Error('fixture');
    aws.show(web());
    ec2
      .on(DescribeInstancesCommand)
      .resolvesOnce({ Reservations: [{ Instances: [second] }, { Instances: [] }], NextToken: 'more' })
      .resolvesOnce({ Reservations: [{ Instances: [primary] }, { Instances: [third] }] });
    const time = now();
    await tick(time);
    expect(requestOf()).toBe(
      [
        'group\tweb',
        'epoch\t1',
        `holder\t${instanceId(1)}`,
        'directory\t/srv/uploads',
        `secondary\t${instanceId(2)}\t10.0.0.2\t22\t${secondaryTags['hostsync:host-key'].replace(' ', '\t')}`,
        `secondary\t${instanceId(3)}\t10.0.0.3\t22\t${secondaryTags['hostsync:host-key'].replace(' ', '\t')}`,
        `option\ttick\t${Date.parse(time)}`,
        '',
      ].join('\n'),
    );
  });
});

describe('a look', () => {
  it('is asked for at a group that needs more than a push, once for each minute', async () => {
    aws.show([...web(), instance(4, { 'hostsync:group': 'web' })]);
    await tick('2026-11-26T00:00:00Z').catch(() => {});
    const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000);
    await tick(minute.toISOString());
    expect(aws.wakeUps()).toMatchObject([
      { group: 'web', because: `${instanceId(4)} is new`, tick: +minute },
    ]);
    const [entry] = sqs.commandCalls(SendMessageBatchCommand)[0]?.args[0].input.Entries ?? [];
    expect(entry).toMatchObject({
      MessageGroupId: laneOf('web'),
      MessageDeduplicationId: `tick-${+minute / 60_000}-${laneOf('web')}`,
    });
  });

  it('is asked for at what has lost its group, and at no group that is well', async () => {
    aws.show([...web(), instance(9, { 'hostsync:state': 'in-sync' })]);
    await tick();
    expect(aws.wakeUps()).toMatchObject([{ group: '' }]);
  });

  it('is asked for at a group whose primary is impaired though its agent seems online', async () => {
    aws.show(web());
    ec2.on(DescribeInstanceStatusCommand).resolves({ InstanceStatuses: [{ InstanceId: instanceId(1) }] });
    await tick();
    expect(aws.wakeUps()).toMatchObject([{ because: `EC2's checks find ${instanceId(1)} impaired` }]);
  });

  it('that the queue does not take keeps nobody from being pushed to, and fails the function', async () => {
    aws.show([...web(), instance(4, { 'hostsync:group': 'web' })]);
    sqs.on(SendMessageBatchCommand).rejects(named('QueueDoesNotExist'));
    await expect(tick()).rejects.toThrow('QueueDoesNotExist');
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(1);
  });
});

const named = (name: string) => Object.assign(new Error('no'), { name });

it.each(['ResourceNotFoundException', 'AccessDeniedException'])(
  'without the table (%s) pushes go on, and no group is taken for one that is forgotten',
  async (name) => {
    aws.show(web());
    dynamoDb.on(BatchGetCommand).rejects(named(name));
    await expect(tick()).rejects.toThrow(name);
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(1);
    expect(aws.wakeUps()).toEqual([]);
  },
);

describe('incident', () => {
  it('of one group does not stop another, and still fails the function so that its alarm rings', async () => {
    const other = [
      instance(11, {
        ...primaryTags,
        'hostsync:group': 'blog',
        'hostsync:secondaries': instanceId(12),
        'hostsync:promoted': `1 ${instanceId(11)}`,
      }),
      instance(12, { ...secondaryTags, 'hostsync:group': 'blog' }),
    ];
    aws.show([...healthyGroup().instances, ...other]);
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

it('logs every reason as one JSON object', async () => {
  const [primary, second] = web();
  if (primary === undefined || second === undefined) throw new Error('fixture');
  aws.show([primary, second]);
  await tick();
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
      hosts: instanceId(1),
      outcome: 'done',
      command: aws.commandId,
    }),
  ]);
});

it.each(['UnauthorizedOperation', 'RequestLimitExceeded'])(
  'status checks that cannot be read (%s) fail the tick: nobody takes that for primaries that are well',
  async (name) => {
    aws.show(web());
    ec2.on(DescribeInstanceStatusCommand).rejects(named(name));
    await expect(tick()).rejects.toThrow(name);
    expect(ssm.commandCalls(SendCommandCommand).length).toBe(1);
  },
);

it('agents are asked for by the ids of primaries, and of nodes in their lists', async () => {
  const node = `mi-${'0'.repeat(17)}`;
  aws.show(healthyGroup({ 'hostsync:secondaries': `${instanceId(2)} ${node}` }).instances);
  await tick();
  expect(ssm.commandCalls(DescribeInstanceInformationCommand)[0]?.args[0].input.Filters).toEqual([
    { Key: 'InstanceIds', Values: [instanceId(1), node] },
  ]);
});
