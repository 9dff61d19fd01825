import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, exitCodes } from './errors.ts';
import { observe, type Seen } from './observe.ts';
import type { Session } from './session.ts';

/** What a look shows of the thing that is waited for. */
export type Stage =
  | { readonly kind: 'done'; readonly message: string }
  /** It will not come: the command ends and says why. */
  | { readonly kind: 'failed'; readonly message: string; readonly advice?: string }
  /** @param message what is going on; each new one becomes a line */
  | { readonly kind: 'working'; readonly message: string };

export interface FollowOptions {
  readonly group: string;
  /** Seconds. */
  readonly timeout: number;
  /** What goes on without the command, for Ctrl-C and when the time is over. */
  readonly goesOn: string;
  readonly stageOf: (seen: Seen) => Stage;
}

/** Milliseconds between two looks: each asks AWS some ten times. */
const lookPause = 1_000;

/**
 * Looks at a group until a thing is done, and says each step as it comes.
 *
 * @throws {CommandError} when it fails, or the time is over
 */
export async function follow(session: Session, options: FollowOptions): Promise<void> {
  const { group, timeout, goesOn, stageOf } = options;
  const { terminal } = session;
  const start = Date.now();
  const elapsed = (): string => `${((Date.now() - start) / 1000).toFixed(1)} s`;
  const interrupt = interruption(goesOn);
  let said = '';
  try {
    for (;;) {
      const stage = stageOf(await observe(session, group));
      interrupt.check();
      if (stage.kind === 'done')
        return terminal.say(`${terminal.symbol('ok')} ${stage.message} (${elapsed()})`);
      if (stage.kind === 'failed') throw new CommandError(exitCodes.refused, stage.message, stage.advice);
      if (stage.message !== said) terminal.say(`${terminal.symbol('working')} ${stage.message}`);
      said = stage.message;
      if (Date.now() - start + lookPause > timeout * 1000)
        throw new CommandError(exitCodes.refused, `Not done after ${timeout} s: ${said}`, goesOn);
      await interrupt.pause(lookPause);
    }
  } finally {
    interrupt.end();
  }
}

/** Ctrl-C ends the waiting, and says what goes on without the command. */
export function interruption(goesOn: string) {
  const controller = new AbortController();
  const listener = (): void => controller.abort();
  process.once('SIGINT', listener);
  const check = (): void => {
    if (controller.signal.aborted) throw new CommandError(exitCodes.interrupted, 'Interrupted', goesOn);
  };
  return {
    check,
    /** @param milliseconds to wait, if nobody interrupts */
    async pause(milliseconds: number): Promise<void> {
      await sleep(milliseconds, undefined, { signal: controller.signal }).catch(() => undefined);
      check();
    },
    end: () => void process.removeListener('SIGINT', listener),
  };
}
