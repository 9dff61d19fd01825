import { AssociateAddressCommand, DescribeAddressesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import {
  DeregisterTargetsCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { tagKeys } from '../core/model/tag-keys.ts';
import type { ObservedRecord, RecordChange } from '../core/succession/plan-name.ts';
import type { ObservedElasticAddress } from '../core/succession/primary-address.ts';

/** Seconds that resolvers keep the name of a primary. Source: Route 53 Developer Guide, failover. */
const timeToLive = 60;

/** What points at the primary cannot be moved, as the message says; it is left as it is. */
export class PointerError extends Error {
  override readonly name = 'PointerError';
}

/** One page: who has more records of one name has a routing policy, which the first of them show. */
const mostRecords = 300;

/** All record sets of a name; none if it is not there. One call. */
export async function readRecords(
  route53: Route53Client,
  hostedZone: string,
  name: string,
): Promise<readonly ObservedRecord[]> {
  const { ResourceRecordSets = [] } = await route53.send(
    new ListResourceRecordSetsCommand({
      HostedZoneId: hostedZone,
      StartRecordName: name,
      MaxItems: mostRecords,
    }),
  );
  return ResourceRecordSets.flatMap((record) => {
    const { Name, Type, TTL, AliasTarget, SetIdentifier } = record;
    if (Type === undefined || Name?.toLowerCase().replace(/\.$/u, '') !== name) return [];
    const values = (record.ResourceRecords ?? []).flatMap(({ Value }) => Value ?? []);
    const alias = AliasTarget && (AliasTarget.DNSName ?? 'something');
    return [{ type: Type, values, ttl: TTL, alias, setIdentifier: SetIdentifier }];
  });
}

/** Changes the records of a name, all or nothing. */
export async function changeRecords(
  route53: Route53Client,
  hostedZone: string,
  name: string,
  changes: readonly RecordChange[],
): Promise<void> {
  const Changes = changes.map((change) => ({
    Action: change.action,
    ResourceRecordSet: {
      Name: name,
      Type: change.type,
      TTL: change.action === 'DELETE' ? change.ttl : timeToLive,
      ResourceRecords: [{ Value: change.address }],
    },
  }));
  await route53.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: hostedZone,
      ChangeBatch: { Comment: 'hostsync: the primary', Changes },
    }),
  );
}

/** An Elastic IP. @throws InvalidAllocationID.NotFound if there is none of this id */
export async function readElasticAddress(
  ec2: EC2Client,
  allocation: string,
): Promise<ObservedElasticAddress | undefined> {
  const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({ AllocationIds: [allocation] }));
  const [found] = Addresses;
  if (found?.PublicIp === undefined) return undefined;
  return {
    allocation,
    publicIp: found.PublicIp,
    instance: found.InstanceId || undefined,
    networkInterface: found.NetworkInterfaceId || undefined,
    group: found.Tags?.find(({ Key }) => Key === tagKeys.group)?.Value,
  };
}

/** Moves an Elastic IP to an instance, from wherever it is; the instance loses the public address that it had. */
export async function moveElasticAddress(
  ec2: EC2Client,
  allocation: string,
  instance: string,
): Promise<void> {
  await ec2.send(
    new AssociateAddressCommand({
      AllocationId: allocation,
      InstanceId: instance,
      AllowReassociation: true,
    }),
  );
}

/** The instances of a target group that are not on their way out. */
export async function readTargets(
  loadBalancing: ElasticLoadBalancingV2Client,
  targetGroup: string,
): Promise<readonly string[]> {
  const { TargetHealthDescriptions = [] } = await loadBalancing.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }),
  );
  return TargetHealthDescriptions.flatMap(({ Target, TargetHealth }) =>
    Target?.Id === undefined || TargetHealth?.State?.includes('draining') === true ? [] : [Target.Id],
  );
}

/** The new one in before the old one goes out. */
export async function moveTargets(
  loadBalancing: ElasticLoadBalancingV2Client,
  targetGroup: string,
  add: readonly string[],
  remove: readonly string[],
): Promise<void> {
  const ids = (instances: readonly string[]) => instances.map((Id) => ({ Id }));
  const TargetGroupArn = targetGroup;
  if (add.length > 0)
    await loadBalancing.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: ids(add) }));
  if (remove.length > 0)
    await loadBalancing.send(new DeregisterTargetsCommand({ TargetGroupArn, Targets: ids(remove) }));
}
