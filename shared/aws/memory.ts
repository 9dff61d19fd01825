import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  paginateQuery,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as v from 'valibot';
import type { Claim, Head, Register } from '../core/observation.ts';
import { describeIssues } from '../edge/issues.ts';
import { errorsOf, hasCode } from './errors.ts';

/** An item of the table cannot be read: somebody wrote it by hand. */
export class MemoryItemError extends Error {
  override readonly name = 'MemoryItemError';
}

/** hostsync's table, and who asks it. */
export interface Memory {
  readonly dynamoDb: DynamoDBDocumentClient;
  readonly table: string;
}

const claimSchema = v.object({
  epoch: v.pipe(v.number(), v.integer(), v.minValue(1)),
  holder: v.string(),
  from: v.optional(v.string()),
  kind: v.picklist(['first', 'adopted', 'failover', 'switchover']),
  why: v.string(),
  at: v.number(),
});
const headSchema = v.object({
  version: v.optional(v.number(), 0),
  claim: v.optional(claimSchema),
  lookedFrom: v.optional(v.number(), 0),
  dueAt: v.optional(v.number()),
  configuration: v.optional(v.string()),
});
const mirrorSchema = v.object({ primary: v.string(), tags: v.record(v.string(), v.string()) });

const partitionOf = (group: string): string => `group#${group}`;
const groupOf = (partition: string): string => partition.slice('group#'.length);
const sort = { head: 'head', mirror: 'mirror', epochs: 'epoch#' } as const;
/** So many digits that epochs sort as numbers do. */
const epochDigits = 12;

/**
 * All that is remembered of a group, as it is at this moment. One call for each megabyte.
 *
 * @throws {MemoryItemError} rather than take a damaged claim for none: that would let two hosts hold an epoch
 */
export async function readRegister({ dynamoDb, table }: Memory, group: string): Promise<Register> {
  const claims = new Map<number, Claim>();
  let head: Head | undefined;
  let configuration: Register['configuration'];
  const pages = paginateQuery(
    { client: dynamoDb },
    {
      TableName: table,
      ConsistentRead: true,
      KeyConditionExpression: 'pk = :group',
      ExpressionAttributeValues: { ':group': partitionOf(group) },
    },
  );
  for await (const { Items = [] } of pages)
    for (const item of Items) {
      const key = String(item['sk']);
      if (key === sort.head) head = parse(group, key, item, headSchema);
      else if (key === sort.mirror) configuration = parse(group, key, item, mirrorSchema);
      else if (key.startsWith(sort.epochs)) {
        const claim = parse(group, key, item, claimSchema);
        claims.set(claim.epoch, claim);
      }
    }
  if (head?.claim !== undefined) claims.set(head.claim.epoch, head.claim);
  return { head, claims: [...claims.values()].sort((a, b) => a.epoch - b.epoch), configuration };
}

function parse<Output>(
  group: string,
  key: string,
  item: unknown,
  schema: v.GenericSchema<unknown, Output>,
): Output {
  const result = v.safeParse(schema, item);
  if (result.success) return result.output;
  throw new MemoryItemError(
    `the item ${partitionOf(group)} / ${key} of hostsync's table is wrong: ${describeIssues(result.issues)}; correct it`,
  );
}

/** The most items of one call. Source: API reference of DynamoDB, BatchGetItem. */
const mostItems = 100;

/**
 * The heads of these groups, of those that have one that can be read. One call for each hundred; one that fails takes nothing from the
 * others.
 *
 * @param fail is told of what could not be read
 */
export async function readHeads(
  memory: Memory,
  groups: readonly string[],
  fail: (error: unknown) => void,
): Promise<ReadonlyMap<string, Head>> {
  const heads = new Map<string, Head>();
  const read = async (some: readonly string[]): Promise<void> => {
    const { dynamoDb, table } = memory;
    const Keys = some.map((group) => ({ pk: partitionOf(group), sk: sort.head }));
    const { Responses, UnprocessedKeys } = await dynamoDb.send(
      new BatchGetCommand({ RequestItems: { [table]: { Keys } } }),
    );
    for (const item of Responses?.[table] ?? []) {
      const group = groupOf(String(item['pk']));
      const head = v.safeParse(headSchema, item);
      if (head.success) heads.set(group, head.output);
    }
    // What is left is read by the next tick
    const left = UnprocessedKeys?.[table]?.Keys?.length ?? 0;
    if (left > 0) throw new Error(`DynamoDB left ${left} of ${some.length} heads of groups unread`);
  };
  const batches: (readonly string[])[] = [];
  for (let start = 0; start < groups.length; start += mostItems)
    batches.push(groups.slice(start, start + mostItems));
  for (const error of await errorsOf(batches.map(read))) fail(error);
  return heads;
}

const conditionFailed = new Set(['ConditionalCheckFailedException']);

/**
 * Claims an epoch in one conditional write: nobody may have changed the head since it was read, and the epoch has to be newer than the one
 * in it. Whoever comes second changes nothing, and finds out who holds it by looking again. The claim that goes is in the history before.
 *
 * @param seen the head that the claim was decided from
 * @returns false if somebody else was first
 */
export async function writeClaim(
  memory: Memory,
  group: string,
  claim: Claim,
  seen: Pick<Head, 'version' | 'claim'> = { version: 0, claim: undefined },
): Promise<boolean> {
  const { dynamoDb, table } = memory;
  const pk = partitionOf(group);
  if (seen.claim !== undefined) {
    const sk = `${sort.epochs}${String(seen.claim.epoch).padStart(epochDigits, '0')}`;
    await dynamoDb.send(new PutCommand({ TableName: table, Item: { pk, sk, ...claimItem(seen.claim) } }));
  }
  const { version } = seen;
  try {
    await dynamoDb.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk, sk: sort.head },
        UpdateExpression: 'SET #claim = :claim, #epoch = :epoch, #version = :next',
        ConditionExpression: `${version === 0 ? 'attribute_not_exists(#version)' : '#version = :seen'} AND (attribute_not_exists(#epoch) OR #epoch < :epoch)`,
        ExpressionAttributeNames: { '#claim': 'claim', '#epoch': 'epoch', '#version': 'version' },
        ExpressionAttributeValues: {
          ...{ ':claim': claimItem(claim), ':epoch': claim.epoch, ':next': version + 1 },
          ...(version > 0 && { ':seen': version }),
        },
      }),
    );
    return true;
  } catch (error) {
    if (hasCode(error, conditionFailed)) return false;
    throw error;
  }
}

/** An item holds 400 KB; a claim is read by people. */
function claimItem(claim: Claim): Partial<Claim> {
  return { ...withoutUndefined(claim), why: claim.why.slice(0, 1000) };
}

function withoutUndefined<Value extends object>(value: Value): Partial<Value> {
  const kept: Partial<Value> = {};
  for (const key in value) if (value[key] !== undefined) kept[key] = value[key];
  return kept;
}

/** Keeps the tags of a primary where they outlive it. */
export async function writeMirror(
  memory: Memory,
  group: string,
  primary: string,
  { tags, digest }: { readonly tags: Readonly<Record<string, string>>; readonly digest: string },
): Promise<void> {
  const { dynamoDb, table } = memory;
  const key = { pk: partitionOf(group) };
  await dynamoDb.send(new PutCommand({ TableName: table, Item: { ...key, sk: sort.mirror, primary, tags } }));
  await dynamoDb.send(
    new UpdateCommand({
      TableName: table,
      Key: { ...key, sk: sort.head },
      UpdateExpression: 'SET #configuration = :digest',
      ExpressionAttributeNames: { '#configuration': 'configuration' },
      ExpressionAttributeValues: { ':digest': digest },
    }),
  );
}

/**
 * Notes a look that is over.
 *
 * @param lookedFrom when it began, in milliseconds since 1970
 * @param dueAt when the group wants to be looked at again whatever happens, in milliseconds since 1970; undefined if only for what happens
 */
export async function noteLook(
  { dynamoDb, table }: Memory,
  group: string,
  lookedFrom: number,
  dueAt: number | undefined,
): Promise<void> {
  await dynamoDb.send(
    new UpdateCommand({
      TableName: table,
      Key: { pk: partitionOf(group), sk: sort.head },
      UpdateExpression:
        dueAt === undefined ? 'SET #from = :from REMOVE #due' : 'SET #from = :from, #due = :due',
      ExpressionAttributeNames: { '#from': 'lookedFrom', '#due': 'dueAt' },
      ExpressionAttributeValues: { ':from': lookedFrom, ...(dueAt !== undefined && { ':due': dueAt }) },
    }),
  );
}
