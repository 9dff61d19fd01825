import { assess, isRaised } from '../incidents/incident.ts';
import { incidentDetail, noticeKey } from '../incidents/notice.ts';
import { holdOf, isInhibited } from '../incidents/rules.ts';
import { type DomainEvent, domainEvent, type GroupEventType, timestamp } from '../model/domain-event.ts';
import { formatIncident, type Incident, parseIncidents } from '../model/incident.ts';
import type { IncidentDetail } from '../model/incident-detail.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import { type GroupView, notify, setTags } from './group-view.ts';
import type { PromotionAction } from './promotion-action.ts';

/** What can be wrong with a promotion, and the event on it. */
type IncidentCode = 'primary-suspected' | 'promotion-blocked' | 'writes-not-resumed';

/** The event on an incident, by the code in the tag. */
const promotionEvents: Readonly<Record<string, GroupEventType>> = {
  'primary-suspected': 'Primary Suspected',
  'promotion-blocked': 'Promotion Blocked',
  'writes-not-resumed': 'Writes Not Resumed',
};

interface RaisedIncident {
  readonly code: IncidentCode;
  readonly cause: string;
  readonly event: (detail: IncidentDetail, key: readonly (string | number)[]) => DomainEvent;
}

/**
 * Brings the incidents in the tags to just these: what is raised sends an alert when it has held for long enough, and what is not raised any more
 * is over. Times are those of whole minutes: runs at the same time would each make an event with a time, and so an id, of its own.
 */
export function assessIncidents(
  view: GroupView,
  raised: readonly RaisedIncident[],
): readonly PromotionAction[] {
  const before = notedIncidents(view);
  const { now, settings } = view;
  const minute = Math.floor(now / 60_000) * 60_000;
  const after = new Map<string, Incident>();
  const events: PromotionAction[] = [];
  for (const { code, cause, event } of raised) {
    const evidence = { code, cause, raised: true, at: minute, for: holdOf(code, settings) };
    const { incident, notice } = assess(before.get(code), evidence, settings, now);
    if (incident === undefined) continue;
    after.set(code, incident);
    if (notice !== undefined)
      events.push(notify(view, event(incidentDetail(incident, notice), noticeKey(incident, notice)), code));
  }
  const codes = [...after].flatMap(([code, incident]) => (isRaised(incident) ? [code] : []));
  for (const [code, noted] of before) {
    // What is raised says more: this one is neither resolved nor notified any more
    if (after.has(code) || isInhibited(code, codes)) continue;
    const { incident, notice } = assess(noted, { code, raised: false, at: now }, settings, now);
    if (incident !== undefined) after.set(code, incident);
    if (notice === 'resolved') events.push(...notifyResolved(view, noted));
  }
  return [...events, ...noteIncidents(view, before, after)];
}

/** What the tags say of promotions. */
function notedIncidents(view: GroupView): ReadonlyMap<string, Incident> {
  const noted = view.members.flatMap(({ tags }) => parseIncidents(tags[tagKeys.promotionIncident]));
  return new Map(noted.map(([, incident]) => [incident.code, incident]));
}

function notifyResolved(view: GroupView, { code, since }: Incident): readonly PromotionAction[] {
  const from = promotionEvents[code];
  if (from === undefined) return [];
  const seconds = secondsBetween(since, view.now);
  const over = domainEvent('Group Recovered', view.group, [code, since], {
    from,
    since: timestamp(since),
    seconds,
  });
  return [notify(view, over, `${code} is over`)];
}

function noteIncidents(
  view: GroupView,
  before: ReadonlyMap<string, Incident>,
  after: ReadonlyMap<string, Incident>,
): readonly PromotionAction[] {
  const text = (incidents: ReadonlyMap<string, Incident>) =>
    [...incidents.values()].map((each) => formatIncident(each)).join(' ');
  const key = tagKeys.promotionIncident;
  if (after.size === 0) {
    const carriers = view.members.filter(({ tags }) => tags[key] !== undefined).map(({ id }) => id);
    return carriers.length === 0 ? [] : [setTags(view, carriers, {}, [key], 'the primary is well')];
  }
  if (text(before) === text(after)) return [];
  const ids = view.members.map(({ id }) => id).sort();
  return [setTags(view, ids, { [key]: text(after) }, [], text(after))];
}

/** @param cause sends an alert at once when it changes, but for numbers in it */
export function raised(code: IncidentCode, cause: string, event: RaisedIncident['event']): RaisedIncident {
  return { code, cause: cause.replaceAll(/\b\d+\b/gu, '#'), event };
}
