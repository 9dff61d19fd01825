import type { Incident } from '../model/incident.ts';
import { digest } from '../model/task.ts';

/** When incidents become messages, in seconds. The words are Alertmanager's: https://prometheus.io/docs/alerting/latest/configuration/ */
export interface IncidentPolicy {
  /** How long a condition must hold before it is notified: what begins within this time becomes one message. */
  readonly groupWait: number;
  /** Between two messages on one thing: what else begins, or changes, in between waits and becomes one message. 0 switches damping off. */
  readonly groupInterval: number;
  /** Between two messages on an incident that lasts and does not change. */
  readonly remindAfter: number;
}

/** What one observation says about one condition. Times are in milliseconds since 1970. */
export interface Evidence {
  readonly code: string;
  readonly raised: boolean;
  /** When it was observed. */
  readonly at: number;
  /** What is behind it, without what changes from minute to minute: another cause is notified. */
  readonly cause?: string | undefined;
  /** How long the condition must hold before it is notified, in milliseconds; 0 unless given. */
  readonly for?: number | undefined;
  /** What was healthy at this time makes an earlier failure old news. */
  readonly knownUntil?: number | undefined;
  /** The earliest time of a message on a beginning or a change: the thing's last message is too near before that. */
  readonly notBefore?: number | undefined;
}

/** What people are to be notified of. */
export type Notice = 'raised' | 'changed' | 'reminder' | 'resolved';

/** What becomes of an incident, and what is to be notified. */
export interface Assessment {
  readonly incident: Incident | undefined;
  readonly notice: Notice | undefined;
}

/** Milliseconds for which an incident that is resolved is remembered: one that comes back within this time is flapping. */
export const flapWindow = 3_600_000;
/** Each time an incident comes back it has to stay away this many times as long before 'resolved' is notified. */
const flapFactor = 4;

/** The condition holds, as far as is known; whether people know of it or not. */
export function isRaised(incident: Incident | undefined): boolean {
  return incident !== undefined && incident.clearedAt === undefined;
}

/** It was resolved and that was notified, or nobody ever knew of it: it is only remembered, to know it again. */
export function isRemembered({ notifications, clearedAt }: Incident): boolean {
  return notifications === 0 && clearedAt !== undefined;
}

/**
 * How long a condition must be away before 'resolved' is notified, in milliseconds: not at all at first, and longer each time it came back.
 *
 * @param flaps how often it came back within {@link flapWindow}
 */
export function resolveAfter(flaps: number, { groupInterval }: IncidentPolicy): number {
  if (flaps === 0) return 0;
  return Math.min(groupInterval * 1000 * flapFactor ** (flaps - 1), flapWindow);
}

/** A short fingerprint of a cause: 4 characters of base 36. */
export function causeDigest(cause: string): string {
  return (Number.parseInt(digest(cause).slice(0, 8), 16) % 36 ** 4).toString(36).padStart(4, '0');
}

/**
 * Takes one observation into account. The same again changes nothing, and one that is older than what is known does not count: results may
 * come twice, late and in any order.
 *
 * @param now milliseconds since 1970
 */
export function assess(
  before: Incident | undefined,
  evidence: Evidence,
  policy: IncidentPolicy,
  now: number,
): Assessment {
  return evidence.raised
    ? assessRaised(before, evidence, policy, now)
    : assessClear(before, evidence, policy);
}

function assessRaised(
  before: Incident | undefined,
  evidence: Evidence,
  policy: IncidentPolicy,
  now: number,
): Assessment {
  const { at, knownUntil = 0 } = evidence;
  if (before === undefined) return at <= knownUntil ? unchanged(before) : begin(evidence, 0, now);
  if (before.clearedAt === undefined)
    return before.notifications === 0 ? confirm(before, evidence, now) : goOn(before, evidence, policy, now);
  if (at <= before.clearedAt) return unchanged(before);
  if (!isRemembered(before)) {
    const { clearedAt: _, ...again } = before;
    return goOn(again, evidence, policy, now);
  }
  const isFlap = at - before.clearedAt <= flapWindow;
  return begin(evidence, isFlap ? (before.flaps ?? 0) + 1 : 0, now);
}

function assessClear(before: Incident | undefined, { at }: Evidence, policy: IncidentPolicy): Assessment {
  if (before === undefined || at <= before.since) return unchanged(before);
  const { notifications, flaps = 0, clearedAt = at } = before;
  if (isRemembered(before)) return at - clearedAt > flapWindow ? nothing : unchanged(before);
  if (notifications === 0)
    return { incident: flaps === 0 ? undefined : remember(before, at), notice: undefined };
  if (at - clearedAt < resolveAfter(flaps, policy))
    return { incident: { ...before, clearedAt }, notice: undefined };
  return { incident: policy.groupInterval === 0 ? undefined : remember(before, at), notice: 'resolved' };
}

const nothing: Assessment = { incident: undefined, notice: undefined };

function unchanged(incident: Incident | undefined): Assessment {
  return { incident, notice: undefined };
}

/** What is left of an incident that is over. */
function remember({ code, since, flaps = 0 }: Incident, clearedAt: number): Incident {
  return { code, since, notifications: 0, clearedAt, ...(flaps > 0 && { flaps }) };
}

function begin(evidence: Evidence, flaps: number, now: number): Assessment {
  const { code, at } = evidence;
  const incident = { code, since: at, notifications: 0, ...(flaps > 0 && { flaps }) };
  return confirm(incident, evidence, now);
}

/** It is notified when it has held for long enough, as observed: the same observation, seen again later, confirms nothing. */
function confirm(incident: Incident, evidence: Evidence, now: number): Assessment {
  const { at, for: required = 0, notBefore = 0 } = evidence;
  if (at - incident.since < required || now < notBefore) return unchanged(incident);
  return { incident: { ...incident, ...notified(evidence, now), notifications: 1 }, notice: 'raised' };
}

function goOn(incident: Incident, evidence: Evidence, policy: IncidentPolicy, now: number): Assessment {
  const { since, notifications } = incident;
  if (isOtherCause(incident, evidence) && now >= nextChange(incident, evidence, policy))
    return { incident: { ...incident, ...notified(evidence, now) }, notice: 'changed' };
  const due = Math.floor((now - since) / (policy.remindAfter * 1000)) + 1;
  if (due <= notifications) return unchanged(incident);
  return { incident: { ...incident, ...notified(evidence, now), notifications: due }, notice: 'reminder' };
}

/** Of an observation that was made after the last message; an older one may be listed again. */
function isOtherCause({ code, cause, notifiedAt }: Incident, evidence: Evidence): boolean {
  if (notifiedAt === undefined || evidence.at <= notifiedAt) return false;
  return evidence.code !== code || fingerprint(evidence) !== cause;
}

function nextChange(
  { notifiedAt = 0 }: Incident,
  { notBefore = 0 }: Evidence,
  policy: IncidentPolicy,
): number {
  return Math.max(notifiedAt + policy.groupInterval * 1000, notBefore);
}

function notified(evidence: Evidence, now: number): Pick<Incident, 'code' | 'cause' | 'notifiedAt'> {
  const cause = fingerprint(evidence);
  return { code: evidence.code, ...(cause !== undefined && { cause }), notifiedAt: now };
}

function fingerprint({ cause }: Evidence): string | undefined {
  return cause === undefined ? undefined : causeDigest(cause);
}
