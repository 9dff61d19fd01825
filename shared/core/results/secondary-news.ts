import type { Notice } from '../incidents/incident.ts';
import { incidentDetail, noticeKey } from '../incidents/notice.ts';
import { domainEvent, timestamp } from '../model/domain-event.ts';
import type { Incident } from '../model/incident.ts';
import type { ObservedInstance } from '../model/observation.ts';
import type { FailedSecondary, RecoveredSecondary } from '../model/push-event-details.ts';
import { secondsBetween } from '../model/time.ts';
import type { SecondaryState } from './group-state.ts';
import type { OutcomeLog } from './outcome-log.ts';

/** A secondary that an event names, and why. */
interface NotifiedSecondary {
  readonly entry: FailedSecondary;
  readonly incident: Incident;
  readonly notice: Notice;
}

/** What was found on single secondaries, for as few events as can be. */
export class SecondaryNews {
  /** By the reminder that is due, or what else there is to say. */
  readonly #failures = new Map<string, readonly NotifiedSecondary[]>();
  /** By the push that brought them up to date: when it was asked for. */
  readonly #recovered = new Map<number, readonly RecoveredSecondary[]>();

  /** @param now milliseconds since 1970 */
  fails(
    { secondary: { id: secondary }, instance, syncedAt }: SecondaryState,
    incident: Incident,
    notice: Notice,
    { error, message }: { readonly error: string; readonly message: string },
    now: number,
  ): void {
    const known = instance !== undefined && syncedAt > 0;
    const entry = {
      secondary,
      error,
      message,
      ...(known && { syncedAt: timestamp(syncedAt), secondsBehind: secondsBetween(syncedAt, now) }),
    };
    const key = `${notice} ${incident.notifications}`;
    this.#failures.set(key, [...(this.#failures.get(key) ?? []), { entry, incident, notice }]);
  }

  /**
   * @param at from when it is known to be well, in milliseconds since 1970
   * @param requestedAt when the push was asked for
   */
  recovers(secondary: string, { code: error, since }: Incident, at: number, requestedAt: number): void {
    const recovered = { secondary, error, since: timestamp(since), seconds: secondsBetween(since, at) };
    this.#recovered.set(requestedAt, [...(this.#recovered.get(requestedAt) ?? []), recovered]);
  }

  tell(group: string, { id: primary }: ObservedInstance, log: OutcomeLog): void {
    for (const together of this.#failures.values()) tellFailures(group, primary, together, log);
    for (const [at, secondaries] of this.#recovered) {
      const key = secondaries.map(({ secondary, since }) => `${secondary} ${since}`).sort();
      const event = domainEvent('Sync Recovered', group, key, {
        primary,
        syncedAt: timestamp(at),
        secondaries,
      });
      log.tell(event, `in sync again: ${secondaries.map(({ secondary }) => secondary).join(', ')}`);
    }
  }
}

/** Those with one reason: one event, since the first of them began. */
function tellFailures(
  group: string,
  primary: string,
  together: readonly NotifiedSecondary[],
  log: OutcomeLog,
): void {
  const [first] = together.toSorted((one, other) => one.incident.since - other.incident.since);
  if (first === undefined) return;
  const secondaries = together.map(({ entry }) => entry);
  const ids = secondaries.map(({ secondary }) => secondary).sort();
  const event = domainEvent('Sync Failed', group, [...noticeKey(first.incident, first.notice), ...ids], {
    ...incidentDetail(first.incident, first.notice),
    primary,
    secondaries,
  });
  const words = secondaries.map((each) => `${each.secondary}: ${each.error}: ${each.message}`);
  log.tell(event, `behind: ${words.join('; ')}`);
}
