import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
} from '@aws-sdk/client-auto-scaling';
import type { AutoScalingGroupOptions, LocalCloud, LocalInstance } from '../../../src/cloud.ts';
import { sampleCloud } from '../sample-cloud.ts';

/** The name of the group. */
export const AutoScalingGroupName = 'web';

export const hooks = [
  { name: 'launched', transition: 'launching' },
  { name: 'terminated', transition: 'terminating' },
] as const;

/** A group of so many instances, what a test does with it, and what it sees. */
export async function startGroup(options: Partial<AutoScalingGroupOptions> = {}, size = 2, timeScale = 1) {
  const cloud = await sampleCloud({ timeScale });
  cloud.createTargetGroup({ name: 'editors', deregistrationDelay: 300 });
  const client = new AutoScalingClient(cloud.clientConfig());
  const group = cloud.createAutoScalingGroup({ name: 'web', tags: { team: 'web' }, ...options });
  const instances = await group.scaleOut(size);
  const complete = (instance: LocalInstance, hook: string, LifecycleActionResult = 'CONTINUE') =>
    client.send(
      new CompleteLifecycleActionCommand({
        AutoScalingGroupName,
        LifecycleHookName: hook,
        InstanceId: instance.id,
        LifecycleActionResult,
      }),
    );
  const inState = (instance: LocalInstance, state: string | undefined) =>
    cloud.waitFor(() => group.stateOf(instance) === state, { what: `${instance.id} ${state}` });
  const serving = () => group.instances().filter(({ state }) => state === 'InService').length;
  const described = async ({ id }: LocalInstance) => {
    const command = new DescribeAutoScalingInstancesCommand({ InstanceIds: [id] });
    return (await client.send(command)).AutoScalingInstances?.[0]?.LifecycleState;
  };
  const [one, other] = instances;
  if (one === undefined || other === undefined) throw new Error('fixture');
  return { cloud, client, group, one, other, complete, inState, serving, described };
}

/** The input of a call that takes an instance out. */
export const move = (InstanceId: string, ShouldDecrementDesiredCapacity = true) => ({
  AutoScalingGroupName,
  InstanceIds: [InstanceId],
  ShouldDecrementDesiredCapacity,
});

/** The events of Auto Scaling, with what they say they are about. */
export const scalingEvents = (cloud: LocalCloud) =>
  cloud.events(({ event }) => event.source === 'aws.autoscaling').map(({ event }) => event);
