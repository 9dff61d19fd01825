import type { Clients } from '../aws/clients.ts';
import { TagWriter } from '../aws/tags.ts';
import type { readConfiguration } from '../edge/configuration.ts';
import type { Instruments } from '../edge/handler.ts';
import type { ReconcileTools } from './reconcile.ts';

type Configuration = ReturnType<typeof readConfiguration<'instance-launch'>>;

/** The tools of one run: what was written in an earlier run is no longer told apart from what others wrote since. */
export function makeTools(
  clients: Clients,
  configuration: Configuration,
  instruments: Instruments,
): ReconcileTools {
  return {
    ...{ clients, ...instruments, tags: new TagWriter(clients.ec2) },
    documents: {
      push: configuration.HOSTSYNC_PUSH_DOCUMENT,
      join: configuration.HOSTSYNC_JOIN_DOCUMENT,
      promote: configuration.HOSTSYNC_PROMOTE_DOCUMENT,
      leave: configuration.HOSTSYNC_LEAVE_DOCUMENT,
      rescue: configuration.HOSTSYNC_RESCUE_DOCUMENT,
      probe: configuration.HOSTSYNC_PROBE_DOCUMENT,
    },
    settings: {
      joinTimeout: configuration.HOSTSYNC_JOIN_TIMEOUT,
      joinFailure: configuration.HOSTSYNC_JOIN_FAILURE,
    },
  };
}
