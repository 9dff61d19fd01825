import * as v from 'valibot';
import { type AccessCheck, members, operation, type Service, text } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { PlayedStacks, StackRecord } from './played-stacks.ts';

/** Source: API reference of CloudFormation, CreateStack. */
const mostTemplateBytes = 51_200;
const stackName = v.pipe(text(1, 128), v.regex(/^[a-zA-Z][-a-zA-Z0-9]*$/));
const nameOrId = v.pipe(v.string(), v.minLength(1), v.maxLength(2048));
const pair = <const Key extends string, const Value extends string>(key: Key, value: Value) =>
  v.strictObject({ [key]: v.string(), [value]: v.string() });
const capability = v.picklist(['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND']);

/** CloudFormation: the query protocol. Of the life of a stack, what a program needs that makes one and takes it away. */
export function cloudFormationService(account: Account, stacks: PlayedStacks): Service {
  const on =
    (name: string) =>
    (input: { readonly StackName?: string | undefined }): readonly AccessCheck[] => [
      {
        action: `cloudformation:${name}`,
        resource:
          input.StackName === undefined
            ? '*'
            : (stacks.find(input.StackName)?.id ??
              arnOf(account, 'cloudformation', `stack/${input.StackName}/*`)),
        context: { 'aws:RequestedRegion': account.region },
      },
    ];

  const createStack = operation({
    name: 'CreateStack',
    schema: v.strictObject({
      StackName: stackName,
      TemplateBody: v.pipe(
        v.string(),
        v.check((body) => Buffer.byteLength(body) <= mostTemplateBytes, 'has at most 51,200 bytes'),
      ),
      Parameters: v.optional(members(pair('ParameterKey', 'ParameterValue'), 200), ''),
      Tags: v.optional(members(pair('Key', 'Value'), 50), ''),
      Capabilities: v.optional(members(capability, 3), ''),
      OnFailure: v.optional(v.picklist(['DO_NOTHING', 'ROLLBACK', 'DELETE'])),
      TimeoutInMinutes: v.optional(v.string()),
    }),
    access: on('CreateStack'),
    run({ StackName, TemplateBody, Parameters, Tags }) {
      const { id } = stacks.create({
        name: StackName,
        template: TemplateBody,
        parameters: Object.fromEntries(
          Parameters.map(({ ParameterKey = '', ParameterValue = '' }) => [ParameterKey, ParameterValue]),
        ),
        tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
      });
      return { StackId: id };
    },
  });

  const describeStacks = operation({
    name: 'DescribeStacks',
    schema: v.strictObject({ StackName: v.optional(nameOrId), NextToken: v.optional(v.string()) }),
    access: on('DescribeStacks'),
    run({ StackName }) {
      if (StackName === undefined) return { Stacks: stacks.all().map(describe) };
      const found = stacks.find(StackName);
      if (found === undefined)
        throw new AwsError('ValidationError', `Stack with id ${StackName} does not exist`);
      return { Stacks: [describe(found)] };
    },
  });

  const deleteStack = operation({
    name: 'DeleteStack',
    schema: v.strictObject({ StackName: nameOrId }),
    access: on('DeleteStack'),
    run({ StackName }) {
      stacks.delete(StackName);
      return {};
    },
  });

  return {
    signingName: 'cloudformation',
    protocol: { kind: 'query', namespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/' },
    source: 'cloudformation/stack-operations.ts',
    operations: [createStack, describeStacks, deleteStack],
  };
}

function describe({ request, id, created, status, reason, played }: StackRecord) {
  return {
    StackId: id,
    StackName: request.name,
    CreationTime: created.toISOString(),
    StackStatus: status,
    ...(reason !== undefined && { StackStatusReason: reason }),
    DisableRollback: false,
    Outputs: Object.entries(played?.outputs ?? {}).map(([OutputKey, OutputValue]) => ({
      OutputKey,
      OutputValue,
    })),
    Tags: Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })),
  };
}
