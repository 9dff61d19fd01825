import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { operation, type Service } from '../api/registry.ts';
import { AwsError } from '../base/errors.ts';
import type { TopicResource } from '../cloudformation/stack.ts';

/** A message that was published to a topic of the stack. */
export interface PublishedMessage {
  readonly at: Date;
  /** the logical id of the topic in the template */
  readonly topic: string;
  readonly topicArn: string;
  readonly subject: string | undefined;
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** the logical id of the function or the alarm, or `operator` */
  readonly publisher: string;
  /** who subscribes to the topic, as `email:ops@example.com`; nothing leaves the machine */
  readonly subscribers: readonly string[];
}

// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const maximumMessageBytes = 262_144;

/** The topics of the stack, and what was published to them. */
export class Sns {
  readonly messages: PublishedMessage[] = [];
  readonly #topics: readonly TopicResource[];

  constructor(topics: readonly TopicResource[]) {
    this.#topics = topics;
  }

  /** Who subscribes to a topic, as `Protocol` and `Endpoint`. @throws AwsError when there is no such topic */
  subscriptions(topicArn: string): TopicResource['subscriptions'] {
    const topic = this.#topics.find(({ arn }) => arn === topicArn);
    if (topic === undefined) throw new AwsError('NotFound', 'Topic does not exist', 404);
    return topic.subscriptions;
  }

  /** @throws AwsError when there is no such topic or the message is not one that SNS takes */
  publish(message: Omit<PublishedMessage, 'at' | 'topic' | 'subscribers'>): string {
    const topic = this.#topics.find(({ arn }) => arn === message.topicArn);
    if (topic === undefined) throw new AwsError('NotFound', 'Topic does not exist', 404);
    checkMessage(message.subject, message.message, message.attributes);
    this.messages.push({
      at: new Date(),
      topic: topic.logicalId,
      ...message,
      subscribers: topic.subscriptions.map(({ Protocol, Endpoint }) => `${Protocol}:${Endpoint}`),
    });
    return randomUUID();
  }
}

/** @throws AwsError InvalidParameter, worded as SNS words it */
function checkMessage(
  subject: string | undefined,
  message: string,
  attributes: Readonly<Record<string, string>>,
): void {
  const invalid = (what: string): AwsError => new AwsError('InvalidParameter', `Invalid parameter: ${what}`);
  // "Subjects must be ASCII text that begins with a letter, number, or punctuation mark; must not include line breaks or
  // control characters; and must be less than 100 characters long"
  if (subject !== undefined && !/^[\x21-\x7e][\x20-\x7e]{0,98}$/.test(subject)) throw invalid('Subject');
  if (message === '') throw invalid('Empty message');
  const inAttributes = Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (Buffer.byteLength(message) + inAttributes > maximumMessageBytes) throw invalid('Message too long');
}

const attribute = v.strictObject({
  Name: v.pipe(v.string(), v.maxLength(256), v.regex(/^(?!(AWS|Amazon)\.)[A-Za-z0-9_.-]+$/i)),
  Value: v.strictObject({
    DataType: v.pipe(v.string(), v.regex(/^(String|String\.Array|Number|Binary)(\.\w+)?$/)),
    StringValue: v.optional(v.pipe(v.string(), v.minLength(1))),
    BinaryValue: v.optional(v.string()),
  }),
});

const publishSchema = v.strictObject({
  TopicArn: v.string(),
  Message: v.string(),
  Subject: v.optional(v.string()),
  MessageAttributes: v.optional(v.strictObject({ entry: v.array(attribute) })),
});

function attributesOf(input: v.InferOutput<typeof publishSchema>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (input.MessageAttributes?.entry ?? []).map(({ Name, Value }) => [Name, Value.StringValue ?? '']),
  );
}

/** SNS: the query protocol. */
export function snsService(sns: Sns): Service {
  const publish = operation({
    name: 'Publish',
    schema: publishSchema,
    check: (input) => checkMessage(input.Subject, input.Message, attributesOf(input)),
    access: (input) => [{ action: 'sns:Publish', resource: input.TopicArn, context: {} }],
    run(input, caller) {
      const id = sns.publish({
        topicArn: input.TopicArn,
        subject: input.Subject,
        message: input.Message,
        attributes: attributesOf(input),
        publisher: caller.name,
      });
      return { MessageId: id };
    },
  });
  const listSubscriptionsByTopic = operation({
    name: 'ListSubscriptionsByTopic',
    schema: v.strictObject({ TopicArn: v.string(), NextToken: v.optional(v.string()) }),
    access: ({ TopicArn }) => [{ action: 'sns:ListSubscriptionsByTopic', resource: TopicArn, context: {} }],
    // Whoever is subscribed has confirmed
    run: ({ TopicArn }) => ({
      Subscriptions: sns.subscriptions(TopicArn).map(({ Protocol, Endpoint }, index) => ({
        ...{ TopicArn, Protocol, Endpoint },
        SubscriptionArn: `${TopicArn}:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      })),
    }),
  });
  return {
    signingName: 'sns',
    protocol: { kind: 'query', namespace: 'http://sns.amazonaws.com/doc/2010-03-31/' },
    source: 'sns/sns.ts',
    deniedCode: 'AuthorizationError',
    operations: [publish, listSubscriptionsByTopic],
  };
}
