import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../aws/errors.ts';
import type { MembershipObservation, Observation, ObservedReachability } from '../core/observation.ts';
import { planPromotion } from '../core/plan-promotion.ts';
import { planUpkeep } from '../core/plan-upkeep.ts';
import type { PromotionAction } from '../core/promotion-action.ts';
import { type Fail, observe, observeMembership } from '../membership/observe.ts';
import { carryOutPromotion, carryOutUpkeep } from './carry-out.ts';
import { lookCloser, observePointers, observePromotion } from './observe.ts';
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
  const { clients, logger } = tools;
  const failed = new Map<string, Error>();
  const fail: Fail = (group, what, error) => failed.set(group, stepError(group, what, error));
  const uncancelled: Error[] = [];
  const reachability: ObservedReachability[] = [];
  const said = new Set<string>();
  let observed = first ?? (await observe(clients, tools.tags));
  for (;;) {
    const membership = await observeMembership(clients, observed, fail);
    const view = { settings: tools.promotion, now: Date.now(), tick };
    const seen = await observePromotion(clients, membership, view, reachability, fail);
    const actions = planPromotion({ ...view, observed: seen }).filter(({ group }) => !failed.has(group));
    for (const action of actions) say(action, said, tools);
    const groups = Map.groupBy(actions, ({ group }) => group);
    await Promise.all(
      [...groups.values()].map((steps) =>
        takeSteps(steps, { tools, membership, reachability, fail, uncancelled }),
      ),
    );
    if (actions.length === 0 || Date.now() + pause > until) {
      await upkeep(tools, membership, fail);
      break;
    }
    if (actions.some(({ kind }) => kind === 'wait' || kind === 'run')) await sleep(pause);
    observed = await observe(clients, tools.tags);
  }
  const errors = [...failed.values(), ...uncancelled];
  for (const { message } of errors) logger.error(message);
  if (errors.length > 0) throw new PromotionError(errors, errors.map(({ message }) => message).join(' | '));
}

function stepError(group: string, what: string, cause: unknown): Error {
  return new Error(`group ${group}: ${what} failed: ${describeError(cause)}`, { cause });
}

interface Steps {
  readonly tools: PromotionTools;
  readonly membership: MembershipObservation;
  readonly reachability: ObservedReachability[];
  readonly fail: Fail;
  readonly uncancelled: Error[];
}

/**
 * The steps of one group, in order; one that fails ends them. Pushes that cannot be cancelled are told of and hold nothing up: a former
 * primary is kept from pushing by its fence.
 */
async function takeSteps(actions: readonly PromotionAction[], to: Steps): Promise<void> {
  const { tools, membership, reachability, fail, uncancelled } = to;
  for (const action of actions) {
    const { kind, group, reason } = action;
    try {
      if (kind === 'probe')
        reachability.push(await lookCloser(tools.clients, tools.documents, action, membership));
      else await carryOutPromotion(action, tools);
    } catch (error) {
      const what = `${kind} (${reason})`;
      if (kind !== 'cancel-pushes') return fail(group, what, error);
      uncancelled.push(stepError(group, what, error));
    }
  }
}

function say({ kind, reason, group }: PromotionAction, said: Set<string>, { logger }: PromotionTools): void {
  if (said.has(reason)) return;
  said.add(reason);
  logger.info(reason, { action: kind, group });
}

/** What points at primaries; each thing is moved whatever becomes of the others. */
async function upkeep(tools: PromotionTools, membership: MembershipObservation, fail: Fail): Promise<void> {
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
