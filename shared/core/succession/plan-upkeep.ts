import { isLeaving, isWarm } from '../model/lifecycle.ts';
import type { MembershipObservation, ObservedInstance } from '../model/observation.ts';
import { findPrimary, isEstablished } from '../model/primary.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem } from '../model/tag-problem.ts';
import { type ObservedRecord, type RecordChange, recordBlocker, recordChanges } from './plan-name.ts';
import {
  type AddressChoice,
  elasticAddressBlocker,
  type ObservedElasticAddress,
  parseAddressChoice,
  wantedAddresses,
} from './primary-address.ts';

/** What points at the primary, as it is now. */
export interface ObservedPointers {
  /** By group: all record sets of the name `hostsync:dns`. */
  readonly records: ReadonlyMap<string, readonly ObservedRecord[]>;
  /** By group: the instances in the target group `hostsync:target-group`. */
  readonly targets: ReadonlyMap<string, readonly string[]>;
  /** By group: the Elastic IP of `hostsync:address`. */
  readonly elastic: ReadonlyMap<string, ObservedElasticAddress>;
}

/** Something that has to point at the primary, or protect it, and does not. */
export type UpkeepAction = { readonly group: string; readonly reason: string } & (
  | { readonly kind: 'move-name'; readonly name: string; readonly changes: readonly RecordChange[] }
  | { readonly kind: 'move-address'; readonly allocation: string; readonly instance: string }
  /** Something that points elsewhere is left as it is, until a person decides. */
  | { readonly kind: 'refuse' }
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

/** What has to be read for each group that has a primary: its name, its target group and its Elastic IP. */
export interface PointerNames {
  readonly group: string;
  readonly name: string | undefined;
  readonly targetGroup: string | undefined;
  /** The allocation id. */
  readonly elasticAddress: string | undefined;
}

export function pointerNames(instances: readonly ObservedInstance[]): readonly PointerNames[] {
  return primaries(instances).map((primary) => {
    const { tags } = primary;
    const choice = parseAddressChoice(primary);
    return {
      group: tags[tagKeys.group] ?? '',
      name: tags[tagKeys.dns]?.trim().toLowerCase().replace(/\.$/u, ''),
      targetGroup: tags[tagKeys.targetGroup]?.trim(),
      elasticAddress: choice.ok && choice.value.kind === 'elastic-ip' ? choice.value.allocation : undefined,
    };
  });
}

/** Asserted anew at every tick: whoever moved it, it is moved back to where the primary is. */
export function planUpkeep(
  observed: MembershipObservation,
  { records, targets, elastic }: ObservedPointers,
): readonly UpkeepAction[] {
  const current = primaries(observed.instances);
  const names = pointerNames(observed.instances);
  return current.flatMap((primary, index) => {
    const { group = '', name, targetGroup } = names[index] ?? {};
    return [
      ...followAddress(group, primary, name, records.get(group), elastic.get(group)),
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

/** The Elastic IP first: the name points at it, unless it leads elsewhere and stays there. */
function followAddress(
  group: string,
  primary: ObservedInstance,
  name: string | undefined,
  records: readonly ObservedRecord[] | undefined,
  elastic: ObservedElasticAddress | undefined,
): readonly UpkeepAction[] {
  const choice = parseAddressChoice(primary);
  if (!choice.ok) return refuse(group, choice.problems.map(describeTagProblem).join(' | '));
  const moves = moveAddress(group, primary, elastic);
  const isRefused = moves.some(({ kind }) => kind === 'refuse');
  if (name === undefined || records === undefined || isRefused) return moves;
  return [...moves, ...moveName(group, primary, name, records, choice.value, elastic)];
}

function moveAddress(
  group: string,
  primary: ObservedInstance,
  elastic: ObservedElasticAddress | undefined,
): readonly UpkeepAction[] {
  const { id } = primary;
  if (elastic === undefined || elastic.instance === id) return [];
  const blocker = elasticAddressBlocker(elastic, primary, group);
  if (blocker !== undefined) return refuse(group, blocker);
  const { allocation, publicIp, instance = 'nothing' } = elastic;
  const reason = `the Elastic IP ${publicIp} moves to ${id}; it was on ${instance}`;
  return [{ kind: 'move-address', group, allocation, instance: id, reason }];
}

function moveName(
  group: string,
  primary: ObservedInstance,
  name: string,
  records: readonly ObservedRecord[],
  choice: AddressChoice,
  elastic: ObservedElasticAddress | undefined,
): readonly UpkeepAction[] {
  // The log says that it could not be read
  if (choice.kind === 'elastic-ip' && elastic === undefined) return [];
  const wanted = wantedAddresses(primary, choice, elastic);
  if (!wanted.ok) return refuse(group, `${name} is left as it is: ${wanted.problem}`);
  const blocker = recordBlocker(name, records);
  if (blocker !== undefined) return refuse(group, blocker);
  const changes = recordChanges(wanted.value, records);
  if (changes.length === 0) return [];
  const what = changes.map(describeChange).join(', ');
  const was = records.flatMap(({ type, values }) => (isAddressType(type) ? values : [])).join(', ');
  const reason = `${name} points at ${primary.id}: ${what}; it was ${was === '' ? 'nothing' : was}`;
  return [{ kind: 'move-name', group, name, changes, reason }];
}

function describeChange({ action, type, address }: RecordChange): string {
  return action === 'UPSERT' ? `${type} ${address}` : `no ${type} any more`;
}

function isAddressType(type: string): boolean {
  return type === 'A' || type === 'AAAA';
}

function refuse(group: string, reason: string): readonly UpkeepAction[] {
  return [{ kind: 'refuse', group, reason }];
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
