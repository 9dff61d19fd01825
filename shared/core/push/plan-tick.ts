import { type GroupConfiguration, groupNameProblem, parseConfiguration } from '../model/group.ts';
import { isGathered } from '../model/member.ts';
import type { Observation, ObservedAgent, ObservedInstance } from '../model/observation.ts';
import { findPrimary, isEstablished } from '../model/primary.ts';
import { isPublicKey } from '../model/public-key.ts';
import {
  encodedLength,
  formatPushRequest,
  maximumRequestLength,
  type PushRequest,
  type PushTarget,
} from '../model/request.ts';
import { routeBetween, routeOutside } from '../model/route.ts';
import { parseSecondaries, type Secondary, sshPort } from '../model/secondaries.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem, type TagProblem } from '../model/tag-problem.ts';

/** Why a group is not pushed. */
export type NoPushCode =
  | 'bad-tags'
  | 'no-primary'
  | 'several-primaries'
  | 'paused'
  | 'not-promoted'
  | 'primary-not-running'
  | 'primary-not-online'
  | 'no-secondaries'
  | 'no-secondary-ready'
  | 'request-too-long';

/** Why a secondary is left out of a push. */
export type LeaveOutCode =
  | 'is-primary'
  | 'unknown'
  | 'other-group'
  | 'not-running'
  | 'no-address'
  | 'not-joined'
  | 'joining'
  | 'quarantined'
  | 'not-gathered'
  | 'bad-tags';

/** `error`: a person must act. `info`: all is as it was asked for, or mends itself. */
export type Severity = 'info' | 'error';

/** One thing to do in a tick, with the reason for it. */
export type TickAction =
  | {
      readonly kind: 'push';
      readonly group: string;
      /** The instance to run push on. */
      readonly primary: string;
      readonly request: PushRequest;
      readonly reason: string;
    }
  | {
      readonly kind: 'leave-out';
      readonly group: string;
      readonly secondary: string;
      readonly code: LeaveOutCode;
      readonly severity: Severity;
      readonly reason: string;
    }
  | {
      readonly kind: 'no-push';
      readonly group: string;
      readonly code: NoPushCode;
      readonly severity: Severity;
      readonly reason: string;
    }
  | { readonly kind: 'nothing-to-do'; readonly reason: string };

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

/** The nodes outside EC2 that the lists of these primaries name: SSM has their addresses. */
export function nodesOf(instances: readonly ObservedInstance[]): readonly string[] {
  return instances.flatMap(({ id, tags }) => {
    if (tags[tagKeys.primary] === undefined) return [];
    const secondaries = parseSecondaries(id, tags);
    return secondaries.ok
      ? secondaries.value.flatMap((each) => (each.kind === 'managed-node' ? [each.id] : []))
      : [];
  });
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

type LeftOut = { readonly code: LeaveOutCode; readonly severity: Severity; readonly reason: string };

/** Where to push for a secondary of the list, or why it is left out. */
function pushTarget(
  group: string,
  epoch: number,
  primary: ObservedInstance,
  secondary: Secondary,
  instances: ReadonlyMap<string, ObservedInstance>,
  agents: ReadonlyMap<string, ObservedAgent>,
): PushTarget | LeftOut {
  const { id } = secondary;
  switch (secondary.kind) {
    case 'outside':
      return targetOutside(primary, id, id, secondary.port);
    case 'managed-node': {
      const address = agents.get(id)?.address;
      if (address !== undefined) return targetOutside(primary, id, address, sshPort);
      const reason = `SSM knows no node ${id}: register it again, or take it from the list`;
      return { code: 'unknown', severity: 'error', reason };
    }
    case 'instance': {
      const instance = instances.get(id);
      const stranger = strangerReason(group, primary, id, instance);
      if (stranger !== undefined) return stranger;
      return instance === undefined ? gone(id) : targetInstance(epoch, primary, instance);
    }
  }
}

function targetOutside(
  primary: ObservedInstance,
  id: string,
  address: string,
  port: number,
): PushTarget | LeftOut {
  const route = routeOutside(primary, { id, address, port });
  if (route.kind === 'no-route') return { code: route.code, severity: 'error', reason: route.reason };
  return { id, address, port, hostKey: undefined };
}

function gone(id: string): LeftOut {
  const reason = `no instance ${id} with the tag ${tagKeys.group} is there: it was terminated or lost the tag, and goes off the list`;
  return { code: 'unknown', severity: 'info', reason };
}

/** Why an instance does not belong on the list. */
function strangerReason(
  group: string,
  primary: ObservedInstance,
  id: string,
  instance: ObservedInstance | undefined,
): LeftOut | undefined {
  if (id === primary.id) {
    const reason = `${id} is the primary itself: take it from the list`;
    return { code: 'is-primary', severity: 'error', reason };
  }
  const itsGroup = instance?.tags[tagKeys.group];
  if (instance === undefined || itsGroup === group) return undefined;
  const reason = `${id} belongs to the group "${itsGroup}": take it from the list, or correct its tag ${tagKeys.group}`;
  return { code: 'other-group', severity: 'error', reason };
}

function targetInstance(
  epoch: number,
  primary: ObservedInstance,
  instance: ObservedInstance,
): PushTarget | LeftOut {
  const { id, state, tags } = instance;
  const later = (code: LeaveOutCode, reason: string): LeftOut => ({ code, severity: 'info', reason });
  if (state !== 'running') return later('not-running', `${id} is ${state}; it is pushed to when it runs`);
  const route = routeBetween(primary, instance);
  if (route.kind === 'no-route') return { code: route.code, severity: 'error', reason: route.reason };
  const its = tags[tagKeys.state];
  if (its === 'joining') return later('joining', `${id} still gets its first sync, in a push of its own`);
  if (its === 'quarantined')
    return later('quarantined', `${id} is in quarantine until what only it holds is rescued`);
  const hostKey = tags[tagKeys.hostKey];
  if (hostKey === undefined)
    return later('not-joined', `${id} has no tag ${tagKeys.hostKey} yet: it is about to join`);
  if (!isGathered(instance, epoch))
    return later('not-gathered', `${id} first gives ${primary.id} what only it holds`);
  const problem = hostKeyProblem(id, hostKey);
  if (problem !== undefined)
    return { code: 'bad-tags', severity: 'error', reason: describeTagProblem(problem) };
  return { id, address: route.address, port: route.port, hostKey };
}

function hostKeyProblem(instance: string, value: string): TagProblem | undefined {
  if (isPublicKey(value)) return undefined;
  return {
    ...{ instance, tag: tagKeys.hostKey, value, problem: 'this is no SSH host public key' },
    remedy: 'set it to the key that join prints, as in ssh-ed25519 AAAA…',
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
