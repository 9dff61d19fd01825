import { PublishCommand } from '@aws-sdk/client-sns';
import { claimAlert, settleAlert } from '../../shared/aws/alert-claims.ts';
import { makeClients } from '../../shared/aws/clients.ts';
import { composeAlert } from '../../shared/core/compose-alert.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { makeHandler } from '../../shared/edge/handler.ts';

const configuration = readConfiguration('alert');
const { sns, ssm } = makeClients();

/** Turns an event of hostsync's own that a person must know of into one message, however often the event comes. */
export const handler = makeHandler(async (raw, { logger }) => {
  const event = parseDomainEvent(raw);
  const { id, group } = event.detail;
  const alert = composeAlert(event, Date.now());
  if (alert === undefined) return logger.info(`"${event.type}" is no news for people`, { group });
  if (!(await claimAlert(ssm, id, Date.now())))
    return logger.info(`the message on "${event.type}" was sent already`, { group, id });
  await sns.send(
    new PublishCommand({
      TopicArn: configuration.HOSTSYNC_ALERT_TOPIC,
      Subject: alert.subject,
      Message: alert.body,
      // For filter policies of subscriptions. SNS refuses empty ones, and a tag may be empty
      MessageAttributes: {
        ...(group !== '' && { group: { DataType: 'String', StringValue: group } }),
        event: { DataType: 'String', StringValue: event.type },
      },
    }),
  );
  logger.info(`sent: ${alert.subject}`, { group, id });
  await settleAlert(ssm, id, Date.now());
});
