import { setTimeout as sleep } from 'node:timers/promises';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';

/** Region, profile and endpoint come from the environment, as for the operator's command. */
export function openClients() {
  const config = { maxAttempts: 5 };
  return {
    autoScaling: new AutoScalingClient(config),
    cloudFormation: new CloudFormationClient(config),
    ec2: new EC2Client(config),
    events: new EventBridgeClient(config),
    logs: new CloudWatchLogsClient(config),
    // The URL of a queue names a host of its own, which the local cloud does not have
    sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
    ssm: new SSMClient(config),
    /** Tells of throttling instead of trying again. */
    hastySsm: new SSMClient({ maxAttempts: 1 }),
    sts: new STSClient(config),
  };
}

export type Clients = ReturnType<typeof openClients>;

/** What did not come within its time. */
export class LateError extends Error {
  override readonly name = 'LateError';
}

export interface Patience {
  readonly what: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Seconds between two looks. */
  readonly every?: number;
}

/**
 * Looks again and again until something is there.
 *
 * @throws {LateError} when it does not come
 * @throws the reason of the signal
 */
export async function until<Found>(
  look: () => Promise<Found | undefined>,
  { what, seconds, signal, every = 1 }: Patience,
): Promise<Found> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new LateError(`not within ${seconds} seconds: ${what}`);
    await pause(every, signal);
  }
}

/** @throws the reason of the signal */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** The code of an error of AWS, never its text. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
