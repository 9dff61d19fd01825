import type { IncidentDetail, Timestamp } from './incident-detail.ts';

/** A host that could take the place of the primary. */
export interface PromotionCandidate {
  readonly instance: string;
  /** What keeps it from being promoted; empty if nothing does. */
  readonly blocker: string;
  /** EC2's word for its state, as `running` or `stopped`. */
  readonly state?: string | undefined;
}

/** The details of events on who is the primary, who is a secondary, and what a former primary holds. */
export interface RoleEventDetails {
  readonly 'Secondary Joined': { readonly secondary: string; readonly syncedAt: Timestamp };
  readonly 'Secondary Left': { readonly secondary: string; readonly primary: string };
  readonly 'Join Failed': IncidentDetail & {
    readonly secondary: string;
    readonly message: string;
    /** Its launch was given up. Else hostsync goes on trying. */
    readonly final: boolean;
    /** It was in sync before, serves the files that it has, and cannot join again. */
    readonly member?: boolean | undefined;
    /** It was the primary: what only it holds is listed there, and not rescued yet. */
    readonly unrescued?: boolean | undefined;
  };
  readonly 'No Primary': IncidentDetail & { readonly instances: readonly string[] };
  readonly 'Several Primaries': IncidentDetail & { readonly primaries: readonly string[] };
  readonly 'Primary Unavailable': IncidentDetail & { readonly primary: string; readonly message: string };
  readonly 'Primary Promoted': {
    readonly primary: string;
    /** The primary before it; empty if that is not known. */
    readonly from: string;
    readonly epoch: number;
    readonly kind: 'adopted' | 'failover' | 'switchover';
    readonly why: string;
    readonly claimedAt: Timestamp;
    /** Seconds of uploads before the decision that only the earlier primary may have; null if that is not known. */
    readonly secondsAtRisk: number | null;
    /** From the decision until now. */
    readonly seconds: number;
  };
  readonly 'Promotion Blocked': IncidentDetail & {
    /** The primary that is to be replaced. */
    readonly primary: string;
    readonly why: string;
    readonly message: string;
    /** Of all other members; without a blocker for one that could be promoted. */
    readonly candidates: readonly PromotionCandidate[];
    /** What a person would set to override. */
    readonly epoch: number;
    readonly directories: string;
  };
  /** A switchover was withdrawn after the hook before-demotion had run, and no hook has let the writes begin again. */
  readonly 'Writes Not Resumed': IncidentDetail & {
    readonly primary: string;
    readonly message: string;
  };
  readonly 'Primary Suspected': IncidentDetail & {
    readonly primary: string;
    readonly signs: readonly string[];
    /** What was seen by whom. */
    readonly seen: readonly string[];
  };
  readonly 'Files Rescued': {
    readonly primary: string;
    readonly from: string;
    readonly files: number;
    /** There with other content: both are kept. */
    readonly conflicts: number;
    readonly examples: readonly string[];
    /** A file on the primary that names them all; empty if nothing was brought. */
    readonly list: string;
    /** The directory on the primary with what has other content there. */
    readonly keptIn?: string | undefined;
    /** Paths that are too long for rsync: they stay on the host they were on. */
    readonly tooLong?: number | undefined;
    readonly tooLongExamples?: readonly string[] | undefined;
  };
  /** A former primary keeps a copy of what nobody could fetch from it, or what is too long for rsync. */
  readonly 'Files Kept': {
    readonly primary: string;
    readonly from: string;
    readonly files: number;
    /** The directory on the former primary with the copies; empty if there are none. */
    readonly keptIn: string;
    readonly tooLong: number;
  };
  readonly 'Rescue Failed': IncidentDetail & {
    readonly primary: string;
    readonly from: string;
    readonly message: string;
  };
}
