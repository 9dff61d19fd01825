import { makeClients } from '../../shared/aws/clients.ts';
import { planTick, tickBlocker } from '../../shared/core/plan-tick.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseScheduledEvent } from '../../shared/edge/scheduled-event.ts';
import { observe } from '../../shared/membership/observe.ts';
import { reconcileMembership } from '../../shared/membership/reconcile.ts';
import { makeTools } from '../../shared/membership/tools.ts';
import { carryOutTick } from './carry-out.ts';

const configuration = readConfiguration('sync');
const clients = makeClients();

/** How long a tick goes on with joins while they move, in milliseconds: the next tick comes after 60,000. */
const joinsFor = 45_000;

/** The one-minute tick: look at all groups, decide, have each primary push; then bring joins and leaves forward. */
export const handler = makeHandler(async (event, instruments) => {
  const started = Date.now();
  const blocker = tickBlocker(parseScheduledEvent(event).scheduledAt, started);
  if (blocker !== undefined) return instruments.logger.warn(blocker);
  const tools = makeTools(clients, configuration, instruments);
  const first = await observe(clients, tools.tags);
  const pushed = carryOutTick(planTick(first), tools);
  const joined = reconcileMembership(tools, { first, until: started + joinsFor });
  const outcomes = await Promise.allSettled([pushed, joined]);
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (errors.length > 1) throw new AggregateError(errors, errors.map(({ message }) => message).join(' | '));
  if (errors.length > 0) throw errors[0];
});
