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

/** A function with this much memory has one vCPU, in MiB. Source: Lambda Developer Guide, configure memory. */
const mebibytesPerCpu = 1769;
/** The kernel's accounting period, in microseconds. With a short one a small quota gives many short stops, not a few long ones. */
const period = 20_000;
const prefix = 'hostsync-bench-control-';
const day = 86_400_000;

/** Limits a process to the CPU that a function with this much memory has. */
export interface CpuCap {
  /** Cores that the function has. */
  readonly cores: number;
  /** `quota`: the kernel enforces `cores`. `core`: the process has whole cores, at least one. `none`: there is no limit. */
  readonly kind: 'quota' | 'core' | 'none';
  /** Limits the process and all its threads from now on. */
  hold(pid: number): void;
  /** Removes the limit. Call it when the process has ended. */
  close(): void;
}

/** Cores of a function, at most those of this machine. */
export function coresOf(memoryMiB: number, machine = cpus().length): number {
  return Math.min(memoryMiB / mebibytesPerCpu, machine);
}

/** Takes a control group (needs root and the controller `cpu`), else `taskset`, else nothing. */
export function openCpuCap(memoryMiB: number): CpuCap {
  const cores = coresOf(memoryMiB);
  return quotaCap(cores) ?? coreCap(cores);
}

/** What the kernel enforces; nothing where it does not. */
export function quotaCap(cores: number): CpuCap | undefined {
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
        cores,
        kind: 'quota',
        hold: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
        close: () => removeGroup(group),
      };
    } catch {
      removeGroup(group);
    }
  }
  return undefined;
}

/** The mounted hierarchies of control groups, versions 2 and 1, and how each sets a quota. */
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

/** Removes the groups of killed runs. A live run is younger than a day. */
function removeStale(root: string): void {
  for (const name of readdirSync(root)) {
    const group = join(root, name);
    if (name.startsWith(prefix) && Date.now() - statSync(group).mtimeMs > day) rmdirSync(group);
  }
}

/** Retries: the kernel keeps a killed process in the group for a moment. */
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
