import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { type FakeService, operation } from './server.ts';

const item = v.record(v.string(), v.record(v.string(), v.unknown()));
type Item = v.InferOutput<typeof item>;
const onItem = v.object({ TableName: v.string(), Key: item });
const put = v.object({ TableName: v.string(), Item: item });

/**
 * DynamoDB with tables that hold the same items at first. Puts are stored. Updates succeed and store nothing, because expressions are not evaluated; no
 * condition fails.
 *
 * @param keys the names of a table's key attributes
 * @param first the items, by the names of their tables
 */
export function dynamoDbService(
  keys: readonly string[],
  first: ReadonlyMap<string, readonly Readonly<Record<string, unknown>>[]> = new Map(),
): FakeService {
  const items = new Map<string, Item>();
  const keyOf = (table: string, from: Item) => JSON.stringify([table, ...keys.map((key) => from[key])]);
  const found = (table: string, key: Item) => {
    const known = items.get(keyOf(table, key));
    return known === undefined ? [] : [known];
  };
  const store = ({ TableName, Item }: v.InferOutput<typeof put>) => {
    items.set(keyOf(TableName, Item), Item);
    return {};
  };
  const partition = (value: unknown) => JSON.stringify(value);
  for (const [TableName, its] of first)
    for (const each of its) store({ TableName, Item: v.parse(item, marshall(each)) });
  return {
    signingName: 'dynamodb',
    protocol: { kind: 'json', version: '1.0', targetPrefix: 'DynamoDB_20120810' },
    operations: {
      BatchGetItem: operation(
        v.object({
          RequestItems: v.record(
            v.string(),
            v.object({ Keys: v.pipe(v.array(item), v.minLength(1), v.maxLength(100)) }),
          ),
        }),
        ({ RequestItems }) => {
          const responses = Object.entries(RequestItems).map(([table, { Keys }]) => [
            table,
            Keys.flatMap((key) => found(table, key)),
          ]);
          return { Responses: Object.fromEntries(responses), UnprocessedKeys: {} };
        },
      ),
      GetItem: operation(onItem, ({ TableName, Key }) => {
        const [Item] = found(TableName, Key);
        return Item === undefined ? {} : { Item };
      }),
      Query: operation(
        v.object({ TableName: v.string(), ExpressionAttributeValues: v.optional(item, {}) }),
        ({ TableName, ExpressionAttributeValues }) => {
          const asked = new Set(Object.values(ExpressionAttributeValues).map(partition));
          const Items = [...items].flatMap(([key, each]) =>
            key.startsWith(`[${JSON.stringify(TableName)},`) && asked.has(partition(each[keys[0] ?? '']))
              ? [each]
              : [],
          );
          return { Items, Count: Items.length, ScannedCount: Items.length };
        },
      ),
      DescribeTable: operation(v.object({ TableName: v.string() }), ({ TableName }) => {
        return {
          Table: { TableName, TableId: '11111111-2222-4333-8444-555555555555', TableStatus: 'ACTIVE' },
        };
      }),
      PutItem: operation(put, store),
      UpdateItem: operation(onItem, () => ({})),
      DeleteItem: operation(onItem, ({ TableName, Key }) => {
        items.delete(keyOf(TableName, Key));
        return {};
      }),
      TransactWriteItems: operation(
        v.object({ TransactItems: v.array(v.object({ Put: v.optional(put) })) }),
        ({ TransactItems }) => {
          for (const { Put } of TransactItems) if (Put !== undefined) store(Put);
          return {};
        },
      ),
      BatchWriteItem: operation(
        v.object({
          RequestItems: v.record(
            v.string(),
            v.array(v.object({ PutRequest: v.optional(v.object({ Item: item })) })),
          ),
        }),
        ({ RequestItems }) => {
          for (const [TableName, requests] of Object.entries(RequestItems))
            for (const { PutRequest } of requests)
              if (PutRequest !== undefined) store({ TableName, Item: PutRequest.Item });
          return { UnprocessedItems: {} };
        },
      ),
    },
  };
}
