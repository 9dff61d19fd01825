import type { PushAction } from './push-action.ts';

type Push = Extract<PushAction, { kind: 'push' }>;

/**
 * Why a group is pushed before its next tick, or nothing: what happened between two observations of it made a push possible, or made
 * one possible to more secondaries. After a promotion, uploads do not wait for the minute.
 *
 * @param before what a tick would have done at the first observation
 * @param after the same at the last one
 */
export function earlyPushReason(
  group: string,
  before: readonly PushAction[],
  after: readonly PushAction[],
): string | undefined {
  const push = pushOf(group, after);
  if (push === undefined) return undefined;
  const { primary, request } = push;
  const earlier = pushOf(group, before);
  if (earlier?.primary !== primary || earlier.request.epoch !== request.epoch)
    return `${primary} can push now, at epoch ${request.epoch}`;
  const known = new Set(earlier.request.secondaries.map(({ id }) => id));
  const fresh = request.secondaries.filter(({ id }) => !known.has(id)).map(({ id }) => id);
  return fresh.length === 0 ? undefined : `${primary} can push to ${fresh.join(', ')} now`;
}

function pushOf(group: string, plan: readonly PushAction[]): Push | undefined {
  return plan.find((action): action is Push => action.kind === 'push' && action.group === group);
}
