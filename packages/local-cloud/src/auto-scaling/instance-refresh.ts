import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { EventSink } from '../events/bus.ts';
import { type GroupIdentity, refreshEvent } from './events.ts';
import type { GroupInstance } from './member.ts';

export interface RefreshOptions {
  /** percent of the desired capacity that stay in service; default 90 */
  readonly minHealthyPercentage?: number;
  /** seconds that a replacement has to be in service before the next begins, which `timeScale` makes shorter; default 0 */
  readonly instanceWarmup?: number;
  /** percent replaced after which it pauses, ascending; it ends at the last */
  readonly checkpointPercentages?: readonly number[];
  /** seconds of such a pause, which `timeScale` makes shorter; default 3600 */
  readonly checkpointDelay?: number;
  /** what becomes of instances that are protected from scale-in; default Wait: for an hour, then the refresh fails */
  readonly scaleInProtectedInstances?: 'Wait' | 'Ignore' | 'Refresh';
  /** what becomes of instances in standby; default Wait, as above */
  readonly standbyInstances?: 'Wait' | 'Ignore' | 'Terminate';
}

export type RefreshStatus = 'Pending' | 'InProgress' | 'Successful' | 'Failed' | 'Cancelling' | 'Cancelled';

/** What a refresh does to its group. */
interface RefreshedGroup extends GroupIdentity {
  readonly desiredCapacity: number;
  instances(): readonly GroupInstance[];
  terminateInstance(instance: LocalInstance, options: { readonly replace: boolean }): Promise<void>;
}

const patienceSeconds = 3600;

/**
 * An instance refresh: every instance that is in service, or in standby, when it begins is terminated and replaced, so many at a time that
 * enough stay in service, and the next only once the replacements are in service.
 *
 * @see https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
 */
export class InstanceRefresh {
  readonly id = randomUUID();
  readonly startedAt = new Date();
  readonly options: Required<RefreshOptions>;
  readonly #group: RefreshedGroup;
  readonly #clock: Clock;
  readonly #events: EventSink;
  readonly #total: number;
  #left: readonly LocalInstance[];
  #checkpoints: readonly number[];
  #status: RefreshStatus = 'Pending';
  #statusReason: string | undefined;
  #endedAt: Date | undefined;

  /** Use `refresh()` of the group. @throws LocalCloudError for checkpoints that AWS would refuse */
  constructor(group: RefreshedGroup, options: RefreshOptions, clock: Clock, events: EventSink) {
    this.options = {
      minHealthyPercentage: 90,
      instanceWarmup: 0,
      checkpointPercentages: [],
      checkpointDelay: 3600,
      scaleInProtectedInstances: 'Wait',
      standbyInstances: 'Wait',
      ...options,
    };
    this.#checkpoints = this.options.checkpointPercentages;
    if (
      this.#checkpoints.some(
        (each, index) => each < 1 || each > 100 || each <= (this.#checkpoints[index - 1] ?? 0),
      )
    )
      throw new LocalCloudError('checkpoints are percentages, 1 to 100, each greater than the one before');
    this.#group = group;
    this.#clock = clock;
    this.#events = events;
    const which = this.options.standbyInstances === 'Ignore' ? ['InService'] : ['InService', 'Standby'];
    this.#left = group
      .instances()
      .filter(({ state }) => which.includes(state))
      .map(({ instance }) => instance);
    this.#total = this.#left.length;
    // It waits for hooks, for which `settle()` does not wait either
    void this.#run();
  }

  get status(): RefreshStatus {
    return this.#status;
  }

  get statusReason(): string | undefined {
    return this.#statusReason;
  }

  get endedAt(): Date | undefined {
    return this.#endedAt;
  }

  get inProgress(): boolean {
    return ['Pending', 'InProgress', 'Cancelling'].includes(this.#status);
  }

  /** How many instances are still to be replaced. */
  get instancesToUpdate(): number {
    return this.#left.length;
  }

  get percentageComplete(): number {
    return this.#total === 0 ? 100 : Math.floor((100 * (this.#total - this.#left.length)) / this.#total);
  }

  /** Nothing more begins. @param wait whether it ends only when what is being replaced is; default true */
  cancel(wait = true): void {
    if (!this.inProgress || this.#status === 'Cancelling') return;
    this.#status = 'Cancelling';
    if (!wait) this.#end('Cancelled', cancelled);
  }

  async #run(): Promise<void> {
    await this.#clock.wait(0);
    if (this.#status === 'Pending') {
      this.#status = 'InProgress';
      this.#notify('Started');
    }
    while (this.#left.length > 0 && this.#status === 'InProgress' && !this.#clock.closed) {
      await this.#replace(await this.#nextBatch());
      await this.#pauseAtCheckpoint();
    }
    if (this.#clock.closed) return;
    if (this.#status === 'InProgress') this.#end('Successful');
    if (this.#status === 'Cancelling') this.#end('Cancelled', cancelled);
  }

  async #replace(batch: readonly LocalInstance[]): Promise<void> {
    if (batch.length === 0) return;
    for (const instance of batch)
      await this.#group.terminateInstance(instance, { replace: this.#stateOf(instance) === 'InService' });
    await this.#until(() => inService(this.#group).length >= this.#group.desiredCapacity);
    await this.#waitSeconds(this.options.instanceWarmup);
    if (this.#status !== 'Failed') this.#left = this.#left.filter((instance) => !batch.includes(instance));
  }

  /** The oldest first; none when there is nothing to replace any more. */
  async #nextBatch(): Promise<readonly LocalInstance[]> {
    const desired = this.#group.desiredCapacity;
    const healthy = (100 - this.options.minHealthyPercentage) / 100;
    const [checkpoint = 100] = this.#checkpoints;
    const upToCheckpoint = Math.ceil((this.#total * checkpoint) / 100) - (this.#total - this.#left.length);
    const size = Math.max(1, Math.min(Math.floor(desired * healthy), upToCheckpoint));
    const deadline = Date.now() + this.#clock.scaledMs(patienceSeconds);
    await this.#until(() => this.#open().length > 0 || this.#left.length === 0 || Date.now() > deadline);
    if (this.#left.length > 0 && this.#open().length === 0 && this.#status === 'InProgress')
      this.#end(
        'Failed',
        'Instances remained in standby or protected from scale in for longer than an hour.',
      );
    return this.#status === 'InProgress' ? this.#open().slice(0, size) : [];
  }

  /** What may be replaced now; what is gone, or to be ignored, is not to be replaced any more. */
  #open(): readonly LocalInstance[] {
    const { scaleInProtectedInstances, standbyInstances } = this.options;
    const members = new Map(this.#group.instances().map((member) => [member.instance, member]));
    const ignores = (member: GroupInstance): boolean =>
      member.protectedFromScaleIn && scaleInProtectedInstances === 'Ignore';
    this.#left = this.#left.filter((instance) => {
      const member = members.get(instance);
      return member !== undefined && ['InService', 'Standby'].includes(member.state) && !ignores(member);
    });
    return this.#left.filter((instance) => {
      const member = members.get(instance);
      if (member?.state === 'Standby') return standbyInstances === 'Terminate';
      return member?.protectedFromScaleIn === false || scaleInProtectedInstances === 'Refresh';
    });
  }

  async #pauseAtCheckpoint(): Promise<void> {
    const [percentage, ...later] = this.#checkpoints;
    if (percentage === undefined || this.percentageComplete < percentage || this.#status !== 'InProgress')
      return;
    const { checkpointDelay } = this.options;
    this.#notify('Checkpoint Reached', {
      CheckpointPercentage: String(percentage),
      CheckpointDelay: String(checkpointDelay),
    });
    this.#checkpoints = later;
    if (later.length === 0 && this.#left.length > 0) this.#end('Successful');
    else if (this.#left.length > 0) await this.#waitSeconds(checkpointDelay);
  }

  async #waitSeconds(seconds: number): Promise<void> {
    const end = Date.now() + this.#clock.scaledMs(seconds);
    await this.#until(() => Date.now() >= end);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!this.#clock.closed && this.#status === 'InProgress' && !condition()) await this.#clock.wait(50);
  }

  #stateOf(instance: LocalInstance): string | undefined {
    return this.#group.instances().find((member) => member.instance === instance)?.state;
  }

  #end(status: 'Successful' | 'Failed' | 'Cancelled', reason?: string): void {
    this.#status = status;
    this.#statusReason = reason;
    this.#endedAt = new Date();
    this.#notify(status === 'Successful' ? 'Succeeded' : status);
  }

  #notify(what: Parameters<typeof refreshEvent>[2], more?: Readonly<Record<string, string>>): void {
    this.#events.emit(refreshEvent(this.#group, this.id, what, more));
  }
}

const cancelled = 'Cancelled due to user request.';

function inService(group: RefreshedGroup): readonly GroupInstance[] {
  return group.instances().filter(({ state }) => state === 'InService');
}
