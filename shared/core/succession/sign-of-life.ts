import type { MembershipObservation, ObservedStatus } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime } from '../model/time.ts';

/**
 * When a primary was last known to live, in milliseconds since 1970: what it took after that, it cannot have taken for long. How much a
 * failover may lose is measured to this moment, and not to now, or every candidate would be too far behind when nobody was promoted for a while.
 *
 * The signs are what EC2 knows of its end, its agent's last ping, and the pushes that it did, of which the secondaries tell too when its own tags are
 * gone.
 *
 * @param now milliseconds since 1970; the answer where there is no sign at all, or where EC2 finds nothing wrong with it
 */
export function lastSignOfLife(
  primary: string,
  observed: MembershipObservation & { readonly statuses: readonly ObservedStatus[] },
  now: number,
): number {
  const instance = observed.instances.find(({ id }) => id === primary);
  const status = observed.statuses.find(({ id }) => id === primary);
  if (instance?.state === 'running' && status?.ok === true) return now;
  const group = instance?.tags[tagKeys.group];
  const pushes = observed.instances
    .filter(({ id, tags }) => id === primary || group === undefined || tags[tagKeys.group] === group)
    .map(({ tags }) => parseTime(tags[tagKeys.syncedAt]));
  const ping = observed.agents.find(({ id }) => id === primary)?.pingedAt;
  const signs = [ping, instance?.stoppedAt, status?.impairedSince, ...pushes].map((at) => at ?? 0);
  const last = Math.max(0, ...signs);
  return last === 0 ? now : Math.min(last, now);
}
