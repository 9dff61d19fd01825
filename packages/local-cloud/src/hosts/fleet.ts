import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageLayer } from '../sandbox/package-layer.ts';
import { sandboxDirectory } from '../sandbox/sandbox.ts';
import {
  type FleetOptions,
  type Host,
  HostError,
  type HostFleet,
  type HostOptions,
  type SoftwareOptions,
} from './host.ts';
import { LinuxHost } from './linux-host.ts';
import { configureLinks, hardwareAddress, type Network } from './network.ts';

/** `.1` is the sandbox's, `.255` the broadcast address; the first ten are kept free. */
const firstHost = 11;
const lastHost = 254;
const hostNumbers = Array.from({ length: lastHost - firstHost + 1 }, (_, index) => firstHost + index);

/**
 * Opens a network for hosts, next to the others of this sandbox.
 * @throws SandboxError outside a sandbox.
 */
export async function openFleet(options: FleetOptions = {}): Promise<HostFleet> {
  const sandbox = sandboxDirectory();
  const { number, directory } = await claimNumber(sandbox);
  const bridge = `hs${number}`;
  await configureLinks(sandbox, [
    `link add ${bridge} address ${hardwareAddress(number, 1)} type bridge`,
    `address add 10.213.${number}.1/24 dev ${bridge}`,
    `link set ${bridge} up`,
    // Nobody is looked for by ARP; see host-init.sh.
    ...hostNumbers.map(
      (host) =>
        `neighbor replace 10.213.${number}.${host} lladdr ${hardwareAddress(number, host)} dev ${bridge} nud permanent`,
    ),
  ]);
  return new LinuxFleet(sandbox, directory, number, bridge, options);
}

class LinuxFleet implements HostFleet, Network {
  readonly sandbox: string;
  readonly directory: string;
  readonly number: number;
  readonly bridge: string;
  readonly gateway: string;
  readonly log: (line: string) => void;
  private readonly software: SoftwareOptions;
  private readonly members = new Map<string, LinuxHost>();
  private nextHost = firstHost;
  private closed = false;

  constructor(sandbox: string, directory: string, number: number, bridge: string, options: FleetOptions) {
    this.sandbox = sandbox;
    this.directory = directory;
    this.number = number;
    this.bridge = bridge;
    this.gateway = `10.213.${number}.1`;
    this.software = options;
    const name = options.name ?? bridge;
    const log = options.log;
    this.log = (line) => log?.(`${name}: ${line}`);
  }

  async create(options: HostOptions): Promise<Host> {
    if (this.closed) throw new HostError('This fleet is closed.');
    if (this.members.has(options.id)) throw new HostError(`There is a host ${options.id} already.`);
    const {
      packages = this.software.packages ?? [],
      services = this.software.services ?? [],
      sshd = this.software.sshd ?? [],
    } = options;
    const host = new LinuxHost(this, this.claimHostNumber(), { ...options, services, sshd }, () =>
      this.forget(options.id),
    );
    this.members.set(options.id, host);
    try {
      const layer = packages.length > 0 ? await packageLayer(this.sandbox, packages, this.log) : undefined;
      await host.makeDisk(layer);
    } catch (error) {
      await host.destroy();
      throw error;
    }
    await this.announce();
    return host;
  }

  get(id: string): Host | undefined {
    return this.members.get(id);
  }

  hosts(): Host[] {
    return [...this.members.values()];
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.all(this.hosts().map((host) => host.destroy()));
    await configureLinks(this.sandbox, [`link delete ${this.bridge}`]);
    await rm(this.directory, { recursive: true });
  }

  hostsFile(): string {
    const lines = ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback'];
    for (const host of this.members.values()) {
      const names = [...new Set([host.hostname, host.id])];
      for (const address of [host.ipv4, host.ipv6])
        if (address !== undefined) lines.push([address, ...names].join(' '));
    }
    return `${lines.join('\n')}\n`;
  }

  private async forget(id: string): Promise<void> {
    this.members.delete(id);
    if (!this.closed) await this.announce();
  }

  private async announce(): Promise<void> {
    await Promise.all([...this.members.values()].map((host) => host.writeHostsFile()));
  }

  /** An address comes back only after all others were used: nobody should meet a host where its predecessor was. */
  private claimHostNumber(): number {
    const taken = new Set([...this.members.values()].map((host) => host.number));
    for (let tries = hostNumbers.length; tries > 0; tries -= 1) {
      const number = this.nextHost;
      this.nextHost = number === lastHost ? firstHost : number + 1;
      if (!taken.has(number)) return number;
    }
    throw new HostError(`A fleet has room for ${hostNumbers.length} hosts.`);
  }
}

/** Several processes may open fleets in one sandbox: making a directory is how one of them gets a number. */
async function claimNumber(sandbox: string): Promise<{ number: number; directory: string }> {
  for (let number = 0; number <= 255; number += 1) {
    const directory = join(sandbox, 'fleets', String(number));
    try {
      await mkdir(directory);
      await mkdir(join(directory, 'exec'));
      return { number, directory };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  throw new HostError('A sandbox has room for 256 fleets; close some.');
}
