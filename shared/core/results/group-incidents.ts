import { assess, isRaised } from '../incidents/incident.ts';
import { incidentDetail, noticeKey } from '../incidents/notice.ts';
import { holdOf } from '../incidents/rules.ts';
import { domainEvent, timestamp } from '../model/domain-event.ts';
import { formatIncident, type Incident } from '../model/incident.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import { type GroupEvidence, groupEvents } from './group-evidence.ts';
import { groupIncidents } from './group-state.ts';
import type { OutcomeLog } from './outcome-log.ts';
import type { OutcomeView } from './outcome-view.ts';

/** The incidents of a group as a whole: what evidence makes of them, and what of that is written to every member. */
export class GroupIncidents {
  readonly #view: OutcomeView;
  readonly #log: OutcomeLog;
  readonly #incidents: Map<string, Incident>;
  readonly #before: string;

  constructor(view: OutcomeView, log: OutcomeLog) {
    this.#view = view;
    this.#log = log;
    this.#incidents = groupIncidents(view.members);
    this.#before = formatIncidents(this.#incidents);
  }

  isRaised(code: string): boolean {
    return isRaised(this.#incidents.get(code));
  }

  /** @param known until when the group is known, in milliseconds since 1970: a later push has said how things are */
  weigh({ event, reason, ...evidence }: GroupEvidence, known: number): void {
    if (evidence.at <= known) return;
    const { code, at } = evidence;
    const { settings, now } = this.#view;
    const before = this.#incidents.get(code);
    const wanted = { ...evidence, knownUntil: known, for: holdOf(code, settings) };
    const { incident, notice } = assess(before, wanted, settings, now);
    if (incident === undefined) this.#incidents.delete(code);
    else this.#incidents.set(code, incident);
    if (notice === 'resolved') this.#tellResolved(before, at);
    else if (notice !== undefined && incident !== undefined)
      this.#log.tell(event(incidentDetail(incident, notice), noticeKey(incident, notice)), reason);
  }

  #tellResolved(before: Incident | undefined, at: number): void {
    const from = before && groupEvents[before.code];
    if (before === undefined || from === undefined) return;
    const event = domainEvent('Group Recovered', this.#view.group, [before.code, before.since], {
      from,
      since: timestamp(before.since),
      seconds: secondsBetween(before.since, at),
    });
    this.#log.tell(event, `${before.code} is over`);
  }

  record(): void {
    const { members } = this.#view;
    const value = formatIncidents(this.#incidents);
    const ids = members.map(({ id }) => id).sort();
    const had = members.some(({ tags }) => tags[tagKeys.groupIncident] !== undefined);
    if (value === '' && had) this.#log.record(ids, {}, [tagKeys.groupIncident], 'the group is well again');
    else if (value !== '' && (value !== this.#before || !had))
      this.#log.record(ids, { [tagKeys.groupIncident]: value }, [], value);
  }
}

function formatIncidents(incidents: ReadonlyMap<string, Incident>): string {
  return [...incidents.values()]
    .sort((a, b) => a.since - b.since || (a.code < b.code ? -1 : 1))
    .map((each) => formatIncident(each))
    .join(' ');
}
