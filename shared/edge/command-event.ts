import * as v from 'valibot';
import { EventError } from './event-error.ts';
import { describeIssues } from './issues.ts';

/** Where an event says to look: a command on one host. What it says of its status is not believed: SSM is asked. */
export interface CommandEvent {
  readonly command: string;
  readonly instance: string;
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  readonly document: string;
}

/** Source: SSM User Guide, "Amazon EventBridge event examples"; unknown fields are ignored. */
const commandEvent = v.object({
  source: v.literal('aws.ssm', 'is not "aws.ssm"'),
  'detail-type': v.literal(
    'EC2 Command Invocation Status-change Notification',
    'is not "EC2 Command Invocation Status-change Notification"',
  ),
  detail: v.object({
    'command-id': v.string('is no text'),
    'document-name': v.string('is no text'),
    'instance-id': v.string('is no text'),
    'requested-date-time': v.pipe(v.string('is no text'), v.isoTimestamp('is no ISO 8601 time')),
  }),
});

/**
 * @throws {EventError} naming each field that is wrong
 */
export function parseCommandEvent(event: unknown): CommandEvent {
  const result = v.safeParse(commandEvent, event);
  if (!result.success)
    throw new EventError(
      `not an event of SSM on the end of a command on a host: ${describeIssues(result.issues)}`,
    );
  const { detail } = result.output;
  return {
    command: detail['command-id'],
    instance: detail['instance-id'],
    requestedAt: Date.parse(detail['requested-date-time']),
    document: detail['document-name'],
  };
}
