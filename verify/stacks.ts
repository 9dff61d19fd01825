import {
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { type Clients, codeOf, until } from './connection.ts';

type CloudFormation = Pick<Clients, 'cloudFormation'>;

export interface StackInput {
  readonly name: string;
  readonly template: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Undefined where there is none of this name. */
export async function findStack(
  { cloudFormation }: CloudFormation,
  name: string,
): Promise<Stack | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    if (codeOf(error) === 'ValidationError') return undefined;
    throw error;
  }
}

/** @returns its outputs @throws {Error} with CloudFormation's reason */
export async function createStack(
  clients: CloudFormation,
  { name, template, parameters = {} }: StackInput,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  await clients.cloudFormation.send(
    new CreateStackCommand({
      StackName: name,
      TemplateBody: template,
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
      Capabilities: ['CAPABILITY_IAM'],
      Tags: [{ Key: 'hostsync-verify-live', Value: 'npm run verify-live -- --clean' }],
    }),
  );
  const look = async () => {
    const stack = await findStack(clients, name);
    return stack?.StackStatus === 'CREATE_IN_PROGRESS' ? undefined : stack;
  };
  const stack = await until(look, { what: `stack ${name}`, seconds: 900, signal, every: 2 });
  if (stack.StackStatus !== 'CREATE_COMPLETE')
    throw new Error(`stack ${name}: ${stack.StackStatus}: ${stack.StackStatusReason ?? 'see its events'}`);
  return new Map(
    (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
}

/** Deletes a stack, and waits. Nothing to do where there is none. @throws {Error} with CloudFormation's reason */
export async function deleteStack(clients: CloudFormation, name: string, signal: AbortSignal): Promise<void> {
  if ((await findStack(clients, name)) === undefined) return;
  await clients.cloudFormation.send(new DeleteStackCommand({ StackName: name }));
  const look = async () => {
    const stack = await findStack(clients, name);
    if (stack?.StackStatus === 'DELETE_FAILED') throw new Error(`stack ${name}: ${stack.StackStatusReason}`);
    return stack === undefined ? true : undefined;
  };
  await until(look, { what: `the end of stack ${name}`, seconds: 900, signal, every: 2 });
}
