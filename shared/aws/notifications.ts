import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as v from 'valibot';
import type { LoggedNotification, NotificationLog } from '../core/incidents/notification-log.ts';
import { hasCode } from './errors.ts';
import type { Memory } from './memory.ts';

/** Milliseconds after which a run that claimed a message and did not send it is taken for dead; longer than the function runs. */
const claimLasts = 60_000;
/** Seconds after which nobody delivers an event any more: EventBridge tries for a day, Lambda for six hours. */
const kept = 3 * 24 * 3600;

/** Milliseconds between two looks whether another run has sent the message, and how many looks: less than the function runs. */
const pause = 500;
const looks = 30;

/** Another run claimed this message and did not send it in time. If it has died, a later try of Lambda sends it. */
export class ClaimedError extends Error {
  override readonly name = 'ClaimedError';
}

const noteSchema = v.object({
  state: v.picklist(['claimed', 'sent']),
  by: v.string(),
  at: v.number(),
  expires: v.number(),
});

const keyOf = (id: string) => ({ pk: `alert#${id}`, sk: '-' });
const conditionFailed = new Set(['ConditionalCheckFailedException']);

/**
 * Claims the message on one event. EventBridge and Lambda may each deliver an event twice, and two runs may have found the
 * same thing: writing an item that does not exist yet is what only one of them can do.
 *
 * @param id of the event
 * @returns false if the message was sent already
 * @throws {ClaimedError} when another run is at it
 */
export async function claimNotification(memory: Memory, id: string, now: number): Promise<boolean> {
  const by = randomUUID();
  if (await put(memory, id, { state: 'claimed', by, at: now }, now)) return true;
  let found = await read(memory, id);
  // The first try of this very call was carried out, and its answer lost
  if (found?.by === by) return true;
  // The event was delivered twice: that is no error, and the other run is done in a moment
  for (
    let look = 1;
    look < looks && found?.state === 'claimed' && now - found.at < pause * looks;
    look += 1
  ) {
    await sleep(pause);
    found = await read(memory, id);
  }
  if (found?.state === 'sent') return false;
  const since = new Date(found?.at ?? now).toISOString();
  throw new ClaimedError(`another run claimed the message on the event ${id} at ${since}`);
}

/** Notes that the message was sent. The table forgets it when no event of this kind can come again. */
export async function settleNotification(
  { dynamoDb, table }: Memory,
  id: string,
  now: number,
): Promise<void> {
  const Item = { ...keyOf(id), state: 'sent', by: '-', at: now, expires: Math.floor(now / 1000) + kept };
  await dynamoDb.send(new PutCommand({ TableName: table, Item }));
}

/** @returns false if another note stands there that still counts: TTL deletes days late */
async function put(
  { dynamoDb, table }: Memory,
  id: string,
  note: { readonly state: 'claimed'; readonly by: string; readonly at: number },
  now: number,
): Promise<boolean> {
  const seconds = Math.floor(now / 1000);
  try {
    await dynamoDb.send(
      new PutCommand({
        TableName: table,
        Item: { ...keyOf(id), ...note, expires: seconds + kept },
        ConditionExpression:
          'attribute_not_exists(pk) OR #expires < :now OR (#state <> :sent AND NOT #at > :dead)',
        ExpressionAttributeNames: { '#expires': 'expires', '#state': 'state', '#at': 'at' },
        ExpressionAttributeValues: { ':now': seconds, ':sent': 'sent', ':dead': now - claimLasts },
      }),
    );
    return true;
  } catch (error) {
    if (hasCode(error, conditionFailed)) return false;
    throw error;
  }
}

async function read(
  { dynamoDb, table }: Memory,
  id: string,
): Promise<v.InferOutput<typeof noteSchema> | undefined> {
  const { Item } = await dynamoDb.send(
    new GetCommand({ TableName: table, Key: keyOf(id), ConsistentRead: true }),
  );
  const note = v.safeParse(noteSchema, Item);
  return note.success ? note.output : undefined;
}

const logSchema = v.object({
  version: v.number(),
  entries: v.record(v.string(), v.object({ cause: v.string(), event: v.string(), at: v.number() })),
});

/** Another run changed the log of this incident in between; Lambda has the event looked at again. */
export class NotificationLogError extends Error {
  override readonly name = 'NotificationLogError';
}

/** What was notified of an incident, as it is at this moment. */
export interface StoredLog {
  /** 0 where there is none. */
  readonly version: number;
  readonly log: NotificationLog;
}

const logKeyOf = (incident: string) => ({ pk: `alert#incident-${incident}`, sk: '-' });

/** What was notified of this incident; nothing where that cannot be read: better twice than never. */
export async function readNotificationLog({ dynamoDb, table }: Memory, incident: string): Promise<StoredLog> {
  const { Item } = await dynamoDb.send(
    new GetCommand({ TableName: table, Key: logKeyOf(incident), ConsistentRead: true }),
  );
  const found = v.safeParse(logSchema, Item);
  return found.success
    ? { version: found.output.version, log: found.output.entries }
    : { version: 0, log: {} };
}

/**
 * Notes what is about to be notified of an incident. The table forgets it when it counts no more.
 *
 * @param remindAfter seconds for which it counts
 * @returns false if another run has changed it since it was read
 */
export async function writeNotificationLog(
  { dynamoDb, table }: Memory,
  incident: string,
  { version, log }: StoredLog,
  remindAfter: number,
): Promise<boolean> {
  const last = Math.max(0, ...Object.values<LoggedNotification>(log).map(({ at }) => at));
  const Item = {
    ...logKeyOf(incident),
    version: version + 1,
    entries: log,
    expires: Math.floor(last / 1000) + remindAfter + kept,
  };
  try {
    await dynamoDb.send(
      new PutCommand({
        TableName: table,
        Item,
        ConditionExpression: 'attribute_not_exists(pk) OR attribute_not_exists(#version) OR #version = :seen',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':seen': version },
      }),
    );
    return true;
  } catch (error) {
    if (hasCode(error, conditionFailed)) return false;
    throw error;
  }
}
