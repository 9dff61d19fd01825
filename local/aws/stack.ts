import * as v from 'valibot';
import type { Account } from './account.ts';
import { LocalCloudError } from './errors.ts';
import type { JsonObject } from './json.ts';
import type { NamedPolicy } from './registry.ts';
import { ignoredTypes } from './resource-types.ts';
import type { EvaluatedTemplate, TemplateResource } from './template.ts';

// A property that a schema does not name is refused: what it means would be missing here without a word.
const tags = v.optional(v.unknown());
const whole = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform(Number),
  v.integer('must be a whole number'),
);

const functionSchema = v.strictObject({
  Code: v.strictObject({ S3Bucket: v.optional(v.string()), S3Key: v.string() }),
  Handler: v.string(),
  Runtime: v.string(),
  FunctionName: v.optional(v.string()),
  Description: v.optional(v.string()),
  MemorySize: v.optional(whole, 128),
  Timeout: v.optional(whole, 3),
  Architectures: v.optional(v.array(v.string())),
  Environment: v.optional(v.strictObject({ Variables: v.record(v.string(), v.string()) })),
  Role: v.string(),
  ReservedConcurrentExecutions: v.optional(whole),
  LoggingConfig: v.optional(
    v.strictObject({
      LogGroup: v.optional(v.string()),
      LogFormat: v.optional(v.picklist(['Text', 'JSON'])),
      ApplicationLogLevel: v.optional(v.string()),
      SystemLogLevel: v.optional(v.string()),
    }),
  ),
  DeadLetterConfig: v.optional(v.strictObject({ TargetArn: v.string() })),
  Tags: tags,
});

const permissionSchema = v.strictObject({
  FunctionName: v.string(),
  Action: v.string(),
  Principal: v.string(),
  SourceArn: v.optional(v.string()),
  SourceAccount: v.optional(v.string()),
});

const destination = v.optional(v.strictObject({ Destination: v.string() }));
const invokeConfigSchema = v.strictObject({
  FunctionName: v.string(),
  Qualifier: v.string(),
  MaximumEventAgeInSeconds: v.optional(v.pipe(whole, v.minValue(60), v.maxValue(21_600))),
  MaximumRetryAttempts: v.optional(v.pipe(whole, v.minValue(0), v.maxValue(2))),
  DestinationConfig: v.optional(v.strictObject({ OnFailure: destination, OnSuccess: destination })),
});

const inlinePolicy = v.strictObject({ PolicyName: v.string(), PolicyDocument: v.unknown() });
const roleSchema = v.strictObject({
  RoleName: v.optional(v.string()),
  Path: v.optional(v.literal('/')),
  Description: v.optional(v.string()),
  AssumeRolePolicyDocument: v.unknown(),
  Policies: v.optional(v.array(inlinePolicy), []),
  ManagedPolicyArns: v.optional(
    v.pipe(v.array(v.string()), v.maxLength(0, 'the local cloud has no managed policies')),
  ),
  MaxSessionDuration: v.optional(whole),
  Tags: tags,
});
const policySchema = v.strictObject({ ...inlinePolicy.entries, Roles: v.array(v.string()) });

const ruleSchema = v.strictObject({
  Name: v.optional(v.string()),
  Description: v.optional(v.string()),
  EventBusName: v.optional(v.literal('default', 'the local cloud has the default bus only')),
  ScheduleExpression: v.optional(v.string()),
  EventPattern: v.optional(v.unknown()),
  State: v.optional(v.picklist(['ENABLED', 'DISABLED']), 'ENABLED'),
  Targets: v.array(
    v.strictObject({
      Id: v.string(),
      Arn: v.string(),
      Input: v.optional(v.string()),
      InputPath: v.optional(v.string()),
      InputTransformer: v.optional(
        v.strictObject({
          InputPathsMap: v.optional(v.record(v.string(), v.string())),
          InputTemplate: v.string(),
        }),
      ),
      // Both are about events that Lambda's queue does not accept. Here it always does, or it is a problem.
      DeadLetterConfig: v.optional(v.strictObject({ Arn: v.string() })),
      RetryPolicy: v.optional(
        v.strictObject({
          MaximumRetryAttempts: v.optional(v.pipe(whole, v.minValue(0), v.maxValue(185))),
          MaximumEventAgeInSeconds: v.optional(v.pipe(whole, v.minValue(60), v.maxValue(86_400))),
        }),
      ),
    }),
  ),
});

const documentSchema = v.strictObject({
  Name: v.optional(v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_\-.]{3,128}$/))),
  Content: v.unknown(),
  DocumentFormat: v.optional(v.picklist(['JSON', 'YAML'])),
  DocumentType: v.literal('Command', 'the local cloud runs Command documents only'),
  TargetType: v.optional(v.string()),
  UpdateMethod: v.optional(v.string()),
  VersionName: v.optional(v.string()),
  Tags: tags,
});

interface Identified {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
}

export type FunctionResource = Identified & v.InferOutput<typeof functionSchema>;
export type RuleResource = Identified & v.InferOutput<typeof ruleSchema>;
export type DocumentResource = Identified & v.InferOutput<typeof documentSchema>;
export type PermissionResource = v.InferOutput<typeof permissionSchema>;
export type InvokeConfigResource = v.InferOutput<typeof invokeConfigSchema>;
export interface RoleResource extends Identified {
  readonly trustPolicy: unknown;
  readonly policies: readonly NamedPolicy[];
}

/** The resources of the template that do something here. */
export interface Stack {
  readonly functions: readonly FunctionResource[];
  readonly roles: readonly RoleResource[];
  readonly rules: readonly RuleResource[];
  readonly documents: readonly DocumentResource[];
  readonly permissions: readonly PermissionResource[];
  readonly invokeConfigs: readonly InvokeConfigResource[];
  readonly logGroups: readonly string[];
  readonly topics: readonly Identified[];
  readonly queues: readonly Identified[];
}

/** @throws LocalCloudError naming the resource and the property that is wrong or that the local cloud does not know */
export function readStack(template: EvaluatedTemplate, account: Account): Stack {
  const of = (type: string) => template.resources.filter((resource) => resource.type === type);
  const extraPolicies = of('AWS::IAM::Policy').map((resource) => parse(policySchema, resource));
  return {
    functions: of('AWS::Lambda::Function').map((r) => ({ ...identified(r), ...parse(functionSchema, r) })),
    roles: of('AWS::IAM::Role').map((resource) => {
      const role = parse(roleSchema, resource);
      const attached = extraPolicies.filter((policy) => policy.Roles.includes(resource.identity.name));
      return {
        ...identified(resource),
        trustPolicy: role.AssumeRolePolicyDocument,
        policies: [...role.Policies, ...attached].map((p) => ({
          name: p.PolicyName,
          document: p.PolicyDocument,
        })),
      };
    }),
    rules: of('AWS::Events::Rule').map((r) => ({ ...identified(r), ...parse(ruleSchema, r) })),
    documents: of('AWS::SSM::Document').map((resource) => ({
      ...identified(resource),
      arn: `arn:${account.partition}:ssm:${account.region}:${account.accountId}:document/${resource.identity.name}`,
      ...parse(documentSchema, resource),
    })),
    permissions: of('AWS::Lambda::Permission').map((r) => parse(permissionSchema, r)),
    invokeConfigs: of('AWS::Lambda::EventInvokeConfig').map((r) => parse(invokeConfigSchema, r)),
    logGroups: of('AWS::Logs::LogGroup').map((resource) => resource.identity.name),
    topics: of('AWS::SNS::Topic').map(identified),
    queues: of('AWS::SQS::Queue').map(identified),
  };
}

/** The resources that the local cloud leaves out, with the reason; for the log. */
export function ignoredResources(template: EvaluatedTemplate): readonly string[] {
  return template.resources.flatMap((resource) => {
    const reason = ignoredTypes.get(resource.type);
    return reason === undefined ? [] : [`${resource.logicalId} (${resource.type}): ${reason}`];
  });
}

function identified(resource: TemplateResource): Identified {
  const { attributes, name } = resource.identity;
  const arn = attributes['Arn'] ?? attributes['TopicArn'];
  return { logicalId: resource.logicalId, name, arn: typeof arn === 'string' ? arn : name };
}

function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  resource: TemplateResource,
): v.InferOutput<Schema> {
  const properties: JsonObject = resource.properties;
  const parsed = v.safeParse(schema, properties);
  if (parsed.success) return parsed.output;
  const details = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`).join('; ');
  throw new LocalCloudError(
    `${resource.logicalId} (${resource.type}) is not as the local cloud knows it, see local/aws/stack.ts: ${details}`,
  );
}
