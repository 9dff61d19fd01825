import { groupNameProblem, parseConfiguration } from '../model/group.ts';
import { isObserved } from '../model/mode.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { findPrimary } from '../model/primary.ts';
import { joinTagKeys, roomProblem } from '../model/room.ts';
import { primaryTagKeys, tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem } from '../model/tag-problem.ts';
import { promotionBlocker } from '../succession/promotion-blocker.ts';
import { type Finding, fault, type GroupFacts, ok, unknown } from './doctor-facts.ts';
import { findAutoScaling } from './find-auto-scaling.ts';
import { findReach } from './find-reach.ts';
import { findOnHosts } from './host-checks.ts';

/** What would stop the next push, join or promotion of a group. */
export function findInGroup(facts: GroupFacts): readonly Finding[] {
  const members = membersOf(facts);
  return [
    ...facts.unread.map((what) => unknown('look', null, what)),
    ...findPlan(facts),
    ...findTags(facts, members),
    ...members.flatMap((member) => [...findAgent(facts, member), ...findRoom(member)]),
    ...findReach(facts, members),
    ...findCandidates(facts, members),
    ...findAutoScaling(facts, members),
    ...findPointers(facts),
    ...findOnHosts(facts.hosts, {
      primary: findPrimary(members).current?.id ?? null,
      group: facts.group,
      observed: isObserved(members),
    }),
  ];
}

function membersOf({ group, observed }: GroupFacts): readonly ObservedInstance[] {
  return observed.instances.filter(({ tags }) => tags[tagKeys.group] === group);
}

/** Said by the other checks with what mends it. */
const saidByOthers: ReadonlySet<string> = new Set([
  'bad-tags',
  'primary-not-online',
  'not-joined',
  'joining',
]);

/** What the tick itself says: it pushes nothing, or leaves a host out. */
function findPlan({ plan, group }: GroupFacts): readonly Finding[] {
  const found = plan.flatMap((action): readonly Finding[] => {
    if (action.kind === 'push') return [ok('push', null, action.reason)];
    if (action.kind === 'nothing-to-do' || saidByOthers.has(action.code)) return [];
    const isGroup = action.kind === 'no-push';
    return [
      fault(
        action.severity === 'error' ? 'error' : 'warning',
        `push-${action.code}`,
        isGroup ? null : action.secondary,
        {
          what: action.reason,
          why: isGroup ? 'Nothing is pushed to any host.' : 'This host receives no files.',
          mend:
            action.code === 'paused' || action.code === 'observed'
              ? `hostsync resume ${group}`
              : 'docs/tags.md names each reason and its remedy.',
        },
      ),
    ];
  });
  return found;
}

function findTags({ group }: GroupFacts, members: readonly ObservedInstance[]): readonly Finding[] {
  const check = 'tags';
  const { current } = findPrimary(members);
  const names = members.flatMap(({ id }) => groupNameProblem(id, group) ?? []);
  const configuration = current === undefined ? undefined : parseConfiguration(current);
  const problems = [...names, ...(configuration?.ok === false ? configuration.problems : [])];
  if (problems.length === 0) return current === undefined ? [] : [ok(check, current.id, 'well formed')];
  return problems.map((problem) =>
    fault('error', check, problem.instance, {
      what: describeTagProblem(problem),
      why: 'Nothing is pushed until the tag is right.',
      mend: `aws ec2 create-tags --resources ${problem.instance} --tags Key=${problem.tag},Value=…`,
    }),
  );
}

function findAgent(facts: GroupFacts, member: ObservedInstance): readonly Finding[] {
  const check = 'agent';
  const { id, state } = member;
  if (state !== 'running') return [];
  const agent = facts.observed.agents.find((each) => each.id === id);
  const version = facts.agentVersions.known ? facts.agentVersions.value.get(id) : undefined;
  if (agent?.online === true)
    return [
      version === undefined
        ? unknown(
            'agent-version',
            id,
            facts.agentVersions.known ? 'SSM does not say' : facts.agentVersions.reason,
          )
        : ok(check, id, `online, version ${version}`),
    ];
  const why = 'Nothing can be run on this host: it is not pushed from, does not join and is not promoted.';
  if (agent !== undefined)
    return [
      fault('error', check, id, {
        what: `The SSM agent of ${id} has lost its connection`,
        why,
        mend: `See whether the host is up and reaches SSM; on it: sudo systemctl restart amazon-ssm-agent`,
      }),
    ];
  return [missingAgent(facts, id, why)];
}

function missingAgent({ instances }: GroupFacts, id: string, why: string): Finding {
  const its = instances.known ? instances.value.find((each) => each.id === id) : undefined;
  if (its !== undefined && its.profile === undefined)
    return fault('error', 'instance-profile', id, {
      what: `${id} is unknown to SSM, and has no instance profile`,
      why,
      mend: `aws ec2 associate-iam-instance-profile --instance-id ${id} --iam-instance-profile Name=PROFILE, of a role with the policy AmazonSSMManagedInstanceCore`,
    });
  const profile = its?.profile ?? 'its instance profile';
  return fault('error', 'agent', id, {
    what: `${id} is unknown to SSM`,
    why,
    mend: `See whether amazon-ssm-agent runs on it, reaches SSM, and whether ${profile} has the policy AmazonSSMManagedInstanceCore`,
  });
}

/** EC2 refuses all tags of a call where one has no room. */
function findRoom(member: ObservedInstance): readonly Finding[] {
  const check = 'room';
  const { id, tags } = member;
  const isPrimary = tags[tagKeys.primary] !== undefined;
  const join = isPrimary ? undefined : roomProblem(member, joinTagKeys);
  const mend = `Take tags of your own off it: aws ec2 delete-tags --resources ${id} --tags Key=…`;
  if (join !== undefined)
    return [fault('error', check, id, { what: `${id}: ${join}`, why: 'The host cannot join.', mend })];
  const promote = roomProblem(member, primaryTagKeys);
  if (promote === undefined) return [ok(check, id, 'room for the tags of a primary')];
  const why = isPrimary
    ? 'hostsync cannot write the tags that a primary has.'
    : 'The host cannot become the primary.';
  return [fault('warning', check, id, { what: `${id}: ${promote}`, why, mend })];
}

/** Is there anybody to take the primary's place? */
function findCandidates(
  { observed, promoteWithin, now, group }: GroupFacts,
  members: readonly ObservedInstance[],
): readonly Finding[] {
  const check = 'candidates';
  const { current } = findPrimary(members);
  const others = members.filter(({ id }) => id !== current?.id);
  if (others.length === 0)
    return [
      fault('warning', check, null, {
        what: `${group} has no secondary`,
        why: 'There is no copy, and nobody to take the place of the primary.',
        mend: `Tag another host: aws ec2 create-tags --resources i-OTHER --tags Key=${tagKeys.group},Value=${group}`,
      }),
    ];
  const blockers = others.map(
    (each) => [each.id, promotionBlocker(each, observed, { promoteWithin }, now)] as const,
  );
  const able = blockers.filter(([, blocker]) => blocker === undefined).map(([id]) => id);
  if (able.length > 0)
    return [ok(check, null, `${able.length} of ${others.length} hosts could become the primary`)];
  return [
    fault('error', check, null, {
      what: `No host could become the primary: ${blockers.map(([id, blocker]) => `${id}: ${blocker}`).join('; ')}`,
      why: 'A primary that dies is not replaced.',
      mend: `See what keeps them: hostsync status ${group}`,
    }),
  ];
}

/** What is left as it is until a person decides, and what the next look moves by itself. */
function findPointers({ upkeep, observed, group }: GroupFacts): readonly Finding[] {
  const check = 'pointers';
  const { current } = findPrimary(observed.instances.filter(({ tags }) => tags[tagKeys.group] === group));
  const refused = upkeep.filter(({ kind }) => kind === 'refuse');
  const moved = upkeep.filter(({ kind }) => kind !== 'refuse' && kind !== 'protect');
  const named = [tagKeys.dns, tagKeys.targetGroup].some((key) => current?.tags[key] !== undefined);
  return [
    ...refused.map(({ reason }) =>
      fault('error', check, null, {
        what: reason,
        why: 'After a promotion editors are led to a host that takes no writes.',
        mend: 'Change the record or the tag as it says: docs/tags.md, "The address".',
      }),
    ),
    ...moved.map(({ reason }) =>
      fault('warning', check, null, {
        what: reason,
        why: 'Editors may be led to another host until then.',
        mend: 'hostsync mends it with its next look, in ten minutes at most.',
      }),
    ),
    ...(upkeep.length === 0 && named ? [ok(check, null, 'name and target group point at the primary')] : []),
  ];
}
