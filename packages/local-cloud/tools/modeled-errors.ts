// Which errors the API models have for each operation that the local cloud serves:
// node packages/local-cloud/tools/modeled-errors.ts > packages/local-cloud/src/api/modeled-errors.json
//
// The clients of the SDK are made from these models. The schema of an error holds its code on the wire and its HTTP status; the
// types of a command name the errors of its operation. EC2's model has none (src/api/errors.ts).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** By signing name: the client's package, and the operations that are served. */
const served: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  autoscaling: [
    'client-auto-scaling',
    [
      ...['CompleteLifecycleAction', 'DescribeAutoScalingGroups', 'DescribeAutoScalingInstances'],
      ...['DeleteLifecycleHook', 'DeleteTags'],
      ...['DescribeLifecycleHooks', 'RecordLifecycleActionHeartbeat', 'SetInstanceProtection'],
      ...['AttachInstances', 'DetachInstances', 'EnterStandby', 'ExitStandby'],
      ...['CancelInstanceRefresh', 'DescribeInstanceRefreshes', 'StartInstanceRefresh'],
      ...['SetDesiredCapacity', 'TerminateInstanceInAutoScalingGroup'],
    ],
  ],
  cloudformation: ['client-cloudformation', ['CreateStack', 'DeleteStack', 'DescribeStacks']],
  dynamodb: [
    'client-dynamodb',
    ['BatchGetItem', 'DeleteItem', 'DescribeTable', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
  ],
  elasticloadbalancing: [
    'client-elastic-load-balancing-v2',
    ['DeregisterTargets', 'DescribeTags', 'DescribeTargetGroups', 'DescribeTargetHealth', 'RegisterTargets'],
  ],
  events: ['client-eventbridge', ['PutEvents', 'TestEventPattern']],
  lambda: ['client-lambda', ['GetFunctionConfiguration', 'ListEventSourceMappings', 'ListFunctions']],
  logs: ['client-cloudwatch-logs', ['FilterLogEvents']],
  monitoring: ['client-cloudwatch', ['DescribeAlarms']],
  route53: [
    'client-route-53',
    ['ChangeResourceRecordSets', 'GetChange', 'ListHostedZonesByName', 'ListResourceRecordSets'],
  ],
  sns: ['client-sns', ['ListSubscriptionsByTopic', 'Publish']],
  sqs: [
    'client-sqs',
    [
      ...['ChangeMessageVisibility', 'DeleteMessage', 'GetQueueAttributes', 'PurgeQueue', 'ReceiveMessage'],
      ...['SendMessage', 'SendMessageBatch'],
    ],
  ],
  ssm: [
    'client-ssm',
    [
      ...['CancelCommand', 'DeleteParameter', 'DeleteParameters', 'DescribeInstanceInformation'],
      ...['GetCommandInvocation', 'GetConnectionStatus', 'GetParameter', 'GetParameters'],
      ...['GetParametersByPath', 'ListCommandInvocations', 'ListCommands', 'PutParameter', 'SendCommand'],
    ],
  ],
  sts: ['client-sts', ['GetCallerIdentity']],
};

interface ErrorTraits {
  readonly error?: 'client' | 'server';
  readonly httpError?: number;
  readonly awsQueryError?: readonly [string, number];
}

/** `service:Operation` to the codes on the wire and their HTTP statuses. */
export type ModeledErrors = Readonly<Record<string, Readonly<Record<string, number>>>>;

export function readModeledErrors(): ModeledErrors {
  return Object.fromEntries(
    Object.entries(served).flatMap(([service, [client, operations]]) =>
      operations.map((operation) => [`${service}:${operation}`, errorsOf(client, operation)] as const),
    ),
  );
}

/** SSM speaks JSON and names shapes on the wire, whatever its model keeps of the query protocol. */
const jsonClients = new Set([
  'client-ssm',
  'client-eventbridge',
  'client-sqs',
  'client-dynamodb',
  'client-cloudwatch-logs',
]);

function errorsOf(client: string, operation: string): Readonly<Record<string, number>> {
  const schemas: Readonly<Record<string, unknown>> = require(`@aws-sdk/${client}`);
  const directory = dirname(dirname(require.resolve(`@aws-sdk/${client}`)));
  const types = readFileSync(join(directory, 'dist-types', 'commands', `${operation}Command.d.ts`), 'utf8');
  const names = [...types.matchAll(/@throws \{@link (\w+)\} \((?:client|server) fault\)/gu)];
  return Object.fromEntries(
    names.map(([, name = '']) => wireError(name, schemas[`${name}$`], jsonClients.has(client))).sort(),
  );
}

function wireError(name: string, schema: unknown, isJson: boolean): readonly [string, number] {
  const traits: ErrorTraits = Array.isArray(schema) && typeof schema[3] === 'object' ? schema[3] : {};
  const [code, status] = (isJson ? undefined : traits.awsQueryError) ?? [name, traits.httpError];
  return [code, status ?? (traits.error === 'server' ? 500 : 400)];
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(readModeledErrors(), undefined, 2)}\n`);
