import { isRaised } from '../incidents/incident.ts';
import { type Incident, parseIncidents } from '../model/incident.ts';
import { isMember } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { plainText } from '../model/plain-text.ts';
import { isDeposed, isEstablished, type Primaries } from '../model/primary.ts';
import type { SecondaryLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTask } from '../model/task.ts';
import { parseTime, secondsBetween } from '../model/time.ts';
import type { PushAction } from '../push/push-action.ts';
import { promotionBlocker } from '../succession/promotion-blocker.ts';
import { releaseOf } from './host-release.ts';
import type { HostError, HostOverview, HostRole, Level, OverviewInput } from './overview.ts';
import { lagWhileWatched, type Watch, watchOf } from './watch-view.ts';

type LeaveOut = Extract<PushAction, { kind: 'leave-out' }>;

/** Every host of the group: the primary, then the others by name, then those outside EC2. */
export function overviewHosts(
  members: readonly ObservedInstance[],
  { current, superseded }: Primaries,
  input: OverviewInput,
): readonly HostOverview[] {
  const former = new Set([...superseded, ...members.filter(isDeposed)].map(({ id }) => id));
  const isPaused = current?.tags[tagKeys.paused] !== undefined;
  const watch = watchOf(input.pushes, current?.id);
  const rows = members.map((member) => {
    const role = roleOf(member, current, former);
    return overviewHost(member, { role, isPaused, watch }, input);
  });
  return [...rows.sort(byRoleAndName), ...externalHosts(current, input)];
}

function roleOf(
  member: ObservedInstance,
  current: ObservedInstance | undefined,
  former: ReadonlySet<string>,
): HostRole {
  if (member.id === current?.id) return 'primary';
  if (former.has(member.id) || member.tags[tagKeys.state] === 'quarantined') return 'former';
  return isMember(member) ? 'secondary' : 'newcomer';
}

const order: readonly HostRole[] = ['primary', 'secondary', 'newcomer', 'former', 'external'];

function byRoleAndName(a: HostOverview, b: HostOverview): number {
  const text = ({ name, id }: HostOverview): string => `${name ?? ''} ${id}`;
  return (
    order.indexOf(a.role) - order.indexOf(b.role) || text(a).localeCompare(text(b), 'en', { numeric: true })
  );
}

interface HostPlace {
  readonly role: HostRole;
  readonly isPaused: boolean;
  readonly watch: Watch;
}

function overviewHost(
  member: ObservedInstance,
  { role, isPaused, watch }: HostPlace,
  input: OverviewInput,
): HostOverview {
  const { observed, now, settings } = input;
  const { id, tags, zone } = member;
  const raised = raisedOf(parseIncidents(tags[tagKeys.incident])[0]?.[1]);
  const synced = parseTime(tags[tagKeys.syncedAt]);
  const isPrimary = role === 'primary';
  const isMeasured = !isPrimary && synced !== 0;
  const secondsBehind = isMeasured ? lagWhileWatched(watch, id, secondsBetween(synced, now)) : null;
  const task = parseTask(tags[tagKeys.task]) ?? null;
  const blocker = isPrimary ? undefined : promotionBlocker(member, observed, settings, now);
  const agent = observed.agents.find((each) => each.id === id);
  const leftOut = leaveOutOf(id, input);
  const facts = { role, raised, secondsBehind, leftOut, isPaused, settings, isOnline: agent?.online };
  return {
    id,
    name: tags['Name'] ?? null,
    zone: zone ?? null,
    role,
    ...stateOf(member, facts),
    secondsBehind,
    syncedAt: isMeasured ? synced : null,
    error: errorOf(id, raised, input) ?? leaveOutError(leftOut, now),
    task: task && { step: task.step, pass: task.pass, requestedAt: task.requestedAt },
    lifecycle: observed.lifecycles.get(id)?.state ?? null,
    agent: agentOf(agent?.online),
    release: releaseOf(id, input),
    promotionBlocker: blocker ?? null,
  };
}

function agentOf(isOnline: boolean | undefined): HostOverview['agent'] {
  if (isOnline === undefined) return 'unknown';
  return isOnline ? 'online' : 'offline';
}

function raisedOf(incident: Incident | undefined): Incident | undefined {
  return incident !== undefined && isRaised(incident) ? incident : undefined;
}

interface HostFacts {
  readonly role: HostRole;
  readonly raised: Incident | undefined;
  readonly secondsBehind: number | null;
  readonly leftOut: LeaveOut | undefined;
  readonly isPaused: boolean;
  readonly settings: OverviewInput['settings'];
  readonly isOnline: boolean | undefined;
}

type State = Pick<HostOverview, 'state' | 'level'>;

const beingPromoted: State = { state: 'being promoted', level: 'behind' };

/** One predicate after the other, the worst first. */
function stateOf(member: ObservedInstance, facts: HostFacts): State {
  const { role, raised, secondsBehind, leftOut, isPaused, settings } = facts;
  const { state, tags } = member;
  if (state !== 'running') return { state, level: role === 'primary' ? 'attention' : 'behind' };
  if (role === 'primary') return stateOfPrimary(member, facts);
  if (parseTask(tags[tagKeys.task])?.step === 'promote') return beingPromoted;
  const its = tags[tagKeys.state];
  if (raised !== undefined) return { state: its ?? 'cannot join', level: levelOf(raised) };
  if (leftOut?.severity === 'error') return { state: 'left out', level: 'attention' };
  if (role === 'former') return { state: its ?? 'to be set apart', level: 'behind' };
  if (its === undefined) return { state: 'new', level: 'behind' };
  if (its !== 'in-sync') return { state: its, level: 'behind' };
  return ofTime(secondsBehind, isPaused, settings.behindAfter);
}

function stateOfPrimary(primary: ObservedInstance, { isOnline, isPaused }: HostFacts): State {
  if (isOnline !== true) return { state: 'agent offline', level: 'attention' };
  if (!isEstablished(primary)) return beingPromoted;
  return { state: isPaused ? 'paused' : 'takes writes', level: 'in-sync' };
}

/** It is recorded as in sync: does the time of its last push say so, too? */
function ofTime(secondsBehind: number | null, isPaused: boolean, behindAfter: number): State {
  if (secondsBehind === null) return { state: 'unknown', level: 'behind' };
  if (secondsBehind <= behindAfter) return { state: 'in sync', level: 'in-sync' };
  return isPaused ? { state: 'behind', level: 'behind' } : { state: 'behind', level: 'attention' };
}

/** An incident of which nobody was notified yet may be over before the next push. */
function levelOf({ notifications }: Incident): Level {
  return notifications > 0 ? 'attention' : 'behind';
}

/** What the command said that a host was last asked for, as a join. */
function commandMessage(id: string, { observed }: OverviewInput): string | undefined {
  const lines = observed.commands.flatMap((each) => (each.instance === id ? each.lines : []));
  return lines.find((line) => line.kind === 'error')?.message;
}

/** Why the tick leaves it out, where that is not among the states that a host passes through. */
function leaveOutOf(id: string, { plan }: OverviewInput): LeaveOut | undefined {
  return plan.find((action): action is LeaveOut => action.kind === 'leave-out' && action.secondary === id);
}

/** Of what a host said, in characters. */
const longestWords = 500;

function errorOf(id: string, incident: Incident | undefined, input: OverviewInput): HostError | null {
  if (incident === undefined) return null;
  const lines = input.pushes.flatMap(({ lines: its, requestedAt }) =>
    its.flatMap((line) => (line.kind === 'secondary' && line.id === id ? [{ line, requestedAt }] : [])),
  );
  const newest = lines.sort((a, b) => b.requestedAt - a.requestedAt)[0]?.line;
  const words = messageOf(newest) ?? commandMessage(id, input);
  const message = words === undefined ? undefined : plainText(words, longestWords);
  return { code: incident.code, message, since: incident.since };
}

function messageOf(line: SecondaryLine | undefined): string | undefined {
  return line === undefined || line.ok ? undefined : line.message;
}

function leaveOutError(leftOut: LeaveOut | undefined, now: number): HostError | null {
  if (leftOut?.severity !== 'error') return null;
  return { code: leftOut.code, message: leftOut.reason, since: now };
}

/** The hosts of the list that EC2 does not know: all that is known of them is what the last pushes said. */
function externalHosts(current: ObservedInstance | undefined, input: OverviewInput): readonly HostOverview[] {
  const incidents = new Map(parseIncidents(current?.tags[tagKeys.outside]));
  return listedExternal(input).map((id) => {
    const raised = raisedOf(incidents.get(id));
    const leftOut = leaveOutOf(id, input);
    const syncedAt = lastReceived(input, id);
    const isLeftOut = leftOut?.severity === 'error';
    const level = raised === undefined ? (isLeftOut ? 'attention' : 'in-sync') : levelOf(raised);
    return {
      id,
      name: null,
      zone: null,
      role: 'external',
      level,
      state: raised === undefined ? (isLeftOut ? 'left out' : 'in sync') : 'behind',
      secondsBehind: syncedAt === null ? null : secondsBetween(syncedAt, input.now),
      syncedAt,
      task: null,
      lifecycle: null,
      agent: null,
      release: releaseOf(id, input),
      error: errorOf(id, raised, input) ?? leaveOutError(leftOut, input.now),
      promotionBlocker: 'it is no instance of EC2',
    };
  });
}

/** When the last push was requested that it received in full, in milliseconds since 1970; null where none of the last did. */
function lastReceived({ pushes }: OverviewInput, id: string): number | null {
  const received = pushes.filter(({ lines }) =>
    lines.some((line) => line.kind === 'secondary' && line.id === id && line.ok),
  );
  return received.length === 0 ? null : Math.max(...received.map(({ requestedAt }) => requestedAt));
}

/** Of the plan: it names each host of the list once, as a target or as left out. */
function listedExternal({ plan, observed }: OverviewInput): readonly string[] {
  const instances = new Set(observed.instances.map(({ id }) => id));
  const named = plan.flatMap((action) => {
    if (action.kind === 'push') return action.request.secondaries.map(({ id }) => id);
    return action.kind === 'leave-out' ? [action.secondary] : [];
  });
  return [...new Set(named)].filter((id) => !instances.has(id) && !/^i-[0-9a-f]+$/u.test(id)).sort();
}
