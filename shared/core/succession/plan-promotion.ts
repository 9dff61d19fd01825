import { assess, isRaised } from '../incidents/incident.ts';
import { noticeKey, toldOf } from '../incidents/notice.ts';
import { holdOf, isInhibited } from '../incidents/rules.ts';
import type { JoinSettings } from '../membership/membership-view.ts';
import {
  type DomainEvent,
  domainEvent,
  type GroupEventType,
  type PromotionCandidate,
  type Told,
  timestamp,
} from '../model/domain-event.ts';
import { type GroupConfiguration, groupNameProblem, parseConfiguration } from '../model/group.ts';
import { isGathered } from '../model/member.ts';
import { isConfiguration, mirrorDigest, mirroredTags } from '../model/mirror.ts';
import type {
  Claim,
  ObservedInstance,
  PromotionObservation,
  Register,
  ScriptLine,
} from '../model/observation.ts';
import { epochOf, findPrimary, isDeposed, isEstablished, promotedMark } from '../model/primary.ts';
import { roomProblem } from '../model/room.ts';
import { type Route, routeBetween } from '../model/route.ts';
import { formatOwnShards, listEntry, parseSecondaries, shardNumber } from '../model/secondaries.ts';
import { primaryTagKeys, stateTagKeys, tagKeys } from '../model/tag-keys.ts';
import { words } from '../model/tag-problem.ts';
import { digest, parseTask, type Task } from '../model/task.ts';
import { outcomeOf } from '../model/task-outcome.ts';
import { parseTime, secondsBetween } from '../model/time.ts';
import { formatTrouble, parseTroubles, type Trouble } from '../model/trouble.ts';
import { assessPrimary, closerLook, type Health, isFailing } from './primary-health.ts';
import { isDecided, isPast } from './probe.ts';
import type { PromotionAction } from './promotion-action.ts';
import { promotionBlocker, rankCandidates } from './promotion-blocker.ts';
import { lastSignOfLife } from './sign-of-life.ts';

export interface PromotionSettings extends JoinSettings {
  /** `manual`: what would be done is told, and left to a person. */
  readonly failover: 'auto' | 'manual';
  /** Ticks in a row whose closer look has to find a suspected primary dead. */
  readonly failoverTicks: number;
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
  /** Seconds after a promotion in which no other one happens by itself. */
  readonly coolDown: number;
}

/** What one plan looks at. */
export interface PromotionView {
  readonly observed: PromotionObservation;
  readonly settings: PromotionSettings;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The minute that the schedule named, in milliseconds since 1970; undefined outside a tick: then no look counts. */
  readonly tick?: number | undefined;
}

/**
 * What is to be done next so that every group has one primary that lives. It is made from what is there, so it can be made
 * again after any interruption, by any number of runs at once: only the claim of an epoch decides between them.
 */
export function planPromotion(view: PromotionView): readonly PromotionAction[] {
  return [...membersByGroup(view.observed.instances)].flatMap(([group, members]) =>
    members.some(({ id }) => groupNameProblem(id, group) !== undefined)
      ? []
      : new GroupPromotion(group, members, view).plan(),
  );
}

/**
 * When a host was last asked for something that it does not do, for it follows a newer epoch: that of a promotion that was given up
 * halfway. In milliseconds since 1970; 0 for never.
 */
function refusedAt(
  members: readonly ObservedInstance[],
  { commands }: Pick<PromotionObservation, 'commands'>,
): number {
  const tasks = new Map(
    members.flatMap(({ tags }) => {
      const task = parseTask(tags[tagKeys.task]);
      return task === undefined ? [] : [[task.command, task.requestedAt] as const];
    }),
  );
  const refused = commands.filter(({ lines }) =>
    lines.some((line) => line.kind === 'error' && line.error === 'older-epoch'),
  );
  return Math.max(0, ...refused.map(({ command }) => tasks.get(command) ?? 0));
}

function membersByGroup(
  instances: readonly ObservedInstance[],
): ReadonlyMap<string, readonly ObservedInstance[]> {
  const tagged = instances.filter(({ tags }) => tags[tagKeys.group] !== undefined);
  return Map.groupBy(tagged, ({ tags }) => tags[tagKeys.group] ?? '');
}

/** What can be wrong with a promotion, and the event that tells of it. */
type TroubleCode = 'primary-suspected' | 'promotion-blocked';

class GroupPromotion {
  readonly #group: string;
  readonly #members: readonly ObservedInstance[];
  readonly #view: PromotionView;
  readonly #register: Register | undefined;

  constructor(group: string, members: readonly ObservedInstance[], view: PromotionView) {
    this.#group = group;
    this.#members = members;
    this.#view = view;
    this.#register = view.observed.registers.get(group);
  }

  plan(): readonly PromotionAction[] {
    const { current, superseded, tied } = findPrimary(this.#members);
    if (tied.length > 0) return [];
    if (current === undefined) return this.#withoutPrimary();
    // The user's own hand comes first, whatever else is going on
    if (!isEstablished(current)) return this.#adopt(current, superseded);
    const former = [...superseded, ...this.#members.filter(isDeposed)];
    return [
      ...this.#announce(current),
      ...former.flatMap((each) => this.#demote(each, current)),
      ...this.#keep(current),
    ];
  }

  // --- a group that has a primary

  #keep(current: ObservedInstance): readonly PromotionAction[] {
    const unfinished = this.#unfinished(epochOf(current) ?? 0);
    if (unfinished !== undefined) return this.#goOn(...unfinished);
    const health = assessPrimary(current, this.#view.observed);
    switch (health.kind) {
      case 'well':
        if (this.#followNewer(epochOf(current) ?? 0)) return this.#catchUp(current);
        if (this.#isAbandoned(current)) return this.#retire(current);
        if (this.#isForgotten(epochOf(current) ?? 0))
          return this.#renew(current, "hostsync's memory of the group was lost");
        return [
          ...this.#clearSuspicion(current),
          ...this.#tidy(current),
          ...this.#mirror(current),
          ...this.#settle([]),
        ];
      case 'suspected':
        return this.#suspect(current, health.signs);
      case 'leaving':
        return [
          ...this.#clearSuspicion(current),
          ...this.#tidy(current, true),
          ...this.#handOver(current, health),
        ];
      case 'gone':
        return this.#failOver(current, current.id, epochOf(current) ?? 0, health.why);
    }
  }

  /** Hosts follow a newer epoch than that of the primary, of a claim that came to nothing or that is forgotten: it takes the next. */
  #catchUp(current: ObservedInstance): readonly PromotionAction[] {
    const claimed = this.#register?.claims.at(-1)?.epoch ?? 0;
    const why =
      claimed > (epochOf(current) ?? 0)
        ? `the promotion to epoch ${claimed} was given up, and hosts follow it`
        : 'hosts follow a newer epoch, which nobody remembers';
    return this.#renew(current, why);
  }

  /** What was asked before the epoch began was asked in the name of an earlier one. */
  #followNewer(epoch: number): boolean {
    const refused = refusedAt(this.#members, this.#view.observed);
    const claims = this.#register?.claims ?? [];
    const newest = claims.at(-1);
    if (refused === 0 || newest === undefined) return false;
    return newest.epoch > epoch || refused > newest.at;
  }

  #renew(current: ObservedInstance, why: string): readonly PromotionAction[] {
    if (this.#register === undefined) return [];
    const epoch = this.#nextEpoch(epochOf(current) ?? 0);
    return [this.#claim({ kind: 'adopted', holder: current.id, why, epoch })];
  }

  /** Somebody claimed an epoch for another host and died before anything came of it. */
  #isAbandoned(current: ObservedInstance): boolean {
    return (this.#register?.claims.at(-1)?.epoch ?? 0) > (epochOf(current) ?? 0);
  }

  /** A claim that nobody began and nobody needs any more is made void by the next epoch, whenever its command may still come. */
  #retire(current: ObservedInstance): readonly PromotionAction[] {
    if (current.tags[tagKeys.paused] !== undefined) return [];
    const epoch = this.#register?.claims.at(-1)?.epoch;
    return this.#renew(current, `nothing came of the claim on epoch ${epoch}, and ${current.id} lives`);
  }

  /** Nobody remembers who claimed the epoch of the primary: the table was lost, or is that of an earlier day. */
  #isForgotten(epoch: number): boolean {
    return this.#register !== undefined && (this.#register.claims.at(-1)?.epoch ?? 0) < epoch;
  }

  /** The mirror of the tags is read when no primary is left: EC2 drops the tags of what was terminated. */
  #mirror(current: ObservedInstance): readonly PromotionAction[] {
    const { head } = this.#register ?? {};
    const { id } = current;
    const wanted = mirrorDigest(current);
    if (head === undefined || head.configuration === wanted) return [];
    return [
      {
        ...{ kind: 'mirror', group: this.#group, primary: id, tags: mirroredTags(current), digest: wanted },
        reason: `the tags of ${id} have changed: their mirror is written`,
      },
    ];
  }

  /** What a run that was killed has left: of its time as a secondary, or of a switchover that nobody asks for any more. */
  #tidy({ id, tags }: ObservedInstance, handsOver = false): readonly PromotionAction[] {
    const left = leftWhenPromoted(tags).filter((key) => !handsOver || key !== tagKeys.task);
    if (left.length === 0) return [];
    return [this.#tag([id], {}, left, `${id} is the primary: ${left.join(', ')} is of no use any more`)];
  }

  #clearSuspicion({ id, tags }: ObservedInstance): readonly PromotionAction[] {
    const noted = [tagKeys.suspected, tagKeys.probe].filter((key) => tags[key] !== undefined);
    return noted.length === 0 ? [] : [this.#tag([id], {}, noted, `${id} is seen`)];
  }

  // --- suspicion

  /**
   * A tick has others look at it, twice; when they are done the group is looked at again. Counts the probes in a row that found it dead, each
   * once.
   */
  #suspect(current: ObservedInstance, signs: readonly string[]): readonly PromotionAction[] {
    const { observed, settings, tick, now } = this.#view;
    const { id, tags } = current;
    const found = observed.reachability.filter(({ instance }) => instance === id);
    const probers = this.#probers(current);
    const last = found.find(({ connection }) => connection !== undefined);
    if (last === undefined || (tick !== undefined && isPast(last, now))) {
      if (tick === undefined) return [];
      const reason = `${id} may be dead: ${signs.join('; ')}`;
      return [this.#probe(id, 'primary', probers.slice(0, 3), reason)];
    }
    if (!isDecided(last, now)) return [];
    const { verdict, seen } = closerLook(current, observed, found, probers.length);
    // One that somebody sees is not told of as one that may be dead
    if (verdict === 'alive') return [...this.#clearSuspicion(current), ...this.#settle([])];
    const told = this.#settle([
      this.#trouble('primary-suspected', '', (told, key) =>
        domainEvent('Primary Suspected', this.#group, [id, ...key], {
          ...{ ...told, primary: id, signs, seen },
        }),
      ),
    ]);
    if (verdict === 'unknown') return told;
    const [count, counted] = parseSuspicion(tags[tagKeys.suspected], now);
    const looks = last.requestedAt > counted ? count + 1 : count;
    const suspicion = { [tagKeys.suspected]: formatSuspicion(looks, last.requestedAt) };
    const reason = `${id} looks dead, for the ${looks}. time: ${seen.join('; ')}`;
    const noted = looks === count ? [] : [this.#tag([id], suspicion, [], reason)];
    if (looks < settings.failoverTicks) return [...noted, ...told];
    const why = `${signs.join('; ')}; ${seen.join('; ')}`;
    return [...noted, ...this.#failOver(current, id, epochOf(current) ?? 0, why)];
  }

  #probe(
    instance: string,
    where: 'primary' | 'itself',
    by: readonly string[],
    reason: string,
  ): PromotionAction {
    return { kind: 'probe', group: this.#group, instance, where, by, reason };
  }

  /** Secondaries that can be asked whether they reach the primary, those in other zones first. */
  #probers(current: ObservedInstance): readonly string[] {
    const { observed } = this.#view;
    const online = new Set(observed.agents.filter((agent) => agent.online).map(({ id }) => id));
    return this.#members
      .filter(
        ({ id, state, tags }) =>
          id !== current.id &&
          state === 'running' &&
          online.has(id) &&
          !isFailing(id, observed) &&
          tags[tagKeys.hostKey] !== undefined,
      )
      .filter((member) => routeBetween(member, current).kind === 'route')
      .sort(
        (a, b) => Number(a.zone === current.zone) - Number(b.zone === current.zone) || (a.id < b.id ? -1 : 1),
      )
      .map(({ id }) => id);
  }

  // --- a group that has none

  #withoutPrimary(): readonly PromotionAction[] {
    const register = this.#register;
    // It never had one: it is being set up
    if (register?.configuration === undefined) return [];
    const unfinished = this.#unfinished(0);
    if (unfinished !== undefined) return this.#goOn(...unfinished);
    const { tags } = register.configuration;
    const mirrored = Number(tags[tagKeys.primary]) || 0;
    // The mirror may not have been written yet for the last primary
    const last = register.claims.at(-1);
    const newer = last !== undefined && last.epoch > mirrored ? last : undefined;
    const primary =
      newer === undefined || this.#wasNeverPromoted(newer) ? register.configuration.primary : newer.holder;
    // It is there, and somebody took a tag away: their next step is not ours to guess
    if (this.#view.observed.instances.some(({ id }) => id === primary)) return [];
    return this.#failOver(undefined, primary, mirrored, `EC2 does not show ${primary} any more`);
  }

  /** The holder of a claim that is still what it was before. */
  #wasNeverPromoted({ holder, epoch }: Claim): boolean {
    const found = this.#members.find(({ id }) => id === holder);
    return found !== undefined && found.tags[tagKeys.promoted] !== promotedMark(holder, epoch);
  }

  // --- failover

  #failOver(
    current: ObservedInstance | undefined,
    from: string,
    epoch: number,
    why: string,
  ): readonly PromotionAction[] {
    if (this.#register === undefined) return [];
    const [ranked, blockers] = this.#candidates(from);
    const held = this.#heldBack(current, epoch, ranked.length > 0);
    const living = held === undefined ? this.#claimForLiving(ranked, from, why, epoch) : undefined;
    if (living !== undefined) return living;
    const message = held ?? 'none of the secondaries that may be promoted answers';
    const next = this.#nextEpoch(epoch);
    const told = this.#trouble('promotion-blocked', message, (told, key) =>
      domainEvent('Promotion Blocked', this.#group, [from, ...key, message], {
        ...{ ...told, primary: from, why, message, epoch: next },
        candidates: this.#describeCandidates(ranked, blockers),
        directories: this.#configurationOf(current)[tagKeys.directories] ?? '',
      }),
    );
    return this.#settle([told]);
  }

  /** What keeps everybody from being promoted, or nothing. */
  #heldBack(
    current: ObservedInstance | undefined,
    epoch: number,
    hasCandidates: boolean,
  ): string | undefined {
    const { settings, now } = this.#view;
    const register = this.#register;
    const paused = current?.tags[tagKeys.paused] ?? register?.configuration?.tags[tagKeys.paused];
    if (paused !== undefined) return `the group is paused: "${paused}"`;
    if (settings.failover === 'manual') return 'failover is left to a person';
    // A promotion that did not come to its end does not hold up the next
    const last = register?.claims.findLast(
      (claim) => (claim.kind === 'failover' || claim.kind === 'switchover') && claim.epoch <= epoch,
    );
    if (last !== undefined && secondsBetween(last.at, now) < settings.coolDown)
      return `epoch ${last.epoch} began less than ${settings.coolDown} s ago`;
    return hasCandidates ? undefined : 'no secondary may be promoted';
  }

  /** Those that could be promoted, the best first, and those that could not; of each whether it runs at all. */
  #describeCandidates(
    able: readonly ObservedInstance[],
    blockers: ReadonlyMap<string, string>,
  ): readonly PromotionCandidate[] {
    const states = new Map(this.#members.map(({ id, state }) => [id, state]));
    return [...able.map(({ id }) => [id, ''] as const), ...blockers].map(([instance, blocker]) => ({
      ...{ instance, blocker, state: states.get(instance) },
    }));
  }

  /**
   * SSM's last ping may be five minutes old: who is promoted has just answered.
   *
   * @returns undefined if nobody does
   */
  #claimForLiving(
    ranked: readonly ObservedInstance[],
    from: string,
    why: string,
    epoch: number,
  ): readonly PromotionAction[] | undefined {
    const { observed, now } = this.#view;
    const found = observed.reachability.filter(
      ({ instance, requestedAt }) => instance === from && now - requestedAt < justNow,
    );
    const answered = new Set(found.flatMap((each) => each.answered));
    const asked = new Set(found.flatMap((each) => each.asked));
    const holder = ranked.find(({ id }) => answered.has(id));
    if (holder !== undefined)
      return [this.#claim({ kind: 'failover', holder: holder.id, from, why, epoch: this.#nextEpoch(epoch) })];
    const next = ranked.filter(({ id }) => !asked.has(id)).slice(0, 3);
    if (next.length === 0) return undefined;
    const names = next.map(({ id }) => id);
    return [this.#probe(from, 'itself', names, `which of ${names.join(', ')} lives? ${why}`)];
  }

  /**
   * @param pusher the primary that is to send them its last changes
   * @returns those that may be promoted, the best first, and why the others may not
   */
  #candidates(
    from: string,
    pusher?: ObservedInstance,
  ): readonly [readonly ObservedInstance[], ReadonlyMap<string, string>] {
    const { observed, settings, now } = this.#view;
    // One that pushes lives
    const livedUntil = pusher === undefined ? lastSignOfLife(from, observed, now) : now;
    const blockers = new Map<string, string>();
    const able: ObservedInstance[] = [];
    for (const member of this.#members) {
      if (member.id === from) continue;
      const route = pusher === undefined ? undefined : routeBetween(pusher, member);
      const blocker =
        promotionBlocker(member, observed, settings, livedUntil) ??
        (route?.kind === 'no-route' ? route.reason : undefined) ??
        roomProblem(member, this.#keysOfPrimary(from));
      if (blocker === undefined) able.push(member);
      else blockers.set(member.id, blocker);
    }
    const others = this.#members.filter(({ id, state }) => id !== from && state === 'running');
    return [rankCandidates(able, others), blockers];
  }

  /** The tags that make a host the primary after another one. */
  #keysOfPrimary(from: string): readonly string[] {
    const before = this.#members.find(({ id }) => id === from);
    const inherited = Object.keys(this.#configurationOf(before));
    return [...inherited, tagKeys.primary, tagKeys.promoted, tagKeys.publicKey];
  }

  // --- planned switchover

  /** One that is held up must not keep hosts waiting for an epoch that they follow. */
  #handOver(
    current: ObservedInstance,
    health: Extract<Health, { kind: 'leaving' }>,
  ): readonly PromotionAction[] {
    const steps = this.#switchOver(current, health);
    const held = steps.every(({ kind }) => kind === 'tell' || kind === 'tag');
    return held && this.#followNewer(epochOf(current) ?? 0) ? [...steps, ...this.#catchUp(current)] : steps;
  }

  /** Takes no more writes where the user has a hook for that, pushes until nothing is left, and only then claims. */
  #switchOver(
    current: ObservedInstance,
    leaving: Extract<Health, { kind: 'leaving' }>,
  ): readonly PromotionAction[] {
    const { target, why } = leaving;
    const epoch = epochOf(current) ?? 0;
    if (this.#register === undefined) return [];
    const task = parseTask(current.tags[tagKeys.task]);
    const begun = task?.step === 'prepare' || task?.step === 'final-push' ? task : undefined;
    const [ranked, blockers] = this.#candidates(current.id, current);
    const chosen = chooseTarget(ranked, target, begun);
    const blocked = (message: string) => this.#switchoverBlocked(current, why, message, blockers);
    if (current.tags[tagKeys.paused] !== undefined) return blocked('the group is paused');
    const configuration = parseConfiguration(current);
    if (!configuration.ok) return blocked('a tag of the primary is wrong');
    if (chosen === undefined)
      return blocked(target === 'any' ? 'no secondary may be promoted' : `${target} may not be promoted`);
    // A push deletes, and this one may hold what the primary never had
    if (!isGathered(chosen, epoch))
      return [this.#wait(`${chosen.id} first gives ${current.id} what only it holds`)];
    const route = routeBetween(current, chosen);
    if (route.kind === 'no-route') return blocked(route.reason);
    const run = this.#handOverStep(current, chosen, configuration.value, route);
    if (begun?.digest !== digest(chosen.id))
      return [run('prepare', 1, `${current.id} is to hand over to ${chosen.id}: ${why}`)];
    return this.#continueSwitchover(current, chosen, begun, { ...leaving, run, blocked });
  }

  #switchoverBlocked(
    current: ObservedInstance,
    why: string,
    message: string,
    blockers: ReadonlyMap<string, string>,
  ): readonly PromotionAction[] {
    const epoch = this.#nextEpoch(epochOf(current) ?? 0);
    const directories = current.tags[tagKeys.directories] ?? '';
    return this.#settle([
      this.#trouble('promotion-blocked', message, (told, key) =>
        domainEvent('Promotion Blocked', this.#group, [current.id, ...key, message], {
          ...{ ...told, primary: current.id, why, message, epoch, directories },
          candidates: this.#describeCandidates([], blockers),
        }),
      ),
    ]);
  }

  /** Makes the steps with which a primary hands over to one host. */
  #handOverStep(
    current: ObservedInstance,
    chosen: ObservedInstance,
    { epoch, directories, excludes, options }: GroupConfiguration,
    { address, port }: Extract<Route, { kind: 'route' }>,
  ): HandOverStep {
    const group = this.#group;
    const common = { group, epoch, directories, excludes };
    const secondaries = [{ id: chosen.id, address, port, hostKey: chosen.tags[tagKeys.hostKey] }];
    const requests = {
      prepare: { script: 'leave', value: { ...common, peer: chosen.id, prepare: true } },
      'final-push': { script: 'push', value: { ...common, options, secondaries } },
    } as const;
    return (step, pass, reason) => ({
      kind: 'run',
      group,
      instance: current.id,
      step,
      pass,
      digest: digest(chosen.id),
      reason,
      request: requests[step],
    });
  }

  /** What follows from how far the step has come that was asked for last. */
  #continueSwitchover(
    current: ObservedInstance,
    chosen: ObservedInstance,
    task: Task,
    switchover: Switchover,
  ): readonly PromotionAction[] {
    const { run, blocked, byOperator } = switchover;
    const { observed, now } = this.#view;
    const outcome = outcomeOf(task, current.id, { observed, now });
    const step = task.step === 'prepare' ? 'prepare' : 'final-push';
    switch (outcome.kind) {
      case 'under-way':
        return [this.#wait(outcome.reason)];
      case 'failed':
        return [...blocked(outcome.reason), this.#wait(outcome.reason)];
      case 'again': {
        const hookFails = step === 'prepare' && outcome.failed;
        // What is forced upon the host does not wait for its hook
        if (hookFails && byOperator) return blocked(outcome.reason);
        return [run(hookFails ? 'final-push' : step, task.pass, outcome.reason)];
      }
      case 'ended':
        if (step === 'prepare') return [run('final-push', 1, `${current.id} has stopped taking writes`)];
        return this.#afterFinalPush(current, chosen, task, outcome.command.lines, switchover);
    }
  }

  #afterFinalPush(
    current: ObservedInstance,
    chosen: ObservedInstance,
    { pass, requestedAt }: Task,
    lines: readonly ScriptLine[],
    { run, blocked, why }: Switchover,
  ): readonly PromotionAction[] {
    const { now } = this.#view;
    const line = lines.find((each) => each.kind === 'secondary' && each.id === chosen.id);
    if (line?.kind !== 'secondary') return [run('final-push', pass, `nothing was said about ${chosen.id}`)];
    if (!line.ok) {
      const reason = `${line.error}: ${line.message}`;
      if (secondsBetween(requestedAt, now) < retryAfter) return [this.#wait(reason)];
      const again = run('final-push', pass, reason);
      return line.error === 'busy' ? [again] : [...blocked(reason), again];
    }
    // Whatever has kept us from going on: what came since then is not in it
    if (secondsBetween(requestedAt + line.seconds * 1000, now) > validFor)
      return [run('prepare', 1, `the last push of ${current.id} is too old`)];
    const settled = line.files === 0 && line.deleted === 0;
    if (pass < 2 || (!settled && pass < mostPasses))
      return [run('final-push', pass + 1, `${line.files} files were sent in pass ${pass}`)];
    const open = `${why}; writes did not end, so the last ${line.files} files may be followed by more`;
    const epoch = this.#nextEpoch(epochOf(current) ?? 0);
    const claim = { kind: 'switchover', holder: chosen.id, from: current.id, epoch } as const;
    return [this.#claim({ ...claim, why: settled ? why : open })];
  }

  // --- claims

  /** Where claims may be forgotten, or hosts follow one that is, the time of day is beyond all that were made by counting. */
  #nextEpoch(epoch: number): number {
    const claimed = Math.max(0, ...(this.#register?.claims.map((claim) => claim.epoch) ?? []));
    const forgotten = claimed < epoch || (claimed === epoch && this.#followNewer(epoch));
    const floor = forgotten ? Math.floor(this.#view.now / 1000) : 0;
    return Math.max(epoch, claimed, floor) + 1;
  }

  #claim(claim: Omit<Claim, 'at'>): PromotionAction {
    const { holder, epoch, why } = claim;
    return {
      ...{ kind: 'claim', group: this.#group, claim: { ...claim, at: this.#view.now } },
      seen: this.#register?.head,
      reason: `${holder} is to be the primary of epoch ${epoch}: ${why}`,
    };
  }

  /** The newest claim, if it is above this epoch and its holder can still be what it was chosen for. */
  #unfinished(epoch: number): readonly [ObservedInstance, Claim] | undefined {
    const claim = this.#register?.claims.at(-1);
    if (claim === undefined || claim.epoch <= epoch) return undefined;
    const holder = this.#members.find(({ id }) => id === claim.holder);
    if (holder === undefined) return undefined;
    const task = parseTask(holder.tags[tagKeys.task]);
    const { observed, settings, now } = this.#view;
    const online = observed.agents.find((agent) => agent.id === holder.id)?.online === true;
    const isPrimary = holder.tags[tagKeys.primary] !== undefined;
    const begun = (task?.step === 'promote' || isPrimary) && holder.state === 'running' && online;
    if (begun) return [holder, claim];
    // A host that was chosen and is dead or behind by now is chosen no more; nor is one whose turn never came
    if (now - claim.at > abandonedAfter || this.#mayNotBegin(claim)) return undefined;
    const livedUntil = lastSignOfLife(claim.from ?? '', observed, now);
    if (promotionBlocker(holder, observed, settings, livedUntil) !== undefined) return undefined;
    return [holder, claim];
  }

  /** What keeps a claim from being made keeps one that was made from being begun. */
  #mayNotBegin({ kind, from }: Claim): boolean {
    const before = this.#members.find(({ id }) => id === from);
    const isNeeded =
      kind !== 'failover' ||
      before?.tags[tagKeys.primary] === undefined ||
      assessPrimary(before, this.#view.observed).kind !== 'well';
    if (!isNeeded) return true;
    const configuration = this.#register?.configuration?.tags;
    const paused = this.#members.some(
      ({ tags }) => tags[tagKeys.primary] !== undefined && tags[tagKeys.paused] !== undefined,
    );
    if (paused || configuration?.[tagKeys.paused] !== undefined)
      return kind !== 'adopted' && kind !== 'first';
    return kind === 'failover' && this.#view.settings.failover === 'manual';
  }

  /** Makes the holder of a claim the primary, step by step. */
  #goOn(holder: ObservedInstance, claim: Claim): readonly PromotionAction[] {
    const { observed, now } = this.#view;
    const { epoch } = claim;
    const wanted = digest(`epoch ${epoch}`);
    const group = this.#group;
    const common = {
      kind: 'run',
      group,
      instance: holder.id,
      step: 'promote',
      pass: 1,
      digest: wanted,
    } as const;
    const run = (reason: string): readonly PromotionAction[] => [
      { ...common, reason, request: { script: 'promote', value: { group, epoch } } },
    ];
    const task = parseTask(holder.tags[tagKeys.task]);
    if (task?.step !== 'promote' || task.digest !== wanted)
      return [...this.#stopPushes(claim.from), ...run(`${holder.id} becomes the primary of epoch ${epoch}`)];
    const outcome = outcomeOf(task, holder.id, { observed, now });
    switch (outcome.kind) {
      case 'under-way':
        return [this.#wait(outcome.reason)];
      case 'failed':
      case 'again': {
        const told = this.#promotionFails(holder, task, claim, outcome.reason);
        return outcome.kind === 'again'
          ? [...told, ...run(outcome.reason)]
          : [...told, this.#wait(outcome.reason)];
      }
      case 'ended': {
        const line = outcome.command.lines.find((each) => each.kind === 'promote' && each.epoch === epoch);
        if (line?.kind !== 'promote') {
          const reason = `${holder.id} printed no key for epoch ${epoch}`;
          return secondsBetween(task.requestedAt, now) < retryAfter ? [this.#wait(reason)] : run(reason);
        }
        return [
          ...this.#untagged(holder).flatMap((each) => this.#demote(each, holder)),
          ...this.#crown(holder, claim, line.publicKey),
        ];
      }
    }
  }

  #stopPushes(of: string | undefined): readonly PromotionAction[] {
    const before = this.#members.find(({ id }) => id === of);
    if (before?.state !== 'running') return [];
    const { id } = before;
    return [{ kind: 'cancel-pushes', group: this.#group, instance: id, reason: `${id} is to push no more` }];
  }

  /** Those that were the primary and had the tag taken off by hand: before another one is, they are set apart as any former one. */
  #untagged({ id: holder }: ObservedInstance): readonly ObservedInstance[] {
    const { claims = [], configuration } = this.#register ?? {};
    const once = new Set([...claims.map((claim) => claim.holder), configuration?.primary]);
    return this.#members.filter(
      (each) =>
        each.id !== holder &&
        each.tags[tagKeys.primary] === undefined &&
        (isDeposed(each) || (once.has(each.id) && each.tags[tagKeys.state] === undefined)),
    );
  }

  #promotionFails(
    { id, tags }: ObservedInstance,
    task: Task,
    claim: Claim,
    message: string,
  ): readonly PromotionAction[] {
    // A host that was just tagged may not have its agent online yet
    if (secondsBetween(task.requestedAt, this.#view.now) < 1) return [];
    return this.#settle([
      this.#trouble('promotion-blocked', message, (told, key) =>
        domainEvent('Promotion Blocked', this.#group, [id, ...key, claim.epoch], {
          ...{ ...told, primary: claim.from ?? id, why: claim.why, message },
          ...{ epoch: claim.epoch, directories: tags[tagKeys.directories] ?? '' },
          candidates: this.#describeCandidates([], new Map([[id, message]])),
        }),
      ),
    ]);
  }

  /** One call sets all that makes it the primary; what it was as a secondary goes. */
  #crown(holder: ObservedInstance, claim: Claim, publicKey: string): readonly PromotionAction[] {
    const { id, tags } = holder;
    const { epoch, from, why } = claim;
    const before = this.#members.find((each) => each.id === from);
    const inherited =
      tags[tagKeys.primary] === undefined ? this.#configurationOf(before) : this.#fillUp(tags, before);
    const list = withoutSecondary(id, { ...inherited });
    const set = {
      ...list.set,
      [tagKeys.primary]: String(epoch),
      [tagKeys.promoted]: promotedMark(id, epoch),
      [tagKeys.publicKey]: publicKey,
    };
    const gone = [...leftWhenPromoted(tags), ...list.remove];
    const reason = `${id} is the primary of epoch ${epoch}: ${why}`;
    return [this.#tag([id], set, gone, reason), ...this.#promoted(holder, claim)];
  }

  /** A promotion that is done and was not told: the run was killed in between. */
  #announce(current: ObservedInstance): readonly PromotionAction[] {
    const claim = this.#register?.claims.at(-1);
    const epoch = epochOf(current);
    if (claim === undefined || claim.holder !== current.id || claim.epoch !== epoch) return [];
    return current.tags[tagKeys.promotionTold] === String(epoch) ? [] : this.#promoted(current, claim);
  }

  /** Told once the tags are written, which EC2 may refuse; then it is noted that it was told. */
  #promoted(holder: ObservedInstance, claim: Claim): readonly PromotionAction[] {
    const { epoch, kind, from = '', why } = claim;
    if (kind === 'first') return [];
    const { id } = holder;
    const reason = `${id} is the primary of epoch ${epoch}: ${why}`;
    const event = domainEvent('Primary Promoted', this.#group, [epoch], {
      ...{ primary: id, from, epoch, kind, why, claimedAt: timestamp(claim.at) },
      secondsAtRisk: this.#atRisk(holder, claim),
      seconds: secondsBetween(claim.at, this.#view.now),
    });
    return [
      this.#tell(event, reason),
      this.#tag([id], { [tagKeys.promotionTold]: String(epoch) }, [], `it was told that ${reason}`),
    ];
  }

  /** Seconds of uploads that only the earlier primary may have. */
  #atRisk({ tags }: ObservedInstance, { kind, at }: Claim): number {
    const syncedAt = parseTime(tags[tagKeys.syncedAt]);
    // Pushes went on after the claim: it was brought to its end only later
    if (kind !== 'adopted' && syncedAt > at) return secondsBetween(syncedAt, this.#view.now);
    return kind !== 'failover' || syncedAt === 0 ? 0 : secondsBetween(syncedAt, at);
  }

  /** The tags that a primary takes over: those of the one before it, or their mirror. */
  #configurationOf(before: ObservedInstance | undefined): Readonly<Record<string, string>> {
    const tags =
      before?.tags[tagKeys.directories] === undefined ? this.#register?.configuration?.tags : before.tags;
    return Object.fromEntries(Object.entries(tags ?? {}).filter(([key]) => isConfiguration(key)));
  }

  /** A host that was tagged by hand: what the hand left out is taken over. */
  #fillUp(
    tags: Readonly<Record<string, string>>,
    before: ObservedInstance | undefined,
  ): Readonly<Record<string, string>> {
    const own = Object.fromEntries(Object.entries(tags).filter(([key]) => isConfiguration(key)));
    if (own[tagKeys.directories] !== undefined) return own;
    return { ...this.#configurationOf(before), ...own };
  }

  // --- the user's own hand

  /** A host that carries the tag and was not made the primary by us: a new group, or tags that were moved. */
  #adopt(current: ObservedInstance, superseded: readonly ObservedInstance[]): readonly PromotionAction[] {
    const register = this.#register;
    const epoch = epochOf(current);
    if (register === undefined || epoch === undefined) return [];
    const { id, tags } = current;
    if (current.state !== 'running') return [];
    const last = register.claims.at(-1);
    // An epoch that it holds already and that is still the newest: go on
    if (last?.holder === id && last.epoch >= epoch) return this.#goOn(current, last);
    if (
      tags[tagKeys.directories] === undefined &&
      this.#fillUp(tags, superseded[0])[tagKeys.directories] === undefined
    )
      return [];
    const online = this.#view.observed.agents.find((agent) => agent.id === id)?.online === true;
    if (!online) return [this.#wait(`the SSM agent of ${id} is not online yet`)];
    return [this.#claimByHand(id, epoch, superseded[0]?.id ?? register.configuration?.primary)];
  }

  /** @param from who was the primary before, as far as that is known */
  #claimByHand(holder: string, epoch: number, from: string | undefined): PromotionAction {
    const last = this.#register?.claims.at(-1);
    const known = from === holder ? undefined : from;
    const next = Math.max(epoch, (last?.epoch ?? 0) + 1);
    return this.#claim({
      ...{ epoch: next, holder, ...(known !== undefined && { from: known }) },
      ...(last === undefined
        ? { kind: 'first' as const, why: 'the first primary of the group' }
        : { kind: 'adopted' as const, why: `somebody set the tag ${tagKeys.primary} on it` }),
    });
  }

  /** An earlier primary: it pushes nothing, takes no part, and keeps what it holds until that is rescued. */
  #demote({ id, tags }: ObservedInstance, current: ObservedInstance): readonly PromotionAction[] {
    const remove = Object.keys(tags).filter(
      (key) => primaryTagKeys.includes(key) || shardNumber(key) !== undefined,
    );
    const reason = `${id} was the primary before ${current.id}: what only it holds is rescued before it joins again`;
    return [
      { kind: 'cancel-pushes', group: this.#group, instance: id, reason: `${id} is to push no more` },
      this.#tag([id], { [tagKeys.state]: 'quarantined' }, [...remove, tagKeys.task], reason),
    ];
  }

  // --- what is told

  /**
   * Brings the incidents in the tags to just these: what is raised is told when it has held for long enough, and what is not raised any more
   * is over. Times are those of whole minutes: runs at the same time would each tell it with a time, and so an id, of their own.
   */
  #settle(raised: readonly RaisedTrouble[]): readonly PromotionAction[] {
    const before = this.#noted();
    const { now, settings } = this.#view;
    const minute = Math.floor(now / 60_000) * 60_000;
    const after = new Map<string, Trouble>();
    const events: PromotionAction[] = [];
    for (const { code, cause, told } of raised) {
      const evidence = { code, cause, raised: true, at: minute, for: holdOf(code, settings) };
      const { incident, notice } = assess(before.get(code), evidence, settings, now);
      if (incident === undefined) continue;
      after.set(code, incident);
      if (notice !== undefined)
        events.push(this.#tell(told(toldOf(incident, notice), noticeKey(incident, notice)), code));
    }
    const codes = [...after].flatMap(([code, incident]) => (isRaised(incident) ? [code] : []));
    for (const [code, trouble] of before) {
      // What is raised says more: this one is neither over nor told any more
      if (after.has(code) || isInhibited(code, codes)) continue;
      const { incident, notice } = assess(trouble, { code, raised: false, at: now }, settings, now);
      if (incident !== undefined) after.set(code, incident);
      if (notice === 'resolved') events.push(...this.#tellOver(trouble));
    }
    return [...events, ...this.#note(before, after)];
  }

  /** What the tags say of promotions. */
  #noted(): ReadonlyMap<string, Trouble> {
    const noted = this.#members.flatMap(({ tags }) => parseTroubles(tags[tagKeys.promotionTrouble]));
    return new Map(noted.map(([, trouble]) => [trouble.code, trouble]));
  }

  #tellOver({ code, since }: Trouble): readonly PromotionAction[] {
    const from = promotionEvents[code];
    if (from === undefined) return [];
    const seconds = secondsBetween(since, this.#view.now);
    const over = domainEvent('Group Recovered', this.#group, [code, since], {
      ...{ from, since: timestamp(since), seconds },
    });
    return [this.#tell(over, `${code} is over`)];
  }

  #note(
    before: ReadonlyMap<string, Trouble>,
    after: ReadonlyMap<string, Trouble>,
  ): readonly PromotionAction[] {
    const text = (troubles: ReadonlyMap<string, Trouble>) =>
      [...troubles.values()].map((each) => formatTrouble(each)).join(' ');
    const key = tagKeys.promotionTrouble;
    if (after.size === 0) {
      const carriers = this.#members.filter(({ tags }) => tags[key] !== undefined).map(({ id }) => id);
      return carriers.length === 0 ? [] : [this.#tag(carriers, {}, [key], 'the primary is well')];
    }
    if (text(before) === text(after)) return [];
    const ids = this.#members.map(({ id }) => id).sort();
    return [this.#tag(ids, { [key]: text(after) }, [], text(after))];
  }

  /** @param cause what is told at once when it changes, but for numbers in it */
  #trouble(code: TroubleCode, cause: string, told: RaisedTrouble['told']): RaisedTrouble {
    return { code, cause: cause.replaceAll(/\b\d+\b/gu, '#'), told };
  }

  #tell(event: DomainEvent, reason: string): PromotionAction {
    return { kind: 'tell', group: this.#group, event, reason };
  }

  #tag(
    instances: readonly string[],
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
    reason: string,
  ): PromotionAction {
    return { kind: 'tag', group: this.#group, instances, set, remove, reason };
  }

  #wait(reason: string): PromotionAction {
    return { kind: 'wait', group: this.#group, reason };
  }
}

/** The event that tells of a trouble, by the code in the tag. */
const promotionEvents: Readonly<Record<string, GroupEventType>> = {
  'primary-suspected': 'Primary Suspected',
  'promotion-blocked': 'Promotion Blocked',
};

type HandOverStep = (
  step: 'prepare' | 'final-push',
  pass: number,
  reason: string,
) => Extract<PromotionAction, { kind: 'run' }>;

interface Switchover {
  readonly why: string;
  readonly byOperator: boolean;
  readonly run: HandOverStep;
  readonly blocked: (message: string) => readonly PromotionAction[];
}

/** The one that is asked for; of any, the one that it was begun with, or else the best. */
function chooseTarget(
  ranked: readonly ObservedInstance[],
  target: string,
  begun: Task | undefined,
): ObservedInstance | undefined {
  if (target !== 'any') return ranked.find(({ id }) => id === target);
  return ranked.find(({ id }) => digest(id) === begun?.digest) ?? ranked[0];
}

interface RaisedTrouble {
  readonly code: TroubleCode;
  readonly cause: string;
  readonly told: (told: Told, key: readonly (string | number)[]) => DomainEvent;
}

/** Milliseconds for which one who has answered is taken for alive. */
const justNow = 60_000;
/** Milliseconds after which a claim that nobody began is not begun any more: what was seen then proves nothing now. */
const abandonedAfter = 60_000;
/** Seconds between two tries of a final push. */
const retryAfter = 3;
/** Seconds after its end for which a final push counts: longer than from one tick to the next. */
const validFor = 90;
/** Passes of the final push, when editors go on writing for lack of a hook. */
const mostPasses = 4;

/** What a secondary carries and a primary does not; what is told of the group stays, and how far it was when it was promoted. */
function leftWhenPromoted(tags: Readonly<Record<string, string>>): readonly string[] {
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

/** Milliseconds after which a suspicion that nothing has confirmed since is none any more. */
const suspicionLasts = 10 * 60_000;

/** @returns how often it was found dead in a row, and when it was last asked for, in milliseconds since 1970 */
function parseSuspicion(value: string | undefined, now: number): readonly [number, number] {
  const [count = '', time] = (value ?? '').split(' ');
  const last = parseTime(time);
  const counts = /^[1-9]\d{0,3}$/u.test(count) && last > 0 && now - last < suspicionLasts;
  return counts ? [Number(count), last] : [0, 0];
}

/** The note `suspected`. */
function formatSuspicion(count: number, last: number): string {
  return `${count} ${timestamp(last)}`;
}
