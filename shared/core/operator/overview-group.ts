import { epochOf } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { overviewAttention, overviewIncidents } from './attention.ts';
import { type GroupObservation, type OverviewView, viewOf } from './group-observation.ts';
import { overviewHosts } from './host-overview.ts';
import type { AttentionItem, GroupOverview, HostOverview, PromotionOverview, Verdict } from './overview.ts';
import { overviewHeldDeletions, overviewPushes } from './push-overview.ts';

/** One group as operators see it, from one observation of it. */
export function overviewGroup(observation: GroupObservation): GroupOverview {
  const view = viewOf(observation);
  const { group, now, pushes, primaries } = view;
  const hosts = overviewHosts(view);
  const held = overviewHeldDeletions(pushes);
  const incidents = overviewIncidents(view, hosts);
  const attention = overviewAttention(view, hosts, incidents, held);
  const verdict = verdictOf(hosts, attention, view);
  const tags = primaries.current?.tags ?? {};
  const paused = tags[tagKeys.paused];
  const switchover = tags[tagKeys.switchover];
  const blocker = blockerOf(view);
  return {
    group,
    at: now,
    epoch: primaries.current === undefined ? 0 : (epochOf(primaries.current) ?? 0),
    ...(primaries.current !== undefined && { primary: primaries.current.id }),
    directories: view.configuration?.directories ?? [],
    ...(paused !== undefined && { paused }),
    ...(switchover !== undefined && { switchover }),
    verdict,
    headline: headlineOf(verdict, hosts, attention, view),
    ...(blocker !== undefined && { pushBlocker: blocker }),
    ...(view.watch.view !== null && { watch: view.watch.view }),
    attention,
    hosts,
    incidents,
    ...(held !== undefined && { heldDeletions: held }),
    pushes: overviewPushes(pushes),
    promotions: promotionsOf(view),
  };
}

function blockerOf({ plan }: OverviewView): GroupOverview['pushBlocker'] {
  const found = plan.find((action) => action.kind === 'no-push');
  return found?.kind === 'no-push' ? { code: found.code, reason: found.reason } : undefined;
}

function promotionsOf({ group, observed }: OverviewView): readonly PromotionOverview[] {
  const claims = observed.registers.get(group)?.claims ?? [];
  return claims
    .map(({ epoch, holder, from, kind, why, at }) => ({
      epoch,
      to: holder,
      kind,
      why,
      at,
      ...(from !== undefined && { from }),
    }))
    .reverse();
}

/** Those that count: what EC2 does not run is pushed to when it runs. */
function followers(hosts: readonly HostOverview[]): readonly HostOverview[] {
  return hosts.filter(({ role, state }) => role !== 'primary' && state !== 'stopped');
}

function verdictOf(
  hosts: readonly HostOverview[],
  attention: readonly AttentionItem[],
  view: OverviewView,
): Verdict {
  if (attention.some(({ level }) => level !== 'warning')) return 'attention';
  const settled = followers(hosts).every(({ state }) => state === 'in-sync');
  const pushes = !view.plan.some((action) => action.kind === 'no-push' && action.code !== 'no-secondaries');
  return settled && pushes && attention.length === 0 ? 'in-sync' : 'behind';
}

/** The verdict in one sentence. */
function headlineOf(
  verdict: Verdict,
  hosts: readonly HostOverview[],
  attention: readonly AttentionItem[],
  view: OverviewView,
): string {
  const others = followers(hosts);
  const all = others.length;
  if (verdict === 'in-sync') return wellLine(all);
  const late = others.filter(({ state }) => state !== 'in-sync').length;
  const are = late === 1 ? 'is' : 'are';
  const [worst] = attention;
  if (verdict === 'attention') {
    const isSecondary = worst?.host !== undefined && worst.host !== view.primaries.current?.id;
    return isSecondary && late > 0 ? `${late} of ${all} secondaries ${are} behind` : (worst?.what ?? '');
  }
  if (late > 0 && worst?.code !== 'paused' && worst?.code !== 'observed')
    return `${late} of ${all} ${all === 1 ? 'host' : 'hosts'} ${are} not in sync yet`;
  return worst?.what ?? 'The next push is not possible yet';
}

function wellLine(all: number): string {
  if (all === 0) return 'The group has no secondaries';
  return all === 1 ? 'The secondary is in sync' : `All ${all} secondaries are in sync`;
}
