import { timestamp } from '../model/domain-event.ts';
import type { Incident } from '../model/incident.ts';
import type { IncidentDetail } from '../model/incident-detail.ts';
import type { Notice } from './incident.ts';

/** What an event on an incident says of it, besides what the incident is about. */
export function incidentDetail(
  { since, notifications, flaps = 0 }: Incident,
  notice: Notice,
): IncidentDetail {
  return {
    since: timestamp(since),
    reminder: Math.max(0, notifications - 1),
    ...(notice === 'changed' && { changed: true }),
    ...(flaps > 0 && { flaps }),
  };
}

/** What tells one message on an incident from the others on it: whoever finds the same comes to the same. */
export function noticeKey(
  { since, notifications, notifiedAt = 0 }: Incident,
  notice: Notice,
): readonly (string | number)[] {
  return [since, notifications - 1, ...(notice === 'changed' ? [notifiedAt] : [])];
}
