import type { Clock } from '../base/clock.ts';
import { AwsError } from '../base/errors.ts';
import type { CallFault } from './faults.ts';
import type { Protocol } from './registry.ts';

/** A fault keeps the caller from an answer: the call is not carried out. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
  readonly code: string;

  constructor(code: 'FunctionKilled' | 'ConnectionReset', cause: string) {
    super(`not carried out: ${cause}`);
    this.code = code;
  }
}

/**
 * What faults do to a call before it is carried out.
 *
 * @throws AwsError for a call that is refused
 * @throws UnansweredError for one that gets no answer
 */
export async function sufferBefore(
  faults: readonly CallFault[],
  protocol: Protocol,
  clock: Clock,
): Promise<void> {
  for (const fault of faults) {
    switch (fault.kind) {
      case 'delay':
        await clock.wait(fault.seconds * 1000);
        break;
      case 'throttle':
        throw protocol.kind === 'ec2'
          ? new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503)
          : new AwsError(
              protocol.kind === 'json' || protocol.kind === 'rest-json'
                ? 'ThrottlingException'
                : 'Throttling',
              'Rate exceeded',
            );
      case 'reset':
        throw new UnansweredError('ConnectionReset', 'a fault broke the connection');
      case 'fail':
        if (!fault.carriedOut) throw new AwsError(fault.code, fault.message, fault.status);
        break;
      case 'lose-response':
        break;
    }
  }
}

/** What they do to one that was carried out. @returns whether its answer is lost @throws AwsError when it fails all the same */
export function sufferAfter(faults: readonly CallFault[]): boolean {
  for (const fault of faults)
    if (fault.kind === 'fail') throw new AwsError(fault.code, fault.message, fault.status);
  return faults.some(({ kind }) => kind === 'lose-response');
}
