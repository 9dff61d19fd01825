/** Milliseconds since 1970 as ISO 8601, the form of all times in events. */
export type Timestamp = string;

/** When an incident began, and why an event comes now. */
export interface IncidentDetail {
  readonly since: Timestamp;
  /** 0 for the first message, then 1, 2, … */
  readonly reminder: number;
  /** An earlier event named another cause. */
  readonly changed?: boolean | undefined;
  /** How often it came back within an hour of its end. */
  readonly flaps?: number | undefined;
}
