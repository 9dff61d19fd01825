import { wholeSeconds } from '../base/account.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { Trip } from './events.ts';

/** Why an activity is, in the words of AWS. */
export function causeAt(what: string): string {
  return `At ${wholeSeconds(new Date())} ${what}.`;
}

/** A scaling activity as `DescribeScalingActivities` and the calls that begin one show it. */
export interface ScalingActivity {
  readonly id: string;
  readonly description: string;
  readonly cause: string;
  readonly startedAt: Date;
  readonly statusCode: 'InProgress' | 'PreInService';
  readonly progress: number;
  readonly details: string;
}

/** What a call answers that moves an instance. Source: the examples in the API reference of each. */
export function activityOf(trip: Trip, instance: LocalInstance): ScalingActivity {
  const arrives = trip.kind === 'launch';
  return {
    id: trip.id,
    cause: trip.cause,
    startedAt: trip.started,
    description: `${trip.description}: ${instance.id}`,
    ...(arrives
      ? { statusCode: 'PreInService' as const, progress: 30 }
      : { statusCode: 'InProgress' as const, progress: 50 }),
    details: JSON.stringify({
      'Subnet ID': 'subnet-0local0000000000',
      'Availability Zone': instance.availabilityZone,
    }),
  };
}
