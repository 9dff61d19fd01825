import { randomUUID } from 'node:crypto';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as v from 'valibot';
import { hasCode } from './errors.ts';
import type { Memory } from './memory.ts';

/** Milliseconds after which a run that claimed a message and did not send it is taken for dead; longer than the function runs. */
const claimLasts = 60_000;
/** Seconds after which nobody delivers an event any more: EventBridge tries for a day, Lambda for six hours. */
const kept = 3 * 24 * 3600;

/** Somebody else is about to send this message. If they fail, a later try of Lambda sends it. */
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
  const found = await read(memory, id);
  if (found?.state === 'sent') return false;
  // The first try of this very call was carried out, and its answer lost
  if (found?.by === by) return true;
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
