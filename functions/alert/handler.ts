import { PublishCommand } from '@aws-sdk/client-sns';
import { makeClients } from '../../shared/aws/clients.ts';
import { claimNotification, settleNotification } from '../../shared/aws/notifications.ts';
import { composeRecovery } from '../../shared/core/alarm-recovery.ts';
import { type Alert, composeAlert } from '../../shared/core/compose-alert.ts';
import { isAlarmEvent, parseAlarmRecovery } from '../../shared/edge/alarm-event.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { makeHandler } from '../../shared/edge/handler.ts';

const configuration = readConfiguration('alert');
const { dynamoDb, sns } = makeClients();
const memory = { dynamoDb, table: configuration.HOSTSYNC_TABLE };

/** One message, and what subscriptions filter by. */
interface Notification {
  /** Of what happened, the same however often it is told. */
  readonly id: string;
  readonly event: string;
  readonly group: string;
  readonly alert: Alert;
}

/** @returns undefined for what nobody has to know */
function readNotification(raw: unknown): Notification | undefined {
  if (isAlarmEvent(raw)) {
    const recovery = parseAlarmRecovery(raw);
    return { id: recovery.id, event: 'Alarm Resolved', group: '', alert: composeRecovery(recovery) };
  }
  const event = parseDomainEvent(raw);
  const alert = composeAlert(event, Date.now());
  return alert && { id: event.detail.id, event: event.type, group: event.detail.group, alert };
}

/** Turns what a person must know of, an event of hostsync's own or the end of an alarm, into one message, however often it comes. */
export const handler = makeHandler(async (raw, { logger }) => {
  const notification = readNotification(raw);
  if (notification === undefined) return logger.info('this event is no news for people');
  const { id, event, group, alert } = notification;
  if (!(await claimNotification(memory, id, Date.now())))
    return logger.info(`the message on "${event}" was sent already`, { group, id });
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
  logger.info(`sent: ${alert.subject}`, { group, id });
  await settleNotification(memory, id, Date.now());
});
