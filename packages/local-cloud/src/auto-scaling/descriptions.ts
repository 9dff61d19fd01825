import type { ScalingActivity } from './causes.ts';
import { transitionName } from './events.ts';
import type { AutoScalingGroup } from './group.ts';
import type { Hook } from './hooks.ts';
import type { GroupInstance } from './member.ts';

const instanceType = 't4g.micro';
const launchTemplate = (group: AutoScalingGroup) => ({
  LaunchTemplateId: 'lt-0local0000000000',
  LaunchTemplateName: group.name,
  Version: '1',
});

/** As `DescribeAutoScalingInstances` and `DescribeAutoScalingGroups` have it, but for what they name differently. */
export function describeMember(
  { instance, state, protectedFromScaleIn }: GroupInstance,
  group: AutoScalingGroup,
) {
  return {
    InstanceId: instance.id,
    InstanceType: instanceType,
    AvailabilityZone: instance.availabilityZone,
    LifecycleState: state,
    HealthStatus: 'Healthy',
    LaunchTemplate: launchTemplate(group),
    ProtectedFromScaleIn: protectedFromScaleIn,
  };
}

export function describeGroup(group: AutoScalingGroup, withInstances: boolean): unknown {
  const isWarm = ({ state }: GroupInstance): boolean => state.startsWith('Warmed:');
  const warm = group.instances().filter(isWarm);
  return {
    AutoScalingGroupName: group.name,
    AutoScalingGroupARN: group.arn,
    LaunchTemplate: launchTemplate(group),
    MinSize: 0,
    MaxSize: Math.max(100, group.desiredCapacity),
    DesiredCapacity: group.desiredCapacity,
    DefaultCooldown: 300,
    AvailabilityZones: ['a', 'b', 'c'].map((zone) => `${group.account.region}${zone}`),
    HealthCheckType: 'EC2',
    HealthCheckGracePeriod: 0,
    // `DescribeWarmPool` is who lists those of the pool
    Instances: withInstances
      ? group
          .instances()
          .filter((member) => !isWarm(member))
          .map((member) => describeMember(member, group))
      : [],
    CreatedTime: group.created.toISOString(),
    VPCZoneIdentifier: 'subnet-0local0000000000',
    Tags: Object.entries(group.tags).map(([Key, Value]) => ({
      ResourceId: group.name,
      ResourceType: 'auto-scaling-group',
      Key,
      Value,
      PropagateAtLaunch: true,
    })),
    TargetGroupARNs: group.targetGroupArns,
    TerminationPolicies: ['Default'],
    NewInstancesProtectedFromScaleIn: false,
    ...(group.retainsOnAbandon && {
      InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: 'retain' } },
    }),
    ...(group.hasWarmPool && {
      WarmPoolConfiguration: {
        MinSize: 0,
        PoolState: 'Stopped',
        InstanceReusePolicy: { ReuseOnScaleIn: true },
      },
      WarmPoolSize: warm.length,
    }),
  };
}

export function describeHook(hook: Hook, group: AutoScalingGroup): unknown {
  return {
    LifecycleHookName: hook.name,
    AutoScalingGroupName: group.name,
    LifecycleTransition: transitionName(hook.transition),
    NotificationMetadata: hook.notificationMetadata,
    HeartbeatTimeout: hook.heartbeatTimeout,
    GlobalTimeout: hook.globalTimeout,
    DefaultResult: hook.defaultResult,
  };
}

/** What a call that moves an instance answers. */
export function describeActivity(activity: ScalingActivity, { name, arn }: AutoScalingGroup): unknown {
  return {
    ActivityId: activity.id,
    AutoScalingGroupName: name,
    AutoScalingGroupARN: arn,
    Description: activity.description,
    Cause: activity.cause,
    Details: activity.details,
    StartTime: activity.startedAt.toISOString(),
    StatusCode: activity.statusCode,
    Progress: activity.progress,
  };
}
