import {
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { laneOf, type WakeUp } from '../core/model/wake-up.ts';
import { formatWakeUp } from '../edge/wake-up.ts';
import { errorsOf, throwAll } from './errors.ts';

/** The most messages of one call. Source: API reference of SQS, SendMessageBatch. */
const mostMessages = 10;

/** The queue did not take a message; the tick asks again. */
export class LaneError extends Error {
  override readonly name = 'LaneError';
}

/** Asks for looks at groups, each in the lane of its group. One call for each ten; what one call is refused keeps no other from its own. */
export async function wake(sqs: SQSClient, queue: string, wakeUps: readonly WakeUp[]): Promise<void> {
  const batches: (readonly WakeUp[])[] = [];
  for (let start = 0; start < wakeUps.length; start += mostMessages)
    batches.push(wakeUps.slice(start, start + mostMessages));
  throwAll(await errorsOf(batches.map((batch) => send(sqs, queue, batch))));
}

async function send(sqs: SQSClient, queue: string, wakeUps: readonly WakeUp[]): Promise<void> {
  const Entries = wakeUps.map((wakeUp, index): SendMessageBatchRequestEntry => {
    return {
      Id: String(index),
      MessageBody: formatWakeUp(wakeUp),
      MessageGroupId: laneOf(wakeUp.group),
      MessageDeduplicationId: wakeUp.ref,
    };
  });
  const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }));
  throwAll(
    Failed.map(({ Id, Code, Message }) => {
      const group = wakeUps[Number(Id)]?.group ?? '';
      return new LaneError(`group ${group}: the queue refused a wake-up: ${Code}: ${Message ?? ''}`);
    }),
  );
}
