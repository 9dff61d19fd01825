import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, type Host, type HostFleet, openFleet } from 'local-cloud/hosts';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { installDocument, installParts } from '../scripts/host-documents.mjs';
import { readPackage } from '../scripts/host-package.mjs';
import { compareTrees, readTree } from '../tour/tree.ts';
import { type Accounts, BenchError, Meter } from './meter.ts';

export const uploads = '/srv/uploads';
export const request = '/etc/hostsync/request';
const owner = 'www-data';
const group = 'bench';
/**
 * Of an archive: types, modes, owners, sizes, targets of links, mtimes to the nanosecond, contents. All trees are compared after each case,
 * and tour/tree.ts, which can say what differs, takes three times as long.
 */
const digest = `tar --create --file=- --sort=name --numeric-owner --format=posix \
  --pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime --directory=${uploads} . | sha256sum`;
/** A command that takes longer hangs. */
const commandSeconds = 3600;

export interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** A primary and its secondaries, prepared for hostsync and for a plain rsync from root to root. */
export class Testbed {
  readonly primary: Host;
  readonly secondaries: readonly Host[];
  readonly meter: Meter;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly #fleet: HostFleet;
  readonly #accounts: Accounts;
  readonly #keys: ReadonlyMap<string, string>;

  constructor(fleet: HostFleet, accounts: Accounts, hosts: Hosts, keys: ReadonlyMap<string, string>) {
    this.#fleet = fleet;
    this.#accounts = accounts;
    this.#keys = keys;
    this.primary = hosts.primary;
    this.secondaries = hosts.secondaries;
    accounts.adopt(hosts.secondaries);
    this.meter = new Meter(accounts, hosts.primary);
    const { uid, gid } = statSync(this.inSandbox(hosts.primary));
    this.owner = { uid, gid };
  }

  /** The uploads of a host, as this process sees them. */
  inSandbox(host: Host): string {
    return `/proc/${host.pid}/root${uploads}`;
  }

  /** Empties the uploads of all secondaries. */
  async clear(): Promise<void> {
    for (const host of this.secondaries) await must(host, `find ${uploads} -mindepth 1 -delete`);
  }

  /** The request of a push to the first secondaries, as an operator writes it for cron; `more`: further lines. */
  async writeRequest(count: number, more: readonly (readonly string[])[] = []): Promise<void> {
    const lines = this.secondaries
      .slice(0, count)
      .map(({ id, address }) => ['secondary', id, address, '22', ...(this.#keys.get(id) ?? '').split(' ')]);
    await this.primary.writeFile(
      request,
      fields([
        ['directory', uploads],
        ...lines,
        ['option', 'max-delete-count', '200000'],
        ['option', 'max-delete-share', '100'],
        ...more,
      ]),
    );
  }

  /** Starts a command as root on the primary; what it runs counts as the tool's. */
  start(argv: readonly string[], stdio: readonly ['ignore', number, number]) {
    const { primary } = this;
    // Into the group first, and then, with its own accounts, into the host
    const script = 'echo 0 >"$1/cgroup.procs"; shift; exec nsenter "$@"';
    const enter = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd', '--', ...argv];
    return spawn(
      'bash',
      ['-euc', script, 'enter', this.#accounts.run, '--target', String(primary.pid), ...enter],
      {
        stdio: [...stdio],
        detached: true,
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
      },
    );
  }

  /**
   * Runs a command as root on the primary to its end, in the tool's accounts.
   *
   * @returns wall time in seconds
   * @throws {BenchError} with what it said, if it fails
   */
  async run(argv: readonly string[], onSaid: (said: Said) => void = () => undefined): Promise<number> {
    // Files, as cron's and the SSM agent's are, for a reader would take CPU time
    const file = (name: string) => join(sandboxDirectory(), `bench.${name}`);
    const descriptors = [openSync(file('stdout'), 'w'), openSync(file('stderr'), 'w')] as const;
    try {
      const started = performance.now();
      const child = this.start(argv, ['ignore', ...descriptors]);
      const timer = setTimeout(() => this.#accounts.end(this.#accounts.run), commandSeconds * 1000);
      const code = await new Promise<number>((resolve, reject) => {
        child.on('error', reject).on('exit', (status, signal) => resolve(exitCode(status, signal)));
      });
      const seconds = (performance.now() - started) / 1000;
      clearTimeout(timer);
      const said = {
        stdout: readFileSync(file('stdout'), 'utf8'),
        stderr: readFileSync(file('stderr'), 'utf8'),
      };
      if (code !== 0)
        throw new BenchError(
          `${argv[0]} ended with exit code ${code}: ${`${said.stdout}\n${said.stderr}`.trim().slice(-600)}`,
        );
      onSaid(said);
      return seconds;
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor);
      for (const name of ['stdout', 'stderr']) rmSync(file(name), { force: true });
    }
  }

  /** The cgroup of what start() and run() start. */
  get runGroup(): string {
    return this.#accounts.run;
  }

  endRuns(): void {
    this.#accounts.end(this.#accounts.run);
  }

  /**
   * Reads the trees of the primary and of the first secondaries on the hosts themselves, contents and metadata.
   *
   * @returns what differs from the primary's, a line each
   */
  async differences(count: number): Promise<readonly string[]> {
    const waiting = [this.primary, ...this.secondaries.slice(0, count)];
    const digests = new Map<Host, string>();
    const work = async () => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift())
        digests.set(host, await must(host, digest));
    };
    await Promise.all([work(), work()]);
    const wanted = digests.get(this.primary);
    const others = [...digests].filter(([, found]) => found !== wanted).map(([host]) => host);
    if (others.length === 0) return [];
    // A digest does not tell what it is
    const expected = await readTree(this.primary, uploads);
    const found: string[] = [];
    for (const host of others) {
      const lines = compareTrees(expected, await readTree(host, uploads));
      found.push(
        ...(lines.length > 0 ? lines : ['the archives differ']).map((line) => `${host.id}: ${line}`),
      );
    }
    return found;
  }

  async close(): Promise<void> {
    this.endRuns();
    await this.#fleet.close();
  }
}

interface Hosts {
  readonly primary: Host;
  readonly secondaries: readonly Host[];
}

export interface TestbedOptions {
  readonly projectDirectory: string;
  readonly accounts: Accounts;
  readonly secondaries: number;
  readonly diskBytes: number;
}

/** Makes the hosts; the uploads are there, empty, on each. */
export async function openTestbed(options: TestbedOptions): Promise<Testbed> {
  const fleet = await openFleet();
  const names = Array.from({ length: options.secondaries }, (_, index) => `secondary-${index + 1}`);
  const [primary, ...secondaries] = await Promise.all(
    ['primary', ...names].map(async (id) => {
      const host = await fleet.create({ id, diskBytes: options.diskBytes });
      await host.start();
      await must(host, `install -d -o ${owner} -g ${owner} ${uploads}`);
      await installPackage(host, join(options.projectDirectory, 'host'));
      return host;
    }),
  );
  if (primary === undefined) throw new BenchError('there is no primary');
  const { publicKey } = await script(primary, 'promote', []);
  const keys = new Map<string, string>();
  for (const host of secondaries) {
    const joined = await script(host, 'join', [
      ['directory', uploads],
      ['public-key', ...String(publicKey).split(' ')],
    ]);
    keys.set(host.id, String(joined['hostKey']));
  }
  await preparePlainRsync(primary, secondaries, keys);
  return new Testbed(fleet, options.accounts, { primary, secondaries }, keys);
}

/** What people set up for their cron job: a key of root's that root's authorized_keys know. */
async function preparePlainRsync(
  primary: Host,
  secondaries: readonly Host[],
  keys: ReadonlyMap<string, string>,
): Promise<void> {
  const make = "mkdir -m 700 -p /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519";
  const publicKey = await must(primary, `${make} </dev/null; cat /root/.ssh/id_ed25519.pub`);
  for (const host of secondaries) {
    await must(host, 'mkdir -m 700 -p /root/.ssh');
    await host.writeFile('/root/.ssh/authorized_keys', publicKey, 0o600);
  }
  const known = secondaries.map(({ id, address }) => `${address} ${keys.get(id)}\n`).join('');
  await primary.writeFile('/root/.ssh/known_hosts', known, 0o600);
}

/** Installs the host package with the very text that SSM would run. */
async function installPackage(host: Host, directory: string): Promise<void> {
  for (let number = 1; number <= installParts; number += 1) {
    const document: unknown = installDocument(number, readPackage(directory, '0.0.0'), directory);
    const { mainSteps } = JSON.parse(JSON.stringify(document));
    const text: string = mainSteps[0].inputs.runCommand.join('\n');
    const { code, stdout, stderr } = await host.exec(['sh', '-s'], { stdin: text });
    if (code !== 0) throw new BenchError(`${host.id}: part ${number} of the package: ${stdout}${stderr}`);
  }
}

/** The command that runs one of the host package. */
export function scriptCommand(name: string, ...words: readonly string[]): readonly string[] {
  return ['/usr/bin/python3', '-I', '/usr/local/lib/hostsync/current', name, ...words];
}

async function script(
  host: Host,
  name: string,
  lines: readonly (readonly string[])[],
): Promise<Readonly<Record<string, unknown>>> {
  const { code, stdout, stderr } = await host.exec(scriptCommand(name, '-'), { stdin: fields(lines) });
  if (code !== 0) throw new BenchError(`${name} on ${host.id}: exit code ${code}: ${stderr.trim()}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

function fields(lines: readonly (readonly string[])[]): string {
  return [['group', group], ['epoch', '1'], ...lines].map((parts) => `${parts.join('\t')}\n`).join('');
}

/** Runs a command on a host. @throws {BenchError} with what it said, unless it ends with 0 */
export async function must(host: Host, command: string): Promise<string> {
  const { code, stdout, stderr } = await host.exec(`set -euo pipefail; ${command}`);
  if (code !== 0) throw new BenchError(`${host.id}: ${command}: exit code ${code}: ${stderr.trim()}`);
  return stdout;
}
