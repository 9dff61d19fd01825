import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { AwsError } from './errors.ts';
import { operation, type Service } from './registry.ts';

/** A message that was published to a topic of the stack. */
export interface PublishedMessage {
  readonly at: Date;
  readonly topicArn: string;
  readonly subject: string | undefined;
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly publisher: string;
}

/** The topics of the stack, and what was published to them. */
export class Sns {
  readonly messages: PublishedMessage[] = [];
  readonly #topics: ReadonlySet<string>;

  constructor(topicArns: readonly string[]) {
    this.#topics = new Set(topicArns);
  }

  /** @throws AwsError when there is no such topic or the message is not one that SNS takes */
  publish(message: Omit<PublishedMessage, 'at'>): string {
    if (!this.#topics.has(message.topicArn)) throw new AwsError('NotFound', 'Topic does not exist', 404);
    this.messages.push({ at: new Date(), ...message });
    return randomUUID();
  }
}

const attribute = v.strictObject({
  Name: v.string(),
  Value: v.strictObject({
    DataType: v.string(),
    StringValue: v.optional(v.string()),
    BinaryValue: v.optional(v.string()),
  }),
});

/** SNS: the query protocol. */
export function snsService(sns: Sns): Service {
  const publish = operation({
    name: 'Publish',
    schema: v.strictObject({
      TopicArn: v.string(),
      Message: v.pipe(v.string(), v.minLength(1), v.maxBytes(262_144)),
      // "Subjects must be ASCII text … must not include line breaks or control characters; less than 100 characters"
      Subject: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(99), v.regex(/^[\x20-\x7e]+$/))),
      MessageAttributes: v.optional(v.strictObject({ entry: v.array(attribute) })),
    }),
    access: (input) => [{ action: 'sns:Publish', resource: input.TopicArn, context: {} }],
    run(input, caller) {
      const attributes = (input.MessageAttributes?.entry ?? []).map(({ Name, Value }) => [
        Name,
        Value.StringValue ?? '',
      ]);
      const id = sns.publish({
        topicArn: input.TopicArn,
        subject: input.Subject,
        message: input.Message,
        attributes: Object.fromEntries(attributes),
        publisher: caller.name,
      });
      return { MessageId: id };
    },
  });
  return {
    signingName: 'sns',
    protocol: { kind: 'query', namespace: 'http://sns.amazonaws.com/doc/2010-03-31/' },
    source: 'sns.ts',
    operations: [publish],
  };
}
