import * as v from 'valibot';
import { messageOf } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';

// Limits: AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html, API_PutMetricAlarm.html
const number = v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.finite('must be a number'));
const whole = v.pipe(number, v.integer('must be a whole number'));
const flag = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])]),
  v.transform((value) => value === true || value === 'true'),
);
const period = v.pipe(
  whole,
  v.check(
    (seconds) => [10, 20, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0),
    'a period is 10, 20, 30 or a multiple of 60 seconds',
  ),
);
const metricName = v.pipe(v.string(), v.minLength(1), v.maxLength(255));
const namespace = v.pipe(v.string(), v.maxLength(255), v.regex(/^[^:].*$/));
const dimensions = v.pipe(
  v.array(
    v.strictObject({
      Name: metricName,
      Value: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
    }),
  ),
  v.maxLength(30),
);
const extendedStatistic = v.pipe(v.string(), v.regex(/^p(\d{1,2}(\.\d{0,10})?|100)$/));
const actions = v.optional(v.pipe(v.array(v.string()), v.maxLength(5)), []);

const metricQuery = v.pipe(
  v.strictObject({
    Id: v.pipe(v.string(), v.maxLength(255), v.regex(/^[a-z][a-zA-Z0-9_]*$/)),
    Expression: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(2048))),
    MetricStat: v.optional(
      v.strictObject({
        Metric: v.strictObject({
          Namespace: v.optional(namespace),
          MetricName: v.optional(metricName),
          Dimensions: v.optional(dimensions, []),
        }),
        Period: period,
        Stat: v.string(),
        Unit: v.optional(v.string()),
      }),
    ),
    Label: v.optional(v.string()),
    Period: v.optional(period),
    ReturnData: v.optional(flag, true),
    AccountId: v.optional(v.string()),
  }),
  v.check(
    (query) => (query.Expression === undefined) !== (query.MetricStat === undefined),
    'needs exactly one of Expression and MetricStat',
  ),
  v.check(
    (query) => !/^\s*SELECT\b/i.test(query.Expression ?? '') || query.Period !== undefined,
    'a Metrics Insights query needs a Period',
  ),
);

export const alarmSchema = v.pipe(
  v.strictObject({
    ActionsEnabled: v.optional(flag, true),
    AlarmActions: actions,
    OKActions: actions,
    InsufficientDataActions: actions,
    AlarmDescription: v.optional(v.pipe(v.string(), v.maxLength(1024))),
    AlarmName: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(255))),
    ComparisonOperator: v.picklist([
      'GreaterThanOrEqualToThreshold',
      'GreaterThanThreshold',
      'LessThanThreshold',
      'LessThanOrEqualToThreshold',
    ]),
    EvaluationPeriods: v.pipe(whole, v.minValue(1)),
    DatapointsToAlarm: v.optional(v.pipe(whole, v.minValue(1))),
    Threshold: number,
    TreatMissingData: v.optional(
      v.picklist(['breaching', 'notBreaching', 'ignore', 'missing'], 'must be spelled as AWS spells it'),
      'missing',
    ),
    Namespace: v.optional(namespace),
    MetricName: v.optional(metricName),
    Dimensions: v.optional(dimensions, []),
    Period: v.optional(period),
    Statistic: v.optional(v.picklist(['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'])),
    ExtendedStatistic: v.optional(extendedStatistic),
    EvaluateLowSampleCountPercentile: v.optional(v.picklist(['evaluate', 'ignore'])),
    Unit: v.optional(v.string()),
    Metrics: v.optional(v.pipe(v.array(metricQuery), v.minLength(1), v.maxLength(20))),
    Tags: v.optional(v.unknown()),
  }),
  v.check(
    (alarm) => (alarm.Metrics === undefined) !== (alarm.MetricName === undefined),
    'needs exactly one of MetricName and Metrics',
  ),
  v.check(
    (alarm) =>
      alarm.MetricName === undefined ||
      (alarm.Namespace !== undefined &&
        alarm.Period !== undefined &&
        (alarm.Statistic === undefined) !== (alarm.ExtendedStatistic === undefined)),
    'MetricName needs Namespace, Period and exactly one of Statistic and ExtendedStatistic',
  ),
  v.check(
    (alarm) =>
      alarm.Metrics === undefined ||
      (alarm.Metrics.filter(({ ReturnData }) => ReturnData).length === 1 &&
        alarm.Period === undefined &&
        alarm.Namespace === undefined &&
        alarm.Statistic === undefined &&
        alarm.ExtendedStatistic === undefined &&
        alarm.Dimensions.length === 0),
    'Metrics stands alone (no Namespace, Dimensions, Period, Statistic), with ReturnData in exactly one of them',
  ),
  v.check(
    (alarm) => (alarm.DatapointsToAlarm ?? 1) <= alarm.EvaluationPeriods,
    'DatapointsToAlarm is larger than EvaluationPeriods',
  ),
  v.check(({ Period = 0, EvaluationPeriods }) => {
    const days = Period >= 3600 ? 7 : 1;
    return Period * EvaluationPeriods <= days * 86_400;
  }, 'EvaluationPeriods times Period is longer than CloudWatch allows (one day; seven from an hour a period)'),
);

// AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
const widgetFrame = {
  x: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(23)),
  y: v.pipe(v.number(), v.integer(), v.minValue(0)),
  width: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(24)),
  height: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)),
};
const region = v.pipe(v.string(), v.regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is no region'));
const metricEntry = v.array(
  v.union([v.string(), v.record(v.string(), v.unknown())], 'is a text or an object'),
);
const widget = v.pipe(
  v.variant('type', [
    v.strictObject({
      type: v.literal('metric'),
      ...widgetFrame,
      properties: v.pipe(
        v.looseObject({
          region,
          metrics: v.optional(v.pipe(v.array(metricEntry), v.minLength(1), v.maxLength(500))),
          annotations: v.optional(v.looseObject({})),
          view: v.optional(v.picklist(['timeSeries', 'singleValue', 'gauge', 'bar', 'pie', 'table'])),
          stacked: v.optional(v.boolean()),
          period: v.optional(period),
          stat: v.optional(v.string()),
          title: v.optional(v.string()),
        }),
        v.check(
          ({ metrics, annotations }) => metrics !== undefined || annotations?.['alarms'] !== undefined,
          'a metric widget needs metrics, or annotations with an alarm',
        ),
      ),
    }),
    v.strictObject({
      type: v.literal('text'),
      ...widgetFrame,
      properties: v.strictObject({
        markdown: v.pipe(v.string(), v.minLength(1)),
        background: v.optional(v.picklist(['solid', 'transparent'])),
      }),
    }),
    v.strictObject({
      type: v.literal('log'),
      ...widgetFrame,
      properties: v.looseObject({
        region,
        query: v.pipe(v.string(), v.minLength(1)),
        title: v.optional(v.string()),
        view: v.optional(v.picklist(['table', 'timeSeries', 'bar', 'pie'])),
      }),
    }),
    v.strictObject({
      type: v.literal('alarm'),
      ...widgetFrame,
      properties: v.looseObject({
        alarms: v.pipe(v.array(v.pipe(v.string(), v.startsWith('arn:'))), v.minLength(1), v.maxLength(100)),
        title: v.optional(v.string()),
      }),
    }),
    v.strictObject({
      type: v.picklist(['explorer', 'custom']),
      ...widgetFrame,
      properties: v.looseObject({}),
    }),
  ]),
  v.check(({ x, width }) => x + width <= 24, 'a dashboard is 24 wide: x and width are more'),
);
const bodySchema = v.strictObject({
  start: v.optional(v.string()),
  end: v.optional(v.string()),
  periodOverride: v.optional(v.picklist(['auto', 'inherit'])),
  variables: v.optional(v.array(v.looseObject({ type: v.string() }))),
  widgets: v.pipe(v.array(widget), v.maxLength(500)),
});
export type DashboardBody = v.InferOutput<typeof bodySchema>;

export const dashboardSchema = v.strictObject({
  DashboardName: v.optional(v.pipe(v.string(), v.maxLength(255), v.regex(/^[A-Za-z0-9_-]+$/))),
  DashboardBody: v.pipe(
    v.string('must be text: JSON, with no intrinsic function left in it'),
    v.rawTransform(({ dataset, addIssue, NEVER }): DashboardBody => {
      let parsed: unknown;
      try {
        parsed = parseJson(dataset.value);
      } catch (error) {
        addIssue({ message: `is not JSON: ${messageOf(error)}` });
        return NEVER;
      }
      const body = v.safeParse(bodySchema, parsed);
      if (body.success) return body.output;
      for (const issue of body.issues)
        addIssue({ message: `${v.getDotPath(issue) ?? ''}: ${issue.message}` });
      return NEVER;
    }),
  ),
});
