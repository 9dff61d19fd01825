import * as v from 'valibot';
import type { NamedPolicy } from '../api/registry.ts';
import type { Account } from '../base/account.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { JsonObject } from '../base/json.ts';
import { type QueryDefinition, queryDefinitionSchema } from '../cloudwatch/query-definitions.ts';
import { alarmSchema, type DashboardBody, dashboardSchema } from '../cloudwatch/resources.ts';
import {
  queuePolicySchema,
  queueSchema,
  type Subscription,
  subscriptionSchema,
  topicPolicySchema,
  topicSchema,
} from './messaging-resources.ts';
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

const mappingSchema = v.strictObject({
  EventSourceArn: v.string(),
  FunctionName: v.string(),
  Enabled: v.optional(v.boolean(), true),
  // of a FIFO queue; it may have no batching window
  BatchSize: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(10)), 10),
  FunctionResponseTypes: v.optional(v.array(v.literal('ReportBatchItemFailures')), []),
  ScalingConfig: v.optional(
    v.strictObject({ MaximumConcurrency: v.pipe(whole, v.minValue(2), v.maxValue(1000)) }),
  ),
  Tags: tags,
});

const tableSchema = v.strictObject({
  TableName: v.optional(v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_.-]{3,255}$/))),
  AttributeDefinitions: v.array(
    v.strictObject({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) }),
  ),
  KeySchema: v.pipe(
    v.array(v.strictObject({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) })),
    v.minLength(1),
    v.maxLength(2),
  ),
  BillingMode: v.literal('PAY_PER_REQUEST', 'the local cloud has tables on demand only'),
  TimeToLiveSpecification: v.optional(
    v.strictObject({ AttributeName: v.string(), Enabled: v.literal(true) }),
  ),
  PointInTimeRecoverySpecification: v.optional(
    v.strictObject({
      PointInTimeRecoveryEnabled: v.boolean(),
      RecoveryPeriodInDays: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(35))),
    }),
  ),
  SSESpecification: v.optional(v.strictObject({ SSEEnabled: v.boolean() })),
  DeletionProtectionEnabled: v.optional(v.boolean()),
  Tags: tags,
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
      // For events that Lambda does not accept. Here it accepts all that the rule may send it, at the first try.
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
export type EventSourceMappingResource = { readonly logicalId: string } & v.InferOutput<typeof mappingSchema>;
export type TableResource = Identified & v.InferOutput<typeof tableSchema>;
export type AlarmResource = Identified & v.InferOutput<typeof alarmSchema>;
export type QueueResource = Identified & v.InferOutput<typeof queueSchema>;
export interface TopicResource extends Identified {
  readonly subscriptions: readonly Subscription[];
}
/** A dashboard, its body read. */
export interface DashboardResource extends Identified {
  readonly body: DashboardBody;
}
/** A saved query of Logs Insights. */
export type QueryDefinitionResource = Identified & QueryDefinition;
/** The policy of a queue or a topic. */
export interface ResourcePolicy {
  readonly logicalId: string;
  /** ARNs of queues or topics */
  readonly resources: readonly string[];
  readonly document: unknown;
}
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
  readonly tables: readonly TableResource[];
  readonly eventSourceMappings: readonly EventSourceMappingResource[];
  readonly logGroups: readonly string[];
  readonly topics: readonly TopicResource[];
  readonly queues: readonly QueueResource[];
  readonly resourcePolicies: readonly ResourcePolicy[];
  readonly alarms: readonly AlarmResource[];
  readonly dashboards: readonly DashboardResource[];
  readonly queryDefinitions: readonly QueryDefinitionResource[];
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
    tables: of('AWS::DynamoDB::Table').map((r) => ({ ...identified(r), ...parse(tableSchema, r) })),
    eventSourceMappings: of('AWS::Lambda::EventSourceMapping').map((r) => ({
      logicalId: r.logicalId,
      ...parse(mappingSchema, r),
    })),
    logGroups: of('AWS::Logs::LogGroup').map((resource) => resource.identity.name),
    topics: of('AWS::SNS::Topic').map((r) => ({
      ...identified(r),
      subscriptions: subscriptionsOf(r, template),
    })),
    queues: of('AWS::SQS::Queue').map((r) => ({ ...identified(r), ...parse(queueSchema, r) })),
    resourcePolicies: resourcePoliciesOf(template),
    alarms: of('AWS::CloudWatch::Alarm').map((r) => ({ ...identified(r), ...parse(alarmSchema, r) })),
    dashboards: of('AWS::CloudWatch::Dashboard').map((r) => ({
      ...identified(r),
      body: parse(dashboardSchema, r).DashboardBody,
    })),
    queryDefinitions: of('AWS::Logs::QueryDefinition').map((r) => ({
      ...identified(r),
      ...parse(queryDefinitionSchema, r),
    })),
  };
}

/** A topic's subscriptions: those in its own properties and those that are resources. */
function subscriptionsOf(topic: TemplateResource, template: EvaluatedTemplate): readonly Subscription[] {
  const { ref } = topic.identity;
  const others = template.resources
    .filter(({ type }) => type === 'AWS::SNS::Subscription')
    .map((resource) => parse(subscriptionSchema, resource))
    .filter(({ TopicArn }) => TopicArn === ref)
    .map(({ Protocol, Endpoint }) => ({ Protocol, Endpoint }));
  return [...parse(topicSchema, topic).Subscription, ...others];
}

/** @throws LocalCloudError for a policy of what the template does not make, and for a second one: the last would win */
function resourcePoliciesOf(template: EvaluatedTemplate): readonly ResourcePolicy[] {
  const policies = template.resources.flatMap((resource): ResourcePolicy[] => {
    const { logicalId } = resource;
    switch (resource.type) {
      case 'AWS::SQS::QueuePolicy': {
        const { Queues, PolicyDocument } = parse(queuePolicySchema, resource);
        const arns = Queues.map((url) => arnByRef(template, 'AWS::SQS::Queue', url, logicalId));
        return [{ logicalId, resources: arns, document: PolicyDocument }];
      }
      case 'AWS::SNS::TopicPolicy': {
        const { Topics, PolicyDocument } = parse(topicPolicySchema, resource);
        const arns = Topics.map((arn) => arnByRef(template, 'AWS::SNS::Topic', arn, logicalId));
        return [{ logicalId, resources: arns, document: PolicyDocument }];
      }
      default:
        return [];
    }
  });
  const arns = policies.flatMap(({ resources }) => resources);
  const twice = arns.find((arn, index) => arns.indexOf(arn) !== index);
  if (twice !== undefined)
    throw new LocalCloudError(
      `${twice} has two policies in the template; the last one would replace the other`,
    );
  return policies;
}

function arnByRef(template: EvaluatedTemplate, type: string, ref: string, where: string): string {
  const found = template.resources.find(
    (resource) => resource.type === type && resource.identity.ref === ref,
  );
  if (found === undefined) throw new LocalCloudError(`${where}: the template makes no ${type} ${ref}`);
  return identified(found).arn;
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
    `${resource.logicalId} (${resource.type}) is not as the local cloud knows it, see src/cloudformation/stack.ts: ${details}`,
  );
}
