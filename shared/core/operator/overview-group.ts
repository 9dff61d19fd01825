import { isRaised } from '../incidents/incident.ts';
import { parseConfiguration } from '../model/group.ts';
import { parseIncidents } from '../model/incident.ts';
import { notedIntentions } from '../model/intention.ts';
import { isObserved } from '../model/mode.ts';
import type { ObservedInstance, ObservedPush } from '../model/observation.ts';
import { visible } from '../model/plain-text.ts';
import { epochOf, findPrimary } from '../model/primary.ts';
import type { ScriptLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { duration } from '../model/time.ts';
import { didNothing } from '../model/watch-result.ts';
import { groupIncidents } from '../results/group-state.ts';
import { listAttention, type ModeView } from './list-attention.ts';
import {
  type Attention,
  type GroupOverview,
  type HeldDeletions,
  type HostOverview,
  type IncidentOverview,
  type OverviewInput,
  type PromotionOverview,
  worst,
} from './overview.ts';
import { overviewHosts } from './overview-hosts.ts';
import { overviewPushes } from './push-overview.ts';
import { watchOf } from './watch-view.ts';

/** What an operator sees of a group: made from what was observed alone, and the only such model: terminal, scripts and page show the same. */
export function overviewGroup(input: OverviewInput): GroupOverview {
  const { group, observed, settings, now } = input;
  const members = observed.instances.filter(({ tags }) => tags[tagKeys.group] === group);
  const primaries = findPrimary(members);
  const { current } = primaries;
  const configuration = current === undefined ? undefined : parseConfiguration(current);
  const hosts = overviewHosts(members, primaries, input);
  const incidents = incidentsOf(members);
  const held = heldDeletions(input.pushes, incidents);
  const paused = current?.tags[tagKeys.paused] ?? null;
  const mode = modeOf(members, input);
  const attention = listAttention({ ...input, members, primaries, hosts, incidents, held, paused, mode });
  const level = worst([...hosts, ...attention].map((each) => each.level));
  const first = attention.find((each) => each.level === level);
  return {
    group,
    at: now,
    level,
    paused,
    observed: mode.isObserved,
    intentions: mode.intentions,
    hosts,
    held,
    incidents,
    attention,
    verdict: verdictOf(hosts, first, held, paused, mode),
    primary: current?.id ?? null,
    epoch: current === undefined ? null : (epochOf(current) ?? null),
    failover: settings.failover,
    watch: watchOf(input.pushes, current?.id).view,
    directories: configuration?.ok === true ? configuration.value.directories : [],
    pushes: overviewPushes(input.pushes),
    promotions: promotionsOf(input),
  };
}

function promotionsOf({ group, observed }: OverviewInput): readonly PromotionOverview[] {
  const claims = observed.registers.get(group)?.claims ?? [];
  return claims
    .map(({ epoch, holder, from = null, kind, why, at }) => ({ epoch, to: holder, from, kind, why, at }))
    .reverse();
}

function modeOf(members: readonly ObservedInstance[], { group, observed }: OverviewInput): ModeView {
  return isObserved(members, observed.registers.get(group))
    ? { isObserved: true, intentions: notedIntentions(members) }
    : { isObserved: false, intentions: [] };
}

/** The incidents that hold, the oldest first, whether people were notified of them or not. */
function incidentsOf(members: readonly ObservedInstance[]): readonly IncidentOverview[] {
  const promotion = new Map(
    members.flatMap(({ tags }) =>
      parseIncidents(tags[tagKeys.promotionIncident]).map(([, each]) => [each.code, each]),
    ),
  );
  const ofGroup = [...groupIncidents(members).values(), ...promotion.values()];
  const ofHosts = members.flatMap(({ id, tags }) => [
    ...[tagKeys.incident, tagKeys.joinIncident].flatMap((key) =>
      parseIncidents(tags[key]).map(([, incident]) => ({ host: id, incident })),
    ),
    ...parseIncidents(tags[tagKeys.outside]).map(([host, incident]) => ({ host, incident })),
  ]);
  return [...ofGroup.map((incident) => ({ host: null, incident })), ...ofHosts]
    .filter(({ incident }) => isRaised(incident))
    .map(({ host, incident: { code, since, notifications } }) => ({
      code,
      host,
      since,
      notified: notifications > 0,
    }))
    .sort((a, b) => a.since - b.since);
}

type HeldLine = Extract<ScriptLine, { kind: 'deletions-held' }>;

/** What the newest push that has ended held, or what is recorded of an earlier one. */
function heldDeletions(
  pushes: readonly ObservedPush[],
  incidents: readonly IncidentOverview[],
): HeldDeletions | null {
  const newest = pushes
    .filter((push) => push.status !== 'under-way' && !didNothing(push))
    .sort((a, b) => b.requestedAt - a.requestedAt)[0];
  const line = newest?.lines.find((each): each is HeldLine => each.kind === 'deletions-held');
  const recorded = incidents.find(({ code }) => code === 'deletions-held');
  if (line === undefined) {
    // A newer push that held nothing, and is not recorded yet, says more
    if (recorded === undefined || newest?.status === 'succeeded') return null;
    const reason = 'the push that held them is not listed any more: push once more to see them';
    return { id: null, count: null, total: null, reason, examples: [], since: recorded.since };
  }
  const { id, count, total, reason, examples } = line;
  return { id, count, total, reason, examples: examples.map(visible), since: recorded?.since ?? null };
}

/** One line on the whole. */
function verdictOf(
  hosts: readonly HostOverview[],
  first: Attention | undefined,
  held: HeldDeletions | null,
  paused: string | null,
  mode: ModeView,
): string {
  const others = hosts.filter(({ role }) => role !== 'primary');
  const late = others.filter(({ level }) => level !== 'in-sync');
  if (!hosts.some(({ role }) => role === 'primary')) return first?.message ?? 'The group has no primary';
  if (mode.isObserved) return 'Only observed: hostsync says what it would do';
  if (held !== null) return held.count === null ? 'Deletions are held' : `${held.count} deletions are held`;
  if (paused !== null) return `Paused: "${paused}"`;
  if (late.length > 0) return lateVerdict(others, late);
  // Its message stands below
  if (first !== undefined) return first.title;
  return wellVerdict(others.length);
}

function wellVerdict(all: number): string {
  if (all === 0) return 'The group has no secondaries';
  return all === 1 ? 'The secondary is in sync' : `All ${all} secondaries are in sync`;
}

function lateVerdict(others: readonly HostOverview[], late: readonly HostOverview[]): string {
  const joining = late.filter(({ role }) => role === 'newcomer');
  const behind = late.length - joining.length;
  const longest = Math.max(0, ...late.map(({ secondsBehind }) => secondsBehind ?? 0));
  const since = longest > 0 ? `, ${duration(longest)} at most` : '';
  const of = `of ${others.length} hosts`;
  if (behind === 0) return `${joining.length} ${of} ${joining.length === 1 ? 'is' : 'are'} joining`;
  return `${behind} ${of} ${behind === 1 ? 'is' : 'are'} behind${since}`;
}
