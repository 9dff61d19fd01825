import { isRaised } from '../incidents/incident.ts';
import { type Incident, parseIncidents } from '../model/incident.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { plainText } from '../model/plain-text.ts';
import { isDeposed, isEstablished } from '../model/primary.ts';
import type { SecondaryLine } from '../model/script-line.ts';
import type { Secondary } from '../model/secondaries.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTask, type Task } from '../model/task.ts';
import { parseTime, secondsBetween } from '../model/time.ts';
import { promotionBlocker } from '../succession/promotion-blocker.ts';
import { lastSignOfLife } from '../succession/sign-of-life.ts';
import type { OverviewView } from './group-observation.ts';
import type { HostOverview, HostRole, HostState } from './overview.ts';
import { lagWhileWatched } from './watch-view.ts';

/** All hosts of a group: the primary first, then those of EC2 by zone and id, then the external ones. */
export function overviewHosts(view: OverviewView): readonly HostOverview[] {
  const { members, configuration, primaries } = view;
  const known = members.map((member) => overviewMember(view, member));
  const external = (configuration?.secondaries ?? []).filter(({ kind }) => kind !== 'instance');
  const outside = new Map(parseIncidents(primaries.current?.tags[tagKeys.outside]));
  return [
    ...known.toSorted(byPlace),
    ...external.map((each) => overviewExternal(view, each, outside.get(each.id))),
  ];
}

function byPlace(one: HostOverview, other: HostOverview): number {
  const rank = ({ role, zone = '~', id }: HostOverview) => `${role === 'primary' ? 0 : 1} ${zone} ${id}`;
  return rank(one) < rank(other) ? -1 : 1;
}

function overviewMember(view: OverviewView, member: ObservedInstance): HostOverview {
  const { id, tags, zone, address, ipv6Address } = member;
  const role = roleOf(view, member);
  const task = parseTask(tags[tagKeys.task]);
  const words = saidByTask(view, task) ?? saidByPush(view, id);
  const noted = (key: string) => raisedIncident(parseIncidents(tags[key])[0]?.[1], words);
  const pushIncident = noted(tagKeys.incident);
  const incident = pushIncident ?? noted(tagKeys.joinIncident);
  const syncedAt = parseTime(tags[tagKeys.syncedAt]);
  const isMeasured = syncedAt > 0 && role !== 'primary';
  const itsAddress = address ?? ipv6Address;
  const leftOut = leftOutOf(view, id);
  const promote = promotionOf(view, member, role);
  return {
    id,
    role,
    state: stateOf(view, member, role, pushIncident),
    agent: agentOf(view, id),
    ...(tags['Name'] !== undefined && tags['Name'] !== '' && { name: tags['Name'] }),
    ...(zone !== undefined && { zone }),
    ...(itsAddress !== undefined && { address: itsAddress }),
    ...(syncedAt > 0 && { syncedAt }),
    ...(isMeasured && {
      secondsBehind: lagWhileWatched(view.watch, id, secondsBetween(syncedAt, view.now)),
    }),
    ...(incident !== undefined && { incident }),
    ...(task !== undefined && { task: { step: task.step, since: task.requestedAt } }),
    ...(leftOut !== undefined && { leftOut }),
    ...(promote !== undefined && { promote }),
  };
}

function roleOf({ primaries }: OverviewView, member: ObservedInstance): HostRole {
  const { tags, id } = member;
  const carriers = [primaries.current, ...primaries.tied];
  if (carriers.some((each) => each?.id === id)) return 'primary';
  if (tags[tagKeys.primary] !== undefined || tags[tagKeys.state] === 'quarantined' || isDeposed(member))
    return 'former';
  return tags[tagKeys.state] === 'in-sync' || tags[tagKeys.state] === 'behind' ? 'secondary' : 'newcomer';
}

function stateOf(
  view: OverviewView,
  member: ObservedInstance,
  role: HostRole,
  incident: HostOverview['incident'],
): HostState {
  const { state, tags } = member;
  if (state !== 'running') return 'stopped';
  if (parseTask(tags[tagKeys.task])?.step === 'promote') return 'being-promoted';
  switch (role) {
    case 'primary':
      if (view.primaries.current === undefined) return 'unknown';
      return isEstablished(member) ? 'takes-writes' : 'being-promoted';
    case 'former':
      return 'quarantined';
    case 'newcomer':
      return tags[tagKeys.state] === 'joining' ? 'joining' : 'waiting';
    case 'secondary':
    case 'external':
      return stateOfSecondary(view, tags, incident);
  }
}

function stateOfSecondary(
  { settings, now }: OverviewView,
  tags: ObservedInstance['tags'],
  incident: HostOverview['incident'],
): HostState {
  if (incident !== undefined || tags[tagKeys.state] === 'behind') return 'behind';
  const syncedAt = parseTime(tags[tagKeys.syncedAt]);
  // The table was lost, and no push has come since
  if (syncedAt === 0) return 'unknown';
  return secondsBetween(syncedAt, now) > settings.behindAfter ? 'behind' : 'in-sync';
}

function raisedIncident(incident: Incident | undefined, words: string | undefined): HostOverview['incident'] {
  if (incident === undefined || !isRaised(incident)) return undefined;
  const { code, since, notifications } = incident;
  return {
    code,
    since,
    notified: notifications > 0,
    ...(words !== undefined && { message: plainText(words, longestWords) }),
  };
}

/** Of what a host said, in characters. */
const longestWords = 500;

/** Why the command failed that a host was asked for last. */
function saidByTask({ observed }: OverviewView, task: Task | undefined): string | undefined {
  const command = observed.commands.find((each) => each.command === task?.command);
  if (command?.status !== 'failed') return undefined;
  const line = command.lines.find(({ kind }) => kind === 'error');
  return line?.kind === 'error' ? `${line.error}: ${line.message}` : command.detail;
}

/** Why the newest push that came to a secondary did not arrive in full. */
function saidByPush({ pushes }: OverviewView, id: string): string | undefined {
  const lines = pushes
    .toSorted((one, other) => other.requestedAt - one.requestedAt)
    .flatMap((push) =>
      push.lines.filter((line): line is SecondaryLine => line.kind === 'secondary' && line.id === id),
    );
  const [newest] = lines;
  return newest === undefined || newest.ok ? undefined : newest.message;
}

function agentOf({ observed }: OverviewView, id: string): HostOverview['agent'] {
  const agent = observed.agents.find((each) => each.id === id);
  if (agent === undefined) return 'unknown';
  return agent.online ? 'online' : 'offline';
}

function leftOutOf({ plan }: OverviewView, id: string): HostOverview['leftOut'] {
  const found = plan.find((action) => action.kind === 'leave-out' && action.secondary === id);
  return found?.kind === 'leave-out' ? { code: found.code, reason: found.reason } : undefined;
}

/** Whether it could be the primary if that had to be now: what the service itself would say. */
function promotionOf(
  { observed, settings, primaries, now }: OverviewView,
  member: ObservedInstance,
  role: HostRole,
): HostOverview['promote'] {
  if (role === 'primary') return undefined;
  const livedUntil =
    primaries.current === undefined ? now : lastSignOfLife(primaries.current.id, observed, now);
  const blocker = promotionBlocker(member, observed, settings, livedUntil);
  const preference = (['never', 'prefer'] as const).find((each) => each === member.tags[tagKeys.promote]);
  return {
    ...(blocker !== undefined && { blocker }),
    ...(preference !== undefined && { preference }),
  };
}

/** Of a host that has no tags, the last push tells, and what is remembered beside its primary. */
function overviewExternal(
  view: OverviewView,
  { id }: Secondary,
  remembered: Incident | undefined,
): HostOverview {
  const incident = raisedIncident(remembered, saidByPush(view, id));
  const leftOut = leftOutOf(view, id);
  const syncedAt = lastReceived(view, id);
  const address = view.observed.agents.find((each) => each.id === id)?.address;
  const state = incident !== undefined ? 'behind' : syncedAt === undefined ? 'unknown' : 'in-sync';
  return {
    id,
    role: 'external',
    state,
    agent: agentOf(view, id),
    ...(address !== undefined && { address }),
    ...(syncedAt !== undefined && { syncedAt, secondsBehind: secondsBetween(syncedAt, view.now) }),
    ...(incident !== undefined && { incident }),
    ...(leftOut !== undefined && { leftOut }),
  };
}

function lastReceived({ pushes }: OverviewView, id: string): number | undefined {
  const received = pushes.filter(({ lines }) =>
    lines.some((line): line is SecondaryLine => line.kind === 'secondary' && line.id === id && line.ok),
  );
  return received.length === 0 ? undefined : Math.max(...received.map(({ requestedAt }) => requestedAt));
}
