import { type GroupConfiguration, groupNameProblem, parseConfiguration } from '../model/group.ts';
import { isObserved } from '../model/mode.ts';
import type { Observation, ObservedAgent, ObservedInstance } from '../model/observation.ts';
import { findPrimary, isEstablished } from '../model/primary.ts';
import { isWatched } from '../model/push-options.ts';
import {
  encodedLength,
  formatPushRequest,
  maximumRequestLength,
  type PushRequest,
} from '../model/request.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem, type TagProblem } from '../model/tag-problem.ts';
import type { NoPushCode, PushAction, Severity } from './push-action.ts';
import { pushTargets } from './push-target.ts';

/** How late a tick may be, in seconds; after that the next one has come. */
const maximumTickAge = 60;

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
export function planPush(observed: Observation): readonly PushAction[] {
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
): readonly PushAction[] {
  const noPush = ({ code, severity, reason }: NoPush): readonly PushAction[] => [
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
  if (blocker !== undefined) return noPush(blocker);
  const actions = pushGroup(group, primary, configuration.value, instances, agents);
  return isObserved(members) ? actions.map(onlyObserved) : actions;
}

/** What a group that is only observed gets instead of a push. */
function onlyObserved(action: PushAction): PushAction {
  if (action.kind !== 'push') return action;
  const { group, primary, request, reason } = action;
  return {
    kind: 'no-push',
    group,
    code: 'observed',
    severity: 'info',
    hosts: [primary, ...request.secondaries.map(({ id }) => id)],
    reason: `the group is only observed (${tagKeys.mode}); without that tag ${reason}: ${request.directories.join(', ')}`,
  };
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

function pushGroup(
  group: string,
  primary: ObservedInstance,
  configuration: GroupConfiguration,
  instances: ReadonlyMap<string, ObservedInstance>,
  agents: ReadonlyMap<string, ObservedAgent>,
): readonly PushAction[] {
  const { epoch, directories, excludes, options } = configuration;
  const accepted = primary.tags[tagKeys.acceptDeletions]?.trim();
  const { targets, leftOut } = pushTargets(group, primary, configuration, instances, agents);
  const request = {
    group,
    epoch,
    directories,
    excludes,
    options,
    secondaries: targets,
    ...(isWatched(options) && { watch: 'auto' as const }),
    ...(accepted !== undefined && isDeletionsId(accepted) && { acceptDeletions: accepted }),
  };
  return [...leftOut, pushAction(primary.id, request, configuration.secondaries.length)];
}

/** Sends the request, or says why there is none. `all`: secondaries on the list. */
function pushAction(primary: string, request: PushRequest, all: number): PushAction {
  const { group, directories, secondaries } = request;
  const without = (code: NoPushCode, severity: Severity, reason: string): PushAction => ({
    kind: 'no-push',
    group,
    code,
    severity,
    reason,
  });
  if (all === 0)
    return without(
      'no-secondaries',
      'info',
      `the list in the tag ${tagKeys.secondaries} of ${primary} is empty`,
    );
  if (secondaries.length === 0)
    return without('no-secondary-ready', 'info', `none of the ${all} secondaries can be pushed to`);
  const length = encodedLength(formatPushRequest(request));
  if (length > maximumRequestLength)
    return without(
      'request-too-long',
      'error',
      `the request for ${secondaries.length} secondaries has ${length} characters, and SSM takes ${maximumRequestLength}: split the group`,
    );
  return {
    kind: 'push',
    group,
    primary,
    request,
    reason: `${primary} pushes ${directories.length} directories to ${secondaries.length} of ${all} secondaries`,
  };
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
