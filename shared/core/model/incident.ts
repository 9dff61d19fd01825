import { tagKeys } from './tag-keys.ts';
import { words } from './tag-problem.ts';

/**
 * Something that is wrong with a group or a host, as it is kept in a tag. The notifications on it are part of it, so that
 * every run knows and nobody is notified twice.
 */
export interface Incident {
  readonly code: string;
  /** Milliseconds since 1970: the start of the first look or push that found it. */
  readonly since: number;
  /** How many notifications were sent: 0 while it has not held for long enough, then 1, then one more for each reminder. */
  readonly notifications: number;
  /** A fingerprint of the cause in the last notification, four characters of base 36. */
  readonly cause?: string;
  /** When the last notification was sent, in milliseconds since 1970. */
  readonly notifiedAt?: number;
  /** Since when the condition is away, in milliseconds since 1970: not resolved yet, or only remembered. */
  readonly clearedAt?: number;
  /** How often it came back soon after it was over. */
  readonly flaps?: number;
}

const form =
  /^(?:(?<subject>[^/]+)\/)?(?<code>[a-z-]{1,40})\/(?<since>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\/(?<notifications>\d{1,9})(?:\/(?<cause>[0-9a-z]{4})?\.(?<notified>[0-9a-z]{1,9})?\.(?<cleared>[0-9a-z]{1,9})?\.(?<flaps>\d{0,3}))?$/u;

/**
 * `unreachable/2026-11-22T10:00:00.123Z/1`, with the host before it where the tag does not belong to the host itself, and the history behind
 * it: the cause, when the notification was sent and when the condition went away, both in milliseconds of base 36 after it began, and how often it came back.
 */
export function formatIncident(incident: Incident, subject?: string): string {
  const { code, since, notifications } = incident;
  const text = `${code}/${new Date(since).toISOString()}/${notifications}${formatHistory(incident)}`;
  return subject === undefined ? text : `${subject}/${text}`;
}

function formatHistory({ since, cause = '', notifiedAt, clearedAt, flaps = 0 }: Incident): string {
  if (cause === '' && notifiedAt === undefined && clearedAt === undefined && flaps === 0) return '';
  const after = (at: number | undefined): string =>
    at === undefined ? '' : Math.max(0, at - since).toString(36);
  const times = flaps === 0 ? '' : String(Math.min(flaps, 999));
  return `/${[cause, after(notifiedAt), after(clearedAt), times].join('.')}`;
}

/** The incidents of a tag value, each with its subject ('' for none). What cannot be read is left out: it is found and notified again. */
export function parseIncidents(value: string | undefined): readonly (readonly [string, Incident])[] {
  return words(value ?? '').flatMap((word) => {
    const groups = form.exec(word)?.groups;
    const since = Date.parse(groups?.['since'] ?? '');
    if (groups === undefined || Number.isNaN(since)) return [];
    const { subject = '', code = '', notifications, cause, notified, cleared, flaps } = groups;
    const incident = {
      code,
      since,
      notifications: Number(notifications),
      ...(cause !== undefined && { cause }),
      ...(notified !== undefined && { notifiedAt: since + Number.parseInt(notified, 36) }),
      ...(cleared !== undefined && { clearedAt: since + Number.parseInt(cleared, 36) }),
      ...(Number(flaps ?? 0) > 0 && { flaps: Number(flaps) }),
    };
    return [[subject, incident] as const];
  });
}

/** The incident of this kind that a host carries, if people were notified of it. */
export function notifiedIncident(
  tags: Readonly<Record<string, string>>,
  code: string,
  key: string = tagKeys.incident,
): Incident | undefined {
  const found = parseIncidents(tags[key]).map(([, incident]) => incident);
  return found.find((incident) => incident.code === code && incident.notifications > 0);
}
