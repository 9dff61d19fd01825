import { randomUUID } from 'node:crypto';
import { type Account, arnOf } from '../base/account.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { LocalInstance, MachineOptions } from '../ec2/local-instance.ts';
import { checkNewTags } from '../ec2/tags.ts';
import { causeAt, type ScalingActivity } from './causes.ts';
import type { AutoScalingGroupOptions, WaitOptions } from './group-options.ts';
import { type Hook, type LifecycleAction, readHooks } from './hooks.ts';
import { InstanceMoves, type MoveOptions } from './instance-moves.ts';
import { InstanceRefresh, type RefreshOptions } from './instance-refresh.ts';
import { type GroupInstance, isRetained, type LifecycleState } from './member.ts';
import type { ActionKey, Members } from './members.ts';
import { type GroupDependencies, Passages, type PassingGroup, type Started } from './passages.ts';

/**
 * An Auto Scaling group. Nothing in it scales by itself: the scenario says how many instances come and go, and what
 * follows from that (hooks, states, events, replacements) is as on AWS.
 */
export class AutoScalingGroup implements PassingGroup {
  readonly name: string;
  readonly arn: string;
  readonly account: Account;
  readonly created = new Date();
  readonly hasWarmPool: boolean;
  readonly #deps: GroupDependencies;
  readonly launchOptions: MachineOptions;
  readonly replace: boolean;
  readonly #passages: Passages;
  readonly #members: Members;
  readonly #moves: InstanceMoves;
  readonly #onDelete: () => void;
  readonly #refreshes: InstanceRefresh[] = [];
  #hooks: readonly Hook[];
  #tags: Readonly<Record<string, string>>;
  #desired = 0;
  #retainsOnAbandon: boolean;
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
    this.#hooks = readHooks(options.hooks ?? []);
    this.#tags = { ...options.tags };
    this.hasWarmPool = options.warmPool ?? false;
    this.launchOptions = options.launch ?? {};
    this.replace = options.replace ?? true;
    this.#retainsOnAbandon = options.terminateHookAbandon === 'retain';
    this.#deps = deps;
    this.#passages = new Passages(this, deps);
    this.#members = this.#passages.members;
    this.#moves = new InstanceMoves(this, this.#passages, deps.events, deps.activity);
    this.#onDelete = onDelete;
    checkNewTags(new Map(Object.entries(this.tags)), this.launchOptions.metadataTags ?? false);
  }

  get hooks(): readonly Hook[] {
    return this.#hooks;
  }

  get tags(): Readonly<Record<string, string>> {
    return this.#tags;
  }

  /**
   * As `DeleteLifecycleHook`: what it holds is let go, "ABANDON for launching instances, CONTINUE for terminating instances".
   *
   * @returns false if there is no such hook
   */
  deleteHook(name: string): boolean {
    const hook = this.#hooks.find((each) => each.name === name);
    if (hook === undefined) return false;
    this.#hooks = this.#hooks.filter((each) => each !== hook);
    const held = this.#members
      .all()
      .flatMap(({ actions }) => actions)
      .filter((action) => action.hook === hook);
    for (const action of held)
      if (action.active) action.complete(hook.transition === 'launching' ? 'ABANDON' : 'CONTINUE');
    return true;
  }

  /** Takes a tag off the group; those of its instances stay. */
  deleteTag(key: string): void {
    this.#tags = Object.fromEntries(Object.entries(this.#tags).filter(([each]) => each !== key));
  }

  get desiredCapacity(): number {
    return this.#desired;
  }

  get retainsOnAbandon(): boolean {
    return this.#retainsOnAbandon;
  }

  get targetGroupArns(): readonly string[] {
    return this.#deps.targets.arns;
  }

  /** Changes the instance lifecycle policy, as `UpdateAutoScalingGroup`; what is retained already stays so. */
  setTerminateHookAbandon(what: 'retain' | 'terminate'): void {
    this.#retainsOnAbandon = what === 'retain';
  }

  /** The instances with their lifecycle states, the warm pool's included; one that is terminated is no longer in it. */
  instances(): readonly GroupInstance[] {
    return this.#members.all();
  }

  /** The lifecycle state of an instance; undefined when it is not, or no longer, in the group. */
  stateOf(instance: LocalInstance): LifecycleState | undefined {
    return this.#members.find(instance.id)?.state;
  }

  /** Launches or terminates as many as are missing or too many, as `SetDesiredCapacity` does, and waits for none of them. */
  async setDesiredCapacity(count: number): Promise<void> {
    const missing = count - this.#desired;
    if (missing > 0) await this.scaleOut(missing, { wait: false });
    if (missing < 0) await this.scaleIn(-missing);
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
    const chosen = this.#members.choose(which);
    const cause = this.#resize(-chosen.length);
    for (const member of chosen) this.#passages.terminate(member, cause);
    return chosen.map(({ instance }) => instance);
  }

  /**
   * As `TerminateInstanceInAutoScalingGroup`: no protection keeps it from that. Resolves when the instance has left service. One that is
   * retained is asked about by its hooks once more.
   *
   * @param options replace: whether another is launched, which is when the desired capacity stays; default false
   * @throws LocalCloudError when it is not in the group, or already on its way out
   */
  async terminateInstance(
    instance: LocalInstance,
    options: { readonly replace?: boolean } = {},
  ): Promise<void> {
    const member = this.#members.require(instance);
    const cause = causeAt(`instance ${instance.id} was taken out of service in response to a user request`);
    const released = isRetained(member.state);
    const counted = !released && member.state !== 'Standby' && !member.state.startsWith('Warmed:');
    this.#passages.terminate(member, cause);
    if (released) return;
    if (options.replace ?? false)
      this.#passages.launchReplacement(counted ? 'AutoScalingGroup' : 'WarmPool', cause);
    else if (counted) this.#desired -= 1;
  }

  /**
   * What the health check of the group does every now and then: members in service that do not run, or whose status checks are
   * impaired, are terminated and, unless the group has `replace: false`, replaced. @returns those that were found dead
   */
  async checkHealth(): Promise<readonly LocalInstance[]> {
    const dead = this.#members
      .all()
      .filter(
        ({ state, instance }) =>
          state === 'InService' && (instance.state !== 'running' || instance.checks.instance === 'impaired'),
      );
    for (const { instance } of dead) await this.terminateInstance(instance, { replace: this.replace });
    return dead.map(({ instance }) => instance);
  }

  /** Launches so many instances into the warm pool, where they are stopped once their hooks are completed. */
  async toWarmPool(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    this.#demandWarmPool();
    const cause = causeAt('an instance was launched into the warm pool');
    return this.#bring(count, options, () => this.#passages.launch('WarmPool', cause));
  }

  /**
   * Scales out by so many instances that are stopped in the warm pool, the oldest first.
   *
   * @throws LocalCloudError when there are not so many
   */
  async fromWarmPool(count: number, options: WaitOptions = {}): Promise<readonly LocalInstance[]> {
    this.#demandWarmPool();
    const chosen = this.#members.first(count, 'Warmed:Stopped', () => true);
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
    const [member] = this.#members.choose(instance);
    if (member === undefined) return;
    const cause = this.#resize(-1);
    const trip = this.#passages.trip('terminate', 'AutoScalingGroup', 'WarmPool', cause);
    member.enter('Warmed:Pending');
    this.#passages.leaveService(member, () =>
      this.#passages.afterHooks(member, trip, 'Warmed:Pending', async (result) => {
        if (this.#passages.retains(member, 'Warmed:Pending', result)) return;
        member.enter('Warmed:Pending:Proceed');
        await this.#passages.stopInPool(member, trip);
      }),
    );
  }

  /**
   * As `DeleteAutoScalingGroup` with `ForceDelete`: every instance is terminated, and no hook is asked.
   *
   * @throws LocalCloudError while the instance lifecycle policy retains instances
   */
  async delete(): Promise<void> {
    if (this.#retainsOnAbandon)
      throw new LocalCloudError(
        `the group ${this.name} retains instances: setTerminateHookAbandon('terminate') before it is deleted`,
      );
    this.deleted = true;
    this.#onDelete();
    this.#desired = 0;
    const cause = causeAt('the group was deleted');
    await Promise.all(
      this.#members.all().map(async (member) => {
        member.cancelActions();
        const trip = this.#passages.trip('terminate', 'AutoScalingGroup', 'EC2', cause);
        await this.#passages.end(member, 'Terminating', trip);
      }),
    );
  }

  /** So many more are wanted. */
  resizeBy(count: number): void {
    this.#desired += count;
  }

  /** As `EnterStandby`: out of service, and still there; no hook is asked. @throws LocalCloudError when it is not in service */
  async enterStandby(instance: LocalInstance, options: MoveOptions = {}): Promise<ScalingActivity> {
    return this.#moves.enterStandby(instance, options);
  }

  /** As `ExitStandby`: back into service, through the hooks for launching. @throws LocalCloudError when it is not in standby, or does not run */
  async exitStandby(instance: LocalInstance): Promise<ScalingActivity> {
    return this.#moves.exitStandby(instance);
  }

  /**
   * As `DetachInstances`: it runs on and belongs to no group any more; no hook is asked.
   *
   * @throws LocalCloudError when it is neither in service nor in standby nor retained
   */
  async detach(instance: LocalInstance, options: MoveOptions = {}): Promise<ScalingActivity> {
    return this.#moves.detach(instance, options);
  }

  /**
   * As `AttachInstances`: gets the tags of the group, over those of the same key, and comes into service through the hooks for launching.
   *
   * @throws LocalCloudError when it does not run, or is in a group
   */
  async attach(instance: LocalInstance): Promise<ScalingActivity> {
    return this.#moves.attach(instance);
  }

  /** As `StartInstanceRefresh`. @throws LocalCloudError when one is in progress */
  refresh(options: RefreshOptions = {}): InstanceRefresh {
    if (this.#refreshes.at(-1)?.inProgress === true)
      throw new LocalCloudError(`an instance refresh of ${this.name} is in progress`);
    const refresh = new InstanceRefresh(this, options, this.#deps.clock, this.#deps.events);
    this.#refreshes.push(refresh);
    return refresh;
  }

  /** The newest last. */
  get refreshes(): readonly InstanceRefresh[] {
    return this.#refreshes;
  }

  /** The action that a call means, by its token or else by its instance; undefined when none is active. */
  findAction(hook: string, by: ActionKey): LifecycleAction | undefined {
    return this.#members.findAction(hook, by);
  }

  /** As `SetInstanceProtection`, which checks before that it may be. */
  protect(instanceId: string, protectedFromScaleIn: boolean): void {
    const member = this.#members.find(instanceId);
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
    return causeAt(
      `a user request explicitly set group desired capacity changing the desired capacity from ${before} to ${this.#desired}`,
    );
  }

  #demandWarmPool(): void {
    if (!this.hasWarmPool)
      throw new LocalCloudError(`the group ${this.name} has no warm pool; make it with warmPool: true`);
  }
}
