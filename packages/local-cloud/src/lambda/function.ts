import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Caller } from '../api/registry.ts';
import type { Credentials } from '../api/server.ts';
import { type Account, arnOf, requestId } from '../base/account.ts';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity, Journal } from '../base/journal.ts';
import type { FunctionResource, InvokeConfigResource, RoleResource, Stack } from '../cloudformation/stack.ts';
import type { ServiceMetrics } from '../cloudwatch/service-metrics.ts';
import type { Iam } from '../iam/iam.ts';
import type { Destinations } from './destinations.ts';
import type { LambdaProcess } from './process.ts';
import { unzip } from './zip.ts';

/** A function that is ready to run, and its processes. */
export interface LocalFunction {
  readonly resource: FunctionResource;
  readonly caller: Caller;
  readonly invokeConfig: InvokeConfigResource | undefined;
  readonly logGroup: string;
  readonly taskRoot: string;
  readonly idle: LambdaProcess[];
  readonly busy: Set<LambdaProcess>;
  starting: number;
}

export interface LambdaDependencies {
  readonly account: Account;
  readonly packageDirectory: string;
  readonly stateDirectory: string;
  readonly endpoint: string;
  readonly issue: (caller: Caller) => Credentials;
  readonly iam: Iam;
  readonly destinations: Destinations;
  readonly journal: Journal;
  readonly activity: Activity;
  readonly clock: Clock;
  readonly metrics: ServiceMetrics;
}

// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Reserved environment variables"
const reservedVariables =
  /^(_HANDLER|_X_AMZN_TRACE_ID|AWS_DEFAULT_REGION|AWS_REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_.*|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_.*)$/;

/** Unpacks the bundle and checks what AWS would check. @throws LocalCloudError */
export async function openFunction(
  resource: FunctionResource,
  stack: Stack,
  deps: LambdaDependencies,
): Promise<LocalFunction> {
  const role = checkFunction(resource, stack);
  await deps.iam.checkRole(role.name, role.trustPolicy, role.policies);
  const caller: Caller = {
    kind: 'function',
    name: resource.logicalId,
    principalArn: `arn:${deps.account.partition}:sts::${deps.account.accountId}:assumed-role/${role.name}/${resource.name}`,
    policies: role.policies,
  };
  const logGroup = resource.LoggingConfig?.LogGroup ?? `/aws/lambda/${resource.name}`;
  await checkLogging(logGroup, caller, stack, deps);
  const taskRoot = join(deps.stateDirectory, resource.logicalId);
  await mkdir(taskRoot, { recursive: true });
  await unzip(join(deps.packageDirectory, basename(resource.Code.S3Key)), taskRoot);
  const invokeConfig = stack.invokeConfigs.find((config) =>
    [resource.name, resource.arn].includes(config.FunctionName),
  );
  await checkDestinations(resource, invokeConfig, caller, deps);
  return { resource, caller, invokeConfig, logGroup, taskRoot, idle: [], busy: new Set(), starting: 0 };
}

function checkFunction(resource: FunctionResource, stack: Stack): RoleResource {
  const major = /^nodejs(\d+)\.x$/.exec(resource.Runtime)?.[1];
  if (major !== process.versions.node.split('.')[0]) {
    throw new LocalCloudError(
      `${resource.logicalId} wants the runtime ${resource.Runtime}; the local cloud runs functions with its own Node.js, which is ${process.version}`,
    );
  }
  const reserved = Object.keys(resource.Environment?.Variables ?? {}).filter((name) =>
    reservedVariables.test(name),
  );
  if (reserved.length > 0) {
    throw new LocalCloudError(`${resource.logicalId} sets ${reserved.join(', ')}, which Lambda reserves`);
  }
  const role = stack.roles.find((candidate) => candidate.arn === resource.Role);
  if (role === undefined)
    throw new LocalCloudError(
      `${resource.logicalId} has the role ${resource.Role}, which is not in the template`,
    );
  return role;
}

/** AWS would not deploy it: "The provided execution role does not have permissions to call SendMessage on SQS". */
async function checkDestinations(
  resource: FunctionResource,
  invokeConfig: InvokeConfigResource | undefined,
  caller: Caller,
  deps: LambdaDependencies,
): Promise<void> {
  const { OnFailure, OnSuccess } = invokeConfig?.DestinationConfig ?? {};
  const arns = [resource.DeadLetterConfig?.TargetArn, OnFailure?.Destination, OnSuccess?.Destination];
  for (const arn of new Set(arns.filter((given) => given !== undefined))) {
    const blocker = await deps.destinations.blocker(arn, caller);
    if (blocker !== undefined)
      deps.journal.problem('denied', `${caller.name} cannot send failed events to ${arn}: ${blocker}`);
  }
}

/** Without these permissions a function runs on AWS, but nobody ever reads a line of its log. */
async function checkLogging(
  logGroup: string,
  caller: Caller,
  stack: Stack,
  deps: LambdaDependencies,
): Promise<void> {
  const group = arnOf(deps.account, 'logs', `log-group:${logGroup}`);
  const denial = await deps.iam.firstDenial(caller, [
    { action: 'logs:CreateLogStream', resource: `${group}:log-stream:${logStream()}`, context: {} },
    { action: 'logs:PutLogEvents', resource: `${group}:log-stream:${logStream()}`, context: {} },
  ]);
  if (denial !== undefined)
    deps.journal.problem('denied', `${caller.name} cannot write its log: ${denial.message}`);
  if (!stack.logGroups.includes(logGroup)) {
    deps.journal.problem('unserved', `${caller.name} logs to ${logGroup}, which the template does not make`);
  }
}

function logStream(): string {
  return `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${requestId().replaceAll('-', '')}`;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; nothing of our own environment. */
export function environmentOf(
  target: LocalFunction,
  credentials: Credentials,
  deps: LambdaDependencies,
): Readonly<Record<string, string>> {
  const { account, endpoint, stateDirectory } = deps;
  return {
    ...target.resource.Environment?.Variables,
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    LAMBDA_TASK_ROOT: target.taskRoot,
    AWS_LAMBDA_FUNCTION_NAME: target.resource.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(target.resource.MemorySize),
    AWS_LAMBDA_LOG_GROUP_NAME: target.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: logStream(),
    AWS_LAMBDA_LOG_FORMAT: target.resource.LoggingConfig?.LogFormat ?? 'Text',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_EXECUTION_ENV: `AWS_Lambda_${target.resource.Runtime}`,
    AWS_REGION: account.region,
    AWS_DEFAULT_REGION: account.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_ENDPOINT_URL: endpoint,
    // the SDK would look into the home directory of whoever runs the local cloud
    AWS_CONFIG_FILE: join(stateDirectory, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(stateDirectory, 'no-credentials'),
  };
}
