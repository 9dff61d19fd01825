import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import {
  type AccessCheck,
  listOf,
  operation,
  queryBoolean,
  queryInteger,
  type Service,
} from '../api/registry.ts';
import { instanceArn } from '../base/account.ts';
import { AwsError, UnservedError } from '../base/errors.ts';
import { addressOperations } from './address-operations.ts';
import { describe, describeChecks } from './descriptions.ts';
import type { Ec2 } from './ec2.ts';
import { checkFilters, checkStatusFilters, passes, statusPasses } from './filters.ts';
import type { Instance, Tags } from './instance.ts';
import { dryRun, filter, refuseDryRun, resourceTagContext } from './requests.ts';
import { type StateTools, stateOperations } from './state-operations.ts';
import { checkReserved, checkTags, isReserved } from './tags.ts';

/** Source: API reference of EC2, DescribeInstanceStatus, "Default: Describes all your instances. Constraints: Maximum 100 explicitly specified instance IDs". */
const mostStatusIds = 100;

const resourceIds = listOf(v.string(), 1, 1000);

/** EC2: the query protocol with XML answers. */
export function ec2Service(ec2: Ec2, tools: StateTools): Service {
  const region = ec2.account.region;
  const tagAccess = (
    action: string,
    ids: readonly string[],
    tags: readonly TagInput[],
  ): readonly AccessCheck[] =>
    ids.map((id) => ({
      action,
      resource: instanceArn(ec2.account, id),
      context: {
        'ec2:Region': region,
        'aws:RequestedRegion': region,
        ...(tags.length > 0 && { 'aws:TagKeys': tags.map((tag) => tag.Key) }),
        ...Object.fromEntries(tags.map((tag) => [`aws:RequestTag/${tag.Key}`, tag.Value ?? ''])),
        ...resourceTagContext('ec2', ec2.find(id)?.tags ?? new Map()),
      },
    }));

  const describeInstances = operation({
    name: 'DescribeInstances',
    schema: v.strictObject({
      Filter: v.optional(v.array(filter), []),
      InstanceId: v.optional(v.array(v.string()), []),
      MaxResults: v.optional(queryInteger(5, 1000)),
      NextToken: v.optional(v.string()),
      DryRun: dryRun,
    }),
    access: () => [
      {
        action: 'ec2:DescribeInstances',
        resource: '*',
        context: { 'ec2:Region': region, 'aws:RequestedRegion': region },
      },
    ],
    run(input) {
      refuseDryRun(input.DryRun);
      checkFilters(input.Filter);
      if (input.InstanceId.length > 0 && input.MaxResults !== undefined) {
        throw new AwsError(
          'InvalidParameterCombination',
          'The parameter instancesSet cannot be used with the parameter maxResults',
        );
      }
      for (const id of input.InstanceId) ec2.require(id);
      const tags = ec2.visibleTags();
      const tagsOf = (instance: Instance): Tags => tags.get(instance.id) ?? new Map();
      const found = ec2
        .instances()
        .filter((instance) => input.InstanceId.length === 0 || input.InstanceId.includes(instance.id))
        .filter((instance) => passes(instance, tagsOf(instance), input.Filter));
      const page = pageOf(found, input.MaxResults ?? 1000, input.NextToken, [input.Filter, input.InstanceId]);
      const reservations = Map.groupBy(page.items, (instance) => instance.reservationId);
      return {
        reservationSet: [...reservations].map(([reservationId, instances]) => ({
          reservationId,
          ownerId: ec2.account.accountId,
          groupSet: [],
          instancesSet: instances.map((instance) => describe(ec2, instance, tagsOf(instance))),
        })),
        nextToken: page.nextToken,
      };
    },
  });

  const describeStatus = operation({
    name: 'DescribeInstanceStatus',
    schema: v.strictObject({
      Filter: v.optional(v.array(filter), []),
      InstanceId: v.optional(v.array(v.string()), []),
      IncludeAllInstances: v.optional(queryBoolean, 'false'),
      MaxResults: v.optional(queryInteger(5, 1000)),
      NextToken: v.optional(v.string()),
      DryRun: dryRun,
    }),
    access: () => [
      {
        action: 'ec2:DescribeInstanceStatus',
        resource: '*',
        context: { 'ec2:Region': region, 'aws:RequestedRegion': region },
      },
    ],
    run(input) {
      refuseDryRun(input.DryRun);
      checkStatusFilters(input.Filter);
      if (input.InstanceId.length > 0 && input.MaxResults !== undefined) {
        throw new AwsError(
          'InvalidParameterCombination',
          'The parameter instancesSet cannot be used with the parameter maxResults',
        );
      }
      if (input.InstanceId.length > mostStatusIds)
        throw new AwsError(
          'InvalidRequest',
          `${input.InstanceId.length} exceeds the maximum number of instance IDs that can be specificied (${mostStatusIds}). Please specify fewer than ${mostStatusIds} instance IDs.`,
        );
      for (const id of input.InstanceId) ec2.require(id);
      const found = ec2
        .instances()
        .filter((instance) => input.IncludeAllInstances || instance.state === 'running')
        .filter((instance) => input.InstanceId.length === 0 || input.InstanceId.includes(instance.id))
        .filter((instance) => statusPasses(instance, ec2.checksOf(instance), input.Filter));
      const { NextToken, MaxResults, ...request } = input;
      const page = pageOf(found, MaxResults ?? 1000, NextToken, request);
      return {
        instanceStatusSet: page.items.map((instance) => describeChecks(instance, ec2.checksOf(instance))),
        nextToken: page.nextToken,
      };
    },
  });

  const createTags = operation({
    name: 'CreateTags',
    schema: v.strictObject({
      ResourceId: resourceIds,
      Tag: listOf(v.strictObject({ Key: v.string(), Value: v.optional(v.string(), '') }), 1, 1000),
      DryRun: dryRun,
    }),
    access: (input) => tagAccess('ec2:CreateTags', input.ResourceId, input.Tag),
    run(input) {
      refuseDryRun(input.DryRun);
      const tags = input.Tag.map((tag) => [tag.Key, tag.Value] as const);
      const instances = input.ResourceId.map((id) => requireTaggable(ec2, id));
      for (const instance of instances) checkTags(tags, instance.metadataTags);
      for (const instance of instances) ec2.changeTags(instance, new Map(tags));
      return { return: true };
    },
  });

  const deleteTags = operation({
    name: 'DeleteTags',
    schema: v.strictObject({
      ResourceId: resourceIds,
      Tag: v.optional(
        listOf(v.strictObject({ Key: v.string(), Value: v.optional(v.string()) }), 0, 1000),
        [],
      ),
      DryRun: dryRun,
    }),
    access: (input) => tagAccess('ec2:DeleteTags', input.ResourceId, input.Tag),
    run(input) {
      refuseDryRun(input.DryRun);
      for (const tag of input.Tag) checkReserved(tag.Key);
      const instances = input.ResourceId.map((id) => requireTaggable(ec2, id));
      for (const instance of instances) {
        ec2.changeTags(
          instance,
          new Map(doomedKeys(instance.tags, input.Tag).map((key) => [key, undefined])),
        );
      }
      return { return: true };
    },
  });

  return {
    signingName: 'ec2',
    protocol: { kind: 'ec2', namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/' },
    source: 'ec2/operations.ts',
    operations: [
      ...[describeInstances, describeStatus, createTags, deleteTags],
      ...addressOperations(ec2),
      ...stateOperations(ec2, tools),
    ],
  };
}

/** Of what EC2 has tags for, the local cloud has instances. @throws AwsError */
function requireTaggable(ec2: Ec2, id: string): Instance {
  if (!id.startsWith('i-'))
    throw new UnservedError(
      'InvalidID',
      `The ID '${id}' is not valid: the local cloud has tags of instances only`,
    );
  return ec2.require(id);
}

interface TagInput {
  readonly Key: string;
  readonly Value?: string | undefined;
}

/** A key alone goes whatever its value; with a value only if it is that; no tags at all: every user tag goes. */
function doomedKeys(tags: Tags, wanted: readonly TagInput[]): readonly string[] {
  if (wanted.length === 0) return [...tags.keys()].filter((key) => !isReserved(key));
  return wanted
    .filter((tag) => tags.has(tag.Key) && (tag.Value === undefined || tags.get(tag.Key) === tag.Value))
    .map((tag) => tag.Key);
}
