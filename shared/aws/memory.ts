import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as v from 'valibot';
import { mergeSynced, type Notes, placeOf } from '../core/model/notes.ts';
import type { Claim, Head, Register } from '../core/model/observation.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
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
  reconciledFrom: v.optional(v.number(), 0),
  dueAt: v.optional(v.number()),
  configuration: v.optional(v.string()),
  synced: v.optional(v.record(v.string(), v.number())),
  syncedVersion: v.optional(v.number()),
  outside: v.optional(v.string()),
});
const mirrorSchema = v.object({ primary: v.string(), tags: v.record(v.string(), v.string()) });

const partitionOf = (group: string): string => `group#${group}`;
const groupOf = (partition: string): string => partition.slice('group#'.length);
const sort = { head: 'head', mirror: 'mirror', group: 'notes', epochs: 'epoch#', hosts: 'host#' } as const;
/** So many digits that epochs sort as numbers do. */
const epochDigits = 12;

/** All that is remembered of a group. */
export interface Remembered extends Register {
  readonly notes: Notes;
}

/**
 * All that is remembered of a group, as it is at this moment. One call for each megabyte.
 *
 * @throws {MemoryItemError} rather than take a damaged claim for none: that would let two hosts hold an epoch
 */
export async function readRegister({ dynamoDb, table }: Memory, group: string): Promise<Remembered> {
  const claims = new Map<number, Claim>();
  const hosts = new Map<string, Readonly<Record<string, string>>>();
  let ofGroup: Readonly<Record<string, string>> = {};
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
      } else if (key === sort.group) ofGroup = notesOf(item);
      else if (key.startsWith(sort.hosts)) hosts.set(key.slice(sort.hosts.length), notesOf(item));
    }
  if (head?.claim !== undefined) claims.set(head.claim.epoch, head.claim);
  return {
    head,
    configuration,
    notes: { group: ofGroup, hosts },
    claims: [...claims.values()].sort((a, b) => a.epoch - b.epoch),
  };
}

/** In the table, notes have the names of their keys without the prefix of the tags. */
const prefix = tagKeys.group.slice(0, -'group'.length);

/** What cannot be read is left out: what it was about is found again. TTL deletes days late. */
function notesOf(item: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const { expires } = item;
  if (typeof expires === 'number' && expires * 1000 < Date.now()) return {};
  return Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) => {
      const key = `${prefix}${name}`;
      return typeof value === 'string' && ['host', 'group'].includes(placeOf(key)) ? [[key, value]] : [];
    }),
  );
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
 * @param fail takes what could not be read
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
          ':claim': claimItem(claim),
          ':epoch': claim.epoch,
          ':next': version + 1,
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
 * Notes a look that is over. One that outlasts its group, which the operator had forgotten meanwhile, leaves nothing of it.
 *
 * @param reconciledFrom when it began, in milliseconds since 1970
 * @param dueAt when the group wants to be looked at again whatever happens, in milliseconds since 1970; undefined if only for what happens
 * @param isNew nothing was remembered of the group before
 */
export async function noteReconciled(
  { dynamoDb, table }: Memory,
  group: string,
  reconciledFrom: number,
  dueAt: number | undefined,
  isNew: boolean,
): Promise<void> {
  try {
    await dynamoDb.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: partitionOf(group), sk: sort.head },
        UpdateExpression:
          dueAt === undefined ? 'SET #from = :from REMOVE #due' : 'SET #from = :from, #due = :due',
        ...(!isNew && { ConditionExpression: 'attribute_exists(pk)' }),
        ExpressionAttributeNames: { '#from': 'reconciledFrom', '#due': 'dueAt' },
        ExpressionAttributeValues: { ':from': reconciledFrom, ...(dueAt !== undefined && { ':due': dueAt }) },
      }),
    );
  } catch (error) {
    if (!hasCode(error, conditionFailed)) throw error;
  }
}

/** Somebody else has written it since it was read: who loses looks again. */
export class OutdatedError extends Error {
  override readonly name = 'OutdatedError';
}

/** Did nothing fail but that another run came first? */
export function isOutdated(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isOutdated);
  return error instanceof OutdatedError;
}

/** Seconds after which what was noted of a host is of no use to anybody. What lasts is written again by its reminders. */
const notesLast = 30 * 24 * 3600;

/**
 * Changes notes on a host or on the whole group, in one conditional write: each is still what it was when it was read.
 *
 * @param host undefined for the group
 * @param change by key; undefined takes a note away
 * @param seen what was read, by key
 * @throws {OutdatedError} when another run has changed one of them
 */
export async function writeNotes(
  { dynamoDb, table }: Memory,
  group: string,
  host: string | undefined,
  change: ReadonlyMap<string, string | undefined>,
  seen: ReadonlyMap<string, string>,
): Promise<void> {
  const keys = [...change.keys()].filter((key) => change.get(key) !== seen.get(key));
  if (keys.length === 0) return;
  const set = keys.flatMap((key, index) =>
    change.get(key) === undefined ? [] : [`#n${index} = :v${index}`],
  );
  const remove = keys.flatMap((key, index) => (change.get(key) === undefined ? [`#n${index}`] : []));
  const expires = Math.floor(Date.now() / 1000) + notesLast;
  const values = (name: string, of: ReadonlyMap<string, string | undefined>) =>
    keys.flatMap((key, index) => {
      const value = of.get(key);
      return value === undefined ? [] : [[`:${name}${index}`, value] as const];
    });
  try {
    await dynamoDb.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: partitionOf(group), sk: host === undefined ? sort.group : `${sort.hosts}${host}` },
        UpdateExpression: [
          `SET ${[...set, '#expires = :expires'].join(', ')}`,
          ...(remove.length > 0 ? [`REMOVE ${remove.join(', ')}`] : []),
        ].join(' '),
        ConditionExpression: keys
          .map((key, index) =>
            seen.has(key) ? `#n${index} = :s${index}` : `attribute_not_exists(#n${index})`,
          )
          .join(' AND '),
        ExpressionAttributeNames: {
          '#expires': 'expires',
          ...Object.fromEntries(keys.map((key, index) => [`#n${index}`, key.slice(prefix.length)])),
        },
        ExpressionAttributeValues: Object.fromEntries([
          [':expires', expires],
          ...values('v', change),
          ...values('s', seen),
        ]),
      }),
    );
  } catch (cause) {
    if (!hasCode(cause, conditionFailed)) throw cause;
    const whose = host ?? `the group ${group}`;
    const names = keys.map((key) => key.slice(prefix.length)).join(', ');
    throw new OutdatedError(`another run has changed what is noted of ${whose} (${names})`, { cause });
  }
}

/** How often a write is tried that others come before. */
const mostTries = 5;

/** What a push has shown. */
export interface SyncedNews {
  /** When hosts were in sync, in milliseconds since 1970; undefined for one that has left. */
  readonly synced: ReadonlyMap<string, number | undefined>;
  /** What is wrong with hosts outside EC2; null takes it away, undefined leaves it. */
  readonly outside?: string | null | undefined;
  /** The hosts that are there. */
  readonly members: ReadonlySet<string>;
}

/**
 * Writes into the head when hosts were in sync: one write for all hosts of a group. Times only go forward, so who is outrun by another run
 * reads again and adds its own.
 *
 * @param seen the head as it was read
 * @returns the head as it is now, as far as it was read
 * @throws {OutdatedError} when others came first again and again
 */
export async function writeSynced(
  memory: Memory,
  group: string,
  news: SyncedNews,
  seen: Head | undefined,
): Promise<Head> {
  const { dynamoDb, table } = memory;
  const Key = { pk: partitionOf(group), sk: sort.head };
  let head: Head = seen ?? { version: 0, reconciledFrom: 0 };
  for (let tries = 0; tries < mostTries; tries += 1) {
    const { syncedVersion: before = 0 } = head;
    const synced = mergeSynced(head.synced ?? {}, news.synced, news.members, Date.now());
    try {
      await dynamoDb.send(
        new UpdateCommand({
          TableName: table,
          Key,
          UpdateExpression: `SET #synced = :synced, #version = :next${outsideExpression(news.outside)}`,
          ConditionExpression: before === 0 ? 'attribute_not_exists(#version)' : '#version = :seen',
          ExpressionAttributeNames: {
            '#synced': 'synced',
            '#version': 'syncedVersion',
            ...(news.outside !== undefined && { '#outside': 'outside' }),
          },
          ExpressionAttributeValues: {
            ':synced': synced,
            ':next': before + 1,
            ...(before > 0 && { ':seen': before }),
            ...(typeof news.outside === 'string' && { ':outside': news.outside }),
          },
        }),
      );
      const written = { synced, syncedVersion: before + 1 };
      return {
        ...head,
        ...written,
        ...(news.outside !== undefined && { outside: news.outside ?? undefined }),
      };
    } catch (error) {
      if (!hasCode(error, conditionFailed)) throw error;
      const { Item } = await dynamoDb.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
      head = parse(group, sort.head, Item ?? {}, headSchema);
    }
  }
  throw new OutdatedError(
    `group ${group}: ${mostTries} times another run wrote first when its hosts were in sync`,
  );
}

function outsideExpression(outside: string | null | undefined): string {
  if (outside === undefined) return '';
  return outside === null ? ' REMOVE #outside' : ', #outside = :outside';
}

/** Forgets a group, for good: only an operator who takes it out of hostsync does so. @returns how many items there were */
export async function forgetGroup({ dynamoDb, table }: Memory, group: string): Promise<number> {
  let forgotten = 0;
  const pages = paginateQuery(
    { client: dynamoDb },
    {
      TableName: table,
      ConsistentRead: true,
      ProjectionExpression: 'pk, sk',
      KeyConditionExpression: 'pk = :group',
      ExpressionAttributeValues: { ':group': partitionOf(group) },
    },
  );
  for await (const { Items = [] } of pages)
    for (const { pk, sk } of Items) {
      await dynamoDb.send(new DeleteCommand({ TableName: table, Key: { pk, sk } }));
      forgotten += 1;
    }
  return forgotten;
}
