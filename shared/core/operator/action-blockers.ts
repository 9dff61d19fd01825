import type { ObservedInstance, Register } from '../model/observation.ts';
import { roomProblem } from '../model/room.ts';
import { primaryTagKeys } from '../model/tag-keys.ts';
import type { GroupOverview, HostOverview } from './overview.ts';

/** Why an operator's command is refused, and what to do instead. */
export interface ActionBlocker {
  readonly reason: string;
  readonly advice: string;
}

const nameOf = ({ name, id }: HostOverview): string => name ?? id;

/** Of a group that is only observed no command changes anything but its tags: what it asked for would wait, and come as a surprise. */
export function modeBlocker({
  group,
  observed,
}: Pick<GroupOverview, 'group' | 'observed'>): ActionBlocker | undefined {
  return observed
    ? { reason: `${group} is only observed`, advice: `First: hostsync resume ${group}` }
    : undefined;
}

/** The epoch above all that were ever claimed or are shown. */
export function nextEpoch({ epoch }: GroupOverview, register: Register | undefined): number {
  return Math.max(epoch ?? 0, ...(register?.claims ?? []).map((claim) => claim.epoch)) + 1;
}

/** @param target undefined for the best host */
export function switchoverBlocker(
  view: GroupOverview,
  target: string | undefined,
): ActionBlocker | undefined {
  const { group, hosts, paused, primary } = view;
  const mode = modeBlocker(view);
  if (mode !== undefined) return mode;
  if (paused !== null)
    return { reason: `${group} is paused: "${paused}"`, advice: `First: hostsync resume ${group}` };
  const current = hosts.find(({ id }) => id === primary);
  if (current === undefined || current.level !== 'in-sync')
    return {
      reason: `The primary is ${current?.state ?? 'missing'}: it cannot hand over`,
      advice: `hostsync replaces a primary that fails by itself. By hand: hostsync promote --force HOST ${group}`,
    };
  const able = hosts.filter(
    ({ role, promotionBlocker }) => role === 'secondary' && promotionBlocker === null,
  );
  const possible =
    able.length === 0 ? 'No host may become the primary now' : `Possible: ${able.map(nameOf).join(', ')}`;
  if (target === undefined)
    return able.length > 0 ? undefined : { reason: possible, advice: `See: hostsync status ${group}` };
  const host = hosts.find(({ id }) => id === target);
  if (target === primary)
    return {
      reason: `${host === undefined ? target : nameOf(host)} is the primary already`,
      advice: possible,
    };
  if (able.some(({ id }) => id === target)) return undefined;
  const name = host === undefined ? target : nameOf(host);
  return {
    reason: `${name} cannot become the primary: ${host?.promotionBlocker ?? 'it is not in the group'}`,
    advice: possible,
  };
}

/** How far a switchover has come. */
export function switchoverStage(
  view: GroupOverview,
  before: string,
  target: string | undefined,
  isEstablished: boolean,
):
  | { readonly kind: 'done'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string; readonly advice: string }
  | { readonly kind: 'working'; readonly message: string } {
  const { hosts, primary, epoch, group, incidents } = view;
  const working = (message: string) => ({ kind: 'working', message }) as const;
  if (primary !== null && primary !== before) {
    if (target !== undefined && primary !== target)
      return {
        kind: 'failed',
        message: `${primary} became the primary instead of ${target}`,
        advice: `See: hostsync history ${group}`,
      };
    return isEstablished
      ? { kind: 'done', message: `${primary} is the primary, epoch ${epoch ?? '?'}` }
      : working(`${primary} is being made the primary`);
  }
  const promoted = hosts.find(({ task }) => task?.step === 'promote');
  if (promoted !== undefined) return working(`making ${nameOf(promoted)} the primary`);
  const task = hosts.find(({ id }) => id === before)?.task ?? null;
  if (task?.step === 'prepare') return working(`stopping writes on ${before}`);
  if (task?.step === 'final-push') return working(`pushing what is left (pass ${task.pass})`);
  if (incidents.some(({ code, notified }) => code === 'promotion-blocked' && notified))
    return working('blocked for now: hostsync goes on trying, and its alert says why');
  return working('asked for');
}

export function resyncBlocker(view: GroupOverview, host: HostOverview): ActionBlocker | undefined {
  const { group, paused } = view;
  const { role, agent } = host;
  const mode = modeBlocker(view);
  if (mode !== undefined) return mode;
  if (role === 'primary')
    return {
      reason: `${nameOf(host)} is the primary: it has the files that the others get`,
      advice: `A new key for it: hostsync rotate-keys ${group}`,
    };
  if (role === 'external')
    return {
      reason: `${nameOf(host)} is outside EC2: hostsync cannot have it join`,
      advice: 'Set up its login as docs/trust.md says.',
    };
  if (role === 'former')
    return {
      reason: `${nameOf(host)} was the primary: what only it holds is rescued first, then it joins by itself`,
      advice: `See: hostsync status ${group}`,
    };
  if (paused !== null) return { reason: `${group} is paused`, advice: `First: hostsync resume ${group}` };
  if (agent !== 'online')
    return {
      reason: `The SSM agent of ${nameOf(host)} is not online`,
      advice: `See: hostsync doctor ${group}`,
    };
  return undefined;
}

/** What even force does not help against. */
export function forcedPromotionBlocker(
  view: GroupOverview,
  host: HostOverview,
  instance: ObservedInstance,
): ActionBlocker | undefined {
  const { group, primary, paused } = view;
  const mode = modeBlocker(view);
  if (mode !== undefined) return mode;
  const refuse = (reason: string, advice: string): ActionBlocker => ({
    reason: `${nameOf(host)} cannot become the primary: ${reason}`,
    advice,
  });
  if (host.id === primary) return refuse('it is the primary already', `See: hostsync status ${group}`);
  if (paused !== null) return refuse('the group is paused', `First: hostsync resume ${group}`);
  if (instance.state !== 'running')
    return refuse(`it is ${instance.state}`, 'Start it, or take another host.');
  if (host.agent !== 'online') return refuse('its SSM agent is not online', `See: hostsync doctor ${group}`);
  if (host.role === 'newcomer')
    return refuse(
      'it has not joined, so it may hold none of the files',
      `Take a secondary: hostsync status ${group}`,
    );
  const room = roomProblem(instance, primaryTagKeys);
  return room === undefined ? undefined : refuse(room, 'Take tags of your own off it, then try again.');
}
