import { makeClients } from '../../shared/aws/clients.ts';
import { observeInstances } from '../../shared/aws/ec2.ts';
import { observeAgents } from '../../shared/aws/ssm.ts';
import { planTick, tickBlocker } from '../../shared/core/plan-tick.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseScheduledEvent } from '../../shared/edge/scheduled-event.ts';
import { carryOutTick } from './carry-out.ts';

const configuration = readConfiguration('sync');
const { ec2, ssm } = makeClients();

/** The one-minute tick: look at all groups, decide, have each primary push. */
export const handler = makeHandler(async (event, instruments) => {
  const blocker = tickBlocker(parseScheduledEvent(event).scheduledAt, Date.now());
  if (blocker !== undefined) {
    instruments.logger.warn(blocker);
    return;
  }
  const [instances, agents] = await Promise.all([observeInstances(ec2), observeAgents(ssm)]);
  const actions = planTick({ instances, agents });
  await carryOutTick(actions, { ssm, documentName: configuration.HOSTSYNC_PUSH_DOCUMENT, ...instruments });
});
