import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './connect.ts';
import { exitCodes } from './exit-codes.ts';
import { toFailure } from './failure.ts';
import { type Observed, observe } from './observe.ts';

/** Milliseconds between two looks. */
export const pollEvery = 2000;

export interface Following {
  /** What is going on, in a line: said when it changes. */
  readonly describe: (found: Observed) => string;
  readonly isOver: (found: Observed) => boolean;
}

/**
 * Looks at a group again and again, and says what has changed.
 *
 * @param timeout seconds
 * @returns the last look, whether it is over or not
 */
export async function follow(
  context: Context,
  group: string,
  timeout: number,
  { describe, isOver }: Following,
): Promise<Observed> {
  const { terminal } = context;
  const { style, symbol } = terminal.errorLook;
  const until = Date.now() + timeout * 1000;
  let said = '';
  for (;;) {
    const found = await observeWithPatience(context, group, until);
    if (isOver(found)) return found;
    const line = describe(found);
    if (line !== said) terminal.say(`${style('magenta', symbol('work'))} ${line}`);
    said = line;
    if (Date.now() + pollEvery > until) return found;
    await sleep(pollEvery);
  }
}

/** A lost connection is no answer: it is asked again until the time is up. */
async function observeWithPatience(context: Context, group: string, until: number): Promise<Observed> {
  for (;;)
    try {
      return await observe(context, group);
    } catch (error) {
      if (toFailure(error).exitCode !== exitCodes.unavailable || Date.now() + pollEvery > until) throw error;
      await sleep(pollEvery);
    }
}
