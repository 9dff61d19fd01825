import type { Clock } from '../base/clock.ts';
import type { Instance } from '../ec2/instance.ts';
import type { Host } from '../hosts/host.ts';
import { AgentQueue } from './agent-queue.ts';

/** What can be wrong with a node, other than that its host is off. */
export interface NodeCondition {
  /** the agent's process runs */
  readonly agent: boolean;
  readonly cutOff: boolean;
  readonly frozen: boolean;
}

/** An instance in the eyes of Systems Manager, with the agent on its host. */
export class ManagedNode {
  readonly instance: Instance;
  readonly host: Host;
  readonly agentVersion: string;
  readonly reboot: () => Promise<void>;
  /** the commands that its agent has taken */
  readonly queue = new AgentQueue();
  readonly #clock: Clock;
  readonly #connectionLostSeconds: number;
  #condition: NodeCondition = { agent: false, cutOff: false, frozen: false };
  #registered = false;
  #boot = 0;
  #lastReachable = Date.now();
  #knownLost = false;

  constructor(
    instance: Instance,
    host: Host,
    options: {
      readonly agentVersion: string;
      readonly clock: Clock;
      /** how long a node is silent before `PingStatus` says so; the clock's scale makes it shorter */
      readonly connectionLostSeconds: number;
      readonly reboot: () => Promise<void>;
    },
  ) {
    this.instance = instance;
    this.host = host;
    this.agentVersion = options.agentVersion;
    this.reboot = options.reboot;
    this.#clock = options.clock;
    this.#connectionLostSeconds = options.connectionLostSeconds;
  }

  change(condition: Partial<NodeCondition>): void {
    if (this.reachable) this.#lastReachable = Date.now();
    this.#condition = { ...this.#condition, ...condition };
    if (condition.agent === true) {
      this.#registered = true;
      this.#knownLost = false;
    }
  }

  /** SSM learns at once that the agent is gone, and need not wait for missing heartbeats. */
  reportLost(): void {
    this.#knownLost = true;
  }

  /** A power cut or a reboot: whatever ran is gone. */
  hostWentDown(): void {
    this.change({ agent: false, frozen: false });
    this.#boot += 1;
  }

  /** Counts the boots, so that a command knows when its host has died under it. */
  get boot(): number {
    return this.#boot;
  }

  get registered(): boolean {
    return this.#registered;
  }

  get frozen(): boolean {
    return this.#condition.frozen;
  }

  get cutOff(): boolean {
    return this.#condition.cutOff;
  }

  /** Whether the agent can do anything at this moment. */
  get agentRuns(): boolean {
    return this.#condition.agent && !this.frozen && this.host.running;
  }

  /** Whether SSM and the agent can talk to each other at this moment. */
  get reachable(): boolean {
    return this.agentRuns && !this.cutOff && this.instance.state === 'running';
  }

  get isTerminated(): boolean {
    return this.instance.state === 'terminated';
  }

  get lastPing(): Date {
    return this.reachable ? new Date() : new Date(this.#lastReachable);
  }

  get pingStatus(): 'Online' | 'ConnectionLost' {
    if (this.reachable) return 'Online';
    if (this.#knownLost) return 'ConnectionLost';
    const silent = Date.now() - this.#lastReachable;
    return silent > this.#clock.scaledMs(this.#connectionLostSeconds) ? 'ConnectionLost' : 'Online';
  }

  /** `DescribeInstanceInformation` does not return stopped and terminated instances. */
  get listed(): boolean {
    return this.#registered && ['pending', 'running', 'stopping'].includes(this.instance.state);
  }
}

/** The nodes of the account and region, by instance id. */
export type ManagedNodes = ReadonlyMap<string, ManagedNode>;
