import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { describe, expect, test } from 'vitest';
import type { LocalCloud } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

const target = { Arn: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] }, Id: 'sync' };
const permission = (rule: string) => ({
  Type: 'AWS::Lambda::Permission',
  Properties: {
    FunctionName: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] },
    Action: 'lambda:InvokeFunction',
    Principal: 'events.amazonaws.com',
    SourceArn: { 'Fn::GetAtt': [rule, 'Arn'] },
  },
});
const orders = {
  Orders: {
    Type: 'AWS::Events::Rule',
    Properties: { EventPattern: { source: ['shop'] }, Targets: [target] },
  },
  OrdersPermission: permission('Orders'),
};

const order = (cloud: LocalCloud, name: string) =>
  cloud.emit({ source: 'shop', 'detail-type': name, resources: [], detail: { name } });

const received = (cloud: LocalCloud) =>
  cloud.invocations().map(({ payload }) => JSON.parse(JSON.stringify(payload))['detail-type']);

describe('a rule', () => {
  test('invokes its function with each event that matches', async () => {
    const cloud = await sampleCloud({ resources: orders });
    order(cloud, 'first');
    cloud.emit({ source: 'other', 'detail-type': 'x', resources: [], detail: {} });
    await cloud.settle();
    expect(cloud.invocations()).toMatchObject([{ cause: 'Orders', payload: { detail: { name: 'first' } } }]);
    expect(cloud.events().map(({ rules }) => rules)).toEqual([['Orders'], []]);
  });

  test('without a permission invokes nothing, and settle() says so', async () => {
    const cloud = await sampleCloud({ resources: { Orders: orders.Orders } });
    order(cloud, 'first');
    await expect(cloud.settle()).rejects.toThrow(/rule Orders may not invoke .*sample-dev-sync/);
    expect(cloud.invocations()).toEqual([]);
  });

  test('that is disabled does nothing', async () => {
    const Properties = { ...orders.Orders.Properties, State: 'DISABLED' };
    const cloud = await sampleCloud({ resources: { ...orders, Orders: { ...orders.Orders, Properties } } });
    order(cloud, 'first');
    await cloud.settle();
    expect(cloud.invocations()).toEqual([]);
  });

  test('may give a part of the event, or a text of its own', async () => {
    const rule = (more: object) => ({
      Type: 'AWS::Events::Rule',
      Properties: { EventPattern: { source: ['shop'] }, Targets: [{ ...target, ...more }] },
    });
    const resources = {
      Part: rule({ InputPath: '$.detail.name' }),
      PartPermission: permission('Part'),
      Own: rule({ Input: '{"a":1}' }),
      OwnPermission: permission('Own'),
    };
    const cloud = await sampleCloud({ resources });
    order(cloud, 'first');
    await cloud.settle();
    expect(new Map(cloud.invocations().map(({ cause, payload }) => [cause, payload]))).toEqual(
      new Map<string, unknown>([
        ['Part', 'first'],
        ['Own', { a: 1 }],
      ]),
    );
  });

  test.each<[string, object, RegExp]>([
    ['an unknown operator', { EventPattern: { source: [{ like: 'x' }] }, Targets: [target] }, /like/],
    ['a bad schedule', { ScheduleExpression: 'rate(1 minutes)', Targets: [target] }, /rate/],
    [
      'a target that is not served',
      { EventPattern: { source: ['x'] }, Targets: [{ Arn: 'arn:aws:sns:x', Id: 'x' }] },
      /arn:aws:sns:x/,
    ],
    [
      'another bus',
      { EventBusName: 'mine', EventPattern: { source: ['x'] }, Targets: [target] },
      /default bus/,
    ],
    [
      'a transformer',
      {
        EventPattern: { source: ['x'] },
        Targets: [{ ...target, InputTransformer: { InputTemplate: '"x"' } }],
      },
      /InputTransformer/,
    ],
  ])('with %s stops the start', async (_name, Properties, message) => {
    await expect(
      sampleCloud({ resources: { Orders: { Type: 'AWS::Events::Rule', Properties } } }),
    ).rejects.toThrow(message);
  });
});

describe('an event can be', () => {
  test('lost', async () => {
    const cloud = await sampleCloud({ resources: orders });
    const fault = cloud.faults.dropEvents('first');
    order(cloud, 'first');
    order(cloud, 'first');
    await cloud.settle();
    expect(received(cloud)).toEqual(['first']);
    expect(fault.struck).toBe(1);
    expect(cloud.events().map(({ faults }) => faults)).toEqual([['drop'], []]);
  });

  test('doubled', async () => {
    const cloud = await sampleCloud({ resources: orders });
    cloud.faults.doubleEvents(({ source }) => source === 'shop');
    order(cloud, 'first');
    await cloud.settle();
    expect(received(cloud)).toEqual(['first', 'first']);
  });

  test('late', async () => {
    const cloud = await sampleCloud({ resources: orders });
    cloud.faults.delayEvents('first', 0.3);
    order(cloud, 'first');
    order(cloud, 'second');
    await cloud.settle();
    expect(received(cloud)).toEqual(['second', 'first']);
  });

  test('overtaken, or just late when nothing comes after it', async () => {
    const cloud = await sampleCloud({ resources: orders });
    cloud.faults.reorderEvents('first', 2);
    order(cloud, 'first');
    order(cloud, 'second');
    await cloud.settle();
    expect(received(cloud)).toEqual(['second', 'first']);
    order(cloud, 'first');
    await cloud.settle();
    expect(received(cloud)).toEqual(['second', 'first', 'first']);
  });
});

test('EC2 says every state of an instance, in its own words', async () => {
  const cloud = await sampleCloud();
  const instance = await cloud.launch();
  await instance.stop();
  await instance.start();
  await instance.reboot();
  await instance.terminate();
  const states = cloud
    .events(({ event }) => event.source === 'aws.ec2')
    .map(({ event }) => event.detail['state']);
  expect(states).toEqual([
    'pending',
    'running',
    'stopping',
    'stopped',
    'pending',
    'running',
    'shutting-down',
    'terminated',
  ]);
  expect(cloud.events()[0]?.event).toEqual({
    version: '0',
    id: expect.any(String),
    'detail-type': 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    account: '111122223333',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    region: 'eu-west-1',
    resources: [`arn:aws:ec2:eu-west-1:111122223333:instance/${instance.id}`],
    detail: { 'instance-id': instance.id, state: 'pending' },
  });
});

test('the schedule runs by itself when told to', async () => {
  const cloud = await sampleCloud();
  cloud.startSchedule(0.1);
  await cloud.waitFor(() => cloud.invocations().length >= 3, { what: 'three ticks', timeoutSeconds: 10 });
  cloud.stopSchedule();
  await cloud.settle();
  const count = cloud.invocations().length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(cloud.invocations()).toHaveLength(count);
});

test('waiting for what does not come says what it was', async () => {
  const cloud = await sampleCloud();
  await expect(cloud.waitFor(() => false, { what: 'rain', timeoutSeconds: 0.1 })).rejects.toThrow(/rain/);
});

test('all events of a kind can be dropped until the fault is taken away', async () => {
  const cloud = await sampleCloud({ resources: orders });
  const fault = cloud.faults.dropEvents('lost', Number.POSITIVE_INFINITY);
  for (let count = 0; count < 5; count += 1) order(cloud, 'lost');
  order(cloud, 'other');
  await cloud.settle();
  expect(received(cloud)).toEqual(['other']);
  expect(fault.struck).toBe(5);
  fault.remove();
  order(cloud, 'lost');
  await cloud.settle();
  expect(received(cloud)).toEqual(['other', 'lost']);
});

test('what a function puts on the bus reaches the rules of the stack', async () => {
  const ours = { EventPattern: { source: ['sample'] }, Targets: [target] };
  const cloud = await sampleCloud({
    resources: { Ours: { Type: 'AWS::Events::Rule', Properties: ours }, OursPermission: permission('Ours') },
    statements: [
      {
        Effect: 'Allow',
        Action: 'events:PutEvents',
        Resource: '*',
        Condition: { 'ForAllValues:StringEquals': { 'events:source': 'sample' } },
      },
    ],
  });
  const { events } = clientsOf(cloud, 'SyncLambdaFunction');
  const entry = { DetailType: 'Host Behind', Detail: '{"group":"web"}' };
  await events.send(new PutEventsCommand({ Entries: [{ ...entry, Source: 'sample' }] }));
  await cloud.settle();
  expect(cloud.invocations()).toMatchObject([
    { cause: 'Ours', payload: { 'detail-type': 'Host Behind', detail: { group: 'web' } } },
  ]);
  await expect(
    events.send(new PutEventsCommand({ Entries: [{ ...entry, Source: 'other' }] })),
  ).rejects.toThrow(/events:PutEvents/);
  expect(cloud.takeProblems()).toHaveLength(1);
});
