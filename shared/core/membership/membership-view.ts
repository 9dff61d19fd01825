import type { IncidentPolicy } from '../incidents/incident.ts';
import type { MembershipObservation } from '../model/observation.ts';

/** How long a launch may take, and what becomes of one that takes longer. */
export interface JoinSettings extends IncidentPolicy {
  /** Seconds from the start of the instance to the completion of its launch hook. */
  readonly joinTimeout: number;
  /** The result for the launch hook when that time is over. */
  readonly joinFailure: 'ABANDON' | 'CONTINUE';
  /** Seconds in which nothing new may come on a former primary before it joins: editors may still reach it by a cached name. */
  readonly rescueQuiet: number;
}

/** What all decisions of one plan look at. */
export interface View {
  readonly observed: MembershipObservation;
  readonly settings: JoinSettings;
  readonly now: number;
  readonly online: ReadonlySet<string>;
}
