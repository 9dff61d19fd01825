import * as v from 'valibot';
import { integer, operation, type Service, text } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { Stack } from '../cloudformation/stack.ts';
import type { InvocationRecord } from '../lambda/lambda.ts';

interface LogEvent {
  readonly eventId: string;
  readonly logStreamName: string;
  readonly timestamp: number;
  readonly ingestionTime: number;
  readonly message: string;
}

const filterLogEventsSchema = v.strictObject({
  logGroupName: v.pipe(text(1, 512), v.regex(/^[.\-_/#A-Za-z0-9]+$/)),
  startTime: v.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  endTime: v.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  filterPattern: v.optional(text(0, 1024)),
  limit: v.optional(integer(1, 10_000)),
  nextToken: v.optional(text(1, 4096)),
});

/** CloudWatch Logs, as far as functions write to it: what they have printed, by the log groups that Lambda names. */
export function logsService(
  account: Account,
  stack: Stack,
  invocations: () => readonly InvocationRecord[],
): Service {
  const filterLogEvents = operation({
    name: 'FilterLogEvents',
    schema: filterLogEventsSchema,
    access: ({ logGroupName }) => [
      {
        action: 'logs:FilterLogEvents',
        resource: arnOf(account, 'logs', `log-group:${logGroupName}:*`),
        context: {},
      },
    ],
    run({
      logGroupName,
      startTime = 0,
      endTime = Number.POSITIVE_INFINITY,
      filterPattern,
      limit,
      nextToken,
    }) {
      if (!stack.logGroups.includes(logGroupName))
        throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
      const matches = patternOf(filterPattern ?? '');
      const name = logGroupName.replace(/^\/aws\/lambda\//, '');
      const logicalId = stack.functions.find((each) => each.name === name)?.logicalId;
      const found = invocations()
        .filter((each) => each.function === logicalId)
        .flatMap(eventsOf)
        .filter(({ timestamp, message }) => timestamp >= startTime && timestamp < endTime && matches(message))
        .toSorted((one, other) => one.timestamp - other.timestamp);
      const from = Number(nextToken ?? 0);
      const events = found.slice(from, from + (limit ?? 10_000));
      const next = from + events.length;
      return {
        events,
        searchedLogStreams: [],
        ...(next < found.length && { nextToken: String(next) }),
      };
    },
  });
  return {
    signingName: 'logs',
    protocol: { kind: 'json', version: '1.1', targetPrefix: 'Logs_20140328' },
    source: 'cloudwatch/log-operations.ts',
    operations: [filterLogEvents],
  };
}

/** Lines in JSON have a time of their own, as Lambda takes it; the others that of their invocation. */
function eventsOf({ requestId, logs, startedAt }: InvocationRecord): readonly LogEvent[] {
  return logs.map((message, index) => {
    const timestamp = timeOf(message) ?? startedAt.getTime();
    return {
      ...{ eventId: `${requestId}-${index}`, logStreamName: requestId, timestamp, message },
      ingestionTime: timestamp,
    };
  });
}

function timeOf(line: string): number | undefined {
  const time = /"timestamp":"([^"]+)"/.exec(line)?.[1];
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/**
 * Of the filter patterns the one form `{ $.member = "value" }`, without wildcards.
 *
 * @throws AwsError for any other
 */
function patternOf(pattern: string): (line: string) => boolean {
  if (pattern.trim() === '') return () => true;
  const [, member = '', value] = /^\{\s*\$\.(\w+)\s*=\s*"([^"*]*)"\s*\}$/.exec(pattern.trim()) ?? [];
  if (value === undefined)
    throw new AwsError(
      'InvalidParameterException',
      `the local cloud knows the pattern { $.member = "value" } only, and not ${pattern}`,
    );
  return (line) => {
    try {
      const parsed: unknown = JSON.parse(line);
      return (
        typeof parsed === 'object' &&
        parsed !== null &&
        Object.entries(parsed).some(([key, its]) => key === member && its === value)
      );
    } catch {
      return false;
    }
  };
}
