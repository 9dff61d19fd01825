import type { PromotionObservation } from '../model/observation.ts';
import type { PushAction } from '../push/push-action.ts';
import type { UpkeepAction } from '../succession/plan-upkeep.ts';

/** A fact, or why it is not known. What is not known is never fine. */
export type Known<Value> =
  | { readonly known: true; readonly value: Value }
  | { readonly known: false; readonly reason: string };

/** What EC2 shows of an instance beyond what the functions look at. */
export interface InstanceFacts {
  readonly id: string;
  /** The ARN of its instance profile. */
  readonly profile: string | undefined;
  readonly securityGroups: readonly string[];
}

/** One rule that lets traffic in. */
export interface IngressRule {
  /** `tcp`, or `-1` for all. */
  readonly protocol: string;
  readonly fromPort: number | undefined;
  readonly toPort: number | undefined;
  /** Security groups that it lets in. */
  readonly groups: readonly string[];
  /** Blocks of IPv4 addresses that it lets in. */
  readonly blocks: readonly string[];
  /** It lets in a prefix list or IPv6 addresses, which are not looked into. */
  readonly others: boolean;
}

export interface HookFacts {
  readonly name: string;
  readonly transition: string;
  /** Seconds. */
  readonly heartbeatTimeout: number;
  readonly defaultResult: string;
}

export interface AutoScalingFacts {
  readonly name: string;
  readonly hooks: readonly HookFacts[];
  /** Its tag `hostsync:group`. */
  readonly group: string | undefined;
  readonly propagates: boolean;
  /** What becomes of an instance whose terminate hook is abandoned: `retain` or `terminate`. */
  readonly terminateHookAbandon: string | undefined;
}

export interface AlarmFacts {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
}

/**
 * One line of the host command `doctor`. The host decides what is wrong with itself, for it knows its programs. Source: docs/host-package.md.
 */
export interface HostCheck {
  readonly check: string;
  readonly level: 'ok' | 'unknown' | 'warning' | 'error';
  readonly what: string;
  readonly why: string | null;
  readonly mend: string | null;
}

/** What a host says of itself. */
export interface HostReport {
  readonly checks: readonly HostCheck[];
  /** Its clock, in milliseconds since 1970. */
  readonly now: number | undefined;
  /** By directory: `USER:GROUP`. */
  readonly owners: ReadonlyMap<string, string>;
  /** Why it could not say anything, in the words of the host package. */
  readonly problem: { readonly error: string; readonly message: string } | undefined;
}

/** What a host answered, and when, in milliseconds of AWS's clock: between these two the host looked at its own. */
export interface HostAnswer {
  readonly output: string;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** Of one group. */
export interface GroupFacts {
  readonly group: string;
  readonly observed: PromotionObservation;
  readonly plan: readonly PushAction[];
  /** What the next look would move, or refuse to: name, target group, address. */
  readonly upkeep: readonly UpkeepAction[];
  /** What could not be read in the look, in words. */
  readonly unread: readonly string[];
  /** Seconds of uploads that may be missing on a host that becomes the primary by itself. */
  readonly promoteWithin: number;
  readonly instances: Known<readonly InstanceFacts[]>;
  /** By the id of the security group. */
  readonly ingress: Known<ReadonlyMap<string, readonly IngressRule[]>>;
  readonly agentVersions: Known<ReadonlyMap<string, string>>;
  readonly autoScaling: Known<readonly AutoScalingFacts[]>;
  /** What the hosts say of themselves; undefined where none was asked. */
  readonly hosts: ReadonlyMap<string, Known<HostAnswer>> | undefined;
  readonly now: number;
}

/** Of the deployment. */
export interface DeploymentFacts {
  readonly stage: string;
  readonly subscriptions: Known<readonly { readonly endpoint: string; readonly confirmed: boolean }[]>;
  readonly topic: string;
  readonly alarms: Known<readonly AlarmFacts[]>;
  readonly mappings: Known<readonly { readonly id: string; readonly state: string }[]>;
  /** The stages of this account and region, each with the prefix of its tags. */
  readonly stages: Known<readonly { readonly stage: string; readonly tagPrefix: string }[]>;
}

/** One check, and what it found. */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'unknown' | 'warning' | 'error';
  /** What it is about: a host, a group of Auto Scaling, an alarm; null for the group or the deployment. */
  readonly subject: string | null;
  readonly what: string;
  readonly why: string | null;
  /** A command, or what to do by hand. */
  readonly mend: string | null;
}

/** 0 without findings, 1 with warnings or what is not known, 2 with errors. */
export function doctorExitCode(findings: readonly Finding[]): number {
  if (findings.some(({ level }) => level === 'error')) return 2;
  return findings.some(({ level }) => level !== 'ok') ? 1 : 0;
}

type Words = Pick<Finding, 'what' | 'why' | 'mend'>;

export function ok(check: string, subject: string | null, what: string): Finding {
  return { check, level: 'ok', subject, what, why: null, mend: null };
}

export function fault(
  level: 'warning' | 'error',
  check: string,
  subject: string | null,
  { what, why, mend }: Words,
): Finding {
  return { check, level, subject, what, why, mend };
}

export function unknown(check: string, subject: string | null, reason: string): Finding {
  return { check, level: 'unknown', subject, what: `not checked: ${reason}`, why: null, mend: null };
}
