import {
  type AutoScalingGroup,
  DescribeLifecycleHooksCommand,
  paginateDescribeAutoScalingGroups,
} from '@aws-sdk/client-auto-scaling';
import {
  type IpPermission,
  paginateDescribeInstances,
  paginateDescribeSecurityGroups,
} from '@aws-sdk/client-ec2';
import { paginateDescribeInstanceInformation } from '@aws-sdk/client-ssm';
import type { Clients } from '../../shared/aws/clients.ts';
import { describeError } from '../../shared/aws/errors.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import type {
  AutoScalingFacts,
  GroupFacts,
  IngressRule,
  InstanceFacts,
  Known,
} from '../../shared/core/operator/doctor-facts.ts';
import { planUpkeep } from '../../shared/core/succession/plan-upkeep.ts';
import { observePointers } from '../../shared/reconcile/observe.ts';
import { observe } from '../observe.ts';
import type { Session } from '../session.ts';
import { askDoctor } from './ask-doctor.ts';

/** What cannot be read is not known, and no reason to leave the rest out. */
export async function attempt<Value>(reading: Promise<Value>): Promise<Known<Value>> {
  try {
    return { known: true, value: await reading };
  } catch (error) {
    return { known: false, reason: describeError(error) };
  }
}

/** All that is to be known of one group. */
export async function gatherGroup(session: Session, group: string): Promise<GroupFacts> {
  const { clients } = session;
  const { observed, plan, overview } = await observe(session, group);
  const unread = overview.attention.filter(({ code }) => code === 'unknown').map(({ message }) => message);
  const tools = session.tools(group);
  const members = observed.instances.filter(({ tags }) => tags[tagKeys.group] === group);
  const ids = members.map(({ id }) => id);
  const scaling = members.flatMap(({ tags }) => tags['aws:autoscaling:groupName'] ?? []);
  const hosts = askDoctor(session, group, observed);
  const [pointers, instances, agentVersions, autoScaling] = await Promise.all([
    observePointers(
      observed,
      tools,
      (what, error) => void unread.push(`${what} failed: ${describeError(error)}`),
    ),
    attempt(readInstances(clients, ids)),
    attempt(readAgentVersions(clients, ids)),
    attempt(readAutoScaling(clients, [...new Set(scaling)])),
  ]);
  const groups = instances.known ? [...new Set(instances.value.flatMap((each) => each.securityGroups))] : [];
  return {
    group,
    observed,
    plan,
    unread,
    instances,
    agentVersions,
    autoScaling,
    upkeep: planUpkeep(observed, pointers).filter((action) => action.group === group),
    promoteWithin: tools.settings.promoteWithin,
    ingress: await attempt(readIngress(clients, groups)),
    hosts: await hosts,
    now: Date.now(),
  };
}

async function readInstances({ ec2 }: Clients, ids: readonly string[]): Promise<readonly InstanceFacts[]> {
  const found: InstanceFacts[] = [];
  // Without ids EC2 would show all instances there are
  if (ids.length === 0) return found;
  const pages = paginateDescribeInstances(
    { client: ec2, pageSize: 1000 },
    { Filters: [{ Name: 'instance-id', Values: [...ids] }] },
  );
  for await (const { Reservations = [] } of pages)
    for (const { Instances = [] } of Reservations)
      for (const { InstanceId: id, IamInstanceProfile, SecurityGroups = [] } of Instances)
        if (id !== undefined)
          found.push({
            id,
            profile: IamInstanceProfile?.Arn,
            securityGroups: SecurityGroups.flatMap(({ GroupId }) => GroupId ?? []),
          });
  return found;
}

/** Source: API model of SSM, DescribeInstanceInformation, MaxResults. */
const mostNodes = 50;

async function readAgentVersions(
  { ssm }: Clients,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (let start = 0; start < ids.length; start += mostNodes) {
    const Filters = [{ Key: 'InstanceIds', Values: ids.slice(start, start + mostNodes) }];
    const pages = paginateDescribeInstanceInformation({ client: ssm, pageSize: mostNodes }, { Filters });
    for await (const { InstanceInformationList = [] } of pages)
      for (const { InstanceId, AgentVersion } of InstanceInformationList)
        if (InstanceId !== undefined && AgentVersion !== undefined) versions.set(InstanceId, AgentVersion);
  }
  return versions;
}

async function readIngress(
  { ec2 }: Clients,
  groups: readonly string[],
): Promise<ReadonlyMap<string, readonly IngressRule[]>> {
  const found = new Map<string, readonly IngressRule[]>();
  if (groups.length === 0) return found;
  const pages = paginateDescribeSecurityGroups(
    { client: ec2 },
    { Filters: [{ Name: 'group-id', Values: [...groups] }] },
  );
  for await (const { SecurityGroups = [] } of pages)
    for (const { GroupId, IpPermissions = [] } of SecurityGroups)
      if (GroupId !== undefined) found.set(GroupId, IpPermissions.map(toRule));
  return found;
}

function toRule(permission: IpPermission): IngressRule {
  const { IpProtocol = '-1', FromPort, ToPort, UserIdGroupPairs = [], IpRanges = [] } = permission;
  const others = (permission.PrefixListIds ?? []).length + (permission.Ipv6Ranges ?? []).length;
  return {
    protocol: IpProtocol,
    fromPort: FromPort,
    toPort: ToPort,
    others: others > 0,
    groups: UserIdGroupPairs.flatMap(({ GroupId }) => GroupId ?? []),
    blocks: IpRanges.flatMap(({ CidrIp }) => CidrIp ?? []),
  };
}

/** Of groups of Auto Scaling, by their names. */
export async function readAutoScaling(
  { autoScaling }: Pick<Clients, 'autoScaling'>,
  names: readonly string[],
): Promise<readonly AutoScalingFacts[]> {
  if (names.length === 0) return [];
  const found: AutoScalingFacts[] = [];
  const pages = paginateDescribeAutoScalingGroups(
    { client: autoScaling },
    { AutoScalingGroupNames: [...names] },
  );
  for await (const { AutoScalingGroups = [] } of pages)
    for (const each of AutoScalingGroups) {
      const { LifecycleHooks = [] } = await autoScaling.send(
        new DescribeLifecycleHooksCommand({ AutoScalingGroupName: each.AutoScalingGroupName }),
      );
      const hooks = LifecycleHooks.map((hook) => ({
        name: hook.LifecycleHookName ?? '',
        transition: hook.LifecycleTransition ?? '',
        heartbeatTimeout: hook.HeartbeatTimeout ?? 0,
        defaultResult: hook.DefaultResult ?? '',
      }));
      found.push({ ...describeGroup(each), hooks });
    }
  return found;
}

function describeGroup(group: AutoScalingGroup): Omit<AutoScalingFacts, 'hooks'> {
  const tag = group.Tags?.find(({ Key }) => Key === tagKeys.group);
  return {
    name: group.AutoScalingGroupName ?? '',
    group: tag?.Value,
    propagates: tag?.PropagateAtLaunch === true,
    terminateHookAbandon: group.InstanceLifecyclePolicy?.RetentionTriggers?.TerminateHookAbandon,
  };
}
