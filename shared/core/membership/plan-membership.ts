import { groupNameProblem, parseConfiguration } from '../model/group.ts';
import { parseIncidents } from '../model/incident.ts';
import { isLeaving, isWarm } from '../model/lifecycle.ts';
import { isMember } from '../model/member.ts';
import type { MembershipObservation, ObservedInstance } from '../model/observation.ts';
import { findPrimary, isDeposed, isEstablished } from '../model/primary.ts';
import {
  encodedLength,
  formatPushRequest,
  formatRescueRequest,
  maximumRequestLength,
} from '../model/request.ts';
import { formatOwnShards, listEntry, shardNumber } from '../model/secondaries.ts';
import { stateTagKeys, tagKeys } from '../model/tag-keys.ts';
import { words } from '../model/tag-problem.ts';
import type { MembershipAction } from './membership-action.ts';
import type { JoinSettings, View } from './membership-view.ts';
import { planGathering, planRescue } from './plan-gathering.ts';
import {
  completeHook,
  holdHook,
  holdLeavingPrimary,
  holdPrimary,
  holdTermination,
  lateArrival,
  releaseRetained,
} from './plan-hooks.ts';
import { planJoin, planNewcomer } from './plan-newcomer.ts';
import { type Readiness, readiness } from './readiness.ts';

/**
 * What is to be done next so that the hosts of every group join and leave as they come and go. It is made from what is
 * there, not from events, so it can be made again after any interruption and gives what is left to do.
 *
 * @param now milliseconds since 1970
 */
export function planMembership(
  observed: MembershipObservation,
  settings: JoinSettings,
  now: number,
): readonly MembershipAction[] {
  const online = new Set(observed.agents.filter((agent) => agent.online).map(({ id }) => id));
  const view: View = { observed, settings, now, online };
  const groups = Map.groupBy(observed.instances, ({ tags }) => tags[tagKeys.group]);
  return [...groups].flatMap(([group, members]) =>
    group === undefined ? members.flatMap(planUntagged) : planGroup(group, members, view),
  );
}

/** An instance that lost `hostsync:group` and still carries what hostsync wrote. */
function planUntagged({ id, tags }: ObservedInstance): readonly MembershipAction[] {
  const keys = stateKeysOf(tags);
  if (keys.length === 0) return [];
  const reason = `${id} no longer carries ${tagKeys.group}: what hostsync wrote there goes`;
  return [{ kind: 'clear-state', group: '', instance: id, keys, reason }];
}

function stateKeysOf(tags: Readonly<Record<string, string>>): readonly string[] {
  return stateTagKeys.filter((key) => tags[key] !== undefined);
}

function planGroup(
  group: string,
  members: readonly ObservedInstance[],
  view: View,
): readonly MembershipAction[] {
  if (members.some(({ id }) => groupNameProblem(id, group) !== undefined)) return [];
  const primaries = findPrimary(members);
  const others = members.filter(({ tags }) => tags[tagKeys.primary] === undefined);
  const ready = readiness(group, primaries, view);
  const steps = others.flatMap((instance) => planInstance(group, instance, ready, view));
  const tagged = members.filter(({ tags }) => tags[tagKeys.primary] !== undefined);
  // The list first: a host that takes traffic from now on is in it already
  return [
    ...planList(group, primaries.current, others, view),
    ...tagged.flatMap((each) => holdPrimary(group, each, primaries, view)),
    ...tagged.flatMap((each) => holdLeavingPrimary(group, each, others, view)),
    ...mergeCommands(steps),
  ];
}

/** The next step for one host that is not the primary. */
function planInstance(
  group: string,
  instance: ObservedInstance,
  ready: Readiness,
  view: View,
): readonly MembershipAction[] {
  // A former primary holds what nobody else has: stopped or held by a hook, it stays what it is until that is rescued
  if (instance.tags[tagKeys.state] === 'quarantined' && instance.state !== 'shutting-down')
    return planQuarantined(group, instance, ready, view);
  if (isDeposed(instance)) return holdTermination(group, instance, view, 'it was the primary');
  const released = releaseRetained(group, instance, view);
  // What it carries goes when its hook asks once more: until then a run that was killed finds what it had to do
  if (released.length > 0) return released;
  if (isGone(instance, view)) return planGone(group, instance, view);
  if (isMember(instance)) return planMember(group, instance, ready, view);
  return instance.state === 'running' ? planStranger(group, instance, ready, view) : [];
}

function planQuarantined(
  group: string,
  instance: ObservedInstance,
  ready: Readiness,
  view: View,
): readonly MembershipAction[] {
  const canGive = ready.kind === 'ready' && instance.state === 'running';
  return [
    ...(canGive ? planRescue(group, instance, ready, view) : []),
    ...holdTermination(group, instance, view, 'what only it holds is not rescued yet'),
  ];
}

function planGone(group: string, instance: ObservedInstance, view: View): readonly MembershipAction[] {
  const { id, state, tags } = instance;
  const lifecycle = view.observed.lifecycles.get(id);
  const isScaled = isLeaving(lifecycle) || isWarm(lifecycle);
  const why = isScaled ? `Auto Scaling has it ${lifecycle?.state}` : `it is ${state}`;
  const keys = stateKeysOf(tags);
  const clear: MembershipAction = {
    kind: 'clear-state',
    group,
    instance: id,
    keys,
    reason: `${id} leaves: ${why}`,
  };
  return [
    ...(keys.length === 0 ? [] : [clear]),
    ...completeHook(group, instance, view, 'CONTINUE', `${id} is no secondary: ${why}`),
  ];
}

function planMember(
  group: string,
  instance: ObservedInstance,
  ready: Readiness,
  view: View,
): readonly MembershipAction[] {
  const complete = completeHook(group, instance, view, 'CONTINUE', `${instance.id} has the files`);
  if (ready.kind !== 'ready') return complete;
  const gathering = planGathering(group, instance, ready, view);
  return [...(gathering.length > 0 ? gathering : planJoin(group, instance, ready, view)), ...complete];
}

/** One that runs and is no secondary yet. */
function planStranger(
  group: string,
  instance: ObservedInstance,
  ready: Readiness,
  view: View,
): readonly MembershipAction[] {
  const held = holdHook(group, instance, view);
  // What is given up gets no further command: it is about to be terminated
  if (held.some((action) => action.kind === 'complete-hook' && action.result === 'ABANDON')) return held;
  // What a former primary gave may be lost with the primary that took it
  const wasReleased = instance.tags[tagKeys.gathered] !== undefined;
  const gathering = wasReleased && ready.kind === 'ready' ? planGathering(group, instance, ready, view) : [];
  const steps = gathering.length > 0 ? gathering : planNewcomer(group, instance, ready, view);
  const late = lateArrival(group, instance, view);
  return [...(late.length > 0 ? late : tooLate(group, instance, steps, ready, view)), ...steps, ...held];
}

/**
 * A newcomer that can do nothing but wait, as for its agent: an event when it has waited for longer than a launch may take.
 * The tag says since when. While the group itself takes nobody, the alert is on that, and not on this.
 */
function tooLate(
  group: string,
  instance: ObservedInstance,
  steps: readonly MembershipAction[],
  ready: Readiness,
  { now, settings: { joinTimeout } }: View,
): readonly MembershipAction[] {
  const [step] = steps;
  if (ready.kind !== 'ready' || step?.kind !== 'wait' || step.soon) return [];
  const { id, tags } = instance;
  const [entry] = parseIncidents(tags[tagKeys.incident]);
  const code = 'join-failed';
  const report = (since: number, notifications: number, message: string): readonly MembershipAction[] => [
    {
      kind: 'report-failure',
      group,
      instance: id,
      incident: { code, since, notifications, ...(notifications > 0 && { notifiedAt: now }) },
      notice: notifications > 0 ? ('raised' as const) : undefined,
      rescuedBy: undefined,
      message,
      reason: `${id} ${notifications === 0 ? 'waits' : 'cannot join'}: ${message}`,
    },
  ];
  if (entry === undefined) return report(now, 0, step.reason);
  const [, { since, notifications }] = entry;
  if (notifications > 0 || now - since < joinTimeout * 1000) return [];
  return report(since, 1, `not within ${joinTimeout} s: ${step.reason}`);
}

/** No longer, or not now, a host of its group. A stopped one joins again when it is started. */
function isGone(instance: ObservedInstance, { observed }: View): boolean {
  const lifecycle = observed.lifecycles.get(instance.id);
  return (
    ['stopping', 'stopped', 'shutting-down'].includes(instance.state) ||
    isWarm(lifecycle) ||
    isLeaving(lifecycle)
  );
}

/** One command for all hosts that are asked the same; the first passes of one primary go together as well, as far as a request holds them. */
function mergeCommands(actions: readonly MembershipAction[]): readonly MembershipAction[] {
  const merged: MembershipAction[] = [];
  for (const action of actions) {
    const isMerged = merged.some((earlier, index) => {
      const both = mergeTwo(earlier, action);
      if (both !== undefined) merged[index] = both;
      return both !== undefined;
    });
    if (!isMerged) merged.push(action);
  }
  return merged;
}

/** The most hosts of one command. Source: API reference of SSM, SendCommand. */
const mostHosts = 50;

/** @returns undefined for what does not go together */
function mergeTwo(one: MembershipAction, other: MembershipAction): MembershipAction | undefined {
  if (one.kind === 'join' && other.kind === 'join') {
    if (one.digest !== other.digest || one.instances.length >= mostHosts) return undefined;
    const instances = [...one.instances, ...other.instances];
    return { ...one, instances, newcomers: [...one.newcomers, ...other.newcomers] };
  }
  const reason = `${one.reason}; ${other.reason}`;
  if (one.kind === 'first-sync' && other.kind === 'first-sync') {
    const secondaries = [...one.request.secondaries, ...other.request.secondaries];
    const request = { ...one.request, secondaries };
    if (encodedLength(formatPushRequest(request)) > maximumRequestLength) return undefined;
    return { ...one, request, passes: new Map([...one.passes, ...other.passes]), reason };
  }
  if (one.kind === 'gather' && other.kind === 'gather') {
    const request = { ...one.request, sources: [...one.request.sources, ...other.request.sources] };
    return encodedLength(formatRescueRequest(request)) > maximumRequestLength
      ? undefined
      : { ...one, request, reason };
  }
  return undefined;
}

/**
 * The list on the primary, made from what the instances themselves say: members that are missing go in, instances that
 * are gone go out, and whatever is no EC2 instance stays as the operator wrote it. Because every writer writes a whole
 * tag, a write that was made from an older view is mended by the next.
 */
function planList(
  group: string,
  primary: ObservedInstance | undefined,
  others: readonly ObservedInstance[],
  view: View,
): readonly MembershipAction[] {
  if (primary === undefined || !isEstablished(primary)) return [];
  const configuration = parseConfiguration(primary);
  if (!configuration.ok) return [];
  const present = new Set(others.filter((each) => !isGone(each, view)).map(({ id }) => id));
  const current = configuration.value.secondaries;
  const left = current.filter(({ kind, id }) => kind === 'instance' && !present.has(id)).map(({ id }) => id);
  const joined = others
    .filter((each) => isMember(each) && present.has(each.id) && !current.some(({ id }) => id === each.id))
    .map(({ id }) => id)
    .sort();
  if (left.length === 0 && joined.length === 0) return [];

  const byHand = words(primary.tags[tagKeys.secondaries] ?? '');
  const keptByHand = byHand.filter((word) => !left.includes(word));
  const byHandAlike = new Set(keptByHand.map((word) => word.toLowerCase()));
  const own = current.map(listEntry).filter((entry) => !left.includes(entry) && !byHandAlike.has(entry));
  const wanted = {
    ...(keptByHand.length > 0 && { [tagKeys.secondaries]: keptByHand.join(' ') }),
    ...formatOwnShards([...own, ...joined]),
  };
  if (keptByHand.length === byHand.length && byHand.length > 0)
    wanted[tagKeys.secondaries] = primary.tags[tagKeys.secondaries] ?? '';
  const set = Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => primary.tags[key] !== value),
  );
  const remove = Object.keys(primary.tags).filter(
    (key) => shardNumber(key) !== undefined && !(key in wanted),
  );
  const changes = [
    ...(joined.length > 0 ? [`${joined.join(', ')} joined`] : []),
    ...(left.length > 0 ? [`${left.join(', ')} left`] : []),
  ];
  return [
    { kind: 'set-list', group, primary: primary.id, set, remove, joined, left, reason: changes.join('; ') },
  ];
}
