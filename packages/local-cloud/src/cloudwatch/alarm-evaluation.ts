import type { AlarmResource } from '../cloudformation/stack.ts';
import type { MetricDatum } from './metrics.ts';

export type AlarmStateValue = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** One period of the metric that an alarm looks at; undefined where nothing was measured. */
export interface Datapoint {
  readonly from: Date;
  readonly value: number | undefined;
}

export interface Verdict {
  /** undefined: it stays as it is (`TreatMissingData: ignore`) */
  readonly state: AlarmStateValue | undefined;
  readonly reason: string;
  /** the newest first */
  readonly datapoints: readonly Datapoint[];
}

/** CloudWatch looks at a few more periods than it was told to, when values are missing; its documentation's examples: two. */
const extraPeriods = 2;

/**
 * What an alarm on a metric says.
 *
 * @param data of any metrics; those of the alarm's are taken
 * @param at when the newest period ends
 * @param periodSeconds how long a period takes here
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function evaluateMetric(
  alarm: AlarmResource,
  data: readonly MetricDatum[],
  at: Date,
  periodSeconds: number,
): Verdict {
  const own = data.filter((datum) => isOf(alarm, datum));
  const datapoints = Array.from({ length: alarm.EvaluationPeriods + extraPeriods }, (_, index) => {
    const end = at.getTime() - index * periodSeconds * 1000;
    const from = end - periodSeconds * 1000;
    const values = own
      .filter((datum) => datum.at.getTime() >= from && datum.at.getTime() < end)
      .flatMap(({ values }) => values);
    return { from: new Date(from), value: statistic(alarm, values) };
  });
  return { ...judge(alarm, datapoints), datapoints };
}

/** A metric is its namespace, its name and exactly these dimensions. */
function isOf(alarm: AlarmResource, datum: MetricDatum): boolean {
  const dimensions = Object.entries(datum.dimensions);
  return (
    datum.namespace === alarm.Namespace &&
    datum.name === alarm.MetricName &&
    (alarm.Unit === undefined || alarm.Unit === datum.unit) &&
    dimensions.length === alarm.Dimensions.length &&
    alarm.Dimensions.every(({ Name, Value }) => datum.dimensions[Name] === Value)
  );
}

function statistic(alarm: AlarmResource, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sum = values.reduce((total, value) => total + value, 0);
  switch (alarm.Statistic) {
    case 'Sum':
      return sum;
    case 'Average':
      return sum / values.length;
    case 'Minimum':
      return Math.min(...values);
    case 'Maximum':
      return Math.max(...values);
    case 'SampleCount':
      return values.length;
    case undefined: {
      const share = Number(alarm.ExtendedStatistic?.slice(1) ?? 100) / 100;
      const sorted = values.toSorted((a, b) => a - b);
      return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
    }
  }
}

function judge(alarm: AlarmResource, datapoints: readonly Datapoint[]): Omit<Verdict, 'datapoints'> {
  const periods = alarm.EvaluationPeriods;
  const needed = alarm.DatapointsToAlarm ?? periods;
  const measured = datapoints.filter(({ value }) => value !== undefined).slice(0, periods);
  const breaching = measured.filter(({ value }) => isBreaching(alarm, value));
  const filled = periods - measured.length;
  const missing = filled > 0 ? ` ${filled} missing, treated as [${alarm.TreatMissingData}];` : '';
  const verdict = (state: AlarmStateValue | undefined): Omit<Verdict, 'datapoints'> => ({
    state,
    reason: reasonOf(alarm, { state, measured, breaching, missing, needed }),
  });
  if (breaching.length >= needed) return verdict('ALARM');
  switch (alarm.TreatMissingData) {
    case 'breaching':
      return verdict(breaching.length + filled >= needed ? 'ALARM' : 'OK');
    case 'notBreaching':
      return verdict('OK');
    case 'ignore':
      return verdict(measured.length > breaching.length ? 'OK' : undefined);
    case 'missing': {
      if (measured.length === 0) return verdict('INSUFFICIENT_DATA');
      if (measured.length >= needed) return verdict('OK');
      // "Avoiding premature transitions": the oldest breaching value is old enough and nothing newer is fine
      const window = datapoints.slice(0, periods);
      const oldest = window.findLastIndex(({ value }) => value !== undefined && isBreaching(alarm, value));
      const newer = window.slice(0, oldest + 1);
      const nothingFine = newer.every(({ value }) => value === undefined || isBreaching(alarm, value));
      return verdict(oldest + 1 >= needed && nothingFine ? 'ALARM' : 'OK');
    }
  }
}

function isBreaching(alarm: AlarmResource, value: number | undefined): boolean {
  if (value === undefined) return false;
  switch (alarm.ComparisonOperator) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= alarm.Threshold;
    case 'GreaterThanThreshold':
      return value > alarm.Threshold;
    case 'LessThanThreshold':
      return value < alarm.Threshold;
    case 'LessThanOrEqualToThreshold':
      return value <= alarm.Threshold;
  }
}

const comparisons: Readonly<Record<AlarmResource['ComparisonOperator'], string>> = {
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  GreaterThanThreshold: 'greater than',
  LessThanThreshold: 'less than',
  LessThanOrEqualToThreshold: 'less than or equal to',
};

function reasonOf(
  alarm: AlarmResource,
  found: {
    readonly state: AlarmStateValue | undefined;
    readonly measured: readonly Datapoint[];
    readonly breaching: readonly Datapoint[];
    readonly missing: string;
    readonly needed: number;
  },
): string {
  const { state, measured, breaching, needed } = found;
  const missing = found.missing === '' ? '' : ` (${found.missing.trim().replace(/;$/, '')})`;
  if (measured.length === 0 && (state === undefined || state === 'INSUFFICIENT_DATA'))
    return `Insufficient Data: ${alarm.EvaluationPeriods} datapoints were unknown${missing}.`;
  const shown = measured.map(({ value, from }) => `${value} (${from.toISOString()})`).join(', ');
  const count = state === 'ALARM' ? breaching.length : measured.length - breaching.length;
  const not = state === 'ALARM' ? '' : 'not ';
  return `Threshold Crossed: ${count} out of the last ${alarm.EvaluationPeriods} datapoints [${shown}] ${count === 1 ? 'was' : 'were'} ${not}${comparisons[alarm.ComparisonOperator]} the threshold (${alarm.Threshold})${missing} (minimum ${needed} datapoint${needed === 1 ? '' : 's'} for OK -> ALARM transition).`;
}
