import { type GroupConfiguration, groupNameProblem, parseConfiguration } from '../model/group.ts';
import type { Observation, ObservedAgent, ObservedInstance } from '../model/observation.ts';
import { findPrimary, isEstablished } from '../model/primary.ts';
import { isWatched } from '../model/push-options.ts';
import { encodedLength, formatPushRequest, maximumRequestLength, type PushTarget } from '../model/request.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem, type TagProblem } from '../model/tag-problem.ts';
import { pushTarget } from './push-target.ts';
import type { NoPushCode, Severity, TickAction } from './tick-action.ts';

/** How late a tick may be, in seconds; after that the next one has come. */
export const maximumTickAge = 60;

/** Why a scheduled tick is dropped, or nothing. Times are milliseconds since 1970. */
export function tickBlocker(scheduledAt: number, now: number): string | undefined {
  const age = Math.round((now - scheduledAt) / 1000);
  if (age <= maximumTickAge) return undefined;
  return `the tick is ${age} s old, more than ${maximumTickAge}: a later one has done its work`;
}

/**
 * What one tick does for all groups of the account and region. Each group is decided on its own: what is wrong with
 * one changes nothing for another.
 */
export function planTick(observed: Observation): readonly TickAction[] {
  const tagged = observed.instances.filter(({ tags }) => tags[tagKeys.group] !== undefined);
  const groups = Map.groupBy(tagged, ({ tags }) => tags[tagKeys.group] ?? '');
  if (groups.size === 0)
    return [{ kind: 'nothing-to-do', reason: `no instance carries the tag ${tagKeys.group}` }];
  const instances = new Map(observed.instances.map((instance) => [instance.id, instance]));
  const agents = new Map(observed.agents.map((agent) => [agent.id, agent]));
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([group, members]) => planGroup(group, members, instances, agents));
}

function planGroup(
  group: string,
  members: readonly ObservedInstance[],
  instances: ReadonlyMap<string, ObservedInstance>,
  agents: ReadonlyMap<string, ObservedAgent>,
): readonly TickAction[] {
  const noPush = ({ code, severity, reason }: NoPush): readonly TickAction[] => [
    { kind: 'no-push', group, code, severity, reason },
  ];
  const badNames = members.flatMap(({ id }) => groupNameProblem(id, group) ?? []);
  if (badNames.length > 0) return noPush(badTags(badNames));
  const { current: primary, tied } = findPrimary(members);
  if (tied.length > 0) return noPush(severalPrimaries(tied));
  if (primary === undefined)
    return noPush({
      code: 'no-primary',
      severity: 'error',
      reason: `none of the ${members.length} instances of the group carries the tag ${tagKeys.primary}: set it, with ${tagKeys.directories}, on the host that editors upload to`,
    });
  const paused = primary.tags[tagKeys.paused];
  if (paused !== undefined) {
    const reason = `${primary.id} carries the tag ${tagKeys.paused}: "${paused}"`;
    return noPush({ code: 'paused', severity: 'info', reason });
  }
  const configuration = parseConfiguration(primary);
  if (!configuration.ok) return noPush(badTags(configuration.problems));
  const blocker = pushBlocker(primary, agents);
  return blocker === undefined
    ? planPush(group, primary, configuration.value, instances, agents)
    : noPush(blocker);
}

type NoPush = { readonly code: NoPushCode; readonly severity: Severity; readonly reason: string };

function badTags(problems: readonly TagProblem[]): NoPush {
  return { code: 'bad-tags', severity: 'error', reason: describeAll(problems) };
}

function severalPrimaries(tied: readonly ObservedInstance[]): NoPush {
  const ids = list(tied.map(({ id }) => id));
  return {
    code: 'several-primaries',
    severity: 'error',
    reason: `${tied.length} instances carry the tag ${tagKeys.primary} with the same epoch, or one that cannot be read: ${ids}; nothing is pushed until one of them has the highest, or the others have lost the tag`,
  };
}

/** Why a primary cannot push now, or nothing. */
function pushBlocker(
  primary: ObservedInstance,
  agents: ReadonlyMap<string, ObservedAgent>,
): NoPush | undefined {
  const { id, state } = primary;
  if (state !== 'running') {
    const reason = `the primary ${id} is ${state}: start it, or move its tags to another host`;
    return { code: 'primary-not-running', severity: 'error', reason };
  }
  if (agents.get(id)?.online !== true) {
    const reason = agents.has(id)
      ? `the SSM agent of the primary ${id} has lost its connection: see whether the host is up and reaches SSM`
      : `the primary ${id} is unknown to SSM: see whether its agent runs and its instance profile has AmazonSSMManagedInstanceCore`;
    return { code: 'primary-not-online', severity: 'error', reason };
  }
  if (isEstablished(primary)) return undefined;
  return { code: 'not-promoted', severity: 'info', reason: `${id} is about to become the primary` };
}

function planPush(
  group: string,
  primary: ObservedInstance,
  configuration: GroupConfiguration,
  instances: ReadonlyMap<string, ObservedInstance>,
  agents: ReadonlyMap<string, ObservedAgent>,
): readonly TickAction[] {
  const { epoch, directories, excludes, options } = configuration;
  const accepted = primary.tags[tagKeys.acceptDeletions]?.trim();
  const targets: PushTarget[] = [];
  const actions: TickAction[] = [];
  for (const secondary of configuration.secondaries) {
    const target = pushTarget(group, epoch, primary, secondary, instances, agents);
    if ('code' in target) actions.push({ kind: 'leave-out', group, secondary: secondary.id, ...target });
    else targets.push(target);
  }
  const request = {
    ...{ group, epoch, directories, excludes, options, secondaries: targets },
    ...(isWatched(options) && { watch: 'auto' as const }),
    ...(accepted !== undefined && isDeletionsId(accepted) && { acceptDeletions: accepted }),
  };
  const length = encodedLength(formatPushRequest(request));
  const all = configuration.secondaries.length;
  if (all === 0)
    actions.push({
      ...{ kind: 'no-push', group, code: 'no-secondaries', severity: 'info' },
      reason: `the list in the tag ${tagKeys.secondaries} of ${primary.id} is empty`,
    });
  else if (targets.length === 0)
    actions.push({
      ...{ kind: 'no-push', group, code: 'no-secondary-ready', severity: 'info' },
      reason: `none of the ${all} secondaries can be pushed to`,
    });
  else if (length > maximumRequestLength)
    actions.push({
      ...{ kind: 'no-push', group, code: 'request-too-long', severity: 'error' },
      reason: `the request for ${targets.length} secondaries has ${length} characters, and SSM takes ${maximumRequestLength}: split the group`,
    });
  else
    actions.push({
      ...{ kind: 'push', group, primary: primary.id, request },
      reason: `${primary.id} pushes ${directories.length} directories to ${targets.length} of ${all} secondaries`,
    });
  return actions;
}

function describeAll(problems: readonly TagProblem[]): string {
  return problems.map(describeTagProblem).join(' | ');
}

function list(ids: readonly string[]): string {
  return [...ids].sort().join(', ');
}

/** What push names held deletions by. Anything else in the tag is no answer to anything. */
function isDeletionsId(text: string): boolean {
  return /^[0-9a-f]{16}$/u.test(text);
}
