import * as v from 'valibot';
import {
  type AccessCheck,
  operation,
  queryInteger,
  type Service,
  type WireRequest,
} from '../api/registry.ts';
import type { Account } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import {
  changeSchema,
  checkChanges,
  readChanges,
  recordType,
  toRecordChange,
  zoneId,
} from './change-batch.ts';
import type { HostedZone, HostedZones } from './hosted-zones.ts';
import { labels, normalName, type RecordSet, sortKey } from './records.ts';

const maxItems = v.optional(queryInteger(1, 2_147_483_647), '300');

/** Route 53: REST with XML, one endpoint for all regions. */
export function route53Service(account: Account, zones: HostedZones): Service {
  const arn = (resource: string): string => `arn:${account.partition}:route53:::${resource}`;
  const onZone =
    (name: string) =>
    (input: { readonly HostedZoneId: string }): readonly AccessCheck[] => [
      { action: `route53:${name}`, resource: arn(`hostedzone/${input.HostedZoneId}`), context: {} },
    ];

  const changeRecords = operation({
    name: 'ChangeResourceRecordSets',
    schema: changeSchema,
    check: ({ ChangeBatch }) => checkChanges(ChangeBatch.Changes.Change),
    // userguide: "Using IAM policy conditions for fine-grained access control"; each key has as many values as there are
    access: (input) => {
      const changes = input.ChangeBatch.Changes.Change;
      const unique = (values: readonly string[]): string[] => [...new Set(values)];
      const names = changes.map(({ ResourceRecordSet }) => normalName(ResourceRecordSet.Name).slice(0, -1));
      const context = {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': unique(names),
        'route53:ChangeResourceRecordSetsRecordTypes': unique(changes.map((c) => c.ResourceRecordSet.Type)),
        'route53:ChangeResourceRecordSetsActions': unique(changes.map(({ Action }) => Action)),
      };
      return onZone('ChangeResourceRecordSets')(input).map((check) => ({ ...check, context }));
    },
    run(input, caller) {
      const changes = input.ChangeBatch.Changes.Change.map(toRecordChange);
      const batch = zones.change(zones.require(input.HostedZoneId), changes, caller.name);
      return { ChangeInfo: changeInfo(batch, 'PENDING') };
    },
  });

  const listRecords = operation({
    name: 'ListResourceRecordSets',
    schema: v.strictObject({
      HostedZoneId: zoneId,
      name: v.optional(v.pipe(v.string(), v.maxLength(1024))),
      type: v.optional(recordType),
      identifier: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
      maxitems: maxItems,
    }),
    check({ name, type, identifier }) {
      if (type !== undefined && name === undefined)
        throw new AwsError('InvalidInput', 'A type needs a name to start with.');
      if (identifier !== undefined && type === undefined)
        throw new AwsError('InvalidInput', 'An identifier needs a name and a type to start with.');
    },
    access: onZone('ListResourceRecordSets'),
    run(input) {
      const all = zones.require(input.HostedZoneId).records();
      const { name, type = '', identifier } = input;
      const from =
        name === undefined ? '' : sortKey({ name: normalName(name), type, setIdentifier: identifier });
      const rest = all.filter((record) => sortKey(record) >= from.trimEnd());
      const size = Math.min(input.maxitems, 300);
      const next = rest[size];
      return {
        ResourceRecordSets: { ResourceRecordSet: rest.slice(0, size).map(describeRecord) },
        IsTruncated: next !== undefined,
        NextRecordName: next?.name,
        NextRecordType: next?.type,
        NextRecordIdentifier: next?.setIdentifier,
        MaxItems: input.maxitems,
      };
    },
  });

  const listZonesByName = operation({
    name: 'ListHostedZonesByName',
    schema: v.strictObject({
      dnsname: v.optional(v.pipe(v.string(), v.maxLength(1024))),
      hostedzoneid: v.optional(zoneId),
      maxitems: v.optional(queryInteger(1, 100), '100'),
    }),
    access: () => [{ action: 'route53:ListHostedZonesByName', resource: '*', context: {} }],
    run(input) {
      const sorted = zones.all().toSorted((a, b) => (zoneKey(a) < zoneKey(b) ? -1 : 1));
      // It is where the list begins, not a filter: the zones that come after are in the answer, too
      const from = input.dnsname === undefined ? '' : labels(normalName(input.dnsname));
      const rest = sorted.filter(
        (zone) =>
          labels(zone.name) > from || (labels(zone.name) === from && zone.id >= (input.hostedzoneid ?? '')),
      );
      const next = rest[input.maxitems];
      return {
        HostedZones: { HostedZone: rest.slice(0, input.maxitems).map(describeZone) },
        DNSName: input.dnsname,
        HostedZoneId: input.hostedzoneid,
        IsTruncated: next !== undefined,
        NextDNSName: next?.name,
        NextHostedZoneId: next?.id,
        MaxItems: input.maxitems,
      };
    },
  });

  const getChange = operation({
    name: 'GetChange',
    schema: v.strictObject({
      Id: v.pipe(
        v.string(),
        v.maxLength(32),
        v.transform((id) => id.replace(/^\/?change\//, '')),
      ),
    }),
    access: ({ Id }) => [{ action: 'route53:GetChange', resource: arn(`change/${Id}`), context: {} }],
    run({ Id }) {
      const batch = zones.batch(Id);
      return { ChangeInfo: changeInfo(batch, zones.statusOf(batch)) };
    },
  });

  return {
    signingName: 'route53',
    protocol: { kind: 'rest-xml', namespace: 'https://route53.amazonaws.com/doc/2013-04-01/' },
    source: 'route53/operations.ts',
    isGlobal: true,
    route,
    operations: [changeRecords, listRecords, listZonesByName, getChange],
  };
}

function route(method: string, url: URL, body: string): WireRequest | undefined {
  const path = url.pathname.replace(/^\/2013-04-01\//, '').replace(/\/$/, '');
  const query = Object.fromEntries(url.searchParams);
  const [, zone] = /^hostedzone\/([^/]+)\/rrset$/.exec(path) ?? [];
  if (zone !== undefined && method === 'GET')
    return { operation: 'ListResourceRecordSets', input: { HostedZoneId: zone, ...query } };
  if (zone !== undefined && method === 'POST')
    return { operation: 'ChangeResourceRecordSets', input: { HostedZoneId: zone, ...readChanges(body) } };
  const [, change] = /^change\/([^/]+)$/.exec(path) ?? [];
  if (change !== undefined && method === 'GET') return { operation: 'GetChange', input: { Id: change } };
  return path === 'hostedzonesbyname' && method === 'GET'
    ? { operation: 'ListHostedZonesByName', input: query }
    : undefined;
}

function zoneKey(zone: HostedZone): string {
  return `${labels(zone.name)} ${zone.id}`;
}

function changeInfo(
  batch: { readonly id: string; readonly at: Date },
  status: 'PENDING' | 'INSYNC',
): unknown {
  return { Id: `/change/${batch.id}`, Status: status, SubmittedAt: batch.at.toISOString() };
}

function describeRecord(record: RecordSet): unknown {
  return {
    Name: record.name,
    Type: record.type,
    SetIdentifier: record.setIdentifier,
    ...(record.policy?.kind === 'weighted' && { Weight: record.policy.weight }),
    ...(record.policy?.kind === 'multivalue' && { MultiValueAnswer: true }),
    TTL: record.ttl,
    ...(record.alias === undefined
      ? { ResourceRecords: { ResourceRecord: record.values.map((Value) => ({ Value })) } }
      : {
          AliasTarget: {
            HostedZoneId: record.alias.hostedZoneId,
            DNSName: record.alias.dnsName,
            EvaluateTargetHealth: record.alias.evaluateTargetHealth,
          },
        }),
  };
}

function describeZone(zone: HostedZone): unknown {
  return {
    Id: `/hostedzone/${zone.id}`,
    Name: zone.name,
    CallerReference: zone.id,
    Config: { PrivateZone: zone.isPrivate },
    ResourceRecordSetCount: zone.records().length,
  };
}
