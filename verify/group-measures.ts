import { DescribeAutoScalingGroupsCommand, SetDesiredCapacityCommand } from '@aws-sdk/client-auto-scaling';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateTagsCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { codeOf, until } from './connection.ts';
import type { SeenHost } from './hosts.ts';
import type { Figure } from './report.ts';
import { hosts, inSync, primaryOf, type Scene, tagOf } from './scene.ts';

/** Seconds for what takes minutes on AWS. */
const patience = 600;
const since = (from: number) => (Date.now() - from) / 1000;

/** Makes the first host of the group the primary, and waits for all others. */
export async function makePrimary(scene: Scene, atLeast: number): Promise<readonly Figure[]> {
  const { clients, signal, primaryTags, scalingGroup } = scene;
  const ready = async () => {
    const running = (await hosts(scene)).filter(({ state }) => state === 'running');
    return running.length >= atLeast ? running : undefined;
  };
  const found = await until(ready, {
    what: `${atLeast} hosts of ${scalingGroup}`,
    seconds: patience,
    signal,
  });
  const [first, ...others] = [...found].sort((one, other) => (one.id < other.id ? -1 : 1));
  if (first === undefined) throw new Error('there is no host');
  const Tags = [...primaryTags].map(([Key, Value]) => ({ Key, Value }));
  await clients.ec2.send(new CreateTagsCommand({ Resources: [first.id], Tags }));
  const began = Date.now();
  await until(async () => ((await inSync(scene)).length >= others.length ? true : undefined), {
    what: 'the secondaries in sync',
    seconds: patience,
    signal,
  });
  return [{ name: 'from the tags to all secondaries in sync', value: since(began), unit: 's' }];
}

interface ScalingState {
  readonly desired: number;
  readonly inService: readonly string[];
}

async function scalingState({ clients, scalingGroup }: Scene): Promise<ScalingState> {
  const { AutoScalingGroups } = await clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [scalingGroup] }),
  );
  const [found] = AutoScalingGroups ?? [];
  if (found === undefined) throw new Error(`there is no Auto Scaling group ${scalingGroup}`);
  return {
    desired: found.DesiredCapacity ?? 0,
    inService: (found.Instances ?? [])
      .filter(({ LifecycleState }) => LifecycleState === 'InService')
      .flatMap(({ InstanceId }) => InstanceId ?? []),
  };
}

/** One more host: when it has the files, and when it takes traffic. */
export async function measureScaleOut(scene: Scene): Promise<readonly Figure[]> {
  const { clients, signal, scalingGroup } = scene;
  const { desired } = await scalingState(scene);
  const before = new Set((await hosts(scene)).map(({ id }) => id));
  const began = Date.now();
  await clients.autoScaling.send(
    new SetDesiredCapacityCommand({ AutoScalingGroupName: scalingGroup, DesiredCapacity: desired + 1 }),
  );
  const newcomer = async (where: () => Promise<readonly SeenHost[]>) =>
    (await where()).find(({ id }) => !before.has(id));
  const wait = { seconds: patience, signal };
  const running = async () => (await hosts(scene)).filter(({ state }) => state === 'running');
  await until(() => newcomer(running), { what: 'a new host', ...wait });
  const runs = since(began);
  const { id } = await until(() => newcomer(() => inSync(scene)), { what: 'the new host in sync', ...wait });
  const hasFiles = since(began);
  const serves = async () => ((await scalingState(scene)).inService.includes(id) ? true : undefined);
  await until(serves, { what: 'the new host in service', ...wait });
  return [
    { name: 'until it runs', value: runs, unit: 's' },
    { name: 'until it has every file', value: hasFiles, unit: 's' },
    { name: 'until it is in service', value: since(began), unit: 's' },
  ];
}

/** Seconds from a time until a function first logs something, by the time stamps of CloudWatch; undefined when it does not. */
async function firstLogAfter(
  { clients, stage }: Scene,
  name: string,
  from: number,
): Promise<number | undefined> {
  try {
    const { events = [] } = await clients.logs.send(
      new FilterLogEventsCommand({
        logGroupName: `/aws/lambda/hostsync-${stage}-${name}`,
        startTime: from,
      }),
    );
    const first = Math.min(...events.map(({ timestamp }) => timestamp ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(first) ? (first - from) / 1000 : undefined;
  } catch (error) {
    if (codeOf(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** When another host has the role, then when it has it in all respects. */
async function measurePromotion(scene: Scene, old: SeenHost, began: number): Promise<readonly Figure[]> {
  const { signal } = scene;
  const wait = { seconds: patience, signal, every: 0.5 };
  const epochOf = (host: SeenHost) => Number(tagOf(scene, host, 'primary') ?? 0);
  const next = async () =>
    (await hosts(scene)).find((host) => host.id !== old.id && epochOf(host) > epochOf(old));
  await until(next, { what: 'another primary', ...wait });
  const tagged = since(began);
  const complete = async () => {
    const now = await next();
    return now !== undefined && tagOf(scene, now, 'promoted') === `${epochOf(now)} ${now.id}`
      ? now
      : undefined;
  };
  await until(complete, { what: 'the end of the promotion', ...wait });
  return [
    { name: 'until another host has the tag', value: tagged, unit: 's' },
    { name: 'until the promotion is complete', value: since(began), unit: 's' },
  ];
}

async function withEvent(
  scene: Scene,
  name: string,
  began: number,
  figures: readonly Figure[],
): Promise<readonly Figure[]> {
  // Lines of a log come some seconds late
  const look = () => firstLogAfter(scene, name, began);
  const wait = { what: `a line of ${name}`, seconds: 60, signal: scene.signal, every: 5 };
  const delay = await until(look, wait).catch((error: unknown) => {
    scene.signal.throwIfAborted();
    return codeOf(error) === 'LateError' ? undefined : Promise.reject(error);
  });
  const value = delay ?? 'it logged nothing within a minute';
  return [
    ...figures,
    { name: `until its event is at the function ${name}`, value, ...(delay !== undefined && { unit: 's' }) },
  ];
}

/** The primary is stopped. */
export async function measureFailover(scene: Scene): Promise<readonly Figure[]> {
  const old = await primaryOf(scene);
  const began = Date.now();
  await scene.clients.ec2.send(new StopInstancesCommand({ InstanceIds: [old.id], Force: true }));
  const figures = await measurePromotion(scene, old, began);
  return withEvent(scene, 'primary-failure', began, figures);
}

/** The role is handed over, once the group is whole again. */
export async function measureSwitchover(scene: Scene): Promise<readonly Figure[]> {
  const { clients, signal, prefix } = scene;
  const old = await primaryOf(scene);
  const candidate = async () => (await inSync(scene)).find(({ id }) => id !== old.id);
  await until(candidate, { what: 'a secondary in sync', seconds: patience, signal });
  const began = Date.now();
  const Tags = [{ Key: `${prefix}:switchover`, Value: 'any' }];
  await clients.ec2.send(new CreateTagsCommand({ Resources: [old.id], Tags }));
  const figures = await measurePromotion(scene, old, began);
  return withEvent(scene, 'instance-launch', began, figures);
}
