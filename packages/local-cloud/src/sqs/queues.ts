import type { Clock } from '../base/clock.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import type { QueueResource, Stack } from '../cloudformation/stack.ts';
import type { ServiceMetrics } from '../cloudwatch/service-metrics.ts';
import { type FifoMessage, FifoQueue, type NewMessage, type SendResult } from './fifo-queue.ts';

/** A FIFO queue of the stack. */
export interface LocalQueue {
  readonly resource: QueueResource;
  readonly url: string;
  readonly messages: FifoQueue;
}

const defaults = { visibilitySeconds: 30, retentionSeconds: 345_600 } as const;

/** The FIFO queues of the stack, and those that a scenario makes. Their time passes as fast as the clock's mere waiting. */
export class Queues {
  readonly #clock: Clock;
  readonly #metrics: ServiceMetrics;
  readonly #urlOf: (name: string) => string;
  #queues: readonly LocalQueue[];
  readonly #listeners = new Map<string, () => void>();
  readonly #opened = Date.now();

  constructor(stack: Stack, clock: Clock, metrics: ServiceMetrics, urlOf: (name: string) => string) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#urlOf = urlOf;
    this.#queues = stack.queues
      .filter(({ FifoQueue: isFifo }) => isFifo === true)
      .map((resource) => this.#open(resource));
    for (const { resource } of this.#queues) this.#checkRedrive(resource);
  }

  #open(resource: QueueResource): LocalQueue {
    const messages = new FifoQueue(optionsOf(resource), (message) => this.#deadLetter(resource, message));
    return { resource, url: this.#urlOf(resource.name), messages };
  }

  /** A queue that is not of the stack. */
  add(resource: QueueResource): LocalQueue {
    const queue = this.#open(resource);
    this.#queues = [...this.#queues, queue];
    return queue;
  }

  remove({ resource: { arn } }: LocalQueue): void {
    this.#queues = this.#queues.filter((queue) => queue.resource.arn !== arn);
  }

  /** The time of the queues. */
  now(): Date {
    return new Date(this.#opened + (Date.now() - this.#opened) * this.#clock.scale);
  }

  all(): readonly LocalQueue[] {
    return this.#queues;
  }

  byArn(arn: string): LocalQueue | undefined {
    return this.#queues.find(({ resource }) => resource.arn === arn);
  }

  /** @throws AwsError as SQS does for a queue that is not there */
  byUrl(url: string): LocalQueue {
    const found = this.#queues.find((queue) => queue.url === url);
    if (found === undefined) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return found;
  }

  send(queue: LocalQueue, message: NewMessage): SendResult {
    const result = queue.messages.send(message, this.now());
    if (result.kind === 'sent') {
      this.#metrics.add('AWS/SQS', 'NumberOfMessagesSent', queue.resource.name, 1);
      this.#listeners.get(queue.resource.arn)?.();
    }
    return result;
  }

  /** Who is to hear that a queue has got a message: an event source mapping. */
  connect(arn: string, listener: () => void): void {
    this.#listeners.set(arn, listener);
  }

  /** How many messages there are, those in flight included. */
  depth(queueName: string): number | undefined {
    const queue = this.#queues.find(({ resource }) => resource.name === queueName);
    return queue?.messages.counts(this.now()).visible;
  }

  /** Seconds that its oldest message has waited; 0 without one, and for a standard queue, whose messages nobody takes here. */
  age(queueName: string): number {
    const queue = this.#queues.find(({ resource }) => resource.name === queueName);
    return queue?.messages.age(this.now()) ?? 0;
  }

  #deadLetter(from: QueueResource, { body, groupId, deduplicationId }: FifoMessage): void {
    const target = this.byArn(from.RedrivePolicy?.deadLetterTargetArn ?? '');
    if (target !== undefined) this.send(target, { body, groupId, deduplicationId });
  }

  #checkRedrive({ logicalId, RedrivePolicy: policy }: QueueResource): void {
    if (policy !== undefined && this.byArn(policy.deadLetterTargetArn) === undefined)
      throw new LocalCloudError(
        `${logicalId}: the dead-letter queue of a FIFO queue must be a FIFO queue of the template, not ${policy.deadLetterTargetArn}`,
      );
  }
}

function optionsOf(resource: QueueResource) {
  return {
    visibilityTimeoutSeconds: resource.VisibilityTimeout ?? defaults.visibilitySeconds,
    retentionSeconds: resource.MessageRetentionPeriod ?? defaults.retentionSeconds,
    maxReceiveCount: resource.RedrivePolicy?.maxReceiveCount,
    contentBasedDeduplication: resource.ContentBasedDeduplication ?? false,
    deduplicationScope: resource.DeduplicationScope ?? 'queue',
  } as const;
}
