import { publishEvents } from '../aws/domain-events.ts';
import type { Intention } from '../core/model/intention.ts';
import type { ObservedInstance } from '../core/model/observation.ts';
import { tagKeys } from '../core/model/tag-keys.ts';
import { intentionNews } from '../core/operator/plan-observed.ts';
import type { Tools } from './tools.ts';

/** Publishes what would be done and is new, then notes it: a run that is cut off between the two publishes once more, with the same id. */
export async function noteIntentions(
  group: string,
  instances: readonly ObservedInstance[],
  intentions: readonly Intention[],
  { clients, logger, marks }: Pick<Tools, 'clients' | 'logger' | 'marks'>,
): Promise<void> {
  const [first] = instances;
  if (first === undefined || group === '') return;
  const { events, note } = intentionNews(group, instances, intentions, Date.now());
  if (note === undefined) return;
  await publishEvents(clients.eventBridge, events);
  // A note on the group, whichever of its hosts is named
  if (note === '') await marks.remove(first.id, [tagKeys.intentions]);
  else await marks.write([first.id], { [tagKeys.intentions]: note });
  for (const { detail } of events)
    logger.info(detail.reason, {
      action: 'observe',
      outcome: 'done',
      group,
      would: detail.action,
      hosts: detail.hosts.join(' '),
      id: detail.id,
    });
}
