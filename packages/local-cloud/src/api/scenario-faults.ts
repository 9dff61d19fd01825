import { LocalCloudError } from '../base/errors.ts';
import type { Ec2 } from '../ec2/ec2.ts';
import type { EventBus } from '../events/bus.ts';
import type { BusEvent } from '../events/event.ts';
import type { EventFault, EventMatcher } from '../events/faults.ts';
import type { FunctionKills } from '../lambda/kills.ts';
import { type CallName, type CodeOf, errorsOf, operationsOf } from './errors.ts';
import type { CallFaults, FaultHandle, WhereInput } from './faults.ts';
import type { Service } from './registry.ts';

/** Which events: by their `detail-type`, or by a predicate. */
export type EventSelector = string | EventMatcher;

/**
 * The faults that a scenario can inject. Calls are named as in IAM (`ssm:SendCommand`, `ec2:*`). Every fault strikes
 * once unless `times` says otherwise; its handle takes it away and tells how often it has struck.
 */
export class ScenarioFaults {
  readonly #callFaults: CallFaults;
  readonly #bus: EventBus;
  readonly #ec2: Ec2;
  readonly #kills: FunctionKills;
  readonly #services: () => readonly Service[];
  #lagSeconds = 0;

  constructor(
    calls: CallFaults,
    bus: EventBus,
    ec2: Ec2,
    kills: FunctionKills,
    services: () => readonly Service[],
  ) {
    this.#kills = kills;
    this.#services = services;
    this.#callFaults = calls;
    this.#bus = bus;
    this.#ec2 = ec2;
  }

  /** The next calls are refused: ThrottlingException, or RequestLimitExceeded of EC2. The SDK tries again by itself. */
  throttle(call: CallName, times = 1): FaultHandle {
    return this.#callFaults.arm(call, { kind: 'throttle' }, times);
  }

  /**
   * The next calls are carried out so many seconds later.
   *
   * @param options where: only calls with such an input (as in the SDK)
   */
  delayCall(
    call: CallName,
    seconds: number,
    options: { readonly times?: number; readonly where?: WhereInput } = {},
  ): FaultHandle {
    return this.#callFaults.arm(call, { kind: 'delay', seconds }, options.times ?? 1, options.where);
  }

  /** The next calls are carried out, but the connection breaks before the answer. The SDK tries again by itself. */
  loseResponse(call: CallName, times = 1): FaultHandle {
    return this.#callFaults.arm(call, { kind: 'lose-response' }, times);
  }

  /** The connection of the next calls breaks before they are carried out. The SDK tries again by itself. */
  resetConnection(call: CallName, times = 1): FaultHandle {
    return this.#callFaults.arm(call, { kind: 'reset' }, times);
  }

  /**
   * The next calls fail with this error of AWS and change nothing; with `carriedOut: true` they do what they were asked for before.
   *
   * @param code one that this call may fail with, see `errorsOf`
   * @throws LocalCloudError for a code that it cannot give, or that AWS gives only for what it did not do
   */
  failCall<const Call extends CallName>(
    call: Call,
    code: CodeOf<Call>,
    options: { readonly message?: string; readonly times?: number; readonly carriedOut?: boolean } = {},
  ): FaultHandle {
    const { message = 'a fault of the scenario', times = 1, carriedOut = false } = options;
    const codes = errorsOf(this.#services(), call);
    const status = codes[code];
    if (status === undefined)
      throw new LocalCloudError(
        `${call} does not fail with ${code} on AWS, but with ${Object.keys(codes).join(', ')}`,
      );
    if (carriedOut && (status < 500 || code === 'RequestLimitExceeded'))
      throw new LocalCloudError(
        `${call} that fails with ${code} was not carried out on AWS: only an error of the service itself leaves that open`,
      );
    return this.#callFaults.arm(call, { kind: 'fail', code, message, status, carriedOut }, times);
  }

  /** Every call that is served, as the faults name it. */
  get calls(): readonly string[] {
    return operationsOf(this.#services());
  }

  /** The codes with which AWS may answer a call (`ssm:SendCommand`), by its API model. */
  errorsOf(call: string): readonly string[] {
    return Object.keys(errorsOf(this.#services(), call));
  }

  /**
   * Kills a function (by its logical id) with SIGKILL right after the `nth` call of this kind from now on was carried out, or
   * before it is. The function hears nothing of it; the invocation is an error, and an asynchronous event is tried again.
   */
  killFunctionAfter(
    functionId: string,
    options: { readonly call: string; readonly nth?: number; readonly before?: boolean },
  ): FaultHandle {
    const { call, nth = 1, before = false } = options;
    return this.#kills.arm(functionId, call, before ? 'before' : 'after', nth);
  }

  /** Kills a function right after its n-th call from now on, of any kind and whatever came of it. */
  killFunctionAtCall(functionId: string, n: number): FaultHandle {
    return this.#kills.arm(functionId, '*', 'after', n);
  }

  dropEvents(which: EventSelector, times = 1): FaultHandle {
    return this.#events(which, { kind: 'drop' }, times);
  }

  doubleEvents(which: EventSelector, times = 1): FaultHandle {
    return this.#events(which, { kind: 'double' }, times);
  }

  delayEvents(which: EventSelector, seconds: number, times = 1): FaultHandle {
    return this.#events(which, { kind: 'delay', seconds }, times);
  }

  /** The event is delivered after the next one; when none comes, at the next `settle()`. */
  reorderEvents(which: EventSelector, times = 1): FaultHandle {
    return this.#events(which, { kind: 'reorder' }, times);
  }

  /**
   * `DescribeInstances`, and its filters, see tags as they were: so many seconds ago (0 ends it), or now for the next so many
   * calls. `instance`: the seconds are for this instance alone.
   */
  staleTags(
    how:
      | { readonly seconds: number; readonly instance?: { readonly id: string } }
      | { readonly calls: number },
  ): void {
    if ('seconds' in how) this.#ec2.setStaleSeconds(how.seconds, how.instance?.id);
    else this.#ec2.setStaleCalls(how.calls);
  }

  /** `GetCommandInvocation` answers InvocationDoesNotExist for so long after a command was sent; 0 ends it. */
  invocationLag(seconds: number): void {
    this.#lagSeconds = seconds;
  }

  get lagSeconds(): number {
    return this.#lagSeconds;
  }

  #events(which: EventSelector, fault: EventFault, times: number): FaultHandle {
    const matches = typeof which === 'string' ? (event: BusEvent) => event['detail-type'] === which : which;
    return this.#bus.faults.arm(matches, fault, times);
  }
}
