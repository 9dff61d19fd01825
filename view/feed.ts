import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveState } from './model/live.ts';
import type { Source } from './source.ts';
import { StreamLog } from './stream-log.ts';

export interface FeedOptions {
  /** Seconds between two looks. */
  readonly every: number;
  /** Look also while nobody watches: the chart then has a past. Against AWS each look costs calls, so nobody is no reason for one. */
  readonly always: boolean;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

/** Looks at the source again and again and keeps what it saw. */
export class Feed {
  readonly log = new StreamLog();
  readonly #source: Source;
  readonly #options: FeedOptions;
  readonly #stop = new AbortController();
  #watchers = 0;
  #wake: () => void = () => undefined;
  #last = '';
  #running: Promise<void> | undefined;
  /** Why the last look failed. */
  #failure: string | undefined;

  constructor(source: Source, options: FeedOptions) {
    this.#source = source;
    this.#options = options;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  /** @returns ends it */
  watch(): () => void {
    this.#watchers += 1;
    this.#wake();
    let ended = false;
    return () => {
      if (!ended) this.#watchers -= 1;
      ended = true;
    };
  }

  /** Looks now, as after an action. */
  hurry(): void {
    this.#wake();
  }

  /** One look. */
  async look(): Promise<void> {
    try {
      const { state, samples, events, pushes } = await this.#source();
      for (const data of samples) this.log.add({ type: 'sample', data });
      for (const data of events) this.log.add({ type: 'event', data });
      for (const data of pushes) this.log.add({ type: 'push', data });
      this.#setState(state);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  #setState(state: LiveState): void {
    // The time alone is no news
    const text = JSON.stringify({ ...state, at: 0 });
    if (text === this.#last) return;
    this.#last = text;
    this.log.add({ type: 'state', data: state });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (this.#options.always || this.#watchers > 0) await this.look();
      const woken = new Promise<void>((done) => {
        this.#wake = done;
      });
      const pause = new AbortController();
      const idle = !this.#options.always && this.#watchers === 0;
      if (!signal.aborted)
        await Promise.race([
          woken,
          ...(idle
            ? []
            : [
                sleep(this.#options.every * 1_000, undefined, { signal: pause.signal }).catch(
                  () => undefined,
                ),
              ]),
        ]);
      pause.abort();
    }
  }
}
