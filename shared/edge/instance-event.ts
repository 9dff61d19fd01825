import * as v from 'valibot';
import { hookNames } from '../core/model/lifecycle.ts';
import { isOwnChange } from '../core/model/own-change.ts';
import { EventError } from './event-error.ts';
import { describeIssues } from './issues.ts';

/** Where an event says to look. What it says of the instance's state is not believed: EC2 is asked. */
export interface InstanceEvent {
  /** Of the event, the same however often it is delivered. */
  readonly id: string;
  readonly instance: string;
  /** For the log. */
  readonly what: string;
  /** hostsync itself has written the tags that changed. */
  readonly own?: boolean;
  /** EC2 is about to take a spot instance away; nothing but the event tells. */
  readonly interruption?: string;
}

type Happened = Omit<InstanceEvent, 'id'>;

const envelope = v.object({ id: v.string(), source: v.string(), 'detail-type': v.string() });

const stateChange = v.pipe(
  v.object({ detail: v.object({ 'instance-id': v.string(), state: v.string() }) }),
  v.transform(({ detail }): Happened => ({ instance: detail['instance-id'], what: `EC2: ${detail.state}` })),
);

/** Its ARN has the zone where the region belongs, so the id is taken from the detail. */
const spotInterruption = v.pipe(
  v.object({ detail: v.object({ 'instance-id': v.string(), 'instance-action': v.string() }) }),
  v.transform(({ detail }): Happened => {
    const interruption = `spot interruption: EC2 will ${detail['instance-action']} it`;
    return { instance: detail['instance-id'], what: interruption, interruption };
  }),
);

const lifecycleAction = v.pipe(
  v.object({
    detail: v.object({
      EC2InstanceId: v.string(),
      LifecycleHookName: v.picklist(Object.values(hookNames)),
      LifecycleTransition: v.string(),
    }),
  }),
  v.transform(({ detail }): Happened => {
    return { instance: detail.EC2InstanceId, what: `Auto Scaling: ${detail.LifecycleTransition}` };
  }),
);

/** The last part of `arn:PARTITION:ec2:REGION:ACCOUNT:instance/ID`. */
const instanceArn = /^arn:[^:]+:ec2:[^:]*:[^:]*:instance\/(?<id>i-[0-9a-f]+)$/u;

const tagChange = v.pipe(
  v.object({
    resources: v.pipe(v.array(v.string()), v.minLength(1, 'is empty')),
    detail: v.object({
      'changed-tag-keys': v.array(v.string()),
      tags: v.optional(v.record(v.string(), v.string())),
    }),
  }),
  v.transform(({ resources, detail }): Happened => {
    const instance = instanceArn.exec(resources[0] ?? '')?.groups?.['id'] ?? '';
    const { 'changed-tag-keys': changed, tags } = detail;
    const own = isOwnChange(changed, tags);
    return { instance, what: `tags: ${changed.join(', ')}`, ...(own && { own }) };
  }),
);

/** One parser for each kind of event, by source and detail type. Source: aws-facts in the events' own references. */
const parsers: Readonly<Record<string, v.GenericSchema<unknown, Happened>>> = {
  'aws.ec2 EC2 Instance State-change Notification': stateChange,
  'aws.ec2 EC2 Spot Instance Interruption Warning': spotInterruption,
  'aws.autoscaling EC2 Instance-launch Lifecycle Action': lifecycleAction,
  'aws.autoscaling EC2 Instance-terminate Lifecycle Action': lifecycleAction,
  'aws.tag Tag Change on Resource': tagChange,
};

/**
 * @returns undefined for an event of a kind that is none of ours
 * @throws {EventError} naming each field that is wrong
 */
export function parseInstanceEvent(event: unknown): InstanceEvent | undefined {
  const head = v.safeParse(envelope, event);
  if (!head.success) throw new EventError(`not an event of EventBridge: ${describeIssues(head.issues)}`);
  const { id, source, 'detail-type': type } = head.output;
  const parser = parsers[`${source} ${type}`];
  if (parser === undefined) return undefined;
  const result = v.safeParse(parser, event);
  if (result.success) return { id, ...result.output };
  throw new EventError(`not a "${type}" of ${source} as AWS documents it: ${describeIssues(result.issues)}`);
}
