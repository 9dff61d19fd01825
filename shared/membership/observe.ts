import { observeLifecycles } from '../aws/auto-scaling.ts';
import type { Clients } from '../aws/clients.ts';
import { observeInstances } from '../aws/ec2.ts';
import { type CommandOfInterest, observeAgents, observeCommands } from '../aws/ssm.ts';
import type { TagWriter } from '../aws/tags.ts';
import type {
  MembershipObservation,
  Observation,
  ObservedCommand,
  ObservedInstance,
  ObservedLifecycle,
} from '../core/observation.ts';
import { findPrimary } from '../core/primary.ts';
import { tagKeys } from '../core/tag-keys.ts';
import { parseTask, type TaskStep } from '../core/task.ts';

/** Set by Auto Scaling itself on every instance that it launches. */
const autoScalingTag = 'aws:autoscaling:groupName';

/** Instances and agents: a number of calls that does not depend on the number of hosts, but for the pages. */
export async function observe({ ec2, ssm }: Clients, tags: TagWriter): Promise<Observation> {
  const [instances, agents] = await Promise.all([observeInstances(ec2), observeAgents(ssm)]);
  return { instances: tags.overlay(instances), agents };
}

/** Notes that something failed for one group: nothing can be planned for it, and the others go on. */
export type Fail = (group: string, what: string, error: unknown) => void;

/** What joins and leaves are planned from besides: one call more if there is Auto Scaling, and one for each command under way. */
export async function observeMembership(
  { autoScaling, ssm }: Clients,
  observed: Observation,
  fail: Fail,
): Promise<MembershipObservation> {
  const [lifecycles, commands] = await Promise.all([
    lifecyclesOf(autoScaling, observed.instances, fail),
    Promise.all(commandsOfInterest(observed.instances).map((each) => outputOf(ssm, each, fail))),
  ]);
  return { ...observed, lifecycles, commands: commands.flat() };
}

async function lifecyclesOf(
  autoScaling: Clients['autoScaling'],
  instances: readonly ObservedInstance[],
  fail: Fail,
): Promise<ReadonlyMap<string, ObservedLifecycle>> {
  const scaled = instances.filter(({ tags }) => tags[autoScalingTag] !== undefined);
  try {
    return await observeLifecycles(
      autoScaling,
      scaled.map(({ id }) => id),
    );
  } catch (error) {
    const groups = new Set(scaled.flatMap(({ tags }) => tags[tagKeys.group] ?? []));
    for (const group of groups) fail(group, 'asking Auto Scaling for lifecycle states', error);
    return new Map();
  }
}

async function outputOf(
  ssm: Clients['ssm'],
  { group, ...command }: TaskCommand,
  fail: Fail,
): Promise<readonly ObservedCommand[]> {
  try {
    return await observeCommands(ssm, [command]);
  } catch (error) {
    fail(group, `asking for the result of the command ${command.command}`, error);
    return [];
  }
}

/** The steps of a host that run on its primary. */
const onPrimary: ReadonlySet<TaskStep> = new Set(['first-sync', 'gather', 'rescue']);

interface TaskCommand extends CommandOfInterest {
  readonly group: string;
}

/** The commands that the tags `hostsync:task` name, each once. */
export function commandsOfInterest(instances: readonly ObservedInstance[]): readonly TaskCommand[] {
  const found = new Map<string, TaskCommand>();
  for (const { id, tags } of instances) {
    const task = parseTask(tags[tagKeys.task]);
    if (task === undefined) continue;
    const members = instances.filter((each) => each.tags[tagKeys.group] === tags[tagKeys.group]);
    const primary = findPrimary(members).current;
    // A join runs on the newcomers, perhaps on many; what sends or fetches files runs on the primary
    const instance = onPrimary.has(task.step) ? primary?.id : task.step === 'join' ? undefined : id;
    if (task.step === 'join' || instance !== undefined)
      found.set(`${task.command} ${instance}`, {
        group: tags[tagKeys.group] ?? '',
        command: task.command,
        instance,
      });
  }
  return [...found.values()];
}
