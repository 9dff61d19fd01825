import { type Clients, makeClients } from '../aws/clients.ts';
import { groupOf, listingGroups } from '../aws/ec2.ts';
import { wake } from '../aws/lanes.ts';
import { laneOf } from '../core/model/wake-up.ts';
import { readConfiguration } from './configuration.ts';
import { type Instruments, makeHandler } from './handler.ts';
import { type InstanceEvent, parseInstanceEvent } from './instance-event.ts';

type FunctionName = 'instance-launch' | 'instance-termination' | 'primary-failure';

/** Keeps what only the event knows, before the group is asked to be looked at. */
export type Keep = (
  event: InstanceEvent,
  group: string,
  tools: Instruments & { readonly clients: Clients },
) => Promise<void>;

/** A function that has the group of an instance looked at when something happens to it. An instance of no group ends here. */
export function makeInstanceHandler(name: FunctionName, keep?: Keep) {
  const configuration = readConfiguration(name);
  const clients = makeClients();
  return makeHandler(async (event, instruments) => {
    const { logger } = instruments;
    const happened = parseInstanceEvent(event);
    if (happened === undefined) return logger.warn('an event of another kind: nothing is done', { event });
    const { id, instance, what, own } = happened;
    if (own) return logger.info(`an echo of what hostsync wrote on ${instance}: ${what}`);
    const at = Date.now();
    const group = await groupOf(clients.ec2, instance);
    if (group === undefined) return logger.info(`${instance} belongs to no group: ${what}`);
    logger.info(`the group of ${instance} is to be looked at: ${what}`, { group });
    await keep?.(happened, group, { ...instruments, clients });
    const because = `${instance}: ${what}`;
    // Two functions may get the same event, and what one of them keeps has to be there first
    const ref = `${name}-${id}`;
    const left = group === '' ? await listingGroups(clients.ec2, instance) : [];
    await wake(clients.sqs, configuration.HOSTSYNC_QUEUE, [
      { group, because, at, ref },
      ...left.map((each) => ({ group: each, because, at, ref: `${ref}-${laneOf(each)}` })),
    ]);
  });
}
