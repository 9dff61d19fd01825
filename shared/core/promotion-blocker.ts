import { isLeaving, isWarm } from './lifecycle.ts';
import type { MembershipObservation, ObservedInstance } from './observation.ts';
import { parsePort, sharesFamily } from './route.ts';
import { tagKeys } from './tag-keys.ts';
import { describeTagProblem } from './tag-problem.ts';
import { parseTime, secondsBetween } from './time.ts';

export interface CandidateSettings {
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
}

/**
 * Why an instance may not become the primary, or nothing. This is the only judge: every path asks it, but that of the
 * user's own hand.
 *
 * @param now milliseconds since 1970
 */
export function promotionBlocker(
  instance: ObservedInstance,
  observed: MembershipObservation,
  { promoteWithin }: CandidateSettings,
  now: number,
): string | undefined {
  const { id, state, address, ipv6Address, tags } = instance;
  if (state !== 'running') return `it is ${state}`;
  if (address === undefined && ipv6Address === undefined) return 'it has no private address';
  const port = parsePort(instance);
  if (!port.ok) return port.problems.map(describeTagProblem).join(' | ');
  const lifecycle = observed.lifecycles.get(id);
  if (isLeaving(lifecycle) || isWarm(lifecycle)) return `Auto Scaling has it ${lifecycle?.state}`;
  if (tags[tagKeys.promote] === 'never') return `its tag ${tagKeys.promote} says never`;
  const its = tags[tagKeys.state];
  if (its !== 'in-sync') return its === undefined ? 'it has not joined' : `its state is ${its}`;
  if (observed.agents.find((agent) => agent.id === id)?.online !== true) return 'its SSM agent is not online';
  const syncedAt = parseTime(tags[tagKeys.syncedAt]);
  if (syncedAt === 0) return 'it is not known when it was in sync';
  const behind = secondsBetween(syncedAt, now);
  if (behind > promoteWithin) return `it is ${behind} s behind, more than ${promoteWithin}`;
  return undefined;
}

/**
 * The instances that may become the primary, the best first: those that the user prefers, then those that reach most of
 * the group, then the newest, then those in the zone where most of the group is, then the lowest id.
 *
 * @param members all that the new primary is to push to
 */
export function rankCandidates(
  candidates: readonly ObservedInstance[],
  members: readonly ObservedInstance[] = candidates,
): readonly ObservedInstance[] {
  const reached = (candidate: ObservedInstance) =>
    members.filter((member) => member.id !== candidate.id && sharesFamily(candidate, member)).length;
  const zones = Map.groupBy(candidates, ({ zone }) => zone ?? '');
  const inZone = ({ zone }: ObservedInstance) => zones.get(zone ?? '')?.length ?? 0;
  const preferred = ({ tags }: ObservedInstance) => (tags[tagKeys.promote] === 'prefer' ? 1 : 0);
  const syncedAt = ({ tags }: ObservedInstance) => parseTime(tags[tagKeys.syncedAt]);
  return [...candidates].sort(
    (a, b) =>
      preferred(b) - preferred(a) ||
      reached(b) - reached(a) ||
      syncedAt(b) - syncedAt(a) ||
      inZone(b) - inZone(a) ||
      (a.id < b.id ? -1 : 1),
  );
}
