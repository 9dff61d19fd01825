import { incidentDetail, noticeKey } from '../incidents/notice.ts';
import { type DomainEvent, domainEvent, timestamp } from '../model/domain-event.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import type { MembershipAction } from './membership-action.ts';

type Failure = Extract<MembershipAction, { kind: 'report-failure' }>;

/** The event on a host that cannot join, or whose files cannot be rescued; none while that is only noted. */
export function failureEvents(action: Failure): readonly DomainEvent[] {
  const {
    group,
    instance,
    incident,
    notice,
    message,
    rescuedBy,
    rejoins = false,
    unrescued = false,
  } = action;
  if (notice === undefined) return [];
  const detail = { ...incidentDetail(incident, notice), message };
  const key = [instance, ...noticeKey(incident, notice)];
  const join = {
    secondary: instance,
    final: false,
    ...(rejoins && { member: true }),
    ...(unrescued && { unrescued: true }),
  };
  return rescuedBy === undefined
    ? [domainEvent('Join Failed', group, key, { ...detail, ...join })]
    : [domainEvent('Rescue Failed', group, key, { ...detail, primary: rescuedBy, from: instance })];
}

/** Where it is noted. */
export function failureKey({ rejoins = false }: Failure): string {
  return rejoins ? tagKeys.joinIncident : tagKeys.incident;
}

/**
 * The event on a host whose incident is resolved, if there was one when it was raised.
 *
 * @param now milliseconds since 1970
 */
export function overEvents(
  from: 'Join Failed' | 'Rescue Failed',
  { group, instance, over }: Extract<MembershipAction, { kind: 'admit' | 'record-gathered' | 'record-join' }>,
  now: number,
): readonly DomainEvent[] {
  if (over === undefined) return [];
  const detail = { from, instance, since: timestamp(over.since), seconds: secondsBetween(over.since, now) };
  return [domainEvent('Group Recovered', group, [from, instance, over.since], detail)];
}
