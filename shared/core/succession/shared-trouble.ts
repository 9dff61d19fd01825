import { isMember } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTroubles, type Trouble } from '../model/trouble.ts';

/** All but single files arrived. Source: docs/host-scripts.md, errors of a secondary. */
const restArrived: ReadonlySet<string> = new Set(['permission-denied', 'partial']);

/** What keeps all secondaries of a group behind in the same way. */
export interface SharedTrouble {
  /** Since when it keeps this secondary behind, in milliseconds since 1970. */
  readonly since: number;
  /** Until today all but single files arrived. */
  readonly restArrived: boolean;
}

/**
 * A secondary that is behind for the same reason as all others: then the reason lies with the primary, as a directory there that cannot be read or
 * a disk that dies, and says nothing against the secondary. Where there is one secondary only, that is known only if all but single
 * files arrived: what keeps everything from arriving may be its own fault.
 *
 * @param members of its group
 */
export function sharedTrouble(
  secondary: ObservedInstance,
  members: readonly ObservedInstance[],
): SharedTrouble | undefined {
  const own = troubleOf(secondary);
  if (own === undefined) return undefined;
  const others = members.filter(
    (each) => each.id !== secondary.id && each.state === 'running' && isMember(each),
  );
  const isRest = restArrived.has(own.code);
  const isAlike = others.every((each) => {
    const code = troubleOf(each)?.code;
    return code === own.code || (isRest && restArrived.has(code ?? ''));
  });
  return isAlike && (isRest || others.length > 0) ? { since: own.since, restArrived: isRest } : undefined;
}

function troubleOf({ tags }: ObservedInstance): Trouble | undefined {
  return tags[tagKeys.state] === 'behind' ? parseTroubles(tags[tagKeys.trouble])[0]?.[1] : undefined;
}
