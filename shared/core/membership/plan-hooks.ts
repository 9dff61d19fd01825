import { type Incident, parseIncidents } from '../model/incident.ts';
import { hookNames, isLeaving, isWarm, waitingHooks } from '../model/lifecycle.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { isEstablished, type Primaries } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';

/** Keeps a newcomer's hook alive, or gives the launch up when its time is over. */
export function holdHook(group: string, instance: ObservedInstance, view: View): readonly MembershipAction[] {
  const lifecycle = view.observed.lifecycles.get(instance.id);
  if (lifecycle === undefined || !waitingHooks(lifecycle).includes('launch')) return [];
  const age = (view.now - heldSince(instance, view)) / 1000;
  const { joinTimeout, joinFailure } = view.settings;
  if (age > joinTimeout)
    return completeHook(
      group,
      instance,
      view,
      joinFailure,
      `${instance.id} did not join within ${joinTimeout} s`,
      true,
    );
  const { autoScalingGroup } = lifecycle;
  return [
    {
      kind: 'keep-alive',
      group,
      instance: instance.id,
      autoScalingGroup,
      hook: hookNames.launch,
      reason: `${instance.id} is still joining, ${Math.round(age)} of ${joinTimeout} s`,
    },
  ];
}

/**
 * A primary that the launch hook holds, as one that was tagged while it came up, or is back from standby: it has the files. Until it is the one
 * primary for good, it is held and never given up: what is abandoned there is terminated.
 */
export function holdPrimary(
  group: string,
  instance: ObservedInstance,
  { current, tied }: Primaries,
  view: View,
): readonly MembershipAction[] {
  const lifecycle = view.observed.lifecycles.get(instance.id);
  if (lifecycle?.state !== 'Pending:Wait') return [];
  const { id } = instance;
  if (tied.length === 0 && current?.id === id && isEstablished(instance))
    return completeHook(group, instance, view, 'CONTINUE', `${id} is the primary`);
  const { autoScalingGroup } = lifecycle;
  return [
    {
      kind: 'keep-alive',
      group,
      instance: id,
      autoScalingGroup,
      hook: hookNames.launch,
      reason: `${id} is held until it is the primary of the group "${group}"`,
    },
  ];
}

/**
 * Keeps a host from being terminated by Auto Scaling while it holds what nobody else has: each look starts the hook's time-out anew, and the group is
 * looked at with every tick until it is done with. Auto Scaling ends that after 48 hours, or a hundred time-outs.
 */
export function holdTermination(
  group: string,
  { id, state }: ObservedInstance,
  view: View,
  why: string,
): readonly MembershipAction[] {
  const lifecycle = view.observed.lifecycles.get(id);
  if (lifecycle === undefined || state !== 'running' || !waitingHooks(lifecycle).includes('terminate'))
    return [];
  const { autoScalingGroup } = lifecycle;
  return [
    {
      kind: 'keep-alive',
      group,
      instance: id,
      autoScalingGroup,
      hook: hookNames.terminate,
      reason: `the termination of ${id} waits: ${why}`,
    },
  ];
}

/** A primary that Auto Scaling takes away is held until another host has its role and its files; with no other host there is nothing to wait for. */
export function holdLeavingPrimary(
  group: string,
  instance: ObservedInstance,
  others: readonly ObservedInstance[],
  view: View,
): readonly MembershipAction[] {
  const { lifecycles } = view.observed;
  const heir = others.some(({ id, state }) => {
    const lifecycle = lifecycles.get(id);
    return state === 'running' && !isLeaving(lifecycle) && !isWarm(lifecycle);
  });
  return heir
    ? holdTermination(group, instance, view, 'it is the primary, and hands over to another host')
    : [];
}

/** A former primary that was retained, and has given all that it held: its time in the Auto Scaling group is over. */
export function releaseRetained(
  group: string,
  { id, tags }: ObservedInstance,
  view: View,
): readonly MembershipAction[] {
  const lifecycle = view.observed.lifecycles.get(id);
  const isRescued = tags[tagKeys.state] === 'joining' && tags[tagKeys.gathered] !== undefined;
  if (lifecycle?.state !== 'Terminating:Retained' || !isRescued) return [];
  const reason = `${id} was retained, and the primary has what only it held: Auto Scaling may terminate it`;
  return [{ kind: 'release', group, instance: id, autoScalingGroup: lifecycle.autoScalingGroup, reason }];
}

/** Lets Auto Scaling go on with an instance, where a hook of ours holds it. */
export function completeHook(
  group: string,
  { id }: ObservedInstance,
  { observed }: View,
  result: 'CONTINUE' | 'ABANDON',
  reason: string,
  failed = false,
): readonly MembershipAction[] {
  const lifecycle = observed.lifecycles.get(id);
  if (lifecycle === undefined) return [];
  const { autoScalingGroup } = lifecycle;
  return waitingHooks(lifecycle).map((each) => {
    const hook = hookNames[each];
    return { kind: 'complete-hook', group, instance: id, autoScalingGroup, hook, result, failed, reason };
  });
}

/**
 * Since when a newcomer may be held, in milliseconds since 1970: since its launch, or since it was first seen, if that was so long after that
 * it was no launch. `AttachInstances` and `ExitStandby` go through the launch hook with an instance that may have run for months, and
 * what is abandoned there is terminated.
 */
function heldSince(instance: ObservedInstance, view: View): number {
  const { now } = view;
  const { launchedAt = now } = instance;
  const noted = joinIncidentOf(instance);
  if (noted !== undefined && isLate(noted.since, launchedAt, view)) return noted.since;
  return isLate(now, launchedAt, view) && isNew(instance) ? now : launchedAt;
}

/** Notes when an instance that was launched long ago came to the launch hook; no event says so. */
export function lateArrival(
  group: string,
  instance: ObservedInstance,
  view: View,
): readonly MembershipAction[] {
  const { now, observed, settings } = view;
  const { id, launchedAt = now } = instance;
  const isHeld = waitingHooks(observed.lifecycles.get(id)).includes('launch');
  if (!isHeld || !isLate(now, launchedAt, view) || !isNew(instance)) return [];
  const message = `it was attached, or is back from standby; it has ${settings.joinTimeout} s to join`;
  const incident = { code: 'join-failed', since: now, notifications: 0 };
  return [
    {
      kind: 'report-failure',
      group,
      instance: id,
      incident,
      rescuedBy: undefined,
      message,
      notice: undefined,
      reason: `${id} comes into service long after its launch: ${message}`,
    },
  ];
}

function isLate(at: number, launchedAt: number, { settings }: View): boolean {
  return at - launchedAt > settings.joinTimeout * 1000;
}

/** hostsync has done nothing with it yet. */
function isNew(instance: ObservedInstance): boolean {
  const { tags } = instance;
  return (
    tags[tagKeys.state] === undefined &&
    tags[tagKeys.task] === undefined &&
    joinIncidentOf(instance) === undefined
  );
}

function joinIncidentOf({ tags }: ObservedInstance): Incident | undefined {
  const [entry] = parseIncidents(tags[tagKeys.incident]);
  return entry?.[1];
}
