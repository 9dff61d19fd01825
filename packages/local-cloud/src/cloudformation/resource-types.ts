import { type Account, arnOf } from '../base/account.ts';
import type { Json, JsonObject } from '../base/json.ts';

/** What `Ref` and `Fn::GetAtt` give, and the name in AWS. */
export interface ResourceIdentity {
  readonly name: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, Json>>;
}

export interface ResourceType {
  /** the property that holds the name; without it CloudFormation makes one */
  readonly nameProperty?: string;
  /** how a name that CloudFormation makes ends, by the properties */
  readonly ending?: (properties: JsonObject) => string;
  readonly identify: (name: string, account: Account) => ResourceIdentity;
}

/** Types that are in templates and mean nothing here, each with the reason. */
export const ignoredTypes: ReadonlyMap<string, string> = new Map([
  ['AWS::S3::Bucket', 'the deployment bucket: bundles are read from the package directory'],
  ['AWS::S3::BucketPolicy', 'guards the deployment bucket'],
  ['AWS::Lambda::Version', 'the local cloud runs $LATEST'],
]);

function named(
  identify: (name: string, account: Account) => Omit<ResourceIdentity, 'name'>,
): ResourceType['identify'] {
  return (name, account) => ({ name, ...identify(name, account) });
}

const plain: ResourceType['identify'] = (name) => ({ name, ref: name, attributes: {} });

/** Every resource type that a template may use. What each does is in `stack.ts`. */
export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map<string, ResourceType>([
  ...[...ignoredTypes.keys()].map((type): [string, ResourceType] => [
    type,
    type === 'AWS::S3::Bucket' ? { nameProperty: 'BucketName', identify: bucket } : { identify: plain },
  ]),
  [
    'AWS::Lambda::Function',
    {
      nameProperty: 'FunctionName',
      identify: named((name, account) => ({
        ref: name,
        attributes: { Arn: arnOf(account, 'lambda', `function:${name}`) },
      })),
    },
  ],
  ['AWS::Lambda::Permission', { identify: plain }],
  ['AWS::Lambda::EventInvokeConfig', { identify: plain }],
  ['AWS::Lambda::EventSourceMapping', { identify: plain }],
  [
    'AWS::IAM::Role',
    {
      nameProperty: 'RoleName',
      identify: named((name, account) => ({
        ref: name,
        attributes: {
          Arn: `arn:${account.partition}:iam::${account.accountId}:role/${name}`,
          RoleId: 'AROALOCAL',
        },
      })),
    },
  ],
  ['AWS::IAM::Policy', { identify: plain }],
  [
    'AWS::Events::Rule',
    {
      nameProperty: 'Name',
      identify: named((name, account) => ({
        ref: name,
        attributes: { Arn: arnOf(account, 'events', `rule/${name}`) },
      })),
    },
  ],
  ['AWS::SSM::Document', { nameProperty: 'Name', identify: plain }],
  [
    'AWS::Logs::LogGroup',
    {
      nameProperty: 'LogGroupName',
      identify: named((name, account) => ({
        ref: name,
        attributes: { Arn: arnOf(account, 'logs', `log-group:${name}:*`) },
      })),
    },
  ],
  [
    'AWS::SNS::Topic',
    {
      nameProperty: 'TopicName',
      identify: named((name, account) => {
        const topicArn = arnOf(account, 'sns', name);
        return { ref: topicArn, attributes: { TopicArn: topicArn, TopicName: name } };
      }),
    },
  ],
  [
    'AWS::SQS::Queue',
    {
      nameProperty: 'QueueName',
      ending: ({ FifoQueue }) => (FifoQueue === true ? '.fifo' : ''),
      identify: named((name, account) => {
        const url = `https://sqs.${account.region}.amazonaws.com/${account.accountId}/${name}`;
        return { ref: url, attributes: { Arn: arnOf(account, 'sqs', name), QueueName: name, QueueUrl: url } };
      }),
    },
  ],
  [
    'AWS::DynamoDB::Table',
    {
      nameProperty: 'TableName',
      identify: named((name, account) => ({
        ref: name,
        attributes: { Arn: arnOf(account, 'dynamodb', `table/${name}`) },
      })),
    },
  ],
  ['AWS::SQS::QueuePolicy', { identify: plain }],
  ['AWS::SNS::TopicPolicy', { identify: plain }],
  [
    'AWS::SNS::Subscription',
    { identify: named((name, account) => ({ ref: arnOf(account, 'sns', name), attributes: {} })) },
  ],
  [
    'AWS::CloudWatch::Alarm',
    {
      nameProperty: 'AlarmName',
      identify: named((name, account) => ({
        ref: name,
        attributes: { Arn: arnOf(account, 'cloudwatch', `alarm:${name}`) },
      })),
    },
  ],
  ['AWS::CloudWatch::Dashboard', { nameProperty: 'DashboardName', identify: plain }],
  ['AWS::Logs::QueryDefinition', { nameProperty: 'Name', identify: plain }],
]);

function bucket(name: string, account: Account): ResourceIdentity {
  return { name, ref: name, attributes: { Arn: `arn:${account.partition}:s3:::${name}` } };
}
