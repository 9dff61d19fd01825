import { type Account, instanceArn, wholeSeconds } from '../base/account.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { EventDraft } from '../events/event.ts';
import type { LifecycleAction } from './hooks.ts';

/** Where an instance comes from and goes to. */
export type Place = 'EC2' | 'AutoScalingGroup' | 'WarmPool';

/** One scaling activity on one instance. */
export interface Trip {
  readonly id: string;
  readonly kind: 'launch' | 'terminate' | 'detach';
  /** what is done to the instance, in the words of AWS */
  readonly description: string;
  readonly origin: Place;
  readonly destination: Place;
  readonly started: Date;
  readonly cause: string;
}

export interface GroupIdentity {
  readonly account: Account;
  readonly name: string;
  readonly arn: string;
}

// Shapes: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html

/** `EC2 Instance-launch Lifecycle Action` or `EC2 Instance-terminate Lifecycle Action`. */
export function lifecycleEvent(group: GroupIdentity, trip: Trip, action: LifecycleAction): EventDraft {
  const { hook } = action;
  return {
    source: 'aws.autoscaling',
    'detail-type': `EC2 Instance-${trip.kind} Lifecycle Action`,
    resources: [group.arn],
    detail: {
      LifecycleActionToken: action.token,
      AutoScalingGroupName: group.name,
      LifecycleHookName: hook.name,
      EC2InstanceId: action.instanceId,
      LifecycleTransition: transitionName(hook.transition),
      ...(hook.notificationMetadata !== undefined && { NotificationMetadata: hook.notificationMetadata }),
      Origin: trip.origin,
      Destination: trip.destination,
    },
  };
}

/** The event at the end of an activity; `failure`: why it was unsuccessful. */
export function activityEvent(
  group: GroupIdentity,
  trip: Trip,
  instance: LocalInstance,
  failure?: string,
): EventDraft {
  const verb = { launch: 'Launch', terminate: 'Terminate', detach: 'Detach' }[trip.kind];
  return {
    source: 'aws.autoscaling',
    'detail-type': `EC2 Instance ${verb} ${failure === undefined ? 'Successful' : 'Unsuccessful'}`,
    resources: [group.arn, instanceArn(group.account, instance.id)],
    detail: {
      // "InProgress" is what AWS says of those that have succeeded
      StatusCode: failure === undefined ? 'InProgress' : 'Failed',
      Description: `${trip.description}: ${instance.id}`,
      AutoScalingGroupName: group.name,
      ActivityId: trip.id,
      Details: { 'Availability Zone': instance.availabilityZone, 'Subnet ID': 'subnet-0local0000000000' },
      // As captured; see docs/fidelity.md
      RequestId: trip.id,
      StatusMessage: failure ?? '',
      EndTime: wholeSeconds(new Date()),
      EC2InstanceId: instance.id,
      StartTime: wholeSeconds(trip.started),
      Cause: trip.cause,
      Origin: trip.origin,
      Destination: trip.destination,
    },
  };
}

/** What becomes of an instance refresh. Source: EC2 Auto Scaling User Guide, "Instance refresh example events and patterns". */
export function refreshEvent(
  group: GroupIdentity,
  refreshId: string,
  what: 'Started' | 'Succeeded' | 'Failed' | 'Cancelled' | 'Checkpoint Reached',
  more: Readonly<Record<string, string>> = {},
): EventDraft {
  return {
    source: 'aws.autoscaling',
    'detail-type': `EC2 Auto Scaling Instance Refresh ${what}`,
    resources: [group.arn],
    detail: { InstanceRefreshId: refreshId, AutoScalingGroupName: group.name, ...more },
  };
}

export function transitionName(transition: 'launching' | 'terminating'): string {
  return `autoscaling:EC2_INSTANCE_${transition.toUpperCase()}`;
}
