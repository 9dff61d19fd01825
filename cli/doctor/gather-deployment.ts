import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  paginateListEventSourceMappings,
  paginateListFunctions,
} from '@aws-sdk/client-lambda';
import { paginateListSubscriptionsByTopic } from '@aws-sdk/client-sns';
import type { Clients } from '../../shared/aws/clients.ts';
import type { AlarmFacts, DeploymentFacts } from '../../shared/core/operator/doctor-facts.ts';
import type { Session } from '../session.ts';
import { attempt } from './gather-group.ts';

/** All that is to be known of the deployment. */
export async function gatherDeployment({ clients, deployment }: Session): Promise<DeploymentFacts> {
  const { stage } = deployment;
  const lambda = new LambdaClient({ maxAttempts: 5 });
  const topic = await attempt(readTopic(lambda, stage));
  const [subscriptions, alarms, mappings, stages] = await Promise.all([
    topic.known ? attempt(readSubscriptions(clients, topic.value)) : topic,
    attempt(readAlarms(`hostsync-${stage}-`)),
    attempt(readMappings(lambda, `hostsync-${stage}-reconcile`)),
    attempt(readStages(lambda)),
  ]);
  lambda.destroy();
  return { stage, subscriptions, alarms, mappings, stages, topic: topic.known ? topic.value : 'TOPIC' };
}

async function readTopic(lambda: LambdaClient, stage: string): Promise<string> {
  const { Environment } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: `hostsync-${stage}-alert` }),
  );
  const topic = Environment?.Variables?.['HOSTSYNC_ALERT_TOPIC'];
  if (topic === undefined) throw new Error(`the function hostsync-${stage}-alert names no topic`);
  return topic;
}

async function readSubscriptions(
  { sns }: Clients,
  TopicArn: string,
): Promise<readonly { readonly endpoint: string; readonly confirmed: boolean }[]> {
  const found: { readonly endpoint: string; readonly confirmed: boolean }[] = [];
  // Until it is confirmed there is no ARN, but "PendingConfirmation"
  for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic({ client: sns }, { TopicArn }))
    for (const { Endpoint: endpoint = '', SubscriptionArn = '' } of Subscriptions)
      found.push({ endpoint, confirmed: SubscriptionArn.startsWith('arn:') });
  return found;
}

async function readAlarms(AlarmNamePrefix: string): Promise<readonly AlarmFacts[]> {
  const client = new CloudWatchClient({ maxAttempts: 5 });
  const found: AlarmFacts[] = [];
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, { AlarmNamePrefix }))
    for (const { AlarmName: name = '', StateValue: state = '', StateReason: reason = '' } of MetricAlarms)
      found.push({ name, state, reason });
  client.destroy();
  return found;
}

async function readMappings(
  client: LambdaClient,
  FunctionName: string,
): Promise<readonly { readonly id: string; readonly state: string }[]> {
  const found: { readonly id: string; readonly state: string }[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings(
    { client },
    { FunctionName },
  ))
    for (const { UUID: id = '', State: state = '' } of EventSourceMappings) found.push({ id, state });
  return found;
}

async function readStages(
  client: LambdaClient,
): Promise<readonly { readonly stage: string; readonly tagPrefix: string }[]> {
  const found: { readonly stage: string; readonly tagPrefix: string }[] = [];
  for await (const { Functions = [] } of paginateListFunctions({ client }, {}))
    for (const { FunctionName = '', Environment } of Functions) {
      const stage = /^hostsync-(?<stage>.+)-reconcile$/u.exec(FunctionName)?.groups?.['stage'];
      if (stage === undefined) continue;
      found.push({ stage, tagPrefix: Environment?.Variables?.['HOSTSYNC_TAG_PREFIX'] ?? 'hostsync' });
    }
  return found;
}
