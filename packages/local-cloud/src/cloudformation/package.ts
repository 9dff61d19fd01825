import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Account, documentationAccountId } from '../base/account.ts';
import { LocalCloudError, messageOf } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import { ignoredResources, readStack, type Stack } from './stack.ts';
import { evaluateTemplate } from './template.ts';

const stateSchema = v.object({
  service: v.object({
    service: v.string(),
    provider: v.object({ stage: v.string(), region: v.string(), stackName: v.optional(v.string()) }),
  }),
});

/** What `serverless package` has made. */
export interface ServicePackage {
  readonly account: Account;
  readonly stackName: string;
  readonly stack: Stack;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** resources without a meaning here, with the reason */
  readonly ignored: readonly string[];
}

/**
 * Reads the artefacts of `serverless package`.
 *
 * @param directory usually `.serverless`
 * @throws LocalCloudError when they are missing or the local cloud cannot do what the template says
 */
export async function readPackage(
  directory: string,
  parameters: Readonly<Record<string, string>>,
): Promise<ServicePackage> {
  const state = v.parse(stateSchema, await readJson(join(directory, 'serverless-state.json')));
  const { provider } = state.service;
  const account: Account = { accountId: documentationAccountId, region: provider.region, partition: 'aws' };
  const stackName = provider.stackName ?? `${state.service.service}-${provider.stage}`;
  const compiled = await readJson(join(directory, 'cloudformation-template-update-stack.json'));
  const template = evaluateTemplate(compiled, { account, stackName, parameters });
  return {
    account,
    stackName,
    stack: readStack(template, account),
    outputs: template.outputs,
    ignored: ignoredResources(template),
  };
}

async function readJson(file: string) {
  try {
    return parseJson(await readFile(file, 'utf8'));
  } catch (error) {
    throw new LocalCloudError(`cannot read ${file} (${messageOf(error)}): run \`serverless package\` first`);
  }
}
