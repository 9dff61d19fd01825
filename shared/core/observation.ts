/** One EC2 instance that carries the tag `hostsync:group`, as DescribeInstances showed it. */
export interface ObservedInstance {
  readonly id: string;
  /** `pending`, `running`, `stopping`, `stopped`, `shutting-down`; a terminated one is not observed. */
  readonly state: string;
  /** The private IPv4 address; a stopped instance may have none. */
  readonly address: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** When it was last started, in milliseconds since 1970. */
  readonly launchedAt?: number | undefined;
}

/** One managed node, as DescribeInstanceInformation showed it. */
export interface ObservedAgent {
  /** `i-…` or `mi-…` */
  readonly id: string;
  /** The agent's last ping was on time. Five minutes old at worst: no failure detector. Source: SSM Agent technical details. */
  readonly online: boolean;
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
}

/** One line that a script of host/ printed. Source: docs/host-scripts.md. */
export type ScriptLine =
  | { readonly kind: 'join'; readonly epoch: number; readonly hostKey: string }
  | { readonly kind: 'promote'; readonly epoch: number; readonly publicKey: string }
  | SecondaryLine
  | {
      readonly kind: 'directory';
      readonly directory: string;
      readonly error: string;
      readonly message: string;
    }
  | {
      readonly kind: 'deletions-held';
      /** What `hostsync:accept-deletions` has to name. */
      readonly id: string;
      /** How many entries would be deleted, of how many. */
      readonly count: number;
      readonly total: number;
      readonly reason: string;
      readonly examples: readonly string[];
    }
  | { readonly kind: 'push'; readonly ok: boolean; readonly started: number; readonly seconds: number }
  | { readonly kind: 'error'; readonly error: string; readonly message: string };

/** How a push to one secondary went. */
export interface SecondaryLine {
  readonly kind: 'secondary';
  readonly id: string;
  readonly ok: boolean;
  /** Why it is not `ok`, and in whose words. */
  readonly error?: string | undefined;
  readonly message?: string | undefined;
  /** When the scan began, in seconds since 1970. */
  readonly started: number;
  /** Regular files whose content was sent. */
  readonly files: number;
  readonly deleted: number;
  /** Sent over the wire. */
  readonly bytes: number;
  readonly seconds: number;
  /** `none`: nothing had changed for it. `verify`: everything was compared. */
  readonly mode?: 'full' | 'changes' | 'none' | 'verify' | undefined;
  /** Entries that had changed behind our back and were mended. */
  readonly drift?: number | undefined;
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

/** A run of host/push.sh, and what became of it. */
export interface ObservedPush extends ObservedCommand {
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  /** Of the script, if it ended by itself. */
  readonly exitCode?: number | undefined;
}

/** All that the planning of joins and leaves is made from. */
export interface MembershipObservation extends Observation {
  /** Of the instances that belong to a group of Auto Scaling, by id. */
  readonly lifecycles: ReadonlyMap<string, ObservedLifecycle>;
  /** The commands that the tags `hostsync:task` name. */
  readonly commands: readonly ObservedCommand[];
}
