import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  paginateDescribeAutoScalingInstances,
  RecordLifecycleActionHeartbeatCommand,
  SetInstanceProtectionCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { LifecycleAction, readHooks } from '../../../src/auto-scaling/hooks.ts';
import { Clock } from '../../../src/base/clock.ts';
import type {
  AutoScalingGroup,
  AutoScalingGroupOptions,
  HookOptions,
  LifecycleState,
  LocalCloud,
  LocalInstance,
} from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

const onLaunch: HookOptions = {
  name: 'on-launch',
  transition: 'launching',
  heartbeatTimeout: 300,
  defaultResult: 'ABANDON',
  notificationMetadata: 'free text',
};
const onTerminate: HookOptions = {
  name: 'on-terminate',
  transition: 'terminating',
  heartbeatTimeout: 30,
  defaultResult: 'CONTINUE',
};

async function setUp(
  options: Partial<AutoScalingGroupOptions> & {
    readonly timeScale?: number;
    readonly statements?: unknown[];
  } = {},
) {
  const { timeScale, statements, ...ofGroup } = options;
  const cloud = await sampleCloud({
    ...(timeScale !== undefined && { timeScale }),
    ...(statements !== undefined && { statements }),
  });
  const tags = { 'sample:group': 'web' };
  const group = cloud.createAutoScalingGroup({ name: 'web', tags, hooks: [onLaunch], ...ofGroup });
  const client = new AutoScalingClient({ ...cloud.clientConfig(), maxAttempts: 1 });
  return { cloud, group, client };
}

function one<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined || items.length !== 1) throw new Error(`${items.length} items, not one`);
  return item;
}

function complete(
  group: AutoScalingGroup,
  instance: LocalInstance,
  result: 'CONTINUE' | 'ABANDON',
  hook = 'on-launch',
) {
  const names = { AutoScalingGroupName: group.name, LifecycleHookName: hook };
  return new CompleteLifecycleActionCommand({
    ...names,
    InstanceId: instance.id,
    LifecycleActionResult: result,
  });
}

const autoScalingEvents = (cloud: LocalCloud) =>
  cloud.events(({ event }) => event.source === 'aws.autoscaling').map(({ event }) => event);
const eventTypes = (cloud: LocalCloud) => autoScalingEvents(cloud).map((event) => event['detail-type']);
const journeys = (cloud: LocalCloud) =>
  autoScalingEvents(cloud).map(
    ({ 'detail-type': type, detail }) => `${type}: ${detail['Origin']} to ${detail['Destination']}`,
  );
const reaches = (
  cloud: LocalCloud,
  group: AutoScalingGroup,
  instance: LocalInstance,
  state: LifecycleState,
) => cloud.waitFor(() => group.stateOf(instance) === state, { what: state, timeoutSeconds: 5 });

describe('a launch', () => {
  test('is held by its hook until that is completed', async () => {
    const { cloud, group, client } = await setUp();
    const instance = one(await group.scaleOut(1));
    await cloud.settle();
    expect(group.instances()).toMatchObject([{ state: 'Pending:Wait', states: ['Pending', 'Pending:Wait'] }]);
    const action = one(autoScalingEvents(cloud));
    expect(action).toMatchObject({
      'detail-type': 'EC2 Instance-launch Lifecycle Action',
      resources: [group.arn],
      detail: {
        LifecycleActionToken: expect.stringMatching(/^[0-9a-f-]{36}$/),
        AutoScalingGroupName: 'web',
        LifecycleHookName: 'on-launch',
        EC2InstanceId: instance.id,
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
        NotificationMetadata: 'free text',
        Origin: 'EC2',
        Destination: 'AutoScalingGroup',
      },
    });

    await client.send(complete(group, instance, 'CONTINUE'));
    await cloud.settle();
    expect(group.instances()).toMatchObject([
      { state: 'InService', states: ['Pending', 'Pending:Wait', 'Pending:Proceed', 'InService'] },
    ]);
    expect(autoScalingEvents(cloud).at(-1)).toMatchObject({
      'detail-type': 'EC2 Instance Launch Successful',
      resources: [group.arn, expect.stringContaining(`:instance/${instance.id}`)],
      detail: {
        StatusCode: 'InProgress',
        Description: `Launching a new EC2 instance: ${instance.id}`,
        Details: { 'Availability Zone': 'eu-west-1a', 'Subnet ID': expect.stringMatching(/^subnet-/) },
        EC2InstanceId: instance.id,
        StatusMessage: '',
        StartTime: expect.stringMatching(/:\d\dZ$/),
        Origin: 'EC2',
        Destination: 'AutoScalingGroup',
      },
    });
    await expect(client.send(complete(group, instance, 'CONTINUE'))).rejects.toMatchObject({
      name: 'ValidationError',
      message: `No active Lifecycle Action found with instance ID ${instance.id}`,
    });
  });

  test('has the tags of the group from the start, and EC2 says what it says of any instance', async () => {
    const { cloud, group } = await setUp({ hooks: [] });
    const instance = one(await group.scaleOut(1));
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('InService');
    expect(instance.tags).toEqual({ 'sample:group': 'web', 'aws:autoscaling:groupName': 'web' });
    expect(cloud.events(({ event }) => event.source === 'aws.tag')).toEqual([]);
    const states = cloud
      .events(({ event }) => event.source === 'aws.ec2')
      .map(({ event }) => event.detail['state']);
    expect(states).toEqual(['pending', 'running']);
    const filter = { Name: 'tag:aws:autoscaling:groupName', Values: ['web'] };
    const { Reservations } = await clientsOf(cloud).ec2.send(
      new DescribeInstancesCommand({ Filters: [filter] }),
    );
    expect(Reservations).toHaveLength(1);
  });

  test('by token; a wrong token, a wrong hook and a wrong group have no action', async () => {
    const { cloud, group, client } = await setUp();
    const instance = one(await group.scaleOut(1));
    const token = String(one(autoScalingEvents(cloud)).detail['LifecycleActionToken']);
    const input = {
      AutoScalingGroupName: 'web',
      LifecycleHookName: 'on-launch',
      LifecycleActionToken: token,
      LifecycleActionResult: 'CONTINUE',
    };
    for (const wrong of [
      { LifecycleActionToken: token.replace(/^./, (first) => (first === '0' ? '1' : '0')) },
      { LifecycleHookName: 'other' },
      { AutoScalingGroupName: 'other' },
      { InstanceId: 'i-0ffffffffffffffff' },
    ]) {
      await expect(client.send(new CompleteLifecycleActionCommand({ ...input, ...wrong }))).rejects.toThrow(
        /^No active Lifecycle Action found with token /,
      );
    }
    await client.send(new CompleteLifecycleActionCommand(input));
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('InService');
  });

  test('that is abandoned is terminated and replaced', async () => {
    const { cloud, group, client } = await setUp();
    const first = one(await group.scaleOut(1));
    await client.send(complete(group, first, 'ABANDON'));
    await cloud.settle();
    expect(first.state).toBe('terminated');
    const second = one(group.instances());
    expect(second).toMatchObject({ state: 'Pending:Wait' });
    expect(second.instance.id).not.toBe(first.id);
    expect(eventTypes(cloud).toSorted()).toEqual([
      'EC2 Instance Launch Unsuccessful',
      'EC2 Instance Terminate Successful',
      'EC2 Instance-launch Lifecycle Action',
      'EC2 Instance-launch Lifecycle Action',
    ]);
    const failed = autoScalingEvents(cloud).find((event) => event['detail-type'].endsWith('Unsuccessful'));
    expect(failed?.detail).toMatchObject({
      StatusCode: 'Failed',
      StatusMessage: expect.stringContaining('Lifecycle Action Completed with ABANDON Result'),
    });
    expect(group.desiredCapacity).toBe(1);
  });

  test('that times out has the default result; heartbeats put that off', async () => {
    const { cloud, group, client } = await setUp({
      timeScale: 20,
      replace: false,
      hooks: [{ ...onLaunch, heartbeatTimeout: 60 }],
    });
    const instance = one(await group.scaleOut(1));
    const heartbeat = new RecordLifecycleActionHeartbeatCommand({
      AutoScalingGroupName: 'web',
      LifecycleHookName: 'on-launch',
      InstanceId: instance.id,
    });
    for (let beats = 0; beats < 4; beats += 1) {
      await sleep(1000);
      await client.send(heartbeat);
    }
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('Pending:Wait');
    await cloud.waitFor(() => group.instances().length === 0, { what: 'the time-out', timeoutSeconds: 60 });
    await cloud.settle();
    expect(autoScalingEvents(cloud)[1]?.detail['StatusMessage']).toContain(
      'was abandoned: Heartbeat Timeout',
    );
    expect(instance.state).toBe('terminated');
    expect(group.desiredCapacity).toBe(0);
    await expect(client.send(heartbeat)).rejects.toThrow(/No active Lifecycle Action/);
  });

  test('with heartbeats still ends by the global timeout', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const [hook] = readHooks([{ name: 'x', transition: 'launching', heartbeatTimeout: 30 }]);
    if (hook === undefined) throw new Error('no hook');
    const action = new LifecycleAction(hook, 'i-0', new Clock(1));
    for (let seconds = 0; seconds < 2980; seconds += 20) {
      await vi.advanceTimersByTimeAsync(20_000);
      expect(action.active).toBe(true);
      action.heartbeat();
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(action.active).toBe(false);
    expect(await action.result).toBe('ABANDON');
  });

  test('with several hooks goes on when all are completed', async () => {
    const { cloud, group, client } = await setUp({ hooks: [onLaunch, { ...onLaunch, name: 'second' }] });
    const instance = one(await group.scaleOut(1));
    await client.send(complete(group, instance, 'CONTINUE', 'second'));
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('Pending:Wait');
    await client.send(complete(group, instance, 'CONTINUE'));
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('InService');
  });

  test('plays the AMI before the agent is online, and only at the first boot', async () => {
    const seen: string[] = [];
    const { cloud, group } = await setUp({
      hooks: [],
      launch: {
        prepare: async (instance) => {
          await instance.exec('echo prepared > marker');
          seen.push(`${instance.state} ${cloud.instances().length} ${instance.node.registered}`);
        },
      },
    });
    const instance = one(await group.scaleOut(1));
    expect(seen).toEqual(['running 1 false']);
    expect((await instance.exec('cat marker')).stdout).toBe('prepared\n');
    await instance.stop();
    await instance.start();
    expect(seen).toHaveLength(1);
  });

  test('whose instance dies while it waits is given up', async () => {
    const { cloud, group, client } = await setUp({ replace: false });
    const instance = one(await group.scaleOut(1));
    await instance.terminate();
    await client.send(complete(group, instance, 'CONTINUE'));
    await cloud.settle();
    expect(group.instances()).toEqual([]);
    expect(eventTypes(cloud)).toContain('EC2 Instance Launch Unsuccessful');
  });

  test('of twenty gives twenty', async () => {
    const { cloud, group, client } = await setUp();
    const instances = await group.scaleOut(20);
    await Promise.all(instances.map((instance) => client.send(complete(group, instance, 'CONTINUE'))));
    await cloud.settle();
    expect(group.instances().map(({ state }) => state)).toEqual(
      Array.from({ length: 20 }, () => 'InService'),
    );
  });

  test.each(['drop', 'double', 'delay', 'reorder'] as const)(
    'can have its event suffer: %s',
    async (fault) => {
      const { cloud, group } = await setUp();
      const type = 'EC2 Instance-launch Lifecycle Action';
      const handle = {
        drop: () => cloud.faults.dropEvents(type),
        double: () => cloud.faults.doubleEvents(type),
        delay: () => cloud.faults.delayEvents(type, 0.05),
        reorder: () => cloud.faults.reorderEvents(type),
      }[fault]();
      await group.scaleOut(1);
      await cloud.settle();
      expect(handle.struck).toBe(1);
      expect(cloud.events(({ event }) => event['detail-type'] === type)).toMatchObject([{ faults: [fault] }]);
    },
  );
});

describe('a scale-in', () => {
  test('is held by its hook, and either result terminates', async () => {
    const { cloud, group, client } = await setUp({ hooks: [onTerminate] });
    const [first, second] = await group.scaleOut(2);
    if (first === undefined || second === undefined) throw new Error('no two');
    await cloud.settle();
    expect(await group.scaleIn(1)).toEqual([first]);
    await group.scaleIn(second);
    await cloud.settle();
    expect([first.state, second.state]).toEqual(['running', 'running']);
    expect(group.instances()).toMatchObject([{ state: 'Terminating:Wait' }, { state: 'Terminating:Wait' }]);
    expect(autoScalingEvents(cloud).at(-1)).toMatchObject({
      'detail-type': 'EC2 Instance-terminate Lifecycle Action',
      detail: { Origin: 'AutoScalingGroup', Destination: 'EC2', EC2InstanceId: second.id },
    });
    expect(autoScalingEvents(cloud).at(-1)?.detail).not.toHaveProperty('NotificationMetadata');
    const members = group.instances();
    await client.send(complete(group, first, 'CONTINUE', 'on-terminate'));
    await client.send(complete(group, second, 'ABANDON', 'on-terminate'));
    await cloud.settle();
    expect([first.state, second.state]).toEqual(['terminated', 'terminated']);
    expect(members[0]?.states.slice(-4)).toEqual([
      'Terminating',
      'Terminating:Wait',
      'Terminating:Proceed',
      'Terminated',
    ]);
    expect(group.instances()).toEqual([]);
    expect(eventTypes(cloud).slice(-2)).toEqual([
      'EC2 Instance Terminate Successful',
      'EC2 Instance Terminate Successful',
    ]);
    expect(group.desiredCapacity).toBe(0);
  });

  test('spares the protected; a termination does not', async () => {
    const { cloud, group, client } = await setUp({ hooks: [] });
    const [kept, other] = await group.scaleOut(2);
    if (kept === undefined || other === undefined) throw new Error('no two');
    await cloud.settle();
    const protect = new SetInstanceProtectionCommand({
      AutoScalingGroupName: 'web',
      InstanceIds: [kept.id],
      ProtectedFromScaleIn: true,
    });
    await client.send(protect);
    const seen = await client.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: [kept.id] }));
    expect(seen.AutoScalingInstances).toMatchObject([{ ProtectedFromScaleIn: true }]);
    await expect(group.scaleIn(kept)).rejects.toThrow(/protected from scale-in/);
    await expect(group.scaleIn(2)).rejects.toThrow(/has 1 to choose from, not 2/);
    expect(await group.scaleIn(1)).toEqual([other]);
    await group.terminateInstance(kept);
    await cloud.settle();
    expect(group.instances()).toEqual([]);
    await expect(client.send(protect)).rejects.toMatchObject({
      name: 'ValidationError',
      message: `The instance ${kept.id} is not part of Auto Scaling group web.`,
    });
  });

  test('cannot protect what is not in service', async () => {
    const { group, client } = await setUp();
    const { id } = one(await group.scaleOut(1));
    const input = { AutoScalingGroupName: 'web', InstanceIds: [id], ProtectedFromScaleIn: true };
    await expect(client.send(new SetInstanceProtectionCommand(input))).rejects.toThrow(
      `The instance ${id} is not in InService or EnteringStandby or Standby.`,
    );
  });

  test('while the launch hook still waits ends that wait', async () => {
    const { cloud, group, client } = await setUp();
    const instance = one(await group.scaleOut(1));
    await group.terminateInstance(instance);
    await cloud.settle();
    expect(instance.state).toBe('terminated');
    await expect(client.send(complete(group, instance, 'CONTINUE'))).rejects.toThrow(/No active/);
    await expect(group.terminateInstance(instance)).rejects.toThrow(/is not in the group/);
  });

  test('the health check replaces what has died', async () => {
    const { cloud, group } = await setUp({ hooks: [] });
    const [dead] = await group.scaleOut(2);
    await cloud.settle();
    await dead?.terminate();
    expect(await group.checkHealth()).toEqual([dead]);
    await cloud.settle();
    expect(group.instances().map(({ state }) => state)).toEqual(['InService', 'InService']);
  });

  test('a deleted group terminates all and asks no hook', async () => {
    const { cloud, group, client } = await setUp({ hooks: [onLaunch, onTerminate] });
    const instance = one(await group.scaleOut(1));
    await group.delete();
    await cloud.settle();
    expect(instance.state).toBe('terminated');
    expect(eventTypes(cloud)).not.toContain('EC2 Instance-terminate Lifecycle Action');
    expect((await client.send(new DescribeAutoScalingGroupsCommand({}))).AutoScalingGroups).toEqual([]);
  });
});

describe('a warm pool', () => {
  test('takes in, gives out and takes back', async () => {
    const { cloud, group, client } = await setUp({ warmPool: true, hooks: [onLaunch, onTerminate] });
    const instance = one(await group.toWarmPool(1));
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('Warmed:Pending:Wait');
    await client.send(complete(group, instance, 'CONTINUE'));
    await cloud.settle();
    expect(group.instances()).toMatchObject([
      {
        states: [
          ...['Warmed:Pending', 'Warmed:Pending:Wait', 'Warmed:Pending:Proceed'],
          ...['Warmed:Running', 'Warmed:Stopped'],
        ],
      },
    ]);
    expect(instance.state).toBe('stopped');
    expect(group.desiredCapacity).toBe(0);

    expect(await group.fromWarmPool(1)).toEqual([instance]);
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('Pending:Wait');
    expect(instance.state).toBe('running');
    await client.send(complete(group, instance, 'CONTINUE'));
    await reaches(cloud, group, instance, 'InService');
    expect(group.desiredCapacity).toBe(1);

    await group.returnToWarmPool(instance);
    await cloud.settle();
    expect(group.stateOf(instance)).toBe('Warmed:Pending:Wait');
    await client.send(complete(group, instance, 'CONTINUE', 'on-terminate'));
    await reaches(cloud, group, instance, 'Warmed:Stopped');
    await cloud.settle();
    expect(journeys(cloud)).toEqual([
      'EC2 Instance-launch Lifecycle Action: EC2 to WarmPool',
      'EC2 Instance Launch Successful: EC2 to WarmPool',
      'EC2 Instance-launch Lifecycle Action: WarmPool to AutoScalingGroup',
      'EC2 Instance Launch Successful: WarmPool to AutoScalingGroup',
      'EC2 Instance-terminate Lifecycle Action: AutoScalingGroup to WarmPool',
      'EC2 Instance Terminate Successful: AutoScalingGroup to WarmPool',
    ]);

    await group.terminateInstance(instance);
    await client.send(complete(group, instance, 'CONTINUE', 'on-terminate'));
    await cloud.settle();
    expect(journeys(cloud).at(-1)).toBe('EC2 Instance Terminate Successful: WarmPool to EC2');
    expect(instance.state).toBe('terminated');
  });

  test('whose hook is abandoned replaces in the pool', async () => {
    const { cloud, group, client } = await setUp({ warmPool: true });
    const instance = one(await group.toWarmPool(1));
    await client.send(complete(group, instance, 'ABANDON'));
    await cloud.settle();
    expect(group.instances()).toMatchObject([{ state: 'Warmed:Pending:Wait' }]);
  });

  test('is not there unless asked for', async () => {
    const { group } = await setUp();
    await expect(group.toWarmPool(1)).rejects.toThrow(/no warm pool/);
  });
});

describe('the API', () => {
  test('describes instances in pages, and ignores ids that it does not know', async () => {
    const { cloud, group, client } = await setUp();
    const plain = await cloud.launch();
    const launched = await group.scaleOut(5);
    const pages: number[] = [];
    for await (const page of paginateDescribeAutoScalingInstances({ client, pageSize: 2 }, {}))
      pages.push(page.AutoScalingInstances?.length ?? 0);
    expect(pages).toEqual([2, 2, 1]);
    const [first] = launched;
    const ids = [plain.id, first?.id ?? '', 'i-0ffffffffffffffff'];
    const some = await client.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: ids }));
    expect(some.AutoScalingInstances).toMatchObject([
      {
        InstanceId: first?.id,
        AutoScalingGroupName: 'web',
        LifecycleState: 'Pending:Wait',
        HealthStatus: 'HEALTHY',
        ProtectedFromScaleIn: false,
        AvailabilityZone: first?.availabilityZone,
      },
    ]);
    const all = await client.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: [] }));
    expect(all.AutoScalingInstances).toHaveLength(5);
  });

  test('describes groups and hooks', async () => {
    const { cloud, group, client } = await setUp({ hooks: [onLaunch, onTerminate], warmPool: true });
    cloud.createAutoScalingGroup({ name: 'other' });
    await group.scaleOut(1);
    await group.toWarmPool(1);
    const filter = { Name: 'tag:sample:group', Values: ['web', 'x'] };
    const { AutoScalingGroups } = await client.send(
      new DescribeAutoScalingGroupsCommand({ Filters: [filter] }),
    );
    expect(AutoScalingGroups).toMatchObject([
      {
        AutoScalingGroupName: 'web',
        AutoScalingGroupARN: group.arn,
        DesiredCapacity: 1,
        WarmPoolSize: 1,
        Instances: [{ LifecycleState: 'Pending:Wait', HealthStatus: 'Healthy' }],
        Tags: [{ Key: 'sample:group', Value: 'web', PropagateAtLaunch: true }],
        CreatedTime: expect.any(Date),
      },
    ]);
    expect(group.arn).toMatch(
      /^arn:aws:autoscaling:eu-west-1:\d{12}:autoScalingGroup:[0-9a-f-]{36}:autoScalingGroupName\/web$/,
    );
    const byName = await client.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['other', 'none'] }),
    );
    expect(byName.AutoScalingGroups?.map(({ AutoScalingGroupName }) => AutoScalingGroupName)).toEqual([
      'other',
    ]);
    const hooks = await client.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'web' }));
    expect(hooks.LifecycleHooks).toMatchObject([
      {
        LifecycleHookName: 'on-launch',
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
        HeartbeatTimeout: 300,
        GlobalTimeout: 30_000,
        DefaultResult: 'ABANDON',
      },
      { LifecycleHookName: 'on-terminate', GlobalTimeout: 3000, DefaultResult: 'CONTINUE' },
    ]);
    await expect(
      client.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'none' })),
    ).rejects.toMatchObject({ name: 'ValidationError', message: /not found/ });
  });

  test.each([
    [
      '51 ids',
      new DescribeAutoScalingInstancesCommand({ InstanceIds: Array.from({ length: 51 }, () => 'i-0') }),
    ],
    ['pages of 51', new DescribeAutoScalingInstancesCommand({ MaxRecords: 51 })],
    [
      'a result that is none',
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName: 'web',
        LifecycleHookName: 'on-launch',
        InstanceId: 'i-0',
        LifecycleActionResult: 'MAYBE',
      }),
    ],
    [
      'a token that is too short',
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName: 'web',
        LifecycleHookName: 'on-launch',
        LifecycleActionToken: 'x',
        LifecycleActionResult: 'CONTINUE',
      }),
    ],
  ])('refuses %s', async (_name, command) => {
    const { cloud, client } = await setUp();
    // the overloads of send() take one command each
    const sent =
      command instanceof CompleteLifecycleActionCommand ? client.send(command) : client.send(command);
    await expect(sent).rejects.toMatchObject({ name: 'ValidationError' });
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'invalid-request' }]);
  });

  test('says what it does not serve', async () => {
    const { cloud, client } = await setUp();
    await expect(
      client.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: 'web', DesiredCapacity: 1 })),
    ).rejects.toThrow(/does not serve autoscaling:UpdateAutoScalingGroup/);
    expect(cloud.takeProblems()).toMatchObject([{ kind: 'unserved' }]);
  });

  test.each([
    ['autoscaling:ResourceTag/sample:group', 'web', true],
    ['aws:ResourceTag/sample:group', 'web', true],
    ['autoscaling:ResourceTag/sample:group', 'other', false],
  ])('judges a role by %s = %s', async (key, value, allowed) => {
    const { cloud, group } = await setUp({
      statements: [
        {
          Effect: 'Allow',
          Action: ['autoscaling:CompleteLifecycleAction', 'autoscaling:RecordLifecycleActionHeartbeat'],
          Resource: 'arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*',
          Condition: { StringEquals: { [key]: value } },
        },
        { Effect: 'Allow', Action: 'autoscaling:DescribeAutoScalingInstances', Resource: '*' },
      ],
    });
    const role = new AutoScalingClient({ ...cloud.clientConfig('SyncLambdaFunction'), maxAttempts: 1 });
    const instance = one(await group.scaleOut(1));
    await role.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: [instance.id] }));
    await expect(role.send(new DescribeAutoScalingGroupsCommand({}))).rejects.toThrow(/not authorized/);
    cloud.takeProblems();
    const completed = role.send(complete(group, instance, 'CONTINUE'));
    if (allowed) {
      await completed;
      await reaches(cloud, group, instance, 'InService');
    } else {
      await expect(completed).rejects.toThrow(
        /not authorized to perform: autoscaling:CompleteLifecycleAction/,
      );
      expect(cloud.takeProblems()).toMatchObject([{ kind: 'denied' }]);
    }
    expect(cloud.calls({ operation: 'CompleteLifecycleAction' })).toMatchObject([{ resources: [group.arn] }]);
  });
});

test('the example of the README runs as it stands there', async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, source]) => source ?? '');
  const example = one(examples.filter((source) => source.includes('createAutoScalingGroup')));
  const run = new Function(
    ...['cloud', 'AutoScalingClient', 'CompleteLifecycleActionCommand', 'console'],
    `return (async () => {${example.replace(/^import .*$/m, '')}})();`,
  );
  const cloud = await sampleCloud();
  const said: string[] = [];
  const log = (...words: unknown[]) => said.push(words.join(' '));
  await run(cloud, AutoScalingClient, CompleteLifecycleActionCommand, { log });
  expect(said).toEqual(['Pending:Wait', 'InService', 'Pending, Pending:Wait, Pending:Proceed, InService']);
});

describe('what AWS would refuse', () => {
  test.each<[string, Partial<AutoScalingGroupOptions>]>([
    ['a name with a colon', { name: 'a:b' }],
    ['a short heartbeat timeout', { hooks: [{ ...onLaunch, heartbeatTimeout: 29 }] }],
    ['a bad name of a hook', { hooks: [{ ...onLaunch, name: 'a b' }] }],
    ['two hooks of one name', { hooks: [onLaunch, onLaunch] }],
    ['a reserved tag', { tags: { 'aws:x': 'y' } }],
  ])('%s', async (_name, options) => {
    await expect(setUp(options)).rejects.toThrow();
  });
});

test('DescribeInstances shows when an instance was last started', async () => {
  const cloud = await sampleCloud();
  const { ec2 } = clientsOf(cloud);
  const instance = await cloud.launch();
  const launchTime = async () =>
    (await ec2.send(new DescribeInstancesCommand({}))).Reservations?.[0]?.Instances?.[0]?.LaunchTime ??
    new Date(0);
  const first = await launchTime();
  expect(Math.abs(first.getTime() - Date.now())).toBeLessThan(60_000);
  await instance.stop();
  expect(await launchTime()).toEqual(first);
  await sleep(5);
  await instance.start();
  expect((await launchTime()).getTime()).toBeGreaterThan(first.getTime());
});
