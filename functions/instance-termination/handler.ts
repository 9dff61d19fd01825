import { makeClients } from '../../shared/aws/clients.ts';
import type { MembershipAction } from '../../shared/core/membership-action.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseInstanceEvent } from '../../shared/edge/instance-event.ts';
import { reconcileMembership } from '../../shared/membership/reconcile.ts';
import { makeTools } from '../../shared/membership/tools.ts';

const configuration = readConfiguration('instance-termination');
const clients = makeClients();

/** Its role lets it take hosts out, not in. */
const only: ReadonlySet<MembershipAction['kind']> = new Set(['set-list', 'clear-state', 'complete-hook']);

/** An instance goes, for good or not, or lost its tag: takes it off the list, clears its tags, lets Auto Scaling go on. */
export const handler = makeHandler(async (event, instruments) => {
  const { logger } = instruments;
  const hint = parseInstanceEvent(event);
  if (hint === undefined) return logger.warn('an event of another kind: nothing is done', { event });
  logger.info(`looks at ${hint.instance}: ${hint.what}`);
  await reconcileMembership(makeTools(clients, configuration, instruments), { only });
});
