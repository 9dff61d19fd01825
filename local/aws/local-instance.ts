import type { ExecOptions, ExecResult, Host, VolumeOptions } from '../hosts/host.ts';
import type { Clock } from './clock.ts';
import { checkTags, type Ec2, type Instance, type InstanceStateName } from './ec2.ts';
import { LocalCloudError } from './errors.ts';
import { ManagedNode } from './ssm-nodes.ts';

/** What a launch says of the machine, as an AMI and a launch template do. */
export interface MachineOptions {
  /** default true; false: no SSM agent runs on it */
  readonly ssm?: boolean;
  readonly agentVersion?: string;
  /** tags can be read in the instance metadata, which forbids some keys; default false */
  readonly metadataTags?: boolean;
  readonly diskBytes?: number;
  readonly volumes?: readonly VolumeOptions[];
  /** plays the AMI: runs after the first boot of the host, before its agent is online */
  readonly prepare?: (instance: LocalInstance) => Promise<unknown>;
}

// The agent needs a moment after sshd.
const agentStartSeconds = 0.2;

/** An EC2 instance of the local cloud and the host that it runs on. */
export class LocalInstance {
  readonly id: string;
  readonly host: Host;
  /** its agent, as Systems Manager sees it */
  readonly node: ManagedNode;
  readonly #instance: Instance;
  readonly #ec2: Ec2;
  readonly #clock: Clock;
  readonly #ssm: boolean;
  #prepare: MachineOptions['prepare'];

  constructor(instance: Instance, host: Host, ec2: Ec2, clock: Clock, options: MachineOptions) {
    this.id = instance.id;
    this.host = host;
    this.#instance = instance;
    this.#ec2 = ec2;
    this.#clock = clock;
    this.#ssm = options.ssm ?? true;
    this.#prepare = options.prepare;
    this.node = new ManagedNode(instance, host, {
      agentVersion: options.agentVersion ?? '3.3.3572.0',
      clock,
      reboot: () => this.reboot(),
    });
  }

  get state(): InstanceStateName {
    return this.#instance.state;
  }

  get availabilityZone(): string {
    return this.#instance.availabilityZone;
  }

  /** the IPv4 address in the fleet's network */
  get address(): string {
    return this.host.address;
  }

  /** The tags as they are, whatever stale reads are going on. */
  get tags(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#instance.tags);
  }

  /** Resolves when the host is up and its agent online. `running` comes before that, as on EC2. */
  async boot(): Promise<void> {
    this.#ec2.setState(this.#instance, 'running');
    await this.host.start();
    await this.#runPrepare();
    await this.#startAgent();
  }

  /** Starts a stopped instance; resolves when its agent is online. */
  async start(): Promise<void> {
    this.#demand('stopped', 'start');
    this.#ec2.setState(this.#instance, 'pending');
    await this.boot();
  }

  /** Stops it. The disk and the address stay. */
  async stop(): Promise<void> {
    this.#demand('running', 'stop');
    this.#ec2.setState(this.#instance, 'stopping');
    this.node.hostWentDown();
    await this.host.stop();
    this.#ec2.setState(this.#instance, 'stopped');
  }

  /** Ends it for good. It stays listed with its tags, as on EC2. */
  async terminate(): Promise<void> {
    if (this.state === 'terminated') return;
    this.#ec2.setState(this.#instance, 'shutting-down');
    this.node.hostWentDown();
    await this.host.destroy();
    this.#ec2.setState(this.#instance, 'terminated');
  }

  /** EC2 has no state and no event for a reboot. */
  async reboot(): Promise<void> {
    this.#demand('running', 'reboot');
    this.node.hostWentDown();
    await this.host.reboot();
    await this.#startAgent();
  }

  /** The host dies, and EC2 does not know: the instance stays `running`. `reboot()` brings it back. */
  async crash(): Promise<void> {
    this.node.hostWentDown();
    await this.host.stop();
  }

  /** Pulls the network cable: neither other hosts nor Systems Manager reach it. */
  async cutOff(): Promise<void> {
    this.node.change({ cutOff: true });
    await this.host.cutOff();
  }

  async heal(): Promise<void> {
    await this.host.heal();
    this.node.change({ cutOff: false });
  }

  /** Hangs the host, its agent included. */
  async freeze(): Promise<void> {
    this.node.change({ frozen: true });
    await this.host.freeze();
  }

  async thaw(): Promise<void> {
    await this.host.thaw();
    this.node.change({ frozen: false });
  }

  /** Takes all space that is left on the disk, or on the volume at this path. */
  fillDisk(path?: string): Promise<void> {
    return this.host.fillDisk(path);
  }

  freeDisk(path?: string): Promise<void> {
    return this.host.freeDisk(path);
  }

  /** Runs a command on the host as root, without Systems Manager; a string is run by bash. */
  exec(command: readonly string[] | string, options?: ExecOptions): Promise<ExecResult> {
    return this.host.exec(command, options);
  }

  /**
   * Stops the agent; the host goes on.
   *
   * @param known whether Systems Manager has noticed (`ConnectionLost`). Otherwise it finds out after five minutes
   */
  agentOffline(known = true): void {
    this.node.change({ agent: false });
    if (known) this.node.reportLost();
  }

  agentOnline(): void {
    this.node.change({ agent: true });
  }

  /** Sets tags as an operator does: overwrites, adds; others stay. */
  setTags(tags: Readonly<Record<string, string>>): void {
    checkTags(Object.entries(tags), this.#instance.metadataTags);
    this.#ec2.changeTags(this.#instance, new Map(Object.entries(tags)));
  }

  deleteTags(...keys: readonly string[]): void {
    this.#ec2.changeTags(this.#instance, new Map(keys.map((key) => [key, undefined])));
  }

  async #runPrepare(): Promise<void> {
    if (this.state !== 'running') return;
    const prepare = this.#prepare;
    this.#prepare = undefined;
    try {
      await prepare?.(this);
    } catch (error) {
      // it was stopped or terminated under it
      if (this.state === 'running') throw error;
    }
  }

  async #startAgent(): Promise<void> {
    if (!this.#ssm) return;
    const boot = this.node.boot;
    await this.#clock.wait(agentStartSeconds * 1000);
    if (this.node.boot === boot && this.state === 'running') this.node.change({ agent: true });
  }

  #demand(state: InstanceStateName, verb: string): void {
    if (this.state !== state)
      throw new LocalCloudError(`cannot ${verb} ${this.id}: it is ${this.state}, not ${state}`);
  }
}
