import type { Clients } from '../aws/clients.ts';
import type { Documents } from '../aws/ssm.ts';
import type { PromotionSettings } from '../core/plan-promotion.ts';
import type { readConfiguration } from '../edge/configuration.ts';
import type { Instruments } from '../edge/handler.ts';
import type { MembershipTools } from '../membership/carry-out.ts';
import type { ReconcileTools } from '../membership/reconcile.ts';
import { makeTools } from '../membership/tools.ts';

type Configuration = ReturnType<typeof readConfiguration<'primary-failure'>>;

export interface PromotionTools extends MembershipTools, Instruments {
  readonly documents: Documents;
  readonly promotion: PromotionSettings;
  /** Empty where no DNS name is to be moved. */
  readonly hostedZone: string;
}

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
