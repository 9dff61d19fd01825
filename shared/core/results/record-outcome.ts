import { isRaised } from '../incidents/incident.ts';
import { parseIncidents } from '../model/incident.ts';
import type { ObservedInstance, ObservedPush } from '../model/observation.ts';
import { isWatched, leaseOf } from '../model/push-options.ts';
import type { WatchLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { didNothing, watchLine } from '../model/watch-result.ts';
import type { PushAction } from '../push/push-action.ts';
import { evidenceIn, pushFailure } from './group-evidence.ts';
import { GroupIncidents } from './group-incidents.ts';
import { measureLag } from './measure-lag.ts';
import type { OutcomeAction } from './outcome-action.ts';
import { OutcomeLog } from './outcome-log.ts';
import { type OutcomeSettings, type OutcomeView, outcomeView } from './outcome-view.ts';
import { remindOfJoins } from './remind-joins.ts';
import { SecondaryIncidents } from './secondary-incidents.ts';
import { recordOutside, recordSecondaries } from './secondary-tags.ts';
import { tellExtras, tellFiles } from './synced-files.ts';
import { tickEvidence } from './tick-evidence.ts';

/** What the results are weighed against. */
export interface OutcomeObservation {
  readonly instances: readonly ObservedInstance[];
  /** Runs of push, ended or not. Those that were weighed before change nothing. */
  readonly pushes: readonly ObservedPush[];
  /** What the tick decided; undefined when only results are weighed. */
  readonly plan?: readonly PushAction[];
}

/**
 * What follows from the results of pushes, and from what the tick saw: tags that say how far each secondary is, events
 * for what began or ended, metrics. Made from the tags and the results alone, so it may be made again at any time; what
 * is recorded already follows no second time.
 *
 * @param now milliseconds since 1970
 */
export function recordOutcome(
  observed: OutcomeObservation,
  settings: OutcomeSettings,
  now: number,
): readonly OutcomeAction[] {
  const tagged = observed.instances.filter(({ tags }) => tags[tagKeys.group] !== undefined);
  return [...Map.groupBy(tagged, ({ tags }) => tags[tagKeys.group] ?? '')].flatMap(([group, members]) =>
    new GroupOutcome(outcomeView(group, members, settings, now), observed).actions(),
  );
}

/** How far behind every secondary is that is pushed to, as metrics. */
export function measureGroups(
  observed: Pick<OutcomeObservation, 'instances' | 'plan'>,
  settings: OutcomeSettings,
  now: number,
): readonly OutcomeAction[] {
  return recordOutcome({ ...observed, pushes: [] }, settings, now).filter(({ kind }) => kind === 'measure');
}

/** Ticks after which the result of a watch is late: it comes when the next tick has taken over. */
const lateResult = 1.5;

/** While one of these lasts, every secondary falls behind. */
const holdsAllUp: readonly string[] = ['push-failed', 'directory-not-pushed', 'deletions-held'];

/** What is raised of the group's promotions, whoever carries it. */
function raisedPromotionCodes(members: readonly ObservedInstance[]): readonly string[] {
  const noted = members.flatMap(({ tags }) => parseIncidents(tags[tagKeys.promotionIncident]));
  return noted.flatMap(([, incident]) => (isRaised(incident) ? [incident.code] : []));
}

class GroupOutcome {
  readonly #view: OutcomeView;
  readonly #observed: OutcomeObservation;
  readonly #log: OutcomeLog;
  readonly #incidents: GroupIncidents;
  readonly #secondaries: SecondaryIncidents;
  /** When the group's last push was asked for, in milliseconds since 1970. */
  #recorded: number;

  constructor(view: OutcomeView, observed: OutcomeObservation) {
    this.#view = view;
    this.#observed = observed;
    this.#log = new OutcomeLog(view.group);
    this.#incidents = new GroupIncidents(view, this.#log);
    this.#secondaries = new SecondaryIncidents(view, this.#log);
    this.#recorded = view.recordedBefore;
  }

  actions(): readonly OutcomeAction[] {
    const { primary } = this.#view;
    const { plan } = this.#observed;
    const { states } = this.#secondaries;
    if (primary !== undefined) this.#weighPushes(primary);
    if (plan !== undefined) this.#weighPlan(plan);
    if (primary !== undefined) {
      this.#secondaries.tell(primary);
      // The time on the primary makes both of these old news, and this may be cut off in between
      recordOutside(primary, states, this.#log);
    }
    this.#incidents.record();
    recordSecondaries(this.#view, states, this.#recorded, this.#log);
    return this.#log.actions();
  }

  #weighPushes(primary: ObservedInstance): void {
    const pushes = this.#observed.pushes
      .filter(({ instance, status }) => instance === primary.id && status !== 'under-way')
      .sort((a, b) => a.requestedAt - b.requestedAt);
    for (const push of pushes) this.#weighPush(primary, push);
  }

  #weighPush(primary: ObservedInstance, push: ObservedPush): void {
    const { group, recordedBefore } = this.#view;
    // When SSM was asked, not when the host says that it began: one clock for all hosts, and never too late
    const { lines, requestedAt: at } = push;
    const common = { group, primary: primary.id };
    const known = this.#recorded;
    const failure = pushFailure(push, at, common);
    this.#incidents.weigh(failure, known);
    const watched = watchLine(push);
    const idle = didNothing(push);
    // Only a push that finished says that a directory is well again
    if (!failure.raised && !idle)
      for (const evidence of evidenceIn(lines, at, common)) this.#incidents.weigh(evidence, known);
    const fresh = lines
      .filter((line) => line.kind === 'secondary')
      .filter((line) => this.#secondaries.weigh(line, push, !failure.raised));
    // A tick that came twice must not make old news of what the watch, which was asked for before, says in the end
    if (!failure.raised && at > this.#recorded && !(idle && push.watches === true)) {
      this.#recorded = at;
      const summary = lines.find((line) => line.kind === 'push');
      if (watched !== undefined) this.#measureWatch(push, watched);
      else if (summary !== undefined)
        this.#log.measure({ PushSeconds: summary.seconds }, `push ${push.command}`);
    }
    tellFiles(group, fresh, primary, push, this.#log);
    if (!failure.raised && !idle && at > recordedBefore) {
      tellExtras(group, primary, push, this.#log);
      this.#answerAcceptance(primary, push);
    }
  }

  /** While a group is watched, its lag is known when a result comes; until the next one a tick could only tell how old that is. */
  #measureWatch({ lines, command }: ObservedPush, { arrivals, p50, p99 }: WatchLine): void {
    const served = lines.flatMap((line) =>
      line.kind === 'secondary' && line.error !== 'busy' ? [line.id] : [],
    );
    measureLag(this.#secondaries.states, new Set(served), this.#recorded, this.#view.now, this.#log);
    if (arrivals > 0) this.#log.measure({ LagP50: p50, LagP99: p99 }, `push ${command}`);
  }

  /** The operator's request is taken away when a push has done what it asks, or shows that it asks for something else. */
  #answerAcceptance({ id: primary, tags }: ObservedInstance, { lines }: ObservedPush): void {
    const accepted = tags[tagKeys.acceptDeletions];
    if (accepted === undefined) return;
    const id = accepted.trim();
    const answer = lines.find((line) => line.kind === 'deletions-accepted' && line.id === id);
    const held = lines.flatMap((line) => (line.kind === 'deletions-held' ? [line.id] : []));
    // The push was asked for before the tag was set
    if (answer === undefined && held.includes(id)) return;
    const others =
      held.length === 0 ? 'no deletions are held' : `the deletions that are held are ${held.join(', ')}`;
    const reason =
      answer?.kind === 'deletions-accepted' ? `${answer.count} deletions ${id}: ${answer.message}` : others;
    this.#log.record([primary], {}, [tagKeys.acceptDeletions], reason);
  }

  /** What the tick saw. */
  #weighPlan(plan: readonly PushAction[]): void {
    const { group, members, primary, configuration, settings, now } = this.#view;
    const own = plan.filter((action) => action.kind !== 'nothing-to-do' && action.group === group);
    const blocker = own.find((action) => action.kind === 'no-push');
    if (blocker?.code === 'paused') return;
    const { pushes } = this.#observed;
    const { overrunAfter, tickSeconds } = settings;
    const options = configuration?.options ?? new Map();
    const lease = leaseOf(options, tickSeconds);
    const raised = raisedPromotionCodes(members);
    const seen = { group, members, primary, pushes, plan: own, raised, overrunAfter, lease, now };
    for (const evidence of tickEvidence(seen)) this.#incidents.weigh(evidence, 0);
    if (primary === undefined) return;
    const targets = pushedTo(own);
    const { states } = this.#secondaries;
    if (!holdsAllUp.some((code) => this.#incidents.isRaised(code)))
      for (const state of states)
        if (targets.has(state.secondary.id)) this.#secondaries.weighAge(state, primary, this.#recorded);
    remindOfJoins(this.#view, this.#log);
    if (configuration === undefined) return;
    const least = isWatched(options) ? tickSeconds * lateResult : 0;
    measureLag(states, targets, this.#recorded, now, this.#log, least);
  }
}

/** The secondaries that are pushed to; after a promotion, also those that wait for it: they fall behind until they are reached. */
function pushedTo(plan: readonly PushAction[]): ReadonlySet<string> {
  return new Set(
    plan.flatMap((action) => {
      if (action.kind === 'push') return action.request.secondaries.map(({ id }) => id);
      return action.kind === 'leave-out' && action.code === 'not-gathered' ? [action.secondary] : [];
    }),
  );
}
