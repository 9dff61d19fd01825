import { GetCommandInvocationCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { hasCode } from './errors.ts';
import { notKnown } from './ssm.ts';

/** How the comment of a probe begins that asks hosts whether they live themselves. */
const candidates = 'hostsync candidates';

/** The comment of a command that probes. @param where `itself`: its sender waits for the answer */
export function probeComment(group: string, where: 'primary' | 'itself'): string {
  return `${where === 'itself' ? candidates : 'hostsync probe'}, group ${group}`;
}

/**
 * Does the run that sent this probe wait for its end? Then the end wakes nobody. The next run would ask again, and so on without end in a group
 * that gets no primary, since it is only observed, or none of its hosts answers.
 */
export async function isWaitedFor(
  ssm: SSMClient,
  { command, instance }: { readonly command: string; readonly instance: string },
): Promise<boolean> {
  try {
    const { Comment = '' } = await ssm.send(
      new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance }),
    );
    return Comment.startsWith(candidates);
  } catch (error) {
    // One that SSM does not show yet may be any
    if (hasCode(error, notKnown)) return false;
    throw error;
  }
}
