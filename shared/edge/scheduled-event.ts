import * as v from 'valibot';
import { EventError } from './event-error.ts';
import { describeIssues } from './issues.ts';

/** The envelope of a scheduled rule's event. Source: EventBridge User Guide, "Scheduled Event"; unknown fields are ignored. */
const scheduledEvent = v.object({
  source: v.literal('aws.events', 'is not "aws.events"'),
  'detail-type': v.literal('Scheduled Event', 'is not "Scheduled Event"'),
  time: v.pipe(v.string('is no text'), v.isoTimestamp('is no ISO 8601 time')),
});

export interface ScheduledTick {
  /** The minute that the schedule named, in milliseconds since 1970. */
  readonly scheduledAt: number;
}

/**
 * @throws {EventError} naming each field that is wrong
 */
export function parseScheduledEvent(event: unknown): ScheduledTick {
  const result = v.safeParse(scheduledEvent, event);
  if (result.success) return { scheduledAt: Date.parse(result.output.time) };
  throw new EventError(
    `not an event of an EventBridge schedule: ${describeIssues(result.issues)}. To try the function by hand, send it {"source":"aws.events","detail-type":"Scheduled Event","time":"<now, as 2026-01-31T10:00:00Z>"}`,
  );
}
