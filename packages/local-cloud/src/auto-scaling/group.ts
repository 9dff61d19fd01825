import { randomUUID } from 'node:crypto';
import { type Account, arnOf, wholeSeconds } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { Tags } from '../ec2/instance.ts';
import type { LocalInstance, MachineOptions } from '../ec2/local-instance.ts';
import { checkTags } from '../ec2/tags.ts';
import type { EventSink } from '../events/bus.ts';
import { activityEvent, type GroupIdentity, lifecycleEvent, type Trip } from './events.ts';
import { type Hook, type HookOptions, LifecycleAction, type LifecycleResult, readHooks } from './hooks.ts';

/** The states that instances have here; AWS has more (standby, detaching, hibernated, retained). */
export type LifecycleState =
  | 'InService'
  | 'Terminated'
  | 'Warmed:Terminated'
  | 'Warmed:Running'
  | 'Warmed:Stopped'
  | `${Passage}${'' | ':Wait' | ':Proceed'}`;

type Passage = 'Pending' | 'Warmed:Pending' | 'Terminating' | 'Warmed:Terminating';

export interface AutoScalingGroupOptions {
  readonly name: string;
  /** of the group, and of every instance from its launch on */
  readonly tags?: Readonly<Record<string, string>>;
  readonly hooks?: readonly HookOptions[];
  /** the group has a warm pool of stopped instances that takes back what scale-in returns; default false */
  readonly warmPool?: boolean;
  /** whether an instance is launched in place of one that could not be or that has died; default true */
  readonly replace?: boolean;
  /** what every instance of the group is like */
  readonly launch?: MachineOptions;
}

/** An instance of a group, as seen by a scenario. */
export interface GroupInstance {
  readonly instance: LocalInstance;
  readonly state: LifecycleState;
  /** the states that it has been through, the present one included */
  readonly states: readonly LifecycleState[];
  readonly protectedFromScaleIn: boolean;
}

/** Makes an instance, `pending`, and its host. It is not booted yet. */
export type CreateInstance = (
  options: MachineOptions & { readonly tags: Readonly<Record<string, string>>; readonly systemTags: Tags },
) => Promise<LocalInstance>;

export interface GroupDependencies {
  readonly account: Account;
  readonly events: EventSink;
  readonly activity: Activity;
  readonly clock: Clock;
  readonly create: CreateInstance;
}

interface WaitOptions {
  /** default true: resolve when the agents are online, which says nothing of hooks; false: as soon as EC2 runs them */
  readonly wait?: boolean;
}

interface Started {
  readonly instance: LocalInstance;
  readonly booted: Promise<void>;
}

/** An instance in its group. */
class Member implements GroupInstance {
  readonly instance: LocalInstance;
  readonly states: LifecycleState[];
  protectedFromScaleIn = false;
  /** those that hold it in a wait state, or have */
  actions: readonly LifecycleAction[] = [];

  constructor(instance: LocalInstance, state: LifecycleState) {
    this.instance = instance;
    this.states = [state];
  }

  get state(): LifecycleState {
    return this.states.at(-1) ?? 'Pending';
  }

  enter(state: LifecycleState): void {
    this.states.push(state);
  }

  /** Ends every wait; those who complete an action from now on hear that there is none. */
  cancelActions(): void {
    for (const action of this.actions) action.cancel();
  }
}

/**
 * An Auto Scaling group. Nothing in it scales by itself: the scenario says how many instances come and go, and what
 * follows from that (hooks, states, events, replacements) is as on AWS.
 */
export class AutoScalingGroup implements GroupIdentity {
  readonly name: string;
  readonly arn: string;
  readonly account: Account;
  readonly created = new Date();
  readonly hooks: readonly Hook[];
  readonly tags: Readonly<Record<string, string>>;
  readonly hasWarmPool: boolean;
  readonly #deps: GroupDependencies;
  readonly #launchOptions: MachineOptions;
  readonly #replace: boolean;
  readonly #members = new Map<string, Member>();
  readonly #onDelete: () => void;
  #desired = 0;
  #deleted = false;

  /** Use `cloud.createAutoScalingGroup`. */
  constructor(options: AutoScalingGroupOptions, deps: GroupDependencies, onDelete: () => void) {
    this.name = options.name;
    this.account = deps.account;
    this.arn = arnOf(
      deps.account,
      'autoscaling',
      `autoScalingGroup:${randomUUID()}:autoScalingGroupName/${options.name}`,
    );
    this.hooks = readHooks(options.hooks ?? []);
    this.tags = { ...options.tags };
    this.hasWarmPool = options.warmPool ?? false;
    this.#launchOptions = options.launch ?? {};
    this.#replace = options.replace ?? true;
    this.#deps = deps;
    this.#onDelete = onDelete;
    checkTags(Object.entries(this.tags), this.#launchOptions.metadataTags ?? false);
  }

  get desiredCapacity(): number {
    return this.#desired;
  }

  /** The instances with their lifecycle states, the warm pool's included; one that is terminated is no longer in it. */
  instances(): readonly GroupInstance[] {
    return [...this.#members.values()];
  }

  /** The lifecycle state of an instance; undefined when it is not, or no longer, in the group. */
  stateOf(instance: LocalInstance): LifecycleState | undefined {
    return this.#members.get(instance.id)?.state;
  }

  /** Launches so many instances, never from the warm pool: see `fromWarmPool`. */
  async scaleOut(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    const cause = this.#resize(count);
    return this.#bring(count, options, () => this.#launch('AutoScalingGroup', cause));
  }

  /**
   * Takes instances out of service and terminates them: this one, or so many, the oldest first. Resolves when they have left
   * service; hooks and termination go on.
   *
   * @throws LocalCloudError when they are not in service, or protected from scale-in
   */
  async scaleIn(which: LocalInstance | number): Promise<readonly LocalInstance[]> {
    const chosen = this.#choose(which);
    const cause = this.#resize(-chosen.length);
    for (const member of chosen) this.#terminate(member, cause);
    return chosen.map(({ instance }) => instance);
  }

  /**
   * As `TerminateInstanceInAutoScalingGroup`: no protection keeps it from that. Resolves when the instance has left service.
   *
   * @param options replace: whether another is launched, which is when the desired capacity stays; default false
   * @throws LocalCloudError when it is not in the group, or already on its way out
   */
  async terminateInstance(
    instance: LocalInstance,
    options: { readonly replace?: boolean } = {},
  ): Promise<void> {
    const member = this.#require(instance);
    const cause = `At ${wholeSeconds(new Date())} instance ${instance.id} was taken out of service in response to a user request.`;
    const counted = !member.state.startsWith('Warmed:');
    this.#terminate(member, cause);
    if (options.replace ?? false) this.#launchReplacement(counted ? 'AutoScalingGroup' : 'WarmPool', cause);
    else if (counted) this.#desired -= 1;
  }

  /**
   * What the health check of the group does every now and then: members in service that do not run, or whose status checks are
   * impaired, are terminated and, unless the group has `replace: false`, replaced. @returns those that were found dead
   */
  async checkHealth(): Promise<readonly LocalInstance[]> {
    const dead = [...this.#members.values()].filter(
      ({ state, instance }) =>
        state === 'InService' && (instance.state !== 'running' || instance.checks.instance === 'impaired'),
    );
    for (const { instance } of dead) await this.terminateInstance(instance, { replace: this.#replace });
    return dead.map(({ instance }) => instance);
  }

  /** Launches so many instances into the warm pool, where they are stopped once their hooks are completed. */
  async toWarmPool(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    this.#demandWarmPool();
    const cause = `At ${wholeSeconds(new Date())} an instance was launched into the warm pool.`;
    return this.#bring(count, options, () => this.#launch('WarmPool', cause));
  }

  /**
   * Scales out by so many instances that are stopped in the warm pool, the oldest first.
   *
   * @throws LocalCloudError when there are not so many
   */
  async fromWarmPool(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    this.#demandWarmPool();
    const chosen = this.#first(count, 'Warmed:Stopped', () => true);
    const cause = this.#resize(count);
    const members = chosen.values();
    return this.#bring(count, options, async () => {
      const { value: member } = members.next();
      if (member === undefined) throw new LocalCloudError('the warm pool is empty');
      return this.#promote(member, cause);
    });
  }

  /**
   * Scales in by an instance that goes back to the warm pool; the hooks for terminating hold it, in `Warmed:Pending:Wait`.
   * Resolves when it has left service.
   *
   * @throws LocalCloudError when it is not in service
   */
  async returnToWarmPool(instance: LocalInstance): Promise<void> {
    this.#demandWarmPool();
    const [member] = this.#choose(instance);
    if (member === undefined) return;
    const cause = this.#resize(-1);
    const trip = this.#trip('terminate', 'AutoScalingGroup', 'WarmPool', cause);
    member.enter('Warmed:Pending');
    this.#afterHooks(member, trip, 'Warmed:Pending', async () => {
      member.enter('Warmed:Pending:Proceed');
      await this.#stopInPool(member, trip);
    });
  }

  /** As `DeleteAutoScalingGroup` with `ForceDelete`: every instance is terminated, and no hook is asked. */
  async delete(): Promise<void> {
    this.#deleted = true;
    this.#onDelete();
    this.#desired = 0;
    const cause = `At ${wholeSeconds(new Date())} the group was deleted.`;
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        member.cancelActions();
        const trip = this.#trip('terminate', 'AutoScalingGroup', 'EC2', cause);
        await this.#end(member, 'Terminating', trip);
      }),
    );
  }

  /** The action that a call means, by its token or else by its instance; undefined when none is active. */
  findAction(
    hook: string,
    by: { readonly token?: string | undefined; readonly instanceId?: string | undefined },
  ) {
    return [...this.#members.values()]
      .flatMap(({ actions }) => actions)
      .find(
        (action) =>
          action.active &&
          action.hook.name === hook &&
          (by.token === undefined || action.token === by.token) &&
          (by.instanceId === undefined || action.instanceId === by.instanceId),
      );
  }

  /** As `SetInstanceProtection`, which checks before that it may be. */
  protect(instanceId: string, protectedFromScaleIn: boolean): void {
    const member = this.#members.get(instanceId);
    if (member !== undefined) member.protectedFromScaleIn = protectedFromScaleIn;
  }

  async #bring(
    count: number,
    options: WaitOptions,
    start: () => Promise<Started>,
  ): Promise<readonly LocalInstance[]> {
    const started = await Promise.all(Array.from({ length: count }, start));
    for (const { instance, booted } of started) {
      if (options.wait ?? true) continue;
      this.#deps.activity.start(`launch of ${instance.id}`, () => booted);
    }
    if (options.wait ?? true) await Promise.all(started.map(({ booted }) => booted));
    return started.map(({ instance }) => instance);
  }

  async #launch(destination: 'AutoScalingGroup' | 'WarmPool', cause: string): Promise<Started> {
    const trip = this.#trip('launch', 'EC2', destination, cause);
    const instance = await this.#deps.create({
      ...this.#launchOptions,
      tags: this.tags,
      systemTags: new Map([['aws:autoscaling:groupName', this.name]]),
    });
    if (this.#deleted) {
      await instance.terminate();
      throw new LocalCloudError(`the group ${this.name} was deleted while ${instance.id} was launched`);
    }
    const passage = destination === 'WarmPool' ? 'Warmed:Pending' : 'Pending';
    const member = new Member(instance, passage);
    this.#members.set(instance.id, member);
    // It is `running` as soon as this returns, and only then the hooks hold it; the host boots meanwhile.
    const booted = instance.boot();
    booted.catch(() => undefined); // who waits for it hears of it
    this.#arrive(member, trip, passage, booted);
    return { instance, booted };
  }

  async #promote(member: Member, cause: string): Promise<Started> {
    const trip = this.#trip('launch', 'WarmPool', 'AutoScalingGroup', cause);
    member.enter('Pending');
    const booted = member.instance.start();
    booted.catch(() => undefined);
    this.#arrive(member, trip, 'Pending', booted);
    return { instance: member.instance, booted };
  }

  #arrive(member: Member, trip: Trip, passage: 'Pending' | 'Warmed:Pending', booted: Promise<void>): void {
    this.#afterHooks(member, trip, passage, async (result) => {
      const gone = member.instance.state !== 'running';
      if (gone || result === 'ABANDON') return this.#giveUp(member, trip, gone);
      member.enter(`${passage}:Proceed`);
      if (passage === 'Pending') {
        member.enter('InService');
        this.#deps.events.emit(activityEvent(this, trip, member.instance));
        return;
      }
      // who launched it hears of a boot that failed
      await booted.catch(() => undefined);
      if (member.state === 'Warmed:Pending:Proceed') await this.#stopInPool(member, trip);
    });
  }

  async #stopInPool(member: Member, trip: Trip): Promise<void> {
    member.enter('Warmed:Running');
    if (member.instance.state === 'running') await member.instance.stop();
    if (member.state !== 'Warmed:Running') return;
    member.enter('Warmed:Stopped');
    this.#deps.events.emit(activityEvent(this, trip, member.instance));
  }

  /** A launch that was abandoned, or whose instance has died meanwhile. */
  #giveUp(member: Member, trip: Trip, gone: boolean): void {
    const { id } = member.instance;
    const why = gone
      ? `Instance ${id} became unhealthy while it was pending.`
      : `Instance failed to complete user's Lifecycle Action: ${member.actions.find(({ abandoned }) => abandoned !== undefined)?.abandoned}`;
    this.#deps.events.emit(activityEvent(this, trip, member.instance, why));
    const { destination } = trip;
    this.#terminate(
      member,
      `At ${wholeSeconds(new Date())} instance ${id} was taken out of service: its launch failed.`,
    );
    if (this.#replace)
      this.#launchReplacement(destination === 'WarmPool' ? destination : 'AutoScalingGroup', why);
    else if (destination === 'AutoScalingGroup') this.#desired -= 1;
  }

  #launchReplacement(destination: 'AutoScalingGroup' | 'WarmPool', cause: string): void {
    this.#deps.activity.start(`a replacement in ${this.name}`, async () => {
      if (this.#deleted || this.#deps.clock.closed) return;
      const { booted } = await this.#launch(destination, cause);
      await booted;
    });
  }

  #terminate(member: Member, cause: string): void {
    member.cancelActions();
    const warmed = member.state.startsWith('Warmed:');
    const passage = warmed ? 'Warmed:Terminating' : 'Terminating';
    const trip = this.#trip('terminate', warmed ? 'WarmPool' : 'AutoScalingGroup', 'EC2', cause);
    member.enter(passage);
    this.#afterHooks(member, trip, passage, () => this.#end(member, passage, trip));
  }

  async #end(member: Member, passage: 'Terminating' | 'Warmed:Terminating', trip: Trip): Promise<void> {
    member.enter(`${passage}:Proceed`);
    await member.instance.terminate();
    if (!this.#members.delete(member.instance.id)) return;
    member.enter(passage === 'Terminating' ? 'Terminated' : 'Warmed:Terminated');
    this.#deps.events.emit(activityEvent(this, trip, member.instance));
  }

  /**
   * Lets the hooks of a transition hold the instance, and goes on when all are completed with CONTINUE, or one with ABANDON. That
   * wait is not under way in the sense of `settle()`; what comes after it is.
   */
  #afterHooks(
    member: Member,
    trip: Trip,
    passage: Passage,
    goOn: (result: LifecycleResult) => Promise<void> | void,
  ): void {
    const transition = trip.kind === 'launch' ? 'launching' : 'terminating';
    const { id } = member.instance;
    member.actions = this.hooks
      .filter((hook) => hook.transition === transition)
      .map((hook) => new LifecycleAction(hook, id, this.#deps.clock));
    if (member.actions.length > 0) member.enter(`${passage}:Wait`);
    const { actions } = member;
    for (const action of actions) this.#deps.events.emit(lifecycleEvent(this, trip, action));
    void resultOf(actions).then((result) => {
      if (member.actions !== actions || this.#deleted) return;
      for (const action of actions) action.cancel();
      this.#deps.activity.start(`${trip.kind} of ${id}`, async () => goOn(result));
    });
  }

  #trip(kind: Trip['kind'], origin: Trip['origin'], destination: Trip['destination'], cause: string): Trip {
    return { kind, origin, destination, cause, started: new Date() };
  }

  /** Changes the desired capacity. @returns the cause, in the words of AWS */
  #resize(by: number): string {
    const before = this.#desired;
    this.#desired += by;
    const at = wholeSeconds(new Date());
    return `At ${at} a user request explicitly set group desired capacity changing the desired capacity from ${before} to ${this.#desired}.`;
  }

  #choose(which: LocalInstance | number): readonly Member[] {
    if (typeof which === 'number')
      return this.#first(which, 'InService', (member) => !member.protectedFromScaleIn);
    const member = this.#require(which);
    if (member.state !== 'InService')
      throw new LocalCloudError(`${which.id} is ${member.state}, not InService`);
    if (member.protectedFromScaleIn)
      throw new LocalCloudError(`${which.id} is protected from scale-in; terminateInstance() does not mind`);
    return [member];
  }

  #first(count: number, state: LifecycleState, also: (member: Member) => boolean): readonly Member[] {
    const found = [...this.#members.values()].filter((member) => member.state === state && also(member));
    if (found.length < count)
      throw new LocalCloudError(`the group ${this.name} has ${found.length} to choose from, not ${count}`);
    return found.slice(0, count);
  }

  #require(instance: LocalInstance): Member {
    const member = this.#members.get(instance.id);
    if (member === undefined) throw new LocalCloudError(`${instance.id} is not in the group ${this.name}`);
    if (/^(Warmed:)?Terminating/.test(member.state))
      throw new LocalCloudError(`${instance.id} is on its way out: ${member.state}`);
    return member;
  }

  #demandWarmPool(): void {
    if (!this.hasWarmPool)
      throw new LocalCloudError(`the group ${this.name} has no warm pool; make it with warmPool: true`);
  }
}

/** "ABANDON stops any remaining actions, such as other lifecycle hooks; CONTINUE allows them to complete." */
function resultOf(actions: readonly LifecycleAction[]): Promise<LifecycleResult> {
  const { promise, resolve } = Promise.withResolvers<LifecycleResult>();
  const open = new Set(actions);
  if (open.size === 0) resolve('CONTINUE');
  for (const action of actions) {
    void action.result.then((result) => {
      open.delete(action);
      if (result === 'ABANDON' || open.size === 0) resolve(result);
    });
  }
  return promise;
}
