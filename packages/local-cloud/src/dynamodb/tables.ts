import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import * as v from 'valibot';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { TableResource } from '../cloudformation/stack.ts';

/** An item in the form of the wire: `{ pk: { S: 'x' } }`. */
export type Item = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const errorSchema = v.object({
  __type: v.string(),
  message: v.optional(v.string()),
  Message: v.optional(v.string()),
});
const scanSchema = v.object({
  Items: v.array(v.record(v.string(), v.record(v.string(), v.unknown()))),
  LastEvaluatedKey: v.optional(v.unknown()),
});

interface Started {
  readonly server: Server;
  readonly url: string;
}

/** The engine behind the tables: dynalite, in this process, on a port that nobody else knows, from the first call on. */
export class TableEngine {
  #started: Promise<Started> | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** @throws AwsError as DynamoDB answers, and when the engine is closed */
  async call(operation: string, input: unknown): Promise<unknown> {
    if (this.#closed) throw new AwsError('InternalServerError', 'the local cloud is closed', 500);
    const calling = this.#call(operation, input);
    this.#running.add(calling);
    try {
      return await calling;
    } finally {
      this.#running.delete(calling);
    }
  }

  async #call(operation: string, input: unknown): Promise<unknown> {
    this.#started ??= start();
    const { url } = await this.#started;
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify(input),
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${operation}`,
        'x-amz-date': '20260101T000000Z',
        // It wants to see a signature, and looks at none
        authorization:
          'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local',
      },
    });
    const answer = parseJson(await response.text());
    if (response.ok) return answer;
    const error = v.parse(errorSchema, answer);
    const code = error.__type.slice(error.__type.indexOf('#') + 1);
    throw new AwsError(code, error.message ?? error.Message ?? code, response.status);
  }

  /** Calls that run finish before. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
    if (this.#started === undefined) return;
    const { server } = await this.#started;
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}

async function start(): Promise<Started> {
  const { default: dynalite } = await import('dynalite');
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the tables do not listen');
  server.unref();
  return { server, url: `http://127.0.0.1:${address.port}` };
}

/** A table of the stack, as a scenario sees it. */
export class LocalTable {
  readonly resource: TableResource;
  readonly #engine: TableEngine;
  #id: string | undefined;

  constructor(resource: TableResource, engine: TableEngine) {
    this.resource = resource;
    this.#engine = engine;
  }

  get name(): string {
    return this.resource.name;
  }

  /** A table that was made again has another id; undefined while there is none. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Makes it, empty. @throws LocalCloudError when it is there */
  async make(): Promise<void> {
    if (this.#id !== undefined) throw new LocalCloudError(`the table ${this.name} is there already`);
    const { AttributeDefinitions, KeySchema } = this.resource;
    await this.#engine.call('CreateTable', {
      TableName: this.name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions,
      KeySchema,
    });
    while (!(await this.#isActive())) await new Promise((resolve) => setTimeout(resolve, 5));
    this.#id = randomUUID();
  }

  /** Somebody deletes it. Calls hear that there is no such table. */
  async drop(): Promise<void> {
    await this.#engine.call('DeleteTable', { TableName: this.name });
    this.#id = undefined;
    while (await this.#isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** All items, also those whose time to live is over and that nobody has deleted yet. */
  async items(): Promise<readonly Item[]> {
    const items: Item[] = [];
    let ExclusiveStartKey: unknown;
    do {
      const page = v.parse(
        scanSchema,
        await this.#engine.call('Scan', {
          TableName: this.name,
          ConsistentRead: true,
          ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
        }),
      );
      items.push(...page.Items);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return items;
  }

  /** Another table in its place, with these items: a backup that was restored. */
  async restore(items: readonly Item[]): Promise<void> {
    if (this.#id !== undefined) await this.drop();
    await this.make();
    for (const Item of items) await this.#engine.call('PutItem', { TableName: this.name, Item });
  }

  /** What the time to live does on AWS, within days: deletes what has expired at a moment. @returns how many items */
  async expire(at = new Date()): Promise<number> {
    const attribute = this.resource.TimeToLiveSpecification?.AttributeName;
    if (attribute === undefined) throw new LocalCloudError(`the table ${this.name} has no time to live`);
    const expired = (await this.items()).filter(
      (item) => Number(item[attribute]?.['N'] ?? Number.POSITIVE_INFINITY) < at.getTime() / 1000,
    );
    for (const item of expired) {
      const Key = Object.fromEntries(
        this.resource.KeySchema.map(({ AttributeName }) => [AttributeName, item[AttributeName]]),
      );
      await this.#engine.call('DeleteItem', { TableName: this.name, Key });
    }
    return expired.length;
  }

  async #isActive(): Promise<boolean> {
    return JSON.stringify(await this.#engine.call('DescribeTable', { TableName: this.name })).includes(
      '"ACTIVE"',
    );
  }

  async #isThere(): Promise<boolean> {
    try {
      await this.#engine.call('DescribeTable', { TableName: this.name });
      return true;
    } catch (error) {
      if (error instanceof AwsError && error.code === 'ResourceNotFoundException') return false;
      throw error;
    }
  }
}
