import { makeClients } from '../../shared/aws/clients.ts';
import { observeImpaired, observeInstances } from '../../shared/aws/ec2.ts';
import { throwAll } from '../../shared/aws/errors.ts';
import { wake } from '../../shared/aws/lanes.ts';
import { readHeads } from '../../shared/aws/memory.ts';
import { observeAgents } from '../../shared/aws/ssm.ts';
import { withNotes } from '../../shared/core/model/notes.ts';
import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { laneOf, type WakeUp } from '../../shared/core/model/wake-up.ts';
import { needsReconciling, type TickedGroup } from '../../shared/core/push/needs-reconciling.ts';
import { planPush, tickBlocker } from '../../shared/core/push/plan-push.ts';
import type { PushAction } from '../../shared/core/push/push-action.ts';
import { nodesOf } from '../../shared/core/push/push-target.ts';
import { measureGroups } from '../../shared/core/results/record-outcome.ts';
import { readConfiguration } from '../../shared/edge/configuration.ts';
import { makeHandler } from '../../shared/edge/handler.ts';
import { parseScheduledEvent } from '../../shared/edge/scheduled-event.ts';
import { publishMeasures } from '../../shared/reconcile/carry-out-outcome.ts';
import { outcomeSettings } from '../../shared/reconcile/tools.ts';
import { carryOutTick } from './carry-out.ts';

const configuration = readConfiguration('sync');
const clients = makeClients();

/**
 * The one-minute tick: look at all groups, have each primary push, and ask for a look at each group that needs more than that. Pushes
 * depend on nothing but the tags: without the table, or with the queue out of order, they go on.
 */
export const handler = makeHandler(async (event, instruments) => {
  const { logger, metrics } = instruments;
  const { scheduledAt } = parseScheduledEvent(event);
  const blocker = tickBlocker(scheduledAt, Date.now());
  if (blocker !== undefined) return logger.warn(blocker);
  metrics.addMetric('Ticks', 'Count', 1);
  const instances = await observeInstances(clients.ec2);
  const primaries = instances.filter(({ tags }) => tags[tagKeys.primary] !== undefined);
  const asked = [...primaries.map(({ id }) => id), ...nodesOf(primaries)];
  const agents = await observeAgents(clients.ssm, asked);
  const plan = planPush({ instances, agents });
  const errors: unknown[] = [];
  const fail = (error: unknown): void => void errors.push(error);
  const documents = { push: configuration.HOSTSYNC_PUSH_DOCUMENT };
  const times = { tick: scheduledAt, tickSeconds: configuration.HOSTSYNC_TICK_SECONDS };
  const rememberAndWake = async () => {
    const remembered = await rememberedGroups(instances, fail);
    await wakeGroups(remembered, plan, scheduledAt, fail).catch(fail);
    return remembered;
  };
  const [groups] = await Promise.all([
    rememberAndWake(),
    carryOutTick(plan, { clients, documents, times, ...instruments }).catch(fail),
  ]);
  // How far behind a group is, is not known without its head
  const measured = groups.flatMap(({ head, members }) => (head === 'unread' ? [] : members));
  publishMeasures(
    measureGroups({ instances: measured, plan }, outcomeSettings(configuration), Date.now()),
    configuration.HOSTSYNC_METRICS_BY_SECONDARY,
  );
  throwAll(errors);
});

/** The instances by group, with what the heads say of them; those that have lost their group have the empty name. */
async function rememberedGroups(
  instances: readonly ObservedInstance[],
  fail: (error: unknown) => void,
): Promise<readonly Pick<TickedGroup, 'group' | 'members' | 'head'>[]> {
  const groups = Map.groupBy(instances, ({ tags }) => tags[tagKeys.group] ?? '');
  const names = [...groups.keys()].filter((group) => group !== '');
  const memory = { dynamoDb: clients.dynamoDb, table: configuration.HOSTSYNC_TABLE };
  let readable = true;
  const heads = await readHeads(memory, names, (error) => {
    readable = false;
    fail(error);
  });
  return [...groups].map(([group, members]) => {
    const head = heads.get(group);
    return { group, members: withNotes(members, head), head: head ?? (readable ? undefined : 'unread') };
  });
}

async function wakeGroups(
  groups: readonly Pick<TickedGroup, 'group' | 'members' | 'head'>[],
  plan: readonly PushAction[],
  tick: number,
  fail: (error: unknown) => void,
): Promise<void> {
  const now = Date.now();
  const impaired = await observeImpaired(clients.ec2).catch((error: unknown) => {
    fail(error);
    return new Set<string>();
  });
  const byGroup = Map.groupBy(plan, (action) => (action.kind === 'nothing-to-do' ? '' : action.group));
  const wakeUps = groups.flatMap((ticked): readonly WakeUp[] => {
    const { group } = ticked;
    const because = needsReconciling({
      ...ticked,
      now,
      plan: byGroup.get(group) ?? [],
      isImpaired: (id) => impaired.has(id),
    });
    const ref = `tick-${tick / 60_000}-${laneOf(group)}`;
    return because === undefined ? [] : [{ group, because, at: now, ref, tick }];
  });
  await wake(clients.sqs, configuration.HOSTSYNC_QUEUE, wakeUps);
}
