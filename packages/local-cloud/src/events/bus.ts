import { randomUUID } from 'node:crypto';
import { type Account, wholeSeconds } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import type { Activity } from '../base/journal.ts';
import type { Json } from '../base/json.ts';
import type { BusEvent, EventDraft } from './event.ts';
import { EventFaults } from './faults.ts';

export interface EventSink {
  emit(draft: EventDraft): BusEvent;
}

/** An event and what became of it. */
export interface EventRecord {
  readonly at: Date;
  readonly event: BusEvent;
  /** the logical ids of the rules that matched, once per delivery */
  readonly rules: string[];
  /** faults that struck it */
  readonly faults: string[];
}

/** Who gets events: the rules. Returns the names of those that matched. */
export type Dispatch = (event: BusEvent) => readonly string[];

/** The default bus. What it receives goes to the rules, unless a fault strikes it. */
export class EventBus implements EventSink {
  readonly records: EventRecord[] = [];
  readonly faults: EventFaults;
  readonly #account: Account;
  readonly #activity: Activity;
  readonly #clock: Clock;
  #dispatch: Dispatch = () => [];

  constructor(account: Account, activity: Activity, clock: Clock) {
    this.#account = account;
    this.#activity = activity;
    this.#clock = clock;
    this.faults = new EventFaults(clock);
  }

  connect(dispatch: Dispatch): void {
    this.#dispatch = dispatch;
  }

  emit(draft: EventDraft): BusEvent {
    const event: BusEvent = {
      version: '0',
      id: randomUUID(),
      'detail-type': draft['detail-type'],
      source: draft.source,
      account: this.#account.accountId,
      time: wholeSeconds(draft.time ?? new Date()),
      region: this.#account.region,
      resources: draft.resources,
      detail: draft.detail,
    };
    const record: EventRecord = { at: new Date(), event, rules: [], faults: [] };
    this.records.push(record);
    this.#activity.start(`event ${event['detail-type']}`, async () => {
      const deliveries = this.faults.strike(event, (fault) => record.faults.push(fault));
      await Promise.all(
        deliveries.map(async (delivery) => {
          await delivery;
          if (!this.#clock.closed) record.rules.push(...this.#dispatch(event));
        }),
      );
    });
    return event;
  }
}

/** A scheduled rule's own event; it does not pass over the bus. */
export function scheduledEvent(
  account: Account,
  ruleArn: string,
  at: Date,
): { readonly [key: string]: Json } {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: account.accountId,
    time: wholeSeconds(at),
    region: account.region,
    resources: [ruleArn],
    detail: {},
  };
}
