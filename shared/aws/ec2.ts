import { type EC2Client, type Instance, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import type { ObservedInstance } from '../core/observation.ts';
import { tagKeys } from '../core/tag-keys.ts';

/**
 * Every instance that carries the tag `hostsync:group`, or still what hostsync wrote on a host that had it, and is not
 * terminated: a terminated one keeps its tags for about an hour. One call for each 1,000 instances.
 */
export async function observeInstances(ec2: EC2Client): Promise<readonly ObservedInstance[]> {
  const instances: ObservedInstance[] = [];
  const pages = paginateDescribeInstances(
    { client: ec2, pageSize: 1000 },
    {
      Filters: [
        { Name: 'tag-key', Values: [tagKeys.group, tagKeys.state] },
        {
          Name: 'instance-state-name',
          Values: ['pending', 'running', 'stopping', 'stopped', 'shutting-down'],
        },
      ],
    },
  );
  for await (const { Reservations = [] } of pages)
    for (const { Instances = [] } of Reservations) instances.push(...Instances.flatMap(toObserved));
  return instances;
}

function toObserved({
  InstanceId,
  State,
  PrivateIpAddress,
  LaunchTime,
  Tags = [],
}: Instance): readonly ObservedInstance[] {
  if (InstanceId === undefined || State?.Name === undefined) return [];
  const tags = Tags.flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? ''] as const]));
  return [
    {
      id: InstanceId,
      state: State.Name,
      address: PrivateIpAddress,
      tags: Object.fromEntries(tags),
      launchedAt: LaunchTime?.getTime(),
    },
  ];
}
