import { isLeaving, isWarm } from './lifecycle.ts';
import type { MembershipObservation, ObservedInstance } from './observation.ts';
import { findPrimary, isEstablished } from './primary.ts';
import { tagKeys } from './tag-keys.ts';

/** What points at the primary, as it is now. */
export interface ObservedPointers {
  /** By group: the addresses of the record `hostsync:dns`. */
  readonly records: ReadonlyMap<string, readonly string[]>;
  /** By group: the instances in the target group `hostsync:target-group`. */
  readonly targets: ReadonlyMap<string, readonly string[]>;
}

/** Something that has to point at the primary, or protect it, and does not. */
export type UpkeepAction = { readonly group: string; readonly reason: string } & (
  | { readonly kind: 'move-name'; readonly name: string; readonly address: string }
  | {
      readonly kind: 'move-target';
      readonly targetGroup: string;
      readonly add: readonly string[];
      readonly remove: readonly string[];
    }
  | {
      readonly kind: 'protect';
      readonly instance: string;
      readonly autoScalingGroup: string;
      readonly on: boolean;
    }
);

/** What has to be read for each group that has a primary: its name and its target group. */
export interface PointerNames {
  readonly group: string;
  readonly name: string | undefined;
  readonly targetGroup: string | undefined;
}

export function pointerNames(instances: readonly ObservedInstance[]): readonly PointerNames[] {
  return primaries(instances).map(({ tags }) => ({
    group: tags[tagKeys.group] ?? '',
    name: tags[tagKeys.dns]?.trim().toLowerCase().replace(/\.$/u, ''),
    targetGroup: tags[tagKeys.targetGroup]?.trim(),
  }));
}

/** Asserted anew at every tick: whoever moved it, it is moved back to where the primary is. */
export function planUpkeep(
  observed: MembershipObservation,
  { records, targets }: ObservedPointers,
): readonly UpkeepAction[] {
  const current = primaries(observed.instances);
  const names = pointerNames(observed.instances);
  return current.flatMap((primary, index) => {
    const { group = '', name, targetGroup } = names[index] ?? {};
    return [
      ...moveName(group, primary, name, records.get(group)),
      ...moveTarget(group, primary, targetGroup, targets.get(group)),
      ...protections(group, primary, observed),
    ];
  });
}

function primaries(instances: readonly ObservedInstance[]): readonly ObservedInstance[] {
  const tagged = instances.filter(({ tags }) => tags[tagKeys.group] !== undefined);
  return [...Map.groupBy(tagged, ({ tags }) => tags[tagKeys.group] ?? '').values()].flatMap((members) => {
    const { current } = findPrimary(members);
    // Of a paused group nothing is touched
    if (current === undefined || !isEstablished(current) || current.tags[tagKeys.paused] !== undefined)
      return [];
    return current.state === 'running' ? [current] : [];
  });
}

function moveName(
  group: string,
  { id, address }: ObservedInstance,
  name: string | undefined,
  found: readonly string[] | undefined,
): readonly UpkeepAction[] {
  if (name === undefined || found === undefined || address === undefined) return [];
  if (found.length === 1 && found[0] === address) return [];
  const was = found.length === 0 ? 'nothing' : found.join(', ');
  const reason = `${name} is to be ${address}, the address of ${id}; it was ${was}`;
  return [{ kind: 'move-name', group, name, address, reason }];
}

function moveTarget(
  group: string,
  { id }: ObservedInstance,
  targetGroup: string | undefined,
  found: readonly string[] | undefined,
): readonly UpkeepAction[] {
  if (targetGroup === undefined || found === undefined) return [];
  const remove = found.filter((each) => each !== id);
  const add = found.includes(id) ? [] : [id];
  if (add.length + remove.length === 0) return [];
  const reason = `${id} alone is to be in ${targetGroup}; it had ${found.join(', ') || 'none'}`;
  return [{ kind: 'move-target', group, targetGroup, add, remove, reason }];
}

/** Auto Scaling is not to choose the primary when it scales in; a former primary it may. */
function protections(
  group: string,
  primary: ObservedInstance,
  { instances, lifecycles }: MembershipObservation,
): readonly UpkeepAction[] {
  const wanted = (instance: ObservedInstance, on: boolean): readonly UpkeepAction[] => {
    const lifecycle = lifecycles.get(instance.id);
    if (lifecycle === undefined || isWarm(lifecycle) || isLeaving(lifecycle)) return [];
    if (lifecycle.state !== 'InService' || lifecycle.protectedFromScaleIn === on) return [];
    const reason = `${instance.id} is ${on ? '' : 'no longer '}the primary`;
    const { autoScalingGroup } = lifecycle;
    return [{ kind: 'protect', group, instance: instance.id, autoScalingGroup, on, reason }];
  };
  const former = instances.filter(
    ({ tags }) => tags[tagKeys.group] === group && tags[tagKeys.state] === 'quarantined',
  );
  return [...wanted(primary, true), ...former.flatMap((each) => wanted(each, false))];
}
