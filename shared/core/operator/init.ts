import { parseDirectories } from '../model/directories.ts';
import { groupNameProblem } from '../model/group.ts';
import type { Claim, ObservedAgent, ObservedInstance } from '../model/observation.ts';
import { joinTagKeys, roomProblem } from '../model/room.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem } from '../model/tag-problem.ts';
import { type Change, called, type Refused, refused, type TagChange } from './change.ts';

/** What a new group is to be. */
export interface NewGroup {
  readonly group: string;
  /** As in the tag: absolute paths, separated by a space. */
  readonly directories: string;
  readonly primary: ObservedInstance;
  readonly others: readonly ObservedInstance[];
  readonly agents: readonly ObservedAgent[];
  /** Of an earlier group of this name: epochs never come twice. */
  readonly claims: readonly Claim[];
  /** Hosts that carry the name of the group already. */
  readonly taken: readonly string[];
}

/** The tags that make a group, or all that speaks against it at once. */
export function planInit(wanted: NewGroup): Change | Refused {
  const { group, directories, primary, others, claims } = wanted;
  const problems = [
    ...problemsOf(wanted),
    ...[primary, ...others].flatMap((each) => hostProblems(each, wanted)),
  ];
  if (problems.length > 0) return refused(`${group} cannot be made as it is`, ...problems);
  const name = { [tagKeys.group]: group };
  const epoch = Math.max(0, ...claims.map((claim) => claim.epoch)) + 1;
  const joining = others.map(({ id }): TagChange => ({ instance: id, set: name, remove: [] }));
  const who = (instance: ObservedInstance) => called({ id: instance.id, ...nameOf(instance) });
  return {
    ...{ kind: 'change', instance: primary.id, remove: [], also: joining },
    set: { ...name, [tagKeys.primary]: String(epoch), [tagKeys.directories]: directories },
    steps: [
      `${who(primary)} becomes the primary of ${group}: editors upload there, to ${directories}`,
      ...others.map((each) => `${who(each)} joins and gets all files`),
    ],
    impact:
      others.length === 0
        ? []
        : ['What only the other hosts hold in these directories is deleted there at their first sync.'],
  };
}

function nameOf({ tags }: ObservedInstance): { readonly name?: string } {
  return tags['Name'] === undefined || tags['Name'] === '' ? {} : { name: tags['Name'] };
}

function problemsOf({ group, directories, primary, others, taken }: NewGroup): readonly string[] {
  const ofName = groupNameProblem(primary.id, group);
  const parsed = parseDirectories(primary.id, directories);
  const ids = [primary.id, ...others.map(({ id }) => id)];
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  return [
    ...(ofName === undefined ? [] : [describeTagProblem(ofName)]),
    ...(parsed.ok ? [] : parsed.problems.map(describeTagProblem)),
    ...twice.map((id) => `${id} is named twice`),
    ...(taken.length === 0 ? [] : [`there is a group ${group} already: ${taken.join(', ')}`]),
  ];
}

function hostProblems(instance: ObservedInstance, { agents }: NewGroup): readonly string[] {
  const { id, state, tags } = instance;
  const other = tags[tagKeys.group];
  const room = roomProblem(instance, joinTagKeys);
  const online = agents.some((agent) => agent.id === id && agent.online);
  return [
    ...(other === undefined ? [] : [`${id} belongs to the group ${other}`]),
    ...(state === 'running' ? [] : [`${id} is ${state}: start it`]),
    ...(online || state !== 'running'
      ? []
      : [`SSM does not reach ${id}: see its agent, and its instance profile (AmazonSSMManagedInstanceCore)`]),
    ...(room === undefined ? [] : [`${id}: ${room}`]),
  ];
}
