/** A fault on API calls; it is used up after `times` calls. */
export type CallFault =
  | { readonly kind: 'throttle' }
  | { readonly kind: 'delay'; readonly seconds: number }
  | { readonly kind: 'lose-response' }
  | { readonly kind: 'reset' }
  | {
      readonly kind: 'fail';
      readonly code: string;
      readonly message: string;
      readonly status: number;
      /** whether the call is carried out before it fails */
      readonly carriedOut: boolean;
    };

/** Takes a fault away again. */
export interface FaultHandle {
  remove(): void;
  /** how often it has struck */
  readonly struck: number;
}

/** Whether a fault is meant for a call with this input. */
export type WhereInput = (input: unknown) => boolean;

interface Armed {
  readonly service: string;
  readonly operation: string;
  readonly where: WhereInput;
  readonly fault: CallFault;
  left: number;
  struck: number;
}

/** Arms a fault. @returns what takes it away again, and tells how often it has struck */
export function handleOf<Fault extends { readonly struck: number }>(
  armed: Set<Fault>,
  fault: Fault,
): FaultHandle {
  armed.add(fault);
  return {
    remove: () => {
      armed.delete(fault);
    },
    get struck() {
      return fault.struck;
    },
  };
}

/** The faults that the next API calls meet. */
export class CallFaults {
  readonly #armed = new Set<Armed>();

  /**
   * @param call `service:Operation` as in IAM, for instance `ssm:SendCommand` or `ec2:*`
   * @param times how many calls it strikes
   * @param where which of these calls, by their input
   */
  arm(call: string, fault: CallFault, times: number, where: WhereInput = () => true): FaultHandle {
    const [service = '', operation = '*'] = call.split(':');
    const armed: Armed = { service, operation, where, fault, left: times, struck: 0 };
    return handleOf(this.#armed, armed);
  }

  /** The faults that strike this call; each is used up by one. */
  strike(service: string, operation: string, input: unknown): readonly CallFault[] {
    const struck = [...this.#armed].filter(
      (armed) =>
        armed.service === service &&
        (armed.operation === '*' || armed.operation === operation) &&
        armed.where(input),
    );
    for (const armed of struck) {
      armed.left -= 1;
      armed.struck += 1;
      if (armed.left <= 0) this.#armed.delete(armed);
    }
    return struck.map((armed) => armed.fault);
  }
}
