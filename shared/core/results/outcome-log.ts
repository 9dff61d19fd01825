import type { DomainEvent } from '../model/domain-event.ts';
import type { MetricName, OutcomeAction } from './outcome-action.ts';

/** Collects what follows for one group. */
export class OutcomeLog {
  readonly #group: string;
  readonly #events: OutcomeAction[] = [];
  readonly #records: OutcomeAction[] = [];
  readonly #measures: OutcomeAction[] = [];

  constructor(group: string) {
    this.#group = group;
  }

  tell(event: DomainEvent, reason: string): void {
    this.#events.push({ kind: 'tell', group: this.#group, event, reason });
  }

  record(
    instances: readonly string[],
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
    reason: string,
  ): void {
    this.#records.push({ kind: 'record', group: this.#group, instances, set, remove, reason });
  }

  /** @param secondary undefined for the group */
  measure(values: Readonly<Partial<Record<MetricName, number>>>, reason: string, secondary?: string): void {
    const of = secondary === undefined ? {} : { secondary };
    this.#measures.push({ kind: 'measure', group: this.#group, ...of, values, reason });
  }

  /** In the order in which they are carried out: an event is published before the tag that says so is written. */
  actions(): readonly OutcomeAction[] {
    return [...this.#events, ...this.#records, ...this.#measures];
  }
}
