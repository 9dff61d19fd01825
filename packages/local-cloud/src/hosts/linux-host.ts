import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { open, readFile, realpath, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLines } from '../sandbox/namespaces.ts';
import { CommandError, exitCode, run } from './command.ts';
import { copyIntoHost } from './copy-in.ts';
import {
  type CopyOptions,
  type ExecOptions,
  type ExecResult,
  type Host,
  HostError,
  type HostOptions,
  type SpawnOptions,
  type VolumeOptions,
} from './host.ts';
import { configureLinks, hardwareAddress, hostAddresses, type Network } from './network.ts';
import { parseServices, type Service, serviceArguments } from './services.ts';

const GiB = 1024 ** 3;
const cleanPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** A boot takes a fraction of a second; this is for machines that are very busy. */
const bootSeconds = 60;

/** The processes of a running host. */
interface Machine {
  /** `unshare`, which lives as long as the host's process 1 does */
  readonly process: ChildProcess;
  /** process 1 of the host, as the sandbox counts */
  readonly pid: number;
  /** resolves when the last process of the host is gone */
  readonly ended: Promise<void>;
}

interface Disk {
  /** where it is in the sandbox */
  readonly directory: string;
  readonly bytes: number;
}

export class LinuxHost implements Host {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  /** the last byte of the address */
  readonly number: number;
  private readonly network: Network;
  private readonly onDestroyed: () => Promise<void>;
  private readonly directory: string;
  private readonly link: string;
  private readonly bootLog: string;
  private readonly volumes: readonly VolumeOptions[];
  private readonly services: readonly Service[];
  private readonly sshd: readonly string[];
  private readonly diskBytes: number;
  private readonly filled = new Set<string>();
  private readonly mounted: Set<string>;
  private readonly commands = new Set<ChildProcess>();
  private machine: Machine | undefined;
  private cut = false;
  private hasDisk = false;
  private destroyed = false;
  private hostsFile: Promise<void> = Promise.resolve();
  private thawed: PromiseWithResolvers<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private execCount = 0;

  constructor(network: Network, number: number, options: HostOptions, onDestroyed: () => Promise<void>) {
    checkOptions(options);
    this.id = options.id;
    this.hostname = options.hostname ?? options.id;
    this.number = number;
    const { ipv4, ipv6 } = hostAddresses(network.number, number, options.addressing ?? 'ipv4');
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
    this.address = ipv4 ?? ipv6 ?? '';
    this.network = network;
    this.onDestroyed = onDestroyed;
    this.directory = join(network.directory, options.id);
    this.link = `${network.bridge}-${number}`;
    this.bootLog = join(network.directory, 'exec', `${number}.boot`);
    this.volumes = options.volumes ?? [];
    this.services = parseServices(options.services ?? []);
    this.sshd = options.sshd ?? [];
    this.diskBytes = options.diskBytes ?? 4 * GiB;
    this.mounted = new Set(this.volumes.map((volume) => volume.path));
  }

  get running(): boolean {
    return this.machine !== undefined;
  }

  get pid(): number | undefined {
    return this.machine?.pid;
  }

  get frozen(): boolean {
    return this.thawed !== undefined;
  }

  /**
   * Called once, by the fleet.
   * @param layer name of a layer of packages in the sandbox
   */
  async makeDisk(layer: string | undefined): Promise<void> {
    if (this.destroyed) throw new HostError(`${this.id} is gone; it gets no disk.`);
    const volumes = this.volumes.flatMap(({ path, bytes }) => [path, String(bytes ?? GiB)]);
    const script = join(import.meta.dirname, 'host-disk.sh');
    const { sandbox } = this.network;
    await run(['bash', script, sandbox, layer ?? '', this.directory, String(this.diskBytes), ...volumes]);
    await writeFile(join(this.directory, 'root/etc/hostname'), `${this.hostname}\n`);
    if (this.sshd.length > 0)
      await writeFile(
        join(this.directory, 'root/etc/ssh/sshd_config.d/fleet.conf'),
        `${this.sshd.join('\n')}\n`,
      );
    this.hasDisk = true;
    for (const { name, script: path } of this.services) {
      if (path === undefined || existsSync(join(this.directory, 'root', path))) continue;
      throw new HostError(
        `${this.id} has no service ${name}: no package of it brings ${path}. Give the service a command, or name the package.`,
      );
    }
  }

  /** Called by the fleet whenever a host comes or goes. On a full disk it is made up for in freeDisk(). */
  writeHostsFile(): Promise<void> {
    // One after the other, each with what is true then.
    this.hostsFile = this.hostsFile.then(async () => {
      if (!this.hasDisk || this.filled.has('/')) return;
      const etc = join(this.directory, 'root/etc');
      await writeFile(join(etc, '.hosts.new'), this.network.hostsFile());
      await rename(join(etc, '.hosts.new'), join(etc, 'hosts'));
    });
    return this.hostsFile;
  }

  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.destroyed) throw new HostError(`${this.id} is gone; it cannot start.`);
      if (this.machine === undefined) await this.boot();
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.powerOff());
  }

  reboot(): Promise<void> {
    return this.inTurn(async () => {
      this.machineNow();
      await this.powerOff();
      await this.boot();
    });
  }

  destroy(): Promise<void> {
    return this.inTurn(async () => {
      if (this.destroyed) return;
      await this.powerOff();
      this.destroyed = true;
      const { hasDisk } = this;
      this.hasDisk = false;
      await this.hostsFile;
      if (hasDisk) {
        // Everything of the host is mounted below this one mount.
        await run(['umount', '-n', '-l', this.directory]);
        await rm(this.directory, { recursive: true });
      }
      await this.onDestroyed();
    });
  }

  cutOff(): Promise<void> {
    return this.inTurn(() => this.setLink(true));
  }

  heal(): Promise<void> {
    return this.inTurn(() => this.setLink(false));
  }

  freeze(): Promise<void> {
    return this.inTurn(async () => {
      const { pid } = this.machineNow();
      if (this.thawed !== undefined) return;
      this.thawed = Promise.withResolvers();
      // In there, -1 is every process but this one and process 1.
      await this.runIn(['bash', '-c', 'kill -s STOP -1']);
      process.kill(pid, 'SIGSTOP');
    });
  }

  thaw(): Promise<void> {
    return this.inTurn(async () => {
      const { pid } = this.machineNow();
      if (this.thawed === undefined) return;
      process.kill(pid, 'SIGCONT');
      await this.runIn(['bash', '-c', 'kill -s CONT -1']);
      this.wakeCommands();
      this.endFreeze();
    });
  }

  fillDisk(path = '/'): Promise<void> {
    return this.inTurn(async () => {
      const disk = this.disk(path);
      // A file that fills it up would take real memory: shrink the file system to what is used instead. What
      // is written meanwhile makes the kernel refuse; then look again.
      for (let tries = 0; ; tries += 1) {
        const { blocks, bfree, bsize } = await statfs(disk.directory);
        try {
          await resize(disk, Math.max((blocks - bfree) * bsize, bsize));
          break;
        } catch (error) {
          if (!(error instanceof CommandError) || tries === 50) throw error;
        }
      }
      this.filled.add(path);
    });
  }

  freeDisk(path = '/'): Promise<void> {
    return this.inTurn(async () => {
      const disk = this.disk(path);
      if (!this.filled.delete(path)) return;
      await resize(disk, disk.bytes);
      if (path === '/') await this.writeHostsFile();
    });
  }

  unmount(path: string): Promise<void> {
    return this.inTurn(async () => {
      this.volumeNumber(path);
      if (!this.mounted.has(path)) return;
      try {
        await run(['umount', '-n', await this.mountPoint(path)]);
      } catch (cause) {
        throw new HostError(`${path} of ${this.id} cannot be unmounted; is it in use?`, { cause });
      }
      this.mounted.delete(path);
    });
  }

  mount(path: string): Promise<void> {
    return this.inTurn(async () => {
      const volume = join(this.directory, 'volumes', String(this.volumeNumber(path)));
      if (this.mounted.has(path)) return;
      // The host's own mount namespace is a slave of the sandbox's: it appears there too.
      await run(['mount', '-n', '--bind', volume, await this.mountPoint(path)]);
      this.mounted.add(path);
    });
  }

  async exec(command: readonly string[] | string, options: ExecOptions = {}): Promise<ExecResult> {
    const machine = this.machineNow();
    const argv = typeof command === 'string' ? ['bash', '-c', command] : command;
    this.execCount += 1;
    const prefix = join(this.network.directory, 'exec', `${this.number}-${this.execCount}`);
    const files = { stdin: `${prefix}.stdin`, stdout: `${prefix}.stdout`, stderr: `${prefix}.stderr` };
    const descriptors: number[] = [];
    const openFile = (path: string, flags: string) => {
      const descriptor = openSync(path, flags);
      descriptors.push(descriptor);
      return descriptor;
    };
    try {
      if (options.stdin !== undefined) await writeFile(files.stdin, options.stdin);
      const stdio = [
        openFile(options.stdin === undefined ? '/dev/null' : files.stdin, 'r'),
        openFile(files.stdout, 'a'),
        openFile(files.stderr, 'a'),
      ];
      const deadline =
        options.timeoutSeconds === undefined ? undefined : Date.now() + options.timeoutSeconds * 1000;
      const { code, timedOut } = await this.execWith(machine, argv, stdio, options, deadline);
      const [stdout, stderr] = await Promise.all([
        readFile(files.stdout, 'utf8'),
        readFile(files.stderr, 'utf8'),
      ]);
      return { code, stdout, stderr, timedOut };
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor);
      await Promise.all(Object.values(files).map((path) => rm(path, { force: true })));
    }
  }

  spawn(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    if (this.frozen) throw new HostError(`${this.id} is frozen; nothing can start on it.`);
    const stdin = options.stdin === undefined ? 'ignore' : 'pipe';
    const stdio = [stdin, options.stdout ?? 'pipe', options.stderr ?? 'pipe'] as const;
    const child = this.enter(this.machineNow(), argv, stdio, options.env);
    if (options.stdin !== undefined) {
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.stdin);
    }
    return child;
  }

  async writeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    checkPath(path);
    const script = 'umask 022 && mkdir -p -- "$(dirname -- "$1")" && cat >"$1" && chmod -- "$2" "$1"';
    await this.runIn(['bash', '-c', script, 'writeFile', path, mode.toString(8)], { stdin: content });
  }

  async copyIn(from: string, to: string, options: CopyOptions = {}): Promise<void> {
    if (to !== '/') checkPath(to);
    const machine = this.machineNow();
    await copyIntoHost((argv, stdio) => this.enter(machine, argv, stdio), from, to, options);
  }

  private async boot(): Promise<void> {
    const log = await open(this.bootLog, 'w');
    const namespaces = [
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--fork',
      '--kill-child',
      '--propagation',
      'slave',
    ];
    const script = join(import.meta.dirname, 'host-init.sh');
    const child = spawn(
      'unshare',
      [
        ...[...namespaces, 'bash', script, this.directory, this.hostname],
        ...[this.ipv4 ?? '', this.ipv6 ?? ''],
        ...serviceArguments(this.services),
      ],
      // A session of its own: a Ctrl-C is for who runs the hosts, not for them.
      { stdio: ['pipe', 'pipe', log.fd], detached: true, env: { PATH: cleanPath } },
    );
    await log.close();
    child.stdin?.on('error', () => undefined);
    const ended = new Promise<void>((resolve) => {
      child.on('error', () => resolve());
      child.on('exit', () => resolve());
    });

    try {
      const pid = await this.followBoot(child, ended);
      const machine: Machine = { process: child, pid, ended };
      this.machine = machine;
      ended.then(() => this.onEnded(machine));
    } catch (cause) {
      child.kill('SIGKILL');
      await ended;
      await this.removeLink();
      const said = await readFile(this.bootLog, 'utf8');
      throw new HostError(`${this.id} did not start. It said: ${said.trim() || 'nothing'}`, { cause });
    }
  }

  /** Plays the fleet's part of what host-init.sh describes; resolves to the host's process 1. */
  private followBoot(child: ChildProcess, ended: Promise<void>): Promise<number> {
    return new Promise((resolve, reject) => {
      let pid = 0;
      const onLine = async (line: string) => {
        if (line === 'ready') {
          resolve(pid);
          return;
        }
        pid = Number(/^pid (\d+)$/.exec(line)?.[1] ?? Number.NaN);
        if (Number.isNaN(pid)) throw new HostError(`host-init.sh said ${JSON.stringify(line)}`);
        await this.makeLink(pid);
        child.stdin?.end('link\n');
      };
      if (child.stdout !== null) readLines(child.stdout, (line) => void onLine(line).catch(reject));
      ended.then(() => reject(new HostError('its process 1 ended')));
      const timer = setTimeout(
        () => reject(new HostError(`not up after ${bootSeconds} s`)),
        bootSeconds * 1000,
      );
      ended.then(() => clearTimeout(timer));
      timer.unref();
    });
  }

  /** A cable from the bridge to the host. */
  private async makeLink(pid: number): Promise<void> {
    const hardware = hardwareAddress(this.network.number, this.number);
    await configureLinks(this.network.sandbox, [
      `link add ${this.link} type veth peer name eth0 address ${hardware} netns ${pid}`,
      `link set ${this.link} master ${this.network.bridge} ${this.cut ? 'down' : 'up'}`,
    ]);
  }

  /** The kernel removes it too, with the host's network namespace, but later. */
  private async removeLink(): Promise<void> {
    await configureLinks(this.network.sandbox, [`link delete ${this.link}`], { goOn: true }).catch(
      (error: unknown) => {
        if (!(error instanceof CommandError)) throw error;
      },
    );
  }

  private async setLink(cut: boolean): Promise<void> {
    this.cut = cut;
    if (this.machine === undefined) return;
    await configureLinks(this.network.sandbox, [`link set ${this.link} ${cut ? 'down' : 'up'}`]);
  }

  private async powerOff(): Promise<void> {
    const machine = this.machine;
    if (machine === undefined) return;
    this.machine = undefined;
    kill(machine.pid, 'SIGKILL');
    // The kernel waits until nsenter has taken note of the death of what it started in there, and a frozen one does not.
    while (!(await Promise.race([machine.ended.then(() => true), sleep(50, false)]))) this.wakeCommands();
    this.wakeCommands();
    this.endFreeze();
    await this.removeLink();
  }

  /** The host's process 1 is gone. If nobody stopped it, the host crashed or shut itself down. */
  private onEnded(machine: Machine): void {
    if (this.machine !== machine) return;
    this.machine = undefined;
    this.endFreeze();
    this.network.log(`${this.id} went down by itself`);
    void this.inTurn(() => this.removeLink());
  }

  private endFreeze(): void {
    this.thawed?.resolve();
    this.thawed = undefined;
  }

  /** An nsenter stops itself when the process that it started in the host was stopped. */
  private wakeCommands(): void {
    for (const { pid } of this.commands) if (pid !== undefined) kill(pid, 'SIGCONT');
  }

  private async execWith(
    machine: Machine,
    argv: readonly string[],
    stdio: readonly number[],
    options: ExecOptions,
    deadline: number | undefined,
  ): Promise<{ code: number; timedOut: boolean }> {
    const left = () => (deadline === undefined ? undefined : Math.max(0, deadline - Date.now()));
    if (this.thawed !== undefined) {
      const waited = await withTimeout(this.thawed.promise, left());
      if (waited === 'timeout') return { code: 137, timedOut: true };
      if (this.machine !== machine) return { code: 137, timedOut: false };
    }
    const child = this.enter(machine, argv, stdio, options.env);
    const exited = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(exitCode(code, signal)));
    });
    const first = await withTimeout(exited, left());
    if (first === 'timeout') {
      if (child.pid !== undefined) kill(-child.pid, 'SIGKILL');
      return { code: await exited, timedOut: true };
    }
    // Between entering the namespaces of a host that dies and forking, nsenter fails with a code of its own.
    return { code: this.machine !== machine && first < 128 ? 137 : first, timedOut: false };
  }

  /** Starts a program in all of the host's namespaces. */
  private enter(
    machine: Machine,
    argv: readonly string[],
    stdio: readonly ('ignore' | 'pipe' | number)[],
    env: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const target = [
      '--target',
      String(machine.pid),
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--root',
      '--wd',
    ];
    const child = spawn('nsenter', [...target, '--', ...argv], {
      env: { PATH: cleanPath, ...env },
      stdio: [...stdio],
      detached: true,
    });
    this.commands.add(child);
    const forget = () => this.commands.delete(child);
    child.on('exit', forget).on('error', forget);
    return child;
  }

  /** Runs a command of our own in the host, also in a frozen one. */
  private async runIn(
    argv: readonly string[],
    options: { readonly stdin?: string | Uint8Array } = {},
  ): Promise<void> {
    const child = this.enter(this.machineNow(), argv, ['pipe', 'ignore', 'pipe']);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.stdin ?? '');
    const [code, signal]: (number | NodeJS.Signals | null)[] = await once(child, 'close');
    const status = exitCode(
      typeof code === 'number' ? code : null,
      typeof signal === 'string' ? signal : null,
    );
    if (status !== 0) throw new CommandError(argv, status, said);
  }

  private machineNow(): Machine {
    if (this.machine === undefined) throw new HostError(`${this.id} does not run.`);
    return this.machine;
  }

  private disk(path: string): Disk {
    if (path === '/') return { directory: this.directory, bytes: this.diskBytes };
    const number = this.volumeNumber(path);
    return {
      directory: join(this.directory, 'volumes', String(number)),
      bytes: this.volumes[number]?.bytes ?? GiB,
    };
  }

  private volumeNumber(path: string): number {
    const number = this.volumes.findIndex((volume) => volume.path === path);
    if (number === -1) throw new HostError(`${this.id} has no volume at ${path}.`);
    return number;
  }

  /** The place in the sandbox's view of the host's root; a link that somebody made in the host must not lead out of it. */
  private async mountPoint(path: string): Promise<string> {
    const root = await realpath(join(this.directory, 'root'));
    const place = join(root, path);
    if ((await realpath(place)) !== place)
      throw new HostError(`${path} of ${this.id} is now behind a symbolic link.`);
    return place;
  }

  /** One change of state at a time, in the order they were asked for. */
  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.turn.then(step);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

async function resize(disk: Disk, bytes: number): Promise<void> {
  await run(['mount', '-n', '-o', `remount,size=${bytes}`, disk.directory]);
}

/** A process that is gone by now is no error. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function withTimeout<T>(promise: Promise<T>, milliseconds: number | undefined): Promise<T | 'timeout'> {
  if (milliseconds === undefined) return promise;
  const controller = new AbortController();
  try {
    return await Promise.race([
      promise,
      sleep(milliseconds, 'timeout' as const, { signal: controller.signal }),
    ]);
  } finally {
    controller.abort();
  }
}

const namePattern = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;

function checkOptions(options: HostOptions): void {
  for (const name of [options.id, options.hostname ?? options.id]) {
    if (!namePattern.test(name)) {
      throw new HostError(
        `${JSON.stringify(name)} cannot be a host's name: use letters, digits, "." and "-", at most 63.`,
      );
    }
  }
  if (options.id === 'exec') throw new HostError('No host can have the name "exec".');
  for (const { path } of options.volumes ?? []) checkPath(path);
}

function checkPath(path: string): void {
  const isNormal =
    path.startsWith('/') &&
    !path.split('/').some((part, index) => index > 0 && ['', '.', '..'].includes(part));
  if (!isNormal) throw new HostError(`${JSON.stringify(path)} is not an absolute, normalised path.`);
}
