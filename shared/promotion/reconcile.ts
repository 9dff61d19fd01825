import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../aws/errors.ts';
import type { Observation, ObservedReachability } from '../core/observation.ts';
import { planPromotion } from '../core/plan-promotion.ts';
import { planUpkeep } from '../core/plan-upkeep.ts';
import type { PromotionAction } from '../core/promotion-action.ts';
import { observe, observeMembership } from '../membership/observe.ts';
import { carryOutPromotion, carryOutUpkeep } from './carry-out.ts';
import { type Fail, lookCloser, observePointers, observePromotion } from './observe.ts';
import type { PromotionTools } from './tools.ts';

/** At least one step of a promotion could not be taken; those of other groups were. */
export class PromotionError extends AggregateError {
  override readonly name = 'PromotionError';
}

export interface PromotionOptions {
  /** Milliseconds since 1970. Until then it looks again while a promotion is under way. */
  readonly until: number;
  /** An observation that was just made, for the first look. */
  readonly first?: Observation;
  /** The minute that the schedule named, in milliseconds since 1970; undefined outside a tick. */
  readonly tick?: number;
}

/** Between two looks while a command runs on a host, in milliseconds. */
const pause = 500;

/**
 * Brings every group nearer to one primary that lives: looks, plans, acts, until nothing moves any more or the time is
 * over. Another run, later or at the same time, goes on from whatever is there.
 *
 * @throws {PromotionError} at the end, if a step failed; that group was left alone until then
 */
export async function reconcilePromotion(
  tools: PromotionTools,
  { until, first, tick }: PromotionOptions,
): Promise<void> {
  const { clients, documents, logger } = tools;
  const failed = new Map<string, Error>();
  const fail: Fail = (group, what, error) =>
    failed.set(group, new Error(`group ${group}: ${what} failed: ${describeError(error)}`, { cause: error }));
  const reachability: ObservedReachability[] = [];
  const said = new Set<string>();
  let observed = first ?? (await observe(clients, tools.tags));
  for (;;) {
    const membership = await observeMembership(clients, observed);
    const view = { settings: tools.promotion, now: Date.now(), tick };
    const seen = await observePromotion(clients, membership, view, reachability, fail);
    const actions = planPromotion({ ...view, observed: seen }).filter(({ group }) => !failed.has(group));
    for (const [group, steps] of Map.groupBy(actions, (action) => action.group))
      for (const action of steps) {
        say(action, said, tools);
        try {
          if (action.kind === 'probe')
            reachability.push(await lookCloser(clients, documents, action, membership));
          else await carryOutPromotion(action, tools);
        } catch (error) {
          fail(group, `${action.kind} (${action.reason})`, error);
          break;
        }
      }
    if (actions.length === 0 || Date.now() + pause > until) {
      await upkeep(tools, membership, fail);
      break;
    }
    if (actions.some(({ kind }) => kind === 'wait' || kind === 'run')) await sleep(pause);
    observed = await observe(clients, tools.tags);
  }
  const errors = [...failed.values()];
  for (const { message } of errors) logger.error(message);
  if (errors.length > 0) throw new PromotionError(errors, errors.map(({ message }) => message).join(' | '));
}

function say({ kind, reason, group }: PromotionAction, said: Set<string>, { logger }: PromotionTools): void {
  if (said.has(reason)) return;
  said.add(reason);
  logger.info(reason, { action: kind, group });
}

/** What points at primaries; each thing is moved whatever becomes of the others. */
async function upkeep(
  tools: PromotionTools,
  membership: Awaited<ReturnType<typeof observeMembership>>,
  fail: Fail,
): Promise<void> {
  const pointers = await observePointers(tools.clients, membership, tools.hostedZone, fail);
  for (const action of planUpkeep(membership, pointers)) {
    tools.logger.info(action.reason, { action: action.kind, group: action.group });
    try {
      await carryOutUpkeep(action, tools);
    } catch (error) {
      fail(action.group, `${action.kind} (${action.reason})`, error);
    }
  }
}
