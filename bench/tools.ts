import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { BenchError, processes, type Sample } from './meter.ts';
import type { ToolName } from './options.ts';
import { request, scriptCommand, type Testbed, uploads } from './testbed.ts';

/** One way of bringing the primary's tree to the secondaries. */
export interface Tool {
  readonly title: string;
  /** Brings everything to secondaries that have nothing. */
  first(): Promise<Sample>;
  /** Makes a change on the primary and brings it to the secondaries. @param expected is there anything to bring? */
  sync(change: () => Promise<void>, expected: boolean): Promise<Sample>;
  /** Has it compare everything, where it does not do so anyway. */
  verify(): Promise<Sample>;
  /** Takes a change back, on the secondaries too; nobody measures it. */
  undo(change: () => Promise<void>): Promise<void>;
  /** Leaves nothing running. */
  end(): Promise<void>;
}

export const toolTitles: Readonly<Record<ToolName, string>> = {
  cron: 'cron loop',
  parallel: 'parallel rsync',
  lsyncd: 'lsyncd',
  push: 'hostsync push',
};

/** @param count of secondaries, the first ones */
export function openTool(name: ToolName, testbed: Testbed, count: number): Tool {
  const addresses = testbed.secondaries.slice(0, count).map(({ address }) => address);
  const rsync = `rsync -a --delete ${uploads}/ "root@$host:${uploads}/"`;
  const title = toolTitles[name];
  const shell = (script: string) => ['bash', '-c', `code=0; ${script}; exit "$code"`, name, ...addresses];
  const all = `pids=(); for host; do ${rsync} & pids+=("$!"); done`;
  const parallel = shell(`${all}; for pid in "\${pids[@]}"; do wait "$pid" || code=$?; done`);
  switch (name) {
    case 'cron':
      return new Command(title, testbed, shell(`for host; do ${rsync} || code=$?; done`), parallel);
    case 'parallel':
      return new Command(title, testbed, parallel);
    case 'lsyncd':
      return new Lsyncd(title, testbed, addresses, parallel);
    case 'push':
      return new Push(title, testbed, count);
  }
}

/** What runs once and ends. */
class Command implements Tool {
  readonly title: string;
  protected readonly testbed: Testbed;
  readonly #argv: readonly string[];
  readonly #undo: readonly string[];

  /** @param undo does the same, sooner */
  constructor(title: string, testbed: Testbed, argv: readonly string[], undo = argv) {
    this.title = title;
    this.testbed = testbed;
    this.#argv = argv;
    this.#undo = undo;
  }

  first(): Promise<Sample> {
    return this.testbed.meter.measure(() => this.work());
  }

  async sync(change: () => Promise<void>): Promise<Sample> {
    await change();
    return this.testbed.meter.measure(() => this.work());
  }

  verify(): Promise<Sample> {
    return this.testbed.meter.measure(() => this.work());
  }

  async undo(change: () => Promise<void>): Promise<void> {
    await change();
    await this.testbed.run(this.#undo);
  }

  async end(): Promise<void> {}

  protected work(): Promise<number> {
    return this.testbed.run(this.#argv);
  }
}

class Push extends Command {
  readonly #count: number;
  #ready = false;

  constructor(title: string, testbed: Testbed, count: number) {
    super(title, testbed, scriptCommand('push', request));
    this.#count = count;
  }

  override async first(): Promise<Sample> {
    await this.#prepare();
    // What it keeps between two pushes belongs to hosts that had the files
    await this.testbed.run(['rm', '-rf', '/var/lib/hostsync/manifest']);
    return super.first();
  }

  override async sync(change: () => Promise<void>): Promise<Sample> {
    await this.#prepare();
    return super.sync(change);
  }

  override async verify(): Promise<Sample> {
    // The one before was more than a second ago
    await this.testbed.writeRequest(this.#count, [['option', 'verify-every', '1']]);
    try {
      return await super.verify();
    } finally {
      await this.testbed.writeRequest(this.#count);
    }
  }

  async #prepare(): Promise<void> {
    if (!this.#ready) await this.testbed.writeRequest(this.#count);
    this.#ready = true;
  }
}

const configuration = '/etc/lsyncd.lua';
/** Seconds that lsyncd collects changes before it acts; its own default is 15. */
const lsyncdDelay = 1;
/** Idle for so long, and nothing is to come. */
const quietSeconds = lsyncdDelay + 3;
/** It has begun by then, or has missed it. */
const beginSeconds = 30;
const commandSeconds = 3600;

/** A daemon that watches the tree with inotify. It never ends: it is done when no rsync of its own runs any more, nor begins. */
class Lsyncd implements Tool {
  readonly title: string;
  readonly #testbed: Testbed;
  readonly #addresses: readonly string[];
  readonly #undo: readonly string[];
  /** Its own processes: nsenter and lsyncd. Whatever is more is at work. */
  readonly #own = 2;

  /** @param undo syncs without it */
  constructor(title: string, testbed: Testbed, addresses: readonly string[], undo: readonly string[]) {
    this.title = title;
    this.#testbed = testbed;
    this.#addresses = addresses;
    this.#undo = undo;
  }

  async first(): Promise<Sample> {
    const { primary, meter } = this.#testbed;
    const targets = this.#addresses.map(
      (address) =>
        `sync { default.rsync, source = "${uploads}/", target = "root@${address}:${uploads}/", delay = ${lsyncdDelay}, rsync = { archive = true } }`,
    );
    const settings = 'settings { nodaemon = true, statusFile = "/run/lsyncd.status" }';
    await primary.writeFile(configuration, `${[settings, ...targets].join('\n')}\n`);
    return meter.measure(() => {
      const log = openSync(this.#log, 'w');
      const started = performance.now();
      this.#testbed.start(['lsyncd', configuration], ['ignore', log, log]).on('error', () => undefined);
      closeSync(log);
      return this.#quiet(started, true);
    });
  }

  /** It is at work while the change is still being made; the clock runs from the change's end, as for the others. */
  sync(change: () => Promise<void>, expected: boolean): Promise<Sample> {
    return this.#testbed.meter.measure(async () => {
      await change();
      return this.#quiet(performance.now(), expected);
    });
  }

  /** Started anew, for what it collects while thousands of files go takes it longer than all measures together. */
  /** It compares when it starts, and never else. */
  async verify(): Promise<Sample> {
    await this.end();
    return this.first();
  }

  async undo(change: () => Promise<void>): Promise<void> {
    await this.end();
    await change();
    await this.#testbed.run(this.#undo);
    await this.first();
  }

  async end(): Promise<void> {
    this.#testbed.endRuns();
    while (processes(this.#testbed.runGroup).length > 0) await sleep(10);
  }

  get #log(): string {
    return join(sandboxDirectory(), 'bench.lsyncd');
  }

  /** @returns seconds from `started` until it was last at work */
  async #quiet(started: number, expected: boolean): Promise<number> {
    let last = started;
    let seen = false;
    for (let now = started; ; now = performance.now()) {
      const running = processes(this.#testbed.runGroup).length;
      if (running > this.#own) {
        last = now;
        seen = true;
      } else if (now - started > 1000 && running < this.#own) {
        const said = readFileSync(this.#log, 'utf8').slice(-600);
        throw new BenchError(`lsyncd ended by itself: ${said.trim()}`);
      }
      const patience = expected && !seen ? beginSeconds : quietSeconds;
      if (now - last > patience * 1000) return (last - started) / 1000;
      if (now - started > commandSeconds * 1000) throw new BenchError('lsyncd does not come to rest');
      await sleep(10);
    }
  }
}
