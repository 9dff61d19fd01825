import {
  type Change,
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { describe, expect, test } from 'vitest';
import type { LocalCloud } from '../../../src/cloud.ts';
import { sampleCloud } from '../sample-cloud.ts';

const clientOf = (cloud: LocalCloud, asFunction?: string, region = 'eu-west-1') =>
  new Route53Client({ ...cloud.clientConfig(asFunction), region, maxAttempts: 2 });

function change(
  Action: Change['Action'],
  Name: string,
  value: string,
  more: { Type?: 'A' | 'CNAME' | 'TXT' | 'SOA'; TTL?: number } = {},
): Change {
  const { Type = 'A', TTL = 60 } = more;
  return { Action, ResourceRecordSet: { Name, Type, TTL, ResourceRecords: [{ Value: value }] } };
}
const send = (client: Route53Client, HostedZoneId: string, ...Changes: Change[]) =>
  client.send(
    new ChangeResourceRecordSetsCommand({ HostedZoneId, ChangeBatch: { Comment: 'a <test>', Changes } }),
  );

test('the editors find the new primary by its name, and everybody sees when it was moved', async () => {
  const cloud = await sampleCloud({ timeScale: 100 });
  const client = clientOf(cloud);
  const zone = cloud.createHostedZone({ name: 'example.com' });
  zone.set({ name: 'edit.example.com', values: ['192.0.2.10'] });
  expect(cloud.resolve('Edit.example.com')).toEqual(['192.0.2.10']);
  const found = await client.send(new ListHostedZonesByNameCommand({ DNSName: 'example.com' }));
  expect(found.HostedZones).toMatchObject([
    {
      Id: `/hostedzone/${zone.id}`,
      Name: 'example.com.',
      ResourceRecordSetCount: 3,
      Config: { PrivateZone: false },
    },
  ]);
  const { ChangeInfo } = await send(
    client,
    `/hostedzone/${zone.id}`,
    change('UPSERT', 'edit.example.com', '192.0.2.11'),
  );
  expect(ChangeInfo).toMatchObject({ Id: expect.stringMatching(/^\/change\/C/), Status: 'PENDING' });
  expect(cloud.resolve('edit.example.com.')).toEqual(['192.0.2.11']);
  expect(cloud.dnsChanges()).toMatchObject([
    {
      zone: 'example.com.',
      action: 'UPSERT',
      name: 'edit.example.com.',
      type: 'A',
      ttl: 60,
      values: ['192.0.2.11'],
      caller: 'operator',
    },
  ]);
  expect(Date.now() - (cloud.dnsChanges()[0]?.at.getTime() ?? 0)).toBeLessThan(60_000);
  const status = async () =>
    (await client.send(new GetChangeCommand({ Id: ChangeInfo?.Id }))).ChangeInfo?.Status;
  await cloud.waitFor(async () => (await status()) === 'INSYNC', { what: 'INSYNC' });
  const listed = await client.send(
    new ListResourceRecordSetsCommand({
      HostedZoneId: zone.id,
      StartRecordName: 'edit.example.com',
      StartRecordType: 'A',
      MaxItems: 1,
    }),
  );
  expect(listed).toMatchObject({
    ResourceRecordSets: [
      { Name: 'edit.example.com.', Type: 'A', TTL: 60, ResourceRecords: [{ Value: '192.0.2.11' }] },
    ],
    IsTruncated: false,
    MaxItems: 1,
  });
});

describe('a batch is carried out as a whole or not at all', () => {
  test.each<[string, readonly Change[], RegExp]>([
    [
      'a record that is there cannot be made',
      [change('CREATE', 'old.example.com', '192.0.2.1')],
      /already exists/,
    ],
    [
      'one that is not there cannot be taken away',
      [change('DELETE', 'no.example.com', '192.0.2.1')],
      /was not found/,
    ],
    ['nor one with another value', [change('DELETE', 'old.example.com', '192.0.2.9')], /do not match/],
    [
      'nor one with another TTL',
      [change('DELETE', 'old.example.com', '192.0.2.1', { TTL: 30 })],
      /do not match/,
    ],
    [
      'of another zone',
      [change('UPSERT', 'www.example.org', '192.0.2.1')],
      /not permitted in zone example.com/,
    ],
    ['no address', [change('UPSERT', 'a.example.com', '192.0.2.256')], /not a valid IPv4/],
    [
      'a CNAME beside an address',
      [change('UPSERT', 'old.example.com', 'a.example.com', { Type: 'CNAME' })],
      /conflicts/,
    ],
    [
      'a CNAME of the zone itself',
      [change('UPSERT', 'example.com', 'a.example.com', { Type: 'CNAME' })],
      /apex/,
    ],
    [
      'the start of authority',
      [change('DELETE', 'example.com', 'x', { Type: 'SOA' })],
      /must contain exactly one SOA record/,
    ],
    ['text without quotes', [change('UPSERT', 'a.example.com', 'x', { Type: 'TXT' })], /quotation marks/],
  ])('%s', async (_name, changes, message) => {
    const cloud = await sampleCloud();
    const zone = cloud.createHostedZone({ name: 'example.com.' });
    zone.set({ name: 'old.example.com', values: ['192.0.2.1'] });
    const before = zone.records();
    const batch = send(
      clientOf(cloud),
      zone.id,
      change('UPSERT', 'new.example.com', '192.0.2.2'),
      ...changes,
    );
    await expect(batch).rejects.toMatchObject({
      name: 'InvalidChangeBatch',
      message: expect.stringMatching(message),
    });
    expect(zone.records()).toEqual(before);
    expect(cloud.dnsChanges()).toEqual([]);
  });

  test('a record is replaced by deleting and making it in one batch', async () => {
    const cloud = await sampleCloud();
    const zone = cloud.createHostedZone({ name: 'example.com' });
    zone.set({ name: 'old.example.com', values: ['192.0.2.1'] });
    await send(
      clientOf(cloud),
      zone.id,
      change('DELETE', 'OLD.example.com.', '192.0.2.1'),
      change('CREATE', 'old.example.com', 'web.example.com', { Type: 'CNAME' }),
      change('CREATE', 'web.example.com', '192.0.2.3'),
    );
    expect(cloud.resolve('old.example.com')).toEqual(['192.0.2.3']);
    expect(cloud.resolve('nobody.example.com')).toEqual([]);
  });

  test('the limits of a request count an UPSERT twice', async () => {
    const cloud = await sampleCloud();
    const { id } = cloud.createHostedZone({ name: 'example.com' });
    const many = (Action: Change['Action']) =>
      Array.from({ length: 501 }, (_, index) => change(Action, `h${index}.example.com`, '192.0.2.1'));
    await send(clientOf(cloud), id, ...many('CREATE'));
    await expect(send(clientOf(cloud), id, ...many('UPSERT'))).rejects.toThrow(/limit of 1000/);
    expect(cloud.takeProblems()).toHaveLength(1);
  });
});

test('a zone that is busy is tried again by the SDK; one that is not there is said so', async () => {
  const cloud = await sampleCloud();
  const zone = cloud.createHostedZone({ name: 'example.com' });
  const fault = cloud.faults.failCall('route53:ChangeResourceRecordSets', 'PriorRequestNotComplete');
  await send(
    clientOf(cloud, undefined, 'us-east-1'),
    zone.id,
    change('UPSERT', 'a.example.com', '192.0.2.1'),
  );
  expect(fault.struck).toBe(1);
  expect(cloud.resolve('a.example.com')).toEqual(['192.0.2.1']);
  const client = clientOf(cloud);
  await expect(send(client, 'Z0', change('UPSERT', 'a.example.com', '192.0.2.1'))).rejects.toMatchObject({
    name: 'NoSuchHostedZone',
  });
  await expect(client.send(new GetChangeCommand({ Id: 'C0' }))).rejects.toMatchObject({
    name: 'NoSuchChange',
  });
});

test('names come in the order of Route 53, from a name on, with what comes after it', async () => {
  const cloud = await sampleCloud();
  const client = clientOf(cloud);
  for (const name of ['b.example.com', 'example.com', 'example.org']) cloud.createHostedZone({ name });
  const zones = await client.send(new ListHostedZonesByNameCommand({ DNSName: 'example.com', MaxItems: 2 }));
  expect(zones).toMatchObject({
    HostedZones: [{ Name: 'example.com.' }, { Name: 'b.example.com.' }],
    IsTruncated: true,
    NextDNSName: 'example.org.',
  });
  const zone = cloud.createHostedZone({ name: 'example.net' });
  for (const name of ['z.example.net', '*.example.net', 'a.z.example.net'])
    zone.set({ name, values: ['192.0.2.1'] });
  const first = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId: zone.id, MaxItems: 3 }));
  expect(first.ResourceRecordSets?.map(({ Name, Type }) => `${Name} ${Type}`)).toEqual([
    'example.net. NS',
    'example.net. SOA',
    '\\052.example.net. A',
  ]);
  expect(first).toMatchObject({ IsTruncated: true, NextRecordName: 'z.example.net.', NextRecordType: 'A' });
});

test('a role may move the names of its condition, and no others', async () => {
  const cloud = await sampleCloud({
    statements: [
      {
        Effect: 'Allow',
        Action: 'route53:ChangeResourceRecordSets',
        Resource: 'arn:aws:route53:::hostedzone/*',
        Condition: {
          'ForAllValues:StringEquals': {
            'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['edit.example.com'],
            'route53:ChangeResourceRecordSetsRecordTypes': ['A'],
            'route53:ChangeResourceRecordSetsActions': ['UPSERT'],
          },
        },
      },
      { Effect: 'Allow', Action: 'route53:GetChange', Resource: 'arn:aws:route53:::change/*' },
    ],
  });
  const { id } = cloud.createHostedZone({ name: 'example.com' });
  const client = clientOf(cloud, 'SyncLambdaFunction');
  const { ChangeInfo } = await send(client, id, change('UPSERT', 'Edit.Example.com.', '192.0.2.1'));
  await client.send(new GetChangeCommand({ Id: ChangeInfo?.Id }));
  const allowed = change('UPSERT', 'edit.example.com', '192.0.2.2');
  for (const refused of [
    () => send(client, id, allowed, change('UPSERT', 'www.example.com', '192.0.2.2')),
    () => send(client, id, change('DELETE', 'edit.example.com', '192.0.2.1')),
    () => send(client, id, change('UPSERT', 'edit.example.com', '"x"', { Type: 'TXT' })),
    () => client.send(new ListResourceRecordSetsCommand({ HostedZoneId: id })),
    () => client.send(new ListHostedZonesByNameCommand({})),
  ])
    await expect(refused()).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(cloud.resolve('edit.example.com')).toEqual(['192.0.2.1']);
  expect(cloud.takeProblems()).toHaveLength(5);
});
