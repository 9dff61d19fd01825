import { observeLifecycles } from '../aws/auto-scaling.ts';
import type { Clients } from '../aws/clients.ts';
import { observeInstances } from '../aws/ec2.ts';
import { type CommandOfInterest, observeAgents, observeCommands } from '../aws/ssm.ts';
import type { TagWriter } from '../aws/tags.ts';
import type { MembershipObservation, Observation, ObservedInstance } from '../core/observation.ts';
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

/** What joins and leaves are planned from besides: one call more if there is Auto Scaling, and one for each command under way. */
export async function observeMembership(
  clients: Clients,
  observed: Observation,
): Promise<MembershipObservation> {
  const scaled = observed.instances
    .filter(({ tags }) => tags[autoScalingTag] !== undefined)
    .map(({ id }) => id);
  const [lifecycles, commands] = await Promise.all([
    observeLifecycles(clients.autoScaling, scaled),
    observeCommands(clients.ssm, commandsOfInterest(observed.instances)),
  ]);
  return { ...observed, lifecycles, commands };
}

/** The steps of a host that run on its primary. */
const onPrimary: ReadonlySet<TaskStep> = new Set(['first-sync', 'gather', 'rescue']);

/** The commands that the tags `hostsync:task` name, each once. */
export function commandsOfInterest(instances: readonly ObservedInstance[]): readonly CommandOfInterest[] {
  const found = new Map<string, CommandOfInterest>();
  for (const { id, tags } of instances) {
    const task = parseTask(tags[tagKeys.task]);
    if (task === undefined) continue;
    const members = instances.filter((each) => each.tags[tagKeys.group] === tags[tagKeys.group]);
    const primary = findPrimary(members).current;
    // A join runs on the newcomers, perhaps on many; what sends or fetches files runs on the primary
    const instance = onPrimary.has(task.step) ? primary?.id : task.step === 'join' ? undefined : id;
    if (task.step === 'join' || instance !== undefined)
      found.set(`${task.command} ${instance}`, { command: task.command, instance });
  }
  return [...found.values()];
}
