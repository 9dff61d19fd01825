import { setTimeout as sleep } from 'node:timers/promises';
import { makeClients } from '../../shared/aws/clients.ts';
import { groupOf, observeGroup } from '../../shared/aws/ec2.ts';
import { wake } from '../../shared/aws/lanes.ts';
import { Marks } from '../../shared/aws/marks.ts';
import { isOutdated, readRegister } from '../../shared/aws/memory.ts';
import { isWaitedFor } from '../../shared/aws/probes.ts';
import { observePush } from '../../shared/aws/pushes.ts';
import { isSameDocument } from '../../shared/aws/ssm.ts';
import { isObserved } from '../../shared/core/model/mode.ts';
import type { ObservedPush } from '../../shared/core/model/observation.ts';
import { lacksRelease } from '../../shared/core/model/release.ts';
import { earlyEnd } from '../../shared/core/model/watch-result.ts';
import { withoutTags } from '../../shared/core/operator/plan-observed.ts';
import { recordOutcome } from '../../shared/core/results/record-outcome.ts';
import { type CommandEvent, parseCommandEvent } from '../../shared/edge/command-event.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { type Instruments, makeHandler } from '../../shared/edge/handler.ts';
import { carryOutOutcome } from '../../shared/reconcile/carry-out-outcome.ts';
import { outcomeSettings } from '../../shared/reconcile/tools.ts';

const configuration = readConfiguration('command-result');
const clients = makeClients();

/** SSM tells that a command has ended and does not show its result: it is asked again, and the next tick asks as well. */
export class ResultNotThereError extends Error {
  override readonly name = 'ResultNotThereError';
}

/**
 * A command has ended on a host. What became of a push is recorded, sent as events and measured here, and the group is looked at only if that changed
 * something; what the other commands say is for the look.
 */
export const handler = makeHandler(async (event, instruments) => {
  const hint = parseCommandEvent(event);
  const { command, instance, document } = hint;
  const at = Date.now();
  const isProbe = isSameDocument(document, configuration.HOSTSYNC_PROBE_DOCUMENT);
  if (isProbe && (await isWaitedFor(clients.ssm, hint)))
    return instruments.logger.info(
      `${instance} was asked by ${command} whether it lives: who asked is waiting for it`,
    );
  const push = isSameDocument(document, configuration.HOSTSYNC_PUSH_DOCUMENT)
    ? await waitForResult(hint)
    : 'other';
  const group = await groupOf(clients.ec2, instance);
  if (group === undefined || group === '')
    return instruments.logger.info(`${instance}, on which the command ${command} ended, belongs to no group`);
  const isAnswer = push === 'other' || lacksRelease(push);
  if (!isAnswer && !(await record(push, group, instruments)) && earlyEnd(push) === undefined) return;
  const because = `the command ${command} has ended on ${instance}`;
  const ref = `${command}-${instance}`;
  await wake(clients.sqs, configuration.HOSTSYNC_QUEUE, [{ group, because, at, ref }]);
});

/** Another run may record something of the same group at the same time: who comes second reads again. */
const mostTries = 4;

/** @returns whether it changed more than the time of the last push */
async function record(push: ObservedPush, group: string, instruments: Instruments): Promise<boolean> {
  for (let tries = 1; ; tries += 1)
    try {
      return await recordOnce(push, group, instruments);
    } catch (error) {
      if (!isOutdated(error) || tries === mostTries) throw error;
    }
}

async function recordOnce(push: ObservedPush, group: string, instruments: Instruments): Promise<boolean> {
  const memory = { dynamoDb: clients.dynamoDb, table: configuration.HOSTSYNC_TABLE };
  const marks = new Marks(clients, memory, group);
  const [seen, remembered] = await Promise.all([
    observeGroup(clients.ec2, group),
    readRegister(memory, group),
  ]);
  const observed = { instances: marks.overlay(seen, remembered), pushes: [push] };
  const outcome = recordOutcome(observed, outcomeSettings(configuration), Date.now());
  const actions = isObserved(seen, remembered) ? withoutTags(outcome) : outcome;
  const metricsBySecondary = configuration.HOSTSYNC_METRICS_BY_SECONDARY;
  await carryOutOutcome(actions, { clients, marks, ...instruments, metricsBySecondary });
  return actions.some((action) => action.kind === 'tell' && action.event.type !== 'Files Synced');
}

/** Milliseconds between two looks at a result that is not there yet, and how many looks. */
const pause = 500;
const looks = 8;

async function waitForResult(hint: CommandEvent): Promise<ObservedPush | 'other'> {
  for (let look = 0; look < looks; look += 1) {
    if (look > 0) await sleep(pause);
    const push = await observePush(clients.ssm, hint);
    if (push === 'other' || (push !== 'unknown' && push.status !== 'under-way')) return push;
  }
  throw new ResultNotThereError(
    `SSM shows no result of the command ${hint.command} on ${hint.instance}; it is looked for again`,
  );
}
