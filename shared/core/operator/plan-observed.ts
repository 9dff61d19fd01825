import type { MembershipAction } from '../membership/membership-action.ts';
import { type DomainEvent, domainEvent, timestamp } from '../model/domain-event.ts';
import {
  formatIntentions,
  type Intention,
  type IntentionKind,
  intentionKey,
  notedIntentions,
} from '../model/intention.ts';
import { placeOf } from '../model/notes.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { epochOf, findPrimary, isEstablished, promotedMark } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { PushAction } from '../push/push-action.ts';
import type { OutcomeAction } from '../results/outcome-action.ts';
import type { UpkeepAction } from '../succession/plan-upkeep.ts';
import type { PromotionAction } from '../succession/promotion-action.ts';

type ObservedAction = MembershipAction | PromotionAction | UpkeepAction;

/** What a look writes down that touches no host: in the table, where nothing is decided from it but incidents and suspicion. */
const harmlessNotes: ReadonlySet<string> = new Set([
  tagKeys.suspected,
  tagKeys.probe,
  tagKeys.promotionIncident,
  tagKeys.promotionNotified,
]);

const effects: Readonly<Record<ObservedAction['kind'], IntentionKind | undefined>> = {
  tell: undefined,
  mirror: undefined,
  probe: undefined,
  wait: undefined,
  'report-failure': undefined,
  refuse: undefined,
  tag: 'tag',
  claim: 'promote',
  run: 'promote',
  'cancel-pushes': 'promote',
  join: 'join',
  'record-join': 'join',
  'first-sync': 'join',
  admit: 'join',
  'set-list': 'join',
  leave: 'demote',
  relist: 'demote',
  'record-left': 'demote',
  gather: 'rescue',
  rescue: 'rescue',
  'record-gathered': 'rescue',
  'notify-rescued': 'rescue',
  'notify-kept': 'rescue',
  'clear-state': 'leave',
  'complete-hook': 'lifecycle',
  'keep-alive': 'lifecycle',
  release: 'lifecycle',
  protect: 'lifecycle',
  'move-name': 'point',
  'move-address': 'point',
  'move-target': 'point',
};

/**
 * What an action would do to hosts, tags or what points at them; undefined for what is done in a group that is only observed as well: events,
 * notes on incidents, and commands that only read.
 */
export function intentionOf(action: ObservedAction): IntentionKind | undefined {
  if (action.kind === 'set-list' && action.left.length > 0) return 'leave';
  if (
    action.kind === 'tag' &&
    [...Object.keys(action.set), ...action.remove].every((key) => harmlessNotes.has(key))
  )
    return undefined;
  return effects[action.kind];
}

/** Of the results of pushes what is done in a group that is only observed: tags stay as they are. */
export function withoutTags(actions: readonly OutcomeAction[]): readonly OutcomeAction[] {
  return actions.flatMap((action): readonly OutcomeAction[] => {
    if (action.kind !== 'record') return [action];
    const set = Object.fromEntries(Object.entries(action.set).filter(([key]) => placeOf(key) !== 'tag'));
    const remove = action.remove.filter((key) => placeOf(key) !== 'tag');
    return Object.keys(set).length + remove.length === 0 ? [] : [{ ...action, set, remove }];
  });
}

/**
 * The group as if its primary, which was tagged and is not made one yet, were the primary already: what comes after that is what an operator
 * wants to know. Only for intentions, never for anything that is done.
 */
export function supposePrimary(instances: readonly ObservedInstance[]): readonly ObservedInstance[] {
  const { current } = findPrimary(instances);
  const epoch = current && epochOf(current);
  if (current === undefined || epoch === undefined || isEstablished(current)) return instances;
  const supposed = {
    [tagKeys.promoted]: promotedMark(current.id, epoch),
    [tagKeys.publicKey]: current.tags[tagKeys.publicKey] ?? 'the key that the primary would make',
  };
  return instances.map((each) =>
    each.id === current.id ? { ...each, tags: { ...each.tags, ...supposed } } : each,
  );
}

/** What the tick would push. */
export function pushIntentions(plan: readonly PushAction[]): readonly Intention[] {
  return plan.flatMap((action): readonly Intention[] =>
    action.kind === 'no-push' && action.code === 'observed'
      ? [{ kind: 'push', hosts: action.hosts ?? [], reason: action.reason }]
      : [],
  );
}

/** What is published and noted of these intentions. */
export interface IntentionNews {
  /** Of those that are new. */
  readonly events: readonly Extract<DomainEvent, { type: 'Action Observed' }>[];
  /** What is to be noted; undefined where that is noted already. Empty for none. */
  readonly note: string | undefined;
}

/** An intention is an event when it begins, and not again while it lasts. */
export function intentionNews(
  group: string,
  members: readonly ObservedInstance[],
  intentions: readonly Intention[],
  now: number,
): IntentionNews {
  const known = new Map(notedIntentions(members).map((each) => [intentionKey(each), each]));
  const wanted = new Map(intentions.map((each) => [intentionKey(each), each]));
  // To the minute: two runs that find the same have the same event
  const since = Math.floor(now / 60_000) * 60_000;
  const events = [...wanted].flatMap(([key, { kind, hosts, reason }]) =>
    known.has(key)
      ? []
      : [
          domainEvent('Action Observed', group, [key, since], {
            action: kind,
            hosts,
            reason,
            since: timestamp(since),
          }),
        ],
  );
  if (events.length === 0 && known.size === wanted.size) return { events, note: undefined };
  const noted = [...wanted].map(([key, each]) => known.get(key) ?? { ...each, since });
  return { events, note: formatIntentions(noted) };
}
