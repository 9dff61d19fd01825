import type { Clients } from '../aws/clients.ts';
import type { readConfiguration } from '../edge/configuration.ts';
import type { Instruments } from '../edge/handler.ts';
import type { ReconcileTools } from '../membership/reconcile.ts';
import { makeTools } from '../membership/tools.ts';
import type { PromotionTools } from './reconcile.ts';

type Configuration = ReturnType<typeof readConfiguration<'primary-failure'>>;

/** The tools of a run that may make another host the primary. */
export function makePromotionTools(
  clients: Clients,
  configuration: Configuration,
  instruments: Instruments,
): PromotionTools & ReconcileTools {
  const tools = makeTools(clients, configuration, instruments);
  return {
    ...tools,
    hostedZone: configuration.HOSTSYNC_HOSTED_ZONE,
    promotion: {
      ...tools.settings,
      failover: configuration.HOSTSYNC_FAILOVER,
      failoverTicks: configuration.HOSTSYNC_FAILOVER_TICKS,
      promoteWithin: configuration.HOSTSYNC_PROMOTE_WITHIN,
      coolDown: configuration.HOSTSYNC_COOL_DOWN,
      remindAfter: configuration.HOSTSYNC_REMIND_AFTER,
    },
  };
}
