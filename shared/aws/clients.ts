import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Throttling is expected, its limits are not published (SSM), and they are shared with the whole account: slow down by itself. */
const common = {
  retryMode: 'adaptive',
  maxAttempts: 5,
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000 },
} as const;

export interface Clients {
  readonly autoScaling: AutoScalingClient;
  readonly ec2: EC2Client;
  readonly eventBridge: EventBridgeClient;
  readonly loadBalancing: ElasticLoadBalancingV2Client;
  readonly route53: Route53Client;
  readonly sns: SNSClient;
  readonly ssm: SSMClient;
}

/** The clients of one process; a handler makes them once and hands them on. */
export function makeClients(): Clients {
  return {
    autoScaling: new AutoScalingClient(common),
    ec2: new EC2Client(common),
    eventBridge: new EventBridgeClient(common),
    loadBalancing: new ElasticLoadBalancingV2Client(common),
    route53: new Route53Client(common),
    sns: new SNSClient(common),
    ssm: new SSMClient(common),
  };
}
