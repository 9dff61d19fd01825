import {
  DescribeInstanceStatusCommand,
  type DescribeInstanceStatusCommandInput,
  DescribeInstancesCommand,
  paginateDescribeInstanceStatus,
} from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand, GetConnectionStatusCommand } from '@aws-sdk/client-ssm';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LocalCloud, LocalInstance } from '../../src/cloud.ts';
import { clientsOf, sampleCloud } from './sample-cloud.ts';

/** The time of day is what the test sets, until it ends. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

async function statuses(cloud: LocalCloud, input: DescribeInstanceStatusCommandInput = {}) {
  const { InstanceStatuses = [] } = await clientsOf(cloud).ec2.send(new DescribeInstanceStatusCommand(input));
  return InstanceStatuses;
}

describe('a failover sees the host that is in trouble, and no other', () => {
  test.each<[string, (instance: LocalInstance) => Promise<void>, (instance: LocalInstance) => Promise<void>]>(
    [
      ['has crashed', (instance) => instance.crash(), (instance) => instance.reboot()],
      ['hangs', (instance) => instance.freeze(), (instance) => instance.thaw()],
      ['is cut off', (instance) => instance.cutOff(), (instance) => instance.heal()],
    ],
  )('one that %s is impaired after a while, and ok when it is back', async (_name, strike, heal) => {
    const cloud = await sampleCloud({ impairedSeconds: 0.8 });
    const sick = await cloud.launch();
    const well = await cloud.launch();
    stopClock();
    const before = Date.now();
    await strike(sick);
    expect(await statuses(cloud)).toMatchObject([
      { InstanceId: sick.id, InstanceStatus: { Status: 'ok' }, SystemStatus: { Status: 'ok' } },
      { InstanceId: well.id, InstanceStatus: { Status: 'ok' } },
    ]);
    vi.setSystemTime(before + 850);
    const [seen, other] = await statuses(cloud);
    expect(seen).toMatchObject({
      AvailabilityZone: sick.availabilityZone,
      InstanceState: { Name: 'running', Code: 16 },
      SystemStatus: { Status: 'ok', Details: [{ Name: 'reachability', Status: 'passed' }] },
      InstanceStatus: { Status: 'impaired', Details: [{ Name: 'reachability', Status: 'failed' }] },
    });
    const since = seen?.InstanceStatus?.Details?.[0]?.ImpairedSince?.getTime() ?? 0;
    expect(since).toBe(before + 800);
    expect(other?.InstanceStatus?.Status).toBe('ok');
    vi.useRealTimers();
    await heal(sick);
    expect((await statuses(cloud)).map(({ InstanceStatus }) => InstanceStatus?.Status)).toEqual(['ok', 'ok']);
  });

  test('one that boots is initializing; one that does not run has no status', async () => {
    const cloud = await sampleCloud();
    const { promise: prepared, resolve } = Promise.withResolvers<void>();
    await cloud.launch({ prepare: () => prepared, wait: false });
    await cloud.waitFor(async () => (await statuses(cloud)).length === 1, { what: 'running' });
    expect((await statuses(cloud))[0]?.InstanceStatus).toMatchObject({ Status: 'initializing' });
    resolve();
    await cloud.settle();
    const stopped = await cloud.launch();
    await stopped.stop();
    expect(await statuses(cloud)).toMatchObject([{ InstanceStatus: { Status: 'ok' } }]);
    expect(await statuses(cloud, { IncludeAllInstances: true, InstanceIds: [stopped.id] })).toMatchObject([
      { InstanceState: { Name: 'stopped' }, InstanceStatus: { Status: 'not-applicable' } },
    ]);
  });

  test('pages, filters, and what the checks say wrongly', async () => {
    const cloud = await sampleCloud({ impairedSeconds: 0 });
    const hosts = await Promise.all(
      Array.from({ length: 7 }, (_, index) => cloud.launch({ zone: 'abc'[index % 3] ?? 'a' })),
    );
    const ids: (string | undefined)[] = [];
    const client = clientsOf(cloud).ec2;
    for await (const page of paginateDescribeInstanceStatus({ client, pageSize: 5 }, {}))
      ids.push(...(page.InstanceStatuses ?? []).map(({ InstanceId }) => InstanceId));
    expect(ids.toSorted()).toEqual(hosts.map(({ id }) => id).toSorted());
    await hosts[0]?.crash();
    hosts[1]?.reportStatus('insufficient-data');
    const count = async (Name: string, ...Values: string[]) =>
      (await statuses(cloud, { Filters: [{ Name, Values }] })).length;
    expect(await count('instance-status.status', 'impaired')).toBe(1);
    expect(await count('instance-status.status', 'impaired', 'insufficient-data')).toBe(2);
    expect(await count('system-status.status', 'impaired')).toBe(0);
    expect(await count('availability-zone', 'eu-west-1c')).toBe(2);
    await expect(count('tag:Name', 'x')).rejects.toThrow(/does not serve the filter 'tag:Name'/);
    await expect(statuses(cloud, { InstanceIds: ['i-0ffffffffffffffff'] })).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
    });
    expect(cloud.takeProblems()).toHaveLength(1);
  });

  test('only with the permission to look', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud, 'SyncLambdaFunction');
    await expect(ec2.send(new DescribeInstanceStatusCommand({}))).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
    });
    expect(cloud.takeProblems()).toHaveLength(1);
  });

  test('the agent is notconnected at once, and ConnectionLost only after a time', async () => {
    const cloud = await sampleCloud({ connectionLostSeconds: 1 });
    const { ssm } = clientsOf(cloud);
    const instance = await cloud.launch();
    const connection = async (Target: string) =>
      (await ssm.send(new GetConnectionStatusCommand({ Target }))).Status;
    const ping = async () =>
      (await ssm.send(new DescribeInstanceInformationCommand({}))).InstanceInformationList?.[0]?.PingStatus;
    expect([await connection(instance.id), await ping()]).toEqual(['connected', 'Online']);
    stopClock();
    await instance.cutOff();
    expect([await connection(instance.id), await ping()]).toEqual(['notconnected', 'Online']);
    vi.setSystemTime(Date.now() + 1100);
    expect(await ping()).toBe('ConnectionLost');
    vi.useRealTimers();
    await instance.heal();
    expect([await connection(instance.id), await ping()]).toEqual(['connected', 'Online']);
    expect(await connection('i-0ffffffffffffffff')).toBe('notconnected');
  });

  test('GetConnectionStatus is judged by the tags of the host', async () => {
    const cloud = await sampleCloud({
      statements: [
        {
          Effect: 'Allow',
          Action: 'ssm:GetConnectionStatus',
          Resource: 'arn:aws:ec2:*:*:instance/*',
          Condition: { Null: { 'ssm:resourceTag/sample:group': 'false' } },
        },
      ],
    });
    const { ssm } = clientsOf(cloud, 'SyncLambdaFunction');
    const [member, other] = [await cloud.launch({ tags: { 'sample:group': 'web' } }), await cloud.launch()];
    await ssm.send(new GetConnectionStatusCommand({ Target: member.id }));
    await expect(ssm.send(new GetConnectionStatusCommand({ Target: other.id }))).rejects.toThrow(
      /not authorized/,
    );
    expect(cloud.takeProblems()).toHaveLength(1);
  });
});

describe('a spot instance', () => {
  test('is warned of its end, with the odd ARN, and ends whatever anybody does', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch({ spot: true, zone: 'b' });
    const { ended } = instance.spotInterruption({ seconds: 0.3 });
    await cloud.settle();
    expect(cloud.events().at(-1)?.event).toMatchObject({
      'detail-type': 'EC2 Spot Instance Interruption Warning',
      resources: [`arn:aws:ec2:eu-west-1b:instance/${instance.id}`],
      detail: { 'instance-id': instance.id, 'instance-action': 'terminate' },
    });
    expect(instance.state).toBe('running');
    await ended;
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations?.[0]?.Instances?.[0]).toMatchObject({
      InstanceLifecycle: 'spot',
      Placement: { AvailabilityZone: 'eu-west-1b' },
      State: { Name: 'terminated' },
      StateReason: { Code: 'Server.SpotInstanceTermination' },
    });
    const found = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'instance-lifecycle', Values: ['spot'] }] }),
    );
    expect(found.Reservations).toHaveLength(1);
  });

  test('may be stopped instead; what is no spot instance is not interrupted', async () => {
    const cloud = await sampleCloud();
    const spot = await cloud.launch({ spot: true });
    await spot.spotInterruption({ seconds: 0, action: 'stop' }).ended;
    expect(spot.state).toBe('stopped');
    const plain = await cloud.launch();
    expect(() => plain.spotInterruption()).toThrow(/no spot instance/);
    await plain.stop();
    const { Reservations = [] } = await clientsOf(cloud).ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations.flatMap(({ Instances = [] }) => Instances)).toMatchObject([
      { StateReason: { Code: 'Server.SpotInstanceShutdown' } },
      { StateReason: { Code: 'Client.UserInitiatedShutdown' } },
    ]);
    await plain.start();
    const again = await clientsOf(cloud).ec2.send(new DescribeInstancesCommand({ InstanceIds: [plain.id] }));
    expect(again.Reservations?.[0]?.Instances?.[0]?.StateReason).toBeUndefined();
  });

  test('may be recommended to be replaced', async () => {
    const cloud = await sampleCloud();
    const instance = await cloud.launch({ spot: true });
    instance.rebalanceRecommendation();
    expect(cloud.events().at(-1)?.event).toMatchObject({
      'detail-type': 'EC2 Instance Rebalance Recommendation',
      resources: [`arn:aws:ec2:eu-west-1:111122223333:instance/${instance.id}`],
    });
    await cloud.settle();
  });
});

describe('an outage of a zone', () => {
  test.each(['cut off', 'crash'] as const)(
    'takes every host of it away (%s), and gives them back',
    async (how) => {
      const cloud = await sampleCloud({ impairedSeconds: 0 });
      const [a1, a2, b] = [
        await cloud.launch({ zone: 'a' }),
        await cloud.launch({ zone: 'eu-west-1a' }),
        await cloud.launch({ zone: 'b' }),
      ];
      const outage = await cloud.zoneOutage('a', { how });
      expect(outage.instances).toEqual([a1, a2]);
      const seen = async () =>
        (await statuses(cloud)).map(({ SystemStatus, InstanceStatus }) => [
          SystemStatus?.Status,
          InstanceStatus?.Status,
        ]);
      expect(await seen()).toEqual([
        ['impaired', 'impaired'],
        ['impaired', 'impaired'],
        ['ok', 'ok'],
      ]);
      expect([a1, a2, b].map(({ node }) => node.reachable)).toEqual([false, false, true]);
      await outage.heal();
      expect(await seen()).toEqual([
        ['ok', 'ok'],
        ['ok', 'ok'],
        ['ok', 'ok'],
      ]);
      expect(a1.node.reachable).toBe(true);
    },
  );

  test('of a zone that there is not is a mistake', async () => {
    const cloud = await sampleCloud();
    await expect(cloud.zoneOutage('us-east-1a')).rejects.toThrow(/no availability zone/);
    await expect(cloud.launch({ zone: 'z' })).rejects.toThrow(/no availability zone/);
  });
});

test('an Auto Scaling group replaces an impaired instance in service', async () => {
  const cloud = await sampleCloud({ impairedSeconds: 0 });
  const group = cloud.createAutoScalingGroup({ name: 'web' });
  const [instance] = await group.scaleOut(1);
  await cloud.waitFor(() => instance !== undefined && group.stateOf(instance) === 'InService', {
    what: 'in service',
  });
  expect(await group.checkHealth()).toEqual([]);
  await instance?.crash();
  expect(await group.checkHealth()).toEqual([instance]);
  await cloud.settle();
  expect(group.instances().filter(({ state }) => state === 'InService')).toHaveLength(1);
});
