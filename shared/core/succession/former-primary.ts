import type { ObservedInstance } from '../model/observation.ts';
import { isDeposed } from '../model/primary.ts';
import { shardNumber } from '../model/secondaries.ts';
import { primaryTagKeys, tagKeys } from '../model/tag-keys.ts';
import { type GroupView, setTags } from './group-view.ts';
import type { PromotionAction } from './promotion-action.ts';

/** An earlier primary: it pushes nothing, takes no part, and keeps what it holds until that is rescued. */
export function demoteFormer(
  view: GroupView,
  { id, tags }: ObservedInstance,
  current: ObservedInstance,
): readonly PromotionAction[] {
  const remove = Object.keys(tags).filter(
    (key) => primaryTagKeys.includes(key) || shardNumber(key) !== undefined,
  );
  const reason = `${id} was the primary before ${current.id}: what only it holds is rescued before it joins again`;
  return [
    { kind: 'cancel-pushes', group: view.group, instance: id, reason: `${id} is to push no more` },
    setTags(view, [id], { [tagKeys.state]: 'quarantined' }, [...remove, tagKeys.task], reason),
  ];
}

/** Those that were the primary and had the tag taken off by hand: before another one is, they are set apart as any former one. */
export function findUntagged(view: GroupView, { id: holder }: ObservedInstance): readonly ObservedInstance[] {
  const { claims = [], configuration } = view.register ?? {};
  const once = new Set([...claims.map((claim) => claim.holder), configuration?.primary]);
  return view.members.filter(
    (each) =>
      each.id !== holder &&
      each.tags[tagKeys.primary] === undefined &&
      (isDeposed(each) || (once.has(each.id) && each.tags[tagKeys.state] === undefined)),
  );
}
