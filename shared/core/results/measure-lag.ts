import { isRaised } from '../incidents/incident.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { secondsBetween } from '../model/time.ts';
import type { SecondaryState } from './group-state.ts';
import type { OutcomeLog } from './outcome-log.ts';

/**
 * How far behind each secondary is that is pushed to, the worst of the group, and how many fail.
 *
 * @param recorded when the group's last push was asked for, in milliseconds since 1970
 * @param now milliseconds since 1970
 * @param least less than so many seconds are not measured: the next result says it
 */
export function measureLag(
  states: readonly SecondaryState[],
  targets: ReadonlySet<string>,
  recorded: number,
  now: number,
  log: OutcomeLog,
  least = 0,
): void {
  if (targets.size === 0) return;
  const pushedTo = states.filter(({ secondary, member }) => member && targets.has(secondary.id));
  const behind: number[] = [];
  for (const state of pushedTo) {
    const { id } = state.secondary;
    const seconds = secondsBehind(state, recorded, now);
    if (seconds === undefined || seconds < least) continue;
    behind.push(seconds);
    log.measure({ SecondsBehind: seconds }, `${id} is ${seconds} s behind`, id);
  }
  const failing = pushedTo.filter(isFailing).length;
  const isMeasured = behind.length > 0 || least === 0;
  log.measure(
    { ...(isMeasured && { SecondsBehind: Math.max(0, ...behind) }), SecondariesFailing: failing },
    `${failing} secondaries fail`,
  );
}

/** @returns undefined where that is not known */
function secondsBehind(
  { instance, incident, syncedAt }: SecondaryState,
  recorded: number,
  now: number,
): number | undefined {
  const at = instance === undefined ? (incident?.since ?? recorded) : syncedAt;
  return at === 0 ? undefined : secondsBetween(at, now);
}

function isFailing({ instance, incident }: SecondaryState): boolean {
  return isRaised(incident) || instance?.tags[tagKeys.state] === 'behind';
}
