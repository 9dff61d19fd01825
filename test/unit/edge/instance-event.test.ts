import { describe, expect, it } from 'vitest';
import { parseInstanceEvent } from '../../../shared/edge/instance-event.ts';

const id = 'i-0abc1234def567890';
const envelope = {
  version: '0',
  id: 'x',
  account: '111122223333',
  time: '2026-11-22T10:00:00Z',
  region: 'us-east-1',
};

// The events as AWS documents them, shortened by what is not read
const events = {
  state: {
    ...envelope,
    'detail-type': 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    resources: [`arn:aws:ec2:us-east-1:111122223333:instance/${id}`],
    detail: { 'instance-id': id, state: 'stopping' },
  },
  launch: {
    ...envelope,
    'detail-type': 'EC2 Instance-launch Lifecycle Action',
    source: 'aws.autoscaling',
    resources: [
      'arn:aws:autoscaling:us-east-1:111122223333:autoScalingGroup:0f0f:autoScalingGroupName/my-asg',
    ],
    detail: {
      LifecycleActionToken: '87654321-4321-4321-4321-210987654321',
      AutoScalingGroupName: 'my-asg',
      LifecycleHookName: 'hostsync-launch',
      EC2InstanceId: id,
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
      Origin: 'EC2',
      Destination: 'AutoScalingGroup',
    },
  },
  tags: {
    ...envelope,
    'detail-type': 'Tag Change on Resource',
    source: 'aws.tag',
    resources: [`arn:aws:ec2:us-east-1:111122223333:instance/${id}`],
    detail: {
      'changed-tag-keys': ['hostsync:group'],
      service: 'ec2',
      'resource-type': 'instance',
      version: 5,
      tags: {},
    },
  },
};

describe('an event says where to look', () => {
  it.each([
    ['state', 'EC2: stopping'],
    ['launch', 'Auto Scaling: autoscaling:EC2_INSTANCE_LAUNCHING'],
    ['tags', 'tags: hostsync:group'],
  ] as const)('%s', (name, what) => {
    expect(parseInstanceEvent(events[name])).toEqual({ id: 'x', instance: id, what });
  });

  it('and one of another kind is none of ours', () => {
    expect(
      parseInstanceEvent({ ...events.state, 'detail-type': 'EC2 Instance Rebalance Recommendation' }),
    ).toBeUndefined();
  });
});

it.each([
  ['no event at all', undefined, 'the whole is missing'],
  ['text', 'x', 'EventBridge'],
  ['no id', { ...events.state, detail: { state: 'running' } }, 'detail.instance-id is missing'],
  [
    'the hook of somebody else',
    { ...events.launch, detail: { ...events.launch.detail, LifecycleHookName: 'warm' } },
    'LifecycleHookName "warm"',
  ],
  ['no resources', { ...events.tags, resources: [] }, 'resources [] is empty'],
])('%s is refused with the field that is wrong', (_name, event, message) => {
  expect(() => parseInstanceEvent(event)).toThrow(message);
});
