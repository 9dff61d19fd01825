import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import { type Clients, makeClients } from '../shared/aws/clients.ts';
import { hasCode } from '../shared/aws/errors.ts';
import { choosePlace, chooseTagPrefix, type Place } from './environment.ts';
import { exitCodes } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { Terminal } from './terminal.ts';

export interface Connection extends Place {
  readonly stage: string;
  readonly tagPrefix?: string | undefined;
  readonly color: boolean;
}

const seconds = v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(0));
const outputsSchema = v.object({
  Memory: v.string(),
  Lanes: v.string(),
  PushDocument: v.string(),
  TagPrefix: v.string(),
  BehindAfter: seconds,
  PromoteWithin: seconds,
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
  readonly pushDocument: string;
  readonly settings: { readonly behindAfter: number; readonly promoteWithin: number };
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
  const { Memory, Lanes, PushDocument, TagPrefix, BehindAfter, PromoteWithin } = parsed.output;
  chooseTagPrefix(tagPrefix ?? TagPrefix);
  return {
    ...{ terminal: new Terminal(color), clients: makeClients(), stage, region },
    place: { profile, region, endpoint },
    ...{ table: Memory, queue: Lanes, pushDocument: PushDocument },
    settings: { behindAfter: BehindAfter, promoteWithin: PromoteWithin },
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
