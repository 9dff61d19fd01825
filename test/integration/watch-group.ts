import type { ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from 'local-cloud/hosts';
import { must, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import {
  killGroup,
  type PushOptions,
  type ScriptGroup,
  type ScriptGroupOptions,
  startScriptGroup,
} from './script-group.ts';

/** What a command printed that has ended. */
export interface Ended {
  readonly code: number | null;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

/** One command that watches. */
export interface Watch {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export const linesOf = ({ lines }: Ended, kind: string) => lines.filter((line) => line['kind'] === kind);

/** Waits for what must come, with a limit that only a fault reaches. */
export async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await sleep(100);
  }
}

/** A group on hosts with nothing but the host package, whose primary watches. */
export class WatchGroup {
  readonly group: ScriptGroup;
  readonly #running: Watch[] = [];
  #tick = 1000;

  constructor(group: ScriptGroup) {
    this.group = group;
  }

  get tick(): number {
    return this.#tick;
  }

  /** The command of a next tick; it watches. */
  next(options: PushOptions['options'] = {}, more: PushOptions = {}): Watch {
    this.#tick += 60;
    return this.start({ tick: this.#tick, ...options }, more);
  }

  start(options: PushOptions['options'] = {}, more: PushOptions = {}): Watch {
    const child = this.group.primary.spawn(hostCommand('push'), {
      stdin: this.group.request({ ...more, options: { watch: 'auto', lease: 300, ...options } }),
    });
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('no pipes');
    stderr.pipe(process.stderr);
    const code = new Promise<number | null>((done) => child.on('close', (number) => done(number)));
    const ended = Promise.all([code, text(stdout)]).then(([number, output]) => ({
      code: number,
      lines: output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    }));
    const one = { child, ended };
    this.#running.push(one);
    return one;
  }

  /** A push that ends the watch and does not watch itself. */
  end() {
    this.#tick += 60;
    return this.group.push({ options: { watch: 'end', tick: this.#tick } });
  }

  /** As cancelling a command does: SIGKILL to its process group. */
  async cancel({ child, ended }: Watch): Promise<void> {
    killGroup(child);
    await ended;
  }

  /** Stops the program, not its connections. */
  async freeze(): Promise<void> {
    await this.signal('STOP');
  }

  /** What started it on the host stops and goes on with it, and sees only then that it has ended. */
  thaw({ child }: Watch): void {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(child.pid, 'SIGCONT');
  }

  /** Nothing of an earlier test is left. */
  async clear(): Promise<void> {
    for (const one of this.#running.splice(0)) await this.cancel(one);
  }

  /** To the program alone, not to its connections. */
  async signal(name: string): Promise<void> {
    await this.group.primary.exec(`pkill -${name} -f '[h]ostsync/current push'`);
  }

  /** How many processes of the primary push. */
  async pushes(): Promise<number> {
    return Number((await this.group.primary.exec(`pgrep -cf '[h]ostsync/current push'`)).stdout);
  }

  /** How many connections to secondaries are open. */
  async connections(): Promise<number> {
    return Number((await this.group.primary.exec(`pgrep -cf '[s]sh -F .* -N -M'`)).stdout);
  }

  async run(script: string): Promise<void> {
    await must(this.group.primary, `cd ${uploads}; ${script}`);
  }

  /** Writes a file on the primary. */
  async put(name: string, content = name): Promise<void> {
    await this.run(`printf %s ${content} > ${name}; chown www-data: ${name}`);
  }

  async has(host: Host, name: string, content = name): Promise<boolean> {
    return (await host.exec(`cat ${uploads}/${name}`)).stdout === content;
  }

  async arrives(name: string, content = name, on: readonly Host[] = this.group.secondaries): Promise<void> {
    for (const host of on) await until(() => this.has(host, name, content), `${name} on ${host.id}`);
  }

  /** It is on no secondary. */
  async isNowhere(name: string): Promise<boolean> {
    const there = await Promise.all(
      this.group.secondaries.map((host) => host.exec(`ls -d ${uploads}/${name}`)),
    );
    return there.every(({ code }) => code !== 0);
  }

  async same(): Promise<void> {
    for (const secondary of this.group.secondaries)
      for (const directory of this.group.directories)
        await until(
          // A tree that changes while it is read cannot be read
          async () =>
            (await this.group.differences(secondary, directory).catch(() => ['it changes'])).length === 0,
          `${directory} of ${secondary.id} is the same`,
        );
  }

  async close(): Promise<void> {
    await this.clear();
    await this.group.close();
  }
}

export async function startWatchGroup(options: ScriptGroupOptions = {}): Promise<WatchGroup> {
  return new WatchGroup(await startScriptGroup({ secondaries: 2, ...options }));
}
