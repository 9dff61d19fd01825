import { DescribeLifecycleHooksCommand } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import {
  type Instance,
  paginateDescribeInstances,
  paginateDescribeSecurityGroups,
} from '@aws-sdk/client-ec2';
import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import { paginateListSubscriptionsByTopic } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { paginateDescribeInstanceInformation } from '@aws-sdk/client-ssm';
import { describeError } from '../../shared/aws/errors.ts';
import { hookNames } from '../../shared/core/model/lifecycle.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import type {
  DoctorFacts,
  Fact,
  HostFacts,
  LifecycleHook,
  SecurityGroup,
} from '../../shared/core/operator/doctor-facts.ts';
import { planUpkeep } from '../../shared/core/succession/plan-upkeep.ts';
import { lookAtPointers } from '../../shared/reconcile/look.ts';
import type { Context } from '../connect.ts';
import type { Observed } from '../observe.ts';

/** What a group can be diagnosed from. Each thing is read apart: what one call is refused keeps no other from being known. */
export async function gatherFacts(
  context: Context,
  { observation, overview }: Observed,
): Promise<DoctorFacts> {
  const { instances, lifecycles } = observation.observed;
  const members = instances.filter(({ tags }) => tags[tagKeys.group] === overview.group);
  const ids = members.map(({ id }) => id);
  const scaled = [...new Set([...lifecycles.values()].map(({ autoScalingGroup }) => autoScalingGroup))];
  const [hosts, hooks, pointers, subscriptions, deadLetters, alarms, mapping] = await Promise.all([
    gatherHosts(context, ids),
    fact(() => readHooks(context, scaled)),
    gatherPointers(context, observation.observed),
    fact(() => readSubscriptions(context)),
    fact(() => Promise.all(context.deadLetters.map((queue) => readDepth(context, queue)))),
    fact(() => readAlarms(context)),
    fact(() => readMapping(context)),
  ]);
  const groups = hosts.flatMap(({ securityGroups }) =>
    'known' in securityGroups ? securityGroups.known : [],
  );
  return {
    ...{ overview, members, hosts, hooks, pointers, subscriptions, deadLetters, alarms, mapping },
    securityGroups: await fact(() => readSecurityGroups(context, [...new Set(groups)])),
    autoScalingGroups: { known: scaled },
    hookNames,
  };
}

async function fact<Value>(read: () => Promise<Value>): Promise<Fact<Value>> {
  try {
    return { known: await read() };
  } catch (error) {
    return { unknown: describeError(error) };
  }
}

async function gatherHosts(context: Context, ids: readonly string[]): Promise<readonly HostFacts[]> {
  const [instances, agents] = await Promise.all([
    fact(() => readInstances(context, ids)),
    fact(() => readAgents(context, ids)),
  ]);
  return ids.map((id) => {
    const instance: Fact<Instance | undefined> =
      'known' in instances
        ? { known: instances.known.find(({ InstanceId }) => InstanceId === id) }
        : instances;
    return {
      id,
      instanceProfile: 'known' in instance ? { known: instance.known?.IamInstanceProfile?.Arn } : instance,
      securityGroups: 'known' in instance ? groupsOf(instance.known) : instance,
      agent: 'known' in agents ? { known: agents.known.get(id) } : agents,
    };
  });
}

/** EC2 gives every network interface one at least. */
function groupsOf(instance: Instance | undefined): Fact<readonly string[]> {
  const ids = (instance?.SecurityGroups ?? []).flatMap(({ GroupId }) => GroupId ?? []);
  return ids.length === 0 ? { unknown: 'EC2 names none' } : { known: ids };
}

async function readInstances({ clients }: Context, ids: readonly string[]): Promise<readonly Instance[]> {
  const found: Instance[] = [];
  const Filters = [{ Name: 'instance-id', Values: [...ids] }];
  if (ids.length === 0) return found;
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: clients.ec2 }, { Filters }))
    for (const { Instances = [] } of Reservations) found.push(...Instances);
  return found;
}

/** The most values of the filter. Source: API reference of SSM, DescribeInstanceInformation. */
const mostIds = 50;

async function readAgents(
  { clients }: Context,
  ids: readonly string[],
): Promise<ReadonlyMap<string, { readonly version: string; readonly online: boolean }>> {
  const agents = new Map<string, { version: string; online: boolean }>();
  for (let start = 0; start < ids.length; start += mostIds) {
    const Filters = [{ Key: 'InstanceIds', Values: ids.slice(start, start + mostIds) }];
    for await (const { InstanceInformationList = [] } of paginateDescribeInstanceInformation(
      { client: clients.ssm },
      { Filters },
    ))
      for (const { InstanceId = '', AgentVersion = '', PingStatus } of InstanceInformationList)
        agents.set(InstanceId, { version: AgentVersion, online: PingStatus === 'Online' });
  }
  return agents;
}

async function readSecurityGroups(
  { clients }: Context,
  ids: readonly string[],
): Promise<readonly SecurityGroup[]> {
  const groups: SecurityGroup[] = [];
  if (ids.length === 0) return groups;
  for await (const { SecurityGroups = [] } of paginateDescribeSecurityGroups(
    { client: clients.ec2 },
    { GroupIds: [...ids] },
  ))
    for (const { GroupId = '', IpPermissions = [] } of SecurityGroups)
      groups.push({
        id: GroupId,
        ingress: IpPermissions.map((rule) => ({
          ...{ protocol: rule.IpProtocol ?? '', fromPort: rule.FromPort, toPort: rule.ToPort },
          cidrs: [
            ...(rule.IpRanges ?? []).flatMap(({ CidrIp }) => CidrIp ?? []),
            ...(rule.Ipv6Ranges ?? []).flatMap(({ CidrIpv6 }) => CidrIpv6 ?? []),
          ],
          groups: (rule.UserIdGroupPairs ?? []).flatMap((pair) => pair.GroupId ?? []),
          prefixLists: (rule.PrefixListIds ?? []).flatMap(({ PrefixListId }) => PrefixListId ?? []),
        })),
      });
  return groups;
}

async function readHooks({ clients }: Context, groups: readonly string[]): Promise<readonly LifecycleHook[]> {
  const found = await Promise.all(
    groups.map(async (autoScalingGroup) => {
      const { LifecycleHooks = [] } = await clients.autoScaling.send(
        new DescribeLifecycleHooksCommand({ AutoScalingGroupName: autoScalingGroup }),
      );
      return LifecycleHooks.map(
        ({ LifecycleHookName = '', HeartbeatTimeout = 3600, DefaultResult = '' }) => ({
          ...{ autoScalingGroup, name: LifecycleHookName },
          ...{ heartbeatTimeout: HeartbeatTimeout, defaultResult: DefaultResult },
        }),
      );
    }),
  );
  return found.flat();
}

async function gatherPointers(
  { clients, settings }: Context,
  observed: Observed['observation']['observed'],
): Promise<DoctorFacts['pointers']> {
  const failed: string[] = [];
  const tools = { clients, hostedZone: settings.hostedZone };
  const pointers = await lookAtPointers(observed, tools, (what, error) =>
    failed.push(`${what}: ${describeError(error)}`),
  );
  return failed.length > 0 ? { unknown: failed.join('; ') } : { known: planUpkeep(observed, pointers) };
}

async function readSubscriptions({
  clients,
  alertTopic,
}: Context): Promise<readonly { readonly endpoint: string; readonly confirmed: boolean }[]> {
  const found: { endpoint: string; confirmed: boolean }[] = [];
  for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic(
    { client: clients.sns },
    { TopicArn: alertTopic },
  ))
    for (const { Endpoint = '', SubscriptionArn } of Subscriptions)
      found.push({ endpoint: Endpoint, confirmed: SubscriptionArn !== 'PendingConfirmation' });
  return found;
}

async function readDepth(
  { clients }: Context,
  queue: string,
): Promise<{ readonly queue: string; readonly messages: number }> {
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  return { queue, messages: Number(Attributes?.ApproximateNumberOfMessages ?? 0) };
}

async function readAlarms({
  stage,
}: Context): Promise<
  readonly { readonly name: string; readonly ringing: boolean; readonly enabled: boolean }[]
> {
  const found: { name: string; ringing: boolean; enabled: boolean }[] = [];
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms(
    { client: new CloudWatchClient({ maxAttempts: 2 }) },
    { AlarmNamePrefix: `hostsync-${stage}-` },
  ))
    for (const { AlarmName = '', StateValue, ActionsEnabled } of MetricAlarms)
      found.push({ name: AlarmName, ringing: StateValue === 'ALARM', enabled: ActionsEnabled !== false });
  return found;
}

async function readMapping({
  stage,
}: Context): Promise<{ readonly id: string; readonly state: string } | undefined> {
  const { EventSourceMappings = [] } = await new LambdaClient({ maxAttempts: 2 }).send(
    new ListEventSourceMappingsCommand({ FunctionName: `hostsync-${stage}-reconcile` }),
  );
  const [mapping] = EventSourceMappings;
  return mapping === undefined ? undefined : { id: mapping.UUID ?? '', state: mapping.State ?? 'unknown' };
}
