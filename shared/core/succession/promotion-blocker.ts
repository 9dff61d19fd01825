import { isLeaving, isWarm } from '../model/lifecycle.ts';
import type { MembershipObservation, ObservedInstance } from '../model/observation.ts';
import { parsePort, sharesFamily } from '../model/route.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem } from '../model/tag-problem.ts';
import { parseTime, secondsBetween } from '../model/time.ts';
import { sharedIncident } from './shared-incident.ts';

export interface CandidateSettings {
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
}

/**
 * Why an instance may not become the primary, or nothing. This is the only judge: every path asks it, but that of the
 * user's own hand.
 *
 * @param livedUntil when the primary was last known to live, in milliseconds since 1970: now, or its last sign of life
 */
export function promotionBlocker(
  instance: ObservedInstance,
  observed: MembershipObservation,
  { promoteWithin }: CandidateSettings,
  livedUntil: number,
): string | undefined {
  const { id, state, address, ipv6Address, tags } = instance;
  if (state !== 'running') return `it is ${state}`;
  if (address === undefined && ipv6Address === undefined) return 'it has no private address';
  const port = parsePort(instance);
  if (!port.ok) return port.problems.map(describeTagProblem).join(' | ');
  const lifecycle = observed.lifecycles.get(id);
  if (isLeaving(lifecycle) || isWarm(lifecycle)) return `Auto Scaling has it ${lifecycle?.state}`;
  if (tags[tagKeys.promote] === 'never') return `its tag ${tagKeys.promote} says never`;
  if (observed.agents.find((agent) => agent.id === id)?.online !== true) return 'its SSM agent is not online';
  return copyBlocker(instance, observed, promoteWithin, livedUntil);
}

/** Why its copy of the files may not be the one that counts, or nothing. */
function copyBlocker(
  instance: ObservedInstance,
  observed: MembershipObservation,
  promoteWithin: number,
  livedUntil: number,
): string | undefined {
  const { tags } = instance;
  const its = tags[tagKeys.state];
  const shared = sharedIncident(instance, groupOf(instance, observed));
  if (its !== 'in-sync' && shared === undefined)
    return its === undefined ? 'it has not joined' : `its state is ${its}`;
  const syncedAt = parseTime(tags[tagKeys.syncedAt]);
  if (syncedAt === 0) return 'it is not known when it was in sync';
  // What could be read arrived; what could not was lost before
  const until = shared?.restArrived === true ? Math.min(shared.since, livedUntil) : livedUntil;
  const behind = secondsBetween(syncedAt, Math.max(syncedAt, until));
  return behind > promoteWithin ? `it is ${behind} s behind, more than ${promoteWithin}` : undefined;
}

function groupOf(
  { tags }: ObservedInstance,
  { instances }: MembershipObservation,
): readonly ObservedInstance[] {
  return instances.filter(
    (each) => each.tags[tagKeys.group] === tags[tagKeys.group] && each.tags[tagKeys.primary] === undefined,
  );
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
