import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** So much memory comes with one vCPU. Source: Lambda Developer Guide, configure memory. */
const mebibytesPerCpu = 1769;
/** The kernel's accounting period, in microseconds: short, as a function with little CPU is stopped and goes on often. */
const period = 20_000;
const prefix = 'hostsync-bench-control-';
const day = 86_400_000;

/** Holds a process to the CPU that a function with so much memory has. */
export interface CpuCap {
  /** Cores that the function has. */
  readonly cores: number;
  /** `quota`: held to them by the kernel. `core`: held to whole cores, at least one. `none`: to nothing. */
  readonly kind: 'quota' | 'core' | 'none';
  /** From now on, with all its threads. */
  hold(pid: number): void;
  /** Once its processes have ended. */
  close(): void;
}

/** What the function would have, as far as this machine has it. Units: MiB, cores. */
export function coresOf(memoryMiB: number, machine = cpus().length): number {
  return Math.min(memoryMiB / mebibytesPerCpu, machine);
}

/** With a control group, which needs root and the controller `cpu`; otherwise with an affinity; otherwise not at all. */
export function openCpuCap(memoryMiB: number): CpuCap {
  const cores = coresOf(memoryMiB);
  return quotaCap(cores) ?? coreCap(cores);
}

function quotaCap(cores: number): CpuCap | undefined {
  for (const { root, limit } of controllers()) {
    const group = join(root, `${prefix}${randomUUID().slice(0, 8)}`);
    try {
      removeStale(root);
      mkdirSync(group);
    } catch {
      continue; // not root, or not ours
    }
    try {
      limit(group, Math.max(1000, Math.round(cores * period)));
      return {
        ...{ cores, kind: 'quota' },
        hold: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
        close: () => removeGroup(group),
      };
    } catch {
      removeGroup(group);
    }
  }
  return undefined;
}

/** Where control groups with a CPU quota can be made: version 2, and version 1. */
function controllers() {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  return mounts.flatMap(([, root = '', type, options = '']) => {
    if (type === 'cgroup2' && existsSync(join(root, 'cgroup.subtree_control'))) {
      const limit = (group: string, quota: number) =>
        writeFileSync(join(group, 'cpu.max'), `${quota} ${period}`);
      return [{ root, limit }];
    }
    if (type !== 'cgroup' || !options.split(',').includes('cpu')) return [];
    const limit = (group: string, quota: number) => {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(period));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota));
    };
    return [{ root, limit }];
  });
}

/** Those of runs that were killed; a run of now is younger than a day. */
function removeStale(root: string): void {
  for (const name of readdirSync(root)) {
    const group = join(root, name);
    if (name.startsWith(prefix) && Date.now() - statSync(group).mtimeMs > day) rmdirSync(group);
  }
}

/** A process that was just killed is in it for a moment. */
function removeGroup(group: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      rmdirSync(group);
      return;
    } catch {
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}

function coreCap(cores: number): CpuCap {
  const last = Math.ceil(cores) - 1;
  const pin = (pid: number) =>
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', `0-${last}`, String(pid)], {
      stdio: 'pipe',
    });
  let kind: CpuCap['kind'] = 'core';
  try {
    execFileSync('taskset', ['--version'], { stdio: 'pipe' });
  } catch {
    kind = 'none';
  }
  return { cores, kind, hold: (pid) => void (kind === 'core' && pin(pid)), close: () => {} };
}
