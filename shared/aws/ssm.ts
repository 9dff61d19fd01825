import {
  CancelCommandCommand,
  type CommandFilter,
  GetCommandInvocationCommand,
  GetConnectionStatusCommand,
  ListCommandInvocationsCommand,
  paginateDescribeInstanceInformation,
  paginateListCommandInvocations,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type {
  ObservedAgent,
  ObservedCommand,
  ObservedPush,
  ObservedReachability,
} from '../core/observation.ts';
import { describeError, hasCode } from './errors.ts';
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
  readonly leave: string;
  readonly rescue: string;
  readonly probe: string;
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

/**
 * Just after SendCommand, SSM may not know the command yet, and after 30 days no more; nor what ran on a host that is gone. Which of the
 * three it says when is not documented. Source: the errors of GetCommandInvocation and ListCommandInvocations in the API model.
 */
const notKnown = new Set(['InvocationDoesNotExist', 'InvalidCommandId', 'InvalidInstanceId']);

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
    if (hasCode(error, notKnown)) return [];
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

function toObserved(command: string, instance: string, details = '', output = ''): ObservedCommand {
  // The documentation prints "Delivery Timed Out" as well
  const detail = details.replaceAll(' ', '');
  const status = underWay.has(detail) ? 'under-way' : detail === 'Success' ? 'succeeded' : 'failed';
  return { command, instance, status, detail, lines: parseScriptOutput(output) };
}

/** How the comment of a command begins that runs one of the ordinary pushes; a first sync runs the same document. */
export const pushComment = 'hostsync push';

/** Milliseconds that a tick looks back for pushes that have ended. */
const lookBack = 5 * 60_000;
/** Milliseconds after which SSM itself declares a push over: delivery and execution timeout. */
const longestPush = (deliveryTimeout + 3600) * 1000;

export interface PushQuery {
  readonly document: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Was it weighed before? Then its whole output is not needed. */
  readonly isKnown: (instance: string, requestedAt: number) => boolean;
}

/**
 * The pushes of the last five minutes, and older ones that still run, of all groups. Two calls for each 50 of them, and
 * one more for each ended push that is not known yet and said more than the 2,500 characters that a listing holds.
 */
export async function observePushes(
  ssm: SSMClient,
  { document, now, isKnown }: PushQuery,
): Promise<readonly ObservedPush[]> {
  const recent = now - lookBack;
  const [ended, running] = await Promise.all([
    listPushes(ssm, [
      { key: 'DocumentName', value: document },
      { key: 'InvokedAfter', value: isoSeconds(recent) },
    ]),
    listPushes(ssm, [
      { key: 'DocumentName', value: document },
      { key: 'Status', value: 'InProgress' },
      { key: 'InvokedAfter', value: isoSeconds(now - longestPush) },
      { key: 'InvokedBefore', value: isoSeconds(recent) },
    ]),
  ]);
  return Promise.all(
    [...ended, ...running].map(async (push) => {
      const { command, instance, requestedAt, status, lines } = push;
      const whole = status === 'under-way' || lines.some(({ kind }) => kind === 'push');
      if (whole || isKnown(instance, requestedAt)) return push;
      const full = await observePush(ssm, { command, instance, requestedAt });
      return typeof full === 'string' ? push : full;
    }),
  );
}

async function listPushes(
  ssm: SSMClient,
  filters: readonly CommandFilter[],
): Promise<readonly ObservedPush[]> {
  const pushes: ObservedPush[] = [];
  const pages = paginateListCommandInvocations(
    { client: ssm, pageSize: 50 },
    { Filters: [...filters], Details: true },
  );
  for await (const { CommandInvocations = [] } of pages)
    for (const each of CommandInvocations) {
      const { CommandId, InstanceId, Comment, RequestedDateTime, StatusDetails, CommandPlugins = [] } = each;
      const [plugin] = CommandPlugins;
      if (CommandId === undefined || InstanceId === undefined || !isPush(Comment)) continue;
      const requestedAt = RequestedDateTime?.getTime() ?? 0;
      const observed = toObserved(CommandId, InstanceId, StatusDetails, plugin?.Output);
      pushes.push({ ...observed, requestedAt, exitCode: exitCode(plugin?.ResponseCode) });
    }
  return pushes;
}

/**
 * What became of one push.
 *
 * @returns `other` for a run of the document that is no ordinary push, `unknown` while SSM does not know it yet
 */
export async function observePush(
  ssm: SSMClient,
  { command, instance, requestedAt }: Pick<ObservedPush, 'command' | 'instance' | 'requestedAt'>,
): Promise<ObservedPush | 'other' | 'unknown'> {
  try {
    const { Comment, StatusDetails, StandardOutputContent, ResponseCode } = await ssm.send(
      new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance }),
    );
    if (!isPush(Comment)) return 'other';
    const observed = toObserved(command, instance, StatusDetails, StandardOutputContent);
    return { ...observed, requestedAt, exitCode: exitCode(ResponseCode) };
  } catch (error) {
    if (hasCode(error, notKnown)) return 'unknown';
    throw error;
  }
}

function isPush(comment: string | undefined): boolean {
  return comment?.startsWith(pushComment) ?? false;
}

/** -1 stands for "not started". */
function exitCode(code: number | undefined): number | undefined {
  return code === undefined || code < 0 ? undefined : code;
}

/** The form that the filters take: no fractions of a second. Source: API reference of SSM, CommandFilter. */
function isoSeconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/u, 'Z');
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

/** It has ended, or went with its host: there is nothing to cancel. */
const nothingToCancel = new Set(['InvalidCommandId', 'InvalidInstanceId']);

/**
 * Cancels every push that SSM still sees running on a host, each whatever becomes of the others. Best effort, as `CancelCommand` itself is: the
 * fence is the key.
 */
export async function cancelPushes(ssm: SSMClient, document: string, instance: string): Promise<void> {
  const { CommandInvocations = [] } = await ssm.send(
    new ListCommandInvocationsCommand({
      InstanceId: instance,
      Filters: [
        { key: 'DocumentName', value: document },
        { key: 'Status', value: 'InProgress' },
      ],
    }),
  );
  const cancelled = await Promise.allSettled(
    CommandInvocations.flatMap(({ CommandId }) =>
      CommandId === undefined
        ? []
        : [ssm.send(new CancelCommandCommand({ CommandId, InstanceIds: [instance] }))],
    ),
  );
  const errors = cancelled.flatMap((each) =>
    each.status === 'rejected' && !hasCode(each.reason, nothingToCancel) ? [each.reason] : [],
  );
  if (errors.length > 0) throw new AggregateError(errors, errors.map(describeError).join('; '));
}
