import type { Account } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { EventSink } from '../events/bus.ts';
import type { TargetGroups } from '../load-balancing/target-groups.ts';
import { AutoScalingGroup } from './group.ts';
import type { AutoScalingGroupOptions } from './group-options.ts';
import type { CreateInstance } from './passages.ts';
import { AttachedTargets } from './targets.ts';

/** The Auto Scaling groups of the account and region. */
export class AutoScaling {
  readonly account: Account;
  readonly #groups = new Map<string, AutoScalingGroup>();
  readonly #events: EventSink;
  readonly #activity: Activity;
  readonly #clock: Clock;
  readonly #targetGroups: TargetGroups;
  #findInstance: (id: string) => LocalInstance | undefined = () => undefined;

  constructor(
    account: Account,
    events: EventSink,
    activity: Activity,
    clock: Clock,
    targetGroups: TargetGroups,
  ) {
    this.account = account;
    this.#events = events;
    this.#activity = activity;
    this.#clock = clock;
    this.#targetGroups = targetGroups;
  }

  /** @throws LocalCloudError when AWS would refuse it */
  createGroup(options: AutoScalingGroupOptions, create: CreateInstance): AutoScalingGroup {
    const { name } = options;
    if (!/^[^:]{1,255}$/u.test(name))
      throw new LocalCloudError(`'${name}' is no name of a group: 1 to 255 characters without a colon`);
    if (this.#groups.has(name)) throw new LocalCloudError(`there is an Auto Scaling group ${name} already`);
    const attached = (options.targetGroups ?? []).map((each) => {
      const found = this.#targetGroups.find(each);
      if (found === undefined) throw new LocalCloudError(`there is no target group ${each}`);
      return found;
    });
    const targets = new AttachedTargets(attached, this.#clock);
    const deps = { account: this.account, events: this.#events, activity: this.#activity, targets };
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
