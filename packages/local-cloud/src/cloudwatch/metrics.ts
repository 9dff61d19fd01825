import * as v from 'valibot';
import { isObject } from '../base/json.ts';

/** One value of a metric, from a line of the embedded metric format. */
export interface MetricDatum {
  readonly at: Date;
  readonly namespace: string;
  readonly name: string;
  readonly unit: string | undefined;
  readonly values: readonly number[];
  readonly dimensions: Readonly<Record<string, string>>;
}

const definition = v.strictObject({
  Name: v.string(),
  Unit: v.optional(v.string()),
  StorageResolution: v.optional(v.number()),
});
const emfSchema = v.looseObject({
  _aws: v.looseObject({
    Timestamp: v.number(),
    CloudWatchMetrics: v.array(
      v.looseObject({
        Namespace: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
        Dimensions: v.array(v.pipe(v.array(v.string()), v.maxLength(30))),
        Metrics: v.pipe(v.array(definition), v.maxLength(100)),
      }),
    ),
  }),
});

/** The line as JSON, or undefined. */
export function parseLogLine(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(line);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The metrics of a log line; none if it is not of the embedded metric format, which needs pure JSON.
 *
 * @throws Error saying what CloudWatch would not take
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricsOf(line: string): readonly MetricDatum[] {
  const parsed = parseLogLine(line);
  if (parsed?.['_aws'] === undefined) return [];
  const emf = v.parse(emfSchema, parsed);
  return emf._aws.CloudWatchMetrics.flatMap((directive) =>
    directive.Dimensions.flatMap((set) => {
      const dimensions = Object.fromEntries(set.map((key) => [key, dimension(emf, key)]));
      return directive.Metrics.map((metric) => ({
        at: new Date(emf._aws.Timestamp),
        namespace: directive.Namespace,
        name: metric.Name,
        unit: metric.Unit,
        values: numbers(emf, metric.Name),
        dimensions,
      }));
    }),
  );
}

function dimension(emf: Readonly<Record<string, unknown>>, key: string): string {
  const value = emf[key];
  if (typeof value === 'string' && value.length >= 1 && value.length <= 1024) return value;
  throw new Error(`the dimension ${key} must be text of 1 to 1024 characters`);
}

function numbers(emf: Readonly<Record<string, unknown>>, name: string): readonly number[] {
  const value = emf[name];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 100 || !list.every((item) => typeof item === 'number')) {
    throw new Error(`the metric ${name} must be a number or up to 100 of them`);
  }
  return list.filter((item) => typeof item === 'number');
}
