import type { GroupConfiguration } from '../model/group.ts';
import { isGathered } from '../model/member.ts';
import type { ObservedAgent, ObservedInstance } from '../model/observation.ts';
import { isPublicKey } from '../model/public-key.ts';
import type { PushTarget } from '../model/request.ts';
import { routeBetween, routeOutside } from '../model/route.ts';
import { parseSecondaries, type Secondary, sshPort } from '../model/secondaries.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { describeTagProblem, type TagProblem } from '../model/tag-problem.ts';
import type { LeaveOutCode, PushAction, Severity } from './push-action.ts';

/** The nodes outside EC2 that the lists of these primaries name: SSM has their addresses. */
export function nodesOf(instances: readonly ObservedInstance[]): readonly string[] {
  return instances.flatMap(({ id, tags }) => {
    if (tags[tagKeys.primary] === undefined) return [];
    const secondaries = parseSecondaries(id, tags);
    return secondaries.ok
      ? secondaries.value.flatMap((each) => (each.kind === 'managed-node' ? [each.id] : []))
      : [];
  });
}

/** Why a secondary gets no push. */
export type LeftOut = { readonly code: LeaveOutCode; readonly severity: Severity; readonly reason: string };

/** Where a push of the group goes, and who is left out. */
export function pushTargets(
  group: string,
  primary: ObservedInstance,
  { epoch, secondaries }: GroupConfiguration,
  instances: ReadonlyMap<string, ObservedInstance>,
  agents: ReadonlyMap<string, ObservedAgent>,
): { readonly targets: readonly PushTarget[]; readonly leftOut: readonly PushAction[] } {
  const targets: PushTarget[] = [];
  const leftOut: PushAction[] = [];
  for (const secondary of secondaries) {
    const target = pushTarget(group, epoch, primary, secondary, instances, agents);
    if ('code' in target) leftOut.push({ kind: 'leave-out', group, secondary: secondary.id, ...target });
    else targets.push(target);
  }
  return { targets, leftOut };
}

/** Where to push for a secondary of the list, or why it is left out. */
function pushTarget(
  group: string,
  epoch: number,
  primary: ObservedInstance,
  secondary: Secondary,
  instances: ReadonlyMap<string, ObservedInstance>,
  agents: ReadonlyMap<string, ObservedAgent>,
): PushTarget | LeftOut {
  const { id } = secondary;
  switch (secondary.kind) {
    case 'outside':
      return targetOutside(primary, id, id, secondary.port);
    case 'managed-node': {
      const address = agents.get(id)?.address;
      if (address !== undefined) return targetOutside(primary, id, address, sshPort);
      const reason = `SSM knows no node ${id}: register it again, or take it from the list`;
      return { code: 'unknown', severity: 'error', reason };
    }
    case 'instance': {
      const instance = instances.get(id);
      const stranger = strangerReason(group, primary, id, instance);
      if (stranger !== undefined) return stranger;
      return instance === undefined ? gone(id) : targetInstance(epoch, primary, instance);
    }
  }
}

function targetOutside(
  primary: ObservedInstance,
  id: string,
  address: string,
  port: number,
): PushTarget | LeftOut {
  const route = routeOutside(primary, { id, address, port });
  if (route.kind === 'no-route') return { code: route.code, severity: 'error', reason: route.reason };
  return { id, address, port, hostKey: undefined };
}

function gone(id: string): LeftOut {
  const reason = `no instance ${id} with the tag ${tagKeys.group} is there: it was terminated or lost the tag, and goes off the list`;
  return { code: 'unknown', severity: 'info', reason };
}

/** Why an instance does not belong on the list. */
function strangerReason(
  group: string,
  primary: ObservedInstance,
  id: string,
  instance: ObservedInstance | undefined,
): LeftOut | undefined {
  if (id === primary.id) {
    const reason = `${id} is the primary itself: take it from the list`;
    return { code: 'is-primary', severity: 'error', reason };
  }
  const itsGroup = instance?.tags[tagKeys.group];
  if (instance === undefined || itsGroup === group) return undefined;
  const reason = `${id} belongs to the group "${itsGroup}": take it from the list, or correct its tag ${tagKeys.group}`;
  return { code: 'other-group', severity: 'error', reason };
}

function targetInstance(
  epoch: number,
  primary: ObservedInstance,
  instance: ObservedInstance,
): PushTarget | LeftOut {
  const { id, state, tags } = instance;
  const later = (code: LeaveOutCode, reason: string): LeftOut => ({ code, severity: 'info', reason });
  if (state !== 'running') return later('not-running', `${id} is ${state}; it is pushed to when it runs`);
  const route = routeBetween(primary, instance);
  if (route.kind === 'no-route') return { code: route.code, severity: 'error', reason: route.reason };
  const its = tags[tagKeys.state];
  if (its === 'joining') return later('joining', `${id} still gets its first sync, in a push of its own`);
  if (its === 'quarantined')
    return later('quarantined', `${id} is in quarantine until what only it holds is rescued`);
  const hostKey = tags[tagKeys.hostKey];
  if (hostKey === undefined)
    return later('not-joined', `${id} has no tag ${tagKeys.hostKey} yet: it is about to join`);
  if (!isGathered(instance, epoch))
    return later('not-gathered', `${id} first gives ${primary.id} what only it holds`);
  const problem = hostKeyProblem(id, hostKey);
  if (problem !== undefined)
    return { code: 'bad-tags', severity: 'error', reason: describeTagProblem(problem) };
  return { id, address: route.address, port: route.port, hostKey };
}

function hostKeyProblem(instance: string, value: string): TagProblem | undefined {
  if (isPublicKey(value)) return undefined;
  return {
    instance,
    tag: tagKeys.hostKey,
    value,
    problem: 'this is no SSH host public key',
    remedy: 'set it to the key that join prints, as in ssh-ed25519 AAAA…',
  };
}
