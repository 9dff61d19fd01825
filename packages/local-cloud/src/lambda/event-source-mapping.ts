import * as v from 'valibot';
import type { Clock } from '../base/clock.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Activity, Journal } from '../base/journal.ts';
import type { Json } from '../base/json.ts';
import type { EventSourceMappingResource, Stack } from '../cloudformation/stack.ts';
import type { Iam } from '../iam/iam.ts';
import type { ReceivedMessage } from '../sqs/fifo-queue.ts';
import { md5, systemAttributes } from '../sqs/operations.ts';
import type { LocalQueue, Queues } from '../sqs/queues.ts';
import type { LambdaService } from './lambda.ts';

interface Dependencies {
  readonly region: string;
  readonly queues: Queues;
  readonly lambda: LambdaService;
  readonly iam: Iam;
  readonly journal: Journal;
  readonly activity: Activity;
  readonly clock: Clock;
}

// Lambda Developer Guide, "Using Lambda with Amazon SQS": a poller begins with five batches at a time
const defaultConcurrency = 5;
const throttledSeconds = 1;

/** Has functions run by the messages of queues. @throws LocalCloudError for a mapping that Lambda would refuse */
export async function openMappings(stack: Stack, deps: Dependencies): Promise<void> {
  for (const resource of stack.eventSourceMappings) {
    const queue = deps.queues.byArn(resource.EventSourceArn);
    if (queue === undefined)
      throw new LocalCloudError(
        `${resource.logicalId}: the local cloud maps FIFO queues of the template only, and ${resource.EventSourceArn} is none`,
      );
    await checkMapping(resource, queue, deps);
    if (resource.Enabled) new Mapping(resource, queue, deps);
  }
}

async function checkMapping(
  { logicalId, FunctionName }: EventSourceMappingResource,
  queue: LocalQueue,
  { lambda, iam, journal }: Dependencies,
): Promise<void> {
  const visibility = queue.resource.VisibilityTimeout ?? 30;
  const timeout = lambda.timeoutOf(FunctionName);
  if (visibility < timeout)
    throw new LocalCloudError(
      `${logicalId}: Queue visibility timeout: ${visibility} seconds is less than Function timeout: ${timeout} seconds`,
    );
  const actions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  const checks = actions.map((action) => ({ action, resource: queue.resource.arn, context: {} }));
  const denial = await iam.firstDenial(lambda.callerOf(FunctionName), checks);
  if (denial !== undefined)
    journal.problem('denied', `${logicalId} cannot read its queue: ${denial.message}`);
}

/**
 * One mapping: batches of messages, as many at a time as it may run. A message whose run failed comes again when its visibility time-out is
 * over, and holds up its group until then.
 */
class Mapping {
  readonly #resource: EventSourceMappingResource;
  readonly #queue: LocalQueue;
  readonly #deps: Dependencies;
  #running = 0;
  #draining = false;

  constructor(resource: EventSourceMappingResource, queue: LocalQueue, deps: Dependencies) {
    this.#resource = resource;
    this.#queue = queue;
    this.#deps = deps;
    deps.queues.connect(queue.resource.arn, () => this.#wake());
  }

  #wake(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#deps.activity.start(`queue ${this.#queue.resource.logicalId}`, async () => {
      try {
        await this.#drain();
      } finally {
        this.#draining = false;
      }
    });
  }

  /** Until the queue holds nothing any more, visible or not. */
  async #drain(): Promise<void> {
    const { clock, queues } = this.#deps;
    const most = this.#resource.ScalingConfig?.MaximumConcurrency ?? defaultConcurrency;
    while (!clock.closed) {
      const now = queues.now();
      const batch =
        this.#running < most ? this.#queue.messages.receive(this.#resource.BatchSize, now, this.#hold()) : [];
      if (batch.length > 0) {
        void this.#run(batch);
        continue;
      }
      const { visible, inFlight } = this.#queue.messages.counts(now);
      if (this.#running === 0 && visible + inFlight === 0) return;
      await clock.wait(20);
    }
  }

  get #visibilitySeconds(): number {
    return this.#queue.resource.VisibilityTimeout ?? 30;
  }

  /** What really runs is never sped up, so a run has its messages for as long as on AWS, in the time of the queue. */
  #hold(): number {
    return this.#visibilitySeconds * this.#deps.clock.scale;
  }

  /** After a run that failed, what is left of the time-out is mere waiting. */
  #release(batch: readonly ReceivedMessage[], seconds: number): void {
    const { queues } = this.#deps;
    for (const { receiptHandle } of batch)
      this.#queue.messages.changeVisibility(receiptHandle, Math.max(0, seconds), queues.now());
  }

  async #run(batch: readonly ReceivedMessage[]): Promise<void> {
    const { lambda, queues, clock } = this.#deps;
    const started = Date.now();
    this.#running += 1;
    try {
      const Records = batch.map((message) => this.#record(message));
      const run = await lambda.attempt(this.#resource.FunctionName, { Records }, this.#resource.logicalId);
      if (run === undefined) {
        await clock.wait(clock.scaledMs(throttledSeconds));
        return this.#release(batch, 0);
      }
      const { outcome } = run;
      const failed =
        outcome?.kind === 'success'
          ? this.#failures(outcome.result, batch)
          : new Set(batch.map(({ id }) => id));
      for (const message of batch)
        if (!failed.has(message.id)) this.#queue.messages.delete(message.receiptHandle, queues.now());
      const left = this.#visibilitySeconds - (Date.now() - started) / 1000;
      this.#release(
        batch.filter(({ id }) => failed.has(id)),
        left,
      );
    } finally {
      this.#running -= 1;
    }
  }

  /** What the function says has failed; all of it, if its answer cannot be read. */
  #failures(result: unknown, batch: readonly ReceivedMessage[]): ReadonlySet<string> {
    if (!this.#resource.FunctionResponseTypes.includes('ReportBatchItemFailures')) return new Set();
    const parsed = v.safeParse(batchResponse, result ?? {});
    const ids = parsed.success
      ? parsed.output.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
      : ['unreadable'];
    const known = new Set(batch.map(({ id }) => id));
    return ids.every((id) => known.has(id)) ? new Set(ids) : known;
  }

  #record(message: ReceivedMessage): Json {
    return {
      messageId: message.id,
      receiptHandle: message.receiptHandle,
      body: message.body,
      attributes: systemAttributes(message),
      messageAttributes: {},
      md5OfBody: md5(message.body),
      eventSource: 'aws:sqs',
      eventSourceARN: this.#queue.resource.arn,
      awsRegion: this.#deps.region,
    };
  }
}

/** Lambda Developer Guide, "Reporting batch item failures": no list, or an empty one, is success. */
const batchResponse = v.object({
  batchItemFailures: v.nullish(v.array(v.object({ itemIdentifier: v.pipe(v.string(), v.minLength(1)) })), []),
});
