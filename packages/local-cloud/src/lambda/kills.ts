import { type FaultHandle, handleOf } from '../api/faults.ts';

/** A call of a function, as in its journal record. */
interface FunctionCall {
  /** the logical id of the function */
  readonly function: string;
  readonly service: string;
  readonly operation: string;
}

/** `after error`: the call was refused, which counts only where any kind of call does. */
type Phase = 'before' | 'after' | 'after error';

interface Armed {
  readonly function: string;
  readonly service: string;
  readonly operation: string;
  readonly when: 'before' | 'after';
  readonly countsErrors: boolean;
  readonly nth: number;
  seen: number;
  struck: number;
}

/** Kills processes of functions between two of their steps. */
export class FunctionKills {
  readonly #armed = new Set<Armed>();
  #kill: (accessKeyId: string) => void = () => undefined;

  /** @param kill ends the process that has these credentials, with SIGKILL */
  connect(kill: (accessKeyId: string) => void): void {
    this.#kill = kill;
  }

  /** @param call as in IAM, `ec2:CreateTags` or `ec2:*`; `*` for any, which counts those that are refused, too */
  arm(functionId: string, call: string, when: 'before' | 'after', nth: number): FaultHandle {
    const [service = '*', operation = '*'] = call.split(':');
    const countsErrors = service === '*';
    const armed: Armed = {
      function: functionId,
      service,
      operation,
      when,
      countsErrors,
      nth,
      seen: 0,
      struck: 0,
    };
    return handleOf(this.#armed, armed);
  }

  /** Counts a call; when it is the one, kills its caller. @returns whether it did */
  strike(call: FunctionCall, phase: Phase, accessKeyId: string): boolean {
    const due = [...this.#armed].filter((armed) => {
      const isPhase =
        phase === 'after error' ? armed.when === 'after' && armed.countsErrors : armed.when === phase;
      if (!isPhase || !matches(armed, call)) return false;
      armed.seen += 1;
      return armed.seen === armed.nth;
    });
    for (const armed of due) {
      armed.struck += 1;
      this.#armed.delete(armed);
    }
    if (due.length > 0) this.#kill(accessKeyId);
    return due.length > 0;
  }
}

function matches(armed: Armed, call: FunctionCall): boolean {
  return (
    armed.function === call.function &&
    ['*', call.service].includes(armed.service) &&
    ['*', call.operation].includes(armed.operation)
  );
}
