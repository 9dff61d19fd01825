import { CreateTagsCommand, DeleteTagsCommand, type Tag } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { openFakeFleet } from '../fake-fleet.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

const numbered = (count: number, from = 0): Tag[] =>
  Array.from({ length: count }, (_, index) => ({ Key: `k${from + index}`, Value: '' }));

describe('tags', () => {
  test('are written and taken away with the rules of EC2', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch({ tags: { a: '1', b: '2', c: '3', d: '' } });
    const del = (Tags?: { Key: string; Value?: string }[]) =>
      ec2.send(new DeleteTagsCommand({ Resources: [instance.id], ...(Tags && { Tags }) }));
    await ec2.send(new CreateTagsCommand({ Resources: [instance.id], Tags: [{ Key: 'a', Value: '9' }] }));
    expect(instance.tags).toMatchObject({ a: '9' });
    await del([{ Key: 'a', Value: 'other' }, { Key: 'b' }, { Key: 'absent' }]);
    expect(instance.tags).toEqual({ a: '9', c: '3', d: '' });
    await del([
      { Key: 'c', Value: '' },
      { Key: 'd', Value: '' },
    ]);
    expect(instance.tags).toEqual({ a: '9', c: '3' });
    await del();
    expect(instance.tags).toEqual({});
    const changes = cloud.events(({ event }) => event.source === 'aws.tag').map(({ event }) => event.detail);
    expect(changes).toMatchObject([
      { 'changed-tag-keys': ['a'], version: 2, 'resource-type': 'instance', tags: { a: '9', c: '3' } },
      { 'changed-tag-keys': ['b'], version: 3 },
      { 'changed-tag-keys': ['d'], version: 4 },
      { 'changed-tag-keys': ['a', 'c'], version: 5, tags: {} },
    ]);
  });

  /** The words are those of reports of users, where there are any. */
  test.each<[string, Tag[], string, string]>([
    [
      'a reserved key',
      [{ Key: 'AWS:x', Value: '' }],
      'InvalidParameterValue',
      "Value ( AWS:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
    ],
    [
      'no key',
      [{ Key: '', Value: 'x' }],
      'InvalidParameterValue',
      "Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty.",
    ],
    [
      'a key that is too long',
      [{ Key: 'k'.repeat(128), Value: '' }],
      'InvalidParameterValue',
      'Tag key exceeds the maximum length of 127 characters',
    ],
    [
      'a value that is too long',
      [{ Key: 'k', Value: 'v'.repeat(257) }],
      'InvalidParameterValue',
      'Tag value exceeds the maximum length of 256 characters',
    ],
    [
      'a key twice',
      [
        { Key: 'k', Value: '1' },
        { Key: 'k', Value: '2' },
      ],
      'InvalidParameterValue',
      "Duplicate tag key 'k' specified.",
    ],
    [
      '51 tags',
      numbered(51),
      'TagLimitExceeded',
      'The maximum number of Tags for a resource has been reached.',
    ],
  ])('are refused: %s', async (_name, Tags, name, message) => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const { id } = await cloud.launch();
    await expect(ec2.send(new CreateTagsCommand({ Resources: [id], Tags }))).rejects.toMatchObject({
      name,
      message,
    });
  });

  test('may be as long as EC2 takes them, in characters and not in bytes', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch();
    const Tags = [{ Key: '𝄞'.repeat(127), Value: '€'.repeat(256) }];
    await ec2.send(new CreateTagsCommand({ Resources: [instance.id], Tags }));
    expect(Object.keys(instance.tags)).toHaveLength(1);
  });

  test('are 50 at most; those of AWS do not count, and old ones are overwritten', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const group = cloud.createAutoScalingGroup({ name: 'web' });
    const [instance] = await group.scaleOut(1);
    const create = (...Tags: Tag[]) =>
      ec2.send(new CreateTagsCommand({ Resources: [instance?.id ?? ''], Tags }));
    await create(...numbered(50));
    await expect(create({ Key: 'one more', Value: '' })).rejects.toMatchObject({ name: 'TagLimitExceeded' });
    await create({ Key: 'k7', Value: 'new' });
    expect(instance?.tags).toMatchObject({ 'aws:autoscaling:groupName': 'web', k7: 'new' });
    await ec2.send(new DeleteTagsCommand({ Resources: [instance?.id ?? ''] }));
    expect(instance?.tags).toEqual({ 'aws:autoscaling:groupName': 'web' });
    const Tags = [{ Key: 'aws:autoscaling:groupName' }];
    await expect(
      ec2.send(new DeleteTagsCommand({ Resources: [instance?.id ?? ''], Tags })),
    ).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('of a launch are 50 at most, too', async () => {
    const fleet = await openFakeFleet();
    const cloud = await sampleCloud({ fleet });
    const tags = Object.fromEntries(numbered(50).map(({ Key }) => [Key, '']));
    await cloud.launch({ tags });
    await expect(cloud.launch({ name: 'one-more', tags })).rejects.toThrow(/maximum number of Tags/);
    expect(cloud.instances()).toHaveLength(1);
    expect(fleet.hosts()).toHaveLength(1);
  });

  test('of a group of Auto Scaling or of targets are 50 at most', async () => {
    const cloud = await sampleCloud();
    const tags = Object.fromEntries(numbered(51).map(({ Key }) => [Key, '']));
    expect(() => cloud.createAutoScalingGroup({ name: 'web', tags })).toThrow(/maximum number of Tags/);
    expect(() => cloud.createTargetGroup({ name: 'web', tags })).toThrow(/maximum number of Tags/);
  });

  test('of a target group have fewer characters to choose from', async () => {
    const cloud = await sampleCloud();
    expect(() => cloud.createTargetGroup({ name: 'a', tags: { team: 'web#1' } })).toThrow(/'web#1'/);
    cloud.createTargetGroup({ name: 'b', tags: { 'hostsync:group': 'größe 1_./=+-@' } });
  });

  test('of anything but an instance fail loudly', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const Resources = ['vol-0123456789abcdef0'];
    for (const call of [
      () => ec2.send(new CreateTagsCommand({ Resources, Tags: numbered(1) })),
      () => ec2.send(new DeleteTagsCommand({ Resources })),
    ])
      await expect(call()).rejects.toMatchObject({
        name: 'InvalidID',
        message: expect.stringMatching(/^The ID 'vol-0123456789abcdef0' is not valid/),
      });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'unserved' }, { kind: 'unserved' }]);
  });

  test('of 1,000 resources are written and deleted in one call, and not of more', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const { id } = await cloud.launch();
    const create = (count: number) =>
      ec2.send(new CreateTagsCommand({ Resources: Array(count).fill(id), Tags: numbered(1) }));
    const remove = (count: number) => ec2.send(new DeleteTagsCommand({ Resources: Array(count).fill(id) }));
    for (const call of [create, remove]) {
      await call(1000);
      await expect(call(1001)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    }
    expect(cloud.takeProblems()).toHaveLength(2);
  });

  test.each(['sync/role', 'sync role', '.', '..', '_index', 'größe', 'a#b'])(
    'in the instance metadata cannot have the key %j',
    async (key) => {
      const cloud = await sampleCloud();
      const instance = await cloud.launch({ metadataTags: true });
      expect(() => instance.setTags({ [key]: 'x' })).toThrow(`'${key}' is not a valid tag key`);
      instance.setTags({ 'sync:role+=,@-_.': 'x' });
      (await cloud.launch()).setTags({ [key]: 'x' });
    },
  );
});
