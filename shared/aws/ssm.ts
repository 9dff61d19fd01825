import { paginateDescribeInstanceInformation, SendCommandCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { ObservedAgent } from '../core/observation.ts';
import { formatPushRequest, type PushRequest } from '../core/request.ts';

/** How long a command may wait for the agent, in seconds: the least SSM takes, so that a host that comes back runs no stale push. */
const deliveryTimeout = 30;

/** All nodes that SSM manages. One call for each 50. */
export async function observeAgents(ssm: SSMClient): Promise<readonly ObservedAgent[]> {
  const agents: ObservedAgent[] = [];
  for await (const page of paginateDescribeInstanceInformation({ client: ssm, pageSize: 50 }, {}))
    for (const { InstanceId, PingStatus, IPAddress } of page.InstanceInformationList ?? [])
      if (InstanceId !== undefined)
        agents.push({ id: InstanceId, online: PingStatus === 'Online', address: IPAddress });
  return agents;
}

/**
 * Has a primary run host/push.sh.
 *
 * SendCommand has no client token, so a retry may start a second push: the lock on the host makes that harmless.
 *
 * @returns the command's id
 */
export async function sendPush(
  ssm: SSMClient,
  documentName: string,
  primary: string,
  request: PushRequest,
): Promise<string> {
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: documentName,
      // CloudFormation makes a new document for a changed script, so each has one version
      DocumentVersion: '1',
      InstanceIds: [primary],
      TimeoutSeconds: deliveryTimeout,
      Comment: `hostsync push, group ${request.group.slice(0, 40)}, epoch ${request.epoch}`,
      Parameters: { request: [Buffer.from(formatPushRequest(request)).toString('base64')] },
    }),
  );
  return Command?.CommandId ?? '';
}
