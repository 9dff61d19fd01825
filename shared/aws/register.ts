import { PutParameterCommand, paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import * as v from 'valibot';
import type { Claim, Register } from '../core/observation.ts';
import { describeIssues } from '../edge/issues.ts';
import { hasCode } from './errors.ts';

/** A parameter of the register cannot be read: somebody wrote it by hand. */
export class RegisterError extends Error {
  override readonly name = 'RegisterError';
}

const claim = v.object({
  epoch: v.pipe(v.number(), v.integer(), v.minValue(1)),
  holder: v.string(),
  from: v.optional(v.string()),
  kind: v.picklist(['first', 'adopted', 'failover', 'switchover']),
  why: v.string(),
  at: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.transform((text) => Date.parse(text)),
  ),
});
const configuration = v.object({ primary: v.string(), tags: v.record(v.string(), v.string()) });

/** Where Parameter Store keeps what outlives a group's instances. */
function pathOf(group: string): string {
  return `/hostsync/${group}`;
}

/**
 * What Parameter Store has on a group. One call for each ten parameters: the mirror of its tags, and each epoch.
 *
 * @throws {RegisterError} rather than take a damaged claim for none: that would let two hosts hold an epoch
 */
export async function readRegister(ssm: SSMClient, group: string): Promise<Register> {
  const claims: Claim[] = [];
  let mirror: Register['configuration'];
  const pages = paginateGetParametersByPath(
    { client: ssm, pageSize: 10 },
    { Path: pathOf(group), Recursive: true },
  );
  for await (const { Parameters = [] } of pages)
    for (const { Name = '', Value = '' } of Parameters) {
      if (Name === `${pathOf(group)}/config`) mirror = parse(Name, Value, configuration);
      else if (Name.startsWith(`${pathOf(group)}/epochs/`)) claims.push(parse(Name, Value, claim));
    }
  return { claims: claims.sort((a, b) => a.epoch - b.epoch), configuration: mirror };
}

function parse<Output>(name: string, value: string, schema: v.GenericSchema<unknown, Output>): Output {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    throw new RegisterError(`the parameter ${name} holds no JSON: "${value.slice(0, 200)}"; correct it`, {
      cause: error,
    });
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  throw new RegisterError(`the parameter ${name} is wrong: ${describeIssues(result.issues)}; correct it`);
}

/** As JSON, without `{{`, which Parameter Store takes for a reference and refuses; what hosts and tags say may hold it. */
function parameterValue(value: object): string {
  return JSON.stringify(value).replaceAll('{{', '{\\u007b');
}

const exists = new Set(['ParameterAlreadyExists']);

/** Writes who holds an epoch, unless somebody holds it already: then nothing is changed. */
export async function writeClaim(ssm: SSMClient, group: string, { at, ...rest }: Claim): Promise<void> {
  try {
    await ssm.send(
      new PutParameterCommand({
        ...{ Name: `${pathOf(group)}/epochs/${rest.epoch}`, Type: 'String', Overwrite: false },
        // A standard parameter holds 4 KB, and a character may take three bytes of it
        Value: parameterValue({ ...rest, why: rest.why.slice(0, 1000), at: new Date(at).toISOString() }),
      }),
    );
  } catch (error) {
    if (!hasCode(error, exists)) throw error;
  }
}

/** Keeps the tags of a primary where they outlive it. */
export async function writeMirror(
  ssm: SSMClient,
  group: string,
  primary: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const Value = parameterValue({ primary, tags });
  await ssm.send(
    new PutParameterCommand({
      Name: `${pathOf(group)}/config`,
      Type: 'String',
      Overwrite: true,
      Value,
      // Up to 4 KB is standard; a list of some 200 hosts needs more, and what is advanced once stays so
      Tier: 'Intelligent-Tiering',
    }),
  );
}
