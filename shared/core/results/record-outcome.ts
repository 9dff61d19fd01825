import {
  type Assessment,
  assess,
  type Evidence,
  type IncidentPolicy,
  isRaised,
  type Notice,
} from '../incidents/incident.ts';
import { noticeKey, toldOf } from '../incidents/notice.ts';
import { holdOf, secondaryCode } from '../incidents/rules.ts';
import {
  type DomainEvent,
  domainEvent,
  type FailedSecondary,
  type RecoveredSecondary,
  timestamp,
} from '../model/domain-event.ts';
import { type GroupConfiguration, parseConfiguration } from '../model/group.ts';
import type { ObservedInstance, ObservedPush, SecondaryLine } from '../model/observation.ts';
import { findPrimary } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime, secondsBetween } from '../model/time.ts';
import { formatTrouble, parseTroubles, type Trouble } from '../model/trouble.ts';
import type { TickAction } from '../push/tick-action.ts';
import {
  failedHooks,
  type GroupEvidence,
  groupEvents,
  heldDeletions,
  pushFailure,
  tickEvidence,
  unpushedDirectories,
} from './group-evidence.ts';
import { type SecondaryState, secondaryStates, troublesOf } from './group-state.ts';
import type { MetricName, OutcomeAction } from './outcome-action.ts';

export interface OutcomeSettings extends IncidentPolicy {
  /** Seconds that a secondary may be behind its group's last push before that is a failure of its own. */
  readonly behindAfter: number;
  /** Seconds after which a push that still runs is an overrun: the time between two ticks. */
  readonly overrunAfter: number;
}

/** What the results are weighed against. */
export interface OutcomeObservation {
  readonly instances: readonly ObservedInstance[];
  /** Runs of push, ended or not. Those that were weighed before change nothing. */
  readonly pushes: readonly ObservedPush[];
  /** What the tick decided; undefined when only results are weighed. */
  readonly plan?: readonly TickAction[];
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
    new GroupRecord(group, members, observed, settings, now).actions(),
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

/** Errors of secondaries that are those of the group, and are told once for all. Source: docs/host-package.md. */
const groupWide: ReadonlySet<string> = new Set(['directory-skipped', 'deletions-held']);

/** Errors of a secondary that has lost its key, login, sudoers or module, as by configuration management: joining again mends them. */
const rejoinable: ReadonlySet<string> = new Set(['key-refused', 'not-prepared']);

/** While one of these lasts, every secondary falls behind. */
const holdsAllUp: readonly string[] = ['push-failed', 'directory-not-pushed', 'deletions-held'];

/** A secondary that is told of, and why. */
interface ToldSecondary {
  readonly entry: FailedSecondary;
  readonly trouble: Trouble;
  readonly notice: Notice;
}

/** What is raised of the group's promotions, whoever carries it. */
function raisedPromotionCodes(members: readonly ObservedInstance[]): readonly string[] {
  const noted = members.flatMap(({ tags }) => parseTroubles(tags[tagKeys.promotionTrouble]));
  return noted.flatMap(([, trouble]) => (isRaised(trouble) ? [trouble.code] : []));
}

class GroupRecord {
  readonly #group: string;
  readonly #members: readonly ObservedInstance[];
  readonly #observed: OutcomeObservation;
  readonly #settings: OutcomeSettings;
  readonly #now: number;
  readonly #events: OutcomeAction[] = [];
  readonly #records: OutcomeAction[] = [];
  readonly #measures: OutcomeAction[] = [];
  /** By the reminder that is due, or what else there is to be told. */
  readonly #failures = new Map<string, readonly ToldSecondary[]>();
  /** By the push that brought them up to date: when it was asked for. */
  readonly #recovered = new Map<number, readonly RecoveredSecondary[]>();
  readonly #primary: ObservedInstance | undefined;
  readonly #configuration: GroupConfiguration | undefined;
  readonly #troubles: Map<string, Trouble>;
  readonly #secondaries: ReadonlyMap<string, SecondaryState>;
  /** When the last push that was recorded was asked for, in milliseconds since 1970. */
  readonly #recordedBefore: number;
  /** When a failure of a secondary was told last, in milliseconds since 1970; 0 for never. */
  readonly #toldBefore: number;
  #recorded: number;

  constructor(
    group: string,
    members: readonly ObservedInstance[],
    observed: OutcomeObservation,
    settings: OutcomeSettings,
    now: number,
  ) {
    this.#group = group;
    this.#members = members;
    this.#observed = observed;
    this.#settings = settings;
    this.#now = now;
    this.#primary = findPrimary(members).current;
    const configuration = this.#primary === undefined ? undefined : parseConfiguration(this.#primary);
    this.#configuration = configuration?.ok ? configuration.value : undefined;
    this.#troubles = troublesOf(members);
    this.#secondaries = secondaryStates(members, this.#primary, this.#configuration);
    const told = [...this.#secondaries.values()].map(({ troubleBefore }) => troubleBefore?.notifiedAt ?? 0);
    this.#toldBefore = Math.max(0, ...told);
    this.#recordedBefore = parseTime(this.#primary?.tags[tagKeys.syncedAt]);
    this.#recorded = this.#recordedBefore;
  }

  actions(): readonly OutcomeAction[] {
    const before = new Map(this.#troubles);
    this.#weighPushes();
    if (this.#observed.plan !== undefined) this.#weighPlan(this.#observed.plan);
    if (this.#primary !== undefined) this.#tellSecondaries(this.#primary);
    // The time on the primary makes both of these old news, and this may be cut off in between
    if (this.#primary !== undefined) this.#recordOutside(this.#primary);
    this.#recordGroup(before);
    this.#recordSecondaries();
    return [...this.#events, ...this.#records, ...this.#measures];
  }

  // --- pushes

  #weighPushes(): void {
    const primary = this.#primary;
    if (primary === undefined) return;
    const pushes = this.#observed.pushes
      .filter(({ instance, status }) => instance === primary.id && status !== 'under-way')
      .sort((a, b) => a.requestedAt - b.requestedAt);
    for (const push of pushes) this.#weighPush(primary, push);
  }

  #weighPush(primary: ObservedInstance, push: ObservedPush): void {
    const summary = push.lines.find((line) => line.kind === 'push');
    const lines = push.lines.filter((line) => line.kind === 'secondary');
    // When SSM was asked, not when the host says that it began: one clock for all hosts, and never too late
    const at = push.requestedAt;
    const common = { group: this.#group, primary: primary.id };
    const known = this.#recorded;
    const failure = pushFailure(push, at, common);
    this.#weighGroup(failure, known);
    // Only a push that came to its end says that a directory is well again
    if (!failure.raised) {
      this.#weighGroup(unpushedDirectories(push.lines, at, common), known);
      this.#weighGroup(heldDeletions(push.lines, at, common), known);
      const hooks = failedHooks(push.lines, at, common);
      if (hooks !== undefined) this.#weighGroup(hooks, known);
    }
    const fresh = lines.filter((line) => this.#weighSecondary(line, at, !failure.raised));
    if (!failure.raised && at > this.#recorded) {
      this.#recorded = at;
      if (summary !== undefined) this.#measure({ PushSeconds: summary.seconds }, `push ${push.command}`);
    }
    this.#tellFiles(fresh, primary, at, push.command);
    if (!failure.raised && at > this.#recordedBefore) {
      this.#tellExtras(primary, push);
      this.#answerAcceptance(primary, push);
    }
  }

  /** What secondaries alone had is gone: it may have been somebody's upload. */
  #tellExtras({ id: primary }: ObservedInstance, { lines, requestedAt: at }: ObservedPush): void {
    const directories = lines.flatMap((line) =>
      line.kind === 'extras-deleted'
        ? [
            {
              ...{ directory: line.directory, count: line.count, secondaries: line.secondaries },
              ...{ instances: line.ids, examples: line.examples },
            },
          ]
        : [],
    );
    if (directories.length === 0) return;
    const event = domainEvent('Extra Files Deleted', this.#group, [primary, at], {
      ...{ primary, requestedAt: timestamp(at), directories },
    });
    this.#tell(
      event,
      `only secondaries had files in ${directories.map((each) => each.directory).join(', ')}`,
    );
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
    this.#record([primary], {}, [tagKeys.acceptDeletions], reason);
  }

  /**
   * @param whole it stands in a push that came to its end
   * @returns whether the line is news: what it counts was counted by nobody yet
   */
  #weighSecondary(line: SecondaryLine, at: number, whole: boolean): boolean {
    const state = this.#secondaries.get(line.id);
    // A host that is still joining is looked after by planMembership
    if (state === undefined || !state.member || line.error === 'busy') return false;
    const known = Math.max(state.syncedAt, state.instance === undefined ? this.#recordedBefore : 0);
    // A line that leaves no time on its host, as one that is not ok: the primary's has to say
    const leavesTime = line.ok && state.instance !== undefined;
    const fresh = leavesTime ? at > known : whole && at > Math.max(known, this.#recordedBefore);
    if (line.error !== undefined && groupWide.has(line.error)) return fresh;
    // Of a host without tags only a whole push notes until when it is known: from another one it would be told at each look
    if (!line.ok && !whole && state.instance === undefined) return fresh;
    this.#assessLine(state, line, at, known);
    return fresh;
  }

  /** @param known until when the secondary was well, in milliseconds since 1970 */
  #assessLine(state: SecondaryState, line: SecondaryLine, at: number, known: number): void {
    const { error = 'failed', message = '' } = line;
    const before = state.trouble;
    const code = secondaryCode(error, before?.code);
    const evidence = { code, raised: !line.ok, at, knownUntil: known };
    const { incident: trouble, notice } = this.#assessSecondary(state, evidence);
    if (rejoinable.has(code) && before?.code !== code) this.#joinAgain(state);
    state.trouble = trouble;
    if (line.ok) state.syncedAt = Math.max(state.syncedAt, at);
    if (notice === 'resolved') this.#recover(line.id, before, at);
    else if (notice !== undefined && trouble !== undefined)
      this.#failed(state, trouble, notice, error, message);
  }

  #recover(secondary: string, before: Trouble | undefined, at: number): void {
    if (before === undefined) return;
    const { code: error, since } = before;
    const recovered = {
      secondary,
      error,
      since: timestamp(since),
      seconds: secondsBetween(since, at),
    };
    this.#recovered.set(at, [...(this.#recovered.get(at) ?? []), recovered]);
  }

  /** Somebody has taken away what a join had made: it is made again, once. */
  #joinAgain({ instance }: SecondaryState): void {
    if (instance?.tags[tagKeys.joined] === undefined) return;
    this.#record([instance.id], {}, [tagKeys.joined], `${instance.id} is to join again`);
  }

  /** What begins or changes soon after the last message on a secondary of the group waits for the others: see `groupInterval`. */
  #assessSecondary(state: SecondaryState, evidence: Evidence): Assessment {
    const notBefore = this.#toldBefore + this.#settings.groupInterval * 1000;
    const wanted = { ...evidence, notBefore, for: holdOf(evidence.code, this.#settings) };
    return assess(state.trouble, wanted, this.#settings, this.#now);
  }

  #troublesOutside(): readonly string[] {
    return [...this.#secondaries.values()].flatMap(({ instance, trouble, secondary: { id } }) =>
      instance === undefined && trouble !== undefined ? [formatTrouble(trouble, id)] : [],
    );
  }

  #failed(state: SecondaryState, trouble: Trouble, notice: Notice, error: string, message: string): void {
    const { secondary, instance, syncedAt } = state;
    const known = instance !== undefined && syncedAt > 0;
    const entry = {
      ...{ secondary: secondary.id, error, message },
      ...(known && { syncedAt: timestamp(syncedAt), secondsBehind: secondsBetween(syncedAt, this.#now) }),
    };
    const key = `${notice} ${trouble.told}`;
    this.#failures.set(key, [...(this.#failures.get(key) ?? []), { entry, trouble, notice }]);
  }

  /** What was found on single secondaries, in as few events as can be. */
  #tellSecondaries(primary: ObservedInstance): void {
    for (const [, together] of this.#failures) this.#tellFailures(primary, together);
    for (const [at, secondaries] of this.#recovered) {
      const ids = secondaries.map(({ secondary, since }) => `${secondary} ${since}`).sort();
      const event = domainEvent('Sync Recovered', this.#group, ids, {
        ...{ primary: primary.id, syncedAt: timestamp(at), secondaries },
      });
      this.#tell(event, `in sync again: ${secondaries.map(({ secondary }) => secondary).join(', ')}`);
    }
  }

  /** Those that are told for one reason: one event, since the first of them began. */
  #tellFailures(primary: ObservedInstance, together: readonly ToldSecondary[]): void {
    const [first] = together.toSorted((one, other) => one.trouble.since - other.trouble.since);
    if (first === undefined) return;
    const secondaries = together.map(({ entry }) => entry);
    const ids = secondaries.map(({ secondary }) => secondary).sort();
    const key = [...noticeKey(first.trouble, first.notice), ...ids];
    const event = domainEvent('Sync Failed', this.#group, key, {
      ...{ ...toldOf(first.trouble, first.notice), primary: primary.id, secondaries },
    });
    const words = secondaries.map((each) => `${each.secondary}: ${each.error}: ${each.message}`);
    this.#tell(event, `behind: ${words.join('; ')}`);
  }

  #tellFiles(lines: readonly SecondaryLine[], primary: ObservedInstance, at: number, command: string): void {
    const changed = lines.filter(({ files, deleted }) => files + deleted > 0);
    const sum = (of: (line: SecondaryLine) => number) => lines.reduce((total, line) => total + of(line), 0);
    const [files, deleted, bytes] = [sum((l) => l.files), sum((l) => l.deleted), sum((l) => l.bytes)];
    const drift = sum((line) => line.drift ?? 0);
    if (lines.length > 0)
      this.#measure(
        {
          ...{ FilesSent: files, BytesSent: bytes, FilesDeleted: deleted },
          ...(drift > 0 && { DriftRepaired: drift }),
        },
        `push ${command}`,
      );
    if (changed.length === 0) return;
    const ids = changed.map(({ id }) => id).sort();
    const event = domainEvent('Files Synced', this.#group, [primary.id, at, ...ids], {
      ...{ primary: primary.id, requestedAt: timestamp(at), files, deleted, bytes },
      seconds: Math.max(...changed.map(({ seconds }) => seconds)),
      secondaries: changed.map(({ id, ...line }) => ({
        ...{ secondary: id, files: line.files, deleted: line.deleted },
        ...{ bytes: line.bytes, seconds: line.seconds },
      })),
    });
    this.#tell(event, `${files} files sent and ${deleted} deleted on ${ids.length} secondaries`);
  }

  // --- what the tick saw

  #weighPlan(plan: readonly TickAction[]): void {
    const own = plan.filter((action) => action.kind !== 'nothing-to-do' && action.group === this.#group);
    const blocker = own.find((action) => action.kind === 'no-push');
    if (blocker?.code === 'paused') return;
    const primary = this.#primary;
    const view = { group: this.#group, members: this.#members, primary, plan: own, now: this.#now };
    const { pushes } = this.#observed;
    const raised = raisedPromotionCodes(this.#members);
    for (const evidence of tickEvidence({
      ...view,
      pushes,
      raised,
      overrunAfter: this.#settings.overrunAfter,
    }))
      this.#weighGroup(evidence, 0);
    if (primary === undefined) return;
    const push = own.find((action) => action.kind === 'push');
    const targets = new Set(push?.request.secondaries.map(({ id }) => id) ?? []);
    // After a promotion: it falls behind until it was reached
    for (const action of own)
      if (action.kind === 'leave-out' && action.code === 'not-gathered') targets.add(action.secondary);
    for (const state of this.#secondaries.values())
      if (targets.has(state.secondary.id)) this.#weighAge(state, primary);
    this.#remindOfJoins();
    if (this.#configuration !== undefined) this.#measureLag(targets);
  }

  /** Whatever the reason: pushes came and went, and this secondary was not brought up to date by any of them. */
  #weighAge(state: SecondaryState, primary: ObservedInstance): void {
    const { instance, syncedAt, trouble: before } = state;
    if (instance === undefined || !state.member || syncedAt === 0) return;
    if (isRaised(before) && before?.code !== 'overdue') return;
    if (holdsAllUp.some((code) => isRaised(this.#troubles.get(code)))) return;
    if (secondsBetween(syncedAt, this.#recorded) <= this.#settings.behindAfter) return;
    const evidence = { code: 'overdue', raised: true, at: syncedAt };
    const { incident: trouble, notice } = this.#assessSecondary(state, evidence);
    state.trouble = trouble;
    const message = `no push since then has reported success: pushes to it hang, or their results are lost or cut off; see the history of Run Command on ${primary.id}`;
    if (notice !== undefined && trouble !== undefined)
      this.#failed(state, trouble, notice, 'overdue', message);
  }

  /** A host that cannot join is told of by planMembership at first; here again after a while. */
  #remindOfJoins(): void {
    for (const { id, tags } of this.#members) {
      const [entry] = parseTroubles(tags[tagKeys.trouble]);
      const before = entry?.[1];
      if (tags[tagKeys.state] !== 'joining' || before === undefined || before.told === 0) continue;
      // Not later than the last message: of the cause it knows nothing
      const evidence = { code: before.code, raised: true, at: before.notifiedAt ?? before.since };
      const { incident: trouble, notice } = assess(before, evidence, this.#settings, this.#now);
      if (notice === undefined || trouble === undefined) continue;
      const { cause } = before;
      const noted = { ...trouble, ...(cause !== undefined && { cause }) };
      const event = domainEvent('Join Failed', this.#group, [id, ...noticeKey(noted, notice)], {
        ...{ ...toldOf(noted, notice), secondary: id, final: false },
        message: `${id} still cannot join; the history of its commands says why`,
      });
      this.#tell(event, `${id} still cannot join`);
      this.#record([id], { [tagKeys.trouble]: formatTrouble(noted) }, [], `${id} still cannot join`);
    }
  }

  #measureLag(targets: ReadonlySet<string>): void {
    let most = 0;
    let failing = 0;
    for (const state of this.#secondaries.values()) {
      const { id } = state.secondary;
      if (!state.member || !targets.has(id)) continue;
      if (isRaised(state.trouble) || state.instance?.tags[tagKeys.state] === 'behind') failing += 1;
      const syncedAt =
        state.instance === undefined ? (state.trouble?.since ?? this.#recorded) : state.syncedAt;
      if (syncedAt === 0) continue;
      const seconds = secondsBetween(syncedAt, this.#now);
      most = Math.max(most, seconds);
      this.#measures.push({
        ...{ kind: 'measure', group: this.#group, secondary: id, values: { SecondsBehind: seconds } },
        reason: `${id} is ${seconds} s behind`,
      });
    }
    if (targets.size > 0)
      this.#measure({ SecondsBehind: most, SecondariesFailing: failing }, `${failing} secondaries fail`);
  }

  // --- what is written

  #weighGroup({ told, reason, ...evidence }: GroupEvidence, known: number): void {
    // A later push has said how things are
    if (evidence.at <= known) return;
    const before = this.#troubles.get(evidence.code);
    const hold = holdOf(evidence.code, this.#settings);
    const { incident: trouble, notice } = assess(
      before,
      { ...evidence, knownUntil: known, for: hold },
      this.#settings,
      this.#now,
    );
    if (trouble === undefined) this.#troubles.delete(evidence.code);
    else this.#troubles.set(evidence.code, trouble);
    if (notice !== undefined && notice !== 'resolved' && trouble !== undefined)
      this.#tell(told(toldOf(trouble, notice), noticeKey(trouble, notice)), reason);
    const from = groupEvents[evidence.code];
    if (notice === 'resolved' && before !== undefined && from !== undefined) {
      const event = domainEvent('Group Recovered', this.#group, [evidence.code, before.since], {
        ...{ from, since: timestamp(before.since), seconds: secondsBetween(before.since, evidence.at) },
      });
      this.#tell(event, `${evidence.code} is over`);
    }
  }

  #recordSecondaries(): void {
    const alike = new Map<string, string[]>();
    for (const state of this.#secondaries.values()) {
      const { instance, trouble } = state;
      if (instance === undefined || !state.member) continue;
      const { id, tags } = instance;
      const wanted = Object.entries(marksOf(state, tags));
      const text = JSON.stringify(Object.fromEntries(wanted.filter(([key, value]) => tags[key] !== value)));
      if (text !== '{}') alike.set(text, [...(alike.get(text) ?? []), id]);
      if (trouble === undefined && tags[tagKeys.trouble] !== undefined)
        this.#record([id], {}, [tagKeys.trouble], `${id} is in sync again`);
    }
    const primary = this.#primary;
    if (primary !== undefined && this.#recorded > this.#recordedBefore) {
      // When a push was asked for is what all that it served share with the primary: one call
      const text = JSON.stringify({ [tagKeys.syncedAt]: timestamp(this.#recorded) });
      alike.set(text, [primary.id, ...(alike.get(text) ?? [])]);
    }
    for (const [text, ids] of alike) this.#record(ids, JSON.parse(text), [], 'the results of pushes');
  }

  #recordOutside(primary: ObservedInstance): void {
    const wanted = this.#troublesOutside().join(' ');
    const had = primary.tags[tagKeys.outside] ?? '';
    if (wanted === '' && had !== '') this.#record([primary.id], {}, [tagKeys.outside], 'hosts outside EC2');
    else if (wanted !== had)
      this.#record([primary.id], { [tagKeys.outside]: wanted }, [], 'hosts outside EC2');
  }

  #recordGroup(before: ReadonlyMap<string, Trouble>): void {
    const value = formatGroupTroubles(this.#troubles);
    const ids = this.#members.map(({ id }) => id).sort();
    const had = this.#members.some(({ tags }) => tags[tagKeys.groupTrouble] !== undefined);
    if (value === '' && had) this.#record(ids, {}, [tagKeys.groupTrouble], 'the group is well again');
    else if (value !== '' && (value !== formatGroupTroubles(before) || !had))
      this.#record(ids, { [tagKeys.groupTrouble]: value }, [], value);
  }

  #record(
    instances: readonly string[],
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
    reason: string,
  ): void {
    if (Object.keys(set).length + remove.length === 0) return;
    this.#records.push({ kind: 'record', group: this.#group, instances, set, remove, reason });
  }

  #tell(event: DomainEvent, reason: string): void {
    this.#events.push({ kind: 'tell', group: this.#group, event, reason });
  }

  #measure(values: Readonly<Partial<Record<MetricName, number>>>, reason: string): void {
    this.#measures.push({ kind: 'measure', group: this.#group, values, reason });
  }
}

/** What is to be known of a secondary, by keys. */
function marksOf(
  { trouble, syncedAt, syncedBefore }: SecondaryState,
  tags: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  // Without its trouble (somebody took the note away) it stays behind until a push says otherwise
  const staysBehind = tags[tagKeys.state] === 'behind' && syncedAt === syncedBefore;
  return {
    [tagKeys.state]: isRaised(trouble) || staysBehind ? 'behind' : 'in-sync',
    ...(syncedAt > 0 && { [tagKeys.syncedAt]: timestamp(syncedAt) }),
    ...(trouble !== undefined && { [tagKeys.trouble]: formatTrouble(trouble) }),
  };
}

function formatGroupTroubles(troubles: ReadonlyMap<string, Trouble>): string {
  return [...troubles.values()]
    .sort((a, b) => a.since - b.since || (a.code < b.code ? -1 : 1))
    .map((each) => formatTrouble(each))
    .join(' ');
}
