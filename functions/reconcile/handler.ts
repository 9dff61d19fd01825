import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { makeClients } from '../../shared/aws/clients.ts';
import { describeError } from '../../shared/aws/errors.ts';
import { noteReconciled, readHeads } from '../../shared/aws/memory.ts';
import type { Head } from '../../shared/core/model/observation.ts';
import { isServed, type WakeUp } from '../../shared/core/model/wake-up.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseWakeUps } from '../../shared/edge/wake-up.ts';
import { reconcile } from '../../shared/reconcile/reconcile.ts';
import { makeTools, type Tools } from '../../shared/reconcile/tools.ts';

const configuration = readConfiguration('reconcile');
const clients = makeClients();

/** How long a run waits for commands on hosts, in milliseconds: the end of one that takes longer wakes the group again. */
const waits = 10_000;

/**
 * One look at one group, and all that follows from it. What AWS refuses is logged and counted, and its message is done: the next tick asks
 * again. Only a run that dies gets its message again.
 */
export const handler = makeHandler(async (event, instruments) => {
  for (const wakeUp of parseWakeUps(event))
    await serve(wakeUp, makeTools(clients, configuration, wakeUp.group, instruments));
});

async function serve(wakeUp: WakeUp, tools: Tools): Promise<void> {
  const { logger, memory, metrics } = tools;
  const { group, because, tick } = wakeUp;
  const reconciledFrom = Date.now();
  const before = await readHead(group, tools);
  const reconciledBefore = before?.reconciledFrom ?? 0;
  if (isServed(wakeUp, reconciledBefore))
    return logger.info(`a look that began later has seen it: ${because}`, { group });
  logger.info(`looks at the group: ${because}`, { group });
  const failed = (what: string, error: unknown): void => {
    logger.error(`group ${group}: ${what} failed: ${describeError(error)}`, { group });
    metrics.addMetric('StepsFailed', MetricUnit.Count, 1);
  };
  let pending = true;
  let complete = false;
  let isNew = false;
  try {
    const result = await reconcile(group, tools, { until: Date.now() + waits, tick });
    pending = result.pending;
    isNew = before === null && result.exists;
    complete = result.errors.length === 0;
    if (!complete) metrics.addMetric('StepsFailed', MetricUnit.Count, result.errors.length);
  } catch (error) {
    failed('the look', error);
  }
  try {
    if (group !== '')
      await noteReconciled(
        memory,
        group,
        complete ? reconciledFrom : reconciledBefore,
        pending ? Date.now() : undefined,
        isNew,
      );
  } catch (error) {
    failed('noting the look', error);
  }
}

/** @returns null if nothing is remembered, undefined if that is not known */
async function readHead(group: string, { memory, logger }: Tools): Promise<Head | null | undefined> {
  let unread = false;
  const heads = await readHeads(memory, [group], (error) => {
    unread = true;
    logger.error(`group ${group}: reading the table failed: ${describeError(error)}`, { group });
  });
  return heads.get(group) ?? (unread ? undefined : null);
}
