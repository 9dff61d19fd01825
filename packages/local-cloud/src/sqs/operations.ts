import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type AccessCheck, integer, operation, type Service, text } from '../api/registry.ts';
import type { Account } from '../base/account.ts';
import { AwsError, UnservedError } from '../base/errors.ts';
import type { HandleResult, ReceivedMessage } from './fifo-queue.ts';
import type { LocalQueue, Queues } from './queues.ts';

const queueUrl = v.pipe(v.string(), v.minLength(1));
const token = v.pipe(text(1, 128), v.regex(/^[\x21-\x7e]+$/));
const body = v.pipe(
  v.string(),
  v.check((given) => given !== '' && Buffer.byteLength(given) <= 1_048_576, 'must have 1 byte to 1 MiB'),
);

const entrySchema = v.strictObject({
  MessageBody: body,
  MessageGroupId: v.optional(token),
  MessageDeduplicationId: v.optional(token),
});

/** Amazon SQS, for the FIFO queues of the stack: the JSON protocol. */
export function sqsService(account: Account, queues: Queues): Service {
  const onQueue =
    (name: string) =>
    ({ QueueUrl }: { readonly QueueUrl: string }): readonly AccessCheck[] => [
      {
        action: `sqs:${name}`,
        resource: queues.byUrl(QueueUrl).resource.arn,
        context: { 'aws:RequestedRegion': account.region },
      },
    ];

  const send = (url: string, message: v.InferOutput<typeof entrySchema>) => {
    const queue = queues.byUrl(url);
    if (message.MessageGroupId === undefined)
      throw new AwsError('MissingParameter', 'The request must contain the parameter MessageGroupId.');
    const sent = queues.send(queue, {
      body: message.MessageBody,
      groupId: message.MessageGroupId,
      deduplicationId: message.MessageDeduplicationId,
    });
    if (sent.kind === 'no deduplication id')
      throw new AwsError(
        'InvalidParameterValue',
        'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
      );
    return {
      MessageId: sent.id,
      SequenceNumber: sent.sequenceNumber,
      MD5OfMessageBody: md5(message.MessageBody),
    };
  };

  const sendMessage = operation({
    name: 'SendMessage',
    schema: v.strictObject({ QueueUrl: queueUrl, ...entrySchema.entries }),
    access: onQueue('SendMessage'),
    run: ({ QueueUrl, ...message }) => send(QueueUrl, message),
  });

  // The right to it is that to sqs:SendMessage. Source: SQS Developer Guide, SQS API permissions
  const sendMessageBatch = operation({
    name: 'SendMessageBatch',
    schema: v.strictObject({
      QueueUrl: queueUrl,
      Entries: v.array(
        v.strictObject({ Id: v.pipe(v.string(), v.regex(/^[\w-]{1,80}$/u)), ...entrySchema.entries }),
      ),
    }),
    access: onQueue('SendMessage'),
    run({ QueueUrl, Entries }) {
      if (Entries.length === 0)
        throw new AwsError(
          'EmptyBatchRequest',
          'There should be at least one SendMessageBatchRequestEntry in the request.',
        );
      if (Entries.length > 10)
        throw new AwsError(
          'TooManyEntriesInBatchRequest',
          `Maximum number of entries per request are 10. You have sent ${Entries.length}.`,
        );
      const twice = Entries.find(({ Id }, index) => Entries.findIndex((each) => each.Id === Id) < index);
      if (twice !== undefined) throw new AwsError('BatchEntryIdsNotDistinct', `Id ${twice.Id} repeated.`);
      const Successful: unknown[] = [];
      const Failed: unknown[] = [];
      for (const { Id, ...message } of Entries)
        try {
          Successful.push({ Id, ...send(QueueUrl, message) });
        } catch (error) {
          if (!(error instanceof AwsError) || error.code === 'QueueDoesNotExist') throw error;
          Failed.push({ Id, Code: error.code, Message: error.message, SenderFault: true });
        }
      return { Successful, ...(Failed.length > 0 && { Failed }) };
    },
  });

  const receiveMessage = operation({
    name: 'ReceiveMessage',
    schema: v.strictObject({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: v.optional(integer(1, 10), 1),
      VisibilityTimeout: v.optional(integer(0, 43_200)),
      WaitTimeSeconds: v.optional(integer(0, 20)),
      MessageSystemAttributeNames: v.optional(v.array(v.string())),
      AttributeNames: v.optional(v.array(v.string())),
    }),
    access: onQueue('ReceiveMessage'),
    run(input) {
      const { messages } = queues.byUrl(input.QueueUrl);
      const received = messages.receive(input.MaxNumberOfMessages, queues.now(), input.VisibilityTimeout);
      return received.length === 0 ? {} : { Messages: received.map(describeMessage) };
    },
  });

  const deleteMessage = operation({
    name: 'DeleteMessage',
    schema: v.strictObject({ QueueUrl: queueUrl, ReceiptHandle: v.string() }),
    access: onQueue('DeleteMessage'),
    run({ QueueUrl, ReceiptHandle }) {
      refuse(queues.byUrl(QueueUrl).messages.delete(ReceiptHandle, queues.now()), ReceiptHandle);
      return {};
    },
  });

  const changeVisibility = operation({
    name: 'ChangeMessageVisibility',
    schema: v.strictObject({
      QueueUrl: queueUrl,
      ReceiptHandle: v.string(),
      VisibilityTimeout: integer(0, 43_200),
    }),
    access: onQueue('ChangeMessageVisibility'),
    run({ QueueUrl, ReceiptHandle, VisibilityTimeout }) {
      const { messages } = queues.byUrl(QueueUrl);
      refuse(messages.changeVisibility(ReceiptHandle, VisibilityTimeout, queues.now()), ReceiptHandle);
      return {};
    },
  });

  const getAttributes = operation({
    name: 'GetQueueAttributes',
    schema: v.strictObject({ QueueUrl: queueUrl, AttributeNames: v.optional(v.array(v.string()), []) }),
    access: onQueue('GetQueueAttributes'),
    run({ QueueUrl, AttributeNames: names }) {
      const known = attributesOf(queues.byUrl(QueueUrl), queues.now());
      const wanted = names.includes('All') ? Object.keys(known) : names;
      const missing = wanted.find((name) => known[name] === undefined);
      if (missing !== undefined)
        throw new UnservedError(
          'InvalidAttributeName',
          `the local cloud does not know the attribute ${missing} of a queue`,
        );
      return { Attributes: Object.fromEntries(wanted.map((name) => [name, known[name]])) };
    },
  });

  const purge = operation({
    name: 'PurgeQueue',
    schema: v.strictObject({ QueueUrl: queueUrl }),
    access: onQueue('PurgeQueue'),
    run({ QueueUrl }) {
      queues.byUrl(QueueUrl).messages.purge();
      return {};
    },
  });

  return {
    signingName: 'sqs',
    protocol: { kind: 'json', version: '1.0', targetPrefix: 'AmazonSQS' },
    source: 'sqs/operations.ts',
    operations: [
      sendMessage,
      sendMessageBatch,
      receiveMessage,
      deleteMessage,
      changeVisibility,
      getAttributes,
      purge,
    ],
  };
}

export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** What a message says of itself, to who receives it and to a function. */
export function systemAttributes(message: ReceivedMessage): Readonly<Record<string, string>> {
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt.getTime()),
    SentTimestamp: String(message.sentAt.getTime()),
    SenderId: 'AIDALOCAL',
    SequenceNumber: message.sequenceNumber,
    MessageGroupId: message.groupId,
    MessageDeduplicationId: message.deduplicationId,
  };
}

function describeMessage(message: ReceivedMessage): unknown {
  return {
    MessageId: message.id,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: md5(message.body),
    Body: message.body,
    Attributes: systemAttributes(message),
  };
}

function attributesOf({ resource, messages }: LocalQueue, now: Date): Readonly<Record<string, string>> {
  const { visible, inFlight } = messages.counts(now);
  return {
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: '0',
    QueueArn: resource.arn,
    FifoQueue: 'true',
    VisibilityTimeout: String(resource.VisibilityTimeout ?? 30),
  };
}

/** @throws AwsError for a handle that is none, or whose time is up */
function refuse(result: HandleResult, handle: string): void {
  if (result === 'invalid')
    throw new AwsError(
      'ReceiptHandleIsInvalid',
      `The input receipt handle "${handle}" is not a valid receipt handle.`,
    );
  if (result === 'expired')
    throw new AwsError(
      'InvalidParameterValue',
      `Value ${handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
    );
}
