import type { Account } from '../base/account.ts';
import { wholeSeconds } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { Tags } from '../ec2/instance.ts';
import type { LocalInstance, MachineOptions } from '../ec2/local-instance.ts';
import type { EventSink } from '../events/bus.ts';
import { activityEvent, type GroupIdentity, lifecycleEvent, type Trip } from './events.ts';
import { type Hook, LifecycleAction, type LifecycleResult } from './hooks.ts';
import { Member, type Passage, resultOf } from './member.ts';

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

export interface Started {
  readonly instance: LocalInstance;
  readonly booted: Promise<void>;
}

/** AWS itself sets it, and nobody else can. */
export const groupTag = 'aws:autoscaling:groupName';

/** What the passages of instances need to know of their group. */
export interface PassingGroup extends GroupIdentity {
  readonly hooks: readonly Hook[];
  readonly tags: Readonly<Record<string, string>>;
  readonly launchOptions: MachineOptions;
  /** whether an instance is launched in place of one that could not be */
  readonly replace: boolean;
  /** the instance lifecycle policy: an instance whose terminate hook was abandoned is kept */
  readonly retainsOnAbandon: boolean;
  readonly deleted: boolean;
  /** One less is wanted. */
  shrink(): void;
}

/** How instances come into a group and leave it: their states, the hooks that hold them, the events. */
export class Passages {
  readonly members = new Map<string, Member>();
  readonly #group: PassingGroup;
  readonly #deps: GroupDependencies;

  constructor(group: PassingGroup, deps: GroupDependencies) {
    this.#group = group;
    this.#deps = deps;
  }

  /** An instance that runs comes into the group. */
  attach(instance: LocalInstance, what: string): void {
    const member = new Member(instance, 'Pending');
    this.members.set(instance.id, member);
    this.#serve(member, what);
  }

  /** A member that runs and is not in service comes back into it. */
  enterService(member: Member, what: string): void {
    member.enter('Pending');
    this.#serve(member, what);
  }

  #serve(member: Member, what: string): void {
    const trip = this.trip('launch', 'EC2', 'AutoScalingGroup', `At ${wholeSeconds(new Date())} ${what}.`);
    this.arrive(member, trip, 'Pending', Promise.resolve());
  }

  /** Ends a retained instance; no hook is asked again. */
  async release(member: Member, cause: string): Promise<void> {
    await this.end(member, 'Terminating', this.trip('terminate', 'AutoScalingGroup', 'EC2', cause));
  }

  async launch(destination: 'AutoScalingGroup' | 'WarmPool', cause: string): Promise<Started> {
    const trip = this.trip('launch', 'EC2', destination, cause);
    const instance = await this.#deps.create({
      ...this.#group.launchOptions,
      tags: this.#group.tags,
      systemTags: new Map([[groupTag, this.#group.name]]),
    });
    if (this.#group.deleted) {
      await instance.terminate();
      throw new LocalCloudError(
        `the group ${this.#group.name} was deleted while ${instance.id} was launched`,
      );
    }
    const passage = destination === 'WarmPool' ? 'Warmed:Pending' : 'Pending';
    const member = new Member(instance, passage);
    this.members.set(instance.id, member);
    // It is `running` as soon as this returns, and only then the hooks hold it; the host boots meanwhile.
    const booted = instance.boot();
    booted.catch(() => undefined); // who waits for it hears of it
    this.arrive(member, trip, passage, booted);
    return { instance, booted };
  }

  async promote(member: Member, cause: string): Promise<Started> {
    const trip = this.trip('launch', 'WarmPool', 'AutoScalingGroup', cause);
    member.enter('Pending');
    const booted = member.instance.start();
    booted.catch(() => undefined);
    this.arrive(member, trip, 'Pending', booted);
    return { instance: member.instance, booted };
  }

  arrive(member: Member, trip: Trip, passage: 'Pending' | 'Warmed:Pending', booted: Promise<void>): void {
    this.afterHooks(member, trip, passage, async (result) => {
      const gone = member.instance.state !== 'running';
      if (gone || result === 'ABANDON') return this.#giveUp(member, trip, gone);
      member.enter(`${passage}:Proceed`);
      if (passage === 'Pending') {
        member.enter('InService');
        this.#deps.events.emit(activityEvent(this.#group, trip, member.instance));
        return;
      }
      // who launched it hears of a boot that failed
      await booted.catch(() => undefined);
      if (member.state === 'Warmed:Pending:Proceed') await this.stopInPool(member, trip);
    });
  }

  async stopInPool(member: Member, trip: Trip): Promise<void> {
    member.enter('Warmed:Running');
    if (member.instance.state === 'running') await member.instance.stop();
    if (member.state !== 'Warmed:Running') return;
    member.enter('Warmed:Stopped');
    this.#deps.events.emit(activityEvent(this.#group, trip, member.instance));
  }

  /** A launch that was abandoned, or whose instance has died meanwhile. */
  #giveUp(member: Member, trip: Trip, gone: boolean): void {
    const { id } = member.instance;
    const why = gone
      ? `Instance ${id} became unhealthy while it was pending.`
      : `Instance failed to complete user's Lifecycle Action: ${member.actions.find(({ abandoned }) => abandoned !== undefined)?.abandoned}`;
    this.#deps.events.emit(activityEvent(this.#group, trip, member.instance, why));
    const { destination } = trip;
    this.terminate(
      member,
      `At ${wholeSeconds(new Date())} instance ${id} was taken out of service: its launch failed.`,
    );
    if (this.#group.replace)
      this.launchReplacement(destination === 'WarmPool' ? destination : 'AutoScalingGroup', why);
    else if (destination === 'AutoScalingGroup') this.#group.shrink();
  }

  launchReplacement(destination: 'AutoScalingGroup' | 'WarmPool', cause: string): void {
    this.#deps.activity.start(`a replacement in ${this.#group.name}`, async () => {
      if (this.#group.deleted || this.#deps.clock.closed) return;
      const { booted } = await this.launch(destination, cause);
      await booted;
    });
  }

  terminate(member: Member, cause: string): void {
    member.cancelActions();
    const warmed = member.state.startsWith('Warmed:');
    const passage = warmed ? 'Warmed:Terminating' : 'Terminating';
    const trip = this.trip('terminate', warmed ? 'WarmPool' : 'AutoScalingGroup', 'EC2', cause);
    member.enter(passage);
    this.afterHooks(member, trip, passage, (result) => {
      const isRetained = result === 'ABANDON' && this.#group.retainsOnAbandon && passage === 'Terminating';
      // It runs on, and costs money, until somebody releases it with TerminateInstanceInAutoScalingGroup
      if (isRetained) return member.enter('Terminating:Retained');
      return this.end(member, passage, trip);
    });
  }

  async end(member: Member, passage: 'Terminating' | 'Warmed:Terminating', trip: Trip): Promise<void> {
    member.enter(`${passage}:Proceed`);
    await member.instance.terminate();
    if (!this.members.delete(member.instance.id)) return;
    member.enter(passage === 'Terminating' ? 'Terminated' : 'Warmed:Terminated');
    this.#deps.events.emit(activityEvent(this.#group, trip, member.instance));
  }

  /**
   * Lets the hooks of a transition hold the instance, and goes on when all are completed with CONTINUE, or one with ABANDON. That
   * wait is not under way in the sense of `settle()`; what comes after it is.
   */
  afterHooks(
    member: Member,
    trip: Trip,
    passage: Passage,
    goOn: (result: LifecycleResult) => Promise<void> | void,
  ): void {
    const transition = trip.kind === 'launch' ? 'launching' : 'terminating';
    const { id } = member.instance;
    member.actions = this.#group.hooks
      .filter((hook) => hook.transition === transition)
      .map((hook) => new LifecycleAction(hook, id, this.#deps.clock));
    if (member.actions.length > 0) member.enter(`${passage}:Wait`);
    const { actions } = member;
    for (const action of actions) this.#deps.events.emit(lifecycleEvent(this.#group, trip, action));
    void resultOf(actions).then((result) => {
      if (member.actions !== actions || this.#group.deleted) return;
      for (const action of actions) action.cancel();
      this.#deps.activity.start(`${trip.kind} of ${id}`, async () => goOn(result));
    });
  }

  trip(kind: Trip['kind'], origin: Trip['origin'], destination: Trip['destination'], cause: string): Trip {
    return { kind, origin, destination, cause, started: new Date() };
  }
}
