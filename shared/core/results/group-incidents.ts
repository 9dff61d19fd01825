import { assess, isRaised } from '../incidents/incident.ts';
import { noticeKey, toldOf } from '../incidents/notice.ts';
import { holdOf } from '../incidents/rules.ts';
import { domainEvent, timestamp } from '../model/domain-event.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import { formatTrouble, type Trouble } from '../model/trouble.ts';
import { type GroupEvidence, groupEvents } from './group-evidence.ts';
import { troublesOf } from './group-state.ts';
import type { OutcomeLog } from './outcome-log.ts';
import type { OutcomeView } from './outcome-view.ts';

/** The incidents of a group as a whole: what evidence makes of them, and what of that is written to every member. */
export class GroupIncidents {
  readonly #view: OutcomeView;
  readonly #log: OutcomeLog;
  readonly #troubles: Map<string, Trouble>;
  readonly #before: string;

  constructor(view: OutcomeView, log: OutcomeLog) {
    this.#view = view;
    this.#log = log;
    this.#troubles = troublesOf(view.members);
    this.#before = formatTroubles(this.#troubles);
  }

  isRaised(code: string): boolean {
    return isRaised(this.#troubles.get(code));
  }

  /** @param known until when the group is known, in milliseconds since 1970: a later push has said how things are */
  weigh({ told, reason, ...evidence }: GroupEvidence, known: number): void {
    if (evidence.at <= known) return;
    const { code, at } = evidence;
    const { settings, now } = this.#view;
    const before = this.#troubles.get(code);
    const wanted = { ...evidence, knownUntil: known, for: holdOf(code, settings) };
    const { incident, notice } = assess(before, wanted, settings, now);
    if (incident === undefined) this.#troubles.delete(code);
    else this.#troubles.set(code, incident);
    if (notice === 'resolved') this.#tellResolved(before, at);
    else if (notice !== undefined && incident !== undefined)
      this.#log.tell(told(toldOf(incident, notice), noticeKey(incident, notice)), reason);
  }

  #tellResolved(before: Trouble | undefined, at: number): void {
    const from = before && groupEvents[before.code];
    if (before === undefined || from === undefined) return;
    const event = domainEvent('Group Recovered', this.#view.group, [before.code, before.since], {
      ...{ from, since: timestamp(before.since), seconds: secondsBetween(before.since, at) },
    });
    this.#log.tell(event, `${before.code} is over`);
  }

  record(): void {
    const { members } = this.#view;
    const value = formatTroubles(this.#troubles);
    const ids = members.map(({ id }) => id).sort();
    const had = members.some(({ tags }) => tags[tagKeys.groupTrouble] !== undefined);
    if (value === '' && had) this.#log.record(ids, {}, [tagKeys.groupTrouble], 'the group is well again');
    else if (value !== '' && (value !== this.#before || !had))
      this.#log.record(ids, { [tagKeys.groupTrouble]: value }, [], value);
  }
}

function formatTroubles(troubles: ReadonlyMap<string, Trouble>): string {
  return [...troubles.values()]
    .sort((a, b) => a.since - b.since || (a.code < b.code ? -1 : 1))
    .map((each) => formatTrouble(each))
    .join(' ');
}
