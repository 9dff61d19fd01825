import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CommandError, exitCodes, explain, UsageError } from './errors.ts';
import type { CommonOptions } from './options.ts';

/** What is deployed: the environments of its functions name the table, the queue, the documents and the settings. */
export interface Deployment {
  readonly stage: string;
  readonly region: string;
  readonly tagPrefix: string;
  /** By function: its environment. */
  readonly environment: Readonly<Record<string, string>>;
}

const notThere = new Set(['ResourceNotFoundException']);

/**
 * Finds the stage's deployment, and puts what the SDK and the core read from the environment there: profile, region, endpoint, the prefix
 * of tags. So it has to be called before anything of the core is imported.
 *
 * @throws {CommandError} that says what to do
 */
export async function findDeployment(options: CommonOptions): Promise<Deployment> {
  const { profile, endpoint, stage, tagPrefix } = options;
  if (!/^[a-zA-Z][a-zA-Z0-9-]{0,62}$/u.test(stage))
    throw new UsageError(
      `"${stage}" is no name of a stage`,
      'Give the one that was deployed, as in --stage prod.',
    );
  setVariable('AWS_PROFILE', profile);
  setVariable('AWS_REGION', options.region);
  setVariable('AWS_ENDPOINT_URL', endpoint);
  const lambda = new LambdaClient({ maxAttempts: 3 });
  const region = await regionOf(lambda);
  setVariable('AWS_REGION', region);
  const [reconcile, sync] = await Promise.all(
    ['reconcile', 'sync'].map((name) => environmentOf(lambda, `hostsync-${stage}-${name}`, stage, region)),
  );
  const environment = { ...sync, ...reconcile };
  const deployed = environment['HOSTSYNC_TAG_PREFIX'] ?? 'hostsync';
  if (tagPrefix !== undefined && tagPrefix !== deployed)
    throw new UsageError(
      `The tags of stage ${stage} begin with "${deployed}:", not with "${tagPrefix}:"`,
      'Leave --tag-prefix out, or give the --stage that has this prefix.',
    );
  setVariable('HOSTSYNC_TAG_PREFIX', deployed);
  lambda.destroy();
  return { stage, region, tagPrefix: deployed, environment };
}

function setVariable(name: string, value: string | undefined): void {
  if (value !== undefined) process.env[name] = value;
}

async function regionOf(lambda: LambdaClient): Promise<string> {
  try {
    return await lambda.config.region();
  } catch (cause) {
    throw new CommandError(
      exitCodes.usage,
      'No AWS region is set. Nothing was read',
      'Add --region REGION, or set AWS_REGION, or a region in the profile.',
      { cause },
    );
  }
}

async function environmentOf(
  lambda: LambdaClient,
  name: string,
  stage: string,
  region: string,
): Promise<Readonly<Record<string, string>>> {
  try {
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    if (Environment?.Error !== undefined)
      throw new CommandError(
        exitCodes.access,
        `The settings of ${name} cannot be read: ${Environment.Error.Message ?? Environment.Error.ErrorCode}`,
        'Ask for kms:Decrypt on the key of the function.',
      );
    return Environment?.Variables ?? {};
  } catch (error) {
    if (error instanceof Error && notThere.has(error.name))
      throw new CommandError(
        exitCodes.unavailable,
        `hostsync is not deployed in ${region} as stage ${stage} (no function ${name})`,
        'Give the --region and --stage of the deployment, or deploy it: npx serverless deploy.',
        { cause: error },
      );
    throw explain(error) ?? error;
  }
}
