import type { Account } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { EventSink } from '../events/bus.ts';
import { AutoScalingGroup, type AutoScalingGroupOptions } from './group.ts';
import type { CreateInstance } from './passages.ts';

/** The Auto Scaling groups of the account and region. */
export class AutoScaling {
  readonly account: Account;
  readonly #groups = new Map<string, AutoScalingGroup>();
  readonly #events: EventSink;
  readonly #activity: Activity;
  readonly #clock: Clock;
  #findInstance: (id: string) => LocalInstance | undefined = () => undefined;

  constructor(account: Account, events: EventSink, activity: Activity, clock: Clock) {
    this.account = account;
    this.#events = events;
    this.#activity = activity;
    this.#clock = clock;
  }

  /** @throws LocalCloudError when AWS would refuse it */
  createGroup(options: AutoScalingGroupOptions, create: CreateInstance): AutoScalingGroup {
    const { name } = options;
    if (!/^[^:]{1,255}$/u.test(name))
      throw new LocalCloudError(`'${name}' is no name of a group: 1 to 255 characters without a colon`);
    if (this.#groups.has(name)) throw new LocalCloudError(`there is an Auto Scaling group ${name} already`);
    const deps = { account: this.account, events: this.#events, activity: this.#activity };
    const group = new AutoScalingGroup(options, { ...deps, clock: this.#clock, create }, () =>
      this.#groups.delete(name),
    );
    this.#groups.set(name, group);
    return group;
  }

  /** Who knows the instances of the cloud, also those of no group. */
  connect(findInstance: (id: string) => LocalInstance | undefined): void {
    this.#findInstance = findInstance;
  }

  findInstance(id: string): LocalInstance | undefined {
    return this.#findInstance(id);
  }

  groups(): readonly AutoScalingGroup[] {
    return [...this.#groups.values()];
  }

  find(name: string): AutoScalingGroup | undefined {
    return this.#groups.get(name);
  }
}
