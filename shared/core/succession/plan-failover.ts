import { domainEvent } from '../model/domain-event.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import { configurationOf, describeCandidates, findCandidates } from './candidates.ts';
import { claimEpoch, nextEpoch } from './epochs.ts';
import { askProbers, type GroupView, waitFor } from './group-view.ts';
import type { PromotionAction } from './promotion-action.ts';
import { assessIncidents, raised } from './promotion-incidents.ts';

/** Milliseconds in which a host answers that lives; others are asked then. */
const answersWithin = 10_000;

/** Milliseconds for which one who has answered is taken for alive. */
const justNow = 60_000;

export function planFailover(
  view: GroupView,
  current: ObservedInstance | undefined,
  from: string,
  epoch: number,
  why: string,
): readonly PromotionAction[] {
  if (view.register === undefined) return [];
  const [ranked, blockers] = findCandidates(view, from);
  const held = failoverBlocker(view, current, epoch, ranked.length > 0);
  const living = held === undefined ? claimForLiving(view, ranked, from, why, epoch) : undefined;
  if (living !== undefined) return living;
  const message = held ?? 'none of the secondaries that may be promoted answers';
  const next = nextEpoch(view, epoch);
  const notifications = raised('promotion-blocked', message, (detail, key) =>
    domainEvent('Promotion Blocked', view.group, [from, ...key, message], {
      ...detail,
      primary: from,
      why,
      message,
      epoch: next,
      candidates: describeCandidates(view, ranked, blockers),
      directories: configurationOf(view, current)[tagKeys.directories] ?? '',
    }),
  );
  return assessIncidents(view, [notifications]);
}

/** What keeps everybody from being promoted, or nothing. */
function failoverBlocker(
  view: GroupView,
  current: ObservedInstance | undefined,
  epoch: number,
  hasCandidates: boolean,
): string | undefined {
  const { settings, now } = view;
  const register = view.register;
  const paused = current?.tags[tagKeys.paused] ?? register?.configuration?.tags[tagKeys.paused];
  if (paused !== undefined) return `the group is paused: "${paused}"`;
  if (settings.failover === 'manual') return 'failover is left to a person';
  // A promotion that did not finish does not hold up the next
  const last = register?.claims.findLast(
    (claim) => (claim.kind === 'failover' || claim.kind === 'switchover') && claim.epoch <= epoch,
  );
  if (last !== undefined && secondsBetween(last.at, now) < settings.coolDown)
    return `epoch ${last.epoch} began less than ${settings.coolDown} s ago`;
  return hasCandidates ? undefined : 'no secondary may be promoted';
}

/**
 * SSM's last ping may be five minutes old: who is promoted has just answered.
 *
 * @returns undefined if nobody does
 */
function claimForLiving(
  view: GroupView,
  ranked: readonly ObservedInstance[],
  from: string,
  why: string,
  epoch: number,
): readonly PromotionAction[] | undefined {
  const { observed, now } = view;
  const found = observed.reachability.filter(
    ({ instance, requestedAt }) => instance === from && now - requestedAt < justNow,
  );
  const answered = new Set(found.flatMap((each) => each.answered));
  const asked = new Set(found.flatMap((each) => each.asked));
  const holder = ranked.find(({ id }) => answered.has(id));
  if (holder !== undefined)
    return [
      claimEpoch(view, { kind: 'failover', holder: holder.id, from, why, epoch: nextEpoch(view, epoch) }),
    ];
  if (found.some(({ ended, requestedAt }) => !ended && now - requestedAt < answersWithin))
    return [waitFor(view, `${[...asked].join(', ')} were asked whether they live`)];
  const next = ranked.filter(({ id }) => !asked.has(id)).slice(0, 3);
  if (next.length === 0) return undefined;
  const names = next.map(({ id }) => id);
  return [askProbers(view, from, 'itself', names, `which of ${names.join(', ')} lives? ${why}`)];
}
