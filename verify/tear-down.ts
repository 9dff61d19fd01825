import {
  DeleteLifecycleHookCommand,
  DescribeLifecycleHooksCommand,
  paginateDescribeAutoScalingGroups,
} from '@aws-sdk/client-auto-scaling';
import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { Clients } from './connection.ts';
import { hostsOf, type SeenHost } from './hosts.ts';
import type { Service } from './service.ts';
import { names } from './site.ts';
import { deleteStack, findStack } from './stacks.ts';

/** CloudFormation names a group after its stack. */
const ofSite = `${names.siteStack}-`;

export interface TearDown {
  readonly clients: Clients;
  readonly service: Service;
  readonly prefix: string;
  readonly signal: AbortSignal;
  /** Shows a step, and what became of it. */
  readonly step: <Result>(title: string, run: () => Promise<Result>) => Promise<Result>;
}

/**
 * Takes away everything that a run makes, found by its name or its tag, whatever there is of it. Goes on where one part fails.
 *
 * @returns what could not be taken away, with the reason; empty if nothing is left
 */
export async function tearDown(work: TearDown): Promise<readonly string[]> {
  const { clients, service, signal, step } = work;
  const failures: string[] = [];
  const part = async (title: string, run: () => Promise<unknown>) => {
    try {
      await step(title, run);
    } catch (error) {
      failures.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await part('remove the hooks: no host is to wait for hostsync', () => releaseHosts(work));
  await part('remove the site', () => deleteStack(clients, names.siteStack, signal));
  await part('remove hosts that were kept', () => terminateHosts(work));
  const { remove } = service;
  if (remove !== undefined) await part('remove hostsync', remove);
  await part('remove the secret', () => deleteStack(clients, names.secretStack, signal));
  return [...failures, ...(await whatIsLeft(work))];
}

async function releaseHosts({ clients: { autoScaling }, prefix }: TearDown): Promise<void> {
  const Filters = [{ Name: `tag:${prefix}:group`, Values: [names.group] }];
  for await (const page of paginateDescribeAutoScalingGroups({ client: autoScaling }, { Filters }))
    for (const { AutoScalingGroupName } of page.AutoScalingGroups ?? []) {
      if (AutoScalingGroupName?.startsWith(ofSite) !== true) continue;
      const { LifecycleHooks = [] } = await autoScaling.send(
        new DescribeLifecycleHooksCommand({ AutoScalingGroupName }),
      );
      for (const { LifecycleHookName } of LifecycleHooks)
        await autoScaling.send(new DeleteLifecycleHookCommand({ AutoScalingGroupName, LifecycleHookName }));
    }
}

/** The tag of the group alone would not do: somebody may have a group of this name. */
async function ownHosts({
  clients,
  prefix,
}: Pick<TearDown, 'clients' | 'prefix'>): Promise<readonly SeenHost[]> {
  const found = await hostsOf(clients, prefix, names.group);
  return found.filter(
    ({ state, tags }) =>
      state !== 'shutting-down' && tags.get('aws:autoscaling:groupName')?.startsWith(ofSite) === true,
  );
}

/** What the Auto Scaling group has retained, or lost, runs on without it. */
async function terminateHosts({ clients, prefix }: TearDown): Promise<void> {
  const left = await ownHosts({ clients, prefix });
  if (left.length === 0) return;
  await clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: left.map(({ id }) => id) }));
}

/** Looks for what a run makes. @returns names, and what could not be found out */
export async function whatIsLeft({ clients, service, prefix }: TearDown): Promise<readonly string[]> {
  const stacks = [
    ...[names.siteStack, names.secretStack],
    ...(service.remove === undefined ? [] : [`hostsync-${service.stage}`]),
  ];
  const looks = stacks.map(async (name) =>
    (await findStack(clients, name)) === undefined ? [] : [`stack ${name}`],
  );
  const hosts = async () => {
    return (await ownHosts({ clients, prefix })).map(({ id }) => `instance ${id}`);
  };
  const found = await Promise.allSettled([...looks, hosts()]);
  return found.flatMap((each) =>
    each.status === 'fulfilled' ? each.value : [`not known, the look at it failed: ${String(each.reason)}`],
  );
}
