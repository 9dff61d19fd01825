import { advance, isYoung, type Step } from '../membership/advance.ts';
import { domainEvent, timestamp } from '../model/domain-event.ts';
import { isConfiguration } from '../model/mirror.ts';
import type { Claim, ObservedInstance } from '../model/observation.ts';
import { epochOf, promotedMark } from '../model/primary.ts';
import type { Freshness, ScriptLine } from '../model/script-line.ts';
import { formatOwnShards, listEntry, parseSecondaries, shardNumber } from '../model/secondaries.ts';
import { stateTagKeys, tagKeys } from '../model/tag-keys.ts';
import { words } from '../model/tag-problem.ts';
import { digest, parseTask, type Task } from '../model/task.ts';
import { parseTime, secondsBetween } from '../model/time.ts';
import { configurationOf, describeCandidates } from './candidates.ts';
import { demoteFormer, findUntagged } from './former-primary.ts';
import { type GroupView, notify, setTags, waitFor } from './group-view.ts';
import type { PromotionAction } from './promotion-action.ts';
import { assessIncidents, raised } from './promotion-incidents.ts';

/** Seconds between two tries of a final push. */
export const retryAfter = 3;

/** Makes the holder of a claim the primary, step by step. */
export function resumePromotion(
  view: GroupView,
  holder: ObservedInstance,
  claim: Claim,
): readonly PromotionAction[] {
  const { group } = view;
  const { epoch } = claim;
  const wanted = digest(`epoch ${epoch}`);
  const send = (reason: string): readonly PromotionAction[] => [
    {
      kind: 'run',
      group,
      instance: holder.id,
      step: 'promote',
      pass: 1,
      digest: wanted,
      reason,
      request: { script: 'promote', value: { group, epoch } },
    },
  ];
  const step: Step<PromotionAction> = {
    step: 'promote',
    digest: wanted,
    host: holder.id,
    because: `${holder.id} becomes the primary of epoch ${epoch}`,
    send: (reason, task) =>
      task === undefined ? [...stopPushes(view, claim.from), ...send(reason)] : send(reason),
    wait: (reason) => [waitFor(view, reason)],
    report: (reason, task) => promotionFails(view, holder, task, claim, reason),
    ended: ({ lines }, task) => {
      const line = lines.find((each) => each.kind === 'promote' && each.epoch === epoch);
      if (line?.kind === 'promote') return promotedBy(view, holder, claim, line);
      const reason = `${holder.id} printed no key for epoch ${epoch}`;
      return isYoung(task, retryAfter, view.now) ? [waitFor(view, reason)] : send(reason);
    },
  };
  return advance(parseTask(holder.tags[tagKeys.task]), step, view);
}

type PromoteLine = Extract<ScriptLine, { kind: 'promote' }>;

/** The host is the primary of the epoch, and has shown its key. */
function promotedBy(
  view: GroupView,
  holder: ObservedInstance,
  claim: Claim,
  line: PromoteLine,
): readonly PromotionAction[] {
  const { hook, hookMessage } = line;
  const why = hook === 'failed' ? `${claim.why}; its hook after-promotion failed: ${hookMessage}` : claim.why;
  return [
    ...findUntagged(view, holder).flatMap((each) => demoteFormer(view, each, holder)),
    ...completePromotion(view, holder, { ...claim, why }, line),
  ];
}

function stopPushes(view: GroupView, of: string | undefined): readonly PromotionAction[] {
  const before = view.members.find(({ id }) => id === of);
  if (before?.state !== 'running') return [];
  const { id } = before;
  return [{ kind: 'cancel-pushes', group: view.group, instance: id, reason: `${id} is to push no more` }];
}

function promotionFails(
  view: GroupView,
  { id, tags }: ObservedInstance,
  task: Task,
  claim: Claim,
  message: string,
): readonly PromotionAction[] {
  // A host that was just tagged may not have its agent online yet
  if (secondsBetween(task.requestedAt, view.now) < 1) return [];
  return assessIncidents(view, [
    raised('promotion-blocked', message, (detail, key) =>
      domainEvent('Promotion Blocked', view.group, [id, ...key, claim.epoch], {
        ...detail,
        primary: claim.from ?? id,
        why: claim.why,
        message,
        epoch: claim.epoch,
        directories: tags[tagKeys.directories] ?? '',
        candidates: describeCandidates(view, [], new Map([[id, message]])),
      }),
    ),
  ]);
}

/** One call sets all that makes it the primary; what it was as a secondary goes. */
function completePromotion(
  view: GroupView,
  holder: ObservedInstance,
  claim: Claim,
  { publicKey, synced }: PromoteLine,
): readonly PromotionAction[] {
  const { id, tags } = holder;
  const { epoch, from, why } = claim;
  const before = view.members.find((each) => each.id === from);
  const inherited =
    tags[tagKeys.primary] === undefined ? configurationOf(view, before) : completeTags(view, tags, before);
  const list = withoutSecondary(id, { ...inherited });
  const set = {
    ...list.set,
    [tagKeys.primary]: String(epoch),
    [tagKeys.promoted]: promotedMark(id, epoch),
    [tagKeys.publicKey]: publicKey,
  };
  const gone = [...leftWhenPromoted(tags), ...list.remove];
  const reason = `${id} is the primary of epoch ${epoch}: ${why}`;
  return [setTags(view, [id], set, gone, reason), ...notifyPromoted(view, holder, claim, synced)];
}

/** A promotion that is done and was not notified: the run was killed in between. */
export function notifyUnsent(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  const claim = view.register?.claims.at(-1);
  const epoch = epochOf(current);
  if (claim === undefined || claim.holder !== current.id || claim.epoch !== epoch) return [];
  return current.tags[tagKeys.promotionNotified] === String(epoch)
    ? []
    : notifyPromoted(view, current, claim);
}

/** Notified once the tags are written, which EC2 may refuse; then the notification is noted. */
function notifyPromoted(
  view: GroupView,
  holder: ObservedInstance,
  claim: Claim,
  synced?: Freshness,
): readonly PromotionAction[] {
  const { epoch, kind, from = '', why } = claim;
  if (kind === 'first') return [];
  const { id } = holder;
  const reason = `${id} is the primary of epoch ${epoch}: ${why}`;
  const event = domainEvent('Primary Promoted', view.group, [epoch], {
    primary: id,
    from,
    epoch,
    kind,
    why,
    claimedAt: timestamp(claim.at),
    secondsAtRisk: secondsAtRisk(view, holder, claim, synced),
    seconds: secondsBetween(claim.at, view.now),
  });
  return [
    notify(view, event, reason),
    setTags(view, [id], { [tagKeys.promotionNotified]: String(epoch) }, [], `notified: ${reason}`),
  ];
}

/** Seconds of uploads that only the earlier primary may have; null if that is not known. */
function secondsAtRisk(
  view: GroupView,
  { tags }: ObservedInstance,
  { kind, at, from, epoch }: Claim,
  synced: Freshness | undefined,
): number | null {
  const syncedAt = parseTime(tags[tagKeys.syncedAt]);
  const isTheirs =
    kind === 'failover' && synced !== undefined && synced.holder === from && synced.epoch < epoch;
  const freshAt = isTheirs && synced.at * 1000 <= view.now ? synced.at * 1000 : 0;
  const known = Math.max(syncedAt, freshAt);
  // Pushes went on after the claim: it was brought to its end only later
  const until = kind !== 'adopted' && known > at ? view.now : at;
  if (kind !== 'failover' && until === at) return 0;
  if (known === 0) return null;
  // With a watch the secondary itself knows it to a part of a second, and later than the last result that came
  return known === freshAt ? Math.round((until - known) / 100) / 10 : secondsBetween(known, until);
}

/** A host that was tagged by hand: what the hand left out is taken over. */
export function completeTags(
  view: GroupView,
  tags: Readonly<Record<string, string>>,
  before: ObservedInstance | undefined,
): Readonly<Record<string, string>> {
  const own = Object.fromEntries(Object.entries(tags).filter(([key]) => isConfiguration(key)));
  if (own[tagKeys.directories] !== undefined) return own;
  return { ...configurationOf(view, before), ...own };
}

/** What a secondary carries and a primary does not; the incidents of the group stay, and how far it was when it was promoted. */
export function leftWhenPromoted(tags: Readonly<Record<string, string>>): readonly string[] {
  return stateTagKeys.filter((key) => tags[key] !== undefined && key !== tagKeys.syncedAt);
}

/** The tags of a configuration, with one instance taken off the list of secondaries. */
function withoutSecondary(
  instance: string,
  tags: Record<string, string>,
): { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] } {
  const parsed = parseSecondaries(instance, tags);
  if (!parsed.ok || !parsed.value.some(({ id }) => id === instance)) return { set: tags, remove: [] };
  const byHand = words(tags[tagKeys.secondaries] ?? '').filter((word) => word !== instance);
  const own = parsed.value
    .map(listEntry)
    .filter((entry) => entry !== instance && !byHand.some((word) => word.toLowerCase() === entry));
  const others = Object.fromEntries(Object.entries(tags).filter(([key]) => shardNumber(key) === undefined));
  const set = {
    ...others,
    ...(byHand.length > 0 && { [tagKeys.secondaries]: byHand.join(' ') }),
    ...formatOwnShards(own),
  };
  return { set, remove: Object.keys(tags).filter((key) => shardNumber(key) !== undefined && !(key in set)) };
}
