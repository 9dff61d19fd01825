import { type Told, timestamp } from '../model/domain-event.ts';
import type { Trouble } from '../model/trouble.ts';
import type { Notice } from './incident.ts';

/** What an event on an incident says of it, besides what the incident is about. */
export function toldOf({ since, told, flaps = 0 }: Trouble, notice: Notice): Told {
  return {
    ...{ since: timestamp(since), reminder: Math.max(0, told - 1) },
    ...(notice === 'changed' && { changed: true }),
    ...(flaps > 0 && { flaps }),
  };
}

/** What tells one message on an incident from the others on it: whoever finds the same comes to the same. */
export function noticeKey(
  { since, told, notifiedAt = 0 }: Trouble,
  notice: Notice,
): readonly (string | number)[] {
  return [since, told - 1, ...(notice === 'changed' ? [notifiedAt] : [])];
}
