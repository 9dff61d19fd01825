import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { sampleCloud } from '../sample-cloud.ts';

const table = {
  Type: 'AWS::DynamoDB::Table',
  Properties: {
    TableName: 'sample-memory',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  },
};
const TableName = 'sample-memory';

async function start(statements: readonly unknown[] = []) {
  const cloud = await sampleCloud({ resources: { Memory: table }, statements });
  const client = new DynamoDBClient(cloud.clientConfig());
  const key = (pk: string, sk = 'head') => ({ pk: { S: pk }, sk: { S: sk } });
  const put = (pk: string, sk: string, attributes: object = {}) =>
    client.send(new PutItemCommand({ TableName, Item: { ...key(pk, sk), ...attributes } }));
  return { cloud, client, key, put, memory: cloud.table('Memory') };
}

/** Takes version 1 to 2, from whoever calls. */
const claim = (client: DynamoDBClient, pk: string, holder: string) =>
  client.send(
    new UpdateItemCommand({
      TableName,
      Key: { pk: { S: pk }, sk: { S: 'head' } },
      UpdateExpression: 'SET version = :new, holder = :holder',
      ConditionExpression: 'version = :seen',
      ExpressionAttributeValues: { ':new': { N: '2' }, ':seen': { N: '1' }, ':holder': { S: holder } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  );

describe('a table', () => {
  test('keeps items: written, read, asked for by key, several at once, deleted', async () => {
    const { client, key, put } = await start();
    for (const sk of ['head', 'host#1', 'host#2']) await put('group#web', sk, { n: { N: '1' } });
    await put('group#blog', 'head');
    const one = await client.send(
      new GetItemCommand({ TableName, Key: key('group#web'), ConsistentRead: true }),
    );
    expect(one.Item).toEqual({ ...key('group#web'), n: { N: '1' } });
    const hosts = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: '#pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeNames: { '#pk': 'pk' },
        ExpressionAttributeValues: { ':pk': { S: 'group#web' }, ':prefix': { S: 'host#' } },
      }),
    );
    expect(hosts.Items?.map(({ sk }) => sk?.S)).toEqual(['host#1', 'host#2']);
    const heads = await client.send(
      new BatchGetItemCommand({
        RequestItems: { [TableName]: { Keys: [key('group#web'), key('group#blog')] } },
      }),
    );
    expect(heads.Responses?.[TableName]?.length).toBe(2);
    await client.send(new DeleteItemCommand({ TableName, Key: key('group#web') }));
    expect(
      (await client.send(new GetItemCommand({ TableName, Key: key('group#web') }))).Item,
    ).toBeUndefined();
  });

  test('of many that write on one condition, one does; the others see what is there', async () => {
    const { client, put } = await start();
    await put('group#web', 'head', { version: { N: '1' } });
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => claim(client, 'group#web', `host-${index}`)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      expect(result.reason).toBeInstanceOf(ConditionalCheckFailedException);
      expect(result.reason.Item).toMatchObject({
        version: { N: '2' },
        holder: { S: expect.stringMatching(/^host-/) },
      });
    }
  });

  test('that was made again has another id, and that was restored holds what it held', async () => {
    const { client, put, memory } = await start();
    const id = async () => (await client.send(new DescribeTableCommand({ TableName }))).Table?.TableId;
    const first = await id();
    await put('group#web', 'head', { version: { N: '1' } });
    const backup = await memory.items();
    await put('group#web', 'head', { version: { N: '2' } });
    await memory.drop();
    await expect(put('group#web', 'head')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await memory.restore(backup);
    expect(await memory.items()).toEqual(backup);
    expect(await id()).not.toBe(first);
  });

  test('its time to live deletes late: until then an item that has expired is there', async () => {
    const { put, memory } = await start();
    const seconds = (offset: number) => ({
      expiresAt: { N: String(Math.floor(Date.now() / 1000) + offset) },
    });
    await put('alert#1', '-', seconds(-10));
    await put('alert#2', '-', seconds(100));
    await put('alert#3', '-');
    expect((await memory.items()).length).toBe(3);
    expect(await memory.expire()).toBe(1);
    expect(await memory.expire(new Date(Date.now() + 200_000))).toBe(1);
    expect((await memory.items()).map(({ pk }) => pk?.['S'])).toEqual(['alert#3']);
  });
});

describe('a role', () => {
  const allow = (condition: object) => ({
    Effect: 'Allow',
    Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:BatchGetItem'],
    Resource: { 'Fn::GetAtt': ['Memory', 'Arn'] },
    Condition: condition,
  });
  const ofAlerts = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'alert#*' } };

  test('may be narrowed to the leading keys of its items', async () => {
    const { cloud, key } = await start([allow(ofAlerts)]);
    const client = new DynamoDBClient(cloud.clientConfig('SyncLambdaFunction'));
    const put = (pk: string) => client.send(new PutItemCommand({ TableName, Item: key(pk) }));
    await put('alert#1');
    const denied = { name: 'AccessDeniedException' };
    await expect(put('group#web')).rejects.toMatchObject(denied);
    const get = (...pks: string[]) =>
      client.send(
        new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: pks.map((pk) => key(pk)) } } }),
      );
    await expect(get('alert#1', 'alert#2')).resolves.toBeDefined();
    await expect(get('alert#1', 'group#web')).rejects.toMatchObject(denied);
    const query = (pk: string) =>
      client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': { S: pk } },
        }),
      );
    await expect(query('alert#1')).resolves.toMatchObject({ Count: 1 });
    await expect(query('group#web')).rejects.toMatchObject(denied);
    await expect(
      client.send(new DeleteItemCommand({ TableName, Key: key('alert#1') })),
    ).rejects.toMatchObject(denied);
    cloud.takeProblems();
  });

  test('may be narrowed to attributes, however an expression names them', async () => {
    const { cloud, key } = await start([
      {
        Effect: 'Allow',
        Action: 'dynamodb:UpdateItem',
        Resource: { 'Fn::GetAtt': ['Memory', 'Arn'] },
        Condition: {
          'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'sk', 'synced', 'lasts'] },
          Null: { 'dynamodb:Attributes': 'false' },
        },
      },
    ]);
    const client = new DynamoDBClient(cloud.clientConfig('SyncLambdaFunction'));
    const update = (UpdateExpression: string, names?: Record<string, string>, condition?: string) =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: key('group#web'),
          UpdateExpression,
          ExpressionAttributeNames: names,
          ConditionExpression: condition,
          ExpressionAttributeValues: { ':it': { N: '1' } },
        }),
      );
    await update('SET synced = :it');
    await update('SET #a = if_not_exists(#a, :it)', { '#a': 'synced' }, 'attribute_not_exists(lasts)');
    const denied = { name: 'AccessDeniedException' };
    await expect(update('SET claim = :it')).rejects.toMatchObject(denied);
    await expect(update('SET #a = :it', { '#a': 'claim' })).rejects.toMatchObject(denied);
    await expect(update('SET synced = :it REMOVE claim')).rejects.toMatchObject(denied);
    await expect(update('SET synced = :it', undefined, 'attribute_not_exists(claim)')).rejects.toMatchObject(
      denied,
    );
    cloud.takeProblems();
  });
});
