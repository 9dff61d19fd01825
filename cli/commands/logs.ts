import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudWatchLogsClient,
  type FilteredLogEvent,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { hasCode } from '../../shared/aws/errors.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { chooseGroup } from '../observe.ts';
import { type LogLine, parseLogLine, renderLogLine } from '../render/log-line.ts';

export interface LogsOptions {
  readonly follow: boolean;
  /** Minutes. */
  readonly since: number;
  readonly level: 'info' | 'warn' | 'error';
}

/** Those that write of groups. */
const functions = ['sync', 'reconcile', 'command-result', 'alert'] as const;

/** Milliseconds between two questions; what is written is there to be read some seconds later. */
const followEvery = 5000;
const lateness = 30_000;

/** @throws what CloudWatch Logs refuses */
export async function logs(
  context: Context,
  given: string | undefined,
  { follow, since, level }: LogsOptions,
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const client = new CloudWatchLogsClient({});
  const seen = new Set<string>();
  let from = Date.now() - since * 60_000;
  for (;;) {
    const asked = Date.now();
    const found = await Promise.all(
      functions.map((name) => readLines(client, context, { name, group, from })),
    );
    const lines = found.flat().filter(({ id, line }) => !seen.has(id) && isAsked(line, level));
    for (const { id } of lines) seen.add(id);
    for (const { line } of lines.toSorted((one, other) => one.line.at - other.line.at))
      context.terminal.out(renderLogLine(line, context.terminal.look));
    if (!follow) return exitCodes.ok;
    from = Math.max(from, asked - lateness);
    await sleep(followEvery);
  }
}

const ranks = ['info', 'warn', 'error'];

function isAsked({ level }: LogLine, least: LogsOptions['level']): boolean {
  const rank = ranks.indexOf(level.toLowerCase());
  // A level of no such name, as CRITICAL, is more than these
  return (rank === -1 ? ranks.length : rank) >= ranks.indexOf(least);
}

/** No run yet has made it, or its lines are all too old. */
const noLogGroup = new Set(['ResourceNotFoundException']);

async function readLines(
  client: CloudWatchLogsClient,
  { stage }: Context,
  { name, group, from }: { readonly name: string; readonly group: string; readonly from: number },
): Promise<readonly { readonly id: string; readonly line: LogLine }[]> {
  const events: FilteredLogEvent[] = [];
  try {
    const query = { logGroupName: `/aws/lambda/hostsync-${stage}-${name}`, startTime: from };
    // Names of groups have no quote and no wildcard
    const filterPattern = `{ $.group = "${group}" }`;
    for await (const page of paginateFilterLogEvents({ client }, { ...query, filterPattern }))
      events.push(...(page.events ?? []));
  } catch (error) {
    if (!hasCode(error, noLogGroup)) throw error;
  }
  return events.flatMap(({ eventId = '', timestamp = 0, message = '' }) => {
    const line = parseLogLine(name, timestamp, message);
    return line === undefined ? [] : [{ id: `${name} ${eventId}`, line }];
  });
}
