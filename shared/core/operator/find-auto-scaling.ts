import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { tagPrefix } from '../model/tag-prefix.ts';
import { type AutoScalingFacts, type Finding, fault, type GroupFacts, ok, unknown } from './doctor-facts.ts';

const check = 'auto-scaling';

/** Set by Auto Scaling itself on every instance that it launches. */
const autoScalingTag = 'aws:autoscaling:groupName';

/** Seconds: hooks are kept alive by each look, of which one may be missed. */
const shortestLaunch = 180;
/** Seconds: longer than the ten minutes after which a lost event is made up for. */
const shortestTermination = 660;

/** Does a newcomer wait until it has the files, and a primary until its last push has arrived? */
export function findAutoScaling(
  { autoScaling, group }: GroupFacts,
  members: readonly ObservedInstance[],
): readonly Finding[] {
  const names = new Set(members.flatMap(({ tags }) => tags[autoScalingTag] ?? []));
  if (names.size === 0) return [];
  if (!autoScaling.known) return [unknown(check, null, autoScaling.reason)];
  const byName = new Map(autoScaling.value.map((each) => [each.name, each]));
  return [...names].flatMap((name) => {
    const facts = byName.get(name);
    if (facts === undefined) return unknown(check, name, 'Auto Scaling did not show the group');
    const found = [...findHooks(facts), ...findGroupTag(facts, group), ...findPolicy(facts)];
    return found.length > 0 ? found : [ok(check, name, 'hooks, tag and lifecycle policy are right')];
  });
}

interface WantedHook {
  readonly name: string;
  readonly transition: string;
  /** Seconds. */
  readonly shortest: number;
  readonly proposed: number;
  readonly missing: string;
}

const wantedHooks: readonly WantedHook[] = [
  {
    name: `${tagPrefix}-launch`,
    transition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
    shortest: shortestLaunch,
    proposed: 300,
    missing: 'A new host takes traffic before it has the files.',
  },
  {
    name: `${tagPrefix}-terminate`,
    transition: 'autoscaling:EC2_INSTANCE_TERMINATING',
    shortest: shortestTermination,
    proposed: 900,
    missing: 'A primary that is scaled in is gone before its last push has arrived.',
  },
];

function findHooks(facts: AutoScalingFacts): readonly Finding[] {
  return wantedHooks.flatMap((wanted) => findHook(facts, wanted));
}

function findHook({ name, hooks }: AutoScalingFacts, wanted: WantedHook): readonly Finding[] {
  const { transition, shortest, proposed, missing } = wanted;
  const hook = hooks.find((each) => each.name === wanted.name);
  const mend = `aws autoscaling put-lifecycle-hook --auto-scaling-group-name ${name} --lifecycle-hook-name ${wanted.name} --lifecycle-transition ${transition} --heartbeat-timeout ${proposed} --default-result ABANDON`;
  if (hook === undefined)
    return [
      fault('error', check, name, {
        what: `${name} has no lifecycle hook ${wanted.name}`,
        why: missing,
        mend,
      }),
    ];
  if (hook.transition !== transition)
    return [
      fault('error', check, name, {
        what: `The hook ${hook.name} of ${name} is for ${hook.transition}`,
        why: missing,
        mend: `aws autoscaling delete-lifecycle-hook --auto-scaling-group-name ${name} --lifecycle-hook-name ${hook.name} && ${mend}`,
      }),
    ];
  const found: Finding[] = [];
  if (hook.heartbeatTimeout < shortest)
    found.push(
      fault('warning', check, name, {
        what: `The hook ${hook.name} of ${name} times out after ${hook.heartbeatTimeout} s, less than ${shortest}`,
        why: 'It may run out before hostsync keeps it alive.',
        mend,
      }),
    );
  if (hook.defaultResult !== 'ABANDON')
    found.push(
      fault('warning', check, name, {
        what: `The hook ${hook.name} of ${name} goes on when it times out`,
        why: missing,
        mend,
      }),
    );
  return found;
}

/** Without it the roles of the functions may not complete its hooks. */
function findGroupTag({ name, group: its, propagates }: AutoScalingFacts, group: string): readonly Finding[] {
  if (its === group && propagates) return [];
  const what =
    its === group
      ? `The tag ${tagKeys.group} of ${name} does not propagate`
      : `${name} carries ${its === undefined ? `no tag ${tagKeys.group}` : `${tagKeys.group}=${its}`}`;
  return [
    fault(its === group ? 'warning' : 'error', check, name, {
      what,
      why: 'hostsync may not complete its hooks, or new hosts belong to no group.',
      mend: `aws autoscaling create-or-update-tags --tags ResourceId=${name},ResourceType=auto-scaling-group,Key=${tagKeys.group},Value=${group},PropagateAtLaunch=true`,
    }),
  ];
}

function findPolicy({ name, terminateHookAbandon }: AutoScalingFacts): readonly Finding[] {
  if (terminateHookAbandon === 'retain') return [];
  return [
    fault('warning', check, name, {
      what: `${name} terminates an instance whose terminate hook runs out`,
      why: 'What only a primary holds is lost with it if its last push cannot be made in time.',
      mend: `aws autoscaling update-auto-scaling-group --auto-scaling-group-name ${name} --instance-lifecycle-policy 'RetentionTriggers={TerminateHookAbandon=retain}'`,
    }),
  ];
}
