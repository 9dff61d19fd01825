import { setTimeout as sleep } from 'node:timers/promises';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { describeError } from '../aws/errors.ts';
import type { MembershipAction } from '../core/membership-action.ts';
import type { JoinSettings } from '../core/membership-view.ts';
import type { Observation } from '../core/observation.ts';
import { planMembership } from '../core/plan-membership.ts';
import type { Instruments } from '../edge/handler.ts';
import { carryOutMembership, type MembershipTools } from './carry-out.ts';
import { type Fail, observe, observeMembership } from './observe.ts';

/** At least one step of a join or leave could not be taken; all others were. */
export class MembershipError extends AggregateError {
  override readonly name = 'MembershipError';
}

export interface ReconcileTools extends MembershipTools, Instruments {
  readonly settings: JoinSettings;
}

export interface ReconcileOptions {
  /** Milliseconds since 1970. Until then it looks again while something is under way; without it, one look is taken. */
  readonly until?: number;
  /** An observation that was just made, for the first look. */
  readonly first?: Observation;
  /** The kinds of action that this function is for. */
  readonly only?: ReadonlySet<MembershipAction['kind']>;
}

/** Between two looks while commands run on hosts, in milliseconds; most of them take less than a second. */
const pause = 1_000;
/** After a step that is done when its call is. */
const shortPause = 100;
/** What is followed by something that takes its time. After all else the next step can be taken at once. */
const slow: ReadonlySet<MembershipAction['kind']> = new Set([
  'leave',
  'gather',
  'rescue',
  'join',
  'first-sync',
  'wait',
  'keep-alive',
]);

/**
 * Brings the hosts of all groups nearer to where they belong, by looking, planning and acting, until nothing moves any
 * more or the time is over. Another run, later or at the same time, goes on from whatever is there.
 *
 * @throws {MembershipError} at the end, if a step failed; its hosts were left alone until then
 */
export async function reconcileMembership(
  tools: ReconcileTools,
  options: ReconcileOptions = {},
): Promise<void> {
  const { until = 0, only } = options;
  /** Groups and hosts that are left alone for the rest of the run; the next one tries again. */
  const failed: Failed = { groups: new Map(), hosts: new Map() };
  const fail: Fail = (group, what, error) =>
    failed.groups.set(
      group,
      new Error(`group ${group}: ${what} failed: ${describeError(error)}`, { cause: error }),
    );
  const said = new Set<string>();
  const done = new Set<string>();
  let observed = options.first ?? (await observe(tools.clients, tools.tags));
  for (;;) {
    const membership = await observeMembership(tools.clients, observed, fail);
    const actions = planMembership(membership, tools.settings, Date.now()).filter(
      (action) =>
        (only?.has(action.kind) ?? true) && !done.has(hookOf(action)) && !isLeftAlone(action, failed),
    );
    for (const action of actions) done.add(hookOf(action));
    done.delete('');
    const groups = Map.groupBy(actions, ({ group }) => group);
    await Promise.all([...groups.values()].map((steps) => takeSteps(steps, tools, said, failed)));
    const moves = actions.some((action) =>
      action.kind === 'wait' ? action.soon : action.kind !== 'keep-alive',
    );
    if (!moves || Date.now() + pause > until) break;
    await sleep(actions.every(({ kind }) => slow.has(kind)) ? pause : shortPause);
    observed = await observe(tools.clients, tools.tags);
  }
  const errors = [...new Set([...failed.groups.values(), ...failed.hosts.values()])];
  if (errors.length > 0) throw new MembershipError(errors, errors.map(({ message }) => message).join(' | '));
}

interface Failed {
  readonly groups: Map<string, Error>;
  readonly hosts: Map<string, Error>;
}

/** A hook that nobody keeps alive gives its instance up, and Auto Scaling terminates it: that is no time for a step that fails. */
function isLeftAlone(action: MembershipAction, { groups, hosts }: Failed): boolean {
  if (action.kind === 'keep-alive') return false;
  return groups.has(action.group) || hostsOf(action).some((id) => hosts.has(id));
}

/** The hosts that wait for what this action does. */
function hostsOf(action: MembershipAction): readonly string[] {
  switch (action.kind) {
    case 'join':
      return action.instances;
    case 'first-sync':
      return [...action.passes.keys()];
    case 'gather':
    case 'rescue':
      return action.request.sources.map(({ id }) => id);
    case 'set-list':
      return [...action.joined, ...action.left];
    case 'record-join':
    case 'leave':
    case 'record-left':
    case 'record-gathered':
    case 'admit':
    case 'report-failure':
    case 'clear-state':
    case 'complete-hook':
    case 'keep-alive':
    case 'wait':
      return [action.instance];
  }
}

/** What is done once a run for each hook: it may be the hook of somebody else that holds the instance, and stay. */
function hookOf(action: MembershipAction): string {
  return action.kind === 'complete-hook' || action.kind === 'keep-alive'
    ? `${action.kind} ${action.instance} ${action.hook}`
    : '';
}

/** The steps of one group, in order; one that fails ends those of its hosts. */
async function takeSteps(
  actions: readonly MembershipAction[],
  tools: ReconcileTools,
  said: Set<string>,
  failed: Failed,
): Promise<void> {
  for (const action of actions) {
    if (isLeftAlone(action, failed)) continue;
    const { kind, reason, ...rest } = action;
    const quiet = kind === 'wait' || kind === 'keep-alive';
    if (!quiet || !said.has(reason)) {
      const level = kind === 'complete-hook' && action.failed ? 'error' : 'info';
      tools.logger[level](reason, { action: kind, ...rest });
      said.add(reason);
    }
    if (kind === 'admit') tools.metrics.addMetric('SecondariesJoined', MetricUnit.Count, 1);
    try {
      await carryOutMembership(action, tools);
    } catch (error) {
      const told = new Error(`group ${action.group}: ${kind} failed (${reason}): ${describeError(error)}`, {
        cause: error,
      });
      for (const id of hostsOf(action)) failed.hosts.set(id, told);
    }
  }
}
