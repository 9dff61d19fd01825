import type { Clock } from '../base/clock.ts';
import { LocalCloudError, messageOf } from '../base/errors.ts';
import type { Journal } from '../base/journal.ts';
import type {
  Addressing,
  ExecOptions,
  ExecResult,
  Host,
  SoftwareOptions,
  VolumeOptions,
} from '../hosts/host.ts';
import { ManagedNode } from '../ssm/nodes.ts';
import type { Ec2 } from './ec2.ts';
import type { CheckStatus, Instance, InstanceStateName, StateReasonCode, StatusChecks } from './instance.ts';
import { checkTags } from './tags.ts';

/** What a launch says of the machine, as an AMI and a launch template do. */
export interface MachineOptions extends SoftwareOptions {
  /** default true; false: no SSM agent runs on it */
  readonly ssm?: boolean;
  readonly agentVersion?: string;
  /** tags can be read in the instance metadata, which forbids some keys; default false */
  readonly metadataTags?: boolean;
  /** what its subnet gives it; default: `ipv4` */
  readonly addressing?: Addressing;
  readonly diskBytes?: number;
  readonly volumes?: readonly VolumeOptions[];
  /** `a` or `eu-west-1a`; default: each of the three zones in turn */
  readonly zone?: string;
  /** a spot instance, which EC2 may take back; default false */
  readonly spot?: boolean;
  /** EC2 gives it a public address at every start, as a name only: nothing reaches it; default false */
  readonly publicAddress?: boolean;
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
  readonly #journal: Journal;
  #crashed = false;
  #zoneDown = false;
  #prepare: MachineOptions['prepare'];

  constructor(
    instance: Instance,
    host: Host,
    deps: {
      readonly ec2: Ec2;
      readonly clock: Clock;
      readonly journal: Journal;
      readonly connectionLostSeconds: number;
    },
    options: MachineOptions,
  ) {
    const { ec2, clock } = deps;
    this.id = instance.id;
    this.host = host;
    this.#instance = instance;
    this.#ec2 = ec2;
    this.#clock = clock;
    this.#journal = deps.journal;
    this.#ssm = options.ssm ?? true;
    this.#prepare = options.prepare;
    this.node = new ManagedNode(instance, host, {
      agentVersion: options.agentVersion ?? '3.3.3572.0',
      clock,
      connectionLostSeconds: deps.connectionLostSeconds,
      reboot: () => this.reboot(),
    });
  }

  get state(): InstanceStateName {
    return this.#instance.state;
  }

  get availabilityZone(): string {
    return this.#instance.availabilityZone;
  }

  /** what EC2's status checks say of it now */
  get checks(): StatusChecks {
    return this.#ec2.checksOf(this.#instance);
  }

  /** in the fleet's network: the IPv4 address, or the IPv6 address of one that has no other */
  get address(): string {
    return this.host.address;
  }

  /** the address under which it is known outside: its Elastic IP, or what EC2 gave it */
  get publicAddress(): string | undefined {
    return this.#ec2.addresses.publicIpOf(this.#instance);
  }

  /** The tags as they are, whatever stale reads are going on. */
  get tags(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#instance.tags);
  }

  /** Resolves when the host is up and its agent online. `running` comes before that, as on EC2. */
  async boot(): Promise<void> {
    this.#ec2.setState(this.#instance, 'running');
    this.#crashed = false;
    await this.host.start();
    await this.#runPrepare();
    await this.#startAgent();
    this.#instance.booting = false;
    this.#noteTrouble();
  }

  /** Starts a stopped instance; resolves when its agent is online. */
  async start(): Promise<void> {
    this.#demand('stopped', 'start');
    this.#ec2.setState(this.#instance, 'pending');
    await this.boot();
  }

  /** Stops it. The disk and the address stay. */
  async stop(reason: StateReasonCode = 'Client.UserInitiatedShutdown'): Promise<void> {
    this.#demand('running', 'stop');
    this.#ec2.setState(this.#instance, 'stopping', reason);
    this.node.hostWentDown();
    await this.host.stop();
    this.#ec2.setState(this.#instance, 'stopped');
  }

  /** Ends it for good. It stays listed with its tags, as on EC2. */
  async terminate(reason: StateReasonCode = 'Client.UserInitiatedShutdown'): Promise<void> {
    if (this.state === 'terminated') return;
    this.#ec2.setState(this.#instance, 'shutting-down', reason);
    this.node.hostWentDown();
    await this.host.destroy();
    this.#ec2.setState(this.#instance, 'terminated');
  }

  /** EC2 has no state and no event for a reboot. */
  async reboot(): Promise<void> {
    this.#demand('running', 'reboot');
    this.node.hostWentDown();
    this.#crashed = true;
    this.#noteTrouble();
    // a host that has crashed is off already
    await (this.host.running ? this.host.reboot() : this.host.start());
    this.#crashed = false;
    await this.#startAgent();
    this.#noteTrouble();
  }

  /** The host dies, and EC2 does not know: the instance stays `running`. `reboot()` brings it back. */
  async crash(): Promise<void> {
    this.node.hostWentDown();
    this.#crashed = true;
    this.#noteTrouble();
    await this.host.stop();
  }

  /** Pulls the network cable: neither other hosts nor Systems Manager reach it. */
  async cutOff(): Promise<void> {
    this.node.change({ cutOff: true });
    this.#noteTrouble();
    await this.host.cutOff();
  }

  async heal(): Promise<void> {
    await this.host.heal();
    this.node.change({ cutOff: false });
    this.#noteTrouble();
  }

  /** Hangs the host, its agent included. */
  async freeze(): Promise<void> {
    this.node.change({ frozen: true });
    this.#noteTrouble();
    await this.host.freeze();
  }

  async thaw(): Promise<void> {
    await this.host.thaw();
    this.node.change({ frozen: false });
    this.#noteTrouble();
  }

  /** The hardware below it is out of order as well: its system status is impaired, too. For `cloud.zoneOutage`. */
  setZoneDown(down: boolean): void {
    this.#zoneDown = down;
    this.#noteTrouble();
  }

  /** What `DescribeInstanceStatus` says of it from now on, whatever is true; undefined ends it. */
  reportStatus(status: CheckStatus | undefined): void {
    this.#instance.reportedStatus = status;
  }

  /**
   * EC2 takes a spot instance back: the warning now, the end after so many seconds, which nothing holds up. `settle()` does not
   * wait for that; what is given back does.
   *
   * @param options seconds: default 120, as on AWS
   * @throws LocalCloudError when it is no spot instance, or does not run
   */
  spotInterruption(options: { readonly seconds?: number; readonly action?: 'terminate' | 'stop' } = {}): {
    readonly ended: Promise<void>;
  } {
    const { seconds = 120, action = 'terminate' } = options;
    if (!this.#instance.spot)
      throw new LocalCloudError(`${this.id} is no spot instance: launch it with \`spot: true\``);
    this.#demand('running', 'interrupt');
    this.#ec2.warnOfInterruption(this.#instance, action);
    const end = async (): Promise<void> => {
      await this.#clock.wait(seconds * 1000);
      if (this.#clock.closed || this.state !== 'running') return;
      if (action === 'terminate') await this.terminate('Server.SpotInstanceTermination');
      else await this.stop('Server.SpotInstanceShutdown');
    };
    const ended = end().catch((error: unknown) => {
      this.#journal.problem('internal', `spot interruption of ${this.id}: ${messageOf(error)}`);
    });
    return { ended };
  }

  /** The event that a spot instance is more likely than others to be interrupted; it may never be. */
  rebalanceRecommendation(): void {
    this.#ec2.recommendRebalance(this.#instance);
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

  /** A tag of AWS itself (`aws:…`), set or taken away by another service. */
  setSystemTag(key: string, value: string | undefined): void {
    this.#ec2.changeTags(this.#instance, new Map([[key, value]]));
  }

  /** Sets tags as an operator does: overwrites, adds; others stay. */
  setTags(tags: Readonly<Record<string, string>>): void {
    checkTags(Object.entries(tags), this.#instance.metadataTags);
    this.#ec2.changeTags(this.#instance, new Map(Object.entries(tags)));
  }

  deleteTags(...keys: readonly string[]): void {
    this.#ec2.changeTags(this.#instance, new Map(keys.map((key) => [key, undefined])));
  }

  #noteTrouble(): void {
    const trouble = this.#crashed || this.node.cutOff || this.node.frozen;
    const scope = this.#zoneDown ? 'system' : trouble ? 'instance' : undefined;
    this.#ec2.setTrouble(this.#instance, this.state === 'running' ? scope : undefined);
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
