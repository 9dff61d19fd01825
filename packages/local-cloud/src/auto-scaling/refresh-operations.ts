import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { members, type Operation, operation, queryBoolean, queryInteger, text } from '../api/registry.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import type { InstanceOperationTools } from './instance-operations.ts';
import type { InstanceRefresh, RefreshOptions } from './instance-refresh.ts';

const groupName = text(1, 255);
const preferences = v.strictObject({
  MinHealthyPercentage: v.optional(queryInteger(0, 100)),
  InstanceWarmup: v.optional(queryInteger(0, 2 ** 31 - 1)),
  CheckpointPercentages: v.optional(members(queryInteger(1, 100), 100), ''),
  CheckpointDelay: v.optional(queryInteger(0, 172_800)),
  StandbyInstances: v.optional(v.picklist(['Terminate', 'Ignore', 'Wait'])),
  ScaleInProtectedInstances: v.optional(v.picklist(['Refresh', 'Ignore', 'Wait'])),
});

/** Instance refreshes. */
export function refreshOperations({ requireGroup, onGroup }: InstanceOperationTools): readonly Operation[] {
  const startRefresh = operation({
    name: 'StartInstanceRefresh',
    schema: v.strictObject({
      AutoScalingGroupName: groupName,
      Strategy: v.optional(v.literal('Rolling')),
      Preferences: v.optional(preferences, {}),
    }),
    access: onGroup('StartInstanceRefresh'),
    run({ AutoScalingGroupName, Preferences }) {
      const group = requireGroup(AutoScalingGroupName);
      if (group.refreshes.at(-1)?.inProgress === true)
        throw new AwsError(
          'InstanceRefreshInProgress',
          'An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.',
        );
      const refresh = refusing(() => group.refresh(optionsOf(Preferences)));
      return { InstanceRefreshId: refresh.id };
    },
  });

  const cancelRefresh = operation({
    name: 'CancelInstanceRefresh',
    schema: v.strictObject({
      AutoScalingGroupName: groupName,
      WaitForTransitioningInstances: v.optional(queryBoolean, 'true'),
    }),
    access: onGroup('CancelInstanceRefresh'),
    run({ AutoScalingGroupName, WaitForTransitioningInstances }) {
      const refresh = requireGroup(AutoScalingGroupName).refreshes.at(-1);
      if (refresh?.inProgress !== true)
        throw new AwsError(
          'ActiveInstanceRefreshNotFound',
          'No in progress or pending Instance Refresh found for Auto Scaling group',
        );
      refresh.cancel(WaitForTransitioningInstances);
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

  return [startRefresh, cancelRefresh, describeRefreshes];
}

function optionsOf(given: v.InferOutput<typeof preferences>): RefreshOptions {
  return {
    ...(given.MinHealthyPercentage !== undefined && { minHealthyPercentage: given.MinHealthyPercentage }),
    ...(given.InstanceWarmup !== undefined && { instanceWarmup: given.InstanceWarmup }),
    checkpointPercentages: given.CheckpointPercentages,
    ...(given.CheckpointDelay !== undefined && { checkpointDelay: given.CheckpointDelay }),
    ...(given.ScaleInProtectedInstances !== undefined && {
      scaleInProtectedInstances: given.ScaleInProtectedInstances,
    }),
    ...(given.StandbyInstances !== undefined && { standbyInstances: given.StandbyInstances }),
  };
}

/** What a scenario may not begin, AWS refuses to a caller. */
function refusing(begin: () => InstanceRefresh): InstanceRefresh {
  try {
    return begin();
  } catch (error) {
    throw error instanceof LocalCloudError ? new AwsError('ValidationError', error.message) : error;
  }
}

function describe(refresh: InstanceRefresh, group: string): unknown {
  const { options } = refresh;
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
      MinHealthyPercentage: options.minHealthyPercentage,
      InstanceWarmup: options.instanceWarmup,
      ...(options.checkpointPercentages.length > 0 && {
        CheckpointPercentages: options.checkpointPercentages,
        CheckpointDelay: options.checkpointDelay,
      }),
      ScaleInProtectedInstances: options.scaleInProtectedInstances,
      StandbyInstances: options.standbyInstances,
    },
  };
}
