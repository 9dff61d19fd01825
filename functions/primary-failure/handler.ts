import { makeClients } from '../../shared/aws/clients.ts';
import { errorsOf, throwAll } from '../../shared/aws/errors.ts';
import { findPrimary } from '../../shared/core/primary.ts';
import { tagKeys } from '../../shared/core/tag-keys.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseInstanceEvent } from '../../shared/edge/instance-event.ts';
import { observe } from '../../shared/membership/observe.ts';
import { reconcileMembership } from '../../shared/membership/reconcile.ts';
import { reconcilePromotion } from '../../shared/promotion/reconcile.ts';
import { makePromotionTools, type PromotionTools } from '../../shared/promotion/tools.ts';

const configuration = readConfiguration('primary-failure');
const clients = makeClients();

/** How long one run goes on with a promotion while it moves, in milliseconds; the tick goes on after that. */
const worksFor = 45_000;

/**
 * Something happened to an instance that may be a primary: sees whether it is, and has it replaced. What the event says is
 * a hint; EC2 is asked.
 */
export const handler = makeHandler(async (event, instruments) => {
  const started = Date.now();
  const { logger } = instruments;
  const hint = parseInstanceEvent(event);
  if (hint === undefined) return logger.warn('an event of another kind: nothing is done', { event });
  logger.info(`looks at ${hint.instance}: ${hint.what}`);
  const tools = makePromotionTools(clients, configuration, instruments);
  if (hint.interruption !== undefined) await noteInterruption(hint.instance, hint.interruption, tools);
  const until = started + worksFor;
  const promoted = await errorsOf([reconcilePromotion(tools, { until })]);
  const joined = await errorsOf([reconcileMembership(tools, { until })]);
  throwAll([...promoted, ...joined]);
});

/** Only the event tells of a spot interruption, so a tag keeps it: any run may go on from there. */
async function noteInterruption(instance: string, what: string, { tags }: PromotionTools): Promise<void> {
  const { instances } = await observe(clients, tags);
  const group = instances.find(({ id }) => id === instance)?.tags[tagKeys.group];
  if (group === undefined) return;
  const { current } = findPrimary(instances.filter((each) => each.tags[tagKeys.group] === group));
  if (current?.id !== instance || current.tags[tagKeys.switchover] !== undefined) return;
  await tags.write([instance], { [tagKeys.switchover]: `any ${what}` });
}
