import { describeError } from '../shared/aws/errors.ts';
import { wake } from '../shared/aws/lanes.ts';
import type { Context } from './connect.ts';

/** Has the service look at a group now. Without it the next tick does, within a minute: that it may not be asked is said, and no failure. */
export async function wakeGroup(context: Context, group: string, because: string): Promise<void> {
  const at = Date.now();
  try {
    await wake(context.clients.sqs, context.queue, [{ group, because, at, ref: `operator-${at}` }]);
  } catch (error) {
    context.terminal.say(`The next tick looks at the group, within a minute (${describeError(error)})`);
  }
}
