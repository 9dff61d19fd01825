// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is CloudFormation that fills them in
import { describe, expect, test } from 'vitest';
import type { AlarmResource } from '../../src/cloudformation/stack.ts';
import { evaluateMetric } from '../../src/cloudwatch/alarm-evaluation.ts';
import { sampleCloud } from './sample-cloud.ts';

const at = new Date('2026-11-22T10:00:00Z');

function alarmOf(properties: Partial<AlarmResource> = {}): AlarmResource {
  return {
    logicalId: 'Alarm',
    name: 'alarm',
    arn: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:alarm',
    ActionsEnabled: true,
    AlarmActions: [],
    OKActions: [],
    InsufficientDataActions: [],
    Namespace: 'sample',
    MetricName: 'Behind',
    Dimensions: [],
    Statistic: 'Maximum',
    Period: 60,
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0,
    EvaluationPeriods: 3,
    TreatMissingData: 'missing',
    ...properties,
  };
}

/** `0 - X - X`: the oldest first, X breaches, - is missing */
function judge(points: string, properties: Partial<AlarmResource> = {}) {
  const symbols = points.split(' ').toReversed();
  const data = symbols.flatMap((symbol, index) =>
    symbol === '-'
      ? []
      : [
          {
            at: new Date(at.getTime() - index * 60_000 - 1000),
            namespace: 'sample',
            name: 'Behind',
            unit: 'Seconds',
            dimensions: {},
            values: [symbol === 'X' ? 7 : 0],
          },
        ],
  );
  return evaluateMetric(alarmOf(properties), data, at, 60);
}

// The tables of AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
describe('missing data is treated as CloudWatch treats it, or an alarm that never fires would pass here', () => {
  test.each<[string, number, readonly (string | undefined)[]]>([
    ['0 - X - X', 3, ['OK', 'OK', 'OK', 'OK']],
    ['0 - - - -', 3, ['OK', 'OK', 'OK', 'OK']],
    ['- - - - -', 3, ['INSUFFICIENT_DATA', undefined, 'ALARM', 'OK']],
    ['0 X X - X', 3, ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
    ['- - X - -', 3, ['ALARM', undefined, 'ALARM', 'OK']],
    ['0 - X - X', 2, ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
    ['0 0 X 0 X', 2, ['ALARM', 'ALARM', 'ALARM', 'ALARM']],
    ['0 - X - -', 2, ['OK', 'OK', 'ALARM', 'OK']],
    ['- - - - 0', 2, ['OK', 'OK', 'ALARM', 'OK']],
    ['- - - X -', 2, ['ALARM', undefined, 'ALARM', 'OK']],
  ])('%s, %i of 3', (points, DatapointsToAlarm, expected) => {
    const treatments = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;
    expect(
      treatments.map((TreatMissingData) => judge(points, { DatapointsToAlarm, TreatMissingData }).state),
    ).toEqual(expected);
  });
});

describe('a period is summed up as the alarm says', () => {
  const data = [1, 2, 3, 10].map((value, index) => ({
    at: new Date(at.getTime() - 1000 * (index + 1)),
    namespace: 'sample',
    name: 'Behind',
    unit: 'Seconds',
    values: [value],
    dimensions: { group: 'web' },
  }));
  const summedUp = (properties: Partial<AlarmResource>) =>
    evaluateMetric(alarmOf({ Dimensions: [{ Name: 'group', Value: 'web' }], ...properties }), data, at, 60)
      .datapoints[0]?.value;

  test.each([
    ['Sum', 16],
    ['Average', 4],
    ['Minimum', 1],
    ['Maximum', 10],
    ['SampleCount', 4],
  ] as const)('%s', (Statistic, expected) => {
    expect(summedUp({ Statistic })).toBe(expected);
  });

  test('percentiles, units, and exactly the dimensions of the metric', () => {
    expect(summedUp({ Statistic: undefined, ExtendedStatistic: 'p50' })).toBe(2);
    expect(summedUp({ Unit: 'Seconds' })).toBe(10);
    expect(summedUp({ Unit: 'Count' })).toBeUndefined();
    expect(summedUp({ Dimensions: [] })).toBeUndefined();
    expect(summedUp({ Dimensions: [{ Name: 'group', Value: 'other' }] })).toBeUndefined();
  });
});

const functionErrors = {
  AlarmDescription: 'the function fails',
  Namespace: 'AWS/Lambda',
  MetricName: 'Errors',
  Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'SyncLambdaFunction' } }],
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 0,
  ComparisonOperator: 'GreaterThanThreshold',
  TreatMissingData: 'notBreaching',
  AlarmActions: [{ Ref: 'Alerts' }],
  OKActions: [{ Ref: 'Alerts' }],
};
const alarmResource = (properties: Record<string, unknown> = {}) => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: { ...functionErrors, ...properties },
});
const failing = `export const handler = async (event) => { if (event.fail) throw new Error('no good'); };`;

describe('the alarms of a template', () => {
  test('go off on what was really measured, tell their topic, and say it on the bus', async () => {
    const cloud = await sampleCloud({ handler: failing, resources: { FunctionErrors: alarmResource() } });
    const [created] = cloud.alarms();
    expect(created).toMatchObject({
      logicalId: 'FunctionErrors',
      name: cloud.physicalName('FunctionErrors'),
      state: 'INSUFFICIENT_DATA',
      properties: {
        Dimensions: [{ Name: 'FunctionName', Value: 'sample-dev-sync' }],
      },
    });
    await cloud.invoke('SyncLambdaFunction', { fail: true });
    expect(await cloud.evaluateAlarms()).toMatchObject([
      {
        state: 'ALARM',
        previousState: 'INSUFFICIENT_DATA',
        changed: true,
        datapoints: [{ value: 1 }, {}, {}],
      },
    ]);
    // still so: nothing is said twice
    expect(await cloud.evaluateAlarms()).toMatchObject([{ state: 'ALARM', changed: false }]);
    // a period of a second that ends in the future has seen nothing
    const later = new Date(Date.now() + 60_000);
    expect(await cloud.evaluateAlarms({ at: later, periodSeconds: 1 })).toMatchObject([
      { state: 'OK', previousState: 'ALARM', reason: expect.stringContaining('notBreaching') },
    ]);
    await cloud.settle();
    expect(cloud.messages()).toMatchObject([
      {
        topic: 'Alerts',
        publisher: 'FunctionErrors',
        subject: expect.stringMatching(/^ALARM: "sample-dev-Fun/),
      },
      { topic: 'Alerts', subject: expect.stringMatching(/^OK: /) },
    ]);
    expect(JSON.parse(cloud.messages()[0]?.message ?? '')).toMatchObject({
      AlarmDescription: 'the function fails',
      NewStateValue: 'ALARM',
      OldStateValue: 'INSUFFICIENT_DATA',
      NewStateReason: expect.stringMatching(
        /^Threshold Crossed: 1 out of the last 1 datapoints \[1 \(.*\)\] was greater/,
      ),
      Trigger: { MetricName: 'Errors', Statistic: 'SUM', Threshold: 0 },
    });
    expect(cloud.events().map(({ event }) => event)).toMatchObject([
      {
        source: 'aws.cloudwatch',
        'detail-type': 'CloudWatch Alarm State Change',
        resources: [created?.arn],
        detail: {
          state: { value: 'ALARM', timestamp: expect.stringMatching(/\+0000$/) },
          previousState: { value: 'INSUFFICIENT_DATA' },
          configuration: { metrics: [{ metricStat: { stat: 'Sum', period: 60 } }] },
        },
      },
      { detail: { state: { value: 'OK' }, previousState: { value: 'ALARM' } } },
    ]);
  });

  test('see the metrics in the logs, by exactly their dimensions', async () => {
    const emf = `JSON.stringify({ _aws: { Timestamp: Date.now(), CloudWatchMetrics: [{ Namespace: 'sample', Dimensions: [['group']], Metrics: [{ Name: 'Behind', Unit: 'Seconds' }] }] }, group: 'web', Behind: 200 })`;
    const behind = { Namespace: 'sample', MetricName: 'Behind', Statistic: 'Maximum', Threshold: 120 };
    const cloud = await sampleCloud({
      handler: `export const handler = async () => { process.stdout.write(${emf} + '\\n'); };`,
      resources: {
        Web: alarmResource({ ...behind, Dimensions: [{ Name: 'group', Value: 'web' }] }),
        Any: alarmResource({ ...behind, Dimensions: [] }),
      },
    });
    await cloud.invoke('SyncLambdaFunction', {});
    const states = (await cloud.evaluateAlarms()).map(({ logicalId, state }) => [logicalId, state]);
    expect(Object.fromEntries(states)).toEqual({ Web: 'ALARM', Any: 'OK' });
  });

  test('see messages in a queue', async () => {
    const visible = {
      Namespace: 'AWS/SQS',
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Statistic: 'Maximum',
    };
    const cloud = await sampleCloud({
      handler: `export const handler = async () => { throw new Error('no good'); };`,
      functionProperties: { DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
      statements: [
        { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['Dead', 'Arn'] } },
      ],
      resources: {
        Dead: { Type: 'AWS::SQS::Queue', Properties: { MessageRetentionPeriod: 1_209_600 } },
        DeadLetters: alarmResource({
          ...visible,
          Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': ['Dead', 'QueueName'] } }],
          TreatMissingData: 'missing',
        }),
      },
    });
    expect(await cloud.evaluateAlarms()).toMatchObject([{ state: 'OK' }]);
    cloud.tick();
    await cloud.settle();
    expect(cloud.queueMessages()).toMatchObject([{ queue: 'Dead' }]);
    expect(await cloud.evaluateAlarms()).toMatchObject([
      { state: 'ALARM', datapoints: [{ value: 1 }, {}, {}] },
    ]);
    cloud.purgeQueue('Dead');
    expect(cloud.queueMessages()).toEqual([]);
    expect(await cloud.evaluateAlarms()).toMatchObject([{ state: 'OK', previousState: 'ALARM' }]);
    expect(() => cloud.purgeQueue('Alerts')).toThrow(/no queue Alerts/);
  });

  test('with an expression are kept as they are, and change state only by hand', async () => {
    const query = 'SELECT MAX(SecondsBehind) FROM SCHEMA(sample, "group")';
    const insights = {
      Metrics: [{ Id: 'q1', Expression: query, Period: 60 }],
      ComparisonOperator: 'GreaterThanThreshold',
      EvaluationPeriods: 3,
      Threshold: 300,
      AlarmActions: [{ Ref: 'Alerts' }],
    };
    const cloud = await sampleCloud({
      resources: { Behind: { Type: 'AWS::CloudWatch::Alarm', Properties: insights } },
    });
    expect(await cloud.evaluateAlarms()).toMatchObject([
      { state: 'INSUFFICIENT_DATA', properties: { Metrics: [{ Expression: query, ReturnData: true }] } },
    ]);
    await cloud.setAlarmState('Behind', 'ALARM', 'a drill');
    expect(cloud.alarms({ state: 'ALARM' })).toMatchObject([{ logicalId: 'Behind', reason: 'a drill' }]);
    expect(cloud.messages()).toMatchObject([{ publisher: 'Behind' }]);
    await expect(cloud.setAlarmState('Nobody', 'OK')).rejects.toThrow(/no alarm Nobody/);
  });

  const policy = (Service: string) => ({
    Type: 'AWS::SNS::TopicPolicy',
    Properties: {
      Topics: [{ Ref: 'Alerts' }],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service },
            Action: 'sns:Publish',
            Resource: { Ref: 'Alerts' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      },
    },
  });

  test('may publish to a topic with a policy only if that says so', async () => {
    const allowed = await sampleCloud({
      handler: failing,
      resources: { FunctionErrors: alarmResource(), Policy: policy('cloudwatch.amazonaws.com') },
    });
    await allowed.invoke('SyncLambdaFunction', { fail: true });
    await allowed.evaluateAlarms();
    expect(allowed.messages()).toHaveLength(1);
    const denied = await sampleCloud({
      handler: failing,
      resources: { FunctionErrors: alarmResource(), Policy: policy('events.amazonaws.com') },
    });
    expect(denied.takeProblems()).toMatchObject([
      {
        kind: 'denied',
        message: expect.stringMatching(/FunctionErrors.*cloudwatch.amazonaws.com.*sns:Publish/),
      },
    ]);
    await denied.invoke('SyncLambdaFunction', { fail: true });
    await denied.evaluateAlarms();
    expect(denied.messages()).toEqual([]);
    expect(denied.takeProblems()).toHaveLength(1);
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a metric that AWS does not have', { MetricName: 'Error' }, /does not measure AWS\/Lambda Error/],
    [
      'the wrong dimension',
      { Dimensions: [{ Name: 'Function', Value: 'x' }] },
      /dimension FunctionName, not Function/,
    ],
    ['a function that is not there', { Dimensions: [{ Name: 'FunctionName', Value: 'x' }] }, /called x/],
    ['an action that goes nowhere', { AlarmActions: ['arn:aws:sns:eu-west-1:111122223333:other'] }, /:other/],
    ['a misspelled treatment', { TreatMissingData: 'NotBreaching' }, /TreatMissingData/],
    ['two statistics', { ExtendedStatistic: 'p99' }, /exactly one of Statistic and ExtendedStatistic/],
    ['a metric and an expression', { Metrics: [{ Id: 'a', Expression: '1' }] }, /exactly one of MetricName/],
    ['a period that there is not', { Period: 90 }, /multiple of 60/],
    ['more datapoints than periods', { DatapointsToAlarm: 2 }, /DatapointsToAlarm/],
    ['a property that it does not have', { AlarmAction: [] }, /AlarmAction/],
  ])('with %s stop the start', async (_name, properties, message) => {
    await expect(sampleCloud({ resources: { Wrong: alarmResource(properties) } })).rejects.toThrow(message);
  });
});

describe('the dashboards of a template', () => {
  const widget = { type: 'text', x: 0, y: 0, width: 6, height: 3, properties: { markdown: '# hosts' } };
  const metric = {
    type: 'metric',
    x: 6,
    y: 0,
    width: 18,
    height: 6,
    properties: {
      region: '${AWS::Region}',
      metrics: [['AWS/Lambda', 'Errors', 'FunctionName', '${SyncLambdaFunction}']],
    },
  };
  const dashboard = (body: unknown) => ({
    Dashboard: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: body } },
  });

  test('can be read', async () => {
    const body = { 'Fn::Sub': JSON.stringify({ widgets: [widget, metric] }) };
    const cloud = await sampleCloud({ resources: dashboard(body) });
    expect(cloud.dashboards()).toMatchObject([
      {
        logicalId: 'Dashboard',
        body: {
          widgets: [
            widget,
            {
              properties: {
                region: 'eu-west-1',
                metrics: [['AWS/Lambda', 'Errors', 'FunctionName', 'sample-dev-sync']],
              },
            },
          ],
        },
      },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /is not JSON/],
    ['no text', { widgets: [] }, /must be text/],
    ['no widgets', '{}', /widgets/],
    [
      'a widget of no known type',
      JSON.stringify({ widgets: [{ ...widget, type: 'txt' }] }),
      /widgets.0.type/,
    ],
    ['a widget without a height', JSON.stringify({ widgets: [{ ...widget, height: undefined }] }), /height/],
    ['a widget that sticks out', JSON.stringify({ widgets: [{ ...widget, x: 20 }] }), /24 wide/],
    [
      'a metric widget without metrics',
      JSON.stringify({ widgets: [{ ...metric, properties: { region: 'eu-west-1' } }] }),
      /needs metrics/,
    ],
    ['an intrinsic function left in it', JSON.stringify({ widgets: [metric] }), /is no region/],
  ])('are refused with %s', async (_name, body, message) => {
    await expect(sampleCloud({ resources: dashboard(body) })).rejects.toThrow(message);
  });
});

describe('the saved queries of a template', () => {
  const query = (properties: object) => ({
    Query: {
      Type: 'AWS::Logs::QueryDefinition',
      Properties: {
        Name: 'sample/errors',
        QueryString: "fields @message\n| filter level = 'ERROR'",
        ...properties,
      },
    },
  });

  test('can be read', async () => {
    const cloud = await sampleCloud({ resources: query({ LogGroupNames: ['/aws/lambda/sample'] }) });
    expect(cloud.queryDefinitions()).toMatchObject([
      { logicalId: 'Query', Name: 'sample/errors', LogGroupNames: ['/aws/lambda/sample'] },
    ]);
  });

  test.each([
    [
      'a command that there is not',
      { QueryString: 'select @message' },
      'has no commands of Logs Insights: select',
    ],
    ['a property that there is not', { LogGroups: ['x'] }, 'LogGroups'],
    ['no query', { QueryString: '' }, 'QueryString'],
  ])('with %s are refused', async (_name, properties, message) => {
    await expect(sampleCloud({ resources: query(properties) })).rejects.toThrow(message);
  });
});
