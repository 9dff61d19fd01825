import { userInfo } from 'node:os';
import { isMember } from '../../shared/core/model/member.ts';
import { maximumTagValueLength, tagKeys } from '../../shared/core/model/tag-keys.ts';
import { planAcceptance, planPause, planResume, planResync } from '../../shared/core/operator/change.ts';
import { type ChangeOptions, carryOutChange } from '../change.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { chooseGroup, chooseHost, type Observed, observe } from '../observe.ts';
import { follow } from '../progress.ts';
import { lag } from '../render/duration.ts';
import { wakeGroup } from '../wake.ts';
import { push } from './push.ts';

function done({ terminal }: Context, text: string): ExitCode {
  const { style, symbol } = terminal.look;
  terminal.out(style('green', `${symbol('ok')} ${text}`));
  return exitCodes.ok;
}

export async function pause(
  context: Context,
  given: string | undefined,
  options: ChangeOptions & { readonly reason?: string | undefined },
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { overview } = await observe(context, group);
  const { reason = 'no reason given' } = options;
  const by = ` - ${userInfo().username} at ${new Date().toISOString().slice(0, 16)}Z`;
  // What every service takes in a tag. Source: EC2 User Guide, tag restrictions
  const words = reason.replaceAll(/[^\p{L}\p{N} _.:/=+@-]/gu, '_');
  const value = `${words.slice(0, maximumTagValueLength - by.length)}${by}`;
  const change = planPause(overview, value);
  if (!(await carryOutChange(context, `pause of ${group}`, change, options))) return exitCodes.ok;
  return done(context, `${group} is paused. Go on: hostsync resume ${group}`);
}

export async function resume(
  context: Context,
  given: string | undefined,
  options: ChangeOptions,
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { overview } = await observe(context, group);
  if (!(await carryOutChange(context, `resumption of ${group}`, planResume(overview), options)))
    return exitCodes.ok;
  return done(context, `${group} goes on. Wait for it: hostsync wait ${group} --in-sync`);
}

export async function acceptDeletions(
  context: Context,
  given: string | undefined,
  id: string | undefined,
  options: ChangeOptions & { readonly timeout: number },
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { overview } = await observe(context, group);
  const change = planAcceptance(overview, id);
  const count = String(overview.heldDeletions?.count ?? 0);
  const answer = { text: count, question: `Type the number of deletions to accept (${count}):` };
  if (!(await carryOutChange(context, `deletions of ${group}`, change, options, answer))) return exitCodes.ok;
  return push(context, group, { dryRun: false, timeout: options.timeout });
}

export async function resync(
  context: Context,
  given: string | undefined,
  host: string,
  options: ChangeOptions & { readonly wait: boolean; readonly timeout: number },
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { overview } = await observe(context, group);
  const chosen = chooseHost(overview, host);
  const name = chosen.name ?? chosen.id;
  const change = planResync(overview, chosen);
  if (!(await carryOutChange(context, `first sync of ${name} again`, change, options))) return exitCodes.ok;
  await wakeGroup(context, group, `the operator asked for a first sync of ${chosen.id}`);
  if (!options.wait) return exitCodes.ok;
  const began = Date.now();
  const last = await follow(context, group, options.timeout, {
    describe: ({ overview: now }) => {
      const its = now.hosts.find(({ id }) => id === chosen.id);
      return `${name} is ${its?.state ?? 'gone'}${its?.task === undefined ? '' : ` (${its.task.step})`}`;
    },
    isOver: (found) => hasJoined(found, chosen.id),
  });
  if (hasJoined(last, chosen.id))
    return done(context, `${name} has joined again after ${lag((Date.now() - began) / 1000)}`);
  throw new Failure(`${name} has not joined again after ${lag(options.timeout)}; it goes on.`, {
    exitCode: exitCodes.behind,
    advice: [`See: hostsync status ${group}`],
  });
}

function hasJoined({ observation }: Observed, id: string): boolean {
  const instance = observation.observed.instances.find((each) => each.id === id);
  if (instance === undefined) return false;
  return isMember(instance) && instance.tags[tagKeys.joined] !== undefined;
}
