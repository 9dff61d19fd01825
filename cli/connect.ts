import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import { type Clients, makeClients } from '../shared/aws/clients.ts';
import { hasCode } from '../shared/aws/errors.ts';
import { settings } from '../shared/edge/settings.ts';
import { choosePlace, chooseTagPrefix, type Place } from './environment.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { Terminal } from './terminal.ts';

export interface Connection extends Place {
  readonly stage: string;
  readonly tagPrefix?: string | undefined;
  readonly color: boolean;
}

const settingsSchema = v.pipe(
  v.object({
    'behind-after': settings['behind-after'],
    'overrun-after': settings['overrun-after'],
    'remind-after': settings['remind-after'],
    'group-wait': settings['group-wait'],
    'group-interval': settings['group-interval'],
    failover: settings.failover,
    'failover-ticks': settings['failover-ticks'],
    'promote-within': settings['promote-within'],
    'cool-down': settings['cool-down'],
    'join-timeout': settings['join-timeout'],
    'join-failure': settings['join-failure'],
    'rescue-quiet': settings['rescue-quiet'],
    'hosted-zone': settings['hosted-zone'],
  }),
  v.transform((given) => ({
    behindAfter: given['behind-after'],
    overrunAfter: given['overrun-after'],
    remindAfter: given['remind-after'],
    groupWait: given['group-wait'],
    groupInterval: given['group-interval'],
    failover: given.failover,
    failoverTicks: given['failover-ticks'],
    promoteWithin: given['promote-within'],
    coolDown: given['cool-down'],
    joinTimeout: given['join-timeout'],
    joinFailure: given['join-failure'],
    rescueQuiet: given['rescue-quiet'],
    hostedZone: given['hosted-zone'],
  })),
);

const outputsSchema = v.object({
  Memory: v.string(),
  Lanes: v.string(),
  AlertTopic: v.string(),
  DeadLetters: v.string(),
  LaneDeadLetters: v.string(),
  PushDocument: v.string(),
  TagPrefix: settings['tag-prefix'],
  Settings: v.pipe(v.string(), v.parseJson(), settingsSchema),
});

/** A deployment, and who asks it. */
export interface Context {
  readonly terminal: Terminal;
  readonly clients: Clients;
  readonly place: Place;
  readonly region: string;
  readonly stage: string;
  readonly table: string;
  readonly queue: string;
  /** The ARN. */
  readonly alertTopic: string;
  /** Their URLs. */
  readonly deadLetters: readonly string[];
  readonly pushDocument: string;
  /** Those of the deployment, by the names of the core. */
  readonly settings: v.InferOutput<typeof settingsSchema>;
}

const noStack = new Set(['ValidationError']);

/**
 * Finds the deployment by the outputs of its stack. Nothing of the core may be loaded before this: the keys of its tags are made from the
 * prefix that the stack names.
 *
 * @throws {Failure} where there is no such stack
 */
export async function connect(connection: Connection): Promise<Context> {
  choosePlace(connection);
  const { stage, tagPrefix, color, profile, endpoint } = connection;
  const stack = `hostsync-${stage}`;
  const cloudFormation = new CloudFormationClient({});
  const region = await regionOf(cloudFormation);
  const outputs = await describeStack(cloudFormation, stack, region);
  const parsed = v.safeParse(outputsSchema, outputs);
  if (!parsed.success)
    throw new Failure(`The stack ${stack} in ${region} is of another release: it lacks outputs.`, {
      exitCode: exitCodes.unavailable,
      advice: [`Deploy this release: npx serverless deploy --stage ${stage} --region ${region}`],
    });
  const { Memory, Lanes, PushDocument, TagPrefix, Settings, AlertTopic } = parsed.output;
  chooseTagPrefix(tagPrefix ?? TagPrefix);
  return {
    ...{ terminal: new Terminal(color), clients: makeClients(), stage, region },
    place: { profile, region, endpoint },
    ...{ table: Memory, queue: Lanes, pushDocument: PushDocument },
    ...{ settings: Settings, alertTopic: AlertTopic },
    deadLetters: [parsed.output.DeadLetters, parsed.output.LaneDeadLetters],
  };
}

async function regionOf(client: CloudFormationClient): Promise<string> {
  try {
    return await client.config.region();
  } catch (cause) {
    throw new Failure('No AWS region is set. Nothing was read.', {
      ...{ exitCode: exitCodes.usage, cause },
      advice: ['Add --region REGION, or set AWS_REGION.'],
    });
  }
}

async function describeStack(
  client: CloudFormationClient,
  stack: string,
  region: string,
): Promise<Readonly<Record<string, string>>> {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const outputs = Stacks[0]?.Outputs ?? [];
    return Object.fromEntries(
      outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const),
    );
  } catch (error) {
    if (!hasCode(error, noStack)) throw error;
    throw new Failure(`hostsync is not deployed in ${region}: there is no stack ${stack}.`, {
      ...{ exitCode: exitCodes.unavailable, cause: error },
      advice: ['See whether --region, --stage and --profile are right.'],
    });
  }
}
