import { randomUUID } from 'node:crypto';
import { type Account, arnOf, wholeSeconds } from '../base/account.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { LocalInstance, MachineOptions } from '../ec2/local-instance.ts';
import { checkNewTags } from '../ec2/tags.ts';
import { type Hook, type HookOptions, readHooks } from './hooks.ts';
import { InstanceRefresh, type RefreshOptions } from './instance-refresh.ts';
import type { GroupInstance, LifecycleState, Member } from './member.ts';
import { type GroupDependencies, groupTag, Passages, type PassingGroup, type Started } from './passages.ts';

export interface AutoScalingGroupOptions {
  readonly name: string;
  /** of the group, and of every instance from its launch on */
  readonly tags?: Readonly<Record<string, string>>;
  readonly hooks?: readonly HookOptions[];
  /** the group has a warm pool of stopped instances that takes back what scale-in returns; default false */
  readonly warmPool?: boolean;
  /** whether an instance is launched in place of one that could not be or that has died; default true */
  readonly replace?: boolean;
  /** the instance lifecycle policy: what becomes of an instance whose terminate hook is abandoned; default 'terminate' */
  readonly terminateHookAbandon?: 'retain' | 'terminate';
  /** what every instance of the group is like */
  readonly launch?: MachineOptions;
}

interface WaitOptions {
  /** default true: resolve when the agents are online, which says nothing of hooks; false: as soon as EC2 runs them */
  readonly wait?: boolean;
}

/**
 * An Auto Scaling group. Nothing in it scales by itself: the scenario says how many instances come and go, and what
 * follows from that (hooks, states, events, replacements) is as on AWS.
 */
export class AutoScalingGroup implements PassingGroup {
  readonly name: string;
  readonly arn: string;
  readonly account: Account;
  readonly created = new Date();
  readonly hooks: readonly Hook[];
  readonly tags: Readonly<Record<string, string>>;
  readonly hasWarmPool: boolean;
  readonly #deps: GroupDependencies;
  readonly launchOptions: MachineOptions;
  readonly replace: boolean;
  readonly retainsOnAbandon: boolean;
  readonly #passages: Passages;
  readonly #onDelete: () => void;
  readonly #refreshes: InstanceRefresh[] = [];
  #desired = 0;
  deleted = false;

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
    this.launchOptions = options.launch ?? {};
    this.replace = options.replace ?? true;
    this.retainsOnAbandon = options.terminateHookAbandon === 'retain';
    this.#deps = deps;
    this.#passages = new Passages(this, deps);
    this.#onDelete = onDelete;
    checkNewTags(new Map(Object.entries(this.tags)), this.launchOptions.metadataTags ?? false);
  }

  get desiredCapacity(): number {
    return this.#desired;
  }

  /** The instances with their lifecycle states, the warm pool's included; one that is terminated is no longer in it. */
  instances(): readonly GroupInstance[] {
    return [...this.#passages.members.values()];
  }

  /** The lifecycle state of an instance; undefined when it is not, or no longer, in the group. */
  stateOf(instance: LocalInstance): LifecycleState | undefined {
    return this.#passages.members.get(instance.id)?.state;
  }

  /** Launches so many instances, never from the warm pool: see `fromWarmPool`. */
  async scaleOut(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    const cause = this.#resize(count);
    return this.#bring(count, options, () => this.#passages.launch('AutoScalingGroup', cause));
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
    for (const member of chosen) this.#passages.terminate(member, cause);
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
    const released = member.state === 'Terminating:Retained';
    const counted = !released && member.state !== 'Standby' && !member.state.startsWith('Warmed:');
    if (released) return this.#passages.release(member, cause);
    this.#passages.terminate(member, cause);
    if (options.replace ?? false)
      this.#passages.launchReplacement(counted ? 'AutoScalingGroup' : 'WarmPool', cause);
    else if (counted) this.#desired -= 1;
  }

  /**
   * What the health check of the group does every now and then: members in service that do not run, or whose status checks are
   * impaired, are terminated and, unless the group has `replace: false`, replaced. @returns those that were found dead
   */
  async checkHealth(): Promise<readonly LocalInstance[]> {
    const dead = [...this.#passages.members.values()].filter(
      ({ state, instance }) =>
        state === 'InService' && (instance.state !== 'running' || instance.checks.instance === 'impaired'),
    );
    for (const { instance } of dead) await this.terminateInstance(instance, { replace: this.replace });
    return dead.map(({ instance }) => instance);
  }

  /** Launches so many instances into the warm pool, where they are stopped once their hooks are completed. */
  async toWarmPool(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    this.#demandWarmPool();
    const cause = `At ${wholeSeconds(new Date())} an instance was launched into the warm pool.`;
    return this.#bring(count, options, () => this.#passages.launch('WarmPool', cause));
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
      return this.#passages.promote(member, cause);
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
    const trip = this.#passages.trip('terminate', 'AutoScalingGroup', 'WarmPool', cause);
    member.enter('Warmed:Pending');
    this.#passages.afterHooks(member, trip, 'Warmed:Pending', async () => {
      member.enter('Warmed:Pending:Proceed');
      await this.#passages.stopInPool(member, trip);
    });
  }

  /** As `DeleteAutoScalingGroup` with `ForceDelete`: every instance is terminated, and no hook is asked. */
  async delete(): Promise<void> {
    this.deleted = true;
    this.#onDelete();
    this.#desired = 0;
    const cause = `At ${wholeSeconds(new Date())} the group was deleted.`;
    await Promise.all(
      [...this.#passages.members.values()].map(async (member) => {
        member.cancelActions();
        const trip = this.#passages.trip('terminate', 'AutoScalingGroup', 'EC2', cause);
        await this.#passages.end(member, 'Terminating', trip);
      }),
    );
  }

  /** One less is wanted. */
  shrink(): void {
    this.#desired -= 1;
  }

  /**
   * As `EnterStandby`: out of service, and still there; no hook is asked.
   *
   * @param options decrement: the group wants one less; default true; false: another is launched in its place
   * @throws LocalCloudError when it is not in service
   */
  async enterStandby(instance: LocalInstance, options: { readonly decrement?: boolean } = {}): Promise<void> {
    const member = this.#inService(instance);
    member.enter('EnteringStandby');
    member.enter('Standby');
    this.#make(options.decrement ?? true, `instance ${instance.id} was moved to standby`);
  }

  /** As `ExitStandby`: back into service, through the hooks for launching. @throws LocalCloudError when it is not in standby */
  async exitStandby(instance: LocalInstance): Promise<void> {
    const member = this.#require(instance);
    if (member.state !== 'Standby')
      throw new LocalCloudError(`${instance.id} is ${member.state}, not Standby`);
    this.#desired += 1;
    this.#passages.enterService(member, `instance ${instance.id} was moved out of standby`);
  }

  /**
   * As `DetachInstances`: it runs on and belongs to no group any more; no hook is asked.
   *
   * @param options decrement: the group wants one less; default true; false: another is launched in its place
   * @throws LocalCloudError when it is neither in service nor in standby
   */
  async detach(instance: LocalInstance, options: { readonly decrement?: boolean } = {}): Promise<void> {
    const member = this.#require(instance);
    const isCounted = member.state !== 'Standby';
    if (isCounted) this.#inService(instance);
    member.enter('Detaching');
    member.enter('Detached');
    this.#passages.members.delete(instance.id);
    instance.setSystemTag(groupTag, undefined);
    if (isCounted) this.#make(options.decrement ?? true, `instance ${instance.id} was detached`);
  }

  /**
   * As `AttachInstances`: gets the tags of the group, over those of the same key, and comes into service through the hooks for launching.
   *
   * @throws LocalCloudError when it does not run, or is in a group
   */
  async attach(instance: LocalInstance): Promise<void> {
    if (instance.state !== 'running')
      throw new LocalCloudError(`${instance.id} is ${instance.state}, not running`);
    if (instance.tags[groupTag] !== undefined)
      throw new LocalCloudError(`${instance.id} is in the group ${instance.tags[groupTag]}`);
    instance.setTags(this.tags);
    instance.setSystemTag(groupTag, this.name);
    this.#desired += 1;
    this.#passages.attach(instance, `instance ${instance.id} was attached`);
  }

  /** As `StartInstanceRefresh`. @throws LocalCloudError when one is in progress */
  refresh(options: RefreshOptions = {}): InstanceRefresh {
    if (this.#refreshes.at(-1)?.inProgress === true)
      throw new LocalCloudError(`an instance refresh of ${this.name} is in progress`);
    const refresh = new InstanceRefresh(this, options, this.#deps.clock);
    this.#refreshes.push(refresh);
    return refresh;
  }

  /** The newest last. */
  get refreshes(): readonly InstanceRefresh[] {
    return this.#refreshes;
  }

  /** The action that a call means, by its token or else by its instance; undefined when none is active. */
  findAction(
    hook: string,
    by: { readonly token?: string | undefined; readonly instanceId?: string | undefined },
  ) {
    return [...this.#passages.members.values()]
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
    const member = this.#passages.members.get(instanceId);
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
    const member = this.#inService(which);
    if (member.protectedFromScaleIn)
      throw new LocalCloudError(`${which.id} is protected from scale-in; terminateInstance() does not mind`);
    return [member];
  }

  #first(count: number, state: LifecycleState, also: (member: Member) => boolean): readonly Member[] {
    const found = [...this.#passages.members.values()].filter(
      (member) => member.state === state && also(member),
    );
    if (found.length < count)
      throw new LocalCloudError(`the group ${this.name} has ${found.length} to choose from, not ${count}`);
    return found.slice(0, count);
  }

  #inService(instance: LocalInstance): Member {
    const member = this.#require(instance);
    if (member.state !== 'InService')
      throw new LocalCloudError(`${instance.id} is ${member.state}, not InService`);
    return member;
  }

  /** After an instance has left service: the group wants one less, or another in its place. */
  #make(decrement: boolean, what: string): void {
    if (decrement) this.#desired -= 1;
    else this.#passages.launchReplacement('AutoScalingGroup', `At ${wholeSeconds(new Date())} ${what}.`);
  }

  #require(instance: LocalInstance): Member {
    const member = this.#passages.members.get(instance.id);
    if (member === undefined) throw new LocalCloudError(`${instance.id} is not in the group ${this.name}`);
    if (/^(Warmed:)?Terminating/.test(member.state) && member.state !== 'Terminating:Retained')
      throw new LocalCloudError(`${instance.id} is on its way out: ${member.state}`);
    return member;
  }

  #demandWarmPool(): void {
    if (!this.hasWarmPool)
      throw new LocalCloudError(`the group ${this.name} has no warm pool; make it with warmPool: true`);
  }
}
