import * as v from 'valibot';
import { type AccessCheck, members, type Operation, operation, queryBoolean, text } from '../api/registry.ts';
import { AwsError, LocalCloudError, messageOf } from '../base/errors.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { ScalingActivity } from './causes.ts';
import { describeActivity } from './descriptions.ts';
import type { AutoScalingGroup } from './group.ts';
import { isRetained } from './member.ts';

const groupName = text(1, 255);
const instanceIds = members(text(1, 19), 20);
const moved = {
  AutoScalingGroupName: groupName,
  InstanceIds: v.optional(instanceIds, ''),
  ShouldDecrementDesiredCapacity: queryBoolean,
};

/** What these operations need of the service. */
export interface InstanceOperationTools {
  /** @throws AwsError when there is no such group */
  readonly requireGroup: (name: string) => AutoScalingGroup;
  readonly findInstance: (id: string) => LocalInstance | undefined;
  /** IAM, by the group that a call names */
  readonly onGroup: (
    name: string,
  ) => (input: { readonly AutoScalingGroupName: string }) => readonly AccessCheck[];
  readonly groups: () => readonly AutoScalingGroup[];
}

/** Single instances in and out of a group. */
export function instanceOperations(tools: InstanceOperationTools): readonly Operation[] {
  const { requireGroup, findInstance, onGroup } = tools;
  const require = (id: string): LocalInstance => {
    const found = findInstance(id);
    if (found === undefined) throw invalid(`Invalid Instance ID ${id}`);
    return found;
  };

  const moving = (
    name: 'EnterStandby' | 'DetachInstances',
    move: (group: AutoScalingGroup, instance: LocalInstance, decrement: boolean) => Promise<ScalingActivity>,
  ): Operation =>
    operation({
      name,
      schema: v.strictObject(moved),
      access: onGroup(name),
      async run({ AutoScalingGroupName, InstanceIds, ShouldDecrementDesiredCapacity: decrement }) {
        const group = requireGroup(AutoScalingGroupName);
        const activities: ScalingActivity[] = [];
        for (const id of InstanceIds)
          activities.push(await refusing(() => move(group, require(id), decrement)));
        return { Activities: activities.map((each) => describeActivity(each, group)) };
      },
    });

  const arriving = (
    name: 'ExitStandby' | 'AttachInstances',
    arrive: (group: AutoScalingGroup, instance: LocalInstance) => Promise<ScalingActivity>,
  ): Operation =>
    operation({
      name,
      schema: v.strictObject({ AutoScalingGroupName: groupName, InstanceIds: v.optional(instanceIds, '') }),
      access: onGroup(name),
      async run({ AutoScalingGroupName, InstanceIds }) {
        const group = requireGroup(AutoScalingGroupName);
        const activities: ScalingActivity[] = [];
        for (const id of InstanceIds) activities.push(await refusing(() => arrive(group, require(id))));
        if (name === 'AttachInstances') return {};
        return { Activities: activities.map((each) => describeActivity(each, group)) };
      },
    });

  const groupOf = (id: string): AutoScalingGroup | undefined =>
    tools.groups().find((group) => group.instances().some(({ instance }) => instance.id === id));

  const terminate = operation({
    name: 'TerminateInstanceInAutoScalingGroup',
    schema: v.strictObject({ InstanceId: text(1, 19), ShouldDecrementDesiredCapacity: queryBoolean }),
    access: ({ InstanceId }) =>
      onGroup('TerminateInstanceInAutoScalingGroup')({
        AutoScalingGroupName: groupOf(InstanceId)?.name ?? '*',
      }),
    async run({ InstanceId, ShouldDecrementDesiredCapacity }) {
      const group = groupOf(InstanceId);
      if (group === undefined)
        throw invalid(`Instance Id not found - No managed instance found for instance ID: ${InstanceId}`);
      const replace = !ShouldDecrementDesiredCapacity;
      const member = group.instances().find(({ instance }) => instance.id === InstanceId);
      if (member !== undefined && isRetained(member.state) && !replace)
        throw invalid(`The instance ${InstanceId} is retained: the desired capacity does not count it.`);
      await refusing(() => group.terminateInstance(require(InstanceId), { replace }));
      return {};
    },
  });

  return [
    moving('EnterStandby', (group, instance, decrement) => group.enterStandby(instance, { decrement })),
    moving('DetachInstances', (group, instance, decrement) => group.detach(instance, { decrement })),
    arriving('ExitStandby', (group, instance) => group.exitStandby(instance)),
    arriving('AttachInstances', (group, instance) => group.attach(instance)),
    terminate,
  ];
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** What a scenario may not do, AWS refuses to a caller. */
async function refusing<Result>(move: () => Promise<Result>): Promise<Result> {
  try {
    return await move();
  } catch (error) {
    throw error instanceof LocalCloudError ? invalid(messageOf(error)) : error;
  }
}
