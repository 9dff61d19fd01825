import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import type { LocalCloud } from '../../../src/cloud.ts';
import { sampleCloud } from '../sample-cloud.ts';

const timeout = 20;

interface Options {
  /** What the function does with a message: its body is `text`. */
  readonly handler?: string;
  readonly queue?: object;
  readonly mapping?: object;
  readonly statements?: readonly unknown[];
  readonly timeScale?: number;
}

const readsQueue = {
  Effect: 'Allow',
  Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
  Resource: { 'Fn::GetAtt': ['Work', 'Arn'] },
};

/** A cloud whose function is run by a FIFO queue with dead letters. */
function start({
  handler,
  queue = {},
  mapping = {},
  statements = [readsQueue],
  timeScale = 1,
}: Options = {}) {
  return sampleCloud({
    timeScale,
    statements,
    ...(handler !== undefined && {
      handler: `const seen = new Map(); export const handler = async ({ Records }) => { for (const { body: text, messageId, attributes } of Records) { console.log('got ' + text); ${handler} } };`,
    }),
    resources: {
      Work: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          FifoQueue: true,
          VisibilityTimeout: 30,
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Lost', 'Arn'] }, maxReceiveCount: 3 },
          ...queue,
        },
      },
      Lost: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } },
      Mapping: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Work', 'Arn'] },
          FunctionName: { 'Fn::GetAtt': ['SyncLambdaFunction', 'Arn'] },
          BatchSize: 1,
          ...mapping,
        },
      },
    },
  });
}

function queueOf(cloud: LocalCloud, logicalId = 'Work') {
  const client = new SQSClient(cloud.clientConfig());
  const QueueUrl = `https://sqs.eu-west-1.amazonaws.com/111122223333/${cloud.physicalName(logicalId)}`;
  let count = 0;
  return {
    client,
    QueueUrl,
    send: (MessageBody: string, MessageGroupId = 'one', MessageDeduplicationId = `id-${count++}`) =>
      client.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId })),
    receive: async () =>
      (await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))).Messages ?? [],
    async depth() {
      const AttributeNames = ['ApproximateNumberOfMessages' as const];
      const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
      return Number(Attributes?.['ApproximateNumberOfMessages']);
    },
  };
}

/** The bodies that runs of the function got, in their order. */
const got = (cloud: LocalCloud) =>
  cloud.invocations().flatMap(({ logs }) => logs.flatMap((line) => /got (\S+)/.exec(line)?.[1] ?? []));

describe('a FIFO queue', () => {
  test('gives its messages in order, each once, until they are deleted', async () => {
    const cloud = await start({ mapping: { Enabled: false } });
    const { client, QueueUrl, send, receive, depth } = queueOf(cloud);
    expect(cloud.physicalName('Work')).toMatch(/\.fifo$/);
    for (const text of ['a', 'b', 'c']) await send(text);
    await send('a again', 'one', 'id-0');
    const received = await receive();
    expect(received.map(({ Body }) => Body)).toEqual(['a', 'b', 'c']);
    expect(await receive()).toEqual([]);
    const [first, second] = received;
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
    const back = { QueueUrl, ReceiptHandle: second?.ReceiptHandle, VisibilityTimeout: 0 };
    await client.send(new ChangeMessageVisibilityCommand(back));
    expect(await depth()).toBe(1);
    await expect(
      client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'nonsense' })),
    ).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
  });

  test('refuses what SQS refuses, and who may not send', async () => {
    const cloud = await start({ mapping: { Enabled: false } });
    const { client, QueueUrl } = queueOf(cloud);
    const send = (changes: object) =>
      client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageGroupId: 'g', ...changes }));
    await expect(send({})).rejects.toThrow('MessageDeduplicationId');
    await expect(send({ MessageGroupId: undefined, MessageDeduplicationId: 'x' })).rejects.toThrow(
      'MessageGroupId',
    );
    await expect(send({ QueueUrl: `${QueueUrl}x` })).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    const role = new SQSClient(cloud.clientConfig('SyncLambdaFunction'));
    await expect(
      role.send(
        new SendMessageCommand({
          QueueUrl,
          MessageBody: 'x',
          MessageGroupId: 'g',
          MessageDeduplicationId: 'x',
        }),
      ),
    ).rejects.toThrow(/not authorized to perform: sqs:SendMessage/);
    cloud.takeProblems();
  });
});

test('several messages are sent with one call; one that is refused keeps no other from being taken', async () => {
  const cloud = await start({ mapping: { Enabled: false } });
  const { client, QueueUrl, receive } = queueOf(cloud);
  const entry = (Id: string, changes: object = {}) => ({
    Id,
    MessageBody: Id,
    MessageGroupId: 'g',
    MessageDeduplicationId: Id,
    ...changes,
  });
  const send = (Entries: ReturnType<typeof entry>[]) =>
    client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  const { Successful, Failed } = await send([
    entry('a'),
    entry('b', { MessageDeduplicationId: undefined }),
    entry('c'),
  ]);
  expect(Successful?.map(({ Id }) => Id)).toEqual(['a', 'c']);
  expect(Failed).toMatchObject([{ Id: 'b', Code: 'InvalidParameterValue', SenderFault: true }]);
  expect((await receive()).map(({ Body }) => Body)).toEqual(['a', 'c']);
  const name = (name: string) => expect.objectContaining({ name });
  await expect(send([])).rejects.toEqual(name('EmptyBatchRequest'));
  await expect(send([entry('a'), entry('a')])).rejects.toEqual(name('BatchEntryIdsNotDistinct'));
  const many = Array.from({ length: 11 }, (_, index) => entry(`m${index}`));
  await expect(send(many)).rejects.toEqual(name('TooManyEntriesInBatchRequest'));
});

test('a scenario makes a queue that is not of the stack, and removes it', async () => {
  const cloud = await start({ mapping: { Enabled: false } });
  const { client } = queueOf(cloud);
  const { url: QueueUrl, remove } = cloud.createQueue('stack-Queue-1ABC');
  expect(QueueUrl).toMatch(/\/stack-Queue-1ABC\.fifo$/u);
  const message = { QueueUrl, MessageBody: 'a', MessageGroupId: 'one', MessageDeduplicationId: '1' };
  await client.send(new SendMessageCommand(message));
  const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
  expect(Messages.map(({ Body }) => Body)).toEqual(['a']);
  remove();
  await expect(client.send(new SendMessageCommand(message))).rejects.toMatchObject({
    name: 'QueueDoesNotExist',
  });
  cloud.takeProblems();
});

describe('an event source mapping', () => {
  test('runs the function for each message; those of one group one after the other', async () => {
    const cloud = await start({
      handler: `if (globalThis.busy) console.log('overlap'); globalThis.busy = true; await new Promise((r) => setTimeout(r, 30)); globalThis.busy = false;`,
    });
    const { send, depth } = queueOf(cloud);
    for (const text of ['a', 'b', 'c']) await send(text);
    await cloud.settle();
    expect(got(cloud)).toEqual(['a', 'b', 'c']);
    expect(
      cloud
        .invocations()
        .flatMap(({ logs }) => logs)
        .join(),
    ).not.toContain('overlap');
    expect(await depth()).toBe(0);
  });

  test('runs groups side by side, as many as it may', async () => {
    const cloud = await start({
      handler: `await new Promise((r) => setTimeout(r, 300));`,
      mapping: { ScalingConfig: { MaximumConcurrency: 2 } },
    });
    const { send } = queueOf(cloud);
    for (const group of ['1', '2', '3', '4']) await send(`m${group}`, group);
    const most = { running: 0 };
    const watch = setInterval(() => {
      const running = cloud.invocations().filter(({ endedAt }) => endedAt === undefined).length;
      most.running = Math.max(most.running, running);
    }, 10);
    await cloud.settle();
    clearInterval(watch);
    expect([got(cloud).length, most.running]).toEqual([4, 2]);
  });

  test('a run that fails holds up its group and no other, comes again, and ends as a dead letter', async () => {
    const cloud = await start({ handler: `if (text === 'bad') throw new Error('no');`, timeScale: 50 });
    const { send } = queueOf(cloud);
    await send('bad', 'one');
    await send('after', 'one');
    await send('other', 'two');
    await cloud.settle({ timeoutSeconds: 30 });
    expect(got(cloud).filter((text) => text === 'bad').length).toBe(3);
    expect(got(cloud).indexOf('other')).toBeLessThan(got(cloud).indexOf('after'));
    expect(got(cloud).at(-1)).toBe('after');
    expect((await queueOf(cloud, 'Lost').receive()).map(({ Body }) => Body)).toEqual(['bad']);
  });

  test('takes what the function reports as failed for failed, and the rest for done', async () => {
    const cloud = await start({
      handler: `if (text === 'late' && attributes.ApproximateReceiveCount === '1') return { batchItemFailures: [{ itemIdentifier: messageId }] };`,
      mapping: { BatchSize: 10, FunctionResponseTypes: ['ReportBatchItemFailures'] },
      timeScale: 50,
    });
    const { send } = queueOf(cloud);
    await send('early', 'one');
    await send('late', 'two');
    await cloud.settle({ timeoutSeconds: 30 });
    expect(got(cloud).filter((text) => text === 'late').length).toBe(2);
    expect(got(cloud).filter((text) => text === 'early').length).toBe(1);
  });

  test('a killed run is a failed one: its message comes again', async () => {
    const cloud = await start({
      handler: `if (attributes.ApproximateReceiveCount === '1') process.exit(1);`,
      timeScale: 50,
    });
    await queueOf(cloud).send('a');
    await cloud.settle({ timeoutSeconds: 30 });
    expect(got(cloud)).toEqual(['a', 'a']);
  });

  test.each<[string, Options, RegExp]>([
    [
      'a visibility time-out below the time-out of the function',
      { queue: { VisibilityTimeout: timeout - 1 } },
      /less than Function timeout: 20/,
    ],
    ['a batch of eleven', { mapping: { BatchSize: 11 } }, /BatchSize/],
    ['a concurrency of one', { mapping: { ScalingConfig: { MaximumConcurrency: 1 } } }, /MaximumConcurrency/],
    [
      'dead letters in a queue that is none',
      {
        queue: {
          RedrivePolicy: {
            deadLetterTargetArn: 'arn:aws:sqs:eu-west-1:111122223333:x.fifo',
            maxReceiveCount: 3,
          },
        },
      },
      /dead-letter queue/,
    ],
    [
      'a queue that is not of the template',
      { mapping: { EventSourceArn: 'arn:aws:sqs:eu-west-1:111122223333:x.fifo' } },
      /is none/,
    ],
  ])('is refused with %s', async (_name, options, message) => {
    await expect(start(options)).rejects.toThrow(message);
  });

  test('whose function may not read the queue is a problem', async () => {
    const cloud = await start({ statements: [] });
    expect(cloud.takeProblems()).toMatchObject([
      { kind: 'denied', message: expect.stringContaining('Mapping cannot read its queue') },
    ]);
  });
});
