import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { codeOf, pause } from './connection.ts';
import type { Scene } from './scene.ts';

/** A message, each of a group of its own: no question holds up another. */
type Message = { readonly group: string; readonly id: string };

const refused = (call: Promise<unknown>) =>
  call.then(
    () => 'accepted',
    (error: unknown) => `refused: ${codeOf(error)}`,
  );

/** The FIFO queue of the run. It belongs to a stack, which is removed with the run. */
class Queue {
  readonly #sqs: Scene['clients']['sqs'];
  readonly #QueueUrl: string;

  constructor({ clients, queueUrl }: Scene) {
    this.#sqs = clients.sqs;
    this.#QueueUrl = queueUrl;
  }

  async send({ group, id }: Message): Promise<void> {
    const input = { MessageBody: id, MessageGroupId: group, MessageDeduplicationId: id };
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#QueueUrl, ...input }));
  }

  /** @param seconds that others do not see what was received @returns receipt handles, by message */
  async receive(seconds: number): Promise<ReadonlyMap<string, string>> {
    const input = { MaxNumberOfMessages: 10, VisibilityTimeout: seconds, WaitTimeSeconds: 2 };
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.#QueueUrl, ...input }),
    );
    return new Map(Messages.map(({ Body = '', ReceiptHandle = '' }) => [Body, ReceiptHandle]));
  }

  /** @throws {Error} where it does not come */
  async handleOf(id: string, seconds: number): Promise<string> {
    for (let tries = 0; tries < 5; tries += 1) {
      const handle = (await this.receive(seconds)).get(id);
      if (handle !== undefined) return handle;
    }
    throw new Error(`the message ${id} did not come`);
  }

  delete(ReceiptHandle: string): Promise<string> {
    return refused(this.#sqs.send(new DeleteMessageCommand({ QueueUrl: this.#QueueUrl, ReceiptHandle })));
  }

  hide(ReceiptHandle: string, VisibilityTimeout: number): Promise<string> {
    const input = { QueueUrl: this.#QueueUrl, ReceiptHandle, VisibilityTimeout };
    return refused(this.#sqs.send(new ChangeMessageVisibilityCommand(input)));
  }

  async purge(): Promise<void> {
    await this.#sqs.send(new PurgeQueueCommand({ QueueUrl: this.#QueueUrl }));
  }
}

async function deleteTwice(queue: Queue): Promise<string> {
  await queue.send({ group: 'twice', id: 'twice' });
  const handle = await queue.handleOf('twice', 30);
  return `${await queue.delete(handle)}, then ${await queue.delete(handle)}`;
}

async function useReplacedHandle(queue: Queue, signal: AbortSignal): Promise<string> {
  await queue.send({ group: 'replaced', id: 'replaced' });
  const first = await queue.handleOf('replaced', 1);
  await pause(2, signal);
  const second = await queue.handleOf('replaced', 30);
  const answer = await queue.delete(first);
  await queue.delete(second);
  return answer;
}

async function hideAnew(queue: Queue, signal: AbortSignal): Promise<string> {
  await queue.send({ group: 'hidden', id: 'hidden' });
  const handle = await queue.handleOf('hidden', 8);
  await pause(5, signal);
  const changed = await queue.hide(handle, 8);
  if (changed !== 'accepted') return changed;
  // 10 seconds after the receive: over if they count from there, and 5 of 8 seconds after the request
  await pause(5, signal);
  return (await queue.receive(0)).has('hidden') ? 'it counts from the receive' : 'it counts from the request';
}

/** What is sent right after a purge may be purged, too: only with what was sent before and after it the answer is one. */
async function sendAfterPurge(queue: Queue): Promise<string> {
  const group = 'purged';
  await queue.send({ group, id: 'taken' });
  await queue.purge();
  for (const id of ['before', 'taken', 'after']) await queue.send({ group, id });
  const seen = new Set<string>();
  for (let tries = 0; tries < 3; tries += 1)
    for (const [id, handle] of await queue.receive(30)) {
      seen.add(id);
      await queue.delete(handle);
    }
  if (seen.has('taken')) return 'the id is free';
  return seen.has('before') && seen.has('after') ? 'the id stays taken' : 'not known: the purge went on';
}

/** By the question's id. */
export async function askQueue(scene: Scene): Promise<ReadonlyMap<string, string>> {
  const queue = new Queue(scene);
  const { signal } = scene;
  return new Map([
    ['second-delete', await deleteTwice(queue)],
    ['replaced-handle', await useReplacedHandle(queue, signal)],
    ['visibility', await hideAnew(queue, signal)],
    ['purge', await sendAfterPurge(queue)],
  ]);
}
