import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import {
  type AccessCheck,
  members,
  type Operation,
  operation,
  queryBoolean,
  queryInteger,
  type Service,
  text,
} from '../api/registry.ts';
import { arnOf } from '../base/account.ts';
import { AwsError, UnservedError } from '../base/errors.ts';
import type { AutoScaling } from './auto-scaling.ts';
import { capacityOperation } from './capacity-operation.ts';
import { describeGroup, describeHook, describeMember } from './descriptions.ts';
import type { AutoScalingGroup } from './group.ts';
import type { LifecycleAction } from './hooks.ts';
import { instanceOperations } from './instance-operations.ts';
import { refreshOperations } from './refresh-operations.ts';

const groupName = text(1, 255);
const hookName = v.pipe(text(1, 255), v.regex(/^[A-Za-z0-9\-_/]+$/));
const instanceId = text(1, 19);
const managed = v.optional(queryBoolean);
const actionMembers = {
  LifecycleHookName: hookName,
  AutoScalingGroupName: groupName,
  LifecycleActionToken: v.optional(text(36, 36)),
  InstanceId: v.optional(instanceId),
};
const tagFilter = v.strictObject({ Name: v.string(), Values: v.optional(members(v.string(), 200), '') });

const deletedTag = v.strictObject({
  ResourceId: groupName,
  ResourceType: v.literal('auto-scaling-group'),
  Key: text(1, 128),
  Value: v.optional(v.string()),
  PropagateAtLaunch: v.optional(queryBoolean),
});

/** Amazon EC2 Auto Scaling: the query protocol. */
export function autoScalingService(autoScaling: AutoScaling): Service {
  const region = autoScaling.account.region;
  // No resource, no condition keys of its own.
  const unscoped = (name: string) => (): readonly AccessCheck[] => [
    { action: `autoscaling:${name}`, resource: '*', context: { 'aws:RequestedRegion': region } },
  ];
  const onGroup =
    (name: string) =>
    (input: { readonly AutoScalingGroupName: string }): readonly AccessCheck[] => {
      const group = autoScaling.find(input.AutoScalingGroupName);
      const unknown = `autoScalingGroup:*:autoScalingGroupName/${input.AutoScalingGroupName}`;
      return [
        {
          action: `autoscaling:${name}`,
          resource: group?.arn ?? arnOf(autoScaling.account, 'autoscaling', unknown),
          context: { 'aws:RequestedRegion': region, ...tagContext(group?.tags ?? {}) },
        },
      ];
    };

  const describeInstances = operation({
    name: 'DescribeAutoScalingInstances',
    schema: v.strictObject({
      InstanceIds: v.optional(members(instanceId, 50), ''),
      IncludeManagedResources: managed,
      MaxRecords: v.optional(queryInteger(1, 50), '50'),
      NextToken: v.optional(v.string()),
    }),
    access: unscoped('DescribeAutoScalingInstances'),
    run(input) {
      const ids = input.InstanceIds;
      // "If you specify an ID that does not exist, it is ignored with no error."
      const found = autoScaling
        .groups()
        .flatMap((group) => group.instances().map((member) => ({ group, member })))
        .filter(({ member }) => ids.length === 0 || ids.includes(member.instance.id));
      const page = pageOf(found, input.MaxRecords, input.NextToken, ids);
      return {
        AutoScalingInstances: page.items.map(({ group, member }) => ({
          ...describeMember(member, group),
          AutoScalingGroupName: group.name,
          HealthStatus: 'HEALTHY',
        })),
        NextToken: page.nextToken,
      };
    },
  });

  const describeGroups = operation({
    name: 'DescribeAutoScalingGroups',
    schema: v.strictObject({
      AutoScalingGroupNames: v.optional(members(groupName, 100), ''),
      IncludeInstances: v.optional(queryBoolean, 'true'),
      IncludeManagedResources: managed,
      Filters: v.optional(members(tagFilter, 50), ''),
      MaxRecords: v.optional(queryInteger(1, 100), '50'),
      NextToken: v.optional(v.string()),
    }),
    access: unscoped('DescribeAutoScalingGroups'),
    run(input) {
      const names = input.AutoScalingGroupNames;
      const found = autoScaling
        .groups()
        .filter((group) => names.length === 0 || names.includes(group.name))
        .filter((group) => input.Filters.every(({ Name, Values }) => passes(group, Name, Values)));
      const page = pageOf(found, input.MaxRecords, input.NextToken, [names, input.Filters]);
      return {
        AutoScalingGroups: page.items.map((group) => describeGroup(group, input.IncludeInstances)),
        NextToken: page.nextToken,
      };
    },
  });

  const describeHooks = operation({
    name: 'DescribeLifecycleHooks',
    schema: v.strictObject({
      AutoScalingGroupName: groupName,
      LifecycleHookNames: v.optional(members(hookName, 50), ''),
    }),
    access: unscoped('DescribeLifecycleHooks'),
    run(input) {
      const group = requireGroup(autoScaling, input.AutoScalingGroupName);
      const names = input.LifecycleHookNames;
      return {
        LifecycleHooks: group.hooks
          .filter(({ name }) => names.length === 0 || names.includes(name))
          .map((hook) => describeHook(hook, group)),
      };
    },
  });

  const deleteHook = operation({
    name: 'DeleteLifecycleHook',
    schema: v.strictObject({ AutoScalingGroupName: groupName, LifecycleHookName: hookName }),
    access: onGroup('DeleteLifecycleHook'),
    run(input) {
      const { AutoScalingGroupName: name, LifecycleHookName: hook } = input;
      if (!requireGroup(autoScaling, name).deleteHook(hook))
        throw invalid(`No Lifecycle Hook found for Auto Scaling group: ${name}, and hook: ${hook}`);
      return {};
    },
  });

  const deleteTags = operation({
    name: 'DeleteTags',
    schema: v.strictObject({ Tags: members(deletedTag, 50) }),
    access: ({ Tags }) =>
      Tags.flatMap(({ ResourceId }) => onGroup('DeleteTags')({ AutoScalingGroupName: ResourceId })),
    run({ Tags }) {
      for (const { ResourceId, Key } of Tags) requireGroup(autoScaling, ResourceId).deleteTag(Key);
      return {};
    },
  });

  const completeAction = operation({
    name: 'CompleteLifecycleAction',
    schema: v.strictObject({ ...actionMembers, LifecycleActionResult: v.picklist(['CONTINUE', 'ABANDON']) }),
    access: onGroup('CompleteLifecycleAction'),
    run(input) {
      requireAction(autoScaling, input).complete(input.LifecycleActionResult);
      return {};
    },
  });

  const recordHeartbeat = operation({
    name: 'RecordLifecycleActionHeartbeat',
    schema: v.strictObject(actionMembers),
    access: onGroup('RecordLifecycleActionHeartbeat'),
    run(input) {
      requireAction(autoScaling, input).heartbeat();
      return {};
    },
  });

  const setProtection = operation({
    name: 'SetInstanceProtection',
    schema: v.strictObject({
      InstanceIds: members(instanceId, 50),
      AutoScalingGroupName: groupName,
      ProtectedFromScaleIn: queryBoolean,
    }),
    access: onGroup('SetInstanceProtection'),
    run(input) {
      const group = requireGroup(autoScaling, input.AutoScalingGroupName);
      for (const id of input.InstanceIds) {
        const member = group.instances().find(({ instance }) => instance.id === id);
        if (member === undefined)
          throw invalid(`The instance ${id} is not part of Auto Scaling group ${group.name}.`);
        if (!['InService', 'EnteringStandby', 'Standby'].includes(member.state))
          throw invalid(`The instance ${id} is not in InService or EnteringStandby or Standby.`);
      }
      for (const id of input.InstanceIds) group.protect(id, input.ProtectedFromScaleIn);
      return {};
    },
  });

  const tools = {
    requireGroup: (name: string) => requireGroup(autoScaling, name),
    findInstance: (id: string) => autoScaling.findInstance(id),
    onGroup,
    groups: () => autoScaling.groups(),
  };
  return {
    signingName: 'autoscaling',
    protocol: { kind: 'query', namespace: 'http://autoscaling.amazonaws.com/doc/2011-01-01/' },
    source: 'auto-scaling/operations.ts',
    operations: [
      ...[describeInstances, describeGroups, describeHooks, deleteHook, deleteTags],
      ...[completeAction, recordHeartbeat, setProtection],
      capacityOperation(tools),
      ...instanceOperations(tools),
      ...refreshOperations(tools),
    ].map(withValidationError),
  };
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** Auto Scaling has its own name for a request of the wrong shape. */
function withValidationError(given: Operation): Operation {
  return {
    name: given.name,
    prepare(input, caller) {
      try {
        return given.prepare(input, caller);
      } catch (error) {
        if (error instanceof AwsError && !(error instanceof UnservedError)) throw invalid(error.message);
        throw error;
      }
    },
  };
}

/** @throws AwsError when there is no such group */
function requireGroup(autoScaling: AutoScaling, name: string): AutoScalingGroup {
  const group = autoScaling.find(name);
  if (group === undefined)
    throw invalid(`AutoScalingGroup name not found - AutoScalingGroup '${name}' not found`);
  return group;
}

/** @throws AwsError in the words of AWS when no such action is active */
function requireAction(
  autoScaling: AutoScaling,
  input: {
    readonly AutoScalingGroupName: string;
    readonly LifecycleHookName: string;
    readonly LifecycleActionToken?: string | undefined;
    readonly InstanceId?: string | undefined;
  },
): LifecycleAction {
  const { LifecycleActionToken: token, InstanceId } = input;
  if (token === undefined && InstanceId === undefined)
    throw invalid('Either LifecycleActionToken or InstanceId must be specified.');
  const group = autoScaling.find(input.AutoScalingGroupName);
  const action = group?.findAction(input.LifecycleHookName, { token, instanceId: InstanceId });
  if (action === undefined) {
    const by = token === undefined ? `instance ID ${InstanceId}` : `token ${token}`;
    throw invalid(`No active Lifecycle Action found with ${by}`);
  }
  return action;
}

function tagContext(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`autoscaling:ResourceTag/${key}`, value],
      [`aws:ResourceTag/${key}`, value],
    ]),
  );
}

/** AND between filters, OR within the values of one. @throws UnservedError for a filter that is none */
function passes(group: AutoScalingGroup, name: string, values: readonly string[]): boolean {
  if (name === 'tag-key') return values.some((value) => Object.hasOwn(group.tags, value));
  if (name === 'tag-value') return Object.values(group.tags).some((value) => values.includes(value));
  if (name.startsWith('tag:')) return values.includes(group.tags[name.slice('tag:'.length)] ?? '\0');
  throw new UnservedError(
    'ValidationError',
    `the local cloud does not serve the filter ${name} of autoscaling:DescribeAutoScalingGroups; add it to src/auto-scaling/operations.ts`,
  );
}
