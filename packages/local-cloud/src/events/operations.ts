import * as v from 'valibot';
import { listOf, type Operation, operation, type Service } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError, messageOf, UnservedError } from '../base/errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../base/json.ts';
import type { EventBus } from './bus.ts';
import { compilePattern } from './pattern.ts';

const entrySchema = v.strictObject({
  Source: v.optional(v.string()),
  // eventbridge/latest/userguide/eb-putevents.html: "with a maximum of 128 characters"
  DetailType: v.optional(v.pipe(v.string(), v.maxLength(128))),
  Detail: v.optional(v.string()),
  EventBusName: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(1600))),
  Resources: v.optional(v.array(v.string()), []),
  Time: v.optional(v.number()),
  TraceHeader: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
});

type Entry = v.InferOutput<typeof entrySchema>;

const maximumBytes = 262_144;

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
function entryBytes(entry: Entry): number {
  const texts = [entry.Source ?? '', entry.DetailType ?? '', entry.Detail ?? '', ...entry.Resources];
  const time = entry.Time === undefined ? 0 : 14;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), time);
}

/** EventBridge: JSON 1.1. */
export function eventsService(account: Account, bus: EventBus): Service {
  const busArn = arnOf(account, 'events', 'event-bus/default');
  const putEvents = operation({
    name: 'PutEvents',
    schema: v.strictObject({ Entries: listOf(entrySchema, 1, 10) }),
    check({ Entries }) {
      const sizes = Entries.map(entryBytes).filter((bytes) => bytes <= maximumBytes);
      if (sizes.reduce((sum, bytes) => sum + bytes, 0) > maximumBytes)
        throw new AwsError(
          'ValidationException',
          'Total size of the entries in the request is over the limit.',
        );
    },
    access: (input) =>
      input.Entries.map((entry) => ({
        action: 'events:PutEvents',
        resource: busArn,
        context: {
          'aws:RequestedRegion': account.region,
          ...(entry.Source !== undefined && { 'events:source': [entry.Source] }),
          ...(entry.DetailType !== undefined && { 'events:detail-type': [entry.DetailType] }),
        },
      })),
    run(input) {
      for (const entry of input.Entries) {
        if (entry.EventBusName !== undefined && !['default', busArn].includes(entry.EventBusName)) {
          throw new UnservedError(
            'ValidationException',
            `the local cloud has no event bus ${entry.EventBusName}`,
          );
        }
      }
      const entries = input.Entries.map((entry) => put(bus, entry));
      return { FailedEntryCount: entries.filter((entry) => 'ErrorCode' in entry).length, Entries: entries };
    },
  });
  return {
    signingName: 'events',
    protocol: { kind: 'json', version: '1.1', targetPrefix: 'AWSEvents' },
    source: 'events/operations.ts',
    operations: [putEvents, testEventPattern(account)],
  };
}

/** Source: API reference of EventBridge, TestEventPattern. */
function testEventPattern(account: Account): Operation {
  const invalid = (error: unknown) =>
    new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${messageOf(error)}`);
  return operation({
    name: 'TestEventPattern',
    schema: v.strictObject({ EventPattern: v.pipe(v.string(), v.maxLength(4096)), Event: v.string() }),
    access: () => [
      {
        action: 'events:TestEventPattern',
        resource: '*',
        context: { 'aws:RequestedRegion': account.region },
      },
    ],
    run({ EventPattern, Event }) {
      const event = parseObject(Event);
      if (event === undefined)
        throw new AwsError('ValidationException', 'Parameter Event is not valid: it is no JSON object.');
      try {
        return { Result: compilePattern(parseJson(EventPattern))(event) };
      } catch (error) {
        throw invalid(error);
      }
    },
  });
}

/** An entry is accepted or refused on its own; the call succeeds either way. */
function put(bus: EventBus, entry: Entry): Readonly<Record<string, string>> {
  const refuse = (code: string, message: string) => ({ ErrorCode: code, ErrorMessage: message });
  const missing = (['Source', 'DetailType', 'Detail'] as const).find(
    (member) => (entry[member] ?? '') === '',
  );
  if (missing !== undefined)
    return refuse(
      'InvalidArgument',
      `Parameter ${missing} is not valid. Reason: ${missing} is a required argument.`,
    );
  if (entry.Source?.startsWith('aws.') === true) {
    return refuse('NotAuthorizedForSourceException', `Not authorized for the source ${entry.Source}.`);
  }
  if (entryBytes(entry) > maximumBytes) return refuse('EntryTooLarge', 'The entry is larger than 256 KB.');
  const detail = parseObject(entry.Detail ?? '');
  if (detail === undefined) return refuse('MalformedDetail', 'Detail is malformed.');
  const event = bus.emit({
    source: entry.Source ?? '',
    'detail-type': entry.DetailType ?? '',
    resources: entry.Resources,
    detail,
    ...(entry.Time !== undefined && { time: new Date(entry.Time * 1000) }),
  });
  return { EventId: event.id };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const parsed = parseJson(text);
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
