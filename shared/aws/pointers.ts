import {
  DeregisterTargetsCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { tagKeys } from '../core/tag-keys.ts';

/** Seconds that resolvers keep the name of a primary. Source: Route 53 Developer Guide, failover. */
const timeToLive = 60;

/** A name is kept in a way that hostsync would break: it was made by somebody who wants it so. */
export class PointerError extends Error {
  override readonly name = 'PointerError';
}

/**
 * The addresses that an A record holds now; none if it is not there.
 *
 * @throws {PointerError} for an alias, a CNAME or a record with a routing policy, which are left alone
 */
export async function readRecord(
  route53: Route53Client,
  hostedZone: string,
  name: string,
): Promise<readonly string[]> {
  const { ResourceRecordSets = [] } = await route53.send(
    new ListResourceRecordSetsCommand({
      ...{ HostedZoneId: hostedZone, StartRecordName: name, StartRecordType: 'A', MaxItems: 1 },
    }),
  );
  const [found] = ResourceRecordSets;
  if (found?.Name?.toLowerCase().replace(/\.$/u, '') !== name) return [];
  const what = foreignKind(found);
  if (what !== undefined)
    throw new PointerError(
      `the record ${name} (${found.Type}) in the zone ${hostedZone} is ${what}, which hostsync does not change: replace it by a simple A record with one address, or take ${name} out of the tag ${tagKeys.dns}`,
    );
  return found.Type === 'A' ? valuesOf(found) : [];
}

/** What a record is, if it is not one that hostsync could have written; a name with a CNAME can have no A record. */
function foreignKind(record: ResourceRecordSet): string | undefined {
  const { Type, AliasTarget, SetIdentifier } = record;
  if (Type === 'CNAME' && AliasTarget === undefined) return `a CNAME of ${valuesOf(record).join(', ')}`;
  if (Type !== 'A' && Type !== 'CNAME') return undefined;
  if (AliasTarget !== undefined) return `an alias of ${AliasTarget.DNSName}`;
  return SetIdentifier === undefined
    ? undefined
    : `one of several records with a routing policy (${SetIdentifier})`;
}

function valuesOf({ ResourceRecords = [] }: ResourceRecordSet): readonly string[] {
  return ResourceRecords.flatMap(({ Value }) => Value ?? []);
}

/** Points an A record at one address, whatever it was. */
export async function writeRecord(
  route53: Route53Client,
  hostedZone: string,
  name: string,
  address: string,
): Promise<void> {
  await route53.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: hostedZone,
      ChangeBatch: {
        Comment: 'hostsync: the primary',
        Changes: [
          {
            Action: 'UPSERT',
            ResourceRecordSet: {
              ...{ Name: name, Type: 'A', TTL: timeToLive, ResourceRecords: [{ Value: address }] },
            },
          },
        ],
      },
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
