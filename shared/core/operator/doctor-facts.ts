import type { ObservedInstance } from '../model/observation.ts';
import type { UpkeepAction } from '../succession/plan-upkeep.ts';
import type { GroupOverview } from './overview.ts';

/** What was read; or why it could not be, which is neither well nor wrong. */
export type Fact<Value> = { readonly known: Value } | { readonly unknown: string };

export interface HostFacts {
  readonly id: string;
  readonly instanceProfile: Fact<string | undefined>;
  /** Undefined for one that SSM does not manage. */
  readonly agent: Fact<{ readonly version: string; readonly online: boolean } | undefined>;
  readonly securityGroups: Fact<readonly string[]>;
  /** What the host itself says, when it is asked. */
  readonly checks?: Fact<readonly HostCheck[]>;
}

/** One thing that a host looked at on itself. */
export interface HostCheck {
  readonly name: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
  readonly mend?: string;
}

export interface LifecycleHook {
  readonly autoScalingGroup: string;
  readonly name: string;
  /** Seconds. */
  readonly heartbeatTimeout: number;
  readonly defaultResult: string;
}

/** One rule for what comes in, of one security group. */
export interface IngressRule {
  /** `tcp`, `-1` for all, or another one. */
  readonly protocol: string;
  /** Undefined for all ports. */
  readonly fromPort?: number | undefined;
  readonly toPort?: number | undefined;
  readonly cidrs: readonly string[];
  readonly groups: readonly string[];
  /** Managed lists of prefixes: what is in them is not read. */
  readonly prefixLists: readonly string[];
}

export interface SecurityGroup {
  readonly id: string;
  readonly ingress: readonly IngressRule[];
}

/** All that a diagnosis is made from. */
export interface DoctorFacts {
  readonly overview: GroupOverview;
  readonly members: readonly ObservedInstance[];
  readonly hosts: readonly HostFacts[];
  readonly securityGroups: Fact<readonly SecurityGroup[]>;
  /** The groups of Auto Scaling that members belong to. */
  readonly autoScalingGroups: Fact<readonly string[]>;
  readonly hooks: Fact<readonly LifecycleHook[]>;
  readonly hookNames: { readonly launch: string; readonly terminate: string };
  /** What of the name, the target group and the address would be moved, or is refused. */
  readonly pointers: Fact<readonly UpkeepAction[]>;
  /** Of the topic of alerts. */
  readonly subscriptions: Fact<readonly { readonly endpoint: string; readonly confirmed: boolean }[]>;
  readonly deadLetters: Fact<readonly { readonly queue: string; readonly messages: number }[]>;
  readonly alarms: Fact<
    readonly { readonly name: string; readonly ringing: boolean; readonly enabled: boolean }[]
  >;
  /** From the queue of looks to its function. */
  readonly mapping: Fact<{ readonly id: string; readonly state: string } | undefined>;
}

export interface Finding {
  readonly level: 'error' | 'warning' | 'unknown';
  readonly what: string;
  readonly why: string;
  readonly mend: string;
}

export interface Diagnosis {
  /** The worst first. */
  readonly findings: readonly Finding[];
  /** What was looked at and is well, by name. */
  readonly passed: readonly string[];
}
