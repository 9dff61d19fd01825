import { plainText, subjectText } from '../model/plain-text.ts';
import { duration, secondsBetween } from '../model/time.ts';
import type { Alert } from './alert-text.ts';
import { runbookOfAlarms } from './runbook.ts';

/** A CloudWatch alarm went from ALARM to OK. Times are in milliseconds since 1970. */
export interface AlarmRecovery {
  /** Of the event, the same however often it comes. */
  readonly id: string;
  readonly alarm: string;
  /** Why the alarm is OK, in CloudWatch's words. */
  readonly reason: string;
  readonly beganAt: number;
  readonly endedAt: number;
}

/** The message on an alarm that is over. That it rang, CloudWatch tells itself. */
export function composeRecovery({ alarm, reason, beganAt, endedAt }: AlarmRecovery): Alert {
  const lasted = duration(secondsBetween(beganAt, endedAt));
  const body = [
    `The alarm ${alarm} was resolved after ${lasted} (it began at ${new Date(beganAt).toISOString()}).`,
    `CloudWatch says: ${plainText(reason, 1000)}`,
    'There is nothing to do.',
    `Runbook: ${runbookOfAlarms}`,
  ];
  return { subject: subjectText(`hostsync: resolved: alarm ${alarm}`), body: `${body.join('\n\n')}\n` };
}
