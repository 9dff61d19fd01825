import type { IncidentPolicy } from '../incidents/incident.ts';
import { type GroupConfiguration, parseConfiguration } from '../model/group.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { findPrimary } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime } from '../model/time.ts';

export interface OutcomeSettings extends IncidentPolicy {
  /** Seconds that a secondary may be behind its group's last push before that is a failure of its own. */
  readonly behindAfter: number;
  /** Seconds after which a push that still runs is an overrun: the time between two ticks. */
  readonly overrunAfter: number;
  /** From one tick to the next. */
  readonly tickSeconds: number;
}

/** A group, as the results of its pushes find it. */
export interface OutcomeView {
  readonly group: string;
  readonly members: readonly ObservedInstance[];
  readonly primary: ObservedInstance | undefined;
  /** Undefined if the primary's tags cannot be read. */
  readonly configuration: GroupConfiguration | undefined;
  /** When the last push that was recorded was asked for, in milliseconds since 1970. */
  readonly recordedBefore: number;
  readonly settings: OutcomeSettings;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function outcomeView(
  group: string,
  members: readonly ObservedInstance[],
  settings: OutcomeSettings,
  now: number,
): OutcomeView {
  const primary = findPrimary(members).current;
  const configuration = primary === undefined ? undefined : parseConfiguration(primary);
  return {
    group,
    members,
    primary,
    settings,
    now,
    configuration: configuration?.ok ? configuration.value : undefined,
    recordedBefore: parseTime(primary?.tags[tagKeys.syncedAt]),
  };
}
