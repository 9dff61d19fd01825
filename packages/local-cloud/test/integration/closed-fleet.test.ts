import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../src/hosts/command.ts';
import { type Host, HostError, type HostFleet, openFleet } from '../../src/hosts/index.ts';
import { sandboxDirectory } from '../../src/sandbox/sandbox.ts';

/**
 * What there is of one fleet, each thing by a name that is never given again: in the same sandbox other test files open and close theirs,
 * and take over the number of a fleet that is closed, with the names of its links and its directory.
 */
interface Traces {
  /** index and name */
  readonly links: readonly string[];
  /** host's part of the path */
  readonly mounts: readonly string[];
  /** process id and start time */
  readonly processes: readonly string[];
  /** path and inode */
  readonly directories: readonly string[];
}

const nothing: Traces = { links: [], mounts: [], processes: [], directories: [] };
const sandbox = sandboxDirectory();
const fleets = join(sandbox, 'fleets');

async function allLinks(): Promise<string[]> {
  const lines = await run(['chroot', join(sandbox, 'tools'), 'ip', '-oneline', 'link', 'show']);
  return [...lines.matchAll(/^(\d+): ([^:@]+)/gm)].map(([, index, name]) => `${index} ${name}`);
}

/** Field 22 of /proc/PID/stat; the name, field 2, may hold spaces. */
function startTime(status: string): string {
  return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Process ids and start times of all processes, with their mount namespaces, which a zombie has no more. */
async function allProcesses(): Promise<{ process: string; namespace: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    pids.map(async (pid) => ({
      process: `${pid} ${startTime(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))}`,
      namespace: await readlink(`/proc/${pid}/ns/mnt`).catch(() => ''),
    })),
  );
}

async function allDirectories(): Promise<string[]> {
  const names = await readdir(fleets);
  const inodes = names.map((name) => stat(join(fleets, name)).then(({ ino }) => `${name} ${ino}`));
  return (await Promise.allSettled(inodes)).flatMap((result) =>
    result.status === 'fulfilled' ? [result.value] : [],
  );
}

async function mountsOf(mark: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.filter((line) => line.includes(mark)).map((line) => line.split(' ')[4] ?? '');
}

/** All that belongs to a fleet which is open, with hosts that run and have the mark in their ids. */
async function tracesOf(fleet: HostFleet, mark: string): Promise<Traces> {
  const number = fleet.gateway.split('.')[2] ?? '';
  const ofFleet = new RegExp(`^\\d+ hs${number}(-|$)`);
  const namespaces = await Promise.all(fleet.hosts().map(({ pid }) => readlink(`/proc/${pid}/ns/mnt`)));
  return {
    links: (await allLinks()).filter((link) => ofFleet.test(link)),
    mounts: await mountsOf(mark),
    processes: (await allProcesses())
      .filter(({ namespace }) => namespaces.includes(namespace))
      .map(({ process }) => process),
    directories: (await allDirectories()).filter((directory) => directory.startsWith(`${number} `)),
  };
}

/** Which of these are still there. */
async function whatIsLeft(traces: Traces, mark: string): Promise<Traces> {
  const [links, processes, directories] = await Promise.all([allLinks(), allProcesses(), allDirectories()]);
  const alive = processes.map(({ process }) => process);
  return {
    links: traces.links.filter((link) => links.includes(link)),
    mounts: await mountsOf(mark),
    processes: traces.processes.filter((process) => alive.includes(process)),
    directories: traces.directories.filter((directory) => directories.includes(directory)),
  };
}

test('a closed fleet leaves no process, mount, link or file in the sandbox', async () => {
  const mark = randomUUID();
  const fleet = await openFleet();
  const [first, second, third]: readonly Host[] = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const host = await fleet.create({ id: `h${n}-${mark}`, volumes: [{ path: '/data' }] });
      await host.start();
      return host;
    }),
  );
  const child = first?.spawn(['sleep', '1000']);
  await second?.freeze();
  await third?.fillDisk();

  const traces = await tracesOf(fleet, mark);
  // A bridge and three cables; `unshare`, process 1, its sleep and sshd of each, and nsenter and what it started
  expect(traces.links).toHaveLength(4);
  expect(traces.processes.length).toBeGreaterThanOrEqual(3 * 4 + 2);
  expect(traces.mounts.length).toBeGreaterThan(3 * 2);
  expect(traces.directories).toHaveLength(1);
  // What was started with a host and lasts; some processes end at once
  const lasting = await whatIsLeft(traces, mark);
  expect(lasting).toEqual({ ...traces, processes: expect.any(Array) });
  expect(lasting.processes.length).toBeGreaterThanOrEqual(3 * 4 + 2);

  await third?.destroy();
  expect(fleet.get(`h3-${mark}`)).toBeUndefined();
  await fleet.close();
  if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await expect.poll(() => whatIsLeft(traces, mark), { timeout: 60_000 }).toEqual(nothing);
  await expect(fleet.create({ id: 'late' })).rejects.toThrow(HostError);
});
