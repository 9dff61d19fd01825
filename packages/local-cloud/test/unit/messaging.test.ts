import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { describe, expect, test } from 'vitest';
import { sampleCloud } from './sample-cloud.ts';

const queue = { Type: 'AWS::SQS::Queue', Properties: {} };
const send = { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['Dead', 'Arn'] } };
const failing = `export const handler = async () => { throw new TypeError('no good'); };`;

describe('an alert gets through SNS, or its sender hears why', () => {
  async function topic() {
    const cloud = await sampleCloud({
      statements: [{ Effect: 'Allow', Action: 'sns:Publish', Resource: { Ref: 'Alerts' } }],
      resources: {
        Mail: {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: { Ref: 'Alerts' }, Protocol: 'email', Endpoint: 'ops@example.com' },
        },
      },
    });
    const TopicArn = `arn:aws:sns:eu-west-1:111122223333:${cloud.physicalName('Alerts')}`;
    const client = new SNSClient({ ...cloud.clientConfig('SyncLambdaFunction'), maxAttempts: 1 });
    const publish = (input: { readonly Subject?: string; readonly Message: string }) =>
      client.send(new PublishCommand({ TopicArn, ...input }));
    return { cloud, publish };
  }

  test('to the subscribers of the topic', async () => {
    const { cloud, publish } = await topic();
    expect(
      (await publish({ Subject: 'web: no primary', Message: 'a <b> & "c"\n\u00e9' })).MessageId,
    ).toBeDefined();
    expect(cloud.messages()).toMatchObject([
      {
        topic: 'Alerts',
        subject: 'web: no primary',
        message: 'a <b> & "c"\n\u00e9',
        attributes: {},
        subscribers: ['email:ops@example.com'],
        publisher: 'SyncLambdaFunction',
      },
    ]);
  });

  test.each<[string, { readonly Subject?: string; readonly Message: string }, string]>([
    ['100 characters of subject', { Subject: 'x'.repeat(100), Message: 'x' }, 'Invalid parameter: Subject'],
    ['a subject of two lines', { Subject: 'a\nb', Message: 'x' }, 'Invalid parameter: Subject'],
    ['a subject that is not ASCII', { Subject: 'caf\u00e9', Message: 'x' }, 'Invalid parameter: Subject'],
    [
      'a subject with a control character',
      { Subject: 'a\u0007', Message: 'x' },
      'Invalid parameter: Subject',
    ],
    ['an empty subject', { Subject: '', Message: 'x' }, 'Invalid parameter: Subject'],
    ['no message', { Message: '' }, 'Invalid parameter: Empty message'],
    ['a message over 256 KB', { Message: '\u00e9'.repeat(131_073) }, 'Invalid parameter: Message too long'],
  ])('refuses %s', async (_name, input, message) => {
    const { cloud, publish } = await topic();
    await expect(publish(input)).rejects.toMatchObject({ name: 'InvalidParameterException', message });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'invalid-request' }]);
    expect(cloud.messages()).toEqual([]);
  });

  test('takes the longest subject and message that there may be', async () => {
    const { cloud, publish } = await topic();
    await publish({ Subject: 'x'.repeat(99), Message: 'x'.repeat(262_144) });
    expect(cloud.messages()).toHaveLength(1);
  });
});

describe('what could not be done is kept', () => {
  test('by Lambda, in a queue, a topic or another function, as far as the role goes', async () => {
    const cloud = await sampleCloud({
      handler: `export const handler = async (event) => { if (event.requestContext === undefined) throw new TypeError('no good'); };`,
      invokeConfig: {
        DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] } } },
      },
      functionProperties: { DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
      statements: [send, { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: '*' }],
      resources: { Dead: queue },
    });
    cloud.tick();
    await cloud.settle();
    expect(cloud.queueMessages()).toMatchObject([
      { queue: 'Dead', attributes: { ErrorCode: '200', ErrorMessage: 'no good' } },
    ]);
    expect(cloud.invocations()).toMatchObject([
      { outcome: { kind: 'error' } },
      {
        cause: 'SyncLambdaFunction',
        payload: {
          requestContext: { condition: 'RetriesExhausted' },
          responsePayload: { errorType: 'TypeError' },
        },
      },
    ]);
  });

  test.each<[string, Record<string, unknown>]>([
    [
      'a destination',
      {
        invokeConfig: {
          DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
        },
      },
    ],
    [
      'a dead-letter queue',
      { functionProperties: { DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } } } },
    ],
  ])('%s that the role may not use is found at the start', async (_name, options) => {
    const cloud = await sampleCloud({ ...options, resources: { Dead: queue } });
    expect(cloud.takeProblems()).toMatchObject([
      {
        kind: 'denied',
        message: expect.stringMatching(/SyncLambdaFunction.*failed events.*sqs:SendMessage/),
      },
    ]);
  });

  const rule = (withPermission: boolean, Condition: unknown) => ({
    Dead: queue,
    Rule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventPattern: { source: ['sample'] },
        State: 'ENABLED',
        Targets: [
          {
            Id: 'sync',
            Arn: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] },
            DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['Dead', 'Arn'] } },
            RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 },
          },
        ],
      },
    },
    ...(withPermission && {
      Permission: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          FunctionName: { Ref: 'SyncLambdaFunction' },
          Action: 'lambda:InvokeFunction',
          Principal: 'events.amazonaws.com',
          SourceArn: { 'Fn::GetAtt': ['Rule', 'Arn'] },
        },
      },
    }),
    QueuePolicy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'Dead' }],
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'events.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: { 'Fn::GetAtt': ['Dead', 'Arn'] },
              Condition,
            },
          ],
        },
      },
    },
  });
  const fromRule = { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': ['Rule', 'Arn'] } } };
  const draft = { source: 'sample', 'detail-type': 'Test', resources: [], detail: { a: 1 } };

  test('by EventBridge, in the queue of the target', async () => {
    const cloud = await sampleCloud({ resources: rule(false, fromRule) });
    cloud.emit(draft);
    await expect(cloud.settle()).rejects.toThrow(/may not invoke/);
    expect(cloud.queueMessages()).toMatchObject([
      {
        queue: 'Dead',
        attributes: { ERROR_CODE: 'NO_PERMISSIONS', TARGET_ARN: expect.stringContaining(':function:') },
      },
    ]);
    expect(JSON.parse(cloud.queueMessages()[0]?.body ?? '')).toMatchObject({
      source: 'sample',
      detail: { a: 1 },
    });
  });

  test('but not in a queue whose policy does not name the rule, which is found at the start', async () => {
    const elsewhere = { ArnEquals: { 'aws:SourceArn': 'arn:aws:events:eu-west-1:111122223333:rule/other' } };
    const cloud = await sampleCloud({ resources: rule(true, elsewhere) });
    expect(cloud.takeProblems()).toMatchObject([
      {
        kind: 'denied',
        message: expect.stringMatching(/rule Rule cannot send its dead letters.*events.amazonaws.com/),
      },
    ]);
    cloud.emit(draft);
    await cloud.settle();
    expect(cloud.invocations()).toHaveLength(1);
  });
});

describe('a template that AWS would take and that would not work is refused', () => {
  const policyOf = (Statement: unknown, Topics: unknown = [{ Ref: 'Alerts' }]) => ({
    Type: 'AWS::SNS::TopicPolicy',
    Properties: { Topics, PolicyDocument: { Version: '2012-10-17', Statement: [Statement] } },
  });
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Action: 'sns:Publish',
    Resource: '*',
  };

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'an alarm topic under the key of AWS',
      { T: { Type: 'AWS::SNS::Topic', Properties: { KmsMasterKeyId: 'alias/aws/sns' } } },
      /KMS/,
    ],
    [
      'a mail to nobody',
      {
        S: {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: { Ref: 'Alerts' }, Protocol: 'email', Endpoint: 'ops' },
        },
      },
      /endpoint does not fit/,
    ],
    ['two policies of one topic', { A: policyOf(statement), B: policyOf(statement) }, /two policies/],
    [
      'a policy of a topic of elsewhere',
      { A: policyOf(statement, ['arn:aws:sns:eu-west-1:111122223333:x']) },
      /makes no AWS::SNS::Topic/,
    ],
    [
      'a policy with a condition that there is not',
      { A: policyOf({ ...statement, Condition: { StringIs: {} } }) },
      /StringIs/,
    ],
    ['a policy for nobody', { A: policyOf({ ...statement, Principal: undefined }) }, /no Principal/],
  ])('%s', async (_name, resources, message) => {
    await expect(sampleCloud({ handler: failing, resources })).rejects.toThrow(message);
  });
});
