import {
  DeregisterTargetsCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  paginateDescribeTargetGroups,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { expect, test } from 'vitest';
import type { LocalCloud } from '../../src/cloud.ts';
import { sampleCloud } from './sample-cloud.ts';

const clientOf = (cloud: LocalCloud, asFunction?: string) =>
  new ElasticLoadBalancingV2Client({ ...cloud.clientConfig(asFunction), maxAttempts: 1 });
const targetsOf = (arn: string, ...ids: readonly string[]) => ({
  TargetGroupArn: arn,
  Targets: ids.map((Id) => ({ Id })),
});

test('a host gets traffic when it is registered, and drains when it is not any more', async () => {
  const cloud = await sampleCloud({ timeScale: 1000 });
  const client = clientOf(cloud);
  const group = cloud.createTargetGroup({ name: 'editors', deregistrationDelay: 300 });
  const instance = await cloud.launch();
  await client.send(new RegisterTargetsCommand(targetsOf(group.arn, instance.id)));
  expect(cloud.targetGroup('editors').targets()).toMatchObject([
    { instanceId: instance.id, port: 80, state: 'initial', reason: 'Elb.RegistrationInProgress' },
  ]);
  await cloud.waitFor(() => group.targets()[0]?.state === 'healthy', { what: 'healthy' });
  const health = async () =>
    (await client.send(new DescribeTargetHealthCommand({ TargetGroupArn: group.arn })))
      .TargetHealthDescriptions;
  expect(await health()).toMatchObject([
    { Target: { Id: instance.id, Port: 80 }, HealthCheckPort: '80', TargetHealth: { State: 'healthy' } },
  ]);
  await instance.freeze();
  expect(await health()).toMatchObject([{ TargetHealth: { State: 'unhealthy', Reason: 'Target.Timeout' } }]);
  await instance.thaw();
  await instance.stop();
  expect(await health()).toMatchObject([
    { TargetHealth: { State: 'unused', Reason: 'Target.InvalidState' } },
  ]);
  await client.send(new DeregisterTargetsCommand(targetsOf(group.arn, instance.id)));
  expect(await health()).toMatchObject([{ TargetHealth: { State: 'draining' } }]);
  await cloud.waitFor(() => group.targets().length === 0, { what: 'drained' });
  const asked = await client.send(new DescribeTargetHealthCommand(targetsOf(group.arn, instance.id)));
  expect(asked.TargetHealthDescriptions).toMatchObject([
    { TargetHealth: { State: 'unused', Reason: 'Target.NotRegistered' } },
  ]);
});

test('an instance must run to be registered, all or none; taking off what is not on it succeeds', async () => {
  const cloud = await sampleCloud();
  const client = clientOf(cloud);
  const { arn } = cloud.createTargetGroup({ name: 'editors' });
  const running = await cloud.launch();
  const stopped = await cloud.launch();
  await stopped.stop();
  const register = (...ids: string[]) => client.send(new RegisterTargetsCommand(targetsOf(arn, ...ids)));
  await expect(register(running.id, stopped.id)).rejects.toMatchObject({
    name: 'InvalidTargetException',
    message: expect.stringContaining(`not in a running state and cannot be registered: '${stopped.id}'`),
  });
  await expect(register('i-0ffffffffffffffff')).rejects.toMatchObject({ name: 'InvalidTargetException' });
  await expect(register()).rejects.toThrow(/must be specified/);
  expect(cloud.targetGroup('editors').targets()).toEqual([]);
  await client.send(new DeregisterTargetsCommand(targetsOf(arn, stopped.id, 'i-0ffffffffffffffff')));
  await register(running.id);
  await register(running.id);
  expect(cloud.targetGroup('editors').targets()).toHaveLength(1);
  await running.terminate();
  expect(cloud.targetGroup('editors').targets()).toEqual([]);
  expect(cloud.takeProblems()).toHaveLength(1);
});

test('groups are found by their tags, over several pages', async () => {
  const cloud = await sampleCloud();
  const client = clientOf(cloud);
  for (const name of ['one', 'two', 'three'])
    cloud.createTargetGroup({ name, tags: { 'sample:group': name } });
  const arns: string[] = [];
  for await (const page of paginateDescribeTargetGroups({ client, pageSize: 2 }, {}))
    arns.push(...(page.TargetGroups ?? []).flatMap(({ TargetGroupArn = '' }) => TargetGroupArn));
  expect(arns).toHaveLength(3);
  const { TagDescriptions } = await client.send(new DescribeTagsCommand({ ResourceArns: arns }));
  expect(TagDescriptions).toMatchObject([
    { ResourceArn: arns[0], Tags: [{ Key: 'sample:group', Value: 'one' }] },
    {},
    {},
  ]);
  const named = await client.send(new DescribeTargetGroupsCommand({ Names: ['two'] }));
  expect(named.TargetGroups).toMatchObject([{ TargetGroupName: 'two', TargetType: 'instance', Port: 80 }]);
  await expect(client.send(new DescribeTargetGroupsCommand({ Names: ['none'] }))).rejects.toMatchObject({
    name: 'TargetGroupNotFoundException',
  });
  expect(() => cloud.targetGroup('none')).toThrow(/no target group none/);
  expect(() => cloud.createTargetGroup({ name: 'two' })).toThrow(/already/);
  expect(() => cloud.createTargetGroup({ name: 'no_underscore' })).toThrow(/32 letters/);
});

test('a role may touch the groups whose tags it names, and no others', async () => {
  const cloud = await sampleCloud({
    statements: [
      {
        Effect: 'Allow',
        Action: 'elasticloadbalancing:*Targets',
        Resource: 'arn:aws:elasticloadbalancing:*:*:targetgroup/*',
        Condition: { Null: { 'aws:ResourceTag/sample:group': 'false' } },
      },
    ],
  });
  const client = clientOf(cloud, 'SyncLambdaFunction');
  const ours = cloud.createTargetGroup({ name: 'ours', tags: { 'sample:group': 'web' } });
  const other = cloud.createTargetGroup({ name: 'other' });
  const { id } = await cloud.launch();
  await client.send(new RegisterTargetsCommand(targetsOf(ours.arn, id)));
  for (const refused of [
    () => client.send(new RegisterTargetsCommand(targetsOf(other.arn, id))),
    () => client.send(new DeregisterTargetsCommand(targetsOf(other.arn, id))),
    () => client.send(new DescribeTargetHealthCommand({ TargetGroupArn: ours.arn })),
  ])
    await expect(refused()).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(cloud.takeProblems()).toHaveLength(3);
});
