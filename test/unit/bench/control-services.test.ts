import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateTagsCommand,
  DescribeInstanceStatusCommand,
  EC2Client,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  GetConnectionStatusCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  paginateListCommandInvocations,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ec2Service } from '../../../bench/control/ec2.ts';
import { makeFleet } from '../../../bench/control/fleet.ts';
import { sqsService } from '../../../bench/control/other-services.ts';
import { type Call, FakeAws } from '../../../bench/control/server.ts';
import { FakeSsm } from '../../../bench/control/ssm.ts';
import { dynamoDbService } from '../../../bench/control/table.ts';

// What the benchmark's AWS answers is what the handler goes by: a wrong answer is a wrong measure.
const delay = 20;
const fleet = makeFleet({ groups: 110, hosts: 20, now: Date.now() });
const [well, suspected] = fleet.groups;
const calls: Call[] = [];
const group = (name: string) => ({ pk: { S: `group#${name}` }, sk: { S: 'head' } });
let aws: FakeAws;
let clients: { ec2: EC2Client; ssm: SSMClient; table: DynamoDBClient; sqs: SQSClient };
beforeAll(async () => {
  aws = await FakeAws.start({
    services: [
      ec2Service(fleet),
      new FakeSsm({ fleet, pushDocument: 'PushDocument' }).service,
      dynamoDbService(['pk', 'sk']),
      sqsService(),
    ],
    delay,
    onCall: (call) => calls.push(call),
  });
  // As the functions find it
  vi.stubEnv('AWS_ENDPOINT_URL', aws.url);
  const config = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  };
  clients = {
    ec2: new EC2Client(config),
    ssm: new SSMClient(config),
    table: new DynamoDBClient(config),
    sqs: new SQSClient(config),
  };
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await aws.close();
});

function idOf(index: number, of = well): string {
  const id = of?.hosts[index]?.id;
  if (id === undefined) throw new Error(`no host ${index}`);
  return id;
}

it('every answer takes the delay, and every call is counted', async () => {
  calls.length = 0;
  const started = performance.now();
  await clients.ssm.send(new GetConnectionStatusCommand({ Target: idOf(0) }));
  // Timers of Node.js may fire up to a millisecond early
  expect(performance.now() - started).toBeGreaterThan(delay - 1);
  expect(calls.map(({ api }) => api)).toEqual(['ssm:GetConnectionStatus']);
});

it('a call that is not served fails, and the benchmark knows it', async () => {
  await expect(
    clients.ssm.send(new ListCommandsCommand({ Filters: [{ key: 'ExecutionStage', value: 'Complete' }] })),
  ).rejects.toThrow('ExecutionStage');
  expect([...aws.unserved]).toEqual([expect.stringContaining('ExecutionStage')]);
});

describe('EC2', () => {
  it('shows all hosts with their tags, 1,000 a page', async () => {
    const pages: number[] = [];
    const ids = new Set<string>();
    const found = paginateDescribeInstances(
      { client: clients.ec2, pageSize: 1000 },
      {
        Filters: [
          { Name: 'tag-key', Values: ['hostsync:group'] },
          { Name: 'instance-state-name', Values: ['running', 'stopped'] },
        ],
      },
    );
    for await (const { Reservations = [] } of found) {
      pages.push(Reservations.length);
      for (const { Instances = [] } of Reservations)
        for (const { InstanceId = '', Tags = [], PrivateIpAddress, State } of Instances) {
          ids.add(InstanceId);
          expect(Tags.find(({ Key }) => Key === 'hostsync:group')?.Value).toBe(
            fleet.hosts.get(InstanceId)?.group.name,
          );
          expect([PrivateIpAddress, State?.Name]).toEqual([fleet.hosts.get(InstanceId)?.address, 'running']);
        }
    }
    expect(pages).toEqual([1000, 1000, 200]);
    expect(ids.size).toBe(2200);
  });

  it('has the checks of a silent primary fail', async () => {
    const InstanceIds = [idOf(0), idOf(0, suspected)];
    const { InstanceStatuses = [] } = await clients.ec2.send(
      new DescribeInstanceStatusCommand({ InstanceIds, IncludeAllInstances: true }),
    );
    expect(InstanceStatuses.map(({ SystemStatus }) => SystemStatus?.Status)).toEqual(['ok', 'impaired']);
  });

  it('shows tags that were written at once, and refuses those of a host that is not there', async () => {
    const Tags = [{ Key: 'x', Value: '1' }];
    await clients.ec2.send(new CreateTagsCommand({ Resources: [idOf(3)], Tags }));
    expect(fleet.hosts.get(idOf(3))?.tags.get('x')).toBe('1');
    const refused = clients.ec2.send(new CreateTagsCommand({ Resources: ['i-0'], Tags }));
    await expect(refused).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
  });
});

describe('SSM', () => {
  it('describes the nodes of a filter, alive and silent', async () => {
    const Values = [idOf(0), idOf(0, suspected)];
    const { InstanceInformationList = [] } = await clients.ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values }] }),
    );
    expect(InstanceInformationList.map(({ PingStatus }) => PingStatus)).toEqual(['Online', 'ConnectionLost']);
  });

  it('remembers the pushes of the last minutes, 50 a page, and those that are sent are in progress', async () => {
    const InstanceIds = [idOf(0)];
    const sent = await clients.ssm.send(
      new SendCommandCommand({ DocumentName: 'PushDocument', InstanceIds }),
    );
    const statuses: unknown[] = [];
    const pages = paginateListCommandInvocations(
      { client: clients.ssm, pageSize: 50 },
      { Details: true, Filters: [{ key: 'DocumentName', value: 'PushDocument' }] },
    );
    for await (const { CommandInvocations = [] } of pages)
      statuses.push(
        ...CommandInvocations.filter((each) => each.InstanceId === idOf(0)).map((each) => each.Status),
      );
    expect(statuses).toEqual(['Success', 'Success', 'Success', 'Success', 'InProgress']);
    const CommandId = sent.Command?.CommandId;
    const one = await clients.ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId: idOf(0) }));
    expect(one.Status).toBe('InProgress');
  });

  it('ends a probe on all secondaries but the silent one', async () => {
    const InstanceIds = [1, 2, 3].map((index) => idOf(index, suspected));
    const sent = await clients.ssm.send(
      new SendCommandCommand({ DocumentName: 'ProbeDocument', InstanceIds }),
    );
    const { CommandInvocations = [] } = await clients.ssm.send(
      new ListCommandInvocationsCommand({ CommandId: sent.Command?.CommandId, Details: true }),
    );
    expect(CommandInvocations.map(({ Status }) => Status)).toEqual(['InProgress', 'Success', 'Success']);
    expect(JSON.parse(CommandInvocations[1]?.CommandPlugins?.[0]?.Output ?? '')).toMatchObject({
      kind: 'probe',
      id: idOf(0, suspected),
      reached: false,
    });
  });
});

describe('DynamoDB', () => {
  const TableName = 'memory';

  it('is empty at first: a batch read of heads is answered, with none', async () => {
    const Keys = ['a', 'b'].map(group);
    const { Responses, UnprocessedKeys } = await clients.table.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys, ConsistentRead: true } } }),
    );
    expect([Responses, UnprocessedKeys]).toEqual([{ [TableName]: [] }, {}]);
  });

  it('has what was put', async () => {
    const head = { ...group('a'), version: { N: '1' } };
    const mirror = { ...group('a'), sk: { S: 'mirror' } };
    await clients.table.send(new PutItemCommand({ TableName, Item: head }));
    await clients.table.send(
      new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item: mirror } }] }),
    );
    await clients.table.send(
      new UpdateItemCommand({ TableName, Key: group('a'), UpdateExpression: 'SET version = version + :one' }),
    );
    expect((await clients.table.send(new GetItemCommand({ TableName, Key: group('a') }))).Item).toEqual(head);
    const { Items } = await clients.table.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :group',
        ExpressionAttributeValues: { ':group': { S: 'group#a' } },
      }),
    );
    expect(Items).toEqual([head, mirror]);
    const Keys = ['a', 'b'].map(group);
    const read = await clients.table.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }),
    );
    expect(read.Responses?.[TableName]).toEqual([head]);
  });
});

it('SQS takes messages for a FIFO queue, one and ten at a time', async () => {
  const QueueUrl = `${aws.url}/111122223333/groups.fifo`;
  const message = (number: number) => ({
    MessageBody: `{"group":"site-${number}"}`,
    MessageGroupId: `g${number}`,
    MessageDeduplicationId: `d${number}`,
  });
  const one = await clients.sqs.send(new SendMessageCommand({ QueueUrl, ...message(0) }));
  const Entries = Array.from({ length: 10 }, (_, number) => ({ Id: `m${number}`, ...message(number) }));
  const many = await clients.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  expect(many.Successful?.map(({ Id }) => Id)).toEqual(Entries.map(({ Id }) => Id));
  expect(Number(many.Successful?.[0]?.SequenceNumber)).toBe(Number(one.SequenceNumber) + 1);
});
