import { LocalCloudError } from '../base/errors.ts';
import type { MetricDatum } from './metrics.ts';

type Dimensions = Readonly<Record<string, string>>;

/** What each service of AWS measures here, and by which dimension. */
const measured: Readonly<
  Record<
    string,
    { readonly dimension: string; readonly optional: boolean; readonly names: readonly string[] }
  >
> = {
  // lambda/latest/dg/monitoring-metrics-types.html
  'AWS/Lambda': {
    dimension: 'FunctionName',
    optional: true,
    names: [
      ...['Invocations', 'Errors', 'Throttles', 'Duration'],
      ...['AsyncEventsReceived', 'AsyncEventsDropped', 'DeadLetterErrors', 'DestinationDeliveryFailures'],
    ],
  },
  // AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
  'AWS/SQS': {
    dimension: 'QueueName',
    optional: false,
    names: ['ApproximateNumberOfMessagesVisible', 'ApproximateAgeOfOldestMessage', 'NumberOfMessagesSent'],
  },
  // eventbridge/latest/userguide/eb-monitoring.html
  'AWS/Events': {
    dimension: 'RuleName',
    optional: true,
    names: ['Invocations', 'FailedInvocations', 'TriggeredRules', 'InvocationsSentToDlq'],
  },
};

/** What the services of AWS measure themselves, from what really happens here. */
export class ServiceMetrics {
  readonly data: MetricDatum[] = [];

  /** One value, under its dimension and, where the service does so, without any. */
  add(namespace: string, name: string, of: string, value: number, at = new Date()): void {
    const definition = measured[namespace];
    if (definition === undefined || !definition.names.includes(name))
      throw new LocalCloudError(`the local cloud does not measure ${namespace} ${name}`);
    const sets: readonly Dimensions[] = definition.optional
      ? [{ [definition.dimension]: of }, {}]
      : [{ [definition.dimension]: of }];
    for (const dimensions of sets)
      this.data.push({ at, namespace, name, unit: undefined, values: [value], dimensions });
  }
}

/**
 * Why an alarm on a metric of AWS would never see a value, or undefined. Metrics of other namespaces come from the
 * functions' logs, where nobody knows beforehand what there will be.
 *
 * @param names what the template makes, by the dimension that names it
 */
export function metricBlocker(
  metric: { readonly namespace: string; readonly name: string; readonly dimensions: Dimensions },
  names: Readonly<Record<string, readonly string[]>>,
): string | undefined {
  const { namespace, name, dimensions } = metric;
  if (!namespace.startsWith('AWS/')) return undefined;
  const definition = measured[namespace];
  if (definition === undefined || !definition.names.includes(name))
    return `the local cloud does not measure ${namespace} ${name}; add it to src/cloudwatch/service-metrics.ts`;
  const entries = Object.entries(dimensions);
  if (entries.length === 0 && definition.optional) return undefined;
  const [dimension, value] = entries[0] ?? ['', ''];
  if (entries.length !== 1 || dimension !== definition.dimension)
    return `${namespace} ${name} has the dimension ${definition.dimension}, not ${entries.map(([key]) => key).join(', ') || 'none'}`;
  return names[dimension]?.includes(value) === true
    ? undefined
    : `the template makes nothing that is called ${value}, so ${namespace} ${name} has no such ${dimension}`;
}
