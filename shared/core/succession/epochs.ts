import type { Claim, ObservedInstance, PromotionObservation } from '../model/observation.ts';
import { epochOf } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTask } from '../model/task.ts';
import type { GroupView } from './group-view.ts';
import { assessPrimary } from './primary-health.ts';
import type { PromotionAction } from './promotion-action.ts';
import { promotionBlocker } from './promotion-blocker.ts';
import { lastSignOfLife } from './sign-of-life.ts';

/** Milliseconds after which a claim that nobody began is not begun any more: what was seen then proves nothing now. */
const abandonedAfter = 60_000;

/** What was asked before the epoch began was asked in the name of an earlier one. */
export function hostsFollowNewer(view: GroupView, epoch: number): boolean {
  const refused = refusedAt(view.members, view.observed);
  const claims = view.register?.claims ?? [];
  const newest = claims.at(-1);
  if (refused === 0 || newest === undefined) return false;
  return newest.epoch > epoch || refused > newest.at;
}

export function renewEpoch(
  view: GroupView,
  current: ObservedInstance,
  why: string,
): readonly PromotionAction[] {
  if (view.register === undefined) return [];
  const epoch = nextEpoch(view, epochOf(current) ?? 0);
  return [claimEpoch(view, { kind: 'adopted', holder: current.id, why, epoch })];
}

/** Nobody remembers who claimed the epoch of the primary: the table was lost, or is that of an earlier day. */
export function isForgotten(view: GroupView, epoch: number): boolean {
  return view.register !== undefined && (view.register.claims.at(-1)?.epoch ?? 0) < epoch;
}

/** Somebody claimed an epoch for another host and died before anything came of it. */
export function isAbandoned(view: GroupView, current: ObservedInstance): boolean {
  return (view.register?.claims.at(-1)?.epoch ?? 0) > (epochOf(current) ?? 0);
}

/** Where claims may be forgotten, or hosts follow one that is, the time of day is beyond all that were made by counting. */
export function nextEpoch(view: GroupView, epoch: number): number {
  const claimed = Math.max(0, ...(view.register?.claims.map((claim) => claim.epoch) ?? []));
  const forgotten = claimed < epoch || (claimed === epoch && hostsFollowNewer(view, epoch));
  const floor = forgotten ? Math.floor(view.now / 1000) : 0;
  return Math.max(epoch, claimed, floor) + 1;
}

export function claimEpoch(view: GroupView, claim: Omit<Claim, 'at'>): PromotionAction {
  const { holder, epoch, why } = claim;
  return {
    kind: 'claim',
    group: view.group,
    claim: { ...claim, at: view.now },
    seen: view.register?.head,
    reason: `${holder} is to be the primary of epoch ${epoch}: ${why}`,
  };
}

/** The newest claim, if it is above this epoch and its holder can still be what it was chosen for. */
export function unfinishedClaim(
  view: GroupView,
  epoch: number,
): readonly [ObservedInstance, Claim] | undefined {
  const claim = view.register?.claims.at(-1);
  if (claim === undefined || claim.epoch <= epoch) return undefined;
  const holder = view.members.find(({ id }) => id === claim.holder);
  if (holder === undefined) return undefined;
  const task = parseTask(holder.tags[tagKeys.task]);
  const { observed, settings, now } = view;
  const online = observed.agents.find((agent) => agent.id === holder.id)?.online === true;
  const isPrimary = holder.tags[tagKeys.primary] !== undefined;
  const begun = (task?.step === 'promote' || isPrimary) && holder.state === 'running' && online;
  if (begun) return [holder, claim];
  // A host that was chosen and is dead or behind by now is chosen no more; nor is one whose turn never came
  if (now - claim.at > abandonedAfter || mayNotBegin(view, claim)) return undefined;
  const livedUntil = lastSignOfLife(claim.from ?? '', observed, now);
  if (promotionBlocker(holder, observed, settings, livedUntil) !== undefined) return undefined;
  return [holder, claim];
}

/** What keeps a claim from being made keeps one that was made from being begun. */
function mayNotBegin(view: GroupView, { kind, from }: Claim): boolean {
  const before = view.members.find(({ id }) => id === from);
  const isNeeded =
    kind !== 'failover' ||
    before?.tags[tagKeys.primary] === undefined ||
    assessPrimary(before, view.observed).kind !== 'well';
  if (!isNeeded) return true;
  const configuration = view.register?.configuration?.tags;
  const paused = view.members.some(
    ({ tags }) => tags[tagKeys.primary] !== undefined && tags[tagKeys.paused] !== undefined,
  );
  if (paused || configuration?.[tagKeys.paused] !== undefined) return kind !== 'adopted' && kind !== 'first';
  return kind === 'failover' && view.settings.failover === 'manual';
}

/** Hosts follow a newer epoch than that of the primary, of a claim that came to nothing or that is forgotten: it takes the next. */
export function followHosts(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  const claimed = view.register?.claims.at(-1)?.epoch ?? 0;
  const why =
    claimed > (epochOf(current) ?? 0)
      ? `the promotion to epoch ${claimed} was given up, and hosts follow it`
      : 'hosts follow a newer epoch, which nobody remembers';
  return renewEpoch(view, current, why);
}

/** A claim that nobody began and nobody needs any more is made void by the next epoch, whenever its command may still come. */
export function retireClaim(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  if (current.tags[tagKeys.paused] !== undefined) return [];
  const epoch = view.register?.claims.at(-1)?.epoch;
  return renewEpoch(view, current, `nothing came of the claim on epoch ${epoch}, and ${current.id} lives`);
}

/**
 * When a host was last asked for something that it does not do, for it follows a newer epoch: that of a promotion that was given up
 * halfway. In milliseconds since 1970; 0 for never.
 */
function refusedAt(
  members: readonly ObservedInstance[],
  { commands }: Pick<PromotionObservation, 'commands'>,
): number {
  const tasks = new Map(
    members.flatMap(({ tags }) => {
      const task = parseTask(tags[tagKeys.task]);
      return task === undefined ? [] : [[task.command, task.requestedAt] as const];
    }),
  );
  const refused = commands.filter(({ lines }) =>
    lines.some((line) => line.kind === 'error' && line.error === 'older-epoch'),
  );
  return Math.max(0, ...refused.map(({ command }) => tasks.get(command) ?? 0));
}
