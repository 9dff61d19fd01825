import type { Caller } from '../api/registry.ts';
import { requestId } from '../base/account.ts';
import { LocalCloudError, messageOf } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Stack } from '../cloudformation/stack.ts';
import { type MetricDatum, metricsOf } from '../cloudwatch/metrics.ts';
import { environmentOf, type LambdaDependencies, type LocalFunction, openFunction } from './function.ts';
import { type InvocationOutcome, LambdaProcess } from './process.ts';

/** One run of a function. */
export interface InvocationRecord {
  /** the logical id of the function in the template */
  readonly function: string;
  readonly requestId: string;
  /** what invoked it: the logical id of a rule, or `operator` */
  readonly cause: string;
  readonly payload: Json;
  /** 1 for the first try of an event */
  readonly attempt: number;
  readonly startedAt: Date;
  endedAt: Date | undefined;
  outcome: InvocationOutcome | undefined;
  /** lines of stdout and stderr */
  readonly logs: string[];
  readonly metrics: MetricDatum[];
}

/** Runs the functions of the stack from their zip files. */
export class LambdaService {
  readonly invocations: InvocationRecord[] = [];
  readonly #deps: LambdaDependencies;
  readonly #functions: readonly LocalFunction[];
  /** the processes by their credentials */
  readonly #processes = new Map<string, LambdaProcess>();

  private constructor(functions: readonly LocalFunction[], deps: LambdaDependencies) {
    this.#functions = functions;
    this.#deps = deps;
  }

  /** Unpacks the bundles and checks the roles. @throws LocalCloudError for what could not run on AWS either */
  static async open(stack: Stack, deps: LambdaDependencies): Promise<LambdaService> {
    const functions: LocalFunction[] = [];
    for (const resource of stack.functions) functions.push(await openFunction(resource, stack, deps));
    return new LambdaService(functions, deps);
  }

  /** Takes an event for a function, as rules and topics do; tries and tries again as Lambda does. */
  invokeAsync(functionArn: string, payload: Json, cause: string): void {
    const target = this.#find(functionArn);
    this.#measure(target, 'AsyncEventsReceived');
    this.#deps.activity.start(`function ${target.resource.logicalId}`, () =>
      this.#asynchronous(target, payload, cause),
    );
  }

  /** Invokes a function and waits for it; no retry. `name` is its logical id, its name or its ARN. */
  async invoke(name: string, payload: Json): Promise<InvocationRecord> {
    const target = this.#find(name);
    const record = await this.#attempt(target, payload, 'operator', 1);
    if (record === undefined)
      throw new LocalCloudError(`${name} is throttled: its reserved concurrency is used up`);
    return record;
  }

  /** One run of a function by an event source; undefined when it is throttled. */
  async attempt(name: string, payload: Json, cause: string): Promise<InvocationRecord | undefined> {
    return this.#attempt(this.#find(name), payload, cause, 1);
  }

  /** Seconds. */
  timeoutOf(name: string): number {
    return this.#find(name).resource.Timeout;
  }

  /** Who a function is when it calls AWS. */
  callerOf(name: string): Caller {
    return this.#find(name).caller;
  }

  /** Kills the process that has these credentials, as when the machine below it fails. */
  crash(accessKeyId: string): void {
    this.#processes.get(accessKeyId)?.crash();
  }

  async close(): Promise<void> {
    const processes = this.#functions.flatMap((target) => [...target.idle, ...target.busy]);
    await Promise.all(processes.map((process) => process.kill()));
  }

  #find(name: string): LocalFunction {
    const found = this.#functions.find(({ resource }) =>
      [resource.logicalId, resource.name, resource.arn].includes(name),
    );
    if (found === undefined) throw new LocalCloudError(`there is no function ${name}`);
    return found;
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
  async #asynchronous(target: LocalFunction, payload: Json, cause: string): Promise<void> {
    const { clock } = this.#deps;
    const accepted = Date.now();
    const maximumAge = target.invokeConfig?.MaximumEventAgeInSeconds ?? 21_600;
    const maximumRetries = target.invokeConfig?.MaximumRetryAttempts ?? 2;
    const tooOld = (): boolean => Date.now() - accepted > clock.scaledMs(maximumAge);
    let throttleSeconds = 1;
    let attempt = 1;
    while (!clock.closed) {
      if (tooOld()) return this.#failed(target, payload, 'EventAgeExceeded', attempt - 1, undefined);
      const record = await this.#attempt(target, payload, cause, attempt);
      if (record === undefined) {
        if (target.resource.ReservedConcurrentExecutions === 0) {
          return this.#failed(target, payload, 'ZeroReservedConcurrency', 0, undefined);
        }
        await clock.wait(clock.scaledMs(throttleSeconds));
        throttleSeconds = Math.min(throttleSeconds * 2, 300);
        continue;
      }
      if (record.outcome?.kind !== 'error') return this.#succeeded(target, record);
      if (attempt > maximumRetries) return this.#failed(target, payload, 'RetriesExhausted', attempt, record);
      await clock.wait(clock.scaledMs(attempt === 1 ? 60 : 120));
      attempt += 1;
    }
  }

  async #succeeded(target: LocalFunction, record: InvocationRecord): Promise<void> {
    const arn = target.invokeConfig?.DestinationConfig?.OnSuccess?.Destination;
    if (arn === undefined) return;
    const body = destinationBody(target, record.payload, 'Success', 1, record);
    const delivered = await this.#deps.destinations.deliver(arn, target.caller, body, {});
    if (!delivered) this.#measure(target, 'DestinationDeliveryFailures');
  }

  async #failed(
    target: LocalFunction,
    payload: Json,
    condition: string,
    attempts: number,
    record: InvocationRecord | undefined,
  ): Promise<void> {
    this.#deps.journal.log(
      `${target.resource.logicalId}: the event is given up (${condition}, ${attempts} attempts)`,
    );
    this.#measure(target, 'AsyncEventsDropped');
    const { destinations } = this.#deps;
    const destination = target.invokeConfig?.DestinationConfig?.OnFailure?.Destination;
    if (destination !== undefined) {
      const body = destinationBody(target, payload, condition, attempts, record);
      const delivered = await destinations.deliver(destination, target.caller, body, {});
      if (!delivered) this.#measure(target, 'DestinationDeliveryFailures');
    }
    const deadLetters = target.resource.DeadLetterConfig?.TargetArn;
    if (deadLetters !== undefined) {
      const message = record?.outcome?.kind === 'error' ? record.outcome.message : condition;
      const attributes = {
        RequestID: record?.requestId ?? '',
        ErrorCode: '200',
        ErrorMessage: message.slice(0, 1024),
      };
      const body = JSON.stringify(payload);
      const delivered = await destinations.deliver(deadLetters, target.caller, body, attributes);
      if (!delivered) this.#measure(target, 'DeadLetterErrors');
    }
  }

  /** One try; undefined when the function is throttled. */
  async #attempt(
    target: LocalFunction,
    payload: Json,
    cause: string,
    attempt: number,
  ): Promise<InvocationRecord | undefined> {
    const process = await this.#environment(target);
    if (process === undefined) {
      this.#measure(target, 'Throttles');
      return undefined;
    }
    const record: InvocationRecord = {
      function: target.resource.logicalId,
      requestId: requestId(),
      cause,
      payload,
      attempt,
      startedAt: new Date(),
      endedAt: undefined,
      outcome: undefined,
      logs: [],
      metrics: [],
    };
    this.invocations.push(record);
    const outcome = await process.invoke({
      requestId: record.requestId,
      payload,
      functionArn: target.resource.arn,
      timeoutSeconds: target.resource.Timeout,
      onLog: (line) => this.#logLine(record, line),
    });
    record.endedAt = new Date();
    record.outcome = outcome;
    this.#measure(target, 'Invocations', 1, record.startedAt);
    this.#measure(target, 'Errors', outcome.kind === 'error' ? 1 : 0, record.startedAt);
    this.#measure(
      target,
      'Duration',
      record.endedAt.getTime() - record.startedAt.getTime(),
      record.startedAt,
    );
    target.busy.delete(process);
    if (process.alive) target.idle.push(process);
    if (outcome.kind === 'error' && !this.#deps.clock.closed) {
      this.#deps.journal.log(`${record.function}: ${outcome.type}: ${outcome.message}`);
    }
    return record;
  }

  #measure(target: LocalFunction, name: string, value = 1, at = new Date()): void {
    this.#deps.metrics.add('AWS/Lambda', name, target.resource.name, value, at);
  }

  #logLine(record: InvocationRecord, line: string): void {
    record.logs.push(line);
    try {
      record.metrics.push(...metricsOf(line));
    } catch (error) {
      this.#deps.journal.problem(
        'invalid-request',
        `${record.function} wrote a broken metric: ${messageOf(error)}: ${line}`,
      );
    }
  }

  /** An idle process, or a new one; undefined when the reserved concurrency is used up. */
  async #environment(target: LocalFunction): Promise<LambdaProcess | undefined> {
    while (target.idle.length > 0) {
      const idle = target.idle.pop();
      if (idle?.alive === true) {
        target.busy.add(idle);
        return idle;
      }
    }
    const limit = target.resource.ReservedConcurrentExecutions;
    if (limit !== undefined && target.busy.size + target.starting >= limit) return undefined;
    target.starting += 1;
    try {
      const credentials = this.#deps.issue(target.caller);
      const started = await LambdaProcess.start({
        taskRoot: target.taskRoot,
        handler: target.resource.Handler,
        memoryMegabytes: target.resource.MemorySize,
        environment: environmentOf(target, credentials, this.#deps),
      });
      this.#processes.set(credentials.accessKeyId, started);
      target.busy.add(started);
      return started;
    } finally {
      target.starting -= 1;
    }
  }
}

function destinationBody(
  target: LocalFunction,
  payload: Json,
  condition: string,
  attempts: number,
  record: InvocationRecord | undefined,
): string {
  const outcome = record?.outcome;
  return JSON.stringify({
    version: '1.0',
    timestamp: new Date().toISOString(),
    requestContext: {
      requestId: record?.requestId ?? requestId(),
      functionArn: `${target.resource.arn}:$LATEST`,
      condition,
      approximateInvokeCount: attempts,
    },
    requestPayload: payload,
    ...(outcome !== undefined && {
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        ...(outcome.kind === 'error' && { functionError: 'Unhandled' }),
      },
      responsePayload:
        outcome.kind === 'error'
          ? { errorType: outcome.type, errorMessage: outcome.message, trace: outcome.trace }
          : outcome.result,
    }),
  });
}
