import { isRaised } from '../incidents/incident.ts';
import { timestamp } from '../model/domain-event.ts';
import { formatIncident } from '../model/incident.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import type { SecondaryState } from './group-state.ts';
import type { OutcomeLog } from './outcome-log.ts';
import type { OutcomeView } from './outcome-view.ts';

/**
 * Writes what is known of the secondaries to their tags: those that get the same in one call.
 *
 * @param recorded when the group's last push was asked for, in milliseconds since 1970
 */
export function recordSecondaries(
  { primary, recordedBefore }: OutcomeView,
  states: readonly SecondaryState[],
  recorded: number,
  log: OutcomeLog,
): void {
  const alike = new Map<string, string[]>();
  for (const state of states) {
    const { instance, incident } = state;
    if (instance === undefined || !state.member) continue;
    const { id, tags } = instance;
    const wanted = Object.entries(marksOf(state, tags));
    const text = JSON.stringify(Object.fromEntries(wanted.filter(([key, value]) => tags[key] !== value)));
    if (text !== '{}') alike.set(text, [...(alike.get(text) ?? []), id]);
    if (incident === undefined && tags[tagKeys.incident] !== undefined)
      log.record([id], {}, [tagKeys.incident], `${id} is in sync again`);
  }
  if (primary !== undefined && recorded > recordedBefore) {
    // When a push was asked for is what all that it served share with the primary: one call
    const text = JSON.stringify({ [tagKeys.syncedAt]: timestamp(recorded) });
    alike.set(text, [primary.id, ...(alike.get(text) ?? [])]);
  }
  for (const [text, ids] of alike) log.record(ids, JSON.parse(text), [], 'the results of pushes');
}

/** What is to be known of a secondary, by keys. */
function marksOf(
  { incident, syncedAt, syncedBefore }: SecondaryState,
  tags: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  // Without its incident (somebody took the note away) it stays behind until a push says otherwise
  const staysBehind = tags[tagKeys.state] === 'behind' && syncedAt === syncedBefore;
  return {
    [tagKeys.state]: isRaised(incident) || staysBehind ? 'behind' : 'in-sync',
    ...(syncedAt > 0 && { [tagKeys.syncedAt]: timestamp(syncedAt) }),
    ...(incident !== undefined && { [tagKeys.incident]: formatIncident(incident) }),
  };
}

/** What is known of hosts outside EC2 stands on the primary. */
export function recordOutside(
  primary: ObservedInstance,
  states: readonly SecondaryState[],
  log: OutcomeLog,
): void {
  const wanted = states
    .flatMap(({ instance, incident, secondary: { id } }) =>
      instance === undefined && incident !== undefined ? [formatIncident(incident, id)] : [],
    )
    .join(' ');
  const had = primary.tags[tagKeys.outside] ?? '';
  if (wanted === had) return;
  if (wanted === '') log.record([primary.id], {}, [tagKeys.outside], 'hosts outside EC2');
  else log.record([primary.id], { [tagKeys.outside]: wanted }, [], 'hosts outside EC2');
}
