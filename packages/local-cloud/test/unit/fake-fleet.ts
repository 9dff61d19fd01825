import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  ExecOptions,
  ExecResult,
  Host,
  HostFleet,
  HostOptions,
  SpawnOptions,
} from '../../src/hosts/host.ts';

/** A host that is a directory and plain processes of this machine: enough for everything that is not about networks. */
class FakeHost implements Host {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly #root: string;
  readonly #children = new Set<ChildProcess>();
  running = false;
  readonly pid = undefined;
  frozen = false;

  constructor(options: HostOptions, number: number, root: string) {
    this.id = options.id;
    this.hostname = options.hostname ?? options.id;
    const { addressing = 'ipv4' } = options;
    this.ipv4 = addressing === 'ipv6' ? undefined : `192.0.2.${number}`;
    this.ipv6 = addressing === 'ipv4' ? undefined : `2001:db8::${number}`;
    this.address = this.ipv4 ?? this.ipv6 ?? '';
    this.#root = root;
  }

  /** where a path of the host is on this machine */
  at(path: string): string {
    return join(this.#root, path);
  }

  async start(): Promise<void> {
    this.running = true;
  }

  async stop(): Promise<void> {
    this.running = false;
    this.frozen = false;
    for (const child of this.#children) this.#signal(child, 'SIGKILL');
  }

  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.#root, { recursive: true, force: true });
  }

  async reboot(): Promise<void> {
    if (!this.running) throw new Error(`${this.id} does not run`);
    await this.stop();
    await this.start();
  }

  async cutOff(): Promise<void> {}
  async heal(): Promise<void> {}
  async fillDisk(): Promise<void> {}
  async freeDisk(): Promise<void> {}
  async unmount(): Promise<void> {}
  async mount(): Promise<void> {}

  async freeze(): Promise<void> {
    this.frozen = true;
    for (const child of this.#children) this.#signal(child, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    this.frozen = false;
    for (const child of this.#children) this.#signal(child, 'SIGCONT');
  }

  async exec(command: readonly string[] | string, options: ExecOptions = {}): Promise<ExecResult> {
    const argv = typeof command === 'string' ? ['bash', '-c', command] : command;
    const child = this.spawn(argv, options);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    const code = await new Promise<number>((resolve) =>
      child.once('close', (status) => resolve(status ?? 137)),
    );
    return {
      code,
      stdout: Buffer.concat(stdout).toString(),
      stderr: Buffer.concat(stderr).toString(),
      timedOut: false,
    };
  }

  spawn(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    if (!this.running || this.frozen) throw new Error(`${this.id} does not run`);
    const [command = 'true', ...rest] = argv.map((word) =>
      word.startsWith('/var/lib/amazon/') ? this.at(word) : word,
    );
    const child = spawn(command, rest, {
      cwd: this.#root,
      detached: true,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...options.env },
      stdio: [
        options.stdin === undefined ? 'ignore' : 'pipe',
        options.stdout ?? 'pipe',
        options.stderr ?? 'pipe',
      ],
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.stdin);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async writeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const file = this.at(path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await chmod(file, mode);
  }

  /** With no owner but this process's. */
  copyIn(from: string, to: string): Promise<void> {
    return cp(from, this.at(to), { recursive: true });
  }

  #signal(child: ChildProcess, signal: NodeJS.Signals): void {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // it has ended by itself
    }
  }
}

export interface FakeFleet extends HostFleet {
  create(options: HostOptions): Promise<FakeHost>;
}

export async function openFakeFleet(): Promise<FakeFleet> {
  const directory = await mkdtemp(join(tmpdir(), 'fake-fleet-'));
  const hosts = new Map<string, FakeHost>();
  return {
    gateway: '192.0.2.1',
    async create(options) {
      const root = join(directory, options.id);
      await mkdir(root);
      const host = new FakeHost(options, hosts.size + 10, root);
      hosts.set(options.id, host);
      return host;
    },
    get: (id) => hosts.get(id),
    hosts: () => [...hosts.values()],
    async close() {
      for (const host of hosts.values()) await host.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
