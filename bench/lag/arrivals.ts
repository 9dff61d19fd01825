import { type FSWatcher, statSync, watch } from 'node:fs';
import { join } from 'node:path';

/** When the writer closed each file, in milliseconds of this machine's clock. All hosts are on this machine. */
export type Written = Map<string, number>;

/**
 * Notes when each file of a directory is whole on one secondary: rsync gives a file its name when it is, and whoever writes in place has
 * written its last byte by then.
 */
export class Arrivals {
  readonly at = new Map<string, number>();
  /** When a file that had arrived was gone again. */
  readonly goneAt = new Map<string, number>();
  readonly #directory: string;
  readonly #bytes: number;
  readonly #watcher: FSWatcher;

  /** @param bytes size of each file */
  constructor(directory: string, bytes: number) {
    this.#directory = directory;
    this.#bytes = bytes;
    this.#watcher = watch(directory, (_event, name) => this.#see(name));
  }

  /** The kernel drops events when very many files come at once: what has come all the same has its name since its ctime. */
  lookFor(names: Iterable<string>): void {
    for (const name of names) {
      if (this.at.has(name)) continue;
      const found = statSync(join(this.#directory, name), { throwIfNoEntry: false });
      if (found?.size === this.#bytes) this.at.set(name, found.ctimeMs);
    }
  }

  close(): void {
    this.#watcher.close();
  }

  #see(name: string | null): void {
    // A hidden one is still being written
    if (name === null || name.startsWith('.')) return;
    try {
      const { size } = statSync(join(this.#directory, name));
      if (size === this.#bytes && !this.at.has(name)) this.at.set(name, Date.now());
    } catch {
      if (this.at.has(name)) this.goneAt.set(name, Date.now());
    }
  }
}

/**
 * @returns seconds, ascending: one for each file and secondary. What has not come is left out, and counted by the caller
 */
export function lagsOf(written: Written, arrivals: readonly Pick<Arrivals, 'at'>[]): readonly number[] {
  const lags = arrivals.flatMap(({ at }) =>
    [...written].flatMap(([name, closed]) => {
      const came = at.get(name);
      return came === undefined ? [] : [Math.max(0, came - closed) / 1000];
    }),
  );
  return lags.sort((one, other) => one - other);
}

/** @param share 0 to 1 @param ascending at least one */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? Number.NaN;
}
