import {
  type EC2Client,
  type Filter,
  type Instance,
  type InstanceNetworkInterface,
  paginateDescribeInstanceStatus,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';
import type { ObservedInstance, ObservedStatus } from '../core/model/observation.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { hasCode } from './errors.ts';

const present = {
  Name: 'instance-state-name',
  Values: ['pending', 'running', 'stopping', 'stopped', 'shutting-down'],
};

/**
 * Every instance that carries the tag `hostsync:group`, or still what hostsync wrote on a host that had it, and is not
 * terminated: a terminated one keeps its tags for about an hour. One call for each 1,000 instances.
 */
export function observeInstances(ec2: EC2Client): Promise<readonly ObservedInstance[]> {
  return describe(ec2, [{ Name: 'tag-key', Values: [tagKeys.group, tagKeys.state] }, present]);
}

/** The instances of one group; of the empty name, those that have lost theirs and still carry what hostsync wrote. */
export async function observeGroup(ec2: EC2Client, group: string): Promise<readonly ObservedInstance[]> {
  if (group !== '')
    return describe(ec2, [{ Name: `tag:${tagKeys.group}`, Values: [literal(group)] }, present]);
  const all = await describe(ec2, [{ Name: 'tag-key', Values: [tagKeys.state] }, present]);
  return all.filter(({ tags }) => tags[tagKeys.group] === undefined);
}

/** Those of these instances that EC2 still has, whatever their tags; a terminated one is not there. One call. */
export function findInstances(ec2: EC2Client, ids: readonly string[]): Promise<readonly ObservedInstance[]> {
  return ids.length === 0
    ? Promise.resolve([])
    : describe(ec2, [{ Name: 'instance-id', Values: [...ids] }, present]);
}

/** The group of an instance, or of one that was; undefined for one of no group. One call. */
export async function groupOf(ec2: EC2Client, id: string): Promise<string | undefined> {
  const [found] = await describe(ec2, [{ Name: 'instance-id', Values: [id] }]);
  if (found === undefined) return undefined;
  return found.tags[tagKeys.group] ?? (found.tags[tagKeys.state] === undefined ? undefined : '');
}

/** The groups whose primary lists an instance that has lost its group. One call. */
export async function listingGroups(ec2: EC2Client, id: string): Promise<readonly string[]> {
  const primaries = await describe(ec2, [
    { Name: 'tag-key', Values: [tagKeys.primary] },
    { Name: 'tag-value', Values: [`*${literal(id)}*`] },
    present,
  ]);
  const groups = primaries.flatMap(({ tags }) => {
    const value = tags[tagKeys.group];
    return value === undefined ? [] : [value];
  });
  return [...new Set(groups)];
}

/** As a filter takes it: it would read `*` and `?` as wildcards. Source: EC2 User Guide, filtering. */
function literal(text: string): string {
  return text.replaceAll(/[*?\\]/gu, (character) => `\\${character}`);
}

async function describe(ec2: EC2Client, Filters: Filter[]): Promise<readonly ObservedInstance[]> {
  const instances: ObservedInstance[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances(
    { client: ec2, pageSize: 1000 },
    { Filters },
  ))
    for (const { Instances = [] } of Reservations) instances.push(...Instances.flatMap(toObserved));
  return instances;
}

function toObserved({
  InstanceId,
  State,
  PrivateIpAddress,
  PublicIpAddress,
  Ipv6Address,
  NetworkInterfaces = [],
  LaunchTime,
  StateTransitionReason,
  Placement,
  Tags = [],
}: Instance): readonly ObservedInstance[] {
  if (InstanceId === undefined || State?.Name === undefined) return [];
  const tags = Tags.flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? ''] as const]));
  return [
    {
      id: InstanceId,
      state: State.Name,
      address: PrivateIpAddress,
      ipv6Address: Ipv6Address ?? primaryIpv6(NetworkInterfaces),
      publicAddress: PublicIpAddress,
      tags: Object.fromEntries(tags),
      launchedAt: LaunchTime?.getTime(),
      stoppedAt: stopTime(StateTransitionReason),
      zone: Placement?.AvailabilityZone,
    },
  ];
}

/** As in `User initiated (2026-11-26 10:00:00 GMT)`; not every reason has a time. Source: EC2 User Guide, "Why instances stop". */
function stopTime(reason: string | undefined): number | undefined {
  const [, day, time] = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) GMT\)/u.exec(reason ?? '') ?? [];
  return day === undefined ? undefined : Date.parse(`${day}T${time}Z`);
}

/** The first address of the primary network interface, where the instance itself names none. */
function primaryIpv6(interfaces: readonly InstanceNetworkInterface[]): string | undefined {
  const primary = interfaces.find(({ Attachment }) => Attachment?.DeviceIndex === 0) ?? interfaces[0];
  return primary?.Ipv6Addresses?.[0]?.Ipv6Address;
}

/** The most values of one filter. Source: API reference of EC2, DescribeInstanceStatus. */
const mostIds = 100;

/** One of them is gone for good; EC2 then says nothing of the others either. */
const notFound = new Set(['InvalidInstanceID.NotFound']);

/** What EC2's status checks say of these instances; of one that does not run or is gone, nothing. One call for each 100. */
export async function observeStatuses(
  ec2: EC2Client,
  instances: readonly string[],
): Promise<readonly ObservedStatus[]> {
  const statuses: ObservedStatus[] = [];
  // Without ids EC2 would show all instances there are
  for (let start = 0; start < instances.length; start += mostIds) {
    const some = instances.slice(start, start + mostIds);
    try {
      statuses.push(...(await describeStatuses(ec2, some)));
    } catch (error) {
      if (!hasCode(error, notFound)) throw error;
      const each = some.length === 1 ? [] : some.map((id) => observeStatuses(ec2, [id]));
      statuses.push(...(await Promise.all(each)).flat());
    }
  }
  return statuses;
}

async function describeStatuses(ec2: EC2Client, ids: readonly string[]): Promise<ObservedStatus[]> {
  const statuses: ObservedStatus[] = [];
  const pages = paginateDescribeInstanceStatus(
    { client: ec2 },
    { InstanceIds: [...ids], IncludeAllInstances: true },
  );
  for await (const { InstanceStatuses = [] } of pages)
    for (const { InstanceId, SystemStatus, InstanceStatus } of InstanceStatuses) {
      if (InstanceId === undefined) continue;
      const [system, instance] = [SystemStatus?.Status ?? 'unknown', InstanceStatus?.Status ?? 'unknown'];
      const ok = system === 'ok' && instance === 'ok';
      const details = [...(SystemStatus?.Details ?? []), ...(InstanceStatus?.Details ?? [])];
      const since = details.flatMap(({ ImpairedSince }) => ImpairedSince?.getTime() ?? []);
      statuses.push({
        id: InstanceId,
        ok,
        detail: `system ${system}, instance ${instance}`,
        initializing: system === 'initializing' || instance === 'initializing',
        impairedSince: since.length === 0 ? undefined : Math.min(...since),
      });
    }
  return statuses;
}

/** Instances that EC2's instance checks find impaired, of the whole region. One call, unless there are many. */
export async function observeImpaired(ec2: EC2Client): Promise<ReadonlySet<string>> {
  const impaired = new Set<string>();
  const pages = paginateDescribeInstanceStatus(
    { client: ec2 },
    { Filters: [{ Name: 'instance-status.status', Values: ['impaired', 'insufficient-data'] }] },
  );
  for await (const { InstanceStatuses = [] } of pages)
    for (const { InstanceId } of InstanceStatuses) if (InstanceId !== undefined) impaired.add(InstanceId);
  return impaired;
}
