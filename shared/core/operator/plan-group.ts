import { parseDirectories } from '../model/directories.ts';
import { groupNameProblem } from '../model/group.ts';
import { observeMode } from '../model/mode.ts';
import type { ObservedAgent, ObservedInstance } from '../model/observation.ts';
import { joinTagKeys, roomProblem } from '../model/room.ts';
import { routeBetween } from '../model/route.ts';
import { primaryTagKeys, tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem } from '../model/tag-problem.ts';

/** What a new group is made of. */
export interface NewGroup {
  readonly group: string;
  /** The id of the primary. */
  readonly primary: string;
  readonly others: readonly string[];
  readonly directories: readonly string[];
  /** Only say what would be done. */
  readonly observe?: boolean;
}

export interface NewGroupPlan {
  /** What keeps it from being made; nothing is done then. */
  readonly problems: readonly string[];
  /** What delays it, and mends itself or is mended later. */
  readonly warnings: readonly string[];
  /** In this order: the primary first, so that no group is without one. */
  readonly tags: readonly {
    readonly instances: readonly string[];
    readonly set: Readonly<Record<string, string>>;
  }[];
}

/** The tags of a new group, and what speaks against them. */
export function planGroup(
  wanted: NewGroup,
  instances: readonly ObservedInstance[],
  agents: readonly ObservedAgent[],
): NewGroupPlan {
  const { group, primary, others, directories } = wanted;
  const value = directories.join(' ');
  const byId = new Map(instances.map((each) => [each.id, each]));
  const named = [primary, ...others];
  const parsed = parseDirectories(primary, value);
  const name = groupNameProblem(primary, group);
  const online = new Set(agents.filter((agent) => agent.online).map(({ id }) => id));
  return {
    problems: [
      ...(name === undefined ? [] : [describeTagProblem(name)]),
      ...(parsed.ok ? [] : parsed.problems.map(describeTagProblem)),
      ...(others.includes(primary) ? [`${primary} cannot be the primary and another host`] : []),
      ...named.flatMap((id) => hostProblems(id, byId.get(id), wanted)),
      ...routeProblems(
        byId.get(primary),
        others.flatMap((id) => byId.get(id) ?? []),
      ),
    ],
    warnings: named.flatMap((id) =>
      online.has(id) ? [] : [`The SSM agent of ${id} is not online: nothing happens there until it is.`],
    ),
    tags: [
      {
        instances: [primary],
        set: {
          [tagKeys.group]: group,
          [tagKeys.primary]: '1',
          [tagKeys.directories]: value,
          ...(wanted.observe === true && { [tagKeys.mode]: observeMode }),
        },
      },
      ...(others.length === 0 ? [] : [{ instances: others, set: { [tagKeys.group]: group } }]),
    ],
  };
}

function hostProblems(
  id: string,
  instance: ObservedInstance | undefined,
  { group, primary }: NewGroup,
): readonly string[] {
  if (instance === undefined) return [`EC2 has no instance ${id} in this region`];
  const its = instance.tags[tagKeys.group];
  if (its !== undefined && its !== group) return [`${id} belongs to the group "${its}"`];
  if (instance.state !== 'running') return [`${id} is ${instance.state}: start it`];
  const keys = id === primary ? primaryTagKeys : joinTagKeys;
  const room = roomProblem(instance, [tagKeys.group, ...keys]);
  return room === undefined ? [] : [`${id}: ${room}`];
}

function routeProblems(
  primary: ObservedInstance | undefined,
  others: readonly ObservedInstance[],
): readonly string[] {
  if (primary === undefined) return [];
  return others.flatMap((other) => {
    const route = routeBetween(primary, other);
    return route.kind === 'no-route' ? [route.reason] : [];
  });
}
