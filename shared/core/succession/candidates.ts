import { isConfiguration } from '../model/mirror.ts';
import type { ObservedInstance } from '../model/observation.ts';
import type { PromotionCandidate } from '../model/role-event-details.ts';
import { roomProblem } from '../model/room.ts';
import { routeBetween } from '../model/route.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { GroupView } from './group-view.ts';
import { promotionBlocker, rankCandidates } from './promotion-blocker.ts';
import { lastSignOfLife } from './sign-of-life.ts';

/**
 * @param pusher the primary that is to send them its last changes
 * @returns those that may be promoted, the best first, and why the others may not
 */
export function findCandidates(
  view: GroupView,
  from: string,
  pusher?: ObservedInstance,
): readonly [readonly ObservedInstance[], ReadonlyMap<string, string>] {
  const { observed, settings, now } = view;
  // One that pushes lives
  const livedUntil = pusher === undefined ? lastSignOfLife(from, observed, now) : now;
  const blockers = new Map<string, string>();
  const able: ObservedInstance[] = [];
  for (const member of view.members) {
    if (member.id === from) continue;
    const route = pusher === undefined ? undefined : routeBetween(pusher, member);
    const blocker =
      promotionBlocker(member, observed, settings, livedUntil) ??
      (route?.kind === 'no-route' ? route.reason : undefined) ??
      roomProblem(member, keysOfPrimary(view, from));
    if (blocker === undefined) able.push(member);
    else blockers.set(member.id, blocker);
  }
  const others = view.members.filter(({ id, state }) => id !== from && state === 'running');
  return [rankCandidates(able, others), blockers];
}

/** Those that could be promoted, the best first, and those that could not; of each whether it runs at all. */
export function describeCandidates(
  view: GroupView,
  able: readonly ObservedInstance[],
  blockers: ReadonlyMap<string, string>,
): readonly PromotionCandidate[] {
  const states = new Map(view.members.map(({ id, state }) => [id, state]));
  return [...able.map(({ id }) => [id, ''] as const), ...blockers].map(([instance, blocker]) => ({
    instance,
    blocker,
    state: states.get(instance),
  }));
}

/** The tags that make a host the primary after another one. */
function keysOfPrimary(view: GroupView, from: string): readonly string[] {
  const before = view.members.find(({ id }) => id === from);
  const inherited = Object.keys(configurationOf(view, before));
  return [...inherited, tagKeys.primary, tagKeys.promoted, tagKeys.publicKey];
}

/** The tags that a primary takes over: those of the one before it, or their mirror. */
export function configurationOf(
  view: GroupView,
  before: ObservedInstance | undefined,
): Readonly<Record<string, string>> {
  const tags =
    before?.tags[tagKeys.directories] === undefined ? view.register?.configuration?.tags : before.tags;
  return Object.fromEntries(Object.entries(tags ?? {}).filter(([key]) => isConfiguration(key)));
}
