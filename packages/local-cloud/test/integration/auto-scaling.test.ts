import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
} from '@aws-sdk/client-auto-scaling';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AutoScalingGroup, type LocalCloud, type LocalInstance, startCloud } from '../../src/cloud.ts';
import { type HostFleet, openFleet } from '../../src/hosts/index.ts';

import { samplePackage } from '../unit/sample-package.ts';

let fleet: HostFleet;
let cloud: LocalCloud;
let group: AutoScalingGroup;
let client: AutoScalingClient;

beforeAll(async () => {
  fleet = await openFleet();
  cloud = await startCloud({ packageDirectory: await samplePackage(), tickSeconds: 'manual', fleet });
  client = new AutoScalingClient(cloud.clientConfig());
  group = cloud.createAutoScalingGroup({
    name: 'plain',
    tags: { team: 'web' },
    hooks: [
      { name: 'launching', transition: 'launching' },
      { name: 'terminating', transition: 'terminating' },
    ],
    warmPool: true,
    launch: { prepare: (instance) => must(instance, 'date +%s > /etc/ami').then(() => undefined) },
  });
});
afterAll(async () => {
  await group?.delete();
  await cloud?.close();
  await fleet?.close();
});

async function must(instance: LocalInstance, command: string): Promise<string> {
  const { code, stdout, stderr } = await instance.exec(command);
  if (code !== 0) throw new Error(`${instance.id}: ${command}: exit code ${code}: ${stderr}`);
  return stdout;
}

async function complete(instance: LocalInstance, hook: string): Promise<void> {
  await client.send(
    new CompleteLifecycleActionCommand({
      AutoScalingGroupName: 'plain',
      LifecycleHookName: hook,
      InstanceId: instance.id,
      LifecycleActionResult: 'CONTINUE',
    }),
  );
  await cloud.settle();
}

async function described(instance: LocalInstance): Promise<string | undefined> {
  const command = new DescribeAutoScalingInstancesCommand({ InstanceIds: [instance.id] });
  return (await client.send(command)).AutoScalingInstances?.[0]?.LifecycleState;
}

it('hosts come by scale-out, wait for their hook, serve, and go by scale-in', async () => {
  const hosts = await group.scaleOut(3);
  await cloud.settle();
  const [first] = hosts;
  if (first === undefined) throw new Error('no host');
  for (const host of hosts) {
    expect(await described(host)).toBe('Pending:Wait');
    expect(await must(host, 'cat /etc/ami')).toMatch(/^\d+\n$/u);
    expect(host.node.pingStatus).toBe('Online');
    await must(first, `timeout 5 bash -c '</dev/tcp/${host.address}/22'`);
  }
  for (const host of hosts) await complete(host, 'launching');
  for (const host of hosts) expect(await described(host)).toBe('InService');

  await group.scaleIn(first);
  await cloud.settle();
  expect(await described(first)).toBe('Terminating:Wait');
  expect(await must(first, 'echo alive')).toBe('alive\n');
  await complete(first, 'terminating');
  expect(await described(first)).toBeUndefined();
  expect(first.state).toBe('terminated');
  expect(fleet.get(first.id)?.running ?? false).toBe(false);
});

it('a warm instance is stopped, and keeps its disk on its way to service', async () => {
  const [warm] = await group.toWarmPool(1);
  if (warm === undefined) throw new Error('no host');
  const ami = await must(warm, 'cat /etc/ami');
  await complete(warm, 'launching');
  expect(await described(warm)).toBe('Warmed:Stopped');
  expect(warm.host.running).toBe(false);
  await group.fromWarmPool(1);
  await complete(warm, 'launching');
  expect(await described(warm)).toBe('InService');
  expect(await must(warm, 'cat /etc/ami')).toBe(ami);
});

it('a host that is terminated while it boots leaves nothing behind', async () => {
  const [host] = await group.scaleOut(1, { wait: false });
  if (host === undefined) throw new Error('no host');
  await group.terminateInstance(host);
  await complete(host, 'terminating');
  await cloud.settle();
  expect(host.state).toBe('terminated');
  expect(fleet.get(host.id)?.running ?? false).toBe(false);
});
