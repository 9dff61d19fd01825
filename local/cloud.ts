import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, ec2Id } from './aws/account.ts';
import type { AutoScalingGroup, AutoScalingGroupOptions } from './aws/auto-scaling-group.ts';
import type { CommandRecord } from './aws/command-records.ts';
import type { QueueMessage } from './aws/destinations.ts';
import type { Tags } from './aws/ec2.ts';
import { LocalCloudError } from './aws/errors.ts';
import type { BusEvent, EventDraft, EventRecord } from './aws/event-bus.ts';
import type { CallRecord, Problem } from './aws/journal.ts';
import type { Json } from './aws/json.ts';
import type { InvocationRecord } from './aws/lambda.ts';
import { LocalInstance, type MachineOptions } from './aws/local-instance.ts';
import type { MetricDatum } from './aws/metrics.ts';
import type { Parameter } from './aws/parameter-store.ts';
import { type CloudOptions, type CloudParts, openParts } from './aws/parts.ts';
import type { ScenarioFaults } from './aws/scenario-faults.ts';
import type { Credentials } from './aws/server.ts';
import type { PublishedMessage } from './aws/sns.ts';
import type { Host } from './hosts/host.ts';

export type {
  AutoScalingGroup,
  AutoScalingGroupOptions,
  GroupInstance,
  LifecycleState,
} from './aws/auto-scaling-group.ts';
export type { HookOptions } from './aws/auto-scaling-hooks.ts';
export type { CommandInvocationRecord, CommandRecord, StepRecord } from './aws/command-records.ts';
export type { BusEvent, EventRecord } from './aws/event-bus.ts';
export type { FaultHandle } from './aws/faults.ts';
export { type CallRecord, type Problem, ProblemsError } from './aws/journal.ts';
export type { InvocationRecord } from './aws/lambda.ts';
export type { LocalInstance, MachineOptions } from './aws/local-instance.ts';
export type { CloudOptions } from './aws/parts.ts';
export type { EventSelector, ScenarioFaults } from './aws/scenario-faults.ts';

export interface LaunchOptions extends MachineOptions {
  /** also the tag Name */
  readonly name?: string;
  /** also the tag hostsync:group */
  readonly group?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** default true: resolve when the agent is online; false: as soon as EC2 says `pending` */
  readonly wait?: boolean;
}

/** What an SDK client needs to talk to the local cloud. */
export interface ClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
}

/** A filter: members that must be equal, or a predicate. */
export type Where<Item> = Partial<Item> | ((item: Item) => boolean);

/** What `settle` or `waitFor` waited for did not come. */
export class WaitError extends Error {
  override readonly name = 'WaitError';
}

/**
 * Starts a local cloud from a packaged service: its functions, rules, roles, documents, topics.
 *
 * @throws LocalCloudError when the package cannot run here, or could not on AWS
 */
export async function startCloud(options: CloudOptions): Promise<LocalCloud> {
  return new LocalCloud(await openParts(options));
}

/** The whole system on one machine. Every change that a scenario makes is made as the operator, who may do everything. */
export class LocalCloud {
  readonly faults: ScenarioFaults;
  readonly #parts: CloudParts;
  readonly #instances: LocalInstance[] = [];

  /** Use `startCloud`. */
  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.faults = parts.faults;
  }

  get account(): Account {
    return this.#parts.service.account;
  }

  /** The outputs of the stack. */
  get outputs(): Readonly<Record<string, unknown>> {
    return this.#parts.service.outputs;
  }

  /** The name in AWS of a resource of the template, such as a document whose name CloudFormation makes. */
  physicalName(logicalId: string): string {
    const { stack } = this.#parts.service;
    const all = [
      ...stack.functions,
      ...stack.roles,
      ...stack.rules,
      ...stack.documents,
      ...stack.topics,
      ...stack.queues,
    ];
    const found = all.find((resource) => resource.logicalId === logicalId);
    if (found === undefined) throw new LocalCloudError(`the template has no ${logicalId}`);
    return found.name;
  }

  /** For an SDK client: as the operator, or in the role of a function, by its logical id. */
  clientConfig(asFunction?: string): ClientConfig {
    const { server, lambda, operator } = this.#parts;
    const caller = asFunction === undefined ? operator : lambda.callerOf(asFunction);
    return { endpoint: server.url, region: this.account.region, credentials: server.issue(caller) };
  }

  /** Launches an instance: `pending`, `running`, then sshd, then the agent. */
  async launch(options: LaunchOptions = {}): Promise<LocalInstance> {
    const instance = await this.#create(options);
    if (options.wait ?? true) await instance.boot();
    else this.#parts.activity.start(`launch of ${instance.id}`, () => instance.boot());
    return instance;
  }

  /** A host that is no instance and that AWS knows nothing of; it runs when this resolves. */
  async launchOutside(options: { readonly name: string; readonly diskBytes?: number }): Promise<Host> {
    const { name, ...rest } = options;
    const host = await this.#parts.fleet.create({ id: name, ...rest });
    await host.start();
    return host;
  }

  /**
   * An Auto Scaling group with no instances yet: `scaleOut` launches them.
   *
   * @throws LocalCloudError when AWS would refuse it
   */
  createAutoScalingGroup(options: AutoScalingGroupOptions): AutoScalingGroup {
    return this.#parts.autoScaling.createGroup(options, (launch) => this.#create(launch));
  }

  /** The instances that were launched, those of groups and terminated ones included. */
  instances(): readonly LocalInstance[] {
    return [...this.#instances];
  }

  /** Fires every schedule rule once, now. Does not wait for what comes of it: see `settle`. */
  tick(): void {
    this.#parts.rules.tick();
  }

  startSchedule(tickSeconds: number): void {
    this.#parts.rules.startSchedule(tickSeconds);
  }

  stopSchedule(): void {
    this.#parts.rules.stopSchedule();
  }

  /** Puts an event on the default bus, as a service of AWS would. */
  emit(draft: EventDraft): BusEvent {
    return this.#parts.bus.emit(draft);
  }

  /** Invokes a function (by its logical id) and waits for its end; no retry. */
  invoke(functionId: string, payload: Json): Promise<InvocationRecord> {
    return this.#parts.lambda.invoke(functionId, payload);
  }

  /**
   * Waits until no event, invocation or command is under way.
   *
   * @throws WaitError naming what still runs after the timeout (default 60 s)
   * @throws ProblemsError when something has gone wrong that no scenario should overlook; see `takeProblems`
   */
  async settle(options: { readonly timeoutSeconds?: number } = {}): Promise<void> {
    const { activity, bus, journal } = this.#parts;
    const seconds = options.timeoutSeconds ?? 60;
    const deadline = Date.now() + seconds * 1000;
    for (let quiet = 0; quiet < 2; ) {
      const running = activity.running();
      if (bus.faults.held > 0 && running.length <= bus.faults.held) bus.faults.releaseHeld();
      if (running.length > 0 && Date.now() > deadline) {
        throw new WaitError(`after ${seconds} seconds there still is: ${running.join(', ')}`);
      }
      quiet = running.length === 0 ? quiet + 1 : 0;
      await sleep(20);
    }
    journal.throwNewProblems();
  }

  /**
   * Waits until a predicate gives something that is not false, undefined or null, and returns it.
   *
   * @throws WaitError saying `what` did not come (default timeout 60 s)
   */
  async waitFor<Result>(
    predicate: () => Result | Promise<Result>,
    options: { readonly what: string; readonly timeoutSeconds?: number },
  ): Promise<Exclude<Result, false | undefined | null>> {
    const seconds = options.timeoutSeconds ?? 60;
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const result = await predicate();
      if (isGiven(result)) return result;
      if (Date.now() > deadline) throw new WaitError(`after ${seconds} seconds still not: ${options.what}`);
      await sleep(100);
    }
  }

  /** Requests to AWS APIs, oldest first. */
  calls(where: Where<CallRecord> = {}): readonly CallRecord[] {
    return select(this.#parts.journal.calls, where);
  }

  /** Runs of functions with their logs. */
  invocations(where: Where<InvocationRecord> = {}): readonly InvocationRecord[] {
    return select(this.#parts.lambda.invocations, where);
  }

  /** Commands of Run Command with their results. */
  commands(where: Where<CommandRecord> = {}): readonly CommandRecord[] {
    return select(this.#parts.runCommand.commands, where);
  }

  /** Events on the default bus, and the rules that matched. */
  events(where: Where<EventRecord> = {}): readonly EventRecord[] {
    return select(this.#parts.bus.records, where);
  }

  /** What was published to topics. */
  messages(where: Where<PublishedMessage> = {}): readonly PublishedMessage[] {
    return select(this.#parts.sns.messages, where);
  }

  /** What went to queues: dead letters, failed events. */
  queueMessages(where: Where<QueueMessage> = {}): readonly QueueMessage[] {
    return select(this.#parts.destinations.queueMessages, where);
  }

  /** Metrics from the logs of functions (embedded metric format). */
  metrics(where: Where<MetricDatum> = {}): readonly MetricDatum[] {
    return select(
      this.#parts.lambda.invocations.flatMap(({ metrics }) => metrics),
      where,
    );
  }

  /** The parameters of Parameter Store, by name. */
  parameters(where: Where<Parameter> = {}): readonly Parameter[] {
    return select(this.#parts.parameters.all(), where);
  }

  /** Calls that are not served, denials, requests that AWS would refuse, bugs of the local cloud. */
  problems(where: Where<Problem> = {}): readonly Problem[] {
    return select(this.#parts.journal.problems(), where);
  }

  /** The problems so far, which then count as seen: for scenarios that provoke them. */
  takeProblems(): readonly Problem[] {
    return this.#parts.journal.takeProblems();
  }

  /**
   * Ends everything but the fleet, which is the caller's.
   *
   * @throws ProblemsError after the end, when there were problems that `settle` has not thrown
   */
  async close(): Promise<void> {
    const { rules, clock, lambda, server, activity, stateDirectory, journal } = this.#parts;
    rules.stopSchedule();
    clock.close();
    await lambda.close();
    await server.close();
    const deadline = Date.now() + 5000;
    while (activity.running().length > 0 && Date.now() < deadline) await sleep(20);
    await rm(stateDirectory, { recursive: true, force: true });
    journal.throwNewProblems();
  }

  /** A host and its instance, `pending`. */
  async #create(options: LaunchOptions & { readonly systemTags?: Tags }): Promise<LocalInstance> {
    const { ec2, fleet, nodes, clock } = this.#parts;
    const id = ec2Id('i');
    const host = await fleet.create({
      id,
      ...(options.name !== undefined && { hostname: options.name }),
      ...(options.diskBytes !== undefined && { diskBytes: options.diskBytes }),
      ...(options.volumes !== undefined && { volumes: options.volumes }),
    });
    const tags = {
      ...(options.name !== undefined && { Name: options.name }),
      ...(options.group !== undefined && { 'hostsync:group': options.group }),
      ...options.tags,
    };
    const ec2Instance = ec2.add({
      id,
      privateIp: host.address,
      tags: new Map(Object.entries(tags)),
      ...(options.systemTags !== undefined && { systemTags: options.systemTags }),
      metadataTags: options.metadataTags ?? false,
    });
    const instance = new LocalInstance(ec2Instance, host, ec2, clock, options);
    nodes.set(id, instance.node);
    this.#instances.push(instance);
    return instance;
  }
}

function select<Item extends object>(items: readonly Item[], where: Where<Item>): readonly Item[] {
  if (typeof where === 'function') return items.filter(where);
  const wanted = Object.entries(where);
  return items.filter((item) => {
    const members = new Map<string, unknown>(Object.entries(item));
    return wanted.every(([key, value]) => members.get(key) === value);
  });
}

function isGiven<Result>(result: Result): result is Exclude<Result, false | undefined | null> {
  return result !== false && result !== undefined && result !== null;
}
