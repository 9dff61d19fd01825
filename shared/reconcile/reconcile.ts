import { setTimeout as sleep } from 'node:timers/promises';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { describeError } from '../aws/errors.ts';
import { isOutdated } from '../aws/memory.ts';
import type { MembershipAction } from '../core/membership/membership-action.ts';
import { planMembership } from '../core/membership/plan-membership.ts';
import type { Intention } from '../core/model/intention.ts';
import { isObserved } from '../core/model/mode.ts';
import type {
  ObservedInstance,
  ObservedPush,
  ObservedReachability,
  PromotionObservation,
} from '../core/model/observation.ts';
import { lacksRelease, planInstall } from '../core/model/release.ts';
import { isStaleView } from '../core/model/wake-up.ts';
import { intentionOf, pushIntentions, supposePrimary, withoutTags } from '../core/operator/plan-observed.ts';
import { earlyPushReason } from '../core/push/early-push.ts';
import { isUnsettled } from '../core/push/needs-reconciling.ts';
import { planPush } from '../core/push/plan-push.ts';
import { planWatch } from '../core/push/plan-watch.ts';
import type { OutcomeAction } from '../core/results/outcome-action.ts';
import { recordOutcome } from '../core/results/record-outcome.ts';
import { planPromotion } from '../core/succession/plan-promotion.ts';
import { planUpkeep } from '../core/succession/plan-upkeep.ts';
import type { PromotionAction } from '../core/succession/promotion-action.ts';
import { ActionReport, failureFields, hostsOf, type LoggedAction, logAction } from './action-log.ts';
import { carryOutMembership } from './carry-out-membership.ts';
import { carryOutOutcome } from './carry-out-outcome.ts';
import { carryOutPromotion, carryOutUpkeep } from './carry-out-promotion.ts';
import { carryOutWatch, pushAgain } from './carry-out-watch.ts';
import { carryOutInstall } from './install.ts';
import { noteIntentions } from './note-intentions.ts';
import { look, observeGroupPushes, observePointers } from './observe.ts';
import { askCandidates, askProbers } from './probe.ts';
import type { Tools } from './tools.ts';

export interface ReconcileOptions {
  /** Milliseconds since 1970. Until then it looks again while something moves. */
  readonly until: number;
  /** The minute that the schedule named, in milliseconds since 1970; undefined if no tick has asked for the look. */
  readonly tick?: number | undefined;
}

/** How a run has ended. */
export interface Reconciled {
  /** Something is under way, or was not done: the group is to be looked at again, whatever happens. */
  readonly pending: boolean;
  /** Does an instance say that it is of the group? */
  readonly exists: boolean;
  /** What could not be read or done, each logged already. All else was. */
  readonly errors: readonly Error[];
}

/** Between two looks while commands run on hosts, in milliseconds; most of them take less than a second. */
const pause = 500;
/** After a probe, in milliseconds: for the look that it was made for. */
const afterProbe = 5_000;
/** After a step that is done when its call is. */
const shortPause = 100;

/**
 * Brings one group nearer to where it belongs, by looking, planning and acting, until nothing moves any more or the time is over. Another
 * run, later or at the same time, goes on from whatever is there.
 *
 * @param group empty for the instances that have lost theirs
 * @throws what the look failed with, when nothing is known of the group
 */
export async function reconcile(group: string, tools: Tools, options: ReconcileOptions): Promise<Reconciled> {
  const run = new Reconciliation(group, tools, options);
  return run.go();
}

type Progress = 'moves' | 'waits' | 'settled';

/** What is followed by something that takes its time. After all else the next step can be taken at once. */
const slow: ReadonlySet<MembershipAction['kind'] | PromotionAction['kind']> = new Set([
  ...(['leave', 'relist', 'gather', 'rescue', 'join', 'first-sync', 'wait', 'keep-alive'] as const),
  'run',
]);

class Reconciliation {
  readonly #group: string;
  readonly #tools: Tools;
  readonly #options: ReconcileOptions;
  readonly #reachability: ObservedReachability[] = [];
  /** Reasons that were logged. */
  readonly #said = new Set<string>();
  /** What is done once a run for each hook: it may be the hook of somebody else that holds the instance, and stay. */
  readonly #doneHooks = new Set<string>();
  readonly #errors = new Map<string, Error>();
  /** Hosts that are left alone for the rest of the run; the next one tries again. */
  readonly #failedHosts = new Set<string>();
  /** Hosts that the package was installed on, or could not be. */
  readonly #installedOn = new Set<string>();
  #promotionFailed = false;
  #outdated = false;
  #until: number;
  /** When the last look began, in milliseconds since 1970. */
  #reconciledFrom = 0;

  constructor(group: string, tools: Tools, options: ReconcileOptions) {
    this.#group = group;
    this.#tools = tools;
    this.#options = options;
    this.#until = options.until;
  }

  async go(): Promise<Reconciled> {
    let first: PromotionObservation | undefined;
    for (let looks = 1; ; looks += 1) {
      this.#reconciledFrom = Date.now();
      const observed = await look(this.#group, this.#tools, this.#reachability, this.#failed);
      first ??= observed;
      const { instances } = observed;
      if (isObserved(instances, observed.registers.get(this.#group))) {
        const goesOn = await this.#onlyObserve(observed, looks === 1);
        if (!goesOn || Date.now() + pause > this.#until) return this.#end(this.#errors.size > 0, instances);
        await sleep(pause);
        continue;
      }
      if (looks === 1) await this.#noteIntentions(instances, []);
      const pushes = looks === 1 ? await observeGroupPushes(instances, this.#tools, this.#failed) : [];
      const isInstalled = await this.#install(observed, pushes);
      if (looks === 1) {
        await this.#recordPushes(observed, pushes);
        await this.#watch(observed, pushes);
      }
      if (isInstalled) continue;
      const promotion = await this.#promote(observed);
      // However long a promotion takes, no host is terminated meanwhile
      const steps = this.#planMembership(observed).filter(
        ({ kind }) => kind === 'keep-alive' || promotion.progress !== 'moves',
      );
      await this.#takeSteps(steps);
      const moves =
        promotion.progress !== 'settled' ||
        steps.some((step) => (step.kind === 'wait' ? step.soon : step.kind !== 'keep-alive'));
      if (moves && Date.now() + pause <= this.#until) {
        const isSlow = [...promotion.actions, ...steps].some(({ kind }) => slow.has(kind));
        await sleep(isSlow ? pause : shortPause);
        continue;
      }
      await this.#pushEarly(first, observed);
      await this.#upkeep(observed);
      const under =
        moves || this.#outdated || steps.length > 0 || promotion.actions.length > 0 || this.#errors.size > 0;
      const pending = under || isUnsettled(observed.instances);
      return this.#end(pending, observed.instances);
    }
  }

  #end(pending: boolean, instances: readonly ObservedInstance[]): Reconciled {
    return { pending, exists: instances.length > 0, errors: [...this.#errors.values()] };
  }

  /** None for a group that is not observed, or not any more. */
  async #noteIntentions(
    instances: readonly ObservedInstance[],
    intentions: readonly Intention[],
  ): Promise<void> {
    try {
      await noteIntentions(this.#group, instances, intentions, this.#tools);
    } catch (error) {
      this.#failed('saying what would be done', error);
    }
  }

  readonly #failed = (what: string, cause: unknown, fields: Readonly<Record<string, unknown>> = {}): void => {
    const message = `group ${this.#group}: ${what} failed: ${describeError(cause)}`;
    if (isOutdated(cause)) {
      // Nothing is wrong: the next look goes on from what the other run wrote
      this.#outdated = true;
      this.#tools.logger.info(message, { group: this.#group });
      return;
    }
    if (this.#errors.has(message)) return;
    this.#tools.logger.error(message, { group: this.#group, outcome: 'failed', ...fields });
    this.#errors.set(message, new Error(message, { cause }));
  };

  /**
   * Installs the package where hosts have answered that they lack the release, once a run for each host.
   *
   * @returns whether the group is to be looked at anew
   */
  async #install(observed: PromotionObservation, pushes: readonly ObservedPush[]): Promise<boolean> {
    const plan = planInstall(observed, pushes);
    if (plan === undefined || plan.waves.flat().every((id) => this.#installedOn.has(id))) return false;
    for (const id of plan.waves.flat()) this.#installedOn.add(id);
    const { logger } = this.#tools;
    const fields = { action: 'install', group: this.#group, hosts: plan.waves.flat().join(' ') };
    try {
      const { done, failed } = await carryOutInstall(this.#group, plan, observed, this.#tools);
      for (const [host, problem] of failed)
        this.#failed(`installing the host package on ${host}`, new Error(problem), fields);
      logger.info(plan.reason, {
        ...fields,
        outcome: failed.size === 0 ? 'done' : 'failed',
        installed: done.join(' '),
      });
      return done.length > 0;
    } catch (error) {
      this.#failed('installing the host package', error, fields);
      return false;
    }
  }

  /**
   * A group that is only observed: all is planned as for any other, and only what touches no host, no tag and nothing that points at one is
   * done. A promotion that has begun stays where it is: each of its steps can be the last for any time, and goes on when the tag is gone.
   *
   * @returns whether hosts were asked who of them lives, so that there is more to see
   */
  async #onlyObserve(observed: PromotionObservation, isFirst: boolean): Promise<boolean> {
    const { settings } = this.#tools;
    if (isFirst) {
      const pushes = await observeGroupPushes(observed.instances, this.#tools, this.#failed);
      await this.#recordPushes(observed, pushes, withoutTags);
      await this.#watch(observed, pushes);
    }
    const now = Date.now();
    const promotion = planPromotion({ observed, settings, now, tick: this.#options.tick });
    const supposed = { ...observed, instances: supposePrimary(observed.instances) };
    const membership = planMembership(supposed, settings, now);
    const pointers = await observePointers(observed, this.#tools, this.#failed);
    const upkeep = planUpkeep(observed, pointers);
    let goesOn = false;
    for (const action of promotion) {
      if (action.group !== this.#group || intentionOf(action) !== undefined) continue;
      if (this.#isStale()) return true;
      const done = await this.#takePromotionStep(action, observed);
      goesOn ||= done && action.kind === 'probe' && action.where === 'itself';
    }
    for (const action of membership)
      if (action.group === this.#group && action.kind === 'report-failure')
        await this.#take(action, (report) => carryOutMembership(action, this.#tools, report));
    if (goesOn) return true;
    const plan = planPush(observed).filter((each) => 'group' in each && each.group === this.#group);
    const planned = [...promotion, ...membership, ...upkeep].filter(({ group }) => group === this.#group);
    await this.#noteIntentions(observed.instances, [
      ...pushIntentions(plan),
      ...planned.flatMap((action) => {
        const kind = intentionOf(action);
        return kind === undefined ? [] : [{ kind, hosts: hostsOf(action), reason: action.reason }];
      }),
    ]);
    return false;
  }

  /** What events should have brought and did not, and what only a look at the whole group can see. */
  async #recordPushes(
    observed: PromotionObservation,
    seen: readonly ObservedPush[],
    restrict: (actions: readonly OutcomeAction[]) => readonly OutcomeAction[] = (all) => all,
  ): Promise<void> {
    const { instances } = observed;
    const plan = planPush(observed);
    const { settings } = this.#tools;
    const pushes = seen.filter((push) => !lacksRelease(push));
    const actions = recordOutcome({ instances, pushes, plan }, settings, Date.now());
    try {
      await carryOutOutcome(
        restrict(actions).filter(({ group }) => group === this.#group),
        this.#tools,
      );
    } catch (error) {
      this.#failed('recording the results of pushes', error);
    }
  }

  /** A watch that ended early goes on; one of a paused group ends. */
  async #watch(observed: PromotionObservation, pushes: readonly ObservedPush[]): Promise<void> {
    const plan = planPush(observed).filter((each) => 'group' in each && each.group === this.#group);
    const action = planWatch(this.#group, observed.instances, pushes, plan);
    if (action === undefined) return;
    try {
      await carryOutWatch(this.#group, action, observed, this.#tools);
      const { kind, reason } = action;
      this.#tools.logger.info(reason, { action: kind, outcome: 'done', group: this.#group });
    } catch (error) {
      this.#failed(`${action.kind} (${action.reason})`, error);
    }
  }

  /** Uploads do not wait for the next tick where this run made a push possible. */
  async #pushEarly(first: PromotionObservation, last: PromotionObservation): Promise<void> {
    const reason = earlyPushReason(this.#group, planPush(first), planPush(last));
    if (reason === undefined) return;
    const fields = { action: 'push-early', group: this.#group };
    try {
      await pushAgain(this.#group, last, this.#tools);
      this.#tools.logger.info(reason, { ...fields, outcome: 'done' });
    } catch (error) {
      this.#failed(`push-early (${reason})`, error, fields);
    }
  }

  async #promote(
    observed: PromotionObservation,
  ): Promise<{ readonly progress: Progress; readonly actions: readonly PromotionAction[] }> {
    if (this.#promotionFailed) return { progress: 'settled', actions: [] };
    const { settings } = this.#tools;
    const actions = planPromotion({
      observed,
      settings,
      now: Date.now(),
      tick: this.#options.tick,
    }).filter(({ group }) => group === this.#group);
    for (const action of actions)
      if (this.#isStale()) return { progress: 'moves', actions };
      else if (!(await this.#takePromotionStep(action, observed))) {
        this.#promotionFailed = true;
        return { progress: 'settled', actions };
      }
    const moving = actions.filter(({ kind }) => kind !== 'tell' && kind !== 'mirror');
    const progress = moving.some(({ kind }) => kind !== 'wait') ? 'moves' : 'waits';
    return { progress: moving.length === 0 ? 'settled' : progress, actions };
  }

  /**
   * Pushes that cannot be cancelled send an alert and hold nothing up: a former primary is kept from pushing by its fence.
   *
   * @returns false if it failed and ends the steps
   */
  async #takePromotionStep(action: PromotionAction, observed: PromotionObservation): Promise<boolean> {
    const done = await this.#take(action, async (report) => {
      if (action.kind !== 'probe') return carryOutPromotion(action, this.#tools, report);
      if (action.where === 'primary') return askProbers(this.#tools, action, observed, report);
      this.#reachability.push(await askCandidates(this.#tools, action, observed, report));
      // However long that took, what it has shown is to be looked at
      this.#until = Math.max(this.#until, Date.now() + afterProbe);
    });
    return done || action.kind === 'cancel-pushes';
  }

  /** Carries an action out, and logs what became of it when that is known. @returns whether it did not fail */
  async #take(action: LoggedAction, carryOut: (report: ActionReport) => Promise<void>): Promise<boolean> {
    const report = new ActionReport();
    try {
      await carryOut(report);
      this.#say(action, report);
      return true;
    } catch (error) {
      const what = action.kind === 'refuse' ? 'pointing at the primary' : `${action.kind} (${action.reason})`;
      this.#failed(what, error, failureFields(action, report, error));
      return false;
    }
  }

  /** A run that was held up between its look and its act would act on what is no more. */
  #isStale(): boolean {
    const isStale = isStaleView(this.#reconciledFrom, Date.now());
    if (isStale)
      this.#tools.logger.warn('what was seen is too old to act upon: the group is looked at again', {
        action: 'look',
        outcome: 'stale',
        group: this.#group,
      });
    return isStale;
  }

  #planMembership(observed: PromotionObservation): readonly MembershipAction[] {
    return planMembership(observed, this.#tools.settings, Date.now()).filter(
      (action) =>
        action.group === this.#group && !this.#doneHooks.has(hookOf(action)) && !this.#isLeftAlone(action),
    );
  }

  /** A hook that nobody keeps alive gives its instance up, and Auto Scaling terminates it: that is no time for a step that fails. */
  #isLeftAlone(action: MembershipAction): boolean {
    return action.kind !== 'keep-alive' && hostsOf(action).some((id) => this.#failedHosts.has(id));
  }

  /** In order; one that fails ends those of its hosts. */
  async #takeSteps(steps: readonly MembershipAction[]): Promise<void> {
    for (const step of steps) {
      if (this.#isStale()) return;
      if (this.#isLeftAlone(step)) continue;
      const hook = hookOf(step);
      if (hook !== '') this.#doneHooks.add(hook);
      if (step.kind === 'admit') this.#tools.metrics.addMetric('SecondariesJoined', MetricUnit.Count, 1);
      if (!(await this.#take(step, (report) => carryOutMembership(step, this.#tools, report))))
        for (const id of hostsOf(step)) this.#failedHosts.add(id);
    }
  }

  /** What points at the primary; each thing is moved whatever becomes of the others. */
  async #upkeep(observed: PromotionObservation): Promise<void> {
    const pointers = await observePointers(observed, this.#tools, this.#failed);
    for (const action of planUpkeep(observed, pointers)) {
      if (action.group === this.#group)
        await this.#take(action, (report) => carryOutUpkeep(action, this.#tools, report));
    }
  }

  /** A reason that lasts is logged once a run. */
  #say(action: LoggedAction, report: ActionReport): void {
    const { kind, reason } = action;
    const repeats = kind === 'wait' || kind === 'keep-alive' || kind === 'probe';
    const said = `${kind} ${hostsOf(action).join(' ')} ${reason}`;
    if (repeats && this.#said.has(said)) return;
    this.#said.add(said);
    logAction(this.#tools.logger, action, report);
  }
}

function hookOf(action: MembershipAction): string {
  return action.kind === 'complete-hook' || action.kind === 'keep-alive'
    ? `${action.kind} ${action.instance} ${action.hook}`
    : '';
}
