import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import { publishEvents } from '../../../shared/aws/domain-events.ts';
import { exampleEvents } from '../core/example-events.ts';

const eventBridge = mockClient(EventBridgeClient);
const client = new EventBridgeClient({ region: 'us-east-1' });
const sizes = () =>
  eventBridge.commandCalls(PutEventsCommand).map((call) => call.args[0].input.Entries?.length);

beforeEach(() => eventBridge.reset());

it('makes no call for no events, and one for each ten, in order', async () => {
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  await publishEvents(client, []);
  expect(sizes()).toEqual([]);
  const events = [...exampleEvents(), ...exampleEvents().slice(0, 4)];
  await publishEvents(client, events);
  expect(sizes()).toEqual([10, 10, 10]);
  const sent = eventBridge.commandCalls(PutEventsCommand).flatMap((call) => call.args[0].input.Entries ?? []);
  expect(sent).toEqual(
    events.map(({ type, detail }) => {
      return { Source: 'hostsync', DetailType: type, Detail: JSON.stringify(detail) };
    }),
  );
});

it('takes no success for an answer when EventBridge refused an event: it would never be told', async () => {
  eventBridge.on(PutEventsCommand).resolves({
    FailedEntryCount: 1,
    Entries: [{ EventId: '1' }, { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }],
  });
  await expect(publishEvents(client, exampleEvents().slice(0, 2))).rejects.toThrow(
    'EventBridge refused "Sync Failed": ThrottlingException: slow down',
  );
});
