import * as v from 'valibot';
import type { WakeUp } from '../core/model/wake-up.ts';
import { EventError } from './event-error.ts';
import { describeIssues } from './issues.ts';

const body = v.pipe(
  v.string(),
  v.parseJson(undefined, 'is no JSON'),
  v.object({
    v: v.literal(1, 'is not 1'),
    group: v.string('is no text'),
    because: v.string('is no text'),
    at: v.number('is no number'),
    ref: v.string('is no text'),
    tick: v.optional(v.number('is no number')),
  }),
);

/** Source: Lambda Developer Guide, "Using Lambda with Amazon SQS". */
const batch = v.object({ Records: v.array(v.object({ body })) });

/** The body of a message that asks for a look. */
export function formatWakeUp(wakeUp: WakeUp): string {
  return JSON.stringify({ v: 1, ...wakeUp });
}

/**
 * The wake-ups of a batch of messages.
 *
 * @throws {EventError} naming each field that is wrong
 */
export function parseWakeUps(event: unknown): readonly WakeUp[] {
  const result = v.safeParse(batch, event);
  if (!result.success)
    throw new EventError(`not a batch of wake-ups from the queue: ${describeIssues(result.issues)}`);
  return result.output.Records.map((record) => record.body);
}
