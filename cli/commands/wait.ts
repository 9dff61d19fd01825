import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { chooseGroup, chooseHost } from '../observe.ts';
import { follow } from '../progress.ts';
import { lag } from '../render/duration.ts';

export interface WaitOptions {
  readonly inSync: boolean;
  readonly promoted?: string | undefined;
  readonly joined?: string | undefined;
  /** Seconds. */
  readonly timeout: number;
}

/** What is waited for, in words, and what is missing; nothing is missing in the end. */
interface Goal {
  readonly reached: string;
  readonly missing: (overview: GroupOverview) => string | undefined;
}

export async function wait(
  context: Context,
  given: string | undefined,
  options: WaitOptions,
): Promise<ExitCode> {
  const goals = goalsOf(options, Date.now());
  if (goals.length === 0)
    throw new Failure('Name what to wait for.', {
      exitCode: exitCodes.usage,
      advice: ['Add --in-sync, --promoted HOST or --joined HOST.'],
    });
  const group = await chooseGroup(context, given);
  const { terminal } = context;
  const began = Date.now();
  const missing = (overview: GroupOverview): readonly string[] =>
    goals.flatMap((goal) => goal.missing(overview) ?? []);
  const last = await follow(context, group, options.timeout, {
    describe: ({ overview }) => `waiting for ${group}: ${missing(overview).join('; ')}`,
    isOver: ({ overview }) => missing(overview).length === 0,
  });
  const left = missing(last.overview);
  if (left.length > 0)
    throw new Failure(`Not reached after ${lag(options.timeout)}: ${left.join('; ')}`, {
      exitCode: exitCodes.behind,
      advice: [`See: hostsync status ${group}`],
    });
  const { style, symbol } = terminal.look;
  const words = goals.map(({ reached }) => reached).join(', ');
  terminal.out(
    `${style('green', `${symbol('ok')} ${group}: ${words}`)} after ${lag((Date.now() - began) / 1000)}`,
  );
  return exitCodes.ok;
}

/** @param began what was on the primary then has to be everywhere, in milliseconds since 1970 */
export function goalsOf(
  { inSync, promoted, joined }: Omit<WaitOptions, 'timeout'>,
  began: number,
): readonly Goal[] {
  return [
    ...(inSync
      ? [{ reached: 'in sync', missing: (overview: GroupOverview) => lacksSync(overview, began) }]
      : []),
    ...(promoted === undefined ? [] : [promotedGoal(promoted)]),
    ...(joined === undefined ? [] : [joinedGoal(joined)]),
  ];
}

function lacksSync({ hosts, verdict, headline }: GroupOverview, began: number): string | undefined {
  if (verdict !== 'in-sync') return headline;
  const late = hosts.filter(
    ({ role, state, syncedAt = 0 }) => role !== 'primary' && state === 'in-sync' && syncedAt < began,
  );
  const [first] = late;
  if (first === undefined) return undefined;
  return `${late.length} of ${hosts.length - 1} wait for the next push`;
}

function promotedGoal(given: string): Goal {
  return {
    reached: `${given} is the primary`,
    missing(overview) {
      const host = chooseHost(overview, given);
      if (host.role === 'primary' && host.state === 'takes-writes') return undefined;
      return `${given} is ${host.state === 'being-promoted' ? 'being promoted' : `a ${host.role} host`}`;
    },
  };
}

function joinedGoal(given: string): Goal {
  return {
    reached: `${given} has joined`,
    missing(overview) {
      // A host of a scale-out is not there at once
      const host = overview.hosts.find(({ id, name }) => id === given || name === given);
      if (host === undefined) return `there is no ${given} yet`;
      if (host.role === 'primary' || host.state === 'in-sync' || host.state === 'behind') return undefined;
      const step = host.task === undefined ? '' : ` (${host.task.step})`;
      const trouble = host.trouble === undefined ? '' : `: ${host.trouble.message ?? host.trouble.code}`;
      return `${given} is ${host.state}${step}${trouble}`;
    },
  };
}
