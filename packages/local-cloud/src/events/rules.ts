import type { Account } from '../base/account.ts';
import { LocalCloudError, messageOf } from '../base/errors.ts';
import type { Activity, Journal } from '../base/journal.ts';
import { isJsonArray, isJsonObject, type Json, parseJson } from '../base/json.ts';
import type { PermissionResource, RuleResource, Stack } from '../cloudformation/stack.ts';
import type { ServiceMetrics } from '../cloudwatch/service-metrics.ts';
import type { Destinations } from '../lambda/destinations.ts';
import type { LambdaService } from '../lambda/lambda.ts';
import { type EventBus, scheduledEvent } from './bus.ts';
import type { BusEvent } from './event.ts';
import { compilePattern, type EventTest } from './pattern.ts';
import { parseSchedule } from './schedule.ts';

interface Rule {
  readonly resource: RuleResource;
  readonly pattern: EventTest | undefined;
}

interface Dependencies {
  readonly account: Account;
  readonly bus: EventBus;
  readonly lambda: LambdaService;
  readonly journal: Journal;
  readonly activity: Activity;
  readonly destinations: Destinations;
  readonly metrics: ServiceMetrics;
}

/** The rules of the stack: schedules and event patterns, and the functions that they invoke. */
export class Rules {
  readonly #deps: Dependencies;
  readonly #rules: readonly Rule[];
  readonly #permissions: readonly PermissionResource[];
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds since 1970. */
  #lastTick = 0;

  /** @throws LocalCloudError for a rule that EventBridge would refuse or that has a target that is not served */
  static async open(stack: Stack, deps: Dependencies): Promise<Rules> {
    const rules = new Rules(stack, deps);
    // EventBridge takes the rule all the same, and drops what should go there
    for (const rule of stack.rules) {
      for (const { DeadLetterConfig } of rule.Targets) {
        if (DeadLetterConfig === undefined) continue;
        const blocker = await deps.destinations.deadLetterBlocker(DeadLetterConfig.Arn, rule.arn);
        if (blocker !== undefined)
          deps.journal.problem('denied', `rule ${rule.logicalId} cannot send its dead letters: ${blocker}`);
      }
    }
    return rules;
  }

  private constructor(stack: Stack, deps: Dependencies) {
    this.#deps = deps;
    this.#permissions = stack.permissions;
    this.#rules = stack.rules.map((resource) => compileRule(resource, stack));
    deps.bus.connect((event) => this.#dispatch(event));
  }

  /** Fires every schedule rule once, now. The events of two ticks name different seconds, as those of a schedule do. */
  tick(): void {
    const now = new Date(Math.max(Date.now(), this.#lastTick + 1000));
    this.#lastTick = +now;
    for (const { resource } of this.#rules) {
      if (resource.ScheduleExpression === undefined || resource.State === 'DISABLED') continue;
      const event = scheduledEvent(this.#deps.account, resource.arn, now);
      this.#deps.activity.start(`schedule ${resource.logicalId}`, async () => this.#fire(resource, event));
    }
  }

  /** Fires every schedule rule each `seconds`, whatever its own interval. */
  startSchedule(seconds: number): void {
    this.stopSchedule();
    this.#timer = setInterval(() => this.tick(), seconds * 1000);
  }

  stopSchedule(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get scheduled(): boolean {
    return this.#timer !== undefined;
  }

  #dispatch(event: BusEvent): readonly string[] {
    const matching = this.#rules.filter(
      ({ resource, pattern }) => resource.State === 'ENABLED' && pattern?.(event),
    );
    for (const { resource } of matching) this.#fire(resource, event);
    return matching.map(({ resource }) => resource.logicalId);
  }

  #fire(rule: RuleResource, event: { readonly [key: string]: Json }): void {
    const { metrics } = this.#deps;
    metrics.add('AWS/Events', 'TriggeredRules', rule.name, 1);
    for (const target of rule.Targets) {
      const allowed = mayInvoke(this.#permissions, rule, target.Arn);
      metrics.add('AWS/Events', 'Invocations', rule.name, 1);
      if (!allowed) metrics.add('AWS/Events', 'FailedInvocations', rule.name, 1);
      if (!allowed) {
        this.#deadLetter(rule, target, event);
        this.#deps.journal.problem(
          'denied',
          `rule ${rule.logicalId} may not invoke ${target.Arn}: no AWS::Lambda::Permission allows events.amazonaws.com with SourceArn ${rule.arn}`,
        );
        continue;
      }
      this.#deps.lambda.invokeAsync(target.Arn, targetInput(target, event), rule.logicalId);
    }
  }

  /** Without permission there is no second try: eventbridge/latest/userguide/eb-rule-dlq.html */
  #deadLetter(rule: RuleResource, target: Target, event: { readonly [key: string]: Json }): void {
    const queueArn = target.DeadLetterConfig?.Arn;
    if (queueArn === undefined) return;
    this.#deps.activity.start(`dead letter of ${rule.logicalId}`, async () => {
      const sent = await this.#deps.destinations.deadLetter(queueArn, rule.arn, JSON.stringify(event), {
        RULE_ARN: rule.arn,
        TARGET_ARN: target.Arn,
        ERROR_CODE: 'NO_PERMISSIONS',
        ERROR_MESSAGE: `EventBridge is not authorized to invoke ${target.Arn}`,
        RETRY_ATTEMPTS: '0',
      });
      if (sent) this.#deps.metrics.add('AWS/Events', 'InvocationsSentToDlq', rule.name, 1);
    });
  }
}

function compileRule(resource: RuleResource, stack: Stack): Rule {
  if (resource.ScheduleExpression === undefined && resource.EventPattern === undefined) {
    throw new LocalCloudError(`rule ${resource.logicalId} has neither a schedule nor an event pattern`);
  }
  if (resource.ScheduleExpression !== undefined) parseSchedule(resource.ScheduleExpression);
  for (const target of resource.Targets) {
    if (!stack.functions.some((candidate) => candidate.arn === target.Arn)) {
      throw new LocalCloudError(
        `rule ${resource.logicalId} has the target ${target.Arn}; the local cloud serves functions of the stack only, see src/events/rules.ts`,
      );
    }
    if (target.InputTransformer !== undefined) {
      throw new LocalCloudError(
        `rule ${resource.logicalId} uses InputTransformer, which the local cloud does not serve; see src/events/rules.ts`,
      );
    }
  }
  return { resource, pattern: compilePatternOf(resource) };
}

function compilePatternOf({ logicalId, EventPattern }: RuleResource): EventTest | undefined {
  try {
    return EventPattern === undefined ? undefined : compilePattern(EventPattern);
  } catch (error) {
    throw new LocalCloudError(`EventBridge refuses rule ${logicalId}: ${messageOf(error)}`, { cause: error });
  }
}

type Target = RuleResource['Targets'][number];

function targetInput(target: Target, event: { readonly [key: string]: Json }): Json {
  if (target.Input !== undefined) return parseJson(target.Input);
  if (target.InputPath === undefined) return event;
  if (!/^\$(\.[A-Za-z0-9_-]+)*$/.test(target.InputPath)) {
    throw new LocalCloudError(
      `the local cloud reads an InputPath of the form $.a.b only, not ${target.InputPath}`,
    );
  }
  let value: Json | undefined = event;
  for (const key of target.InputPath.split('.').slice(1)) {
    value = isJsonObject(value) && !isJsonArray(value) ? value[key] : undefined;
  }
  return value ?? null;
}

/** The function's resource policy: a permission for EventBridge that names this rule, or one that names no source. */
function mayInvoke(
  permissions: readonly PermissionResource[],
  rule: RuleResource,
  functionArn: string,
): boolean {
  return permissions.some((permission) => {
    const isFor =
      permission.FunctionName === functionArn || functionArn.endsWith(`:function:${permission.FunctionName}`);
    const allowed = ['lambda:InvokeFunction', 'lambda:*', '*'].includes(permission.Action);
    return (
      isFor &&
      allowed &&
      permission.Principal === 'events.amazonaws.com' &&
      (permission.SourceArn === undefined || arnLike(permission.SourceArn, rule.arn))
    );
  });
}

function arnLike(pattern: string, arn: string): boolean {
  const source = pattern
    .replace(/[\\^$.+()[\]{}|/]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(arn);
}
