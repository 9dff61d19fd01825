import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type DomainEvent, eventSource } from '../core/model/domain-event.ts';

/** EventBridge took the call and refused some of the events. */
export class EventRefusedError extends Error {
  override readonly name = 'EventRefusedError';
}

/** The most events that one call takes. Source: API model of EventBridge, PutEvents. */
const mostEvents = 10;

/**
 * Puts events on the default bus, in order; one call for each 10.
 *
 * @throws {EventRefusedError} PutEvents answers with success even when it took nothing
 */
export async function publishEvents(
  eventBridge: EventBridgeClient,
  events: readonly DomainEvent[],
): Promise<void> {
  for (let start = 0; start < events.length; start += mostEvents) {
    const batch = events.slice(start, start + mostEvents);
    const { FailedEntryCount = 0, Entries = [] } = await eventBridge.send(
      new PutEventsCommand({
        Entries: batch.map(({ type, detail }) => {
          return { Source: eventSource, DetailType: type, Detail: JSON.stringify(detail) };
        }),
      }),
    );
    if (FailedEntryCount === 0) continue;
    const refused = Entries.flatMap(({ ErrorCode, ErrorMessage }, index) =>
      ErrorCode === undefined ? [] : [`"${batch[index]?.type}": ${ErrorCode}: ${ErrorMessage}`],
    );
    throw new EventRefusedError(`EventBridge refused ${refused.join('; ')}`);
  }
}
