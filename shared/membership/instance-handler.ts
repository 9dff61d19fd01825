import { makeClients } from '../aws/clients.ts';
import { readConfiguration } from '../edge/configuration.ts';
import { makeHandler } from '../edge/handler.ts';
import { parseInstanceEvent } from '../edge/instance-event.ts';
import { type ReconcileOptions, reconcileMembership } from './reconcile.ts';
import { makeTools } from './tools.ts';

/**
 * A function that an event on one instance has take one look at all groups.
 *
 * @param only the kinds of action that the function's role lets it take; all of them by default
 */
export function makeInstanceHandler(
  name: 'instance-launch' | 'instance-termination',
  { only }: Pick<ReconcileOptions, 'only'> = {},
) {
  const configuration = readConfiguration(name);
  const clients = makeClients();
  return makeHandler(async (event, instruments) => {
    const { logger } = instruments;
    const hint = parseInstanceEvent(event);
    if (hint === undefined) return logger.warn('an event of another kind: nothing is done', { event });
    logger.info(`looks at ${hint.instance}: ${hint.what}`);
    await reconcileMembership(
      makeTools(clients, configuration, instruments),
      only === undefined ? {} : { only },
    );
  });
}
