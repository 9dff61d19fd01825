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
 */
export function measureLag(
  states: readonly SecondaryState[],
  targets: ReadonlySet<string>,
  recorded: number,
  now: number,
  log: OutcomeLog,
): void {
  if (targets.size === 0) return;
  let most = 0;
  let failing = 0;
  for (const { secondary, instance, member, trouble, syncedAt } of states) {
    const { id } = secondary;
    if (!member || !targets.has(id)) continue;
    if (isRaised(trouble) || instance?.tags[tagKeys.state] === 'behind') failing += 1;
    const at = instance === undefined ? (trouble?.since ?? recorded) : syncedAt;
    if (at === 0) continue;
    const seconds = secondsBetween(at, now);
    most = Math.max(most, seconds);
    log.measure({ SecondsBehind: seconds }, `${id} is ${seconds} s behind`, id);
  }
  log.measure({ SecondsBehind: most, SecondariesFailing: failing }, `${failing} secondaries fail`);
}
