import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { queryBoolean, queryInteger } from '../api/registry.ts';
import { AwsError } from '../base/errors.ts';
import { normalName, type RecordSet, type RoutingPolicy } from './records.ts';

const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === 'Change' || name === 'ResourceRecord',
});

// The limits of botocore's route53/2013-04-01/service-2.json. Of the routing policies, weighted and multi-value ones are served.
export const zoneId = v.pipe(
  v.string(),
  v.maxLength(32),
  v.transform((id) => id.replace(/^\/?hostedzone\//, '')),
);
export const recordType = v.picklist([
  ...(['A', 'AAAA', 'CAA', 'CNAME', 'DS', 'HTTPS', 'MX', 'NAPTR', 'NS'] as const),
  ...(['PTR', 'SOA', 'SPF', 'SRV', 'SSHFP', 'SVCB', 'TLSA', 'TXT'] as const),
]);
const change = v.strictObject({
  Action: v.picklist(['CREATE', 'UPSERT', 'DELETE']),
  ResourceRecordSet: v.strictObject({
    Name: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
    Type: recordType,
    SetIdentifier: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
    Weight: v.optional(queryInteger(0, 255)),
    MultiValueAnswer: v.optional(queryBoolean),
    TTL: v.optional(queryInteger(0, 2_147_483_647)),
    ResourceRecords: v.optional(
      v.strictObject({
        ResourceRecord: v.pipe(
          v.array(v.strictObject({ Value: v.pipe(v.string(), v.maxLength(4000)) })),
          v.minLength(1),
        ),
      }),
    ),
    AliasTarget: v.optional(
      v.strictObject({
        HostedZoneId: zoneId,
        DNSName: v.pipe(v.string(), v.maxLength(1024)),
        EvaluateTargetHealth: queryBoolean,
      }),
    ),
  }),
});
/** A request of ChangeResourceRecordSets. */
export const changeSchema = v.strictObject({
  HostedZoneId: zoneId,
  ChangeBatch: v.strictObject({
    Comment: v.optional(v.pipe(v.string(), v.maxLength(256))),
    Changes: v.strictObject({ Change: v.pipe(v.array(change), v.minLength(1)) }),
  }),
});
type Change = v.InferOutput<typeof change>;

const bodySchema = v.object({ ChangeResourceRecordSetsRequest: v.object({ ChangeBatch: v.unknown() }) });

/** The body of such a request. @throws AwsError */
export function readChanges(body: string): { readonly ChangeBatch: unknown } {
  const parsed = v.safeParse(bodySchema, parser.parse(body));
  if (!parsed.success) throw new AwsError('InvalidInput', 'Invalid XML ; it is no change of record sets');
  return { ChangeBatch: parsed.output.ChangeResourceRecordSetsRequest.ChangeBatch };
}

type WireRecord = Change['ResourceRecordSet'];

function valuesOf({ ResourceRecords }: WireRecord): readonly string[] {
  return (ResourceRecords?.ResourceRecord ?? []).map(({ Value }) => Value);
}

function policyOf({ Weight, MultiValueAnswer }: WireRecord): RoutingPolicy | undefined {
  if (Weight !== undefined) return { kind: 'weighted', weight: Weight };
  return MultiValueAnswer === true ? { kind: 'multivalue' } : undefined;
}

/** What Route 53 says of changes before it looks at the zone. @throws AwsError */
export function checkChanges(changes: readonly Change[]): void {
  for (const each of changes) checkChange(each);
  checkSize(changes);
}

/** A change as the zone has it. */
export function toRecordChange({
  Action,
  ResourceRecordSet: set,
}: Change): RecordSet & { readonly action: Change['Action'] } {
  return {
    action: Action,
    name: normalName(set.Name),
    type: set.Type,
    ttl: set.TTL,
    values: valuesOf(set),
    alias: set.AliasTarget && {
      hostedZoneId: set.AliasTarget.HostedZoneId,
      dnsName: normalName(set.AliasTarget.DNSName),
      evaluateTargetHealth: set.AliasTarget.EvaluateTargetHealth,
    },
    setIdentifier: set.SetIdentifier,
    policy: policyOf(set),
  };
}

function checkChange({ Action, ResourceRecordSet: set }: Change): void {
  const where = `in Change with [Action=${Action}, Name=${set.Name}, Type=${set.Type}, SetIdentifier=${set.SetIdentifier ?? 'null'}]`;
  const refuse = (what: string): AwsError =>
    new AwsError('InvalidInput', `Invalid request: ${what} ${where}`);
  const isAlias = set.AliasTarget !== undefined;
  const parts = [set.TTL, set.ResourceRecords].filter((part) => part !== undefined).length;
  if (isAlias ? parts > 0 : parts < 2)
    throw refuse(
      `Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found ${isAlias ? 'more than one' : 'none'}`,
    );
  if (set.Weight !== undefined && set.MultiValueAnswer !== undefined)
    throw refuse(
      'Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer], but found more than one',
    );
  const policy = policyOf(set);
  if (policy !== undefined && set.SetIdentifier === undefined) throw refuse("Missing field 'SetIdentifier'");
  if (policy === undefined && set.SetIdentifier !== undefined)
    throw refuse("Missing field 'Weight', 'Region', 'Failover', 'GeoLocation', or 'MultiValueAnswer'");
  if (policy?.kind === 'multivalue' && (isAlias || set.Type === 'CNAME' || set.Type === 'NS'))
    throw refuse('MultiValueAnswer is not permitted for an alias, CNAME or NS record');
}

/** DNSLimitations.html: 1,000 records and 32,000 characters of values a request, for UPSERT counted twice. @throws AwsError */
function checkSize(changes: readonly Change[]): void {
  const weighted = changes.map(({ Action, ResourceRecordSet }) => {
    const values = valuesOf(ResourceRecordSet);
    const weight = Action === 'UPSERT' ? 2 : 1;
    return { records: values.length * weight, characters: values.join('').length * weight };
  });
  const records = weighted.reduce((sum, one) => sum + one.records, 0);
  const characters = weighted.reduce((sum, one) => sum + one.characters, 0);
  if (records > 1000) throw new AwsError('InvalidChangeBatch', '[Number of records limit of 1000 exceeded.]');
  if (characters > 32_000)
    throw new AwsError('InvalidChangeBatch', '[Number of characters limit of 32000 exceeded.]');
}
