import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Time that nobody needs to live through. `scale` 60 makes a minute of waiting (a retry of Lambda, the delivery
 * timeout of a command whose host is gone) last a second. Work that really happens is never sped up.
 */
export class Clock {
  readonly scale: number;
  readonly #closed = new AbortController();

  constructor(scale: number) {
    this.scale = scale;
  }

  /** Milliseconds that `seconds` of waiting take here. */
  scaledMs(seconds: number): number {
    return (seconds * 1000) / this.scale;
  }

  get closed(): boolean {
    return this.#closed.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Waits; resolves at once when the cloud closes. */
  async wait(milliseconds: number): Promise<void> {
    await sleep(Math.min(milliseconds, 2 ** 31 - 1), undefined, { signal: this.#closed.signal }).catch(
      () => undefined,
    );
  }

  close(): void {
    this.#closed.abort();
  }
}
