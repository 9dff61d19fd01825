import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { interruption } from '../follow.ts';
import type { CommonOptions } from '../options.ts';
import { type LogEntry, logText, parseLogLine } from '../output/log-text.ts';
import type { Session } from '../session.ts';

export interface LogsOptions extends CommonOptions {
  readonly group?: string;
  readonly follow?: boolean;
  /** Seconds. */
  readonly since: number;
}

/** The functions that log a group's name in a field of their lines. */
const functions = ['sync', 'reconcile', 'command-result'] as const;

/** Milliseconds between two questions of `-f`; and how late a line may come, for CloudWatch takes its time. */
const followPause = 2_000;
const lateness = 30_000;

export async function logs(session: Session, options: LogsOptions): Promise<number> {
  const group = await session.group(options.group);
  const client = new CloudWatchLogsClient({ maxAttempts: 5 });
  const seen = new Set<string>();
  let from = Date.now() - options.since * 1000;
  const interrupt = interruption('The functions go on.');
  try {
    for (;;) {
      const asked = Date.now();
      const entries = await readLogs(client, session.deployment.stage, group, from, seen);
      for (const entry of entries) show(session, options, entry);
      if (options.follow !== true) return 0;
      from = asked - lateness;
      await interrupt.pause(followPause);
    }
  } finally {
    interrupt.end();
    client.destroy();
  }
}

function show({ terminal }: Session, { output }: LogsOptions, entry: LogEntry): void {
  terminal.print(output === 'table' ? logText(entry, terminal) : JSON.stringify(entry));
}

/** The lines of all functions by time; those that were shown are left out. */
async function readLogs(
  client: CloudWatchLogsClient,
  stage: string,
  group: string,
  startTime: number,
  seen: Set<string>,
): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  for (const name of functions) {
    const pages = paginateFilterLogEvents(
      { client },
      {
        logGroupName: `/aws/lambda/hostsync-${stage}-${name}`,
        startTime: Math.max(0, startTime),
        filterPattern: `{ $.group = "${group}" }`,
      },
    );
    for await (const { events = [] } of pages)
      for (const { eventId = '', message = '' } of events) {
        const entry = parseLogLine(message, name);
        if (entry === undefined || seen.has(`${name} ${eventId}`)) continue;
        seen.add(`${name} ${eventId}`);
        entries.push(entry);
      }
  }
  return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
