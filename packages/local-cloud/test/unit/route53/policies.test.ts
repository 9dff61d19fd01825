import {
  type Change,
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsCommandInput,
  type ListResourceRecordSetsCommandOutput,
  type ResourceRecordSet,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { describe, expect, test } from 'vitest';
import { sampleCloud } from '../sample-cloud.ts';

async function start() {
  const cloud = await sampleCloud();
  const zone = cloud.createHostedZone({ name: 'example.com' });
  const client = new Route53Client(cloud.clientConfig());
  const change = (...Changes: Change[]) =>
    client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone.id, ChangeBatch: { Changes } }));
  const upsert = (...sets: ResourceRecordSet[]) =>
    change(...sets.map((ResourceRecordSet) => ({ Action: 'UPSERT' as const, ResourceRecordSet })));
  return { cloud, zone, client, change, upsert };
}

const simple = (value = '192.0.2.1', Name = 'www.example.com'): ResourceRecordSet => {
  return { Name, Type: 'A', TTL: 60, ResourceRecords: [{ Value: value }] };
};
const weighted = (SetIdentifier: string, Weight: number, value: string): ResourceRecordSet => {
  return { ...simple(value), SetIdentifier, Weight };
};
const multiple = (SetIdentifier: string, value: string): ResourceRecordSet => {
  return { ...simple(value), SetIdentifier, MultiValueAnswer: true };
};
const alias = (DNSName: string, HostedZoneId: string, Name = 'www.example.com'): ResourceRecordSet => {
  return { Name, Type: 'A', AliasTarget: { DNSName, HostedZoneId, EvaluateTargetHealth: false } };
};

describe('an alias', () => {
  test('answers what it points at, also at the apex and through another one', async () => {
    const { cloud, zone, upsert } = await start();
    await upsert(simple('192.0.2.5', 'lb.example.com'));
    await upsert(alias('lb.example.com', zone.id), alias('WWW.example.com.', zone.id, 'example.com'));
    expect(cloud.resolve('example.com')).toEqual(['192.0.2.5']);
    await upsert(simple('192.0.2.6', 'lb.example.com'));
    expect(cloud.resolve('example.com')).toEqual(['192.0.2.6']);
    expect(
      zone
        .records()
        .filter(({ alias: it }) => it !== undefined)
        .map(({ ttl }) => ttl),
    ).toEqual([undefined, undefined]);
  });

  test('that points at itself or at nothing answers nothing', async () => {
    const { cloud, zone, upsert } = await start();
    await upsert(alias('www.example.com', zone.id), alias('gone.example.com', zone.id, 'other.example.com'));
    expect([cloud.resolve('www.example.com'), cloud.resolve('other.example.com')]).toEqual([[], []]);
  });

  test('is listed as one, and is replaced by an UPSERT of values', async () => {
    const { zone, client, upsert } = await start();
    await upsert(alias('lb.example.com', zone.id));
    const list = async () => {
      const input = {
        HostedZoneId: zone.id,
        StartRecordName: 'www.example.com',
        StartRecordType: 'A' as const,
      };
      return (await client.send(new ListResourceRecordSetsCommand(input))).ResourceRecordSets?.[0];
    };
    expect(await list()).toEqual({
      Name: 'www.example.com.',
      Type: 'A',
      AliasTarget: { HostedZoneId: zone.id, DNSName: 'lb.example.com.', EvaluateTargetHealth: false },
    });
    await upsert(simple());
    expect(await list()).toMatchObject({ TTL: 60, ResourceRecords: [{ Value: '192.0.2.1' }] });
  });
});

describe('records with a routing policy', () => {
  test('weighted: the heaviest answers', async () => {
    const { cloud, upsert } = await start();
    await upsert(weighted('blue', 10, '192.0.2.1'), weighted('green', 0, '192.0.2.2'));
    expect(cloud.resolve('www.example.com')).toEqual(['192.0.2.1']);
    await upsert(weighted('blue', 0, '192.0.2.1'), weighted('green', 10, '192.0.2.2'));
    expect(cloud.resolve('www.example.com')).toEqual(['192.0.2.2']);
  });

  test('multi-value: up to eight answer', async () => {
    const { cloud, upsert } = await start();
    const sets = Array.from({ length: 9 }, (_, index) => multiple(`set-${index}`, `192.0.2.${index}`));
    await upsert(...sets);
    expect(cloud.resolve('www.example.com')).toHaveLength(8);
  });

  test('are deleted one by one, by all that they say', async () => {
    const { cloud, change, upsert } = await start();
    const [blue, green] = [weighted('blue', 10, '192.0.2.1'), weighted('green', 5, '192.0.2.2')];
    await upsert(blue, green);
    const remove = (ResourceRecordSet: ResourceRecordSet) => change({ Action: 'DELETE', ResourceRecordSet });
    await expect(remove({ ...blue, Weight: 11 })).rejects.toThrow('do not match the current values');
    await expect(remove({ ...blue, SetIdentifier: 'red' })).rejects.toThrow("set-identifier='red'");
    await remove(blue);
    expect(cloud.resolve('www.example.com')).toEqual(['192.0.2.2']);
  });

  test('are listed in the order of their identifiers, over pages', async () => {
    const { zone, client, upsert } = await start();
    await upsert(multiple('b', '192.0.2.2'), multiple('a', '192.0.2.1'), multiple('c', '192.0.2.3'));
    const found: (string | undefined)[] = [];
    let from: Partial<ListResourceRecordSetsCommandInput> | undefined = {};
    while (from !== undefined) {
      const input: ListResourceRecordSetsCommandInput = { HostedZoneId: zone.id, MaxItems: 1, ...from };
      const page: ListResourceRecordSetsCommandOutput = await client.send(
        new ListResourceRecordSetsCommand(input),
      );
      found.push(...(page.ResourceRecordSets ?? []).map(({ SetIdentifier }) => SetIdentifier));
      from =
        page.IsTruncated === true
          ? {
              StartRecordName: page.NextRecordName,
              StartRecordType: page.NextRecordType,
              StartRecordIdentifier: page.NextRecordIdentifier,
            }
          : undefined;
    }
    expect(found).toEqual([undefined, undefined, 'a', 'b', 'c']);
  });
});

describe('what Route 53 refuses', () => {
  test.each<[string, readonly ResourceRecordSet[], ResourceRecordSet, string]>([
    [
      'a simple record beside a weighted one',
      [weighted('blue', 1, '192.0.2.1')],
      simple(),
      'because a weighted rrset exists',
    ],
    [
      'a weighted record beside a simple one',
      [simple()],
      weighted('blue', 1, '192.0.2.2'),
      'because a non weighted rrset exists',
    ],
    [
      'a multi-value record beside a simple one',
      [simple()],
      multiple('one', '192.0.2.2'),
      'because a non multivalue rrset exists',
    ],
    ['a weight without an identifier', [], { ...simple(), Weight: 1 }, "Missing field 'SetIdentifier'"],
    ['an identifier without a policy', [], { ...simple(), SetIdentifier: 'x' }, "Missing field 'Weight'"],
    ['two policies', [], { ...weighted('x', 1, '192.0.2.1'), MultiValueAnswer: true }, 'more than one'],
    [
      'an alias with a time to live',
      [],
      { ...alias('a.example.com', 'Z1'), TTL: 60 },
      'but found more than one',
    ],
    ['neither values nor an alias', [], { Name: 'www.example.com', Type: 'A' }, 'but found none'],
    [
      'values without a time to live',
      [],
      { Name: 'www.example.com', Type: 'A', ResourceRecords: [{ Value: '192.0.2.1' }] },
      'but found none',
    ],
    [
      'an alias of many values',
      [],
      { ...alias('a.example.com', 'Z1'), SetIdentifier: 'x', MultiValueAnswer: true },
      'MultiValueAnswer is not permitted',
    ],
  ])('%s', async (_name, before, set, message) => {
    const { cloud, upsert } = await start();
    if (before.length > 0) await upsert(...before);
    await expect(upsert(set)).rejects.toThrow(message);
    cloud.takeProblems();
  });
});
