import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import {
  type AccessCheck,
  members,
  type Operation,
  operation,
  queryBoolean,
  queryInteger,
  text,
} from '../api/registry.ts';
import { AwsError, LocalCloudError, messageOf } from '../base/errors.ts';
import type { LocalInstance } from '../ec2/local-instance.ts';
import type { AutoScalingGroup } from './group.ts';
import type { InstanceRefresh } from './instance-refresh.ts';

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

/** Single instances in and out of a group, and instance refreshes. */
export function instanceOperations(tools: InstanceOperationTools): readonly Operation[] {
  const { requireGroup, findInstance, onGroup } = tools;
  const require = (id: string): LocalInstance => {
    const found = findInstance(id);
    if (found === undefined) throw invalid(`Invalid Instance ID ${id}`);
    return found;
  };

  const moving = (
    name: 'EnterStandby' | 'DetachInstances',
    move: (group: AutoScalingGroup, instance: LocalInstance, decrement: boolean) => Promise<void>,
  ): Operation =>
    operation({
      name,
      schema: v.strictObject(moved),
      access: onGroup(name),
      async run({ AutoScalingGroupName, InstanceIds, ShouldDecrementDesiredCapacity: decrement }) {
        const group = requireGroup(AutoScalingGroupName);
        for (const id of InstanceIds) await refusing(() => move(group, require(id), decrement));
        return { Activities: [] };
      },
    });

  const arriving = (
    name: 'ExitStandby' | 'AttachInstances',
    arrive: (group: AutoScalingGroup, instance: LocalInstance) => Promise<void>,
  ): Operation =>
    operation({
      name,
      schema: v.strictObject({ AutoScalingGroupName: groupName, InstanceIds: v.optional(instanceIds, '') }),
      access: onGroup(name),
      async run({ AutoScalingGroupName, InstanceIds }) {
        const group = requireGroup(AutoScalingGroupName);
        for (const id of InstanceIds) await refusing(() => arrive(group, require(id)));
        return name === 'ExitStandby' ? { Activities: [] } : {};
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
      await refusing(() => group.terminateInstance(require(InstanceId), { replace }));
      return {};
    },
  });

  const startRefresh = operation({
    name: 'StartInstanceRefresh',
    schema: v.strictObject({
      AutoScalingGroupName: groupName,
      Strategy: v.optional(v.literal('Rolling')),
      Preferences: v.optional(
        v.strictObject({
          MinHealthyPercentage: v.optional(queryInteger(0, 100)),
          ScaleInProtectedInstances: v.optional(v.picklist(['Refresh', 'Ignore', 'Wait'])),
        }),
      ),
    }),
    access: onGroup('StartInstanceRefresh'),
    run({ AutoScalingGroupName, Preferences = {} }) {
      const group = requireGroup(AutoScalingGroupName);
      if (group.refreshes.at(-1)?.inProgress === true)
        throw new AwsError(
          'InstanceRefreshInProgress',
          'An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.',
        );
      const { MinHealthyPercentage, ScaleInProtectedInstances } = Preferences;
      const refresh = group.refresh({
        ...(MinHealthyPercentage !== undefined && { minHealthyPercentage: MinHealthyPercentage }),
        ...(ScaleInProtectedInstances !== undefined && {
          scaleInProtectedInstances: ScaleInProtectedInstances,
        }),
      });
      return { InstanceRefreshId: refresh.id };
    },
  });

  const cancelRefresh = operation({
    name: 'CancelInstanceRefresh',
    schema: v.strictObject({ AutoScalingGroupName: groupName }),
    access: onGroup('CancelInstanceRefresh'),
    run({ AutoScalingGroupName }) {
      const refresh = requireGroup(AutoScalingGroupName).refreshes.at(-1);
      if (refresh?.inProgress !== true)
        throw new AwsError(
          'ActiveInstanceRefreshNotFound',
          'No in progress or pending Instance Refresh found for Auto Scaling group',
        );
      refresh.cancel();
      return { InstanceRefreshId: refresh.id };
    },
  });

  const describeRefreshes = operation({
    name: 'DescribeInstanceRefreshes',
    schema: v.strictObject({
      AutoScalingGroupName: groupName,
      InstanceRefreshIds: v.optional(members(text(1, 255), 100), ''),
      MaxRecords: v.optional(queryInteger(1, 100), '50'),
      NextToken: v.optional(v.string()),
    }),
    access: () => [{ action: 'autoscaling:DescribeInstanceRefreshes', resource: '*', context: {} }],
    run({ AutoScalingGroupName, InstanceRefreshIds: ids, MaxRecords, NextToken }) {
      const found = requireGroup(AutoScalingGroupName).refreshes.filter(
        ({ id }) => ids.length === 0 || ids.includes(id),
      );
      const page = pageOf(found.toReversed(), MaxRecords, NextToken, ids);
      return {
        InstanceRefreshes: page.items.map((refresh) => describe(refresh, AutoScalingGroupName)),
        NextToken: page.nextToken,
      };
    },
  });

  return [
    moving('EnterStandby', (group, instance, decrement) => group.enterStandby(instance, { decrement })),
    moving('DetachInstances', (group, instance, decrement) => group.detach(instance, { decrement })),
    arriving('ExitStandby', (group, instance) => group.exitStandby(instance)),
    arriving('AttachInstances', (group, instance) => group.attach(instance)),
    ...[terminate, startRefresh, cancelRefresh, describeRefreshes],
  ];
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** What a scenario may not do, AWS refuses to a caller. */
async function refusing(move: () => Promise<void>): Promise<void> {
  try {
    await move();
  } catch (error) {
    throw error instanceof LocalCloudError ? invalid(messageOf(error)) : error;
  }
}

function describe(refresh: InstanceRefresh, group: string): unknown {
  return {
    InstanceRefreshId: refresh.id,
    AutoScalingGroupName: group,
    Status: refresh.status,
    StatusReason: refresh.statusReason,
    StartTime: refresh.startedAt.toISOString(),
    EndTime: refresh.endedAt?.toISOString(),
    PercentageComplete: refresh.percentageComplete,
    InstancesToUpdate: refresh.instancesToUpdate,
    Preferences: {
      MinHealthyPercentage: refresh.options.minHealthyPercentage,
      ScaleInProtectedInstances: refresh.options.scaleInProtectedInstances,
    },
  };
}
