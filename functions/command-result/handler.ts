import { setTimeout as sleep } from 'node:timers/promises';
import { makeClients } from '../../shared/aws/clients.ts';
import { observeInstances } from '../../shared/aws/ec2.ts';
import { observePush } from '../../shared/aws/pushes.ts';
import { TagWriter } from '../../shared/aws/tags.ts';
import type { ObservedPush } from '../../shared/core/observation.ts';
import { recordOutcome } from '../../shared/core/record-outcome.ts';
import { type CommandEvent, parseCommandEvent } from '../../shared/edge/command-event.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { carryOutOutcome, outcomeSettings } from '../../shared/outcome/carry-out.ts';

const configuration = readConfiguration('command-result');
const clients = makeClients();

/** SSM tells that a command has ended and does not show its result: it is asked again, and the next tick asks as well. */
export class ResultNotThereError extends Error {
  override readonly name = 'ResultNotThereError';
}

/** A push has ended on a primary: records how it went, tells of what began or ended with it, measures it. */
export const handler = makeHandler(async (event, { logger, metrics }) => {
  const hint = parseCommandEvent(event);
  const push = await waitForResult(hint);
  if (push === 'other') return logger.info(`${hint.command} is a first sync: the tick looks after it`);
  const tags = new TagWriter(clients.ec2);
  const observed = { instances: await observeInstances(clients.ec2), pushes: [push] };
  const actions = recordOutcome(observed, outcomeSettings(configuration), Date.now());
  const metricsBySecondary = configuration.HOSTSYNC_METRICS_BY_SECONDARY;
  await carryOutOutcome(actions, { clients, tags, logger, metrics, metricsBySecondary });
});

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
