import { setTimeout as sleep } from 'node:timers/promises';
import { observePush, pushComment } from '../../shared/aws/pushes.ts';
import { sendScript } from '../../shared/aws/ssm.ts';
import type { ObservedPush } from '../../shared/core/model/observation.ts';
import { formatPushRequest } from '../../shared/core/model/request.ts';
import type { GroupOverview, PushOverview } from '../../shared/core/operator/overview.ts';
import { overviewHeldDeletions, overviewPush } from '../../shared/core/operator/push-overview.ts';
import { planTick, type TickAction } from '../../shared/core/push/plan-tick.ts';
import type { Context } from '../connect.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { chooseGroup, nameOf, observe } from '../observe.ts';
import { pollEvery } from '../progress.ts';
import { bytes, counted, lag } from '../render/duration.ts';

export interface PushOptions {
  readonly dryRun: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export async function push(
  context: Context,
  given: string | undefined,
  options: PushOptions,
): Promise<ExitCode> {
  const group = await chooseGroup(context, given);
  const { observation, overview } = await observe(context, group);
  const plan = planTick(observation.observed);
  const own = plan.filter((action) => action.kind !== 'nothing-to-do' && action.group === group);
  return pushPlanned(context, overview, own, options);
}

/** Carries out the push of a plan. @throws {Failure} with the plan's own reason where it has none */
export async function pushPlanned(
  context: Context,
  overview: GroupOverview,
  plan: readonly TickAction[],
  { dryRun, timeout }: PushOptions,
): Promise<ExitCode> {
  const { terminal, clients, pushDocument } = context;
  const { group } = overview;
  for (const action of plan) if (action.kind === 'leave-out') terminal.say(`  left out: ${action.reason}`);
  const action = plan.find((each) => each.kind === 'push');
  if (action === undefined) {
    const blocker = plan.find((each) => each.kind === 'no-push');
    throw new Failure(`${group} cannot be pushed: ${blocker?.reason ?? 'there is nothing to push'}`, {
      exitCode: exitCodes.behind,
      advice: [
        blocker?.code === 'paused' ? `Go on: hostsync resume ${group}` : `See: hostsync status ${group}`,
      ],
    });
  }
  const { primary, request } = action;
  terminal.say(
    `${nameOf(overview, primary)} pushes ${request.directories.join(' ')} to ${counted(request.secondaries.length, 'secondary', 'secondaries')}`,
  );
  if (dryRun) return exitCodes.ok;
  const comment = `${pushComment}, group ${group}, epoch ${request.epoch}`;
  const requestedAt = Date.now();
  const command = await sendScript(clients.ssm, pushDocument, [primary], formatPushRequest(request), comment);
  const ended = await pushEnd(context, { command, instance: primary, requestedAt }, timeout);
  const unreported = request.secondaries.map(({ id }) => id).filter((id) => !reports(ended, id));
  terminal.out(describePush(overview, ended, unreported, terminal.look).join('\n'));
  return exitOf(overviewPush(ended), ended, unreported);
}

async function pushEnd(
  context: Context,
  push: Pick<ObservedPush, 'command' | 'instance' | 'requestedAt'>,
  timeout: number,
): Promise<ObservedPush> {
  const until = Date.now() + timeout * 1000;
  while (Date.now() < until) {
    const found = await observePush(context.clients.ssm, push);
    if (typeof found !== 'string' && found.status !== 'under-way') return found;
    await sleep(Math.min(pollEvery, 1000));
  }
  throw new Failure(`The push has not ended after ${lag(timeout)}; it goes on.`, {
    exitCode: exitCodes.behind,
    advice: [`See: aws ssm list-command-invocations --command-id ${push.command} --details`],
  });
}

function reports({ lines }: ObservedPush, id: string): boolean {
  return lines.some((line) => line.kind === 'secondary' && line.id === id);
}

function exitOf(
  { missed, status }: PushOverview,
  push: ObservedPush,
  unreported: readonly string[],
): ExitCode {
  if (overviewHeldDeletions([push]) !== undefined) return exitCodes.attention;
  const isWhole = missed.length === 0 && unreported.length === 0;
  return status === 'succeeded' && isWhole ? exitCodes.ok : exitCodes.behind;
}

/** A line for each secondary, what is held, and the sum. */
export function describePush(
  overview: Pick<GroupOverview, 'group' | 'hosts'>,
  push: ObservedPush,
  unreported: readonly string[],
  { style, symbol }: Context['terminal']['look'],
): readonly string[] {
  const good = (text: string) => `${style('green', symbol('ok'))} ${text}`;
  const bad = (text: string) => style('red', `${symbol('attention')} ${text}`);
  const held = overviewHeldDeletions([push]);
  const { files, deleted, bytes: sent, missed, status } = overviewPush(push);
  const ofHosts = push.lines.flatMap((line) => {
    if (line.kind !== 'secondary') return [];
    const name = nameOf(overview, line.id);
    if (!line.ok) return [bad(`${name}: ${line.error ?? 'failed'}: ${line.message ?? ''}`)];
    const what = `${counted(line.files, 'file')}, ${line.deleted.toLocaleString('en-US')} deleted, ${bytes(line.bytes)}`;
    return [good(`${name}: ${what}, ${line.seconds} s`)];
  });
  const errors = push.lines.flatMap((line) =>
    line.kind === 'error'
      ? [bad(`${line.error}: ${line.message}`)]
      : line.kind === 'directory'
        ? [bad(`${line.directory}: ${line.error}: ${line.message}`)]
        : [],
  );
  const whole = status === 'succeeded' && missed.length === 0 && unreported.length === 0;
  const sum = `${counted(files, 'file')} sent, ${deleted.toLocaleString('en-US')} deleted, ${bytes(sent)}`;
  return [
    ...ofHosts,
    ...unreported.map((id) => bad(`${nameOf(overview, id)}: nothing was reported`)),
    ...errors,
    ...(held === undefined
      ? []
      : [
          style(
            'yellow',
            `${symbol('held')} ${held.count} of ${held.total} deletions are held: ${held.reason}`,
          ),
          ...held.examples.slice(0, 4).map((name) => `    - ${name}`),
          `  They were meant: hostsync accept-deletions ${overview.group} ${held.id}`,
        ]),
    whole
      ? `${style('green', `${symbol('ok')} ${overview.group} is pushed`)}: ${sum}`
      : bad(`${overview.group} is not wholly pushed (${push.detail}): ${sum}`),
  ];
}
