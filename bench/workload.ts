import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  fchownSync,
  futimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { CaseName } from './options.ts';

export interface WorkloadOptions {
  /** Where the tree is, as this process sees it. */
  readonly root: string;
  readonly files: number;
  /** Bytes of each file; nothing: 1 to 20 KB. */
  readonly fileBytes: number | undefined;
  /** All files in one directory, of which the case `changed` changes one. */
  readonly flat?: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** A change of the tree, and back to where it was. */
export interface Change {
  readonly title: string;
  apply(): Promise<void>;
  undo(): Promise<void>;
}

const filesInDirectory = 500;
/** Whole seconds, for `rsync -a` compares no smaller parts, and one tool's changes are to be another's exactly. */
const directoryTime = Date.UTC(2025, 0, 1) / 1000;
const poolBytes = 128 * 1024;
const changedVersion = 17;

/**
 * Uploads as a CMS keeps them: SITE/YEAR/MONTH/FILE, `filesInDirectory` in each. Where each file is, its size and its
 * time follow from its number, so that a change can be made, taken back and made again, each time to the last bit.
 */
export class Workload {
  readonly files: number;
  /** How many files the cases `changed`, `new` and `renamed` are about: never enough to look like a catastrophe. */
  readonly counts: { readonly changed: number; readonly new: number; readonly renamed: number };
  readonly #options: WorkloadOptions;
  readonly #pool = randomBytes(poolBytes);
  readonly #directories = new Set<string>();
  #made = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.files = options.files;
    const many = Math.min(10_000, Math.floor(options.files / 20));
    this.counts =
      options.flat === true
        ? { changed: 1, new: 0, renamed: 0 }
        : { changed: Math.min(100, many), new: many, renamed: many };
  }

  /** Adds files until there are this many; default: all. */
  async grow(files = this.files): Promise<void> {
    for (; this.#made < files; this.#made += 1) {
      this.#write(this.#path(this.#made), this.#made);
      if (this.#made % 2000 === 0) await breathe();
    }
    this.#settleDirectories();
  }

  change(name: Exclude<CaseName, 'first'>): Change {
    const { root } = this.#options;
    const count = this.counts;
    const nothing = async () => undefined;
    switch (name) {
      case 'nothing':
        return { title: 'nothing changed', apply: nothing, undo: nothing };
      case 'verified':
        return { title: 'nothing changed, and everything compared', apply: nothing, undo: nothing };
      case 'changed':
        return {
          title: `${count.changed.toLocaleString('en')} of ${this.files.toLocaleString('en')} files changed`,
          apply: async () => {
            for (const number of this.#spread(count.changed))
              this.#write(this.#path(number), number, changedVersion);
          },
          undo: async () => {
            for (const number of this.#spread(count.changed)) this.#write(this.#path(number), number);
          },
        };
      case 'new':
        return {
          title: `${count.new.toLocaleString('en')} new files`,
          apply: async () => {
            for (let number = 0; number < count.new; number += 1) {
              const part = String(Math.floor(number / filesInDirectory) + 1);
              this.#write(join(root, 'new', part, `upload-${number}.jpg`), number);
              if (number % 2000 === 0) await breathe();
            }
            this.#settleDirectories();
          },
          undo: async () => {
            rmSync(join(root, 'new'), { recursive: true });
            for (const path of this.#directories)
              if (path.startsWith(join(root, 'new'))) this.#directories.delete(path);
            this.#settleDirectories();
          },
        };
      case 'renamed':
        return {
          title: `a directory of ${count.renamed.toLocaleString('en')} files renamed`,
          apply: async () => {
            renameSync(join(root, 'library'), join(root, 'renamed library'));
            this.#settleRoot();
          },
          undo: async () => {
            renameSync(join(root, 'renamed library'), join(root, 'library'));
            this.#settleRoot();
          },
        };
    }
  }

  /** The files of the case `changed` on another host, and how long they are afterwards. */
  changedOn(root: string): readonly { readonly path: string; readonly bytes: number }[] {
    return [...this.#spread(this.counts.changed)].map((number) => ({
      path: join(root, relative(this.#options.root, this.#path(number))),
      bytes: this.#size(number, changedVersion),
    }));
  }

  #path(number: number): string {
    if (this.#options.flat === true) return join(this.#options.root, 'flat', `upload-${number}.jpg`);
    const month = Math.floor(number / filesInDirectory);
    const site = number < this.counts.renamed ? 'library' : `site-${Math.floor(month / 240) + 1}`;
    const year = 2005 + (Math.floor(month / 12) % 20);
    const name = `upload-${number}.jpg`;
    return join(this.#options.root, site, String(year), String((month % 12) + 1).padStart(2, '0'), name);
  }

  /** Files from all over the tree, but for the one directory that is renamed. */
  *#spread(count: number): Generator<number> {
    const first = this.counts.renamed;
    for (let index = 0; index < count; index += 1)
      yield first + Math.floor((index * (this.files - first)) / count);
  }

  #size(number: number, version: number): number {
    return (this.#options.fileBytes ?? 1024 + ((number * 7919) % 19_456)) + version;
  }

  /** @param version 0 as it was at first; else so many bytes longer and seconds newer, with other content */
  #write(path: string, number: number, version = 0): void {
    this.#makeDirectory(dirname(path));
    const { owner } = this.#options;
    const size = this.#size(number, version);
    const from = (number * 127 + version) % (poolBytes - size);
    const descriptor = openSync(path, 'w', 0o644);
    if (size > 0) writeSync(descriptor, this.#pool, from, size);
    fchownSync(descriptor, owner.uid, owner.gid);
    const time = directoryTime - 86_400 + (number % 86_400) + version;
    futimesSync(descriptor, time, time);
    closeSync(descriptor);
  }

  #makeDirectory(path: string): void {
    if (path === this.#options.root || this.#directories.has(path)) return;
    this.#makeDirectory(dirname(path));
    mkdirSync(path, 0o755);
    chownSync(path, this.#options.owner.uid, this.#options.owner.gid);
    this.#directories.add(path);
  }

  #settleDirectories(): void {
    for (const path of this.#directories) utimesSync(path, directoryTime, directoryTime);
    this.#settleRoot();
  }

  #settleRoot(): void {
    utimesSync(this.#options.root, directoryTime, directoryTime);
  }
}
