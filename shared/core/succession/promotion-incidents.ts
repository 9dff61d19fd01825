import { assess, isRaised } from '../incidents/incident.ts';
import { noticeKey, toldOf } from '../incidents/notice.ts';
import { holdOf, isInhibited } from '../incidents/rules.ts';
import {
  type DomainEvent,
  domainEvent,
  type GroupEventType,
  type Told,
  timestamp,
} from '../model/domain-event.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import { formatTrouble, parseTroubles, type Trouble } from '../model/trouble.ts';
import { type GroupView, notify, setTags } from './group-view.ts';
import type { PromotionAction } from './promotion-action.ts';

/** What can be wrong with a promotion, and the event that tells of it. */
type TroubleCode = 'primary-suspected' | 'promotion-blocked' | 'writes-not-resumed';

/** The event that tells of a trouble, by the code in the tag. */
const promotionEvents: Readonly<Record<string, GroupEventType>> = {
  'primary-suspected': 'Primary Suspected',
  'promotion-blocked': 'Promotion Blocked',
  'writes-not-resumed': 'Writes Not Resumed',
};

interface RaisedTrouble {
  readonly code: TroubleCode;
  readonly cause: string;
  readonly told: (told: Told, key: readonly (string | number)[]) => DomainEvent;
}

/**
 * Brings the incidents in the tags to just these: what is raised is told when it has held for long enough, and what is not raised any more
 * is over. Times are those of whole minutes: runs at the same time would each tell it with a time, and so an id, of their own.
 */
export function assessIncidents(
  view: GroupView,
  raised: readonly RaisedTrouble[],
): readonly PromotionAction[] {
  const before = notedIncidents(view);
  const { now, settings } = view;
  const minute = Math.floor(now / 60_000) * 60_000;
  const after = new Map<string, Trouble>();
  const events: PromotionAction[] = [];
  for (const { code, cause, told } of raised) {
    const evidence = { code, cause, raised: true, at: minute, for: holdOf(code, settings) };
    const { incident, notice } = assess(before.get(code), evidence, settings, now);
    if (incident === undefined) continue;
    after.set(code, incident);
    if (notice !== undefined)
      events.push(notify(view, told(toldOf(incident, notice), noticeKey(incident, notice)), code));
  }
  const codes = [...after].flatMap(([code, incident]) => (isRaised(incident) ? [code] : []));
  for (const [code, trouble] of before) {
    // What is raised says more: this one is neither over nor told any more
    if (after.has(code) || isInhibited(code, codes)) continue;
    const { incident, notice } = assess(trouble, { code, raised: false, at: now }, settings, now);
    if (incident !== undefined) after.set(code, incident);
    if (notice === 'resolved') events.push(...notifyResolved(view, trouble));
  }
  return [...events, ...noteIncidents(view, before, after)];
}

/** What the tags say of promotions. */
function notedIncidents(view: GroupView): ReadonlyMap<string, Trouble> {
  const noted = view.members.flatMap(({ tags }) => parseTroubles(tags[tagKeys.promotionTrouble]));
  return new Map(noted.map(([, trouble]) => [trouble.code, trouble]));
}

function notifyResolved(view: GroupView, { code, since }: Trouble): readonly PromotionAction[] {
  const from = promotionEvents[code];
  if (from === undefined) return [];
  const seconds = secondsBetween(since, view.now);
  const over = domainEvent('Group Recovered', view.group, [code, since], {
    ...{ from, since: timestamp(since), seconds },
  });
  return [notify(view, over, `${code} is over`)];
}

function noteIncidents(
  view: GroupView,
  before: ReadonlyMap<string, Trouble>,
  after: ReadonlyMap<string, Trouble>,
): readonly PromotionAction[] {
  const text = (troubles: ReadonlyMap<string, Trouble>) =>
    [...troubles.values()].map((each) => formatTrouble(each)).join(' ');
  const key = tagKeys.promotionTrouble;
  if (after.size === 0) {
    const carriers = view.members.filter(({ tags }) => tags[key] !== undefined).map(({ id }) => id);
    return carriers.length === 0 ? [] : [setTags(view, carriers, {}, [key], 'the primary is well')];
  }
  if (text(before) === text(after)) return [];
  const ids = view.members.map(({ id }) => id).sort();
  return [setTags(view, ids, { [key]: text(after) }, [], text(after))];
}

/** @param cause what is told at once when it changes, but for numbers in it */
export function raised(
  _view: GroupView,
  code: TroubleCode,
  cause: string,
  told: RaisedTrouble['told'],
): RaisedTrouble {
  return { code, cause: cause.replaceAll(/\b\d+\b/gu, '#'), told };
}
