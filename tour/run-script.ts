import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { CommandRecord, LocalCloud, LocalInstance } from 'local-cloud';
import { encodeRequest } from '../shared/aws/ssm.ts';

/** What a command of the host package printed, and how it ended. */
export interface ScriptRun {
  readonly code: number;
  /** The lines of standard output, parsed. */
  readonly lines: readonly unknown[];
  readonly stderr: string;
}

/**
 * Has a host run the command of one of our documents, as an operator does from the console.
 *
 * @param document its logical id in the template, as `JoinDocument`
 */
export async function runScript(
  cloud: LocalCloud,
  document: string,
  instance: LocalInstance,
  request: string,
): Promise<ScriptRun> {
  const ssm = new SSMClient(cloud.clientConfig());
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: cloud.physicalName(document),
      InstanceIds: [instance.id],
      Parameters: { request: [encodeRequest(request)] },
    }),
  );
  ssm.destroy();
  const ended = ({ id, status }: CommandRecord) =>
    id === Command?.CommandId && ['Success', 'Failed', 'TimedOut', 'Cancelled'].includes(status);
  const command = await cloud.waitFor(() => cloud.commands(ended)[0], {
    what: `${document} on ${instance.id}`,
  });
  const step = command.invocations[0]?.steps[0];
  const lines = (step?.stdout ?? '').split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return { code: step?.responseCode ?? -1, lines, stderr: step?.stderr ?? '' };
}
