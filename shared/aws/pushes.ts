import {
  CancelCommandCommand,
  type CommandFilter,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  paginateListCommandInvocations,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { ObservedPush } from '../core/model/observation.ts';
import { formatPushRequest, type PushRequest } from '../core/model/request.ts';
import { errorsOf, hasCode, throwAll } from './errors.ts';
import { deliveryTimeout, isSameDocument, notKnown, sendScript, toObserved } from './ssm.ts';

/** How the comment of a command begins that runs one of the ordinary pushes; a first sync runs the same document. */
const pushComment = 'hostsync push';
/** The same of one that stays and watches. */
const watchComment = `${pushComment} and watch`;

/** @param note shown in the history of Run Command. @returns the command's id */
export function sendPush(
  ssm: SSMClient,
  document: string,
  primary: string,
  request: PushRequest,
  note = '',
): Promise<string> {
  const what = request.watch === 'auto' ? watchComment : pushComment;
  const comment = `${what}, group ${request.group}, epoch ${request.epoch}${note}`;
  return sendScript(ssm, document, [primary], formatPushRequest(request), comment);
}

/** Milliseconds that a tick looks back for pushes that have ended. */
const lookBack = 5 * 60_000;
/** Milliseconds after which SSM itself declares a push over: delivery and execution timeout. */
const longestPush = (deliveryTimeout + 3600) * 1000;

export interface PushQuery {
  readonly document: string;
  /** The primary. */
  readonly instance: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Was it weighed before? Then its whole output is not needed. */
  readonly isKnown: (instance: string, requestedAt: number) => boolean;
  /** The whole output of this push could not be had: it is left out, and the next tick asks again. */
  readonly fail: (push: ObservedPush, error: unknown) => void;
}

/**
 * The pushes of one primary in the last five minutes, and older ones that still run. Two calls for each 50 of them, and
 * one more for each ended push that is not known yet and said more than the 2,500 characters that a listing holds.
 */
export async function observePushes(
  ssm: SSMClient,
  { document, instance: primary, now, isKnown, fail }: PushQuery,
): Promise<readonly ObservedPush[]> {
  const recent = now - lookBack;
  const [ended, running] = await Promise.all([
    listPushes(ssm, document, primary, [{ key: 'InvokedAfter', value: isoSeconds(recent) }]),
    listPushes(ssm, document, primary, [
      { key: 'Status', value: 'InProgress' },
      { key: 'InvokedAfter', value: isoSeconds(now - longestPush) },
      { key: 'InvokedBefore', value: isoSeconds(recent) },
    ]),
  ]);
  const whole = await Promise.all(
    [...ended, ...running].map(async (push) => {
      const { command, instance, requestedAt } = push;
      if (isWhole(push) || (isKnown(instance, requestedAt) && !asksToGoOn(push, now))) return [push];
      try {
        const full = await observePush(ssm, { command, instance, requestedAt });
        return [typeof full === 'string' ? push : full];
      } catch (error) {
        fail(push, error);
        return [];
      }
    }),
  );
  return whole.flat();
}

/** A watch says last why it ended, so that another push can go on at once. */
function asksToGoOn({ watches, requestedAt, lines }: ObservedPush, now: number): boolean {
  return watches === true && now - requestedAt < lookBack && !lines.some(({ kind }) => kind === 'watch');
}

/** By comment and document, and not by a filter on the document: an upgrade makes another one, and what runs then is a push like any other. */
/** A line is as long as it is whole. Of many secondaries the summary comes first, and says of how many secondaries lines follow. */
function isWhole({ status, lines }: ObservedPush): boolean {
  const summary = lines.find(({ kind }) => kind === 'push');
  if (status === 'under-way') return true;
  if (summary?.kind !== 'push') return false;
  const told = lines.filter(({ kind }) => kind === 'secondary').length;
  return told >= (summary.secondaries ?? 0);
}

async function listPushes(
  ssm: SSMClient,
  document: string,
  primary: string,
  filters: readonly CommandFilter[],
): Promise<readonly ObservedPush[]> {
  const pushes: ObservedPush[] = [];
  const pages = paginateListCommandInvocations(
    { client: ssm, pageSize: 50 },
    { InstanceId: primary, Filters: [...filters], Details: true },
  );
  for await (const { CommandInvocations = [] } of pages)
    for (const each of CommandInvocations) {
      const { CommandId, InstanceId, Comment, DocumentName } = each;
      const { RequestedDateTime, StatusDetails, CommandPlugins = [] } = each;
      const [plugin] = CommandPlugins;
      if (CommandId === undefined || InstanceId === undefined || !isPush(Comment)) continue;
      if (!isSameDocument(DocumentName, document)) continue;
      const requestedAt = RequestedDateTime?.getTime() ?? 0;
      const observed = toObserved(CommandId, InstanceId, StatusDetails, plugin?.Output);
      pushes.push({ ...observed, requestedAt, ...ofPush(Comment, plugin?.ResponseCode) });
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
    return { ...observed, requestedAt, ...ofPush(Comment, ResponseCode) };
  } catch (error) {
    if (hasCode(error, notKnown)) return 'unknown';
    throw error;
  }
}

function isPush(comment: string | undefined): boolean {
  return comment?.startsWith(pushComment) ?? false;
}

function ofPush(comment = '', code: number | undefined): Pick<ObservedPush, 'watches' | 'exitCode'> {
  return { watches: comment.startsWith(watchComment), exitCode: exitCode(code) };
}

/** -1 stands for "not started". */
function exitCode(code: number | undefined): number | undefined {
  return code === undefined || code < 0 ? undefined : code;
}

/** The form that the filters take: no fractions of a second. Source: API reference of SSM, CommandFilter. */
function isoSeconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/u, 'Z');
}

/** It has ended, or went with its host: there is nothing to cancel. */
const nothingToCancel = new Set(['InvalidCommandId', 'InvalidInstanceId']);

/**
 * Cancels every push that SSM still sees running on a host, each whatever becomes of the others. Best effort, as `CancelCommand` itself is: the
 * fence is the key.
 *
 * @returns the ids of the commands
 */
export async function cancelPushes(
  ssm: SSMClient,
  document: string,
  instance: string,
): Promise<readonly string[]> {
  const commands = await listRunning(ssm, document, instance);
  const errors = await errorsOf(
    commands.map((CommandId) => ssm.send(new CancelCommandCommand({ CommandId, InstanceIds: [instance] }))),
  );
  throwAll(errors.filter((error) => !hasCode(error, nothingToCancel)));
  return commands;
}

async function listRunning(ssm: SSMClient, document: string, instance: string): Promise<readonly string[]> {
  try {
    const { CommandInvocations = [] } = await ssm.send(
      new ListCommandInvocationsCommand({
        InstanceId: instance,
        Filters: [{ key: 'Status', value: 'InProgress' }],
      }),
    );
    return CommandInvocations.flatMap(({ CommandId, DocumentName }) =>
      CommandId !== undefined && isSameDocument(DocumentName, document) ? [CommandId] : [],
    );
  } catch (error) {
    if (hasCode(error, nothingToCancel)) return [];
    throw error;
  }
}
