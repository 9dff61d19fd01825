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

  test('answers nothing when its record is gone, or is what AWS has', async () => {
    const { cloud, zone, change, upsert } = await start();
    const target = simple('192.0.2.5', 'lb.example.com');
    await upsert(target, alias('lb.example.com', zone.id));
    await change({ Action: 'DELETE', ResourceRecordSet: target });
    await upsert(alias('dualstack.web-1.eu-west-1.elb.amazonaws.com', 'Z32O12XQLNTSW2', 'lb.example.com'));
    expect([cloud.resolve('www.example.com'), cloud.resolve('lb.example.com')]).toEqual([[], []]);
  });

  test('comes after its target in a batch', async () => {
    const { cloud, zone, upsert } = await start();
    const both = [simple('192.0.2.5', 'lb.example.com'), alias('lb.example.com', zone.id)];
    await expect(upsert(...both.toReversed())).rejects.toThrow('but that target was not found]');
    await upsert(...both);
    expect(cloud.resolve('www.example.com')).toEqual(['192.0.2.5']);
  });

  test('of weighted records answers as they do', async () => {
    const { cloud, zone, upsert } = await start();
    await upsert(weighted('blue', 1, '192.0.2.1'), weighted('green', 2, '192.0.2.2'));
    await upsert(alias('www.example.com', zone.id, 'example.com'));
    expect(cloud.resolve('example.com')).toEqual(['192.0.2.2']);
  });

  test('is listed as one, and is replaced by an UPSERT of values', async () => {
    const { zone, client, upsert } = await start();
    await upsert(simple('192.0.2.5', 'lb.example.com'), alias('lb.example.com', zone.id));
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
      'RRSet with DNS name www.example.com., type A, SetIdentifier null cannot be created as a weighted set exists with the same name and type.',
    ],
    [
      'a weighted record beside a simple one',
      [simple()],
      weighted('blue', 1, '192.0.2.2'),
      'RRSet with DNS name www.example.com., type A, SetIdentifier blue cannot be created as a non-weighted set exists with the same name and type.',
    ],
    [
      'a multi-value record beside a simple one',
      [simple()],
      multiple('one', '192.0.2.2'),
      'RRSet with DNS name www.example.com., type A, SetIdentifier one cannot be created because a non multivalue answer rrset exists with the same name and type.',
    ],
    [
      'a simple record beside a multi-value one',
      [multiple('one', '192.0.2.2')],
      simple(),
      'cannot be created because a multivalue answer rrset exists with the same name and type.',
    ],
    [
      'a weighted record with another time to live',
      [weighted('blue', 1, '192.0.2.1')],
      { ...weighted('green', 1, '192.0.2.2'), TTL: 30 },
      'RRSet with DNS name www.example.com. and type A, SetIdentifier green cannot be created as weighted sets must contain the same TTL.',
    ],
    [
      'an address beside a CNAME',
      [{ ...simple('web.example.org'), Type: 'CNAME' }],
      simple(),
      'RRSet of type A with DNS name www.example.com. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.com.',
    ],
    [
      'a CNAME that leads back',
      [{ ...simple('WWW.example.com', 'b.example.com'), Type: 'CNAME' }],
      { ...simple('b.example.com.'), Type: 'CNAME' },
      'RRSet of type CNAME with DNS name www.example.com. is not permitted as it creates a CNAME or alias loop in the zone.',
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

describe('an alias is refused', () => {
  const tried = (name: string, zone: string) =>
    `Tried to create an alias that targets ${name}., type A in zone ${zone}, but`;

  test('of nothing, of itself, and of what is not in this zone', async () => {
    const { cloud, zone, upsert } = await start();
    const other = cloud.createHostedZone({ name: 'example.org' });
    other.set({ name: 'lb.example.org', values: ['192.0.2.5'] });
    await expect(upsert(alias('gone.example.com', zone.id))).rejects.toMatchObject({
      name: 'InvalidChangeBatch',
      message: `[${tried('gone.example.com', zone.id)} that target was not found]`,
    });
    await expect(upsert(alias('www.example.com', zone.id))).rejects.toThrow(
      `[${tried('www.example.com', zone.id)} that target was not found, RRSet of type A with DNS name www.example.com. is not permitted as it creates a CNAME or alias loop in the zone.]`,
    );
    for (const id of [zone.id, other.id])
      await expect(upsert(alias('lb.example.org', id))).rejects.toThrow(
        `[${tried('lb.example.org', id)} the alias target name does not lie within the target zone, ${tried('lb.example.org', id)} that target was not found]`,
      );
  });

  test('of a record of another type', async () => {
    const { zone, upsert } = await start();
    await upsert({ ...simple('2001:db8::1', 'lb.example.com'), Type: 'AAAA' });
    await expect(upsert(alias('lb.example.com', zone.id))).rejects.toThrow('that target was not found');
  });

  test('that closes a circle', async () => {
    const { zone, upsert } = await start();
    await upsert(simple('192.0.2.1', 'a.example.com'), alias('a.example.com', zone.id, 'b.example.com'));
    await upsert(alias('b.example.com', zone.id, 'c.example.com'));
    await expect(upsert(alias('c.example.com', zone.id, 'a.example.com'))).rejects.toThrow(
      'RRSet of type A with DNS name a.example.com. is not permitted as it creates a CNAME or alias loop',
    );
  });
});

test.each<Partial<ResourceRecordSet>>([
  { Failover: 'PRIMARY' },
  { Region: 'eu-west-1' },
  { GeoLocation: { CountryCode: 'DE' } },
  { HealthCheckId: '01234567-89ab-cdef-0123-456789abcdef' },
])('a policy that the local cloud does not have fails loudly: %j', async (policy) => {
  const { cloud, upsert } = await start();
  await expect(upsert({ ...simple(), SetIdentifier: 'x', ...policy })).rejects.toThrow(
    new RegExp(`the local cloud does not know the member .*${Object.keys(policy)[0]}`),
  );
  expect(cloud.takeProblems()).toMatchObject([{ kind: 'unserved' }]);
});

test('every type of record is taken', async () => {
  const { zone, upsert } = await start();
  const types = ['HTTPS', 'SVCB', 'TLSA', 'SSHFP', 'CAA'] as const;
  await upsert(...types.map((Type) => ({ ...simple('1 issue'), Type })));
  expect(zone.records().map(({ type }) => type)).toEqual(expect.arrayContaining([...types]));
});
