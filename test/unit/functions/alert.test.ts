import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DomainEvent } from '../../../shared/core/model/domain-event.ts';
import { exampleEvents } from '../core/example-events.ts';
import { startTable } from '../table.ts';
import { lambdaContext } from './lambda-context.ts';

const topic = 'arn:aws:sns:us-east-1:111122223333:hostsync-test';
for (const [name, value] of Object.entries({
  HOSTSYNC_ALERT_TOPIC: topic,
  HOSTSYNC_TABLE: 'hostsync-test',
  HOSTSYNC_REMIND_AFTER: '21600',
  AWS_REGION: 'us-east-1',
  POWERTOOLS_DEV: 'true',
  POWERTOOLS_LOG_LEVEL: 'SILENT',
}))
  vi.stubEnv(name, value);
// Calls go to the table of the test
const calls = vi.hoisted(() => ({ send: async (_command: unknown): Promise<unknown> => undefined }));
vi.mock('../../../shared/aws/clients.ts', async (original) => {
  const { makeClients } = await original<typeof import('../../../shared/aws/clients.ts')>();
  return { makeClients: () => ({ ...makeClients(), dynamoDb: calls }) };
});
// What a run waits for another one is over soon
vi.mock('node:timers/promises', async (original) => {
  const timers = await original<typeof import('node:timers/promises')>();
  return { ...timers, setTimeout: () => timers.setTimeout(20) };
});
// The exported handler, with its middleware: what Lambda calls
const { handler } = await import('../../../functions/alert/handler.ts');

const sns = mockClient(SNSClient);
const named = (name: string) => Object.assign(new Error(name), { name });
let table: Awaited<ReturnType<typeof startTable>>;

beforeEach(async () => {
  table = await startTable();
  calls.send = (command) => table.dynamoDb.send(command as PutCommand);
  vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00.000Z'), toFake: ['Date'] });
  sns.reset();
  sns.on(PublishCommand).resolves({ MessageId: 'm-1' });
});
afterEach(() => {
  vi.useRealTimers();
});

function example(type: DomainEvent['type']): DomainEvent {
  const event = exampleEvents().find((each) => each.type === type);
  if (event === undefined) throw new Error(`no ${type}`);
  return event;
}
const delivered = ({ type, detail }: DomainEvent, changes: object = {}) => {
  return { version: '0', source: 'hostsync', 'detail-type': type, detail: { ...detail, ...changes } };
};
const failed = example('Push Failed');
const deliver = (event = failed, changes = {}) => handler(delivered(event, changes), lambdaContext);
const messages = () => sns.commandCalls(PublishCommand).map((call) => call.args[0].input);
const wait = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
/** What stands in the table on the event. */
const note = async () => {
  const items = await table.cloud.table('Memory').items();
  return items.find(({ pk }) => pk?.['S'] === `alert#${failed.detail.id}`);
};
const write = (item: object) =>
  table.dynamoDb.send(
    new PutCommand({ TableName: table.table, Item: { pk: `alert#${failed.detail.id}`, sk: '-', ...item } }),
  );
/** The next write of this state fails, and was carried out all the same or not. */
function failOnce(state: string, carriedOut: boolean): void {
  const { send } = calls;
  calls.send = async (command) => {
    if (!(command instanceof PutCommand) || command.input.Item?.['state'] !== state) return send(command);
    calls.send = send;
    if (carriedOut) await send(command);
    throw named('InternalServerError');
  };
}

describe('one event', () => {
  it('is one message to the topic, with what subscriptions filter by', async () => {
    await deliver();
    expect(messages()).toEqual([
      {
        TopicArn: topic,
        Subject: 'hostsync web: the push failed (disk-full)',
        Message: expect.stringContaining('It said: No space left on device (28)'),
        MessageAttributes: {
          group: { DataType: 'String', StringValue: 'web' },
          event: { DataType: 'String', StringValue: 'Push Failed' },
        },
      },
    ]);
  });

  it('that comes again, a second or a day later, is no second message', async () => {
    await deliver();
    for (const seconds of [1, 60, 86_400]) {
      wait(seconds);
      await deliver();
    }
    expect(messages().length).toBe(1);
  });

  it('that comes to two runs at once is one message, and no error: an alarm would ring', async () => {
    await Promise.all([deliver(), deliver()]);
    expect(messages().length).toBe(1);
  });

  it.each(['Files Synced', 'Secondary Joined', 'Secondary Left'] as const)(
    'that is no news for people is no message and no claim: %s',
    async (type) => {
      await deliver(example(type));
      expect(sns.calls().length).toBe(0);
      expect(await table.cloud.table('Memory').items()).toEqual([]);
    },
  );
});

describe('a run that dies', () => {
  it('after its claim: nobody else sends for a minute, then the next try does', async () => {
    await write({ state: 'claimed', by: 'x', at: Date.now(), expires: Date.now() });
    wait(59);
    await expect(deliver()).rejects.toThrow('another run claimed the message');
    expect(messages().length).toBe(0);
    wait(2);
    await deliver();
    expect(messages().length).toBe(1);
    await deliver();
    expect(messages().length).toBe(1);
  });

  it('after it sent: at most one message more', async () => {
    failOnce('sent', false);
    await expect(deliver()).rejects.toThrow('InternalServerError');
    await expect(deliver()).rejects.toThrow('another run claimed');
    for (let retry = 0; retry < 3; retry++) {
      wait(61);
      await deliver();
    }
    expect(messages().length).toBe(2);
  });

  it('because SNS refused: the error leaves the handler, and a later try sends', async () => {
    sns.on(PublishCommand).rejectsOnce(named('ThrottledException'));
    await expect(deliver()).rejects.toThrow('ThrottledException');
    wait(61);
    await deliver();
    expect(messages().length).toBe(2);
    expect(await note()).toMatchObject({ state: { S: 'sent' } });
  });

  it('a claim that nobody can read is taken over: better twice than never', async () => {
    await write({ state: 'garbage', at: 'noon' });
    await deliver();
    expect(messages().length).toBe(1);
  });

  it('a missing permission is not taken for a message that was sent', async () => {
    calls.send = () => Promise.reject(named('AccessDeniedException'));
    await expect(deliver()).rejects.toThrow('AccessDeniedException');
    expect(messages().length).toBe(0);
  });
});

it('notes of messages do not pile up: the table forgets those whose events cannot come again', async () => {
  await deliver();
  expect(await table.cloud.table('Memory').expire(new Date(Date.now() + 2 * 24 * 3600_000))).toBe(0);
  expect(await table.cloud.table('Memory').expire(new Date(Date.now() + 4 * 24 * 3600_000))).toBe(2);
});

it('a note that the table has not forgotten yet, days late, counts no more', async () => {
  await deliver();
  wait(4 * 24 * 3600);
  await deliver();
  expect(messages().length).toBe(2);
});

it('a claim that was written though its answer was lost holds the message up, and does not lose it', async () => {
  failOnce('claimed', true);
  await expect(deliver()).rejects.toThrow('InternalServerError');
  wait(61);
  await deliver();
  expect(messages().length).toBe(1);
});

/** As CloudWatch sends it, but for what nobody reads. Source: CloudWatch User Guide, alarm events and EventBridge. */
const alarmOver = (changes: object = {}) => ({
  version: '0',
  id: '2dde0eb1-528b-d2d5-9ca6-6d590caf2329',
  'detail-type': 'CloudWatch Alarm State Change',
  source: 'aws.cloudwatch',
  resources: ['arn:aws:cloudwatch:us-east-1:111122223333:alarm:hostsync-prod-SyncErrors-1ABC'],
  detail: {
    alarmName: 'hostsync-prod-SyncErrors-1ABC',
    configuration: {},
    previousState: { value: 'ALARM', reason: 'bad', timestamp: '2026-11-22T09:40:00.000+0000' },
    state: { value: 'OK', reason: 'Threshold Crossed: no', timestamp: '2026-11-22T09:52:00.000+0000' },
    ...changes,
  },
});

describe('the end of an alarm', () => {
  it('is one message, however often the event comes', async () => {
    for (let time = 0; time < 3; time++) await handler(alarmOver(), lambdaContext);
    expect(messages()).toEqual([
      {
        TopicArn: topic,
        Subject: 'hostsync: resolved: alarm hostsync-prod-SyncErrors-1ABC',
        Message: expect.stringMatching(
          /resolved after 12 min \(it began at 2026-11-22T09:40:00\.000Z\)[\s\S]*Threshold Crossed: no/u,
        ),
        MessageAttributes: { event: { DataType: 'String', StringValue: 'Alarm Resolved' } },
      },
    ]);
  });

  it.each([
    [
      'of an alarm that is new',
      { previousState: { value: 'INSUFFICIENT_DATA', timestamp: '2026-11-22T09:40:00.000+0000' } },
      'is not ALARM',
    ],
    ['that has no time', { state: { value: 'OK', reason: '', timestamp: 'noon' } }, 'state.timestamp'],
    ['without a name', { alarmName: undefined }, 'alarmName is missing'],
  ])('an event %s gets one clear error and sends nothing', async (_name, changes, message) => {
    await expect(handler(alarmOver(changes), lambdaContext)).rejects.toThrow(message);
    expect(messages().length).toBe(0);
  });
});

it('a group whose name is empty can be told of: SNS refuses attributes that are', async () => {
  await deliver(example('Configuration Invalid'), { group: '' });
  expect(messages()).toMatchObject([{ MessageAttributes: { event: {} } }]);
  expect(Object.keys(messages()[0]?.MessageAttributes ?? {})).toEqual(['event']);
});

it.each([
  ['nothing', undefined, 'not an event of hostsync'],
  ['of others', { source: 'aws.ec2', 'detail-type': 'x', detail: {} }, 'source "aws.ec2" is not "hostsync"'],
  ['of no known type', { source: 'hostsync', 'detail-type': 'Lunch', detail: {} }, 'not a "Lunch"'],
  [
    'without what it needs',
    { source: 'hostsync', 'detail-type': 'Push Failed', detail: { version: 1 } },
    'not a "Push Failed" as docs/events.md has it',
  ],
  ['with a time that is none', delivered(failed, { since: 'noon' }), 'since'],
])('an event %s gets one clear error and sends nothing', async (_name, event, message) => {
  await expect(handler(event, lambdaContext)).rejects.toThrow(message);
  expect(sns.calls().length).toBe(0);
});

describe('an incident whose beginning could not be stored, so that each tick finds it anew', () => {
  /** The event of one tick: another time, and another id. */
  const found = (minute: number, changes: object = {}) => {
    const since = new Date(Date.parse('2026-11-22T10:00:00.000Z') + minute * 60_000).toISOString();
    return deliver(failed, { id: minute.toString(16).padStart(16, '0'), since, ...changes });
  };
  const subjects = () => messages().map(({ Subject }) => Subject);

  it('is one message, and another when its time for a reminder has come', async () => {
    for (let minute = 0; minute < 30; minute++) {
      await found(minute);
      wait(60);
    }
    expect(messages().length).toBe(1);
    wait(21_600);
    await found(400);
    expect(messages().length).toBe(2);
  });

  it('is sent again with another cause, and when the incident comes back after its end', async () => {
    await found(1);
    await found(2, { error: 'not-ready' });
    await found(3, { error: 'not-ready' });
    await deliver(example('Group Recovered'));
    await found(4, { error: 'not-ready' });
    expect(subjects()).toEqual([
      'hostsync web: the push failed (disk-full)',
      'hostsync web: the push failed (not-ready)',
      'hostsync web: resolved: push failed',
      'hostsync web: the push failed (not-ready)',
    ]);
  });

  it('of one group keeps no other group silent', async () => {
    await found(1);
    await found(2, { group: 'shop' });
    expect(subjects()).toEqual([
      'hostsync web: the push failed (disk-full)',
      'hostsync shop: the push failed (disk-full)',
    ]);
  });

  it('a reminder is a reminder, whatever was told before', async () => {
    await found(1);
    wait(3600);
    await found(2, { reminder: 1 });
    expect(messages().length).toBe(2);
  });

  it('that is found by several runs at once is one message', async () => {
    await Promise.all([found(1), found(2), found(3)]);
    expect(messages().length).toBe(1);
  });

  it('is not lost when its message could not be sent: the same event is sent by a later try', async () => {
    sns.on(PublishCommand).rejectsOnce(named('ThrottledException'));
    await expect(found(1)).rejects.toThrow('ThrottledException');
    wait(61);
    await found(1);
    expect(subjects().length).toBe(2);
  });
});
