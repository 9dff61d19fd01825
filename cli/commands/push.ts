import { observePush, sendPush } from '../../shared/aws/pushes.ts';
import type { ObservedPush } from '../../shared/core/model/observation.ts';
import { planned as plannedRequest } from '../../shared/core/model/request.ts';
import { describePush, type PushSummary, summarizePush } from '../../shared/core/operator/summarize-push.ts';
import { CommandError, exitCodes, RefusedError } from '../errors.ts';
import { interruption } from '../follow.ts';
import { observe } from '../observe.ts';
import type { ActionOptions } from '../options.ts';
import { symbolOf } from '../output/status-text.ts';
import type { Session } from '../session.ts';

export interface PushCommandOptions extends ActionOptions {
  readonly group?: string;
}

/** Milliseconds between two questions on the command. */
const askPause = 500;

/** Pushes now, as the tick would. @returns 0 if all secondaries have everything, 1 if not, 2 if deletions are held */
export async function push(session: Session, options: PushCommandOptions): Promise<number> {
  const group = await session.group(options.group);
  const summary = await pushNow(session, group, options.timeout);
  const { terminal } = session;
  if (options.output === 'json') terminal.print(JSON.stringify(summary, undefined, 2));
  return sayPush(session, summary, group);
}

/** Says to the person how a push went. @returns the exit code */
export function sayPush({ terminal }: Session, summary: PushSummary, group: string): number {
  for (const { level, text } of describePush(summary, group))
    terminal.say(`${terminal.symbol(symbolOf[level])} ${text}`);
  return summary.exitCode;
}

/**
 * Has the primary push with the request of a tick, and waits for the result.
 *
 * @param timeout in seconds
 * @param accepted the id of held deletions that the operator has just accepted: EC2 may not show the tag yet
 * @throws {RefusedError} with the reason, where nothing can be pushed
 */
export async function pushNow(
  session: Session,
  group: string,
  timeout: number,
  accepted?: string,
): Promise<PushSummary> {
  const { terminal, clients } = session;
  const { plan } = await observe(session, group);
  const planned = plan.find((action) => action.kind === 'push');
  if (planned === undefined) {
    const reasons = plan.flatMap((action) => ('reason' in action ? [action.reason] : []));
    throw new RefusedError(`Nothing can be pushed: ${reasons.join('; ')}`, `See: hostsync doctor ${group}`);
  }
  const { primary, reason } = planned;
  const request = { ...planned.request, ...(accepted !== undefined && { acceptDeletions: accepted }) };
  // A watch says what became of it when it ends: who waits for an answer has one push
  const once = { ...request, watch: 'end' as const };
  const { documents, settings } = session.tools(group);
  terminal.say(`${terminal.symbol('working')} ${reason}`);
  const requestedAt = Date.now();
  session.didWrite = true;
  const command = await sendPush(clients.ssm, documents.push, primary, once, ', asked for by an operator');
  const ended = await untilEnded(session, { command, instance: primary, requestedAt }, timeout);
  if (request.watch === 'auto') {
    const times = { tick: Date.now(), tickSeconds: settings.tickSeconds };
    await sendPush(clients.ssm, documents.push, primary, plannedRequest(planned.request, primary, times));
  }
  return summarizePush(
    ended,
    request.secondaries.map(({ id }) => id),
  );
}

async function untilEnded(
  session: Session,
  command: Pick<ObservedPush, 'command' | 'instance' | 'requestedAt'>,
  timeout: number,
): Promise<ObservedPush> {
  const goesOn = `The push goes on without this command (${command.command}). See: hostsync status`;
  const interrupt = interruption(goesOn);
  try {
    for (;;) {
      const observed = await observePush(session.clients.ssm, command);
      if (typeof observed !== 'string' && observed.status !== 'under-way') return observed;
      if (Date.now() - command.requestedAt > timeout * 1000)
        throw new CommandError(exitCodes.refused, `The push has not ended after ${timeout} s`, goesOn);
      await interrupt.pause(askPause);
    }
  } finally {
    interrupt.end();
  }
}
