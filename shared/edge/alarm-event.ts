import * as v from 'valibot';
import type { AlarmRecovery } from '../core/incidents/alarm-recovery.ts';
import { EventError } from './event-error.ts';
import { describeIssues } from './issues.ts';

/** CloudWatch writes the offset without a colon: `2026-11-22T10:00:00.000+0000`. */
const time = v.pipe(
  v.string(),
  v.transform((text) => Date.parse(text.replace(/([+-]\d\d)(\d\d)$/u, '$1:$2'))),
  v.number('is no time'),
);

/** Source: CloudWatch User Guide, alarm events and EventBridge. */
const alarmStateChange = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-zA-Z-]{1,64}$/u, 'is not the id of an event')),
  detail: v.object({
    alarmName: v.string(),
    state: v.object({ value: v.literal('OK', 'is not OK'), reason: v.string(), timestamp: time }),
    previousState: v.object({ value: v.literal('ALARM', 'is not ALARM'), timestamp: time }),
  }),
});

export function isAlarmEvent(event: unknown): boolean {
  return v.is(v.object({ source: v.literal('aws.cloudwatch') }), event);
}

/**
 * An alarm's change from ALARM to OK; the rule of the function lets no other through.
 *
 * @throws {EventError} naming each field that is wrong
 */
export function parseAlarmRecovery(event: unknown): AlarmRecovery {
  const result = v.safeParse(alarmStateChange, event);
  if (!result.success)
    throw new EventError(`not the recovery of a CloudWatch alarm: ${describeIssues(result.issues)}`);
  const { id, detail } = result.output;
  return {
    id,
    alarm: detail.alarmName,
    reason: detail.state.reason,
    beganAt: detail.previousState.timestamp,
    endedAt: detail.state.timestamp,
  };
}
