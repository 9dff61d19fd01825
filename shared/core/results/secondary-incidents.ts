import { type Assessment, assess, type Evidence, isRaised } from '../incidents/incident.ts';
import { holdOf, secondaryCode } from '../incidents/rules.ts';
import type { ObservedInstance, ObservedPush } from '../model/observation.ts';
import type { SecondaryLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import { knownUntil } from '../model/watch-result.ts';
import { type SecondaryState, secondaryStates } from './group-state.ts';
import type { OutcomeLog } from './outcome-log.ts';
import type { OutcomeView } from './outcome-view.ts';
import { SecondaryNews } from './secondary-news.ts';

/** Errors of secondaries that are those of the group: one alert for all of them. Source: docs/host-package.md. */
const groupWide: ReadonlySet<string> = new Set(['directory-skipped', 'deletions-held']);

/** Errors of a secondary that has lost its key, login, sudoers or module, as by configuration management: joining again mends them. */
const rejoinable: ReadonlySet<string> = new Set(['key-refused', 'not-prepared']);

/** In milliseconds since 1970. */
interface LineTimes {
  /** Up to when the line tells of the secondary. */
  readonly at: number;
  /** Until when the secondary was well. */
  readonly known: number;
  readonly requestedAt: number;
}

/** The incidents of single secondaries: what the lines of pushes, and their absence, make of them. */
export class SecondaryIncidents {
  readonly #view: OutcomeView;
  readonly #log: OutcomeLog;
  readonly #states: ReadonlyMap<string, SecondaryState>;
  readonly #news = new SecondaryNews();
  /** When the last event on a failure of a secondary was sent, in milliseconds since 1970; 0 for never. */
  readonly #notifiedBefore: number;

  constructor(view: OutcomeView, log: OutcomeLog) {
    this.#view = view;
    this.#log = log;
    this.#states = secondaryStates(view.members, view.primary, view.configuration);
    this.#notifiedBefore = Math.max(
      0,
      ...this.states.map(({ incidentBefore }) => incidentBefore?.notifiedAt ?? 0),
    );
  }

  get states(): readonly SecondaryState[] {
    return [...this.#states.values()];
  }

  /**
   * @param whole it stands in a push that finished
   * @returns whether the line is news: what it counts was counted by nobody yet
   */
  weigh(line: SecondaryLine, push: ObservedPush, whole: boolean): boolean {
    const state = this.#states.get(line.id);
    // A host that is still joining is looked after by planMembership
    if (state === undefined || !state.member || line.error === 'busy') return false;
    const { recordedBefore, now } = this.#view;
    // What comes late, after the results of a later push, says how things were when it was asked for
    const isNews = push.requestedAt > recordedBefore;
    const at = isNews ? knownUntil(push, line, now) : push.requestedAt;
    const known = Math.max(state.syncedAt, state.instance === undefined ? recordedBefore : 0);
    // A line that leaves no time on its host, as one that is not ok: the primary's has to say
    const leavesTime = line.ok && state.instance !== undefined;
    const fresh = leavesTime ? at > known : whole && isNews && at > known;
    if (line.error !== undefined && groupWide.has(line.error)) return fresh;
    // Of a host without tags only a whole push notes until when it is known: from another one each look would send an event
    if (!line.ok && !whole && state.instance === undefined) return fresh;
    this.#weighLine(state, line, { at, known, requestedAt: push.requestedAt });
    return fresh;
  }

  #weighLine(state: SecondaryState, line: SecondaryLine, { at, known, requestedAt }: LineTimes): void {
    const { error = 'failed', message = '' } = line;
    const before = state.incident;
    const code = secondaryCode(error, before?.code);
    const { incident, notice } = this.#assess(state, { code, raised: !line.ok, at, knownUntil: known });
    if (rejoinable.has(code) && before?.code !== code) this.#joinAgain(state);
    state.incident = incident;
    if (line.ok) state.syncedAt = Math.max(state.syncedAt, at);
    if (notice === 'resolved' && before !== undefined) this.#news.recovers(line.id, before, at, requestedAt);
    else if (notice !== undefined && incident !== undefined)
      this.#news.fails(state, incident, notice, { error, message }, this.#view.now);
  }

  /** Somebody has taken away what a join had made: it is made again, once. */
  #joinAgain({ instance }: SecondaryState): void {
    if (instance?.tags[tagKeys.joined] === undefined) return;
    this.#log.record([instance.id], {}, [tagKeys.joined], `${instance.id} is to join again`);
  }

  /** What begins or changes soon after the last message on a secondary of the group waits for the others: see `groupInterval`. */
  #assess(state: SecondaryState, evidence: Evidence): Assessment {
    const { settings, now } = this.#view;
    const notBefore = this.#notifiedBefore + settings.groupInterval * 1000;
    const wanted = { ...evidence, notBefore, for: holdOf(evidence.code, settings) };
    return assess(state.incident, wanted, settings, now);
  }

  /**
   * Whatever the reason: pushes came and went, and this secondary was not brought up to date by any of them.
   *
   * @param recorded when the group's last push was asked for, in milliseconds since 1970
   */
  weighAge(state: SecondaryState, primary: ObservedInstance, recorded: number): void {
    const { instance, syncedAt, incident: before } = state;
    if (instance === undefined || !state.member || syncedAt === 0) return;
    if (isRaised(before) && before?.code !== 'overdue') return;
    const { settings, now } = this.#view;
    if (secondsBetween(syncedAt, recorded) <= settings.behindAfter) return;
    const { incident, notice } = this.#assess(state, { code: 'overdue', raised: true, at: syncedAt });
    state.incident = incident;
    const message = `no push since then has reported success: pushes to it hang, or their results are lost or cut off; see the history of Run Command on ${primary.id}`;
    if (notice !== undefined && incident !== undefined)
      this.#news.fails(state, incident, notice, { error: 'overdue', message }, now);
  }

  tell(primary: ObservedInstance): void {
    this.#news.tell(this.#view.group, primary, this.#log);
  }
}
