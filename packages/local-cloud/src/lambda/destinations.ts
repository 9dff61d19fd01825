import type { Caller } from '../api/registry.ts';
import { AwsError, LocalCloudError } from '../base/errors.ts';
import type { Journal } from '../base/journal.ts';
import { type Json, parseJson } from '../base/json.ts';
import type { QueueResource, Stack } from '../cloudformation/stack.ts';
import type { ServiceMetrics } from '../cloudwatch/service-metrics.ts';
import type { Iam } from '../iam/iam.ts';
import type { Sns } from '../sns/sns.ts';

/** A message in a queue of the stack. */
export interface QueueMessage {
  readonly at: Date;
  /** the logical id of the queue in the template */
  readonly queue: string;
  readonly queueArn: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Runs a function that is somebody's destination. */
export type InvokeFunction = (functionArn: string, payload: Json, cause: string) => void;

interface Dependencies {
  readonly stack: Stack;
  readonly sns: Sns;
  readonly iam: Iam;
  readonly journal: Journal;
  readonly metrics: ServiceMetrics;
}

/** Where Lambda and EventBridge send what became of an event: queues, topics and functions of the stack. */
export class Destinations {
  #queued: readonly { readonly message: QueueMessage; removedAt: Date | undefined }[] = [];
  readonly #deps: Dependencies;
  #invoke: InvokeFunction | undefined;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** What is in the queues. */
  queueMessages(): readonly QueueMessage[] {
    return this.#queued.filter(({ removedAt }) => removedAt === undefined).map(({ message }) => message);
  }

  /** How many messages there were in a queue (by its name) at a moment. */
  depth(queueName: string, at: Date): number {
    const queue = this.#deps.stack.queues.find(({ name }) => name === queueName);
    return this.#queued.filter(
      ({ message, removedAt }) =>
        message.queue === queue?.logicalId && message.at <= at && (removedAt === undefined || removedAt > at),
    ).length;
  }

  /** Takes everything out of a queue (by its logical id). @throws LocalCloudError when there is none */
  purge(queueId: string): void {
    if (!this.#deps.stack.queues.some(({ logicalId }) => logicalId === queueId))
      throw new LocalCloudError(`the template has no queue ${queueId}`);
    for (const entry of this.#queued) {
      if (entry.message.queue === queueId) entry.removedAt ??= new Date();
    }
  }

  connect(invoke: InvokeFunction): void {
    this.#invoke = invoke;
  }

  /**
   * Why nothing from this role could get there, or undefined. Lambda asks it when the destination is set, and refuses.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
   */
  async blocker(arn: string, caller: Caller): Promise<string | undefined> {
    const action = actionOf(arn);
    if (action === undefined || !this.#exists(arn))
      return `the template makes no queue, topic or function ${arn}`;
    if (this.#queue(arn)?.FifoQueue === true) return `${arn} is a FIFO queue, which Lambda does not send to`;
    const denial = await this.#deps.iam.firstDenial(caller, [{ action, resource: arn, context: {} }]);
    return denial?.message;
  }

  /**
   * Delivers in the role of a function, or records as a problem that it may not or cannot.
   *
   * @returns whether it got there
   */
  async deliver(
    arn: string,
    caller: Caller,
    body: string,
    attributes: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const blocker = await this.blocker(arn, caller);
    if (blocker !== undefined) {
      this.#deps.journal.problem('denied', blocker);
      return false;
    }
    const queue = this.#queue(arn);
    if (queue !== undefined) {
      this.#enqueue(queue, body, attributes);
      return true;
    }
    if (actionOf(arn) === 'lambda:InvokeFunction') {
      this.#invoke?.(arn, parseJson(body), caller.name);
      return true;
    }
    const message = { topicArn: arn, subject: undefined, message: body, attributes, publisher: caller.name };
    try {
      this.#deps.sns.publish(message);
      return true;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      this.#deps.journal.problem('invalid-request', `${caller.name} to ${arn}: ${error.message}`);
      return false;
    }
  }

  /** Why EventBridge may not send a rule's dead letters to this queue, or undefined. */
  async deadLetterBlocker(queueArn: string, ruleArn: string): Promise<string | undefined> {
    const queue = this.#queue(queueArn);
    if (queue === undefined) return `the template makes no queue ${queueArn}`;
    if (queue.FifoQueue === true)
      return `${queueArn} is a FIFO queue, which EventBridge does not send dead letters to`;
    const service = 'events.amazonaws.com';
    const denial = await this.#deps.iam.serviceDenial(service, 'sqs:SendMessage', queueArn, ruleArn);
    return denial?.message;
  }

  /** Puts what a rule could not deliver into its target's queue, as EventBridge; false if it may not. */
  async deadLetter(
    queueArn: string,
    ruleArn: string,
    body: string,
    attributes: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const queue = this.#queue(queueArn);
    if (queue === undefined || (await this.deadLetterBlocker(queueArn, ruleArn)) !== undefined) return false;
    this.#enqueue(queue, body, attributes);
    return true;
  }

  #enqueue(queue: QueueResource, body: string, attributes: Readonly<Record<string, string>>): void {
    const message = { at: new Date(), queue: queue.logicalId, queueArn: queue.arn, body, attributes };
    this.#queued = [...this.#queued, { message, removedAt: undefined }];
    this.#deps.metrics.add('AWS/SQS', 'NumberOfMessagesSent', queue.name, 1);
  }

  #queue(arn: string): QueueResource | undefined {
    return this.#deps.stack.queues.find((queue) => queue.arn === arn);
  }

  #exists(arn: string): boolean {
    const { queues, topics, functions } = this.#deps.stack;
    return [...queues, ...topics, ...functions].some((resource) => resource.arn === arn);
  }
}

function actionOf(arn: string): string | undefined {
  const [, , service = ''] = arn.split(':');
  const actions: Readonly<Record<string, string>> = {
    sqs: 'sqs:SendMessage',
    sns: 'sns:Publish',
    lambda: 'lambda:InvokeFunction',
  };
  return actions[service];
}
