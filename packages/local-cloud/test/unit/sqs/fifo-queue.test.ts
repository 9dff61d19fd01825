import { describe, expect, it } from 'vitest';
import { type FifoMessage, FifoQueue, type FifoQueueOptions } from '../../../src/sqs/fifo-queue.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number): Date => new Date(start + seconds * 1000);

function makeQueue(options: Partial<FifoQueueOptions> = {}): { queue: FifoQueue; dead: FifoMessage[] } {
  const dead: FifoMessage[] = [];
  const defaults: FifoQueueOptions = {
    visibilityTimeoutSeconds: 30,
    retentionSeconds: 3600,
    maxReceiveCount: undefined,
    contentBasedDeduplication: true,
    deduplicationScope: 'queue',
  };
  const queue = new FifoQueue({ ...defaults, ...options }, (message) => dead.push(message));
  return { queue, dead };
}

function send(queue: FifoQueue, groupId: string, body: string, seconds = 0): string {
  return queue.send({ groupId, body, deduplicationId: undefined }, at(seconds)).kind;
}

function bodies(queue: FifoQueue, maximum: number, seconds: number): readonly string[] {
  return queue.receive(maximum, at(seconds)).map(({ body }) => body);
}

function handleOf(queue: FifoQueue, seconds: number): string {
  const [message] = queue.receive(1, at(seconds));
  if (message === undefined) throw new Error('the queue gave no message');
  return message.receiptHandle;
}

describe('order within a group', () => {
  it('gives nothing of a group with a message in flight, and everything of the others', () => {
    const { queue } = makeQueue();
    for (const [group, body] of [
      ['a', 'a1'],
      ['a', 'a2'],
      ['b', 'b1'],
    ] as const)
      send(queue, group, body);
    expect(bodies(queue, 1, 0)).toEqual(['a1']);
    expect(bodies(queue, 10, 1)).toEqual(['b1']);
    expect(bodies(queue, 10, 2)).toEqual([]);
  });

  it('gives several messages of one group to one receive, in order', () => {
    const { queue } = makeQueue();
    for (const body of ['1', '2', '3']) send(queue, 'a', body);
    expect(bodies(queue, 10, 0)).toEqual(['1', '2', '3']);
  });

  it('gives the same message first when its time is up', () => {
    const { queue } = makeQueue();
    for (const body of ['1', '2']) send(queue, 'a', body);
    expect(bodies(queue, 1, 0)).toEqual(['1']);
    expect(bodies(queue, 1, 29.999)).toEqual([]);
    expect(bodies(queue, 1, 30)).toEqual(['1']);
  });

  it('unlocks the group when the message is deleted', () => {
    const { queue } = makeQueue();
    for (const body of ['1', '2']) send(queue, 'a', body);
    expect(queue.delete(handleOf(queue, 0), at(1))).toBe('done');
    expect(bodies(queue, 1, 1)).toEqual(['2']);
  });
});

describe('deduplication', () => {
  it.each([
    { deleted: false, seconds: 299, kind: 'duplicate' },
    { deleted: true, seconds: 299, kind: 'duplicate' },
    { deleted: true, seconds: 300, kind: 'sent' },
  ])('of a message that is deleted: $deleted, after $seconds s: $kind', ({ deleted, seconds, kind }) => {
    const { queue } = makeQueue();
    send(queue, 'a', 'same');
    if (deleted) queue.delete(handleOf(queue, 0), at(1));
    expect(send(queue, 'a', 'same', seconds)).toBe(kind);
  });

  it.each([
    { deduplicationScope: 'queue', kind: 'duplicate' },
    { deduplicationScope: 'messageGroup', kind: 'sent' },
  ] as const)('across groups in scope $deduplicationScope: $kind', ({ deduplicationScope, kind }) => {
    const { queue } = makeQueue({ deduplicationScope });
    send(queue, 'a', 'same');
    expect(send(queue, 'b', 'same', 1)).toBe(kind);
  });

  it('needs an id where the content is none', () => {
    const { queue } = makeQueue({ contentBasedDeduplication: false });
    expect(send(queue, 'a', 'x')).toBe('no deduplication id');
  });
});

describe('receipt handles', () => {
  it('an old handle deletes nothing after its time or after a later receive', () => {
    const { queue } = makeQueue();
    send(queue, 'a', 'x');
    const first = handleOf(queue, 0);
    expect(queue.delete(first, at(30))).toBe('expired');
    handleOf(queue, 31);
    expect(queue.delete(first, at(32))).toBe('expired');
    expect(queue.counts(at(32))).toEqual({ visible: 0, inFlight: 1 });
  });

  it('a second delete is done, an unknown handle is invalid', () => {
    const { queue } = makeQueue();
    send(queue, 'a', 'x');
    const handle = handleOf(queue, 0);
    expect([queue.delete(handle, at(1)), queue.delete(handle, at(2))]).toEqual(['done', 'done']);
    expect(queue.delete('unknown', at(2))).toBe('invalid');
  });

  it.each([
    { seconds: 0, visibleAt: 1 },
    { seconds: 100, visibleAt: 101 },
  ])('a visibility of $seconds s counts from the change', ({ seconds, visibleAt }) => {
    const { queue } = makeQueue();
    send(queue, 'a', 'x');
    expect(queue.changeVisibility(handleOf(queue, 0), seconds, at(1))).toBe('done');
    if (seconds > 0) expect(bodies(queue, 1, visibleAt - 0.001)).toEqual([]);
    expect(bodies(queue, 1, visibleAt)).toEqual(['x']);
  });
});

describe('what leaves the queue', () => {
  it('a message goes to the dead letters instead of one receive too many, and the next follows', () => {
    const { queue, dead } = makeQueue({ maxReceiveCount: 2 });
    for (const body of ['poison', 'next']) send(queue, 'a', body);
    expect(bodies(queue, 1, 0)).toEqual(['poison']);
    expect(bodies(queue, 1, 30)).toEqual(['poison']);
    expect(dead).toEqual([]);
    expect(bodies(queue, 1, 60)).toEqual(['next']);
    expect(dead.map(({ body }) => body)).toEqual(['poison']);
  });

  it('a message is gone after its retention, a purged one at once', () => {
    const { queue } = makeQueue({ retentionSeconds: 60 });
    send(queue, 'a', 'old');
    send(queue, 'a', 'new', 30);
    expect(bodies(queue, 10, 60)).toEqual(['new']);
    queue.purge();
    expect(queue.counts(at(61))).toEqual({ visible: 0, inFlight: 0 });
    expect(send(queue, 'a', 'new', 62)).toBe('duplicate');
  });
});
