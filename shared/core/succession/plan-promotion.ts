import { groupNameProblem } from '../model/group.ts';
import { mirrorDigest, mirroredTags } from '../model/mirror.ts';
import type { Claim, ObservedInstance } from '../model/observation.ts';
import { epochOf, findPrimary, isDeposed, isEstablished, promotedMark } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { completeTags, leftWhenPromoted, notifyUnsent, resumePromotion } from './complete-promotion.ts';
import {
  claimEpoch,
  followHosts,
  hostsFollowNewer,
  isAbandoned,
  isForgotten,
  renewEpoch,
  retireClaim,
  unfinishedClaim,
} from './epochs.ts';
import { demoteFormer } from './former-primary.ts';
import { type GroupView, type PromotionView, setTags, waitFor } from './group-view.ts';
import { planFailover } from './plan-failover.ts';
import { clearSuspicion, planSuspicion } from './plan-suspicion.ts';
import { planHandOver, withdrawSwitchover } from './plan-switchover.ts';
import { assessPrimary } from './primary-health.ts';
import type { PromotionAction } from './promotion-action.ts';
import { assessIncidents } from './promotion-incidents.ts';

/**
 * What is to be done next so that every group has one primary that lives. It is made from what is there, so it can be made
 * again after any interruption, by any number of runs at once: only the claim of an epoch decides between them.
 */
export function planPromotion(view: PromotionView): readonly PromotionAction[] {
  return [...membersByGroup(view.observed.instances)].flatMap(([group, members]) =>
    members.some(({ id }) => groupNameProblem(id, group) !== undefined)
      ? []
      : planGroup({ ...view, group, members, register: view.observed.registers.get(group) }),
  );
}

function planGroup(view: GroupView): readonly PromotionAction[] {
  const { current, superseded, tied } = findPrimary(view.members);
  if (tied.length > 0) return [];
  if (current === undefined) return planWithoutPrimary(view);
  // The user's own hand comes first, whatever else is going on
  if (!isEstablished(current)) return adoptByHand(view, current, superseded);
  const former = [...superseded, ...view.members.filter(isDeposed)];
  return [
    ...notifyUnsent(view, current),
    ...former.flatMap((each) => demoteFormer(view, each, current)),
    ...keepPrimary(view, current),
  ];
}

function keepPrimary(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  const unfinished = unfinishedClaim(view, epochOf(current) ?? 0);
  if (unfinished !== undefined) return resumePromotion(view, ...unfinished);
  const health = assessPrimary(current, view.observed);
  switch (health.kind) {
    case 'well':
      if (hostsFollowNewer(view, epochOf(current) ?? 0)) return followHosts(view, current);
      if (isAbandoned(view, current)) return retireClaim(view, current);
      if (isForgotten(view, epochOf(current) ?? 0))
        return renewEpoch(view, current, "hostsync's memory of the group was lost");
      return lead(view, current);
    case 'suspected':
      return planSuspicion(view, current, health.signs);
    case 'leaving':
      return [
        ...clearSuspicion(view, current),
        ...removeLeftovers(view, current, true),
        ...planHandOver(view, current, health),
      ];
    case 'gone':
      return planFailover(view, current, current.id, epochOf(current) ?? 0, health.why);
  }
}

/** It is well, and nobody asks for another. */
function lead(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  const withdrawing = withdrawSwitchover(view, current);
  return [
    ...clearSuspicion(view, current),
    ...removeLeftovers(view, current, withdrawing.length > 0),
    ...mirrorTags(view, current),
    ...(withdrawing.length > 0 ? withdrawing : assessIncidents(view, [])),
  ];
}

/** The mirror of the tags is read when no primary is left: EC2 drops the tags of what was terminated. */
function mirrorTags(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  const { head } = view.register ?? {};
  const { id } = current;
  const wanted = mirrorDigest(current);
  if (head === undefined || head.configuration === wanted) return [];
  return [
    {
      kind: 'mirror',
      group: view.group,
      primary: id,
      tags: mirroredTags(current),
      digest: wanted,
      reason: `the tags of ${id} have changed: their mirror is written`,
    },
  ];
}

/** What a run that was killed has left: of its time as a secondary, or of a switchover that nobody asks for any more. */
function removeLeftovers(
  view: GroupView,
  { id, tags }: ObservedInstance,
  keepsTask = false,
): readonly PromotionAction[] {
  const left = leftWhenPromoted(tags).filter((key) => !keepsTask || key !== tagKeys.task);
  if (left.length === 0) return [];
  return [setTags(view, [id], {}, left, `${id} is the primary: ${left.join(', ')} is of no use any more`)];
}

function planWithoutPrimary(view: GroupView): readonly PromotionAction[] {
  const register = view.register;
  // It never had one: it is being set up
  if (register?.configuration === undefined) return [];
  const unfinished = unfinishedClaim(view, 0);
  if (unfinished !== undefined) return resumePromotion(view, ...unfinished);
  const { tags } = register.configuration;
  const mirrored = Number(tags[tagKeys.primary]) || 0;
  // The mirror may not have been written yet for the last primary
  const last = register.claims.at(-1);
  const newer = last !== undefined && last.epoch > mirrored ? last : undefined;
  const primary =
    newer === undefined || wasNeverPromoted(view, newer) ? register.configuration.primary : newer.holder;
  // It is there, and somebody took a tag away: their next step is not ours to guess
  if (view.observed.instances.some(({ id }) => id === primary)) return [];
  return planFailover(view, undefined, primary, mirrored, `EC2 does not show ${primary} any more`);
}

/** The holder of a claim that is still what it was before. */
function wasNeverPromoted(view: GroupView, { holder, epoch }: Claim): boolean {
  const found = view.members.find(({ id }) => id === holder);
  return found !== undefined && found.tags[tagKeys.promoted] !== promotedMark(holder, epoch);
}

/** A host that carries the tag and was not made the primary by us: a new group, or tags that were moved. */
function adoptByHand(
  view: GroupView,
  current: ObservedInstance,
  superseded: readonly ObservedInstance[],
): readonly PromotionAction[] {
  const register = view.register;
  const epoch = epochOf(current);
  if (register === undefined || epoch === undefined) return [];
  const { id, tags } = current;
  if (current.state !== 'running') return [];
  const last = register.claims.at(-1);
  // An epoch that it holds already and that is still the newest: go on
  if (last?.holder === id && last.epoch >= epoch) return resumePromotion(view, current, last);
  if (
    tags[tagKeys.directories] === undefined &&
    completeTags(view, tags, superseded[0])[tagKeys.directories] === undefined
  )
    return [];
  const online = view.observed.agents.find((agent) => agent.id === id)?.online === true;
  if (!online) return [waitFor(view, `the SSM agent of ${id} is not online yet`)];
  return [claimByHand(view, id, epoch, superseded[0]?.id ?? register.configuration?.primary)];
}

/** @param from who was the primary before, as far as that is known */
function claimByHand(
  view: GroupView,
  holder: string,
  epoch: number,
  from: string | undefined,
): PromotionAction {
  const last = view.register?.claims.at(-1);
  const known = from === holder ? undefined : from;
  const next = Math.max(epoch, (last?.epoch ?? 0) + 1);
  return claimEpoch(view, {
    epoch: next,
    holder,
    ...(known !== undefined && { from: known }),
    ...(last === undefined
      ? { kind: 'first' as const, why: 'the first primary of the group' }
      : { kind: 'adopted' as const, why: `somebody set the tag ${tagKeys.primary} on it` }),
  });
}

function membersByGroup(
  instances: readonly ObservedInstance[],
): ReadonlyMap<string, readonly ObservedInstance[]> {
  const tagged = instances.filter(({ tags }) => tags[tagKeys.group] !== undefined);
  return Map.groupBy(tagged, ({ tags }) => tags[tagKeys.group] ?? '');
}
