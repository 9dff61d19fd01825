import { rm } from 'node:fs/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SSMClient } from '@aws-sdk/client-ssm';
import { onTestFinished } from 'vitest';
import { type LocalCloud, startCloud } from '../../src/cloud.ts';
import { type FakeFleet, openFakeFleet } from './fake-fleet.ts';
import { type SampleOptions, samplePackage } from './sample-package.ts';

/** A cloud of the sample service that ends with the test, which fails if there are problems that it has not taken. */
export async function sampleCloud(
  options: SampleOptions & {
    readonly timeScale?: number;
    readonly impairedSeconds?: number;
    readonly connectionLostSeconds?: number;
    readonly parametersGiven?: Record<string, string>;
    readonly fleet?: FakeFleet;
  } = {},
): Promise<LocalCloud> {
  const fleet = options.fleet ?? (await openFakeFleet());
  const packageDirectory = await samplePackage(options);
  onTestFinished(async () => {
    await fleet.close();
    await rm(packageDirectory, { recursive: true, force: true });
  });
  const cloud = await startCloud({
    packageDirectory,
    tickSeconds: 'manual',
    fleet,
    timeScale: options.timeScale ?? 1,
    ...(options.impairedSeconds !== undefined && { impairedSeconds: options.impairedSeconds }),
    ...(options.connectionLostSeconds !== undefined && {
      connectionLostSeconds: options.connectionLostSeconds,
    }),
  });
  onTestFinished(() => cloud.close());
  return cloud;
}

/** SDK clients: of the operator, or in the role of the function. */
export function clientsOf(cloud: LocalCloud, asFunction?: string, maxAttempts = 3) {
  const config = { ...cloud.clientConfig(asFunction), maxAttempts };
  return { ec2: new EC2Client(config), ssm: new SSMClient(config), events: new EventBridgeClient(config) };
}
