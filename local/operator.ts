import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { LocalCloud } from './cloud.ts';

/** Sends one of our documents as the operator, with a request as its parameter. @returns the command's id */
export async function sendCommand(
  cloud: LocalCloud,
  document: string,
  instance: string,
  request: string,
): Promise<string> {
  const ssm = new SSMClient(cloud.clientConfig());
  try {
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: cloud.physicalName(document),
        InstanceIds: [instance],
        Parameters: { request: [Buffer.from(request).toString('base64')] },
      }),
    );
    return Command?.CommandId ?? '';
  } finally {
    ssm.destroy();
  }
}
