import { isRaised } from '../incidents/incident.ts';
import { parseIncidents } from '../model/incident.ts';
import { isLeaving } from '../model/lifecycle.ts';
import type { ObservedInstance, ObservedReachability, PromotionObservation } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';

/** How a primary is. */
export type Health =
  | { readonly kind: 'well' }
  /** It is certain that it serves no more. */
  | { readonly kind: 'gone'; readonly why: string }
  /** It is alive, and is to be replaced: everything it has can be had first. */
  | { readonly kind: 'leaving'; readonly why: string; readonly target: string; readonly byOperator: boolean }
  /** Something points to its death, which proves nothing. */
  | { readonly kind: 'suspected'; readonly signs: readonly string[] };

const ending: ReadonlySet<string> = new Set(['stopping', 'stopped', 'shutting-down']);

/** What EC2, Auto Scaling, SSM, the tags and the last pushes say about a primary that is there. */
export function assessPrimary(primary: ObservedInstance, observed: PromotionObservation): Health {
  const { id, state, tags } = primary;
  if (ending.has(state)) return { kind: 'gone', why: `EC2 has ${id} ${state}` };
  const agent = observed.agents.find((each) => each.id === id);
  // Without its agent nothing can be handed over; whether it is dead is to be found out
  const reachable = state !== 'running' || agent?.online === true;
  const leaving = reachable ? leavingReason(primary, observed) : undefined;
  if (leaving !== undefined) return leaving;
  const status = observed.statuses.find((each) => each.id === id);
  // It was just started: neither its agent nor the checks can be expected yet
  if (state !== 'running' || status?.initializing === true) return { kind: 'well' };
  const pushes = parseIncidents(tags[tagKeys.groupIncident]).some(
    ([, incident]) => incident.code === 'push-failed' && isRaised(incident),
  );
  const signs = [
    ...(status !== undefined && !status.ok ? [`EC2 status checks: ${status.detail}`] : []),
    ...(agent?.online === true ? [] : ['its SSM agent is not online']),
    ...(pushes ? ['its pushes do not come to an end'] : []),
  ];
  return signs.length === 0 ? { kind: 'well' } : { kind: 'suspected', signs };
}

/** Who wants it replaced while it lives: its operator, or Auto Scaling. */
function leavingReason(
  { id, tags }: ObservedInstance,
  { lifecycles }: PromotionObservation,
): Extract<Health, { kind: 'leaving' }> | undefined {
  const request = tags[tagKeys.switchover];
  if (request !== undefined) {
    const [target = 'any', ...reason] = request.trim().split(/\s+/u);
    const why = reason.length === 0 ? `the tag ${tagKeys.switchover} asks for it` : reason.join(' ');
    return { kind: 'leaving', why, target: target || 'any', byOperator: reason.length === 0 };
  }
  const lifecycle = lifecycles.get(id);
  if (!isLeaving(lifecycle)) return undefined;
  const why = `Auto Scaling has it ${lifecycle?.state}`;
  return { kind: 'leaving', why, target: 'any', byOperator: false };
}

/** What one closer look at a suspected primary gives. */
export interface ProbeVerdict {
  /** `unknown`: nobody saw it, and too few could have. That neither counts nor takes back what was found before. */
  readonly verdict: 'dead' | 'alive' | 'unknown';
  /** What was seen by whom. */
  readonly seen: readonly string[];
}

/**
 * A suspicion is confirmed only when all that look independently of one another see nothing of it: EC2's status checks,
 * the channel of SSM, and every secondary that answered, two at least unless there is only one that could.
 *
 * @param witnesses how many secondaries could have answered
 */
export function probeVerdict(
  { id }: ObservedInstance,
  { statuses }: PromotionObservation,
  reachability: readonly ObservedReachability[],
  witnesses: number,
): ProbeVerdict {
  const status = statuses.find((each) => each.id === id);
  const connections = reachability.flatMap(({ connection }) => connection ?? []);
  const probes = reachability.flatMap((each) => each.probes);
  const seen = [
    `EC2 status checks: ${status?.detail ?? 'not shown'}`,
    ...connections.map(
      (connection) =>
        `SSM channel: ${typeof connection === 'string' ? connection : `unknown (${connection.unknown})`}`,
    ),
    ...probes.map(
      ({ by, reached, message }) => `${by}: ${reached ? 'reached it' : `did not reach it: ${message}`}`,
    ),
  ];
  if (status?.ok === true || connections.includes('connected') || probes.some(({ reached }) => reached))
    return { verdict: 'alive', seen };
  const verdict = probes.length >= Math.max(1, Math.min(2, witnesses)) ? 'dead' : 'unknown';
  return { verdict, seen };
}

/** EC2's own checks fail: whatever SSM's last ping says, nothing is to be expected from it. */
export function isFailing(id: string, { statuses }: PromotionObservation): boolean {
  const status = statuses.find((each) => each.id === id);
  return status?.ok === false && status.initializing !== true;
}
