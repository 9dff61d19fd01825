import * as v from 'valibot';

// AWSCloudFormation/latest/TemplateReference: aws-resource-sqs-queue, aws-resource-sns-topic, aws-resource-sns-subscription
const range = (minimum: number, maximum: number) =>
  v.optional(
    v.pipe(
      v.union([v.number(), v.string()]),
      v.transform(Number),
      v.integer('must be a whole number'),
      v.minValue(minimum),
      v.maxValue(maximum),
    ),
  );
const noKms = (why: string) => v.optional(v.never(`the local cloud has no KMS; ${why}`));
const notFifo = (what: string) =>
  v.optional(v.literal(false, `${what} of Lambda and EventBridge cannot be FIFO`));

const redrivePolicy = v.strictObject({
  deadLetterTargetArn: v.string(),
  maxReceiveCount: v.pipe(
    v.union([v.number(), v.string()]),
    v.transform(Number),
    v.minValue(1),
    v.maxValue(1000),
  ),
});

export const queueSchema = v.strictObject({
  QueueName: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,75}(?:[A-Za-z0-9_-]{5}|\.fifo)?$/))),
  MessageRetentionPeriod: range(60, 1_209_600),
  VisibilityTimeout: range(0, 43_200),
  DelaySeconds: range(0, 900),
  ReceiveMessageWaitTimeSeconds: range(0, 20),
  MaximumMessageSize: range(1024, 1_048_576),
  SqsManagedSseEnabled: v.optional(v.boolean()),
  KmsMasterKeyId: noKms('with alias/aws/sqs, EventBridge could not send: use SqsManagedSseEnabled'),
  FifoQueue: v.optional(v.literal(true)),
  ContentBasedDeduplication: v.optional(v.boolean()),
  DeduplicationScope: v.optional(v.picklist(['queue', 'messageGroup'])),
  FifoThroughputLimit: v.optional(v.picklist(['perQueue', 'perMessageGroupId'])),
  RedrivePolicy: v.optional(redrivePolicy),
  Tags: v.optional(v.unknown()),
});

const protocol = v.picklist(
  ['email', 'email-json', 'http', 'https', 'sms'],
  'is a protocol that the local cloud does not deliver to; see src/cloudformation/messaging-resources.ts',
);
const inlineSubscription = v.strictObject({
  Protocol: protocol,
  Endpoint: v.pipe(v.string(), v.minLength(1)),
});
export type Subscription = v.InferOutput<typeof inlineSubscription>;

/** @see https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html */
const endpointFits = ({ Protocol, Endpoint }: Subscription): boolean => {
  switch (Protocol) {
    case 'email':
    case 'email-json':
      return /^[^@\s]+@[^@\s]+$/.test(Endpoint);
    case 'http':
    case 'https':
      return Endpoint.startsWith(`${Protocol}://`);
    case 'sms':
      return /^\+\d{5,15}$/.test(Endpoint);
  }
};
const endpointMessage = 'Invalid parameter: the endpoint does not fit the protocol';

export const topicSchema = v.strictObject({
  TopicName: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,256}$/))),
  DisplayName: v.optional(v.pipe(v.string(), v.maxLength(100))),
  Subscription: v.optional(v.array(v.pipe(inlineSubscription, v.check(endpointFits, endpointMessage))), []),
  KmsMasterKeyId: noKms('with alias/aws/sns, an alarm could not publish'),
  FifoTopic: notFifo('a topic'),
  SignatureVersion: v.optional(v.picklist(['1', '2'])),
  Tags: v.optional(v.unknown()),
});

export const subscriptionSchema = v.pipe(
  v.strictObject({ ...inlineSubscription.entries, TopicArn: v.string() }),
  v.check((given) => endpointFits(given), endpointMessage),
);

export const queuePolicySchema = v.strictObject({
  PolicyDocument: v.unknown(),
  Queues: v.pipe(v.array(v.string()), v.minLength(1)),
});

export const topicPolicySchema = v.strictObject({
  PolicyDocument: v.unknown(),
  Topics: v.pipe(v.array(v.string()), v.minLength(1)),
});
