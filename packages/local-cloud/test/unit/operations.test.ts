import {
  AutoScalingClient,
  DeleteLifecycleHookCommand,
  DeleteTagsCommand,
} from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
} from '@aws-sdk/client-lambda';
import { ListSubscriptionsByTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { describe, expect, test } from 'vitest';
import { sampleCloud } from './sample-cloud.ts';

const name = 'sample-dev-sync';

describe('an operator sees what is deployed', () => {
  test('a function with its environment; one that there is not is not found', async () => {
    const cloud = await sampleCloud();
    const lambda = new LambdaClient({ ...cloud.clientConfig(), maxAttempts: 1 });
    const found = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    expect(found).toMatchObject({
      FunctionName: name,
      Timeout: 20,
      Environment: { Variables: { DOCUMENT: cloud.physicalName('PushDocument') } },
    });
    const { Functions } = await lambda.send(new ListFunctionsCommand({}));
    expect(Functions).toMatchObject([{ FunctionName: name }]);
    const missing = lambda.send(new GetFunctionConfigurationCommand({ FunctionName: 'other' }));
    await expect(missing).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('event source mappings, of all functions or of one', async () => {
    const cloud = await sampleCloud({
      statements: [
        {
          Effect: 'Allow',
          Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
          Resource: { 'Fn::GetAtt': ['Lanes', 'Arn'] },
        },
      ],
      resources: {
        Lanes: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true, VisibilityTimeout: 60 } },
        Mapping: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: {
            EventSourceArn: { 'Fn::GetAtt': ['Lanes', 'Arn'] },
            FunctionName: { Ref: 'SyncLambdaFunction' },
            BatchSize: 1,
            Enabled: false,
          },
        },
      },
    });
    const lambda = new LambdaClient(cloud.clientConfig());
    for (const FunctionName of [undefined, name]) {
      const { EventSourceMappings } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
      expect(EventSourceMappings).toMatchObject([{ State: 'Disabled', BatchSize: 1 }]);
    }
  });

  test('who is subscribed to a topic; a mail is not confirmed', async () => {
    const cloud = await sampleCloud({
      resources: {
        Mail: {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: { Ref: 'Alerts' }, Protocol: 'email', Endpoint: 'ops@example.com' },
        },
      },
    });
    const sns = new SNSClient({ ...cloud.clientConfig(), maxAttempts: 1 });
    const TopicArn = `arn:aws:sns:eu-west-1:111122223333:${cloud.physicalName('Alerts')}`;
    const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(Subscriptions).toMatchObject([
      { SubscriptionArn: 'PendingConfirmation', Protocol: 'email', Endpoint: 'ops@example.com', TopicArn },
    ]);
    const other = sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: `${TopicArn}x` }));
    await expect(other).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  test('the states of alarms, by the beginning of their names', async () => {
    const cloud = await sampleCloud({
      resources: {
        Errors: {
          Type: 'AWS::CloudWatch::Alarm',
          Properties: {
            AlarmName: 'sample-errors',
            Namespace: 'AWS/Lambda',
            MetricName: 'Errors',
            Statistic: 'Sum',
            Period: 60,
            Dimensions: [{ Name: 'FunctionName', Value: { Ref: 'SyncLambdaFunction' } }],
            EvaluationPeriods: 1,
            Threshold: 1,
            ComparisonOperator: 'GreaterThanOrEqualToThreshold',
          },
        },
      },
    });
    const client = new CloudWatchClient(cloud.clientConfig());
    const states = async (AlarmNamePrefix: string) => {
      const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmNamePrefix }));
      return MetricAlarms.map(({ AlarmName, StateValue }) => [AlarmName, StateValue]);
    };
    expect(await states('sample-')).toEqual([['sample-errors', 'INSUFFICIENT_DATA']]);
    await cloud.setAlarmState('Errors', 'ALARM', 'because');
    expect(await states('sample-')).toEqual([['sample-errors', 'ALARM']]);
    expect(await states('other-')).toEqual([]);
  });

  test('what a function logged, all of it or lines of one group, page by page', async () => {
    const handler = `export const handler = async () => {
      for (const group of ['web', 'shop', 'web']) process.stdout.write(JSON.stringify({ group }) + '\\n');
    };`;
    const cloud = await sampleCloud({ handler });
    await cloud.invoke('SyncLambdaFunction', {});
    const client = new CloudWatchLogsClient({ ...cloud.clientConfig(), maxAttempts: 1 });
    const logGroupName = `/aws/lambda/${name}`;
    const lines: unknown[] = [];
    const filterPattern = '{ $.group = "web" }';
    const pages = paginateFilterLogEvents({ client, pageSize: 1 }, { logGroupName, filterPattern });
    for await (const { events = [] } of pages) lines.push(...events.map(({ message }) => message));
    expect(lines).toEqual(['{"group":"web"}', '{"group":"web"}']);
    const late = new FilterLogEventsCommand({ logGroupName, startTime: Date.now() + 60_000 });
    expect((await client.send(late)).events).toEqual([]);
    const missing = client.send(new FilterLogEventsCommand({ logGroupName: 'other' }));
    await expect(missing).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('a group of Auto Scaling is let go', () => {
  test('its hooks, with what they hold, and its tag', async () => {
    const cloud = await sampleCloud();
    const group = cloud.createAutoScalingGroup({
      name: 'WEB',
      tags: { team: 'web', other: 'stays' },
      hooks: [{ name: 'joined', transition: 'terminating', heartbeatTimeout: 300 }],
    });
    const [instance] = await group.scaleOut(1);
    if (instance === undefined) throw new Error('no instance');
    await cloud.waitFor(() => group.stateOf(instance) === 'InService', { what: 'service' });
    await group.scaleIn(instance);
    await cloud.waitFor(() => group.stateOf(instance) === 'Terminating:Wait', { what: 'the hook' });
    const client = new AutoScalingClient({ ...cloud.clientConfig(), maxAttempts: 1 });
    const hook = { AutoScalingGroupName: 'WEB', LifecycleHookName: 'joined' };
    await client.send(new DeleteLifecycleHookCommand(hook));
    await cloud.waitFor(() => instance.state === 'terminated', { what: 'the end of the instance' });
    await expect(client.send(new DeleteLifecycleHookCommand(hook))).rejects.toMatchObject({
      name: 'ValidationError',
    });
    const Tags = [{ ResourceId: 'WEB', ResourceType: 'auto-scaling-group', Key: 'team' }];
    await client.send(new DeleteTagsCommand({ Tags }));
    expect(group.tags).toEqual({ other: 'stays' });
  });
});

describe('a role that is no function’s may do what its policies say', () => {
  test('and nothing else', async () => {
    const cloud = await sampleCloud();
    const allow = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'lambda:GetFunctionConfiguration',
          Resource: 'arn:*:lambda:*:*:function:sample-*',
        },
      ],
    };
    const lambda = new LambdaClient({
      ...cloud.roleConfig({ name: 'ops', policies: [allow] }),
      maxAttempts: 1,
    });
    await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    await expect(lambda.send(new ListFunctionsCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 403 },
    });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'denied' }]);
  });
});
