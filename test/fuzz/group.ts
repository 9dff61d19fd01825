import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from 'local-cloud/hosts';
import { must } from '../integration/group.ts';
import {
  type Push,
  type PushOptions,
  type ScriptGroup,
  startScriptGroup,
} from '../integration/script-group.ts';
import type { Journal } from './journal.ts';
import type { FuzzOptions } from './options.ts';

export const directories = ['/srv/uploads', '/srv/other'] as const;
/** Files of each directory that nobody touches: `stays/N` and `stays/sub/deep/N`. */
const untouched = 30;
const programs = ['editor', 'normalise', 'tree', 'watcher', 'damage', 'chain'] as const;
export type Program = (typeof programs)[number];
const modules = [...programs, 'choices', 'steps'] as const;
const webUser = '33';

/** Deletions without limit: holding them back has tests of its own. */
const pushOptions = {
  'max-delete-share': 100,
  'max-delete-count': 999_999_999,
  'io-timeout': 5,
  'push-timeout': 60,
} as const;
/** MiB that are soon full, so that what is kept goes again. */
const keeping = { 'keep-deleted': 30, 'keep-max': 20 } as const;

type HowItPushes = Pick<FuzzOptions, 'watch' | 'keepDeleted'>;

/** What a secondary that is disturbed may well say, and what is no news. */
const expectedErrors: readonly (string | undefined)[] = [
  'busy',
  'unreachable',
  'timeout',
  'directory-skipped',
];

/** A command that watches. */
interface Watching {
  readonly child: ChildProcess;
  readonly ended: Promise<Push>;
  /** The end of its log. */
  readonly said: string;
}

const nothingSaid: Push = { code: 0, lines: [], secondaries: [], held: [], stderr: '' };

/** A primary and two secondaries with what edits, watches and compares them. */
export class FuzzGroup {
  readonly journal: Journal;
  readonly watches: boolean;
  readonly #pushOptions: Readonly<Record<string, string | number>>;
  readonly #group: ScriptGroup;
  #watching: Watching | undefined;
  #tick = 1;
  #watchers: readonly ChildProcess[] = [];

  constructor(group: ScriptGroup, journal: Journal, { watch, keepDeleted }: HowItPushes) {
    this.watches = watch;
    this.#pushOptions = keepDeleted
      ? { ...pushOptions, 'keep-deleted': keeping['keep-deleted'] }
      : pushOptions;
    this.#group = group;
    this.journal = journal;
  }

  get primary(): Host {
    return this.#group.primary;
  }

  get secondaries(): readonly Host[] {
    return this.#group.secondaries;
  }

  /** @returns what it printed */
  async run(host: Host, program: Program, ...words: readonly string[]): Promise<string> {
    const result = await host.exec(['python3', `/root/fuzz/${program}.py`, ...words], {
      timeoutSeconds: 120,
    });
    if (result.code === 0) return result.stdout;
    throw new Error(`${host.id}: ${program}: exit code ${result.code}: ${result.stderr.slice(-500)}`);
  }

  /** Edits the primary; each operation stands in the journal. */
  async edit(seed: number, count: number): Promise<void> {
    const words = ['/root/fuzz/editor.py', String(seed), String(count), '0.02', ...directories];
    const { code, stdout, stderr } = await this.primary.exec(['python3', ...words], { timeoutSeconds: 120 });
    this.journal.note(`editor ${seed}: exit code ${code} ${stderr.slice(-500)}\n${stdout}`);
  }

  normalise(): Promise<string> {
    return this.run(this.primary, 'normalise', webUser, ...directories);
  }

  /** One push; where pushes watch, the next one: what the one before said when this one took over. */
  async push(): Promise<Push> {
    if (!this.watches) return this.pushOnce();
    const before = this.#watching;
    this.startPush();
    const next = this.#watching;
    // One of several that come at once gives up where another waits to take over: then the one before goes on
    const ended = await Promise.race([before?.ended, next?.ended.then(() => undefined)]);
    const goesOn = before?.child.exitCode === null && before.child.signalCode === null;
    if (ended === undefined && goesOn && this.#watching === next) this.#watching = before;
    return ended === undefined ? nothingSaid : this.#note(ended);
  }

  /** A push that ends, and with it what watches. `accepted`: the id of held deletions. */
  async pushOnce(accepted?: string): Promise<Push> {
    const { options } = this.#options('end');
    const accepts = accepted === undefined ? {} : { 'accept-deletions': accepted };
    return this.#note(await this.#group.push({ options: { ...options, ...accepts } }));
  }

  #follow(child: ChildProcess): Watching {
    const watching = { child, said: '' };
    child.stderr?.on('data', (said: Buffer) => {
      watching.said = `${watching.said}${said}`.slice(-2000);
    });
    return Object.assign(watching, { ended: this.#group.ended(child) });
  }

  /** What the command that watches said at last. */
  get lastWords(): string {
    return this.#watching?.said ?? '';
  }

  get isWatching(): boolean {
    const child = this.#watching?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  #options(watch: 'auto' | 'end'): PushOptions {
    if (!this.watches) return { options: this.#pushOptions };
    this.#tick += 1;
    // No walk but for a doubt
    const more = { watch, tick: this.#tick, lease: 3600, 'walk-every': 86_400 };
    return { options: { ...this.#pushOptions, ...more } };
  }

  #note(push: Push): Push {
    this.journal.count(`exit code ${push.code}`);
    for (const { id, ok, error, message } of push.secondaries) {
      if (ok === true) continue;
      this.journal.count(error ?? 'no error');
      if (!expectedErrors.includes(error)) this.journal.note(`${id}: ${error}: ${message}`);
    }
    for (const line of push.lines)
      if (line.kind === 'error' || line.kind === 'directory') this.journal.note(JSON.stringify(line));
    // A fault of the program's own is one whatever was done to it; a primary whose disk is full is in trouble itself
    if (
      (push.code === 15 || /^Traceback /m.test(push.stderr)) &&
      !push.stderr.includes('No space left on device')
    )
      this.journal.find(`FAILED push: exit code ${push.code}: ${push.stderr.slice(-2000)}`);
    return push;
  }

  /** A push that can be killed as the SSM agent does it. */
  startPush(): ChildProcess {
    const child = this.#group.start(this.#options('auto'));
    if (this.watches) this.#watching = this.#follow(child);
    return child;
  }

  /** From now on what is away from a secondary, if only for a moment, is found. Again after a host was rebooted. */
  watch(): void {
    this.#endWatchers();
    this.#watchers = this.secondaries.map((host) => {
      const words = ['/root/fuzz/watcher.py', String(untouched), ...directories];
      const child = host.spawn(['python3', ...words]);
      child.stdout?.on('data', (names: Buffer) => this.journal.find(`LOST ${host.id}: ${names}`));
      child.stderr?.on('data', (said: Buffer) => this.journal.note(`watcher ${host.id}: ${said}`));
      child.on('error', (error) => this.journal.note(`watcher ${host.id}: ${error.message}`));
      return child;
    });
  }

  #endWatchers(): void {
    for (const watcher of this.#watchers) {
      watcher.stdout?.removeAllListeners('data');
      if (watcher.exitCode === null && watcher.signalCode === null && watcher.pid !== undefined)
        process.kill(-watcher.pid, 'SIGKILL');
    }
  }

  async close(): Promise<void> {
    this.#endWatchers();
    await this.#group.close();
  }
}

/** The host package, which here walks small trees in several processes, too, as it does large ones. @returns its directory */
function packageForSmallTrees(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hostsync-fuzz-'));
  cpSync('host', directory, { recursive: true });
  const path = join(directory, 'hostsync_host', 'walkers.py');
  let text = readFileSync(path, 'utf8');
  for (const [constant, value] of [
    ['MANY = 20_000', 'MANY = 20'],
    ['MARK_EVERY = 1_000', 'MARK_EVERY = 5'],
  ] as const) {
    if (!text.includes(constant)) throw new Error(`${path} has no ${constant}`);
    text = text.replace(constant, value);
  }
  writeFileSync(path, text);
  return directory;
}

/** The hosts, with the same files on all of them. */
export async function startFuzzGroup(journal: Journal, how: HowItPushes): Promise<FuzzGroup> {
  const packageDirectory = packageForSmallTrees();
  const scripts = await startScriptGroup({
    secondaries: 2,
    diskBytes: 1e9,
    directories,
    packageDirectory,
  }).finally(() => rmSync(packageDirectory, { recursive: true }));
  const group = new FuzzGroup(scripts, journal, how);
  try {
    if (how.keepDeleted) for (const host of group.secondaries) await scripts.join(host, keeping);
    for (const host of [group.primary, ...group.secondaries])
      for (const name of modules) {
        const text = readFileSync(new URL(`hosts/${name}.py`, import.meta.url));
        await host.writeFile(`/root/fuzz/${name}.py`, text);
      }
    const fill = `mkdir -p $d/stays/sub/deep; for i in {1..${untouched}}; do echo $i | tee $d/stays/$i > $d/stays/sub/deep/$i; done`;
    await must(group.primary, `for d in ${directories.join(' ')}; do ${fill}; done`);
    await group.normalise();
    const first = await group.pushOnce();
    if (first.code !== 0)
      throw new Error(`the first push ended with exit code ${first.code}: ${first.stderr}`);
    group.watch();
    return group;
  } catch (error) {
    await group.close();
    throw error;
  }
}
