import {
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { matchesWildcard } from '../../../src/ec2/filters.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

async function idsOf(client: ReturnType<typeof clientsOf>['ec2'], input: DescribeInstancesCommandInput) {
  const answer = await client.send(new DescribeInstancesCommand(input));
  return (answer.Reservations ?? [])
    .flatMap(({ Instances }) => Instances ?? [])
    .map(({ InstanceId }) => InstanceId);
}

const tagged = (key: string, ...values: string[]) => ({ Filters: [{ Name: `tag:${key}`, Values: values }] });

describe('DescribeInstances', () => {
  test('gives every instance over several pages and reservations', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const launched = await Promise.all(
      Array.from({ length: 12 }, () => cloud.launch({ tags: { 'sample:group': 'web' } })),
    );
    const pages: number[] = [];
    const seen: (string | undefined)[] = [];
    for await (const page of paginateDescribeInstances(
      { client: ec2, pageSize: 5 },
      tagged('sample:group', 'web'),
    )) {
      const instances = (page.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
      pages.push(page.Reservations?.length ?? 0);
      seen.push(...instances.map(({ InstanceId }) => InstanceId));
    }
    expect(pages).toEqual([5, 5, 2]);
    expect(seen.toSorted()).toEqual(launched.map(({ id }) => id).toSorted());
  });

  test('filters as EC2 does', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const a = await cloud.launch({ name: 'a*b', tags: { role: 'Web' } });
    const b = await cloud.launch({ name: 'axb', tags: { role: 'db', empty: '' } });
    await b.stop();
    expect(await idsOf(ec2, tagged('Name', 'a*b'))).toEqual([a.id, b.id]);
    expect(await idsOf(ec2, tagged('Name', 'a\\*b'))).toEqual([a.id]);
    expect(await idsOf(ec2, tagged('Name', 'a?b', 'other'))).toEqual([a.id, b.id]);
    expect(await idsOf(ec2, tagged('role', 'web'))).toEqual([]);
    expect(await idsOf(ec2, tagged('empty', ''))).toEqual([b.id]);
    expect(await idsOf(ec2, { Filters: [{ Name: 'tag-key', Values: ['empty'] }] })).toEqual([b.id]);
    expect(await idsOf(ec2, { Filters: [{ Name: 'instance-state-name', Values: ['running'] }] })).toEqual([
      a.id,
    ]);
    expect(
      await idsOf(ec2, { Filters: [{ Name: 'instance-id', Values: [b.id, 'i-0ffffffffffffffff'] }] }),
    ).toEqual([b.id]);
    const both = [
      ...(tagged('role', 'db').Filters ?? []),
      { Name: 'instance-state-name', Values: ['running'] },
    ];
    expect(await idsOf(ec2, { Filters: both })).toEqual([]);
    await a.terminate();
    expect(await idsOf(ec2, tagged('role', 'Web'))).toEqual([a.id]);
  });

  test.each<[string, DescribeInstancesCommandInput, string]>([
    ['an id that is not there', { InstanceIds: ['i-0ffffffffffffffff'] }, 'InvalidInstanceID.NotFound'],
    ['an id that is none', { InstanceIds: ['web-1'] }, 'InvalidInstanceID.Malformed'],
    ['a token of another request', { NextToken: 'bogus' }, 'InvalidNextToken'],
    [
      'ids and a page size',
      { InstanceIds: ['i-0ffffffffffffffff'], MaxResults: 5 },
      'InvalidParameterCombination',
    ],
    [
      'an unknown state',
      { Filters: [{ Name: 'instance-state-name', Values: ['dead'] }] },
      'InvalidParameterValue',
    ],
  ])('refuses %s', async (_name, input, code) => {
    const cloud = await sampleCloud();
    await expect(clientsOf(cloud).ec2.send(new DescribeInstancesCommand(input))).rejects.toMatchObject({
      name: code,
    });
  });

  test('a page size out of range is recorded: no caller should ask for it', async () => {
    const cloud = await sampleCloud();
    const call = clientsOf(cloud).ec2.send(new DescribeInstancesCommand({ MaxResults: 4 }));
    await expect(call).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'invalid-request' }]);
  });

  test('a filter that the local cloud does not have fails loudly', async () => {
    const cloud = await sampleCloud();
    const input = { Filters: [{ Name: 'dns-name', Values: ['x'] }] };
    await expect(clientsOf(cloud).ec2.send(new DescribeInstancesCommand(input))).rejects.toThrow(
      /does not serve the filter/,
    );
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'unserved' }]);
  });

  test('shows tags as they were while reads are stale', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch({ tags: { role: 'old' } });
    cloud.faults.staleTags({ calls: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    instance.setTags({ role: 'new' });
    expect(await idsOf(ec2, tagged('role', 'new'))).toEqual([]);
    expect(await idsOf(ec2, tagged('role', 'new'))).toEqual([instance.id]);
    cloud.faults.staleTags({ seconds: 30 });
    expect(await idsOf(ec2, tagged('role', 'old'))).toEqual([instance.id]);
    cloud.faults.staleTags({ seconds: 0 });
    expect(await idsOf(ec2, tagged('role', 'old'))).toEqual([]);
  });

  test('shows the tags of each instance as late as the scenario says, filters too', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const [late, prompt] = [
      await cloud.launch({ tags: { role: 'old' } }),
      await cloud.launch({ tags: { role: 'old' } }),
    ];
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    cloud.faults.staleTags({ seconds: 0.5, instance: late });
    vi.setSystemTime(Date.now() + 5);
    for (const instance of [late, prompt]) instance.setTags({ role: 'new' });
    expect(await idsOf(ec2, tagged('role', 'new'))).toEqual([prompt.id]);
    expect(await idsOf(ec2, tagged('role', 'old'))).toEqual([late.id]);
    vi.setSystemTime(Date.now() + 501);
    expect(await idsOf(ec2, tagged('role', 'new'))).toHaveLength(2);
    cloud.faults.staleTags({ seconds: 60 });
    expect(await idsOf(ec2, tagged('role', 'old'))).toEqual([prompt.id]);
    cloud.faults.staleTags({ seconds: 0 });
    expect(await idsOf(ec2, tagged('role', 'new'))).toHaveLength(2);
  });
});

test.each([
  ['*', '', true],
  ['a*', 'abc', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['a\\?c', 'a?c', true],
  ['a\\?c', 'abc', false],
  ['a.c', 'abc', false],
  ['\\\\', '\\', true],
  ['*', 'line\nbreak', true],
])('the wildcard %j on %j: %j', (pattern, value, expected) => {
  expect(matchesWildcard(pattern, value)).toBe(expected);
});
