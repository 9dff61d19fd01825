import { isRemembered } from '../incidents/incident.ts';
import { groupNameProblem } from '../model/group.ts';
import { parseIncidents } from '../model/incident.ts';
import { mirrorDigest } from '../model/mirror.ts';
import type { Head, ObservedInstance } from '../model/observation.ts';
import { findPrimary, isDeposed } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime } from '../model/time.ts';
import type { PushAction } from './push-action.ts';

/** What a tick knows of a group. */
export interface TickedGroup {
  readonly group: string;
  readonly members: readonly ObservedInstance[];
  /** What was planned for this group. */
  readonly plan: readonly PushAction[];
  /** Undefined if there is none; `unread` if it could not be read, which proves nothing. */
  readonly head: Head | undefined | 'unread';
  /** EC2's checks find it impaired. */
  readonly isImpaired: (instance: string) => boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Milliseconds after which a group is looked at though nothing asks for it: events get lost, and names are moved by others. */
const longestUnseen = 10 * 60_000;
/** Milliseconds that the last push of a secondary may be old: longer than from one tick to the next but one. */
const overdue = 150_000;

/** What was left out of a push and does not change by a look. */
const lasting: ReadonlySet<string> = new Set(['not-running', 'is-primary']);

/** Why a group needs more than a push, or nothing: then the tick is done with it. */
export function needsReconciling(ticked: TickedGroup): string | undefined {
  const { group, members, head, now } = ticked;
  if (group === '') return `${members.map(({ id }) => id).join(', ')} lost ${tagKeys.group}`;
  if (members.some(({ id }) => groupNameProblem(id, group) !== undefined))
    return `"${group}" is no name for a group`;
  return (
    ofMemory(ticked) ??
    ofPlan(ticked) ??
    ofPause(ticked) ??
    ofPrimary(ticked) ??
    ofHosts(ticked) ??
    unseen(head, now)
  );
}

function ofMemory({ members, head, now }: TickedGroup): string | undefined {
  if (head === 'unread') return undefined;
  if (head === undefined) return 'nothing is remembered of it';
  if (head.dueAt !== undefined && head.dueAt <= now) return 'it was not done with';
  const { current } = findPrimary(members);
  if (current !== undefined && head.configuration !== mirrorDigest(current))
    return `the tags of ${current.id} have changed`;
  return undefined;
}

function ofPlan({ plan }: TickedGroup): string | undefined {
  for (const action of plan) {
    if (action.kind === 'no-push' && !['paused', 'no-secondaries'].includes(action.code))
      return action.reason;
    if (action.kind === 'leave-out' && !lasting.has(action.code)) return action.reason;
  }
  return undefined;
}

/** A watch may go on that began before the pause. */
function ofPause({ plan, members, now }: TickedGroup): string | undefined {
  if (!plan.some((action) => action.kind === 'no-push' && action.code === 'paused')) return undefined;
  const { current } = findPrimary(members);
  return parseTime(current?.tags[tagKeys.syncedAt]) > now - overdue
    ? 'it was paused a moment ago'
    : undefined;
}

function ofPrimary({ members, isImpaired }: TickedGroup): string | undefined {
  const { current, superseded } = findPrimary(members);
  const former = superseded[0] ?? members.find(isDeposed);
  if (former !== undefined) return `${former.id} was the primary`;
  if (current === undefined) return undefined;
  if (isImpaired(current.id)) return `EC2's checks find ${current.id} impaired`;
  return current.tags[tagKeys.switchover] && `${current.id} carries ${tagKeys.switchover}`;
}

function ofHosts({ members, plan, head, now }: TickedGroup): string | undefined {
  const paused = plan.some((action) => action.kind === 'no-push' && action.code === 'paused');
  const overdueFrom = paused || head === 'unread' ? 0 : now - overdue;
  for (const member of members) {
    const reason = member.tags[tagKeys.primary] === undefined ? ofHost(member, overdueFrom) : undefined;
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** @param overdueFrom a secondary that was not in sync since then is looked at, in milliseconds since 1970 */
function ofHost({ id, state, tags }: ObservedInstance, overdueFrom: number): string | undefined {
  const its = tags[tagKeys.state];
  if (state !== 'running' && state !== 'pending')
    return its === undefined || its === 'quarantined' ? undefined : `${id} is ${state}`;
  if (its === undefined) return `${id} is new`;
  if (its !== 'in-sync') return `${id} is ${its}`;
  if (parseTime(tags[tagKeys.syncedAt]) >= overdueFrom) return undefined;
  return `${id} was not in sync since ${tags[tagKeys.syncedAt] ?? 'it is remembered'}`;
}

function unseen(head: Head | undefined | 'unread', now: number): string | undefined {
  if (head === undefined || head === 'unread' || now - head.reconciledFrom < longestUnseen) return undefined;
  return `nobody has looked at it since ${new Date(head.reconciledFrom).toISOString()}`;
}

/** What is noted of a host, or its group, while something is under way. */
const underWay = [tagKeys.task, tagKeys.suspected] as const;
/** What is noted while something is wrong. */
const incidentKeys = [
  tagKeys.incident,
  tagKeys.joinIncident,
  tagKeys.groupIncident,
  tagKeys.promotionIncident,
  tagKeys.outside,
] as const;

/** A look that has found this asks for another one, whatever happens: a tick does not see the notes. What is only remembered asks for none. */
export function isUnsettled(members: readonly ObservedInstance[]): boolean {
  return members.some(
    ({ tags }) =>
      underWay.some((key) => tags[key] !== undefined) || incidentKeys.some((key) => isWrong(tags[key])),
  );
}

function isWrong(note: string | undefined): boolean {
  if (note === undefined) return false;
  const incidents = parseIncidents(note);
  return incidents.length === 0 || !incidents.every(([, each]) => isRemembered(each));
}
