import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateTagsCommand, DeleteTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runScript } from '../../tour/run-script.ts';
import { must, packageDirectory, startGroup, type TestGroup, uploads } from './group.ts';
import { hostCommand, installPackage } from './host-package.ts';
import { upload, uploadRandom } from './on-host.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 2 });
  await upload(group.primary, 'keep', 'x');
});
afterAll(() => group?.close());

const codes = () =>
  group.lastLog().flatMap(({ code, level }) => (code === undefined ? [] : [`${level} ${code}`]));
const pushes = () => group.cloud.commands({ document: 'PushDocument' }).length;

/** Sets tags, ticks, and sets them back. @returns what the tick logged */
async function tickWith(
  instance: LocalInstance,
  tags: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const before = instance.tags;
  instance.setTags(tags);
  await group.tick();
  instance.deleteTags(...Object.keys(tags).filter((key) => before[key] === undefined));
  instance.setTags(
    Object.fromEntries(
      Object.entries(tags).flatMap(([key]) => (before[key] === undefined ? [] : [[key, before[key]]])),
    ),
  );
  return codes();
}

describe('a group is not pushed', () => {
  it.each([
    ['with bad directories', { 'hostsync:directories': '/etc' }, 'ERROR bad-tags'],
    ['with a bad list', { 'hostsync:secondaries-2': '-oProxyCommand=touch' }, 'ERROR bad-tags'],
    ['with a bad epoch', { 'hostsync:primary': 'yes' }, 'ERROR bad-tags'],
    ['when paused', { 'hostsync:paused': 'release' }, 'INFO paused'],
  ])('%s', async (_name, tags, expected) => {
    const before = pushes();
    expect(await tickWith(group.primary, tags)).toEqual([expected]);
    expect(pushes()).toBe(before);
  });

  it('with two primaries, nor with none', async () => {
    const before = pushes();
    expect(await tickWith(group.secondary(0), { 'hostsync:primary': '1' })).toEqual([
      'ERROR several-primaries',
    ]);
    const { 'hostsync:primary': epoch = '' } = group.primary.tags;
    group.primary.deleteTags('hostsync:primary');
    await group.tick();
    expect(codes()).toEqual(['ERROR no-primary']);
    group.primary.setTags({ 'hostsync:primary': epoch });
    expect(pushes()).toBe(before);
  });

  it('while SSM does not reach the primary', async () => {
    group.primary.agentOffline();
    await group.tick();
    expect(codes()).toEqual(['ERROR primary-not-online']);
    group.primary.agentOnline();
  });
});

it('incident in one group changes nothing for another', async () => {
  const other = await group.cloud.launch({
    name: 'blog',
    tags: { 'hostsync:group': 'blog', 'hostsync:primary': 'x' },
  });
  await upload(group.primary, 'y');
  const results = await group.tick();
  expect(results.map(({ ok }) => ok)).toEqual([true, true]);
  expect(codes()).toEqual(['ERROR bad-tags']);
  expect(await group.differences()).toEqual([]);
  await other.terminate();
});

it('the operator’s options reach the primary, and the deletions that they hold are accepted by a tag', async () => {
  await upload(group.primary, 'going', 'x');
  await group.tick();
  group.primary.setTags({ 'hostsync:options': 'max-delete-count=0 nice=5' });
  await must(group.primary, `rm ${uploads}/going`);
  expect(await group.tick()).toContainEqual(expect.objectContaining({ ok: false, error: 'deletions-held' }));
  const notifications = group.cloud.messages().at(-1);
  const [, id] =
    /Key=hostsync:accept-deletions,Value=([0-9a-f]{16})/u.exec(notifications?.message ?? '') ?? [];
  group.primary.setTags({ 'hostsync:accept-deletions': id ?? '' });
  expect((await group.tick()).map(({ ok }) => ok)).toEqual([true, true]);
  expect(await group.differences()).toEqual([]);
  await group.tick();
  expect(group.primary.tags['hostsync:accept-deletions']).toBeUndefined();
  group.primary.deleteTags('hostsync:options');
});

it('a host outside EC2 that stands in the list by name is pushed to, with the key that the operator pinned', async () => {
  const outside = await group.cloud.launchOutside({ name: 'web9.example.com' });
  await must(outside, `install -d -o www-data -g www-data ${uploads}`);
  const list = group.primary.tags['hostsync:secondaries'] ?? '';
  group.primary.setTags({ 'hostsync:secondaries': `${list} web9.example.com` });
  expect(await group.tick()).toContainEqual(
    expect.objectContaining({ id: 'web9.example.com', ok: false, error: 'host-key-unknown' }),
  );

  // What docs/host-package.md has the user do: the same package, from a shell, with a request in a file
  await installPackage(outside);
  const join = hostCommand('join').slice(0, -1).join(' ');
  await outside.writeFile(
    '/root/request',
    `group\tweb\nepoch\t1\ndirectory\t${uploads}\npublic-key\t${(group.primary.tags['hostsync:public-key'] ?? '').replace(' ', '\t')}\n`,
  );
  const joined = JSON.parse(await must(outside, `${join} /root/request`));
  expect(joined).toMatchObject({ kind: 'join', group: 'web', epoch: 1, changed: true });
  expect(JSON.parse(await must(outside, `${join} - < /root/request`))).toMatchObject({
    changed: false,
  });
  await must(group.primary, `echo 'web9.example.com ${joined.hostKey}' >> /etc/hostsync/known_hosts`);
  expect(await group.tick()).toContainEqual(expect.objectContaining({ id: 'web9.example.com', ok: true }));
  expect(await group.differences(outside)).toEqual([]);
  group.primary.setTags({ 'hostsync:secondaries': list });
});

describe('AWS at its worst', () => {
  it('throttles: the tick gets through all the same', async () => {
    for (const call of ['ec2:DescribeInstances', 'ssm:DescribeInstanceInformation', 'ssm:SendCommand'])
      group.cloud.faults.throttle(call);
    expect((await group.tick()).map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('loses the answer to SendCommand, so that a retry starts a second push: the lock makes that harmless', async () => {
    await uploadRandom(group.primary, 'big', 30_000_000);
    group.cloud.faults.loseResponse('ssm:SendCommand');
    const results = await group.tick();
    expect(results.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(2);
    for (const { ok, error } of results) expect(ok || error === 'busy').toBe(true);
    expect(await group.differences()).toEqual([]);
  });

  it('fires the schedule twice at once', async () => {
    await uploadRandom(group.primary, 'big2', 30_000_000);
    group.cloud.tick();
    const results = await group.tick();
    for (const { ok, error } of results) expect(ok || error === 'busy').toBe(true);
    expect(await group.differences()).toEqual([]);
  });

  it('fires it late: an old tick is dropped', async () => {
    const before = pushes();
    const record = await group.cloud.invoke('SyncLambdaFunction', {
      version: '0',
      id: 'x',
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      detail: {},
      resources: [],
      time: new Date(Date.now() - 61_500).toISOString(),
    });
    expect(record.logs.join('\n')).toMatch(/the tick is \d+ s old/u);
    expect(pushes()).toBe(before);
  });

  it('refuses one call: the function fails, so that its alarm rings, and the next tick makes it good', async () => {
    group.cloud.faults.failCall('ssm:SendCommand', 'InvalidInstanceId');
    await group.tick();
    const [last] = group.cloud.invocations({ function: 'SyncLambdaFunction' }).slice(-1);
    expect(JSON.stringify(last?.outcome)).toContain('InvalidInstanceId');
    expect((await group.tick()).map(({ ok }) => ok)).toEqual([true, true]);
  });
});

describe('the roles let nobody go further than their work, even with the code of a function taken over', () => {
  const clients = (asFunction: string) => {
    const config = { ...group.cloud.clientConfig(asFunction), maxAttempts: 1 };
    return { ssm: new SSMClient(config), ec2: new EC2Client(config) };
  };
  const send = (asFunction: string, documentName: string, instance: LocalInstance) =>
    clients(asFunction).ssm.send(
      new SendCommandCommand({
        DocumentName: documentName,
        InstanceIds: [instance.id],
        Parameters: { request: ['AAAA'] },
      }),
    );
  const tag = (asFunction: string, instance: LocalInstance, key: string) =>
    clients(asFunction).ec2.send(
      new CreateTagsCommand({ Resources: [instance.id], Tags: [{ Key: key, Value: 'x' }] }),
    );
  const untag = (asFunction: string, instance: LocalInstance, keys: readonly string[] | undefined) =>
    clients(asFunction).ec2.send(
      new DeleteTagsCommand({
        Resources: [instance.id],
        ...(keys && { Tags: keys.map((Key) => ({ Key })) }),
      }),
    );
  const waking = [
    'InstanceDashlaunchLambdaFunction',
    'InstanceDashterminationLambdaFunction',
    'PrimaryDashfailureLambdaFunction',
    'CommandDashresultLambdaFunction',
  ];
  const others = ['SyncLambdaFunction', ...waking, 'AlertLambdaFunction'];
  const all = ['ReconcileLambdaFunction', ...others];
  let stranger: LocalInstance;
  beforeAll(async () => {
    stranger = await group.cloud.launch({ name: 'stranger' });
  });
  afterAll(() => {
    group.cloud.takeProblems();
  });

  it.each(all)('%s runs no command on a host outside our groups, and no document of others', async (name) => {
    const denied = /not authorized|cannot judge|InvalidDocument/u;
    await expect(send(name, group.cloud.physicalName('JoinDocument'), stranger)).rejects.toThrow(
      /not authorized/u,
    );
    await expect(send(name, 'AWS-RunShellScript', group.primary)).rejects.toThrow(denied);
  });

  it('SyncLambdaFunction runs nothing but pushes', async () => {
    for (const document of [
      'JoinDocument',
      'PromoteDocument',
      'LeaveDocument',
      'RescueDocument',
      'ProbeDocument',
    ])
      await expect(
        send('SyncLambdaFunction', group.cloud.physicalName(document), group.primary),
      ).rejects.toThrow(/not authorized/u);
  });

  it.each([...waking, 'AlertLambdaFunction'])('%s runs none at all', async (name) => {
    await expect(send(name, group.cloud.physicalName('PushDocument'), group.primary)).rejects.toThrow(
      /not authorized/u,
    );
  });

  it.each(others)('%s makes nobody primary, nor takes that off anyone', async (name) => {
    for (const key of ['hostsync:primary', 'hostsync:promoted', 'hostsync:directories'])
      await expect(tag(name, group.secondary(0), key)).rejects.toThrow(/not authorized/u);
    await expect(untag(name, group.primary, ['hostsync:primary'])).rejects.toThrow(/not authorized/u);
  });

  it.each(all)('%s moves nobody to another group, and tags no stranger', async (name) => {
    for (const key of ['hostsync:group', 'Name'])
      await expect(tag(name, group.secondary(0), key)).rejects.toThrow(/not authorized/u);
    await expect(tag(name, stranger, 'hostsync:state')).rejects.toThrow(/not authorized/u);
  });

  it.each(all)('%s takes no tags away but those of hostsync, and never all of them', async (name) => {
    await expect(untag(name, group.primary, ['hostsync:task', 'Name'])).rejects.toThrow(/not authorized/u);
    await expect(untag(name, group.primary, ['hostsync:group'])).rejects.toThrow(/not authorized/u);
    await expect(untag(name, group.primary, undefined)).rejects.toThrow(/not authorized/u);
  });

  const onTable = (name: string) => new DynamoDBClient({ ...group.cloud.clientConfig(name), maxAttempts: 1 });
  const TableName = 'hostsync-prod';
  const Key = (pk: string) => ({ pk: { S: pk }, sk: { S: 'head' } });

  it.each(others)('%s changes nothing of who is primary, and when a group was looked at', async (name) => {
    for (const attribute of [
      'reconciledFrom',
      'claim',
      'epoch',
      'version',
      'configuration',
      'task',
      'suspected',
    ]) {
      const update = new UpdateItemCommand({
        TableName,
        Key: Key('group#web'),
        UpdateExpression: 'SET #it = :now',
        ExpressionAttributeNames: { '#it': attribute },
        ExpressionAttributeValues: { ':now': { N: '1' } },
      });
      await expect(onTable(name).send(update)).rejects.toThrow(/not authorized/u);
    }
    const put = new PutItemCommand({ TableName, Item: Key('group#web') });
    await expect(onTable(name).send(put)).rejects.toThrow(/not authorized/u);
  });

  it.each(all.filter((name) => !name.startsWith('Alert')))('%s knows nothing of alerts', async (name) => {
    const put = new PutItemCommand({ TableName, Item: Key('alert#x') });
    await expect(onTable(name).send(put)).rejects.toThrow(/not authorized/u);
    const get = new GetItemCommand({ TableName, Key: Key('alert#x') });
    await expect(onTable(name).send(get)).rejects.toThrow(/not authorized/u);
  });

  it.each(all)(
    '%s deletes nothing that is remembered, and tells nothing in the name of others',
    async (name) => {
      const gone = new DeleteItemCommand({ TableName, Key: Key('group#web') });
      await expect(onTable(name).send(gone)).rejects.toThrow(/not authorized/u);
      const events = new EventBridgeClient(group.cloud.clientConfig(name));
      const Entries = [{ Source: 'others', DetailType: 'x', Detail: '{}' }];
      await expect(events.send(new PutEventsCommand({ Entries }))).rejects.toThrow(/not authorized/u);
    },
  );
});

it('no zip is larger than 350 KB: a large one starts slowly', () => {
  const zips = readdirSync(packageDirectory).filter((name) => name.endsWith('.zip'));
  expect(zips.length).toBeGreaterThan(0);
  for (const zip of zips) expect(statSync(join(packageDirectory, zip)).size).toBeLessThanOrEqual(350 * 1024);
});

it('what the SSM agent keeps of each push does not fill the disk: it is cleared away a day later', async () => {
  const kept = `/var/lib/amazon/ssm/${group.primary.id}/document/orchestration`;
  const count = () => must(group.primary, `cd ${kept}; ls -d */push */awsrunShellScript/push | wc -l`);
  await group.tick();
  expect(Number(await count())).toBeGreaterThan(2);
  await must(group.primary, `touch -d '25 hours ago' ${kept}/*`);
  await group.tick();
  expect(await count()).toBe('2\n');
});

it('a host that is promoted trusts the earlier primary no more, and follows no older epoch', async () => {
  const host = group.secondary(1);
  const promoted = await runScript(group.cloud, 'PromoteDocument', host, 'group\tweb\nepoch\t2\n');
  expect(promoted).toMatchObject({
    code: 0,
    lines: [expect.objectContaining({ kind: 'promote', epoch: 2, changed: true })],
  });
  // A push that has nothing to send sends nothing, and so is not refused
  await upload(group.primary, 'after', 'y');
  expect(await group.tick()).toContainEqual(
    expect.objectContaining({ id: host.id, ok: false, error: 'key-refused' }),
  );
  const publicKey = (group.primary.tags['hostsync:public-key'] ?? '').replace(' ', '\t');
  const request = `group\tweb\nepoch\t1\ndirectory\t${uploads}\npublic-key\t${publicKey}\n`;
  expect(await runScript(group.cloud, 'JoinDocument', host, request)).toMatchObject({ code: 14 });
});
