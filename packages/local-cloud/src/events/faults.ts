import { type FaultHandle, handleOf } from '../api/faults.ts';
import type { Clock } from '../base/clock.ts';
import type { BusEvent } from './event.ts';

/** What can happen to an event. `reorder`: it is delivered after the next event of any kind that comes after it. */
export type EventFault =
  | { readonly kind: 'drop' }
  | { readonly kind: 'double' }
  | { readonly kind: 'delay'; readonly seconds: number }
  | { readonly kind: 'reorder' };

export type EventMatcher = (event: BusEvent) => boolean;

interface Armed {
  readonly matches: EventMatcher;
  readonly fault: EventFault;
  left: number;
  struck: number;
}

/** The faults that the next events meet. */
export class EventFaults {
  readonly #armed = new Set<Armed>();
  readonly #clock: Clock;
  #held: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  arm(matches: EventMatcher, fault: EventFault, times: number): FaultHandle {
    const armed: Armed = { matches, fault, left: times, struck: 0 };
    return handleOf(this.#armed, armed);
  }

  /** How many events wait to be overtaken. */
  get held(): number {
    return this.#held.length;
  }

  /** Delivers events that wait to be overtaken, although nothing overtook them. */
  releaseHeld(): void {
    for (const release of this.#held.splice(0)) release();
  }

  /** When the event is to be delivered: once for each promise. */
  strike(event: BusEvent, note: (fault: string) => void): readonly Promise<void>[] {
    const struck = [...this.#armed].find((armed) => armed.matches(event));
    const overtaken = this.#held.splice(0);
    // after the delivery of this event, which happens in the next microtasks
    if (overtaken.length > 0) {
      setImmediate(() => {
        for (const release of overtaken) release();
      });
    }
    if (struck === undefined) return [Promise.resolve()];
    struck.left -= 1;
    struck.struck += 1;
    if (struck.left <= 0) this.#armed.delete(struck);
    note(struck.fault.kind);
    switch (struck.fault.kind) {
      case 'drop':
        return [];
      case 'double':
        return [Promise.resolve(), Promise.resolve()];
      case 'delay':
        return [this.#clock.wait(struck.fault.seconds * 1000)];
      case 'reorder': {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#held.push(resolve);
        return [promise];
      }
    }
  }
}
