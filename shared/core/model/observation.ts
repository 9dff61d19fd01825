import type { ScriptLine } from './script-line.ts';
/** One EC2 instance that carries the tag `hostsync:group`, as DescribeInstances showed it. */
export interface ObservedInstance {
  readonly id: string;
  /** `pending`, `running`, `stopping`, `stopped`, `shutting-down`; a terminated one is not observed. */
  readonly state: string;
  /** The private IPv4 address; a stopped instance may have none. */
  readonly address: string | undefined;
  /** The first of its primary network interface. It is kept while the instance is stopped. */
  readonly ipv6Address?: string | undefined;
  /** The public IPv4 address: an Elastic IP, or one that it loses when it stops. */
  readonly publicAddress?: string | undefined;
  /** Its tags, and under keys of the same form what is remembered of it (`placeOf`). */
  readonly tags: Readonly<Record<string, string>>;
  /** When it was last started, in milliseconds since 1970. */
  readonly launchedAt?: number | undefined;
  /** When it was stopped, in milliseconds since 1970, where EC2 says so. */
  readonly stoppedAt?: number | undefined;
  readonly zone?: string | undefined;
}

/** One managed node, as DescribeInstanceInformation showed it. */
export interface ObservedAgent {
  /** `i-…` or `mi-…` */
  readonly id: string;
  /** The agent's last ping was on time. Five minutes old at worst: no failure detector. Source: SSM Agent technical details. */
  readonly online: boolean;
  /** When its last ping was, in milliseconds since 1970. */
  readonly pingedAt?: number | undefined;
  readonly address: string | undefined;
}

/** All that a decision is made from. */
export interface Observation {
  readonly instances: readonly ObservedInstance[];
  readonly agents: readonly ObservedAgent[];
}

/** One instance of a group of Auto Scaling, as DescribeAutoScalingInstances showed it. */
export interface ObservedLifecycle {
  readonly id: string;
  readonly autoScalingGroup: string;
  /** `InService`, `Pending:Wait`, `Warmed:Stopped` and some thirty more; new ones may come. */
  readonly state: string;
  readonly protectedFromScaleIn?: boolean | undefined;
}

/** What became of a command, on one host. */
export interface ObservedCommand {
  readonly command: string;
  readonly instance: string;
  readonly status: 'under-way' | 'succeeded' | 'failed';
  /** SSM's own word for it, as `Success` or `ExecutionTimedOut`. */
  readonly detail: string;
  readonly lines: readonly ScriptLine[];
}

/** A run of push, and what became of it. */
export interface ObservedPush extends ObservedCommand {
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  /** Of the script, if it ended by itself. */
  readonly exitCode?: number | undefined;
  /** It was asked to stay and to watch. */
  readonly watches?: boolean;
}

/** All that the planning of joins and leaves is made from. */
export interface MembershipObservation extends Observation {
  /** Of the instances that belong to a group of Auto Scaling, by id. */
  readonly lifecycles: ReadonlyMap<string, ObservedLifecycle>;
  /** The commands that the tasks of the hosts name. */
  readonly commands: readonly ObservedCommand[];
}

/** How a claim came about. */
export type ClaimKind =
  /** The first primary of a group. */
  | 'first'
  /** Tags that were moved by hand. */
  | 'adopted'
  | 'failover'
  | 'switchover';

/** Who holds an epoch: written once, under a condition. */
export interface Claim {
  readonly epoch: number;
  readonly holder: string;
  /** The primary before it. */
  readonly from?: string | undefined;
  readonly kind: ClaimKind;
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What every look at a group begins with. */
export interface Head {
  /** One more with each claim. */
  readonly version: number;
  /** The newest. */
  readonly claim?: Claim | undefined;
  /** When the last complete look began, in milliseconds since 1970; 0 for never. */
  readonly reconciledFrom: number;
  /** When the group is to be looked at again whatever happens, in milliseconds since 1970. */
  readonly dueAt?: number | undefined;
  /** A digest of the primary and its tags, as they were mirrored. */
  readonly configuration?: string | undefined;
  /**
   * By instance: when the last push that it received in full was requested, in milliseconds since 1970; of the primary, the last push whose
   * results are recorded.
   */
  readonly synced?: Readonly<Record<string, number>> | undefined;
  /** One more with each change of `synced`. */
  readonly syncedVersion?: number | undefined;
  /** What is wrong with hosts outside EC2, as `formatIncident` has it, separated by spaces. */
  readonly outside?: string | undefined;
}

/** What outlives the instances of a group. */
export interface Register {
  readonly head?: Head | undefined;
  /** By epoch, ascending. */
  readonly claims: readonly Claim[];
  /** The tags of the last primary, as they were mirrored; undefined if there never was one. */
  readonly configuration:
    | { readonly primary: string; readonly tags: Readonly<Record<string, string>> }
    | undefined;
}

/** What EC2's status checks say of one instance. */
export interface ObservedStatus {
  readonly id: string;
  /** Neither check fails. `initializing` and the like are not ok. */
  readonly ok: boolean;
  /** EC2 has begun to check it and cannot say yet: it was just started. */
  readonly initializing?: boolean | undefined;
  /** In EC2's words. */
  readonly detail: string;
  /** When the first of the failing checks failed, in milliseconds since 1970, where EC2 says so. */
  readonly impairedSince?: number | undefined;
}

/** What others see of a primary that is suspected to be dead, or gone; and so who of them is alive at this moment. */
export interface ObservedReachability {
  readonly instance: string;
  /** When they were asked, in milliseconds since 1970. */
  readonly requestedAt: number;
  /** Everybody who was asked is done. */
  readonly ended: boolean;
  /** Who was asked, and who of them has answered, whatever it said. */
  readonly asked: readonly string[];
  readonly answered: readonly string[];
  /** SSM's live channel to its agent; why it is not known, where SSM did not tell; undefined if it was not asked. */
  readonly connection: 'connected' | 'not connected' | { readonly unknown: string } | undefined;
  /** Who has not the release of the package that looks. */
  readonly withoutRelease?: readonly string[];
  readonly probes: readonly { readonly by: string; readonly reached: boolean; readonly message: string }[];
}

/** All that a promotion is planned from. */
export interface PromotionObservation extends MembershipObservation {
  /** By group; those that could be read. */
  readonly registers: ReadonlyMap<string, Register>;
  readonly statuses: readonly ObservedStatus[];
  /** What probes have shown of late, and in this run. */
  readonly reachability: readonly ObservedReachability[];
}
