import { LocalCloudError } from '../base/errors.ts';
import type { Activity } from '../base/journal.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { EventSink } from '../events/bus.ts';
import { activityOf, causeAt, type ScalingActivity } from './causes.ts';
import { activityEvent, type GroupIdentity } from './events.ts';
import { isRetained, Member } from './member.ts';
import { groupTag, type Passages } from './passages.ts';

export interface MoveOptions {
  /** whether the group wants one less afterwards, default true; false: another is launched in its place */
  readonly decrement?: boolean;
}

/** What moving an instance means for its group. */
interface MovingGroup extends GroupIdentity {
  readonly tags: Readonly<Record<string, string>>;
  readonly desiredCapacity: number;
  resizeBy(count: number): void;
}

/** Single instances that leave service without an end, and come back: standby, detached, attached. */
export class InstanceMoves {
  readonly #group: MovingGroup;
  readonly #passages: Passages;
  readonly #events: EventSink;
  readonly #activity: Activity;

  constructor(group: MovingGroup, passages: Passages, events: EventSink, activity: Activity) {
    this.#group = group;
    this.#passages = passages;
    this.#events = events;
    this.#activity = activity;
  }

  enterStandby(instance: LocalInstance, options: MoveOptions): ScalingActivity {
    const member = this.#passages.members.inService(instance);
    const cause = this.#leave(instance, 'was moved to standby', options);
    member.enter('EnteringStandby');
    this.#passages.leaveService(member, () => member.enter('Standby'));
    const description = 'Moving EC2 instance to Standby';
    const trip = this.#passages.trip('terminate', 'AutoScalingGroup', 'EC2', cause, description);
    return activityOf(trip, instance);
  }

  exitStandby(instance: LocalInstance): ScalingActivity {
    const member = this.#passages.members.require(instance);
    if (member.state !== 'Standby')
      throw new LocalCloudError(`${instance.id} is ${member.state}, not Standby`);
    if (instance.state !== 'running')
      throw new LocalCloudError(`${instance.id} is ${instance.state}, not running`);
    member.enter('Pending');
    return this.#arrive(member, 'was moved out of standby', 'Moving EC2 instance out of Standby');
  }

  attach(instance: LocalInstance): ScalingActivity {
    if (instance.state !== 'running')
      throw new LocalCloudError(`${instance.id} is ${instance.state}, not running`);
    if (instance.tags[groupTag] !== undefined)
      throw new LocalCloudError(`${instance.id} is in the group ${instance.tags[groupTag]}`);
    instance.setTags(this.#group.tags);
    instance.setSystemTag(groupTag, this.#group.name);
    const member = new Member(instance, 'Pending', this.#passages.members.nextOrder());
    this.#passages.members.add(member);
    return this.#arrive(member, 'was attached', 'Attaching an existing EC2 instance');
  }

  detach(instance: LocalInstance, options: MoveOptions): ScalingActivity {
    const member = this.#passages.members.require(instance);
    const counts = member.state !== 'Standby' && !isRetained(member.state);
    if (counts) this.#passages.members.inService(instance);
    if (isRetained(member.state) && options.decrement === true)
      throw new LocalCloudError(`${instance.id} is retained: the desired capacity does not count it`);
    const what = 'was detached';
    const cause = counts ? this.#leave(instance, what, options) : userRequest(instance, what);
    member.enter('Detaching');
    const trip = this.#passages.trip('detach', 'AutoScalingGroup', 'EC2', cause);
    this.#passages.leaveService(member, () => {
      member.enter('Detached');
      this.#passages.members.delete(instance.id);
      instance.setSystemTag(groupTag, undefined);
      this.#events.emit(activityEvent(this.#group, trip, instance));
    });
    return activityOf(trip, instance);
  }

  /** It has left service: the group wants one less, or another in its place. @returns the cause, in the words of AWS */
  #leave(instance: LocalInstance, what: string, { decrement = true }: MoveOptions): string {
    const before = this.#group.desiredCapacity;
    if (!decrement) {
      const cause = userRequest(instance, what);
      this.#passages.launchReplacement('AutoScalingGroup', cause);
      return cause;
    }
    this.#group.resizeBy(-1);
    return userRequest(instance, what, `shrinking the capacity from ${before} to ${before - 1}`);
  }

  #arrive(member: Member, what: string, description: string): ScalingActivity {
    const { instance } = member;
    const before = this.#group.desiredCapacity;
    this.#group.resizeBy(1);
    const cause = userRequest(instance, what, `increasing the capacity from ${before} to ${before + 1}`);
    const trip = this.#passages.trip('launch', 'EC2', 'AutoScalingGroup', cause, description);
    this.#activity.start(`${description}: ${instance.id}`, async () => this.#passages.serve(member, trip));
    return activityOf(trip, instance);
  }
}

function userRequest({ id }: LocalInstance, what: string, then?: string): string {
  const request = `instance ${id} ${what} in response to a user request`;
  return causeAt(then === undefined ? request : `${request}, ${then}`);
}
