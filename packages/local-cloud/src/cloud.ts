import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScenarioFaults } from './api/scenario-faults.ts';
import type { Credentials } from './api/server.ts';
import type { AutoScalingGroup } from './auto-scaling/group.ts';
import type { AutoScalingGroupOptions } from './auto-scaling/group-options.ts';
import { type Account, arnOf, ec2Id } from './base/account.ts';
import { LocalCloudError } from './base/errors.ts';
import type { CallRecord, Problem } from './base/journal.ts';
import type { Json } from './base/json.ts';
import type { PlayStack } from './cloudformation/played-stacks.ts';
import type { DashboardResource, QueryDefinitionResource } from './cloudformation/stack.ts';
import type { AlarmStateValue } from './cloudwatch/alarm-evaluation.ts';
import type { AlarmEvaluation, AlarmView, EvaluateOptions } from './cloudwatch/alarms.ts';
import type { MetricDatum } from './cloudwatch/metrics.ts';
import type { LocalTable } from './dynamodb/tables.ts';
import type { ElasticAddress } from './ec2/addresses.ts';
import type { Tags } from './ec2/instance.ts';
import { LocalInstance, type MachineOptions } from './ec2/local-instance.ts';
import { checkNewTags } from './ec2/tags.ts';
import type { EventRecord } from './events/bus.ts';
import type { BusEvent, EventDraft } from './events/event.ts';
import type { Host, HostOptions, SoftwareOptions } from './hosts/host.ts';
import type { QueueMessage } from './lambda/destinations.ts';
import type { InvocationRecord } from './lambda/lambda.ts';
import type { TargetGroup, TargetGroupOptions } from './load-balancing/target-groups.ts';
import type { DnsChange, HostedZone, HostedZoneOptions } from './route53/hosted-zones.ts';
import { type CloudOptions, type CloudServices, openServices } from './services.ts';
import type { PublishedMessage } from './sns/sns.ts';
import { type CommandRecord, isTerminal } from './ssm/command-records.ts';
import type { Parameter } from './ssm/parameter-store.ts';

export type { FaultHandle } from './api/faults.ts';
export type { EventSelector, ScenarioFaults } from './api/scenario-faults.ts';
export type { ScalingActivity } from './auto-scaling/causes.ts';
export type { AutoScalingGroup } from './auto-scaling/group.ts';
export type { AutoScalingGroupOptions } from './auto-scaling/group-options.ts';
export type { HookOptions } from './auto-scaling/hooks.ts';
export type { InstanceRefresh, RefreshOptions } from './auto-scaling/instance-refresh.ts';
export type { GroupInstance, LifecycleState } from './auto-scaling/member.ts';
export { type CallRecord, type Problem, ProblemsError } from './base/journal.ts';
export type { PlayedStack, PlayStack, StackRequest } from './cloudformation/played-stacks.ts';
export type { AlarmStateValue } from './cloudwatch/alarm-evaluation.ts';
export type { AlarmEvaluation, AlarmView } from './cloudwatch/alarms.ts';
export type { Item, LocalTable } from './dynamodb/tables.ts';
export type { ElasticAddress } from './ec2/addresses.ts';
export type { LocalInstance, MachineOptions } from './ec2/local-instance.ts';
export type { EventRecord } from './events/bus.ts';
export type { BusEvent } from './events/event.ts';
export type { QueueMessage } from './lambda/destinations.ts';
export type { InvocationRecord } from './lambda/lambda.ts';
export type { Target, TargetGroup, TargetGroupOptions } from './load-balancing/target-groups.ts';
export type { DnsChange, HostedZone, RecordOptions } from './route53/hosted-zones.ts';
export type { RecordSet } from './route53/records.ts';
export type { CloudOptions } from './services.ts';
export type { PublishedMessage } from './sns/sns.ts';
export type { CommandInvocationRecord, CommandRecord, StepRecord } from './ssm/command-records.ts';

export interface LaunchOptions extends MachineOptions {
  /** also the tag Name */
  readonly name?: string;
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

/** A role that is no function's. */
export interface RoleOptions {
  readonly name: string;
  /** policy documents */
  readonly policies: readonly unknown[];
}

/** A filter: members that must be equal, or a predicate. */
export type Where<Item> = Partial<Item> | ((item: Item) => boolean);

export interface SettleOptions {
  readonly timeoutSeconds?: number;
  readonly stays?: (open: readonly CommandRecord[]) => readonly CommandRecord[];
}

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
  return new LocalCloud(await openServices(options));
}

/** The whole system on one machine. Every change that a scenario makes is made as the operator, who may do everything. */
export class LocalCloud {
  readonly faults: ScenarioFaults;
  readonly #services: CloudServices;
  readonly #instances: LocalInstance[] = [];

  /** Use `startCloud`. */
  constructor(services: CloudServices) {
    this.#services = services;
    this.faults = services.faults;
    services.autoScaling.connect((id) => this.#instances.find((instance) => instance.id === id));
  }

  get account(): Account {
    return this.#services.service.account;
  }

  /** The outputs of the stack. */
  get outputs(): Readonly<Record<string, unknown>> {
    return this.#services.service.outputs;
  }

  /** The name in AWS of a resource of the template, such as a document whose name CloudFormation makes. */
  physicalName(logicalId: string): string {
    const { stack } = this.#services.service;
    const all = [
      ...stack.functions,
      ...stack.roles,
      ...stack.rules,
      ...stack.documents,
      ...stack.topics,
      ...stack.queues,
      ...stack.tables,
      ...stack.alarms,
      ...stack.dashboards,
      ...stack.queryDefinitions,
    ];
    const found = all.find((resource) => resource.logicalId === logicalId);
    if (found === undefined) throw new LocalCloudError(`the template has no ${logicalId}`);
    return found.name;
  }

  /** For an SDK client: as the operator, or in the role of a function, by its logical id. */
  clientConfig(asFunction?: string): ClientConfig {
    const { server, lambda, operator } = this.#services;
    const caller = asFunction === undefined ? operator : lambda.callerOf(asFunction);
    return { endpoint: server.url, region: this.account.region, credentials: server.issue(caller) };
  }

  /** For an SDK client of a person or a program with these policies, and no others. */
  roleConfig({ name, policies }: RoleOptions): ClientConfig {
    const { partition, accountId, region } = this.account;
    const caller = {
      kind: 'function' as const,
      name,
      principalArn: `arn:${partition}:sts::${accountId}:assumed-role/${name}/${name}`,
      policies: policies.map((document, index) => ({ name: `${name}-${index}`, document })),
    };
    const { server } = this.#services;
    return { endpoint: server.url, region, credentials: server.issue(caller) };
  }

  /** Launches an instance: `pending`, `running`, then sshd, then the agent. */
  async launch(options: LaunchOptions = {}): Promise<LocalInstance> {
    const instance = await this.#create(options);
    if (options.wait ?? true) await instance.boot();
    else this.#services.activity.start(`launch of ${instance.id}`, () => instance.boot());
    return instance;
  }

  /** A host that is no instance and that AWS knows nothing of; it runs when this resolves. */
  async launchOutside(
    options: { readonly name: string } & Pick<HostOptions, 'diskBytes' | 'addressing'> & SoftwareOptions,
  ): Promise<Host> {
    const { name, ...rest } = options;
    const host = await this.#services.fleet.create({ id: name, ...rest });
    await host.start();
    return host;
  }

  /**
   * An Auto Scaling group with no instances yet: `scaleOut` launches them.
   *
   * @throws LocalCloudError when AWS would refuse it
   */
  createAutoScalingGroup(options: AutoScalingGroupOptions): AutoScalingGroup {
    return this.#services.autoScaling.createGroup(options, (launch) => this.#create(launch));
  }

  /** An Elastic IP address, on no instance yet. `ec2:AssociateAddress` moves it, or `associateAddress`. */
  allocateAddress(options: { readonly tags?: Readonly<Record<string, string>> } = {}): ElasticAddress {
    const tags = new Map(Object.entries(options.tags ?? {}));
    checkNewTags(tags, false);
    return this.#services.ec2.addresses.allocate(tags);
  }

  /** Puts an Elastic IP on an instance, also away from another one. @throws AwsError when EC2 would refuse it */
  associateAddress({ allocationId }: ElasticAddress, { id }: LocalInstance): void {
    const { ec2 } = this.#services;
    ec2.addresses.associate(allocationId, ec2.require(id), true);
  }

  /** Takes an Elastic IP off its instance. @throws AwsError when it is on none */
  disassociateAddress({ allocationId }: ElasticAddress): void {
    const { addresses } = this.#services.ec2;
    addresses.disassociate(addresses.get(allocationId).associationId ?? '');
  }

  /** Gives an Elastic IP back. @throws AwsError when it is on an instance */
  releaseAddress({ allocationId }: ElasticAddress): void {
    this.#services.ec2.addresses.release(allocationId);
  }

  /** A target group with no targets, behind a load balancer that is not there. @throws LocalCloudError when AWS would refuse it */
  createTargetGroup(options: TargetGroupOptions): TargetGroup {
    return this.#services.targetGroups.create(options);
  }

  /** @throws LocalCloudError when there is none of this name */
  targetGroup(name: string): TargetGroup {
    const found = this.#services.targetGroups.find(name);
    if (found === undefined) throw new LocalCloudError(`there is no target group ${name}`);
    return found;
  }

  /** A hosted zone of Route 53, with its NS and SOA records. @throws LocalCloudError for a name that is none */
  createHostedZone(options: HostedZoneOptions): HostedZone {
    return this.#services.zones.create(options);
  }

  /** What a resolver with an empty cache gets now: the values of the record, none when there is none. */
  resolve(name: string, type = 'A'): readonly string[] {
    return this.#services.zones.resolve(name, type);
  }

  /** Changes of records in hosted zones, oldest first. */
  dnsChanges(where: Where<DnsChange> = {}): readonly DnsChange[] {
    return select(this.#services.zones.changes, where);
  }

  /** The instances that were launched, those of groups and terminated ones included. */
  instances(): readonly LocalInstance[] {
    return [...this.#instances];
  }

  /**
   * Takes an availability zone away: every host that runs in it is cut off, or has crashed, and EC2's system status of it is
   * impaired. Hosts that are launched there later are not affected.
   *
   * @param zone `a` or `eu-west-1a`
   * @returns heal: the hosts come back, those that crashed by a reboot
   */
  async zoneOutage(
    zone: string,
    options: { readonly how?: 'cut off' | 'crash' } = {},
  ): Promise<{ readonly instances: readonly LocalInstance[]; readonly heal: () => Promise<void> }> {
    const name = this.#services.ec2.zone(zone);
    const isCrash = options.how === 'crash';
    const struck = this.#instances.filter(
      ({ availabilityZone, state }) => availabilityZone === name && state === 'running',
    );
    await Promise.all(
      struck.map(async (instance) => {
        instance.setZoneDown(true);
        await (isCrash ? instance.crash() : instance.cutOff());
      }),
    );
    const heal = async (): Promise<void> => {
      await Promise.all(
        struck.map(async (instance) => {
          instance.setZoneDown(false);
          if (!isCrash && instance.state !== 'terminated') await instance.heal();
          if (isCrash && instance.state === 'running') await instance.reboot();
        }),
      );
    };
    return { instances: struck, heal };
  }

  /**
   * What `CreateStack` makes of a template: the scenario plays it, with what it makes here, as `prepare` plays the AMI. Without it the call
   * is not served.
   */
  playStacks(play: PlayStack): void {
    this.#services.playedStacks.play = play;
  }

  /** A FIFO queue that is not of the stack, as a played stack may have one. */
  createQueue(name: string): { readonly url: string; remove(): void } {
    const { queues } = this.#services;
    const fullName = `${name}.fifo`;
    const arn = arnOf(this.account, 'sqs', fullName);
    const queue = queues.add({ logicalId: name, name: fullName, arn, FifoQueue: true });
    return { url: queue.url, remove: () => queues.remove(queue) };
  }

  /** Fires every schedule rule once, now. Does not wait for what comes of it: see `settle`. */
  tick(): void {
    this.#services.rules.tick();
  }

  startSchedule(tickSeconds: number): void {
    this.#services.rules.startSchedule(tickSeconds);
  }

  stopSchedule(): void {
    this.#services.rules.stopSchedule();
  }

  /** Puts an event on the default bus, as a service of AWS would. */
  emit(draft: EventDraft): BusEvent {
    return this.#services.bus.emit(draft);
  }

  /** Invokes a function (by its logical id) and waits for its end; no retry. */
  invoke(functionId: string, payload: Json): Promise<InvocationRecord> {
    return this.#services.lambda.invoke(functionId, payload);
  }

  /**
   * Waits until no event, invocation or command is under way.
   *
   * @param options.stays of the commands that have not ended, those that are not waited for
   * @throws WaitError naming what still runs after the timeout (default 240 s)
   * @throws ProblemsError when something has gone wrong that no scenario should overlook; see `takeProblems`
   */
  async settle(options: SettleOptions = {}): Promise<void> {
    const { activity, bus, journal } = this.#services;
    const seconds = options.timeoutSeconds ?? 240;
    const deadline = Date.now() + seconds * 1000;
    for (let quiet = 0; quiet < 2; ) {
      const running = this.#without(activity.running(), options.stays);
      if (bus.faults.held > 0 && running.length <= bus.faults.held) bus.faults.releaseHeld();
      if (running.length > 0 && Date.now() > deadline) {
        throw new WaitError(`after ${seconds} seconds there still is: ${running.join(', ')}`);
      }
      quiet = running.length === 0 ? quiet + 1 : 0;
      await sleep(20);
    }
    journal.throwNewProblems();
  }

  /** What runs, but for the commands that stay. */
  #without(running: readonly string[], stays: SettleOptions['stays']): readonly string[] {
    const left = [...running];
    const open = this.commands(({ status }) => !isTerminal(status));
    for (const { document } of stays?.(open) ?? []) {
      const index = left.indexOf(`command ${document}`);
      if (index !== -1) left.splice(index, 1);
    }
    return left;
  }

  /**
   * Waits until a predicate gives something that is not false, undefined or null, and returns it.
   *
   * @throws WaitError saying `what` did not come (default timeout 240 s)
   */
  async waitFor<Result>(
    predicate: () => Result | Promise<Result>,
    options: { readonly what: string; readonly timeoutSeconds?: number },
  ): Promise<Exclude<Result, false | undefined | null>> {
    const seconds = options.timeoutSeconds ?? 240;
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
    return select(this.#services.journal.calls, where);
  }

  /** Runs of functions with their logs. */
  invocations(where: Where<InvocationRecord> = {}): readonly InvocationRecord[] {
    return select(this.#services.lambda.invocations, where);
  }

  /** Commands of Run Command with their results. */
  commands(where: Where<CommandRecord> = {}): readonly CommandRecord[] {
    return select(this.#services.runCommand.commands, where);
  }

  /** Events on the default bus, and the rules that matched. */
  events(where: Where<EventRecord> = {}): readonly EventRecord[] {
    return select(this.#services.bus.records, where);
  }

  /** What was published to topics. */
  messages(where: Where<PublishedMessage> = {}): readonly PublishedMessage[] {
    return select(this.#services.sns.messages, where);
  }

  /** What went to queues: dead letters, failed events. */
  queueMessages(where: Where<QueueMessage> = {}): readonly QueueMessage[] {
    return select(this.#services.destinations.queueMessages(), where);
  }

  /** Takes everything out of a queue, by its logical id, as an operator who has dealt with it. */
  purgeQueue(queueId: string): void {
    this.#services.destinations.purge(queueId);
  }

  /** A table of the template, by its logical id. @throws LocalCloudError when there is none */
  table(logicalId: string): LocalTable {
    const found = this.#services.tables.find(({ resource }) => resource.logicalId === logicalId);
    if (found === undefined) throw new LocalCloudError(`the template has no table ${logicalId}`);
    return found;
  }

  /** Metrics from the logs of functions (embedded metric format). */
  metrics(where: Where<MetricDatum> = {}): readonly MetricDatum[] {
    return select(
      this.#services.lambda.invocations.flatMap(({ metrics }) => metrics),
      where,
    );
  }

  /** The alarms of the template, evaluated, and their states. */
  alarms(where: Where<AlarmView> = {}): readonly AlarmView[] {
    return select(this.#services.alarms.all(), where);
  }

  /** The dashboards of the template, with the JSON of their bodies read. */
  dashboards(): readonly DashboardResource[] {
    return this.#services.service.stack.dashboards;
  }

  /** The saved queries of Logs Insights of the template; they are not run here. */
  queryDefinitions(): readonly QueryDefinitionResource[] {
    return this.#services.service.stack.queryDefinitions;
  }

  /**
   * Evaluates every alarm on a metric against what was measured: metrics in the functions' logs, and what Lambda, SQS and
   * EventBridge measure of themselves. A change of state is an event and goes to the alarm's topics. Nothing else does this.
   */
  evaluateAlarms(options: EvaluateOptions = {}): Promise<readonly AlarmEvaluation[]> {
    return this.#services.alarms.evaluate(options);
  }

  /** Sets the state of an alarm, as `SetAlarmState`, with all that follows: for those whose metric is an expression. */
  setAlarmState(logicalId: string, state: AlarmStateValue, reason = 'set by the scenario'): Promise<void> {
    return this.#services.alarms.setState(logicalId, state, reason);
  }

  /** The parameters of Parameter Store, by name. */
  parameters(where: Where<Parameter> = {}): readonly Parameter[] {
    return select(this.#services.parameters.all(), where);
  }

  /** Calls that are not served, denials, requests that AWS would refuse, bugs of the local cloud. */
  problems(where: Where<Problem> = {}): readonly Problem[] {
    return select(this.#services.journal.problems(), where);
  }

  /** The problems so far, which then count as seen: for scenarios that provoke them. */
  takeProblems(): readonly Problem[] {
    return this.#services.journal.takeProblems();
  }

  /**
   * Ends everything but the fleet, which is the caller's.
   *
   * @throws ProblemsError after the end, when there were problems that `settle` has not thrown
   */
  async close(): Promise<void> {
    const { rules, clock, lambda, server, activity, stateDirectory, journal } = this.#services;
    rules.stopSchedule();
    clock.close();
    await lambda.close();
    await server.close();
    await this.#services.tableEngine.close();
    const deadline = Date.now() + 5000;
    while (activity.running().length > 0 && Date.now() < deadline) await sleep(20);
    await rm(stateDirectory, { recursive: true, force: true });
    journal.throwNewProblems();
  }

  /** A host and its instance, `pending`. */
  async #create(options: LaunchOptions & { readonly systemTags?: Tags }): Promise<LocalInstance> {
    const { ec2, fleet, nodes, clock, journal, connectionLostSeconds } = this.#services;
    if (options.zone !== undefined) ec2.zone(options.zone);
    if (options.addressing === 'ipv6' && options.publicAddress)
      throw new LocalCloudError('an instance with IPv6 alone has no public IPv4 address: choose dual-stack');
    const name = options.name === undefined ? {} : { Name: options.name };
    const tags = new Map(Object.entries({ ...name, ...options.tags }));
    // before there is a host that nobody would know of
    checkNewTags(tags, options.metadataTags ?? false);
    const id = ec2Id('i');
    const host = await fleet.create({
      id,
      ...(options.name !== undefined && { hostname: options.name }),
      ...(options.diskBytes !== undefined && { diskBytes: options.diskBytes }),
      ...(options.addressing !== undefined && { addressing: options.addressing }),
      ...(options.volumes !== undefined && { volumes: options.volumes }),
      ...(options.packages !== undefined && { packages: options.packages }),
      ...(options.services !== undefined && { services: options.services }),
    });
    const ec2Instance = ec2.add({
      id,
      privateIp: host.ipv4,
      ipv6: host.ipv6,
      tags,
      ...(options.systemTags !== undefined && { systemTags: options.systemTags }),
      metadataTags: options.metadataTags ?? false,
      zone: options.zone,
      spot: options.spot,
      publicAddress: options.publicAddress,
    });
    const deps = { ec2, clock, journal, connectionLostSeconds };
    const instance = new LocalInstance(ec2Instance, host, deps, options);
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
