import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { makeClients } from '../../shared/aws/clients.ts';
import { describeError, throwAll } from '../../shared/aws/errors.ts';
import { observePushes } from '../../shared/aws/pushes.ts';
import type { Observation } from '../../shared/core/observation.ts';
import { planTick, type TickAction, tickBlocker } from '../../shared/core/plan-tick.ts';
import { recordOutcome } from '../../shared/core/record-outcome.ts';
import { tagKeys } from '../../shared/core/tag-keys.ts';
import { parseTime } from '../../shared/core/time.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseScheduledEvent } from '../../shared/edge/scheduled-event.ts';
import { observe } from '../../shared/membership/observe.ts';
import { type ReconcileTools, reconcileMembership } from '../../shared/membership/reconcile.ts';
import { carryOutOutcome, outcomeSettings } from '../../shared/outcome/carry-out.ts';
import { reconcilePromotion } from '../../shared/promotion/reconcile.ts';
import { makePromotionTools } from '../../shared/promotion/tools.ts';
import { carryOutTick } from './carry-out.ts';

const configuration = readConfiguration('sync');
const clients = makeClients();

/** How long a tick goes on with promotions and joins while they move, in milliseconds: the next comes after 60,000. */
const worksFor = 45_000;

/**
 * The one-minute tick: look at all groups, decide, have each primary push, record what became of earlier pushes; then
 * bring joins and leaves forward.
 */
export const handler = makeHandler(async (event, instruments) => {
  const started = Date.now();
  const { scheduledAt } = parseScheduledEvent(event);
  const blocker = tickBlocker(scheduledAt, started);
  if (blocker !== undefined) return instruments.logger.warn(blocker);
  instruments.metrics.addMetric('Ticks', MetricUnit.Count, 1);
  const tools = makePromotionTools(clients, configuration, instruments);
  const first = await observe(clients, tools.tags);
  const plan = planTick(first);
  const pushed = carryOutTick(plan, tools);
  const recorded = recordPushes(plan, first, tools);
  const until = started + worksFor;
  const promoted = reconcilePromotion(tools, { first, until, tick: scheduledAt });
  const joined = reconcileMembership(tools, { first, until });
  const outcomes = await Promise.allSettled([pushed, recorded, promoted, joined]);
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (errors.length > 1) throw new AggregateError(errors, errors.map(({ message }) => message).join(' | '));
  if (errors.length > 0) throw errors[0];
});

/** What events should have brought and did not, what only a tick can see, and how far behind every secondary is. */
async function recordPushes(plan: readonly TickAction[], { instances }: Observation, tools: ReconcileTools) {
  const now = Date.now();
  const recorded = new Map(instances.map(({ id, tags }) => [id, parseTime(tags[tagKeys.syncedAt])]));
  const errors: Error[] = [];
  const pushes = await observePushes(clients.ssm, {
    ...{ document: configuration.HOSTSYNC_PUSH_DOCUMENT, now },
    isKnown: (instance, requestedAt) => requestedAt <= (recorded.get(instance) ?? 0),
    fail: ({ command, instance }, cause) => {
      const message = `the result of the push ${command} on ${instance} cannot be read: ${describeError(cause)}`;
      errors.push(new Error(message, { cause }));
    },
  });
  const actions = recordOutcome({ instances, pushes, plan }, outcomeSettings(configuration), now);
  const metricsBySecondary = configuration.HOSTSYNC_METRICS_BY_SECONDARY;
  await carryOutOutcome(actions, { ...tools, metricsBySecondary });
  throwAll(errors);
}
