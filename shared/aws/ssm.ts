import { deflateSync } from 'node:zlib';
import {
  type Command,
  GetCommandInvocationCommand,
  GetConnectionStatusCommand,
  paginateDescribeInstanceInformation,
  paginateListCommandInvocations,
  SendCommandCommand,
  type SendCommandCommandInput,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { ObservedAgent, ObservedCommand, ObservedReachability } from '../core/model/observation.ts';
import { describeError, hasCode } from './errors.ts';
import { parseScriptOutput } from './script-output.ts';

/** How long a command may wait for the agent, in seconds: the least SSM takes, so that a host that comes back runs no stale command. */
export const deliveryTimeout = 30;

/** The most nodes of one page, and so of one call. Source: API reference of SSM, DescribeInstanceInformation. */
const mostNodes = 50;

/** Those of these nodes that SSM manages. One call for each 50. */
export async function observeAgents(
  ssm: SSMClient,
  ids: readonly string[],
): Promise<readonly ObservedAgent[]> {
  const pages: (readonly string[])[] = [];
  for (let start = 0; start < ids.length; start += mostNodes) pages.push(ids.slice(start, start + mostNodes));
  const found = await Promise.all(pages.map((page) => describeAgents(ssm, page)));
  return found.flat();
}

async function describeAgents(ssm: SSMClient, ids: readonly string[]): Promise<readonly ObservedAgent[]> {
  const agents: ObservedAgent[] = [];
  const pages = paginateDescribeInstanceInformation(
    { client: ssm, pageSize: mostNodes },
    { Filters: [{ Key: 'InstanceIds', Values: [...ids] }] },
  );
  for await (const { InstanceInformationList = [] } of pages)
    for (const { InstanceId, PingStatus, LastPingDateTime, IPAddress } of InstanceInformationList)
      if (InstanceId !== undefined)
        agents.push({
          id: InstanceId,
          online: PingStatus === 'Online',
          address: IPAddress,
          pingedAt: LastPingDateTime?.getTime(),
        });
  return agents;
}

/** The names of the SSM documents that run the commands of the host package. */
export interface Documents {
  readonly push: string;
  readonly join: string;
  readonly promote: string;
  readonly leave: string;
  readonly rescue: string;
  readonly probe: string;
  /** They bring the package itself, a part each. */
  readonly install: readonly string[];
}

/**
 * Has hosts run a command of the host package.
 *
 * SendCommand has no client token, so a retry may start it twice: its locks make that harmless.
 *
 * @param instances at most 50
 * @param comment shown in the history of Run Command; cut at 100 characters
 * @param parameters what its document takes beside the request
 * @returns the command's id
 */
export async function sendScript(
  ssm: SSMClient,
  documentName: string,
  instances: readonly string[],
  request: string,
  comment: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  const more = Object.entries(parameters).map(([name, value]) => [name, [value]] as const);
  const Parameters = { request: [encodeRequest(request)], ...Object.fromEntries(more) };
  const { CommandId = '' } = await send(ssm, { DocumentName: documentName, instances, comment, Parameters });
  return CommandId;
}

/** A command that was sent to one host, and when, by the clock of AWS, in milliseconds. */
export interface SentTo {
  readonly command: string;
  readonly askedAt: number;
}

/** Has one host run a document. @param Parameters those of the document */
export async function sendTo(
  ssm: SSMClient,
  document: string,
  instance: string,
  comment: string,
  Parameters: Readonly<Record<string, string[]>>,
): Promise<SentTo> {
  const sent = await send(ssm, { DocumentName: document, instances: [instance], comment, Parameters });
  return { command: sent.CommandId ?? '', askedAt: sent.RequestedDateTime?.getTime() ?? Date.now() };
}

/** The form of a request in which a document takes it: compressed with zlib, in base64. */
export function encodeRequest(text: string): string {
  return deflateSync(text, { level: 9 }).toString('base64');
}

async function send(
  ssm: SSMClient,
  {
    DocumentName,
    instances,
    comment,
    Parameters,
  }: Pick<SendCommandCommandInput, 'DocumentName' | 'Parameters'> & {
    readonly instances: readonly string[];
    readonly comment: string;
  },
): Promise<Command> {
  const { Command: sent } = await ssm.send(
    new SendCommandCommand({
      DocumentName,
      // CloudFormation makes a new document for a changed release, so each has one version
      DocumentVersion: '1',
      InstanceIds: [...instances],
      TimeoutSeconds: deliveryTimeout,
      Comment: comment.slice(0, 100),
      Parameters,
    }),
  );
  return sent ?? {};
}

/** What CloudFormation puts behind the stack's name and the logical id. Source: CloudFormation User Guide, name type. */
const generated = /^(?<stem>.+-)[A-Z0-9]{8,14}$/u;

/** Is it this document, or that of another release of the same stack? What was sent before an upgrade goes on during it. */
export function isSameDocument(name: string | undefined, configured: string): boolean {
  if (name === undefined || name === configured) return name === configured;
  const stem = generated.exec(configured)?.groups?.['stem'];
  return stem !== undefined && generated.exec(name)?.groups?.['stem'] === stem;
}

/**
 * Has hosts take the package: all its parts.
 *
 * @param instances at most 50
 * @returns the commands' ids, one a part
 */
export function sendInstall(
  ssm: SSMClient,
  documents: readonly string[],
  instances: readonly string[],
  comment: string,
): Promise<readonly string[]> {
  return Promise.all(
    documents.map(async (DocumentName) => {
      const { CommandId = '' } = await send(ssm, { DocumentName, instances, comment, Parameters: {} });
      return CommandId;
    }),
  );
}

/** A command that names one host which SSM does not know fails as a whole. Source: API model of SSM, SendCommand. */
const oneIsBad = new Set(['InvalidInstanceId']);

/**
 * Has those of these hosts run a script that SSM knows: one that it does not know any more keeps no other from it.
 *
 * @param instances at most 50
 * @returns the commands' ids, with how many hosts run each
 */
export async function sendToKnown(
  ssm: SSMClient,
  documentName: string,
  instances: readonly string[],
  request: string,
  comment: string,
): Promise<readonly SentCommand[]> {
  try {
    const command = await sendScript(ssm, documentName, instances, request, comment);
    return [{ command, hosts: instances.length }];
  } catch (error) {
    if (!hasCode(error, oneIsBad)) throw error;
    if (instances.length === 1) return [];
    const alone = instances.map((id) => sendToKnown(ssm, documentName, [id], request, comment));
    return (await Promise.all(alone)).flat();
  }
}

export interface SentCommand {
  readonly command: string;
  readonly hosts: number;
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

/**
 * Just after SendCommand, SSM may not know the command yet, and after 30 days no more; nor what ran on a host that is gone. Which of the
 * three it says when is not documented. Source: the errors of GetCommandInvocation and ListCommandInvocations in the API model.
 */
export const notKnown = new Set(['InvocationDoesNotExist', 'InvalidCommandId', 'InvalidInstanceId']);

async function getInvocation(
  ssm: SSMClient,
  command: string,
  instance: string,
): Promise<readonly ObservedCommand[]> {
  const found = await readInvocation(ssm, command, instance);
  return found === undefined ? [] : [toObserved(command, instance, found.details, found.output)];
}

/** What SSM shows of a command on a host, with up to 24,000 characters of its output; undefined where it does not know it (yet). */
export async function readInvocation(
  ssm: SSMClient,
  command: string,
  instance: string,
): Promise<{ readonly details: string; readonly output: string } | undefined> {
  try {
    const { StatusDetails: details = '', StandardOutputContent: output = '' } = await ssm.send(
      new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance }),
    );
    return { details, output };
  } catch (error) {
    if (hasCode(error, notKnown)) return undefined;
    throw error;
  }
}

async function listInvocations(ssm: SSMClient, command: string): Promise<readonly ObservedCommand[]> {
  const observed: ObservedCommand[] = [];
  const pages = paginateListCommandInvocations(
    { client: ssm, pageSize: 50 },
    { CommandId: command, Details: true },
  );
  try {
    for await (const { CommandInvocations = [] } of pages)
      for (const { InstanceId, StatusDetails, CommandPlugins = [] } of CommandInvocations)
        if (InstanceId !== undefined)
          observed.push(toObserved(command, InstanceId, StatusDetails, CommandPlugins[0]?.Output));
    return observed;
  } catch (error) {
    if (hasCode(error, notKnown)) return observed;
    throw error;
  }
}

/** Every other status is an end: SSM documents more of them than occur, and may add some. */
const underWay = new Set(['Pending', 'InProgress', 'Delayed', 'Cancelling']);

/** What SSM shows of a command, in our words. */
export function toObserved(command: string, instance: string, details = '', output = ''): ObservedCommand {
  // The documentation prints "Delivery Timed Out" as well
  const detail = details.replaceAll(' ', '');
  const status = underWay.has(detail) ? 'under-way' : detail === 'Success' ? 'succeeded' : 'failed';
  return { command, instance, status, detail, lines: parseScriptOutput(output) };
}

/**
 * Does SSM have a live channel to the agent? It shows a loss sooner than the agent's pings do.
 *
 * @returns the error's words where SSM does not tell, as without the right to ask: that proves nothing
 */
export async function connectionOf(
  ssm: SSMClient,
  instance: string,
): Promise<ObservedReachability['connection']> {
  try {
    const { Status } = await ssm.send(new GetConnectionStatusCommand({ Target: instance }));
    return Status === 'connected' ? 'connected' : 'not connected';
  } catch (error) {
    return { unknown: describeError(error) };
  }
}
