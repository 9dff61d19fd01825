import {
  GetCommandInvocationCommand,
  paginateDescribeInstanceInformation,
  paginateListCommandInvocations,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { ObservedAgent, ObservedCommand } from '../core/observation.ts';
import { hasCode } from './errors.ts';
import { parseScriptOutput } from './script-output.ts';

/** How long a command may wait for the agent, in seconds: the least SSM takes, so that a host that comes back runs no stale command. */
const deliveryTimeout = 30;

/** All nodes that SSM manages. One call for each 50. */
export async function observeAgents(ssm: SSMClient): Promise<readonly ObservedAgent[]> {
  const agents: ObservedAgent[] = [];
  for await (const page of paginateDescribeInstanceInformation({ client: ssm, pageSize: 50 }, {}))
    for (const { InstanceId, PingStatus, IPAddress } of page.InstanceInformationList ?? [])
      if (InstanceId !== undefined)
        agents.push({ id: InstanceId, online: PingStatus === 'Online', address: IPAddress });
  return agents;
}

/** The names of the SSM documents that run the scripts of host/. */
export interface Documents {
  readonly push: string;
  readonly join: string;
  readonly promote: string;
}

/**
 * Has hosts run a script of host/.
 *
 * SendCommand has no client token, so a retry may start the script twice: its locks make that harmless.
 *
 * @param instances at most 50
 * @param comment shown in the history of Run Command; cut at 100 characters
 * @returns the command's id
 */
export async function sendScript(
  ssm: SSMClient,
  documentName: string,
  instances: readonly string[],
  request: string,
  comment: string,
): Promise<string> {
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: documentName,
      // CloudFormation makes a new document for a changed script, so each has one version
      DocumentVersion: '1',
      InstanceIds: [...instances],
      TimeoutSeconds: deliveryTimeout,
      Comment: comment.slice(0, 100),
      Parameters: { request: [Buffer.from(request).toString('base64')] },
    }),
  );
  return Command?.CommandId ?? '';
}

/** A command's id, and the one host whose result is of interest; undefined for those of all its hosts. */
export interface CommandOfInterest {
  readonly command: string;
  readonly instance: string | undefined;
}

/**
 * What became of commands. One call for each that names a host (with up to 24,000 characters of output), one for each
 * 50 hosts of the others (2,500 characters).
 */
export async function observeCommands(
  ssm: SSMClient,
  commands: readonly CommandOfInterest[],
): Promise<readonly ObservedCommand[]> {
  const observed = await Promise.all(
    commands.map(({ command, instance }) =>
      instance === undefined ? listInvocations(ssm, command) : getInvocation(ssm, command, instance),
    ),
  );
  return observed.flat();
}

/** Just after SendCommand, SSM may not know the command yet. Source: waiter CommandExecuted of the API model. */
const notYetKnown = new Set(['InvocationDoesNotExist']);

async function getInvocation(
  ssm: SSMClient,
  command: string,
  instance: string,
): Promise<readonly ObservedCommand[]> {
  try {
    const { StatusDetails, StandardOutputContent } = await ssm.send(
      new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance }),
    );
    return [toObserved(command, instance, StatusDetails, StandardOutputContent)];
  } catch (error) {
    if (hasCode(error, notYetKnown)) return [];
    throw error;
  }
}

async function listInvocations(ssm: SSMClient, command: string): Promise<readonly ObservedCommand[]> {
  const observed: ObservedCommand[] = [];
  const pages = paginateListCommandInvocations(
    { client: ssm, pageSize: 50 },
    { CommandId: command, Details: true },
  );
  for await (const { CommandInvocations = [] } of pages)
    for (const { InstanceId, StatusDetails, CommandPlugins = [] } of CommandInvocations)
      if (InstanceId !== undefined)
        observed.push(toObserved(command, InstanceId, StatusDetails, CommandPlugins[0]?.Output));
  return observed;
}

/** Every other status is an end: SSM documents more of them than occur, and may add some. */
const underWay = new Set(['Pending', 'InProgress', 'Delayed', 'Cancelling']);

function toObserved(command: string, instance: string, details = '', output = ''): ObservedCommand {
  // The documentation prints "Delivery Timed Out" as well
  const detail = details.replaceAll(' ', '');
  const status = underWay.has(detail) ? 'under-way' : detail === 'Success' ? 'succeeded' : 'failed';
  return { command, instance, status, detail, lines: parseScriptOutput(output) };
}
