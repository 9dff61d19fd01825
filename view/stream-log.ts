import { randomBytes } from 'node:crypto';
import type { Entry, FirstDraw, LiveEvent, LivePush, LiveState, Sample } from './model/live.ts';

/** An entry with the place after which whoever has read it goes on. */
export interface Numbered {
  readonly cursor: string;
  readonly entry: Entry;
}

export interface LogOptions {
  /** How many entries can be read again after a connection was lost. */
  readonly keep?: number;
  readonly samples?: number;
  readonly events?: number;
  readonly pushes?: number;
}

/**
 * What happened lately, in order. A cursor names the log as well as the place: one that an earlier server gave is known to be of no use,
 * instead of being taken for a place in this one.
 */
export class StreamLog {
  readonly #id = randomBytes(6).toString('hex');
  readonly #keep: number;
  readonly #entries: Entry[] = [];
  /** Number of the first entry that is still there. */
  #first = 0;
  readonly #listeners = new Set<() => void>();
  readonly #samples: Kept<Sample>;
  readonly #events: Kept<LiveEvent>;
  readonly #pushes: Kept<LivePush>;
  #state: LiveState | undefined;

  constructor({ keep = 2_000, samples = 900, events = 300, pushes = 60 }: LogOptions = {}) {
    this.#keep = keep;
    this.#samples = new Kept(samples);
    this.#events = new Kept(events);
    this.#pushes = new Kept(pushes);
  }

  add(entry: Entry): void {
    if (!this.#take(entry)) return;
    this.#entries.push(entry);
    if (this.#entries.length > this.#keep) {
      this.#entries.shift();
      this.#first += 1;
    }
    for (const listener of this.#listeners) listener();
  }

  /** @returns false: it is known already */
  #take(entry: Entry): boolean {
    switch (entry.type) {
      case 'state':
        this.#state = entry.data;
        return true;
      case 'sample':
        return this.#samples.add(entry.data, `${entry.data.group} ${entry.data.at}`);
      case 'event':
        // An alert that is resolved comes once more, closed
        return this.#events.add(entry.data, `${entry.data.id} ${entry.data.open === true}`);
      case 'push':
        return this.#pushes.add(entry.data, entry.data.id);
    }
  }

  get cursor(): string {
    return this.#cursorOf(this.#first + this.#entries.length);
  }

  #cursorOf(number: number): string {
    return `${this.#id}.${number}`;
  }

  /** Nothing before the first state is there. */
  firstDraw(): FirstDraw | undefined {
    if (this.#state === undefined) return undefined;
    return {
      cursor: this.cursor,
      state: this.#state,
      samples: this.#samples.all(),
      events: this.#events.all(),
      pushes: this.#pushes.all(),
    };
  }

  /** What came after a cursor; `too-old`: some of that is gone, or the cursor is none of this log's. */
  since(cursor: string): readonly Numbered[] | 'too-old' {
    const [id, text = ''] = cursor.split('.');
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    const end = this.#first + this.#entries.length;
    if (id !== this.#id || !(number >= this.#first && number <= end)) return 'too-old';
    return this.#entries
      .slice(number - this.#first)
      .map((entry, index) => ({ cursor: this.#cursorOf(number + index + 1), entry }));
  }

  /** Calls back after each entry. @returns ends that */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The newest of a kind, each once. */
class Kept<Item> {
  readonly #most: number;
  readonly #items = new Map<string, Item>();

  constructor(most: number) {
    this.#most = most;
  }

  add(item: Item, key: string): boolean {
    if (this.#items.has(key)) return false;
    this.#items.set(key, item);
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= this.#most) break;
      this.#items.delete(oldest);
    }
    return true;
  }

  all(): readonly Item[] {
    return [...this.#items.values()];
  }
}
