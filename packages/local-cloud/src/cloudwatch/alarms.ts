import { type Account, requestId } from '../base/account.ts';
import { LocalCloudError } from '../base/errors.ts';
import type { Journal } from '../base/journal.ts';
import type { JsonObject } from '../base/json.ts';
import type { AlarmResource, Stack } from '../cloudformation/stack.ts';
import type { EventSink } from '../events/bus.ts';
import type { Iam } from '../iam/iam.ts';
import type { Sns } from '../sns/sns.ts';
import { type AlarmStateValue, evaluateMetric, type Verdict } from './alarm-evaluation.ts';
import type { MetricDatum } from './metrics.ts';
import { metricBlocker } from './service-metrics.ts';

/** An alarm and its state. */
export interface AlarmView {
  /** in the template */
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** the resource's properties, evaluated, with CloudFormation's defaults */
  readonly properties: AlarmResource;
  readonly state: AlarmStateValue;
  readonly reason: string;
  readonly changedAt: Date;
}

/** What one evaluation of an alarm gave. */
export interface AlarmEvaluation extends AlarmView {
  readonly previousState: AlarmStateValue;
  readonly changed: boolean;
  /** the newest first; empty for an alarm that is not evaluated here */
  readonly datapoints: Verdict['datapoints'];
}

export interface EvaluateOptions {
  /** when the newest period ends; default: now */
  readonly at?: Date;
  /** how many seconds count as one period of an alarm; default: its own `Period` */
  readonly periodSeconds?: number | ((alarm: AlarmView) => number);
}

interface Dependencies {
  readonly account: Account;
  readonly stack: Stack;
  readonly sns: Sns;
  readonly iam: Iam;
  readonly journal: Journal;
  readonly events: EventSink;
  /** everything that was measured until a moment */
  readonly measured: (until: Date) => readonly MetricDatum[];
  /** how many messages there were in a queue, by its name */
  readonly queueDepth: (queueName: string, at: Date) => number;
  /** Seconds that the oldest message of a queue has waited. */
  readonly queueAge: (queueName: string) => number;
}

interface Alarm {
  readonly resource: AlarmResource;
  state: AlarmStateValue;
  reason: string;
  reasonData: JsonObject;
  changedAt: Date;
}

const notEvaluated = 'The local cloud does not evaluate expressions; setAlarmState() sets the state.';

/** The alarms of the stack. They are evaluated only when the scenario says so. */
export class Alarms {
  readonly #deps: Dependencies;
  readonly #alarms: readonly Alarm[];

  private constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#alarms = deps.stack.alarms.map((resource) => ({
      resource,
      state: 'INSUFFICIENT_DATA',
      reason: 'Unchecked: Initial alarm creation',
      reasonData: {},
      changedAt: new Date(),
    }));
  }

  /**
   * Checks what AWS accepts and then keeps silent about: an alarm on a metric that there is not, an action that goes nowhere.
   *
   * @throws LocalCloudError naming the alarm
   */
  static async open(deps: Dependencies): Promise<Alarms> {
    const { stack, iam, journal } = deps;
    const names = {
      FunctionName: stack.functions.map(({ name }) => name),
      QueueName: stack.queues.map(({ name }) => name),
      RuleName: stack.rules.map(({ name }) => name),
    };
    for (const alarm of stack.alarms) {
      for (const metric of metricsOf(alarm)) {
        const blocker = metricBlocker(metric, names);
        if (blocker !== undefined) throw new LocalCloudError(`alarm ${alarm.logicalId}: ${blocker}`);
      }
      const actions = [...alarm.AlarmActions, ...alarm.OKActions, ...alarm.InsufficientDataActions];
      for (const arn of new Set(actions)) {
        const topic = stack.topics.find((candidate) => candidate.arn === arn);
        if (topic === undefined)
          throw new LocalCloudError(
            `alarm ${alarm.logicalId} has the action ${arn}; the local cloud serves topics of the stack only, see src/cloudwatch/alarms.ts`,
          );
        if (!hasPolicy(stack, arn)) continue;
        const denial = await iam.serviceDenial('cloudwatch.amazonaws.com', 'sns:Publish', arn, alarm.arn);
        if (denial !== undefined)
          journal.problem('denied', `alarm ${alarm.logicalId} could not publish: ${denial.message}`);
      }
    }
    return new Alarms(deps);
  }

  all(): readonly AlarmView[] {
    return this.#alarms.map(view);
  }

  /** Evaluates every alarm on a metric. A change of its state is an event, and is published to its topics. */
  async evaluate(options: EvaluateOptions): Promise<readonly AlarmEvaluation[]> {
    const at = options.at ?? new Date();
    const data = this.#deps.measured(at);
    const evaluations: AlarmEvaluation[] = [];
    for (const alarm of this.#alarms) {
      const { resource, state: previousState } = alarm;
      if (resource.MetricName === undefined) {
        if (alarm.state === 'INSUFFICIENT_DATA') alarm.reason = notEvaluated;
        evaluations.push({ ...view(alarm), previousState, changed: false, datapoints: [] });
        continue;
      }
      const given = options.periodSeconds ?? resource.Period ?? 60;
      const seconds = typeof given === 'function' ? given(view(alarm)) : given;
      const verdict = evaluateMetric(
        resource,
        [...data, ...this.#queueGauges(resource, at, seconds)],
        at,
        seconds,
      );
      await this.#enter(alarm, verdict.state ?? alarm.state, verdict.reason, at, {
        version: '1.0',
        queryDate: cloudWatchTime(at),
        statistic: resource.Statistic ?? resource.ExtendedStatistic ?? '',
        period: resource.Period ?? 60,
        recentDatapoints: verdict.datapoints.flatMap(({ value }) => (value === undefined ? [] : [value])),
        threshold: resource.Threshold,
      });
      const changed = alarm.state !== previousState;
      evaluations.push({ ...view(alarm), previousState, changed, datapoints: verdict.datapoints });
    }
    return evaluations;
  }

  /** As `SetAlarmState`: the state holds until the next evaluation. @throws LocalCloudError for an alarm that is not there */
  async setState(logicalId: string, state: AlarmStateValue, reason: string): Promise<void> {
    const alarm = this.#alarms.find(({ resource }) => resource.logicalId === logicalId);
    if (alarm === undefined) throw new LocalCloudError(`the template has no alarm ${logicalId}`);
    await this.#enter(alarm, state, reason, new Date(), {});
  }

  /** Gauges: SQS says at the end of each period how many messages there are, be it none, and how old the oldest is. */
  #queueGauges(alarm: AlarmResource, at: Date, periodSeconds: number): readonly MetricDatum[] {
    const { Namespace, MetricName: name = '' } = alarm;
    const [dimension] = alarm.Dimensions;
    const { queueDepth, queueAge } = this.#deps;
    const gauge = { ApproximateNumberOfMessagesVisible: queueDepth, ApproximateAgeOfOldestMessage: queueAge }[
      name
    ];
    if (Namespace !== 'AWS/SQS' || gauge === undefined || dimension === undefined) return [];
    const dimensions = { QueueName: dimension.Value };
    return Array.from({ length: alarm.EvaluationPeriods }, (_, index) => {
      const end = at.getTime() - index * periodSeconds * 1000;
      return {
        at: new Date(end - 1),
        namespace: 'AWS/SQS',
        name,
        unit: undefined,
        values: [gauge(dimension.Value, new Date(end))],
        dimensions,
      };
    });
  }

  async #enter(
    alarm: Alarm,
    state: AlarmStateValue,
    reason: string,
    at: Date,
    reasonData: JsonObject,
  ): Promise<void> {
    const previous = { ...alarm };
    alarm.reason = reason;
    alarm.reasonData = reasonData;
    if (state === previous.state) return;
    alarm.state = state;
    alarm.changedAt = at;
    this.#deps.events.emit(stateChangeEvent(alarm, previous));
    await this.#act(alarm, previous.state);
  }

  async #act(alarm: Alarm, previous: AlarmStateValue): Promise<void> {
    const { sns, iam, journal, stack, account } = this.#deps;
    const { resource, state } = alarm;
    const actions = {
      ALARM: resource.AlarmActions,
      OK: resource.OKActions,
      INSUFFICIENT_DATA: resource.InsufficientDataActions,
    };
    if (!resource.ActionsEnabled) return;
    for (const arn of actions[state]) {
      const denial = hasPolicy(stack, arn)
        ? await iam.serviceDenial('cloudwatch.amazonaws.com', 'sns:Publish', arn, resource.arn)
        : undefined;
      if (denial === undefined) {
        sns.publish({
          topicArn: arn,
          subject: `${state}: "${resource.name}" in ${account.region}`.slice(0, 99),
          message: JSON.stringify(notification(alarm, previous, account)),
          attributes: {},
          publisher: resource.logicalId,
        });
      } else {
        journal.problem('denied', `alarm ${resource.logicalId} cannot publish: ${denial.message}`);
      }
    }
  }
}

/** Without one, a topic has the default policy, which lets the owner's alarms publish. */
function hasPolicy(stack: Stack, arn: string): boolean {
  return stack.resourcePolicies.some(({ resources }) => resources.includes(arn));
}

function view({ resource, state, reason, changedAt }: Alarm): AlarmView {
  const { logicalId, name, arn } = resource;
  return { logicalId, name, arn, properties: resource, state, reason, changedAt };
}

/** The metrics that an alarm names, those within expressions that are written out as `MetricStat`. */
function metricsOf(alarm: AlarmResource) {
  const own = { Namespace: alarm.Namespace, MetricName: alarm.MetricName, Dimensions: alarm.Dimensions };
  return [
    own,
    ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : [])),
  ].flatMap(({ Namespace, MetricName, Dimensions }) =>
    Namespace === undefined || MetricName === undefined
      ? []
      : [
          {
            namespace: Namespace,
            name: MetricName,
            dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])),
          },
        ],
  );
}

/** `2026-11-22T10:00:00.000+0000`: the offset has no colon */
function cloudWatchTime(date: Date): string {
  return date.toISOString().replace('Z', '+0000');
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html */
function stateChangeEvent(alarm: Alarm, previous: Alarm) {
  const { resource } = alarm;
  const stateOf = ({ state, reason, reasonData, changedAt }: Alarm): JsonObject => ({
    value: state,
    reason,
    ...(Object.keys(reasonData).length > 0 && { reasonData: JSON.stringify(reasonData) }),
    timestamp: cloudWatchTime(changedAt),
  });
  const queries = (resource.Metrics ?? []).map((query) => ({
    id: query.Id,
    returnData: query.ReturnData,
    ...(query.Expression !== undefined && { expression: query.Expression }),
    ...(query.Period !== undefined && { period: query.Period }),
    ...(query.Label !== undefined && { label: query.Label }),
    ...(query.MetricStat !== undefined && {
      metricStat: {
        metric: {
          namespace: query.MetricStat.Metric.Namespace ?? '',
          name: query.MetricStat.Metric.MetricName ?? '',
          dimensions: dimensionMap(query.MetricStat.Metric.Dimensions),
        },
        period: query.MetricStat.Period,
        stat: query.MetricStat.Stat,
      },
    }),
  }));
  const own = {
    id: requestId(),
    metricStat: {
      metric: {
        namespace: resource.Namespace ?? '',
        name: resource.MetricName ?? '',
        dimensions: dimensionMap(resource.Dimensions),
      },
      period: resource.Period ?? 60,
      stat: resource.Statistic ?? resource.ExtendedStatistic ?? '',
    },
    returnData: true,
  };
  return {
    source: 'aws.cloudwatch',
    'detail-type': 'CloudWatch Alarm State Change',
    resources: [resource.arn],
    detail: {
      alarmName: resource.name,
      configuration: {
        ...(resource.AlarmDescription !== undefined && { description: resource.AlarmDescription }),
        metrics: resource.MetricName === undefined ? queries : [own],
      },
      previousState: stateOf(previous),
      state: stateOf(alarm),
    },
  };
}

function dimensionMap(dimensions: AlarmResource['Dimensions']): Readonly<Record<string, string>> {
  return Object.fromEntries(dimensions.map(({ Name, Value }) => [Name, Value]));
}

/** The message that a topic gets: AmazonCloudWatch/latest/monitoring, "Notify users on alarm changes". */
function notification(alarm: Alarm, previous: AlarmStateValue, account: Account): unknown {
  const { resource } = alarm;
  return {
    AlarmName: resource.name,
    AlarmDescription: resource.AlarmDescription ?? null,
    AWSAccountId: account.accountId,
    NewStateValue: alarm.state,
    NewStateReason: alarm.reason,
    StateChangeTime: cloudWatchTime(alarm.changedAt),
    Region: account.region,
    AlarmArn: resource.arn,
    OldStateValue: previous,
    OKActions: resource.OKActions,
    AlarmActions: resource.AlarmActions,
    InsufficientDataActions: resource.InsufficientDataActions,
    Trigger: {
      ...(resource.Metrics === undefined
        ? {
            MetricName: resource.MetricName,
            Namespace: resource.Namespace,
            StatisticType: resource.Statistic === undefined ? 'ExtendedStatistic' : 'Statistic',
            Statistic: resource.Statistic?.toUpperCase(),
            ExtendedStatistic: resource.ExtendedStatistic,
            Unit: resource.Unit ?? null,
            Dimensions: resource.Dimensions.map(({ Name, Value }) => ({ value: Value, name: Name })),
            Period: resource.Period,
          }
        : { Metrics: resource.Metrics }),
      EvaluationPeriods: resource.EvaluationPeriods,
      DatapointsToAlarm: resource.DatapointsToAlarm,
      ComparisonOperator: resource.ComparisonOperator,
      Threshold: resource.Threshold,
      TreatMissingData: resource.TreatMissingData,
    },
  };
}
