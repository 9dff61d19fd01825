import { makeClients } from '../../shared/aws/clients.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseInstanceEvent } from '../../shared/edge/instance-event.ts';
import { reconcileMembership } from '../../shared/membership/reconcile.ts';
import { makeTools } from '../../shared/membership/tools.ts';

const configuration = readConfiguration('instance-launch');
const clients = makeClients();

/** An instance came up, was launched by Auto Scaling, or got tags: has what can be done at once done; the tick does the rest. */
export const handler = makeHandler(async (event, instruments) => {
  const { logger } = instruments;
  const hint = parseInstanceEvent(event);
  if (hint === undefined) return logger.warn('an event of another kind: nothing is done', { event });
  logger.info(`looks at ${hint.instance}: ${hint.what}`);
  await reconcileMembership(makeTools(clients, configuration, instruments));
});
