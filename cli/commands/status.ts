import { setTimeout as sleep } from 'node:timers/promises';
import type { GroupOverview, Verdict } from '../../shared/core/operator/overview.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toFailure } from '../failure.ts';
import { chooseGroup, groupNames, type Observed, observe } from '../observe.ts';
import { renderStatus, statusRows } from '../render/status.ts';

export interface StatusOptions {
  readonly watch: boolean;
  readonly output: 'table' | 'json' | 'tsv';
  /** Seconds between two looks. */
  readonly interval: number;
}

const codes: Readonly<Record<Verdict, ExitCode>> = {
  'in-sync': exitCodes.ok,
  behind: exitCodes.behind,
  attention: exitCodes.attention,
};

/** @returns that of the worst group */
export function exitCodeOf(overviews: readonly Pick<GroupOverview, 'verdict'>[]): ExitCode {
  const [worst = exitCodes.ok] = overviews.map(({ verdict }) => codes[verdict]).sort((a, b) => b - a);
  return worst;
}

export async function status(
  context: Context,
  given: string | undefined,
  options: StatusOptions,
): Promise<ExitCode> {
  const groups = await chosenGroups(context, given);
  if (options.watch) return watch(context, groups, options);
  const found = await Promise.all(groups.map((group) => observe(context, group)));
  context.terminal.out(format(context, found, options.output, given !== undefined));
  return exitCodeOf(found.map(({ overview }) => overview));
}

async function chosenGroups(context: Context, given: string | undefined): Promise<readonly string[]> {
  if (given !== undefined) return [await chooseGroup(context, given)];
  const names = await groupNames(context);
  return names.length === 0 ? [await chooseGroup(context, undefined)] : names;
}

function format(
  context: Context,
  found: readonly Observed[],
  output: StatusOptions['output'],
  isOne: boolean,
): string {
  const overviews = found.map(({ overview, unread }) => ({ ...overview, unread }));
  switch (output) {
    case 'json':
      return JSON.stringify(isOne ? overviews[0] : overviews, undefined, 2);
    case 'tsv':
      return statusRows(overviews);
    case 'table':
      return found
        .map(({ overview, unread }) => renderStatus(overview, context.terminal.look, context, unread))
        .join('\n\n');
  }
}

const screen = {
  enter: '\u001b[?1049h\u001b[?25l',
  clear: '\u001b[H\u001b[J',
  leave: '\u001b[?25h\u001b[?1049l',
};

/** Draws in place on a terminal; elsewhere, one look after the other. Ctrl-C ends it. */
async function watch(context: Context, groups: readonly string[], options: StatusOptions): Promise<ExitCode> {
  const { terminal } = context;
  const draws = terminal.isScreen && options.output === 'table';
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  let shown = '';
  if (draws) process.stdout.write(screen.enter);
  try {
    while (!stop.signal.aborted) {
      const text = await tryLook(context, groups, options);
      shown =
        text ?? `${terminal.look.style('red', 'No answer from AWS; shown is the last one.')}\n\n${shown}`;
      const clock = new Date().toISOString().slice(11, 19);
      if (draws) process.stdout.write(`${screen.clear}${shown}\n\n${clock} UTC · Ctrl-C ends\n`);
      else terminal.out(options.output === 'json' ? JSON.stringify(JSON.parse(shown)) : shown);
      await sleep(options.interval * 1000, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    if (draws) process.stdout.write(screen.leave);
    process.off('SIGINT', onSignal);
  }
  return exitCodes.interrupted;
}

/** A watch outlives a lost connection, and nothing that needs a person. */
async function tryLook(
  context: Context,
  groups: readonly string[],
  options: StatusOptions,
): Promise<string | undefined> {
  try {
    const found = await Promise.all(groups.map((group) => observe(context, group)));
    return format(context, found, options.output, groups.length === 1);
  } catch (error) {
    if (toFailure(error).exitCode !== exitCodes.unavailable) throw error;
    return undefined;
  }
}
