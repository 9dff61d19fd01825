import { type Incident, parseIncidents } from '../model/incident.ts';
import { isMember } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';

/** All but single files arrived. Source: docs/host-package.md, errors of a secondary. */
const restArrived: ReadonlySet<string> = new Set(['permission-denied', 'partial']);

/** Incidents of the group while which secondaries receive all that is sent, and no push counts as whole. Source: docs/host-package.md, errors of a directory. */
const heldForAll: ReadonlySet<string> = new Set(['directory-not-pushed', 'deletions-held']);

/** What keeps all secondaries of a group behind in the same way. */
export interface SharedIncident {
  /** Since when it keeps this secondary from being in sync, in milliseconds since 1970. */
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
export function sharedIncident(
  secondary: ObservedInstance,
  members: readonly ObservedInstance[],
): SharedIncident | undefined {
  if (secondary.tags[tagKeys.state] === 'in-sync') return groupIncident(members);
  const own = incidentOf(secondary);
  if (own === undefined) return undefined;
  const others = members.filter(
    (each) => each.id !== secondary.id && each.state === 'running' && isMember(each),
  );
  const isRest = restArrived.has(own.code);
  const isAlike = others.every((each) => {
    const code = incidentOf(each)?.code;
    return code === own.code || (isRest && restArrived.has(code ?? ''));
  });
  return isAlike && (isRest || others.length > 0) ? { since: own.since, restArrived: isRest } : undefined;
}

/** A directory that is empty, unmounted or gone, or deletions that are held: the times of all secondaries stand still, with all that could be sent. */
function groupIncident(members: readonly ObservedInstance[]): SharedIncident | undefined {
  const raised = members
    .flatMap(({ tags }) => parseIncidents(tags[tagKeys.groupIncident]))
    .filter(([, { code, clearedAt }]) => heldForAll.has(code) && clearedAt === undefined);
  if (raised.length === 0) return undefined;
  return { since: Math.min(...raised.map(([, { since }]) => since)), restArrived: true };
}

function incidentOf({ tags }: ObservedInstance): Incident | undefined {
  return tags[tagKeys.state] === 'behind' ? parseIncidents(tags[tagKeys.incident])[0]?.[1] : undefined;
}
