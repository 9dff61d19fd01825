import { observeLifecycles } from '../aws/auto-scaling.ts';
import { findInstances, observeGroup, observeStatuses } from '../aws/ec2.ts';
import { readRegister } from '../aws/memory.ts';
import { readElasticAddress, readRecords, readTargets } from '../aws/pointers.ts';
import { observePushes } from '../aws/pushes.ts';
import { type CommandOfInterest, type Documents, observeAgents, observeCommands } from '../aws/ssm.ts';
import type {
  ObservedCommand,
  ObservedInstance,
  ObservedLifecycle,
  ObservedPush,
  ObservedReachability,
  PromotionObservation,
  Register,
} from '../core/model/observation.ts';
import { findPrimary } from '../core/model/primary.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { parseTask, type TaskStep } from '../core/model/task.ts';
import { parseTime } from '../core/model/time.ts';
import { nodesOf } from '../core/push/push-target.ts';
import type { ObservedRecord } from '../core/succession/plan-name.ts';
import { type ObservedPointers, pointerNames } from '../core/succession/plan-upkeep.ts';
import type { ObservedElasticAddress } from '../core/succession/primary-address.ts';
import { parseProbe } from '../core/succession/probe.ts';
import { observeProbe } from './probe.ts';
import type { Tools } from './tools.ts';

/** Set by Auto Scaling itself on every instance that it launches. */
const autoScalingTag = 'aws:autoscaling:groupName';

/** What a look needs of the tools of a run. */
export type ObserveTools = Pick<Tools, 'clients' | 'marks' | 'memory'>;

/** Notes that something could not be read, and why. What then is not known is missing in the look. */
export type Fail = (what: string, error: unknown) => void;

/**
 * One look at one group. What tells who is there, and what is remembered, has to be read, or nothing is known; of all else what cannot be
 * read is left out and reported.
 *
 * @param reachability which candidates have answered in this run
 */
export async function look(
  group: string,
  tools: ObserveTools,
  reachability: readonly ObservedReachability[],
  fail: Fail,
): Promise<PromotionObservation> {
  const { clients, marks, memory } = tools;
  const [seen, register] = await Promise.all([
    observeGroup(clients.ec2, group),
    group === '' ? undefined : readRegister(memory, group),
  ]);
  const members = marks.overlay(seen, register);
  const instances = [...members, ...(await absentHolders(members, register, tools))];
  const [agents, lifecycles, statuses, commands, probes] = await Promise.all([
    observeAgents(clients.ssm, [...instances.map(({ id }) => id), ...nodesOf(members)]),
    lifecyclesOf(members, tools, fail),
    observeStatuses(
      clients.ec2,
      members.map(({ id }) => id),
    ),
    Promise.all(commandsOfInterest(members).map((each) => resultOf(each, tools, fail))),
    probesOf(members, tools, fail),
  ]);
  return {
    instances,
    agents,
    lifecycles,
    statuses,
    commands: commands.flat(),
    reachability: [...probes, ...reachability],
    registers: new Map(register === undefined ? [] : [[group, register]]),
  };
}

async function orElse<Result, Otherwise>(
  reading: Promise<Result>,
  otherwise: Otherwise,
  what: string,
  fail: Fail,
): Promise<Result | Otherwise> {
  try {
    return await reading;
  } catch (error) {
    fail(what, error);
    return otherwise;
  }
}

/** The last primaries, where the group does not show them: a tag that vanished is no death, so EC2 is asked for the ids. */
async function absentHolders(
  members: readonly ObservedInstance[],
  register: Register | undefined,
  { clients }: ObserveTools,
): Promise<readonly ObservedInstance[]> {
  if (register === undefined || findPrimary(members).current !== undefined) return [];
  const ids = [register.configuration?.primary, register.claims.at(-1)?.holder, register.claims.at(-1)?.from];
  const absent = ids.flatMap((id) =>
    id === undefined || members.some((each) => each.id === id) ? [] : [id],
  );
  return findInstances(clients.ec2, [...new Set(absent)]);
}

function lifecyclesOf(
  members: readonly ObservedInstance[],
  { clients }: ObserveTools,
  fail: Fail,
): Promise<ReadonlyMap<string, ObservedLifecycle>> {
  const scaled = members.filter(({ tags }) => tags[autoScalingTag] !== undefined).map(({ id }) => id);
  const reading = observeLifecycles(clients.autoScaling, scaled);
  return orElse(reading, new Map(), 'asking Auto Scaling for lifecycle states', fail);
}

function resultOf(
  command: CommandOfInterest,
  { clients }: ObserveTools,
  fail: Fail,
): Promise<readonly ObservedCommand[]> {
  const what = `asking for the result of the command ${command.command}`;
  return orElse(observeCommands(clients.ssm, [command]), [], what, fail);
}

/** What the probe has shown so far that is noted on the group. */
async function probesOf(
  members: readonly ObservedInstance[],
  { clients }: ObserveTools,
  fail: Fail,
): Promise<readonly ObservedReachability[]> {
  const note = members.map(({ tags }) => tags[tagKeys.probe]).find((value) => value !== undefined);
  const asked = parseProbe(note, Date.now());
  if (asked === undefined) return [];
  const observing = observeProbe(clients.ssm, asked).then((observed) => [observed]);
  return orElse(observing, [], `asking for the probe of ${asked.instance}`, fail);
}

/** The steps of a host that run on its primary. */
const onPrimary: ReadonlySet<TaskStep> = new Set(['first-sync', 'gather', 'rescue']);

/** The commands that the tasks of a group name, each once. */
function commandsOfInterest(members: readonly ObservedInstance[]): readonly CommandOfInterest[] {
  const found = new Map<string, CommandOfInterest>();
  const primary = findPrimary(members).current;
  for (const { id, tags } of members) {
    const task = parseTask(tags[tagKeys.task]);
    if (task === undefined) continue;
    // A join runs on the newcomers, perhaps on many; what sends or fetches files runs on the primary
    const instance = onPrimary.has(task.step) ? primary?.id : task.step === 'join' ? undefined : id;
    if (task.step === 'join' || instance !== undefined)
      found.set(`${task.command} ${instance}`, { command: task.command, instance });
  }
  return [...found.values()];
}

/** What became of the pushes of the group's primary. */
export async function observeGroupPushes(
  members: readonly ObservedInstance[],
  { clients, documents }: Pick<Tools, 'clients'> & { readonly documents: Pick<Documents, 'push'> },
  fail: Fail,
): Promise<readonly ObservedPush[]> {
  const primary = findPrimary(members).current;
  if (primary === undefined) return [];
  const recorded = parseTime(primary.tags[tagKeys.syncedAt]);
  const pushes = observePushes(clients.ssm, {
    document: documents.push,
    instance: primary.id,
    now: Date.now(),
    isKnown: (_instance, requestedAt) => requestedAt <= recorded,
    fail: ({ command, instance }, error) =>
      fail(`reading the result of the push ${command} on ${instance}`, error),
  });
  return orElse(pushes, [], `asking for the pushes of ${primary.id}`, fail);
}

/** What the name, the target group and the Elastic IP of the primary point at now: one call for each that the tags name. */
export async function observePointers(
  { instances }: PromotionObservation,
  { clients, hostedZone }: Pick<Tools, 'clients' | 'hostedZone'>,
  fail: Fail,
): Promise<ObservedPointers> {
  const records = new Map<string, readonly ObservedRecord[]>();
  const targets = new Map<string, readonly string[]>();
  const elastic = new Map<string, ObservedElasticAddress>();
  for (const { group, name, targetGroup, elasticAddress } of pointerNames(instances)) {
    try {
      const found = elasticAddress && (await readElasticAddress(clients.ec2, elasticAddress));
      if (found) elastic.set(group, found);
    } catch (error) {
      fail(`reading the Elastic IP ${elasticAddress}`, error);
    }
    try {
      if (name !== undefined && hostedZone !== '')
        records.set(group, await readRecords(clients.route53, hostedZone, name));
    } catch (error) {
      fail(`reading the record ${name}`, error);
    }
    try {
      if (targetGroup !== undefined)
        targets.set(group, await readTargets(clients.loadBalancing, targetGroup));
    } catch (error) {
      fail(`reading the target group ${targetGroup}`, error);
    }
  }
  return { records, targets, elastic };
}
