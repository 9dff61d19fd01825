import {
  type AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  RecordLifecycleActionHeartbeatCommand,
  SetInstanceProtectionCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import type { ObservedLifecycle } from '../core/model/observation.ts';
import { hasCode } from './errors.ts';

/** One hook that holds one instance. */
export interface Hook {
  readonly instance: string;
  readonly autoScalingGroup: string;
  readonly hook: string;
}

/** The most instances that one call may name. Source: API model of Auto Scaling. */
const pageSize = 50;

/** Where these instances stand in their lifecycle. One call for each 50. */
export async function observeLifecycles(
  autoScaling: AutoScalingClient,
  instances: readonly string[],
): Promise<ReadonlyMap<string, ObservedLifecycle>> {
  const lifecycles = new Map<string, ObservedLifecycle>();
  for (let start = 0; start < instances.length; start += pageSize) {
    const { AutoScalingInstances = [] } = await autoScaling.send(
      new DescribeAutoScalingInstancesCommand({ InstanceIds: instances.slice(start, start + pageSize) }),
    );
    for (const {
      InstanceId: id,
      AutoScalingGroupName,
      LifecycleState: state,
      ProtectedFromScaleIn,
    } of AutoScalingInstances)
      if (id !== undefined && AutoScalingGroupName !== undefined && state !== undefined)
        lifecycles.set(id, {
          id,
          autoScalingGroup: AutoScalingGroupName,
          state,
          protectedFromScaleIn: ProtectedFromScaleIn,
        });
  }
  return lifecycles;
}

/** Auto Scaling's word for "no such action is active": it was completed already, or its time is over. */
const nothingActive = new Set(['ValidationError', 'ValidationException']);

/** @returns false if the hook no longer held the instance */
export async function completeHook(
  autoScaling: AutoScalingClient,
  { instance, autoScalingGroup, hook }: Hook,
  result: 'CONTINUE' | 'ABANDON',
): Promise<boolean> {
  const command = new CompleteLifecycleActionCommand({
    AutoScalingGroupName: autoScalingGroup,
    LifecycleHookName: hook,
    InstanceId: instance,
    LifecycleActionResult: result,
  });
  return ifActive(autoScaling.send(command));
}

/** Restarts the hook's clock. @returns false if the hook no longer held the instance */
export async function keepHookAlive(
  autoScaling: AutoScalingClient,
  { instance, autoScalingGroup, hook }: Hook,
): Promise<boolean> {
  const command = new RecordLifecycleActionHeartbeatCommand({
    AutoScalingGroupName: autoScalingGroup,
    LifecycleHookName: hook,
    InstanceId: instance,
  });
  return ifActive(autoScaling.send(command));
}

/** Ends an instance that its group has retained, and that the desired capacity does not count. @returns false if it is retained no more */
export async function releaseInstance(autoScaling: AutoScalingClient, instance: string): Promise<boolean> {
  const command = new TerminateInstanceInAutoScalingGroupCommand({
    InstanceId: instance,
    ShouldDecrementDesiredCapacity: false,
  });
  return ifActive(autoScaling.send(command));
}

/** Keeps Auto Scaling from choosing an instance when it scales in, or lets it. @returns false if it is not in service */
export async function protect(
  autoScaling: AutoScalingClient,
  autoScalingGroup: string,
  instance: string,
  isProtected: boolean,
): Promise<boolean> {
  const command = new SetInstanceProtectionCommand({
    AutoScalingGroupName: autoScalingGroup,
    InstanceIds: [instance],
    ProtectedFromScaleIn: isProtected,
  });
  return ifActive(autoScaling.send(command));
}

async function ifActive(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent;
    return true;
  } catch (error) {
    if (hasCode(error, nothingActive)) return false;
    throw error;
  }
}
