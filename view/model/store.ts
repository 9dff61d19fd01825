import type { Entry, FirstDraw, LiveEvent, LiveGroup, LivePush, LiveState, Sample } from './live.ts';

/** What the page keeps, whatever comes: an hour of watching takes no more than this. */
export const kept = { samples: 900, events: 300, pushes: 60 };

/** All that the page knows. */
export class Store {
  state: LiveState | undefined;
  readonly #samples: Sample[] = [];
  readonly #events = new Map<string, LiveEvent>();
  readonly #pushes = new Map<string, LivePush>();

  /** Begins anew. */
  draw({ state, samples, events, pushes }: FirstDraw): void {
    this.#samples.length = 0;
    this.#events.clear();
    this.#pushes.clear();
    this.state = state;
    for (const data of samples) this.take({ type: 'sample', data });
    for (const data of events) this.take({ type: 'event', data });
    for (const data of pushes) this.take({ type: 'push', data });
  }

  take(entry: Entry): void {
    switch (entry.type) {
      case 'state':
        this.state = entry.data;
        return;
      case 'sample':
        this.#samples.push(entry.data);
        if (this.#samples.length > kept.samples) this.#samples.shift();
        return;
      case 'event':
        this.#events.set(entry.data.id, entry.data);
        dropOldest(this.#events, kept.events);
        return;
      case 'push':
        this.#pushes.set(entry.data.id, entry.data);
        dropOldest(this.#pushes, kept.pushes * 4);
        return;
    }
  }

  /** The group of this name, or the one that needs somebody most. */
  group(name: string | undefined): LiveGroup | undefined {
    const groups = this.state?.groups ?? [];
    return groups.find((group) => group.name === name) ?? groups.toSorted(byLevel)[0];
  }

  samples(group: string): readonly Sample[] {
    return this.#samples.filter((sample) => sample.group === group);
  }

  /** Open alerts first, then the newest. */
  events(group: string): readonly LiveEvent[] {
    return [...this.#events.values()]
      .filter((event) => event.group === group)
      .toSorted((one, other) => Number(other.open ?? false) - Number(one.open ?? false) || other.at - one.at);
  }

  /** Oldest first. */
  pushes(group: string): readonly LivePush[] {
    return [...this.#pushes.values()]
      .filter((push) => push.group === group)
      .toSorted((one, other) => one.at - other.at)
      .slice(-kept.pushes);
  }
}

const urgency = ['bad', 'held', 'warn', 'work', 'off', 'ok'];

function byLevel(one: LiveGroup, other: LiveGroup): number {
  return urgency.indexOf(one.verdict.level) - urgency.indexOf(other.verdict.level);
}

function dropOldest<Item extends { readonly at: number; readonly open?: boolean | undefined }>(
  items: Map<string, Item>,
  most: number,
): void {
  if (items.size <= most) return;
  const [oldest] = [...items].toSorted(
    ([, one], [, other]) => Number(one.open ?? false) - Number(other.open ?? false) || one.at - other.at,
  );
  if (oldest !== undefined) items.delete(oldest[0]);
}
