import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';

/** The source of all events of hostsync's own. */
export const eventSource = 'hostsync';

/** What happened in a group, for people and for other software. */
export interface DomainEvent {
  readonly type: 'Join Failed';
  readonly detail: { readonly group: string; readonly instance: string; readonly reason: string };
}

/** EventBridge took the call and refused the event. */
export class EventRefusedError extends Error {
  override readonly name = 'EventRefusedError';
}

/**
 * Puts an event on the default bus.
 *
 * @throws {EventRefusedError} PutEvents answers with success even when it took nothing
 */
export async function publishEvent(
  eventBridge: EventBridgeClient,
  { type, detail }: DomainEvent,
): Promise<void> {
  const { FailedEntryCount = 0, Entries = [] } = await eventBridge.send(
    new PutEventsCommand({
      Entries: [{ Source: eventSource, DetailType: type, Detail: JSON.stringify(detail) }],
    }),
  );
  if (FailedEntryCount > 0)
    throw new EventRefusedError(
      `EventBridge refused "${type}": ${Entries[0]?.ErrorCode}: ${Entries[0]?.ErrorMessage}`,
    );
}
