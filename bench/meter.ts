import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from 'local-cloud/hosts';

/** The benchmark cannot go on; the message says why, and what to do. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
}

/** What one run cost. */
export interface Sample {
  readonly wallSeconds: number;
  /** Of all processes of the run on the primary and of all processes on the secondaries. Source: cpu.stat of their cgroups. */
  readonly cpuSeconds: number;
  /** The same, of the primary alone. */
  readonly primaryCpuSeconds: number;
  /** Of the whole machine, whoever used it: a cross-check. Source: /proc/stat, in hundredths. */
  readonly machineCpuSeconds: number;
  /** In and out of the primary's network interface; what the kernel passes on as one large segment has its headers counted once. */
  readonly wireBytes: number;
  /** The largest sum of the proportional set sizes (PSS) of the run's processes on the primary that was seen. */
  readonly peakBytes: number;
}

const prefix = 'hostsync-bench-';
const day = 86_400_000;

/**
 * Two control groups, for what a tool runs on the primary and for everything on the secondaries. A cgroup v2 counts the CPU time of all
 * that ever ran in it, without any controller enabled; what sshd starts is born in sshd's group. It is mounted inside the sandbox.
 */
export class Accounts {
  readonly run: string;
  readonly secondaries: string;
  readonly #directory: string;

  /** @throws {BenchError} where there is no cgroup v2 */
  constructor(sandbox: string) {
    const mount = join(sandbox, 'cgroup');
    try {
      mkdirSync(mount, { recursive: true });
      execFileSync('mount', ['-n', '-t', 'cgroup2', 'bench', mount], { stdio: 'pipe' });
      const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
      removeStale(join(mount, own));
      this.#directory = join(mount, own, `${prefix}${randomUUID().slice(0, 8)}`);
      this.run = join(this.#directory, 'run');
      this.secondaries = join(this.#directory, 'secondaries');
      mkdirSync(this.#directory);
      mkdirSync(this.run);
      mkdirSync(this.secondaries);
      cpuSeconds(this.run);
    } catch (cause) {
      throw new BenchError(
        'CPU time is counted by cgroup v2, and none can be made here: use a kernel from 5.14 on, and no container without privileges',
        { cause },
      );
    }
  }

  /** Everything that runs on these hosts now, and what it starts later, counts as the secondaries'. */
  adopt(hosts: readonly Host[]): void {
    const namespaces = new Set(hosts.map(({ pid }) => pidNamespace(String(pid))));
    for (const pid of readdirSync('/proc'))
      if (/^\d+$/.test(pid) && namespaces.has(pidNamespace(pid)))
        writeFileSync(join(this.secondaries, 'cgroup.procs'), pid);
  }

  /** Ends what is left in the groups, and takes them away; the kernel would keep them, even without the sandbox. */
  close(): void {
    for (const group of [this.run, this.secondaries]) this.end(group);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (const group of [this.run, this.secondaries, this.#directory])
      for (let tries = 0; tries < 200 && !removed(group); tries += 1) Atomics.wait(pause, 0, 0, 10);
  }

  end(group: string): void {
    try {
      writeFileSync(join(group, 'cgroup.kill'), '1');
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return isGone(error);
  }
}

/** Those of runs that were killed; a run of now is younger than a day. */
function removeStale(parent: string): void {
  for (const name of readdirSync(parent)) {
    const directory = join(parent, name);
    if (!name.startsWith(prefix) || Date.now() - statSync(directory).mtimeMs < day) continue;
    for (const group of ['run', 'secondaries', '.']) removed(join(directory, group));
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}

function pidNamespace(pid: string): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/pid`).ino;
  } catch {
    return undefined; // it has just ended
  }
}

export function processes(group: string): readonly string[] {
  return readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
}

function cpuSeconds(group: string): number {
  const microseconds = /^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))?.[1];
  if (microseconds === undefined) throw new BenchError(`${group}/cpu.stat has no usage_usec`);
  return Number(microseconds) / 1e6;
}

/** User, nice, system, irq, softirq: all but idle, waiting and stolen. */
function machineCpuSeconds(): number {
  const fields = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? [];
  return [0, 1, 2, 5, 6].reduce((sum, index) => sum + (fields[index] ?? 0), 0) / 100;
}

function wireBytes(host: Host): number {
  const line = /^ *eth0:(.*)$/m.exec(readFileSync(`/proc/${host.pid}/net/dev`, 'utf8'))?.[1];
  const fields = (line ?? '').trim().split(/ +/).map(Number);
  return (fields[0] ?? Number.NaN) + (fields[8] ?? Number.NaN);
}

function proportionalBytes(pid: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it has just ended
  }
}

/** Reads the counters of one primary and its secondaries. */
export class Meter {
  readonly #accounts: Accounts;
  readonly #primary: Host;
  /** How many processes the secondaries have when nobody talks to them. */
  readonly #idle: number;

  constructor(accounts: Accounts, primary: Host) {
    this.#accounts = accounts;
    this.#primary = primary;
    this.#idle = processes(accounts.secondaries).length;
  }

  /**
   * Measures until the work is done and its last processes on the secondaries have ended.
   *
   * @param work resolves to its wall time in seconds, which is its own to tell
   */
  async measure(work: () => Promise<number>): Promise<Sample> {
    const before = this.#read();
    const memory = this.#watchMemory();
    try {
      const wallSeconds = await work();
      const deadline = Date.now() + 10_000;
      while (processes(this.#accounts.secondaries).length > this.#idle && Date.now() < deadline)
        await sleep(5);
      const after = this.#read();
      return {
        wallSeconds,
        cpuSeconds: after.cpu - before.cpu,
        primaryCpuSeconds: after.primary - before.primary,
        machineCpuSeconds: after.machine - before.machine,
        wireBytes: after.wire - before.wire,
        peakBytes: memory.peak(),
      };
    } finally {
      memory.stop();
    }
  }

  #read() {
    const primary = cpuSeconds(this.#accounts.run);
    return {
      cpu: primary + cpuSeconds(this.#accounts.secondaries),
      primary,
      machine: machineCpuSeconds(),
      wire: wireBytes(this.#primary),
    };
  }

  /** memory.peak of a cgroup would not do: it counts inodes and file contents too, which are there whoever reads them. */
  #watchMemory() {
    let peak = 0;
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      const started = performance.now();
      const now = processes(this.#accounts.run).reduce((sum, pid) => sum + proportionalBytes(pid), 0);
      peak = Math.max(peak, now);
      // Looking walks page tables: at most a twentieth of one core
      timer = setTimeout(look, Math.max(20, 19 * (performance.now() - started)));
    };
    look();
    return { peak: () => peak, stop: () => clearTimeout(timer) };
  }
}
