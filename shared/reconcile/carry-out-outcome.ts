import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { publishEvents } from '../aws/domain-events.ts';
import { describeError, errorsOf, throwAll } from '../aws/errors.ts';
import type { MetricName, OutcomeAction } from '../core/results/outcome-action.ts';
import type { Tools } from './tools.ts';

/** The results of at least one group could not be sent or recorded; those of the others were. */
export class OutcomeError extends AggregateError {
  override readonly name = 'OutcomeError';
}

/** What notifies, records and measures. */
export type OutcomeTools = Pick<Tools, 'clients' | 'marks' | 'logger' | 'metrics' | 'metricsBySecondary'>;

const units: Readonly<Record<MetricName, (typeof MetricUnit)[keyof typeof MetricUnit]>> = {
  SecondsBehind: MetricUnit.Seconds,
  PushSeconds: MetricUnit.Seconds,
  BytesSent: MetricUnit.Bytes,
  SecondariesFailing: MetricUnit.Count,
  FilesSent: MetricUnit.Count,
  FilesDeleted: MetricUnit.Count,
  DriftRepaired: MetricUnit.Count,
  LagP50: MetricUnit.Seconds,
  LagP99: MetricUnit.Seconds,
};

/**
 * Does what the results ask for, each group whatever becomes of the others.
 *
 * @throws {OutcomeError} when all is done, if a group's results could not be sent or recorded
 */
export async function carryOutOutcome(actions: readonly OutcomeAction[], tools: OutcomeTools): Promise<void> {
  publishMeasures(actions, tools.metricsBySecondary);
  const groups = Map.groupBy(actions, ({ group }) => group);
  const errors = await errorsOf([...groups.values()].map((ofGroup) => carryOutGroup(ofGroup, tools)));
  if (errors.length > 0) throw new OutcomeError(errors, errors.map(describeError).join(' | '));
}

/**
 * Sends the events first, then writes the tags that say so. A run that is cut off between the two sends them once more, with the
 * same id.
 */
async function carryOutGroup(
  actions: readonly OutcomeAction[],
  { clients, marks, logger }: OutcomeTools,
): Promise<void> {
  const events = actions.flatMap((action) => (action.kind === 'tell' ? [action] : []));
  await publishEvents(
    clients.eventBridge,
    events.map(({ event }) => event),
  );
  for (const { event, reason, group } of events)
    logger.info(reason, { action: 'tell', outcome: 'done', event: event.type, id: event.detail.id, group });
  for (const action of actions) {
    if (action.kind !== 'record') continue;
    const { group, instances: hosts, set, remove, reason } = action;
    await marks.write(hosts, set);
    throwAll(await errorsOf(hosts.map((instance) => marks.remove(instance, remove))));
    logger.info(reason, { action: 'record', outcome: 'done', group, hosts: hosts.join(' ') });
  }
}

/** One line of the embedded metric format for each set of dimensions: each set is a metric of its own, and is paid for. */
export function publishMeasures(actions: readonly OutcomeAction[], bySecondary: boolean): void {
  const measures = actions.flatMap((action) => (action.kind === 'measure' ? [action] : []));
  for (const [group, ofGroup] of Map.groupBy(measures, (action) => action.group))
    for (const [secondary, values] of Map.groupBy(ofGroup, (action) => action.secondary)) {
      if (secondary !== undefined && !bySecondary) continue;
      publish({ Group: group, ...(secondary !== undefined && { Secondary: secondary }) }, values);
    }
  const lags = measures.flatMap(({ secondary, values: { SecondsBehind: lag } }) =>
    secondary === undefined && lag !== undefined ? [lag] : [],
  );
  // Of all groups: the alarm cannot know their names
  if (lags.length > 0) publish({}, [{ values: { SecondsBehind: Math.max(...lags) } }]);
}

function publish(
  dimensions: Readonly<Record<string, string>>,
  measures: readonly { readonly values: Readonly<Partial<Record<MetricName, number>>> }[],
): void {
  const metrics = new Metrics();
  for (const [name, value] of Object.entries(dimensions)) metrics.addDimension(name, value);
  for (const { values } of measures)
    for (const name of metricNames) {
      const value = values[name];
      if (value !== undefined) metrics.addMetric(name, units[name], value);
    }
  metrics.publishStoredMetrics();
}

const metricNames: readonly MetricName[] = [
  ...(['SecondsBehind', 'SecondariesFailing', 'FilesSent', 'BytesSent'] as const),
  ...(['FilesDeleted', 'PushSeconds', 'DriftRepaired', 'LagP50', 'LagP99'] as const),
];
