import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { integer, operation, type Service } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { Stack } from '../cloudformation/stack.ts';
import type { InvocationRecord } from '../lambda/lambda.ts';

/** One comparison of a member of a JSON line with a text: all that is served of the filter syntax. */
const comparison = /^\{\s*\$\.(?<member>[A-Za-z_]\w*)\s*=\s*"(?<value>[^"]*)"\s*\}$/u;

const filterSchema = v.strictObject({
  logGroupName: v.pipe(v.string(), v.minLength(1), v.maxLength(512)),
  startTime: v.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  endTime: v.optional(integer(0, Number.MAX_SAFE_INTEGER)),
  filterPattern: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(1024),
      v.regex(
        comparison,
        'is not { $.member = "value" }, which is all that the local cloud serves of filters',
      ),
    ),
  ),
  limit: v.optional(integer(1, 10_000)),
  nextToken: v.optional(v.string()),
});

/** CloudWatch Logs, for what functions have written. A line has the time at which its run began. */
export function logsService(
  account: Account,
  stack: Stack,
  invocations: () => readonly InvocationRecord[],
): Service {
  const filterLogEvents = operation({
    name: 'FilterLogEvents',
    schema: filterSchema,
    access: ({ logGroupName }) => [
      {
        action: 'logs:FilterLogEvents',
        resource: `${arnOf(account, 'logs', `log-group:${logGroupName}`)}:*`,
        context: { 'aws:RequestedRegion': account.region },
      },
    ],
    run({ nextToken, limit = 10_000, ...request }) {
      const { logGroupName, startTime = 0, endTime = Number.MAX_SAFE_INTEGER, filterPattern } = request;
      const writers = writersOf(stack, logGroupName);
      const wanted = comparison.exec(filterPattern ?? '')?.groups;
      const found = invocations()
        .filter(({ function: name }) => writers.has(name))
        .flatMap(({ logs, startedAt, requestId }) =>
          logs.map((message, index) => ({
            message,
            timestamp: startedAt.getTime(),
            eventId: `${requestId}-${index}`,
          })),
        )
        .filter(({ timestamp, message }) => {
          if (timestamp < startTime || timestamp >= endTime) return false;
          return wanted === undefined || memberOf(message, wanted['member'] ?? '') === wanted['value'];
        });
      const page = pageOf(found, limit, nextToken, request);
      return { events: page.items, searchedLogStreams: [], nextToken: page.nextToken };
    },
  });
  return {
    signingName: 'logs',
    protocol: { kind: 'json', version: '1.1', targetPrefix: 'Logs_20140328' },
    source: 'cloudwatch/log-operations.ts',
    operations: [filterLogEvents],
  };
}

/** The logical ids of the functions that log there. */
function writersOf(stack: Stack, logGroup: string): ReadonlySet<string> {
  if (!stack.logGroups.includes(logGroup))
    throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
  const writers = stack.functions.filter(
    ({ name, LoggingConfig }) => (LoggingConfig?.LogGroup ?? `/aws/lambda/${name}`) === logGroup,
  );
  return new Set(writers.map(({ logicalId }) => logicalId));
}

/** A line that is no JSON has no members. */
function memberOf(line: string, member: string): unknown {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, member) : undefined;
  } catch {
    return undefined;
  }
}
