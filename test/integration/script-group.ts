import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Host, type HostFleet, openFleet, type VolumeOptions } from 'local-cloud/hosts';
import { compareTrees, readTree } from '../../tour/tree.ts';
import { makeDirectories, must, plainKeyExchange, uploads } from './group.ts';
import { hostCommand, installPackage } from './host-package.ts';
import { installOtherRsync } from './other-rsync.ts';

const kinds = [
  ...(['secondary', 'push', 'directory', 'deletions-held', 'deletions-accepted', 'extras-deleted'] as const),
  ...(['too-large', 'error'] as const),
] as const;

/** One line of standard output of push. Source: docs/host-package.md. */
export interface PushLine {
  readonly kind: (typeof kinds)[number];
  readonly id?: string;
  readonly ok?: boolean;
  readonly error?: string;
  readonly message?: string;
  readonly mode?: 'full' | 'changes' | 'none' | 'verify';
  readonly hook?: 'ok' | 'failed';
  readonly hookMessage?: string;
  readonly notKept?: string;
  readonly drift?: number;
  readonly started?: number;
  readonly files?: number;
  readonly deleted?: number;
  readonly bytes?: number;
  readonly count?: number;
  readonly total?: number;
  readonly reason?: string;
  readonly directory?: string;
  readonly ids?: readonly string[];
  readonly examples?: readonly string[];
}

export interface Push {
  readonly code: number;
  readonly lines: readonly PushLine[];
  /** One a secondary, in the order of the group. */
  readonly secondaries: readonly PushLine[];
  readonly held: readonly PushLine[];
  readonly stderr: string;
}

export interface PushOptions {
  /** Names and values of the request's lines `option`. */
  readonly options?: Readonly<Record<string, string | number>>;
  readonly excludes?: readonly string[];
  readonly directories?: readonly string[];
  readonly epoch?: number;
  /** Default: all. */
  readonly to?: readonly Host[];
}

export interface ScriptGroupOptions {
  readonly secondaries?: number;
  readonly directories?: readonly string[];
  readonly volumes?: readonly VolumeOptions[];
  readonly diskBytes?: number;
  /** The directory of the host package, where it is not that of the repository. */
  readonly packageDirectory?: string;
}

/** A primary and its secondaries with nothing but the host package, as a group on premises has them. */
export class ScriptGroup {
  readonly fleet: HostFleet;
  readonly primary: Host;
  readonly secondaries: readonly Host[];
  readonly directories: readonly string[];
  readonly hostKeys: ReadonlyMap<Host, string>;
  /** What every secondary was joined with. */
  readonly joinRequest: string;

  constructor(
    fleet: HostFleet,
    primary: Host,
    secondaries: readonly Host[],
    directories: readonly string[],
    hostKeys: ReadonlyMap<Host, string>,
    joinRequest: string,
  ) {
    this.fleet = fleet;
    this.primary = primary;
    this.secondaries = secondaries;
    this.directories = directories;
    this.hostKeys = hostKeys;
    this.joinRequest = joinRequest;
  }

  secondary(index = 0): Host {
    const found = this.secondaries[index];
    if (found === undefined) throw new Error(`no secondary ${index}`);
    return found;
  }

  request({ options = {}, excludes = [], directories, epoch = 1, to }: PushOptions = {}): string {
    return [
      `group\tweb\nepoch\t${epoch}\n`,
      ...(directories ?? this.directories).map((directory) => `directory\t${directory}\n`),
      ...excludes.map((pattern) => `exclude\t${pattern}\n`),
      ...(to ?? this.secondaries).map(
        (host) => `secondary\t${host.id}\t${host.address}\t22\t${this.hostKeys.get(host)}\n`,
      ),
      ...Object.entries({ 'io-timeout': 10, 'connect-timeout': 3, ...options }).map(
        ([name, value]) => `option\t${name}\t${value}\n`,
      ),
    ].join('');
  }

  /** Runs a command in a directory of the primary; all that is there is the web server's afterwards. */
  edit(command: string, directory = uploads): Promise<string> {
    const owned = `chown -hR www-data: ${this.directories.join(' ')}`;
    return must(this.primary, `cd ${directory}; ${command}; ${owned}`);
  }

  async push(options: PushOptions = {}): Promise<Push> {
    const { code, stdout, stderr } = await this.primary.exec(hostCommand('push'), {
      stdin: this.request(options),
      timeoutSeconds: 280,
    });
    return this.#said(code, stdout, stderr, options.to);
  }

  #said(code: number, stdout: string, stderr: string, to: readonly Host[] = this.secondaries): Push {
    const lines: PushLine[] = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return {
      code,
      lines,
      stderr,
      secondaries: to.flatMap(
        ({ id }) => lines.find((line) => line.kind === 'secondary' && line.id === id) ?? [],
      ),
      held: lines.filter(({ kind }) => kind === 'deletions-held'),
    };
  }

  /** What a push said that was started; a killed one may have said less than a line. */
  async ended(child: ChildProcess): Promise<Push> {
    const said = { stdout: '', stderr: '' };
    child.stdout?.on('data', (data: Buffer) => {
      said.stdout += data.toString();
    });
    child.stderr?.on('data', (data: Buffer) => {
      said.stderr += data.toString();
    });
    const code = await new Promise<number>((done) => child.on('close', (number) => done(number ?? -1)));
    return this.#said(code, said.stdout.slice(0, said.stdout.lastIndexOf('\n') + 1), said.stderr);
  }

  /** Starts a push as the leader of a process group, which SIGKILL ends as the SSM agent does. */
  start(options: PushOptions = {}): ChildProcess {
    const child = this.primary.spawn(hostCommand('push'), { stdin: this.request(options) });
    child.stdout?.resume();
    child.stderr?.resume();
    return child;
  }

  /** Starts a push that watches. What changes before it sees changes, its first walk finds. @returns what ends it */
  async watch(options: Readonly<Record<string, string | number>> = {}): Promise<() => Promise<void>> {
    const child = this.start({ options: { ...options, watch: 'auto', lease: 300 } });
    const closed = once(child, 'close');
    const lock = '/var/lib/hostsync/manifest/web/watch/lock';
    await must(this.primary, `until [ -e ${lock} ]; do sleep 0.1; done; sleep 3`);
    return async () => {
      await this.push({ options: { watch: 'end' } });
      await closed;
    };
  }

  /** Joins a secondary again, as after something was installed there, or with options. */
  async join(
    host: Host = this.secondary(),
    options: Readonly<Record<string, string | number>> = {},
  ): Promise<void> {
    const lines = Object.entries(options).map(([name, value]) => `option\t${name}\t${value}\n`);
    await runCommand(host, 'join', this.joinRequest + lines.join(''));
  }

  /** What differs between the primary's tree and a secondary's; empty if they are the same. */
  async differences(secondary: Host = this.secondary(), directory = uploads): Promise<readonly string[]> {
    return compareTrees(await readTree(this.primary, directory), await readTree(secondary, directory));
  }

  async close(): Promise<void> {
    await this.fleet.close();
  }
}

/** Kills the process group of what was started, as the SSM agent does; it may have ended by itself just now. */
export function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The last line that a command printed. @throws {Error} with what it said, if it printed none */
async function runCommand(
  host: Host,
  command: string,
  request: string,
): Promise<Readonly<Record<string, string>>> {
  const { stdout, stderr } = await host.exec(hostCommand(command), { stdin: request });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`${host.id}: ${command}: ${stderr}`);
  return JSON.parse(line);
}

/** Starts the hosts and joins them; nothing is pushed yet. */
export async function startScriptGroup(options: ScriptGroupOptions = {}): Promise<ScriptGroup> {
  const {
    secondaries: count = 1,
    directories = [uploads],
    volumes = [],
    diskBytes,
    packageDirectory,
  } = options;
  const fleet = await openFleet(plainKeyExchange);
  const size = diskBytes !== undefined && { diskBytes };
  const [primary, ...secondaries] = await Promise.all(
    Array.from({ length: count + 1 }, (_, index) =>
      fleet.create({ id: index === 0 ? 'primary' : `s-${index}`, ...size, ...(index === 0 && { volumes }) }),
    ),
  );
  if (primary === undefined) throw new Error('no primary');
  const hosts = [primary, ...secondaries];
  await Promise.all(hosts.map((host) => host.start()));
  for (const host of hosts) {
    await makeDirectories(host, directories);
    await installOtherRsync(host, host === primary);
    await installPackage(host, packageDirectory);
  }
  await must(primary, directories.map((directory) => `echo x > ${directory}/keep`).join('; '));
  await must(primary, `chown -R www-data: ${directories.join(' ')}`);
  const heading = 'group\tweb\nepoch\t1\n';
  const { publicKey = '' } = await runCommand(primary, 'promote', heading);
  const lines = directories.map((directory) => `directory\t${directory}\n`).join('');
  const hostKeys = new Map<Host, string>();
  const request = `${heading}${lines}public-key\t${publicKey.split(' ').slice(0, 2).join('\t')}\n`;
  for (const host of secondaries) {
    const { hostKey = '' } = await runCommand(host, 'join', request);
    hostKeys.set(host, hostKey.split(' ').join('\t'));
  }
  return new ScriptGroup(fleet, primary, secondaries, directories, hostKeys, request);
}
