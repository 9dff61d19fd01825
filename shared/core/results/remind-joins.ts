import { assess } from '../incidents/incident.ts';
import { incidentDetail, noticeKey } from '../incidents/notice.ts';
import { domainEvent } from '../model/domain-event.ts';
import { formatIncident, parseIncidents } from '../model/incident.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { OutcomeLog } from './outcome-log.ts';
import type { OutcomeView } from './outcome-view.ts';

/** The first alert on a host that cannot join comes from planMembership; the reminders come from here. */
export function remindOfJoins({ group, members, settings, now }: OutcomeView, log: OutcomeLog): void {
  for (const { id, tags } of members) {
    const [entry] = parseIncidents(tags[tagKeys.incident]);
    const before = entry?.[1];
    if (tags[tagKeys.state] !== 'joining' || before === undefined || before.notifications === 0) continue;
    // Not later than the last message: of the cause it knows nothing
    const evidence = { code: before.code, raised: true, at: before.notifiedAt ?? before.since };
    const { incident, notice } = assess(before, evidence, settings, now);
    if (notice === undefined || incident === undefined) continue;
    const { cause } = before;
    const noted = { ...incident, ...(cause !== undefined && { cause }) };
    const event = domainEvent('Join Failed', group, [id, ...noticeKey(noted, notice)], {
      ...incidentDetail(noted, notice),
      secondary: id,
      final: false,
      message: `${id} still cannot join; the history of its commands says why`,
    });
    log.tell(event, `${id} still cannot join`);
    log.record([id], { [tagKeys.incident]: formatIncident(noted) }, [], `${id} still cannot join`);
  }
}
