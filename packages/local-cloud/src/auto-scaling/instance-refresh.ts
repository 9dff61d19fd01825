import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { GroupInstance } from './member.ts';

export interface RefreshOptions {
  /** percent of the desired capacity that stay in service; default 90 */
  readonly minHealthyPercentage?: number;
  /** what becomes of instances that are protected from scale-in; default Wait: for an hour, then the refresh fails */
  readonly scaleInProtectedInstances?: 'Wait' | 'Ignore' | 'Refresh';
}

export type RefreshStatus = 'InProgress' | 'Successful' | 'Failed' | 'Cancelling' | 'Cancelled';

/** What a refresh does to its group. */
interface RefreshedGroup {
  readonly name: string;
  readonly desiredCapacity: number;
  instances(): readonly GroupInstance[];
  terminateInstance(instance: LocalInstance, options: { readonly replace: boolean }): Promise<void>;
}

const protectionSeconds = 3600;

/**
 * An instance refresh: every instance that is in service when it begins is terminated and replaced, so many at a time that enough stay in
 * service, and the next only once the replacements are in service.
 *
 * @see https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
 */
export class InstanceRefresh {
  readonly id = randomUUID();
  readonly startedAt = new Date();
  readonly options: Required<RefreshOptions>;
  readonly #group: RefreshedGroup;
  readonly #clock: Clock;
  readonly #total: number;
  #left: readonly LocalInstance[];
  #status: RefreshStatus = 'InProgress';
  #statusReason: string | undefined;
  #endedAt: Date | undefined;

  /** Use `refresh()` of the group. */
  constructor(group: RefreshedGroup, options: RefreshOptions, clock: Clock) {
    const { minHealthyPercentage = 90, scaleInProtectedInstances = 'Wait' } = options;
    this.options = { minHealthyPercentage, scaleInProtectedInstances };
    this.#group = group;
    this.#clock = clock;
    this.#left = inService(group).map(({ instance }) => instance);
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
    return this.#status === 'InProgress' || this.#status === 'Cancelling';
  }

  /** How many instances are still to be replaced. */
  get instancesToUpdate(): number {
    return this.#left.length;
  }

  get percentageComplete(): number {
    return this.#total === 0 ? 100 : Math.floor((100 * (this.#total - this.#left.length)) / this.#total);
  }

  /** What is replaced at the moment goes on; nothing more begins. */
  cancel(): void {
    if (this.#status === 'InProgress') this.#status = 'Cancelling';
  }

  async #run(): Promise<void> {
    while (this.#left.length > 0 && this.#status === 'InProgress') {
      const batch = await this.#nextBatch();
      for (const instance of batch) await this.#group.terminateInstance(instance, { replace: true });
      await this.#until(() => inService(this.#group).length >= this.#group.desiredCapacity);
      this.#left = this.#left.filter((instance) => !batch.includes(instance));
      if (this.#clock.closed) return;
    }
    if (this.#status === 'InProgress') this.#end('Successful');
    if (this.#status === 'Cancelling') this.#end('Cancelled', 'Cancelled due to user request.');
  }

  /** The oldest first; none when there is nothing to replace any more. */
  async #nextBatch(): Promise<readonly LocalInstance[]> {
    const { minHealthyPercentage, scaleInProtectedInstances } = this.options;
    const desired = this.#group.desiredCapacity;
    const size = Math.max(1, Math.floor((desired * (100 - minHealthyPercentage)) / 100));
    const isProtected = (instance: LocalInstance): boolean =>
      inService(this.#group).some((each) => each.instance === instance && each.protectedFromScaleIn);
    const open = () => {
      const there = new Set(inService(this.#group).map(({ instance }) => instance));
      this.#left = this.#left.filter((instance) => there.has(instance));
      if (scaleInProtectedInstances === 'Ignore')
        this.#left = this.#left.filter((instance) => !isProtected(instance));
      return scaleInProtectedInstances === 'Refresh'
        ? this.#left
        : this.#left.filter((each) => !isProtected(each));
    };
    const deadline = Date.now() + this.#clock.scaledMs(protectionSeconds);
    await this.#until(() => open().length > 0 || this.#left.length === 0 || Date.now() > deadline);
    if (this.#left.length > 0 && open().length === 0 && this.#status === 'InProgress')
      this.#end('Failed', 'Instances remained protected from scale in for longer than an hour.');
    return this.#status === 'InProgress' ? open().slice(0, size) : [];
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!this.#clock.closed && this.#status === 'InProgress' && !condition()) await this.#clock.wait(50);
  }

  #end(status: 'Successful' | 'Failed' | 'Cancelled', reason?: string): void {
    this.#status = status;
    this.#statusReason = reason;
    this.#endedAt = new Date();
  }
}

function inService(group: RefreshedGroup): readonly GroupInstance[] {
  return group.instances().filter(({ state }) => state === 'InService');
}
