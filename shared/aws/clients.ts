import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** Throttling is expected, its limits are not published (SSM), and they are shared with the whole account: slow down by itself. */
const common = {
  retryMode: 'adaptive',
  maxAttempts: 5,
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000 },
} as const;

export interface Clients {
  readonly autoScaling: AutoScalingClient;
  readonly dynamoDb: DynamoDBDocumentClient;
  readonly ec2: EC2Client;
  readonly eventBridge: EventBridgeClient;
  readonly loadBalancing: ElasticLoadBalancingV2Client;
  readonly route53: Route53Client;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
}

/** The clients of one process; a handler makes them once and hands them on. */
export function makeClients(): Clients {
  return {
    autoScaling: new AutoScalingClient(common),
    dynamoDb: DynamoDBDocumentClient.from(new DynamoDBClient(common)),
    ec2: new EC2Client(common),
    eventBridge: new EventBridgeClient(common),
    loadBalancing: new ElasticLoadBalancingV2Client(common),
    route53: new Route53Client(common),
    sns: new SNSClient(common),
    // The URL of a queue names a host of its own, which emulators do not have
    sqs: new SQSClient({ ...common, useQueueUrlAsEndpoint: false }),
    ssm: new SSMClient(common),
  };
}
