export type InstanceStateName =
  | 'pending'
  | 'running'
  | 'shutting-down'
  | 'terminated'
  | 'stopping'
  | 'stopped';

export const instanceStateCodes: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export type Tags = ReadonlyMap<string, string>;

/** Why an instance is in the state that it is in: API_StateReason.html. */
export type StateReasonCode =
  | 'Client.UserInitiatedShutdown'
  | 'Server.SpotInstanceTermination'
  | 'Server.SpotInstanceShutdown';

/** What the checks of EC2 say of a running instance. */
export type CheckStatus = 'ok' | 'impaired' | 'initializing' | 'insufficient-data';

/** What is the matter with a running instance, which EC2 notices only after a while. */
export interface Trouble {
  readonly since: Date;
  /** `system`: the hardware below it, too */
  readonly scope: 'instance' | 'system';
}

export interface Instance {
  readonly id: string;
  readonly reservationId: string;
  /** of the last start: it is not the time of the first launch */
  launchTime: Date;
  readonly metadataTags: boolean;
  readonly availabilityZone: string;
  readonly spot: boolean;
  /** gets a public address whenever it is started */
  readonly publicAddress: boolean;
  state: InstanceStateName;
  stateReason: StateReasonCode | undefined;
  /** it has not booted yet */
  booting: boolean;
  trouble: Trouble | undefined;
  /** what the checks say whatever is the matter, for scenarios in which they are wrong */
  reportedStatus: CheckStatus | undefined;
  /** none on one that has IPv6 only, or is terminated */
  privateIp: string | undefined;
  ipv6: string | undefined;
  /** the public address that EC2 gave it, unless it has an Elastic IP */
  automaticIp: string | undefined;
  tags: Tags;
  tagVersion: number;
}

/** The two checks of an instance; `impairedSince` when one has failed. */
export interface StatusChecks {
  readonly system: CheckStatus;
  readonly instance: CheckStatus;
  readonly impairedSince: Date | undefined;
}
