import * as v from 'valibot';
import { integer, listOf, text } from '../api/registry.ts';

// The limits of botocore's ssm/2014-11-06/service-2.json.
export const instanceId = v.pipe(v.string(), v.regex(/^(i-(\w{8}|\w{17})|mi-\w{17})$/));
export const commandId = v.pipe(v.string(), v.length(36));
export const nextToken = v.optional(v.string());

const commandFilter = v.strictObject({
  key: v.picklist(['InvokedAfter', 'InvokedBefore', 'Status', 'ExecutionStage', 'DocumentName']),
  value: text(1, 128),
});
const commandFilters = v.optional(listOf(commandFilter, 1, 5));
export type CommandFilter = v.InferOutput<typeof commandFilter>;

export const describeInstanceInformationSchema = v.strictObject({
  Filters: v.optional(
    v.array(
      v.strictObject({
        Key: v.pipe(v.string(), v.minLength(1)),
        Values: listOf(v.pipe(v.string(), v.minLength(1)), 1, 100),
      }),
    ),
    [],
  ),
  MaxResults: v.optional(integer(5, 50), 10),
  NextToken: nextToken,
});

export const getConnectionStatusSchema = v.strictObject({ Target: text(1, 400) });

export const sendCommandSchema = v.strictObject({
  InstanceIds: v.optional(listOf(instanceId, 0, 50), []),
  Targets: v.optional(
    listOf(
      v.strictObject({
        Key: v.pipe(v.string(), v.minLength(1), v.maxLength(163), v.regex(/^[\p{L}\p{Z}\p{N}_.:/=\-@]*$/u)),
        Values: listOf(v.string(), 0, 50),
      }),
      0,
      5,
    ),
    [],
  ),
  DocumentName: v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_\-.:/]{3,128}$/)),
  DocumentVersion: v.optional(
    v.pipe(v.string(), v.regex(/^([$]LATEST|[$]DEFAULT|[1-9][0-9]*)$/)),
    '$DEFAULT',
  ),
  TimeoutSeconds: v.optional(integer(30, 2_592_000), 3600),
  Comment: v.optional(text(0, 100), ''),
  Parameters: v.optional(v.record(v.string(), v.array(v.string())), {}),
  MaxConcurrency: v.optional(v.pipe(v.string(), v.regex(/^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$/)), '50'),
  MaxErrors: v.optional(v.pipe(v.string(), v.regex(/^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$/)), '0'),
});

export const getCommandInvocationSchema = v.strictObject({
  CommandId: commandId,
  InstanceId: instanceId,
  PluginName: v.optional(v.pipe(v.string(), v.minLength(4))),
});

export const listCommandsSchema = v.strictObject({
  CommandId: v.optional(commandId),
  InstanceId: v.optional(instanceId),
  MaxResults: v.optional(integer(1, 50), 50),
  NextToken: nextToken,
  Filters: commandFilters,
});

export const listCommandInvocationsSchema = v.strictObject({
  ...listCommandsSchema.entries,
  Details: v.optional(v.boolean(), false),
});

export const cancelCommandSchema = v.strictObject({
  CommandId: commandId,
  InstanceIds: v.optional(listOf(instanceId, 0, 50), []),
});

const parameterName = text(1, 2048);
const parameterNames = listOf(parameterName, 1, 10);

export const getParametersSchema = v.strictObject({
  Names: parameterNames,
  WithDecryption: v.optional(v.boolean()),
});

export const deleteParameterSchema = v.strictObject({ Name: parameterName });
export const deleteParametersSchema = v.strictObject({ Names: parameterNames });

export const getParameterSchema = v.strictObject({
  Name: parameterName,
  WithDecryption: v.optional(v.boolean()),
});

export const getParametersByPathSchema = v.strictObject({
  Path: parameterName,
  Recursive: v.optional(v.boolean(), false),
  MaxResults: v.optional(integer(1, 10), 10),
  NextToken: nextToken,
  WithDecryption: v.optional(v.boolean()),
});

export const putParameterSchema = v.strictObject({
  Name: parameterName,
  Description: v.optional(text(0, 1024)),
  Value: v.pipe(v.string(), v.minLength(1)),
  Type: v.optional(v.picklist(['String', 'StringList', 'SecureString'])),
  Overwrite: v.optional(v.boolean(), false),
  AllowedPattern: v.optional(text(0, 1024)),
  Tier: v.optional(v.picklist(['Standard', 'Advanced', 'Intelligent-Tiering']), 'Standard'),
  DataType: v.optional(v.literal('text'), 'text'),
});
