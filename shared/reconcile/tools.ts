import type { Clients } from '../aws/clients.ts';
import { Marks } from '../aws/marks.ts';
import type { Memory } from '../aws/memory.ts';
import type { Documents } from '../aws/ssm.ts';
import type { OutcomeSettings } from '../core/results/outcome-view.ts';
import type { PromotionSettings } from '../core/succession/group-view.ts';
import type { readConfiguration } from '../edge/configuration.ts';
import type { Instruments } from '../edge/handler.ts';

type Configuration = ReturnType<typeof readConfiguration<'reconcile'>>;

/** What a look at a group, and what follows from it, needs. */
export interface Tools extends Instruments {
  readonly clients: Clients;
  readonly documents: Documents;
  readonly marks: Marks;
  readonly memory: Memory;
  readonly settings: PromotionSettings & OutcomeSettings;
  readonly metricsBySecondary: boolean;
  /** Empty where no DNS name is to be moved. */
  readonly hostedZone: string;
}

/** The tools of one run for one group: what was written in an earlier run is no longer told apart from what others wrote since. */
export function makeTools(
  clients: Clients,
  configuration: Configuration,
  group: string,
  instruments: Instruments,
): Tools {
  const memory = { dynamoDb: clients.dynamoDb, table: configuration.HOSTSYNC_TABLE };
  return {
    clients,
    ...instruments,
    memory,
    marks: new Marks(clients, memory, group),
    documents: {
      push: configuration.HOSTSYNC_PUSH_DOCUMENT,
      join: configuration.HOSTSYNC_JOIN_DOCUMENT,
      promote: configuration.HOSTSYNC_PROMOTE_DOCUMENT,
      leave: configuration.HOSTSYNC_LEAVE_DOCUMENT,
      rescue: configuration.HOSTSYNC_RESCUE_DOCUMENT,
      probe: configuration.HOSTSYNC_PROBE_DOCUMENT,
      install: [
        configuration.HOSTSYNC_INSTALL_ONE_DOCUMENT,
        configuration.HOSTSYNC_INSTALL_TWO_DOCUMENT,
        configuration.HOSTSYNC_INSTALL_THREE_DOCUMENT,
        configuration.HOSTSYNC_INSTALL_FOUR_DOCUMENT,
        configuration.HOSTSYNC_INSTALL_FIVE_DOCUMENT,
      ],
    },
    settings: {
      joinTimeout: configuration.HOSTSYNC_JOIN_TIMEOUT,
      joinFailure: configuration.HOSTSYNC_JOIN_FAILURE,
      rescueQuiet: configuration.HOSTSYNC_RESCUE_QUIET,
      failover: configuration.HOSTSYNC_FAILOVER,
      failoverTicks: configuration.HOSTSYNC_FAILOVER_TICKS,
      promoteWithin: configuration.HOSTSYNC_PROMOTE_WITHIN,
      coolDown: configuration.HOSTSYNC_COOL_DOWN,
      ...outcomeSettings(configuration),
    },
    metricsBySecondary: configuration.HOSTSYNC_METRICS_BY_SECONDARY,
    hostedZone: configuration.HOSTSYNC_HOSTED_ZONE,
  };
}

/** The settings of the deployment. */
export function outcomeSettings(
  configuration: Pick<
    Configuration,
    | 'HOSTSYNC_REMIND_AFTER'
    | 'HOSTSYNC_GROUP_WAIT'
    | 'HOSTSYNC_GROUP_INTERVAL'
    | 'HOSTSYNC_BEHIND_AFTER'
    | 'HOSTSYNC_OVERRUN_AFTER'
    | 'HOSTSYNC_TICK_SECONDS'
  >,
): OutcomeSettings {
  return {
    remindAfter: configuration.HOSTSYNC_REMIND_AFTER,
    groupWait: configuration.HOSTSYNC_GROUP_WAIT,
    groupInterval: configuration.HOSTSYNC_GROUP_INTERVAL,
    behindAfter: configuration.HOSTSYNC_BEHIND_AFTER,
    overrunAfter: configuration.HOSTSYNC_OVERRUN_AFTER,
    tickSeconds: configuration.HOSTSYNC_TICK_SECONDS,
  };
}
