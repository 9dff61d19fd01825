import { randomUUID } from 'node:crypto';
import type { Account } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { Tags } from '../ec2/instance.ts';
import type { LocalInstance, MachineOptions } from '../ec2/local-instance.ts';
import type { EventSink } from '../events/bus.ts';
import { causeAt } from './causes.ts';
import { activityEvent, type GroupIdentity, lifecycleEvent, type Trip } from './events.ts';
import { type Hook, LifecycleAction, type LifecycleResult } from './hooks.ts';
import { Member, type Passage, resultOf } from './member.ts';
import { Members } from './members.ts';
import type { AttachedTargets } from './targets.ts';

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
  readonly targets: AttachedTargets;
}

export interface Started {
  readonly instance: LocalInstance;
  readonly booted: Promise<void>;
}

/** AWS itself sets it, and nobody else can. */
export const groupTag = 'aws:autoscaling:groupName';

const descriptions: Readonly<Record<Trip['kind'], string>> = {
  launch: 'Launching a new EC2 instance',
  terminate: 'Terminating EC2 instance',
  detach: 'Detaching EC2 instance',
};

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
  /** So many more are wanted. */
  resizeBy(count: number): void;
}

/** How instances come into a group and leave it: their states, the hooks that hold them, the events. */
export class Passages {
  readonly members: Members;
  readonly #group: PassingGroup;
  readonly #deps: GroupDependencies;

  constructor(group: PassingGroup, deps: GroupDependencies) {
    this.#group = group;
    this.#deps = deps;
    this.members = new Members(group.name);
  }

  /** A member that runs, and is `Pending`, comes into service through the hooks for launching. */
  serve(member: Member, trip: Trip): void {
    this.arrive(member, trip, 'Pending', Promise.resolve());
  }

  /** Takes a member out of the target groups, and goes on once it is drained, unless something else has become of it meanwhile. */
  leaveService(member: Member, goOn: () => void): void {
    const { id } = member.instance;
    const drained = this.#deps.targets.deregister(id);
    if (drained === undefined) {
      goOn();
      return;
    }
    const { state } = member;
    this.#deps.activity.start(`draining of ${id}`, async () => {
      await drained;
      if (member.state === state && !this.#group.deleted) goOn();
    });
  }

  async launch(destination: 'AutoScalingGroup' | 'WarmPool', cause: string): Promise<Started> {
    const trip = this.trip('launch', 'EC2', destination, cause);
    const order = this.members.nextOrder();
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
    const member = new Member(instance, passage, order);
    this.members.add(member);
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
        this.#deps.targets.register(member.instance.id);
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
    this.terminate(member, causeAt(`instance ${id} was taken out of service: its launch failed`));
    if (this.#group.replace)
      this.launchReplacement(destination === 'WarmPool' ? destination : 'AutoScalingGroup', why);
    else if (destination === 'AutoScalingGroup') this.#group.resizeBy(-1);
  }

  launchReplacement(destination: 'AutoScalingGroup' | 'WarmPool', cause: string): void {
    this.#deps.activity.start(`a replacement in ${this.#group.name}`, async () => {
      if (this.#group.deleted || this.#deps.clock.closed) return;
      try {
        const { booted } = await this.launch(destination, cause);
        await booted;
      } catch (error) {
        // Whoever deletes the group meanwhile wants none
        if (!this.#group.deleted) throw error;
      }
    });
  }

  terminate(member: Member, cause: string): void {
    member.cancelActions();
    const warmed = member.state.startsWith('Warmed:');
    const passage = warmed ? 'Warmed:Terminating' : 'Terminating';
    const trip = this.trip('terminate', warmed ? 'WarmPool' : 'AutoScalingGroup', 'EC2', cause);
    member.enter(passage);
    this.leaveService(member, () =>
      this.afterHooks(member, trip, passage, async (result) => {
        if (!this.retains(member, passage, result)) await this.end(member, passage, trip);
      }),
    );
  }

  /** It runs on, and costs money, until somebody releases it with TerminateInstanceInAutoScalingGroup. */
  retains(member: Member, passage: Exclude<Passage, 'Pending'>, result: LifecycleResult): boolean {
    const isRetained = result === 'ABANDON' && this.#group.retainsOnAbandon;
    if (isRetained) {
      member.enter(`${passage}:Proceed`);
      member.enter(`${passage}:Retained`);
    }
    return isRetained;
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

  trip(
    kind: Trip['kind'],
    origin: Trip['origin'],
    destination: Trip['destination'],
    cause: string,
    description = descriptions[kind],
  ): Trip {
    return { id: randomUUID(), kind, origin, destination, cause, description, started: new Date() };
  }
}
