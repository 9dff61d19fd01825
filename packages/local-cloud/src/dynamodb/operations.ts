import * as v from 'valibot';
import { type AccessCheck, type Operation, operation, type Service } from '../api/registry.ts';
import { type Account, arnOf } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import type { Item, LocalTable, TableEngine } from './tables.ts';

const key = v.record(v.string(), v.record(v.string(), v.unknown()));
const onTable = v.looseObject({ TableName: v.string() });
const read = v.looseObject({ TableName: v.string(), Key: key });
const write = v.looseObject({
  TableName: v.string(),
  Key: v.optional(key),
  Item: v.optional(key),
  UpdateExpression: v.optional(v.string()),
  ConditionExpression: v.optional(v.string()),
  ExpressionAttributeNames: v.optional(v.record(v.string(), v.string())),
  ReturnValuesOnConditionCheckFailure: v.optional(v.picklist(['ALL_OLD', 'NONE'])),
});
const query = v.looseObject({
  TableName: v.string(),
  KeyConditionExpression: v.string(),
  ExpressionAttributeNames: v.optional(v.record(v.string(), v.string())),
  ExpressionAttributeValues: v.optional(key),
});
const batchGet = v.looseObject({ RequestItems: v.record(v.string(), v.looseObject({ Keys: v.array(key) })) });

/** Amazon DynamoDB for the tables of the stack: the engine is dynalite's, roles and what it lacks are ours. */
export function dynamoDbService(
  account: Account,
  tables: readonly LocalTable[],
  engine: TableEngine,
): Service {
  const hashKey = (table: string): string =>
    tables.find(({ name }) => name === table)?.resource.KeySchema.find(({ KeyType }) => KeyType === 'HASH')
      ?.AttributeName ?? '';
  const access = (
    action: string,
    table: string,
    leading: readonly string[],
    attributes: readonly string[] = [],
  ): AccessCheck => ({
    action: `dynamodb:${action}`,
    resource: arnOf(account, 'dynamodb', `table/${table}`),
    context: {
      'aws:RequestedRegion': account.region,
      ...(leading.length > 0 && { 'dynamodb:LeadingKeys': [...new Set(leading)] }),
      ...(attributes.length > 0 && { 'dynamodb:Attributes': [...attributes] }),
    },
  });
  const leadingOf = (table: string, item: Item | undefined): readonly string[] =>
    Object.values(item?.[hashKey(table)] ?? {}).map(String);
  const run = (name: string) => (input: unknown) => engine.call(name, input);

  const onItem = (name: 'PutItem' | 'UpdateItem' | 'DeleteItem'): Operation =>
    operation({
      name,
      schema: write,
      access: (input) => {
        const { TableName, Key, Item: item } = input;
        return [access(name, TableName, leadingOf(TableName, Key ?? item), attributesOf(input))];
      },
      run: ({ ReturnValuesOnConditionCheckFailure: wanted, ...input }) =>
        wanted === 'ALL_OLD' ? withOldItem(name, input) : engine.call(name, input),
    });

  /** The item that a condition failed on, which dynalite does not give. */
  async function withOldItem(name: string, input: v.InferOutput<typeof write>): Promise<unknown> {
    try {
      return await engine.call(name, input);
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== 'ConditionalCheckFailedException') throw error;
      const schema = tables.find((table) => table.name === input.TableName)?.resource.KeySchema ?? [];
      const from = input.Key ?? input.Item ?? {};
      const Key = Object.fromEntries(schema.map(({ AttributeName }) => [AttributeName, from[AttributeName]]));
      const found = await engine.call('GetItem', { TableName: input.TableName, Key, ConsistentRead: true });
      const item = v.safeParse(v.object({ Item: key }), found);
      throw new AwsError(error.code, error.message, error.status, item.success ? item.output : {});
    }
  }

  const getItem = operation({
    name: 'GetItem',
    schema: read,
    access: ({ TableName, Key }) => [access('GetItem', TableName, leadingOf(TableName, Key))],
    run: run('GetItem'),
  });

  const queryItems = operation({
    name: 'Query',
    schema: query,
    access(input) {
      // The partition key may be asked for by equality alone
      const [, name = '', placeholder = ''] = /(#?\w+)\s*=\s*(:\w+)/.exec(input.KeyConditionExpression) ?? [];
      const isKey = (input.ExpressionAttributeNames?.[name] ?? name) === hashKey(input.TableName);
      const value = isKey ? input.ExpressionAttributeValues?.[placeholder] : undefined;
      return [access('Query', input.TableName, Object.values(value ?? {}).map(String))];
    },
    run: run('Query'),
  });

  const batchGetItem = operation({
    name: 'BatchGetItem',
    schema: batchGet,
    access: ({ RequestItems }) =>
      Object.entries(RequestItems).map(([table, { Keys }]) =>
        access(
          'BatchGetItem',
          table,
          Keys.flatMap((each) => leadingOf(table, each)),
        ),
      ),
    run: run('BatchGetItem'),
  });

  const describeTable = operation({
    name: 'DescribeTable',
    schema: onTable,
    access: ({ TableName }) => [access('DescribeTable', TableName, [])],
    async run(input) {
      const { Table } = v.parse(
        v.object({ Table: v.looseObject({}) }),
        await engine.call('DescribeTable', input),
      );
      const table = tables.find(({ name }) => name === input.TableName);
      return { Table: { ...Table, TableArn: table?.resource.arn, TableId: table?.id } };
    },
  });

  return {
    signingName: 'dynamodb',
    protocol: { kind: 'json', version: '1.0', targetPrefix: 'DynamoDB_20120810' },
    source: 'dynamodb/operations.ts',
    operations: [
      ...[getItem, onItem('PutItem'), onItem('UpdateItem'), onItem('DeleteItem')],
      ...[queryItems, batchGetItem, describeTable],
    ],
  };
}

/** Words of expressions that name no attribute. Source: DynamoDB Developer Guide, update and condition expressions. */
const words = new Set([
  ...['SET', 'REMOVE', 'ADD', 'DELETE', 'AND', 'OR', 'NOT', 'BETWEEN', 'IN'],
  ...['attribute_exists', 'attribute_not_exists', 'attribute_type', 'begins_with', 'contains', 'size'],
  ...['if_not_exists', 'list_append'],
]);

/** The attributes that a write names, those of the key among them. Source: DynamoDB Developer Guide, fine-grained access control. */
function attributesOf(input: v.InferOutput<typeof write>): readonly string[] {
  const { Key = {}, Item = {}, UpdateExpression = '', ConditionExpression = '' } = input;
  const named = [...`${UpdateExpression} ${ConditionExpression}`.matchAll(/(?<![:.\w])#?[A-Za-z_]\w*/gu)]
    .map(([word]) => input.ExpressionAttributeNames?.[word] ?? word)
    .filter((word) => !words.has(word));
  return [...new Set([...Object.keys(Key), ...Object.keys(Item), ...named])];
}
