import { PublishCommand } from '@aws-sdk/client-sns';
import { makeClients } from '../../shared/aws/clients.ts';
import {
  claimNotification,
  NotificationLogError,
  readNotificationLog,
  settleNotification,
  writeNotificationLog,
} from '../../shared/aws/notifications.ts';
import { composeRecovery } from '../../shared/core/incidents/alarm-recovery.ts';
import type { Alert } from '../../shared/core/incidents/alert-text.ts';
import { composeAlert } from '../../shared/core/incidents/compose-alert.ts';
import {
  decideNotification,
  type IncidentUpdate,
  incidentUpdate,
  type NotificationDecision,
} from '../../shared/core/incidents/notification-log.ts';
import { isAlarmEvent, parseAlarmRecovery } from '../../shared/edge/alarm-event.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { makeHandler } from '../../shared/edge/handler.ts';

const configuration = readConfiguration('alert');
const { dynamoDb, sns } = makeClients();
const memory = { dynamoDb, table: configuration.HOSTSYNC_TABLE };

/** One message, and what subscriptions filter by. */
interface Notification {
  /** Of what happened, the same however often the event comes. */
  readonly id: string;
  readonly event: string;
  readonly group: string;
  readonly alert: Alert;
  /** Of an incident, so that what could not be stored is not sent at every tick. */
  readonly update: IncidentUpdate | undefined;
}

/** @returns undefined for what nobody has to know */
function readNotification(raw: unknown): Notification | undefined {
  if (isAlarmEvent(raw)) {
    const recovery = parseAlarmRecovery(raw);
    const alert = composeRecovery(recovery);
    return { id: recovery.id, event: 'Alarm Resolved', group: '', alert, update: undefined };
  }
  const event = parseDomainEvent(raw);
  const alert = composeAlert(event, Date.now());
  const { id, group } = event.detail;
  return alert && { id, event: event.type, group, alert, update: incidentUpdate(event) };
}

/** How often a log that another run has just changed is read again. */
const tries = 5;

/** Notes that an incident is notified, unless the same was before. */
async function logNotification(id: string, update: IncidentUpdate): Promise<NotificationDecision> {
  const remindAfter = configuration.HOSTSYNC_REMIND_AFTER;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const { version, log } = await readNotificationLog(memory, update.incident);
    const decision = decideNotification(log, update, { event: id, now: Date.now(), remindAfter });
    if (!decision.notify) return decision;
    const stored = { version, log: decision.log };
    if (await writeNotificationLog(memory, update.incident, stored, remindAfter)) return decision;
  }
  throw new NotificationLogError(`others keep changing the log of the incident ${update.incident}`);
}

/** Turns what a person must know of, an event of hostsync's own or the end of an alarm, into one message, however often it comes. */
export const handler = makeHandler(async (raw, { logger }) => {
  const notification = readNotification(raw);
  if (notification === undefined) return logger.info('this event is no news for people');
  const { id, event, group, alert, update } = notification;
  const decision = update && (await logNotification(id, update));
  if (decision?.notify === false)
    return logger.info(`no message on "${event}": ${decision.reason}`, {
      action: 'notify',
      outcome: 'suppressed',
      group,
      id,
    });
  if (!(await claimNotification(memory, id, Date.now())))
    return logger.info(`no message on "${event}": it was sent already`, {
      action: 'notify',
      outcome: 'duplicate',
      group,
      id,
    });
  await sns.send(
    new PublishCommand({
      TopicArn: configuration.HOSTSYNC_ALERT_TOPIC,
      Subject: alert.subject,
      Message: alert.body,
      // For filter policies of subscriptions. SNS refuses empty ones, and a tag may be empty
      MessageAttributes: {
        ...(group !== '' && { group: { DataType: 'String', StringValue: group } }),
        event: { DataType: 'String', StringValue: event },
      },
    }),
  );
  logger.info(`sent: ${alert.subject}`, { action: 'notify', outcome: 'done', group, id });
  await settleNotification(memory, id, Date.now());
});
