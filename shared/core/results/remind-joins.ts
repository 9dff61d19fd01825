import { assess } from '../incidents/incident.ts';
import { noticeKey, toldOf } from '../incidents/notice.ts';
import { domainEvent } from '../model/domain-event.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { formatTrouble, parseTroubles } from '../model/trouble.ts';
import type { OutcomeLog } from './outcome-log.ts';
import type { OutcomeView } from './outcome-view.ts';

/** A host that cannot join is told of by planMembership at first; here again after a while. */
export function remindOfJoins({ group, members, settings, now }: OutcomeView, log: OutcomeLog): void {
  for (const { id, tags } of members) {
    const [entry] = parseTroubles(tags[tagKeys.trouble]);
    const before = entry?.[1];
    if (tags[tagKeys.state] !== 'joining' || before === undefined || before.told === 0) continue;
    // Not later than the last message: of the cause it knows nothing
    const evidence = { code: before.code, raised: true, at: before.notifiedAt ?? before.since };
    const { incident: trouble, notice } = assess(before, evidence, settings, now);
    if (notice === undefined || trouble === undefined) continue;
    const { cause } = before;
    const noted = { ...trouble, ...(cause !== undefined && { cause }) };
    const event = domainEvent('Join Failed', group, [id, ...noticeKey(noted, notice)], {
      ...{ ...toldOf(noted, notice), secondary: id, final: false },
      message: `${id} still cannot join; the history of its commands says why`,
    });
    log.tell(event, `${id} still cannot join`);
    log.record([id], { [tagKeys.trouble]: formatTrouble(noted) }, [], `${id} still cannot join`);
  }
}
