import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { planForcedPromotion, planSwitchover } from '../../shared/core/operator/change.ts';
import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import { type ChangeOptions, carryOutChange } from '../change.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { chooseGroup, chooseHost, nameOf, type Observed, observe } from '../observe.ts';
import { follow } from '../progress.ts';
import { lag } from '../render/duration.ts';
import { wakeGroup } from '../wake.ts';

export interface SwitchoverOptions extends ChangeOptions {
  readonly to?: string | undefined;
  /** Do not wait for its end. */
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export async function switchover(
  context: Context,
  given: string | undefined,
  options: SwitchoverOptions,
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { observation, overview } = await observe(context, group);
  const from = overview.primary;
  const to = options.to === undefined ? undefined : chooseHost(overview, options.to).id;
  const change = planSwitchover(observation, overview, context.settings, to);
  const target = to === undefined ? 'the best host' : nameOf(overview, to);
  const title = `switchover of ${group} from ${nameOf(overview, from ?? '')} to ${target}`;
  if (!(await carryOutChange(context, title, change, options))) return exitCodes.ok;
  if (!options.wait) return exitCodes.ok;
  return followPromotion(context, overview, options.timeout, {
    isHolder: (primary) => primary !== from && (to === undefined || primary === to),
    isWithdrawn: (found) =>
      found.overview.primary === from && tagsOf(found, from)[tagKeys.switchover] === undefined,
  });
}

export interface PromoteOptions extends ChangeOptions {
  readonly to: string;
  readonly force: boolean;
  readonly wait: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export async function promote(
  context: Context,
  given: string | undefined,
  options: PromoteOptions,
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { observation, overview } = await observe(context, group);
  const host = chooseHost(overview, options.to);
  const change = planForcedPromotion(observation, overview, context.settings, { host, force: options.force });
  const title = `forced promotion of ${host.name ?? host.id} in ${group}`;
  const answer = { text: group, question: 'Type the name of the group to go on:' };
  if (!(await carryOutChange(context, title, change, options, answer))) return exitCodes.ok;
  if (!options.wait) return exitCodes.ok;
  return followPromotion(context, overview, options.timeout, {
    isHolder: (primary) => primary === host.id,
    isWithdrawn: (found) => tagsOf(found, host.id)[tagKeys.primary] === undefined,
  });
}

interface Promotion {
  readonly isHolder: (primary: string) => boolean;
  readonly isWithdrawn: (found: Observed) => boolean;
}

/** Until another host takes writes, or it is known that none will. */
async function followPromotion(
  context: Context,
  before: GroupOverview,
  timeout: number,
  { isHolder, isWithdrawn }: Promotion,
): Promise<ExitCode> {
  const { terminal } = context;
  const { group } = before;
  const began = Date.now();
  await wakeGroup(context, group, 'the operator asked for another primary');
  const warn = (): void =>
    terminal.say(`The promotion goes on without this command. See: hostsync status ${group} -w`);
  process.once('SIGINT', () => {
    warn();
    process.exit(exitCodes.interrupted);
  });
  const isDone = ({ overview: { primary, hosts } }: Observed): boolean =>
    primary !== undefined &&
    isHolder(primary) &&
    hosts.some(({ id, state }) => id === primary && state === 'takes-writes');
  const last = await follow(context, group, timeout, {
    describe: ({ overview }) => describeStep(overview),
    isOver: (found) => isDone(found) || isWithdrawn(found),
  });
  const { style, symbol } = terminal.look;
  const { overview } = last;
  if (isDone(last)) {
    const name = nameOf(overview, overview.primary ?? '');
    const seconds = lag((Date.now() - began) / 1000);
    terminal.out(
      `${style('green', `${symbol('ok')} ${name} is the primary`)} (epoch ${overview.epoch}) after ${seconds}`,
    );
    return exitCodes.ok;
  }
  const blocked = overview.incidents.find(({ code }) => code === 'promotion-blocked');
  const why = blocked === undefined ? '' : ': no host may take its place';
  if (isWithdrawn(last))
    throw new Failure(`The promotion was withdrawn by the service${why}.`, {
      exitCode: exitCodes.behind,
      advice: [`See: hostsync status ${group}`],
    });
  warn();
  throw new Failure(`The promotion has not ended after ${lag(timeout)}${why}.`, {
    exitCode: exitCodes.behind,
    advice: [`See: hostsync status ${group}`],
  });
}

const stepWords: Readonly<Record<string, string>> = {
  prepare: 'stopping writes on',
  'final-push': 'last push of',
  promote: 'being made the primary:',
  'undo-demotion': 'letting writes begin again on',
};

function describeStep(overview: GroupOverview): string {
  const busy = overview.hosts.flatMap(({ id, task }) => {
    const words = stepWords[task?.step ?? ''];
    return words === undefined ? [] : [`${words} ${nameOf(overview, id)}`];
  });
  return busy.length === 0 ? 'waiting for the service to begin' : busy.join('; ');
}

function tagsOf({ observation }: Observed, id: string | undefined): ObservedInstance['tags'] {
  return observation.observed.instances.find((each) => each.id === id)?.tags ?? {};
}
