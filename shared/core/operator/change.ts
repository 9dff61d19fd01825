import { isConfiguration } from '../model/mirror.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { findCandidates } from '../succession/candidates.ts';
import { nextEpoch } from '../succession/epochs.ts';
import type { GroupView, PromotionSettings } from '../succession/group-view.ts';
import type { GroupObservation } from './group-observation.ts';
import type { GroupOverview, HostOverview } from './overview.ts';

/** Tags of one host. */
export interface TagChange {
  readonly instance: string;
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Tags that an operator's wish becomes: the service goes by them, as by those that were set by hand. */
export interface Change extends TagChange {
  readonly kind: 'change';
  /** Those of other hosts, afterwards. */
  readonly also?: readonly TagChange[];
  /** What follows, step by step. */
  readonly steps: readonly string[];
  /** What it costs, in sentences. */
  readonly impact: readonly string[];
}

export interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
  /** What to do instead, one line each. */
  readonly instead: readonly string[];
}

export function refused(reason: string, ...instead: readonly string[]): Refused {
  return { kind: 'refused', reason, instead };
}

export function called({ id, name }: Pick<HostOverview, 'id' | 'name'>): string {
  return name === undefined ? id : `${name} (${id})`;
}

/** The parts of an observation that the planning of promotions goes by. */
export function groupViewOf(observation: GroupObservation, settings: PromotionSettings): GroupView {
  const { group, observed, now } = observation;
  const members = observed.instances.filter(({ tags }) => tags[tagKeys.group] === group);
  return { group, observed, settings, now, members, register: observed.registers.get(group) };
}

/** The primary, or why a change cannot be asked of it. */
function primaryOf({ group, hosts, primary }: GroupOverview): HostOverview | Refused {
  const host = hosts.find(({ id }) => id === primary);
  return host ?? refused(`${group} has no primary`, `hostsync promote ${group} --to HOST --force`);
}

/**
 * Hands the role over, with nothing lost. The blockers are those of the service itself: what it would not do is not asked for.
 *
 * @param to an instance id; undefined for the best
 */
export function planSwitchover(
  observation: GroupObservation,
  overview: GroupOverview,
  settings: PromotionSettings,
  to: string | undefined,
): Change | Refused {
  const { group, epoch, paused, hosts, switchover } = overview;
  const from = primaryOf(overview);
  if ('kind' in from) return from;
  if (to === from.id) return refused(`${called(from)} is the primary already`);
  if (paused !== undefined) return refused(`${group} is paused`, `hostsync resume ${group}`);
  if (from.state !== 'takes-writes')
    return refused(`the primary ${called(from)} is ${from.state}`, `hostsync status ${group} -w`);
  if (switchover !== undefined && !isSameTarget(switchover, to))
    return refused(
      `a switchover to ${switchover} is in progress`,
      `See: hostsync status ${group} -w`,
      `Withdraw it: aws ec2 delete-tags --resources ${from.id} --tags Key=${tagKeys.switchover}`,
    );
  const view = groupViewOf(observation, settings);
  const instance = view.members.find(({ id }) => id === from.id);
  const [able, blockers] = findCandidates(view, from.id, instance);
  const chosen = to === undefined ? able[0] : able.find(({ id }) => id === to);
  if (chosen === undefined) return noCandidate(overview, to, able, blockers);
  const target = hosts.find(({ id }) => id === chosen.id) ?? chosen;
  return {
    ...{ kind: 'change', instance: from.id, set: { [tagKeys.switchover]: to ?? 'any' }, remove: [] },
    steps: switchoverSteps(from, target, epoch, instance),
    impact: [
      'Uploads are refused for some seconds where the hook before-demotion stops them. Visitors notice nothing. No file is lost.',
    ],
  };
}

function isSameTarget(requested: string, to: string | undefined): boolean {
  return requested.split(' ')[0] === (to ?? 'any');
}

function noCandidate(
  { hosts, group }: GroupOverview,
  to: string | undefined,
  able: readonly ObservedInstance[],
  blockers: ReadonlyMap<string, string>,
): Refused {
  const nameOf = (id: string) => called(hosts.find((host) => host.id === id) ?? { id });
  const possible = able.length === 0 ? [] : [`Possible: ${able.map(({ id }) => nameOf(id)).join(', ')}`];
  if (to !== undefined)
    return refused(
      `${nameOf(to)} cannot become the primary: ${blockers.get(to) ?? `it is no instance of ${group}`}`,
      ...possible,
    );
  const why = [...blockers].map(([id, blocker]) => `${nameOf(id)}: ${blocker}`);
  return refused('no host can become the primary', ...(why.length > 0 ? why : ['There is no other host.']));
}

function switchoverSteps(
  from: HostOverview,
  target: Pick<HostOverview, 'id' | 'name'>,
  epoch: number,
  instance: ObservedInstance | undefined,
): readonly string[] {
  const { tags = {} } = instance ?? {};
  const moved = [
    ...[tags[tagKeys.dns], tags[tagKeys.targetGroup]].flatMap((each) => each ?? []),
    ...(tags[tagKeys.address]?.startsWith('eipalloc-') ? [tags[tagKeys.address] ?? ''] : []),
  ];
  return [
    `stop writes on ${called(from)}, by the hook before-demotion where there is one`,
    'push until nothing is left',
    `make ${called(target)} the primary (epoch ${epoch} to ${epoch + 1})`,
    ...(moved.length > 0 ? [`move ${moved.join(', ')} to it`] : []),
    `every host follows ${called(target)}; ${called(from)} joins as a secondary`,
  ];
}

export function planPause(overview: GroupOverview, text: string): Change | Refused {
  const primary = primaryOf(overview);
  if ('kind' in primary) return primary;
  if (overview.paused !== undefined)
    return refused(`${overview.group} is paused already: ${overview.paused}`);
  return {
    ...{ kind: 'change', instance: primary.id, set: { [tagKeys.paused]: text }, remove: [] },
    steps: ['no push and no promotion begins, until hostsync resume; what runs now ends'],
    impact: ['The copies fall behind, and nobody replaces a primary that fails.'],
  };
}

export function planResume(overview: GroupOverview): Change | Refused {
  const primary = primaryOf(overview);
  if ('kind' in primary) return primary;
  if (overview.paused === undefined) return refused(`${overview.group} is not paused`);
  return {
    ...{ kind: 'change', instance: primary.id, set: {}, remove: [tagKeys.paused] },
    ...{ steps: ['pushes go on at the next tick, within a minute'], impact: [] },
  };
}

/** @param id of the deletions, as the alert and `status` name it: later ones stay held */
export function planAcceptance(overview: GroupOverview, id: string | undefined): Change | Refused {
  const { group, heldDeletions: held } = overview;
  const primary = primaryOf(overview);
  if ('kind' in primary) return primary;
  if (held === undefined)
    return refused(
      `no deletions of ${group} are held by a push of the last minutes`,
      `See what the next one holds: hostsync push ${group}`,
    );
  if (id !== undefined && id !== held.id)
    return refused(
      `these deletions are no longer held; others are: ${held.id}, ${held.count} of ${held.total}`,
      `See: hostsync status ${group}`,
    );
  return {
    ...{ kind: 'change', instance: primary.id, set: { [tagKeys.acceptDeletions]: held.id }, remove: [] },
    steps: [
      `a push deletes what is gone on ${called(primary)}: ${held.count} of ${held.total} entries`,
      ...held.examples.slice(0, 4).map((name) => `such as ${name}`),
    ],
    impact: [
      'These entries are deleted on every secondary. This cannot be undone. Other deletions stay held.',
    ],
  };
}

export function planResync(overview: GroupOverview, host: HostOverview): Change | Refused {
  const { group } = overview;
  const who = called(host);
  if (host.role === 'primary') return refused(`${who} is the primary: the others are compared with it`);
  if (host.role === 'external')
    return refused(`${who} is no EC2 instance: run host/join.sh there again`, 'See docs/host-scripts.md');
  if (host.role === 'former')
    return refused(
      `${who} was the primary, and what only it holds is not rescued yet`,
      `hostsync wait ${group} --joined ${host.id}`,
    );
  if (host.state === 'stopped') return refused(`${who} does not run`);
  return {
    ...{ kind: 'change', instance: host.id, set: {}, remove: [tagKeys.joined] },
    steps: [`${who} joins again: its key, its directories, and a first sync that compares everything`],
    impact: [`What only ${who} holds in these directories is deleted. It goes on serving files meanwhile.`],
  };
}

/** The user's own hand: the only way past the blockers of the service. */
export function planForcedPromotion(
  observation: GroupObservation,
  overview: GroupOverview,
  settings: PromotionSettings,
  { host, force }: { readonly host: HostOverview; readonly force: boolean },
): Change | Refused {
  const { group, directories } = overview;
  const who = called(host);
  if (host.role === 'primary' && overview.primary === host.id)
    return refused(`${who} is the primary already`);
  if (host.role === 'external') return refused(`${who} is no EC2 instance and cannot push`);
  if (host.state === 'stopped') return refused(`${who} does not run`, 'Start it first.');
  if (!force)
    return refused(
      `without --force no host becomes the primary whatever is lost${host.promote?.blocker === undefined ? '' : `; ${who}: ${host.promote.blocker}`}`,
      `With nothing lost: hostsync switchover ${group} --to ${host.id}`,
    );
  const view = groupViewOf(observation, settings);
  const epoch = nextEpoch(view, overview.epoch);
  const its = directories.length > 0 ? directories.join(' ') : mirroredDirectories(view);
  if (its === undefined)
    return refused(
      'nobody knows which directories are to be synced',
      `Set them on ${host.id} first: aws ec2 create-tags --resources ${host.id} --tags Key=${tagKeys.directories},Value=/…`,
    );
  const behind = host.secondsBehind === undefined ? 'unknown' : `${host.secondsBehind} s`;
  return {
    ...{ kind: 'change', instance: host.id, remove: [] },
    set: { [tagKeys.primary]: String(epoch), [tagKeys.directories]: its },
    steps: [
      `${who} becomes the primary of epoch ${epoch}, whatever it holds`,
      'every host trusts it, and what only it does not have is brought to it',
    ],
    impact: [`At risk: what was uploaded in the time that ${who} is behind (${behind}).`],
  };
}

function mirroredDirectories({ register }: GroupView): string | undefined {
  const mirrored = Object.entries(register?.configuration?.tags ?? {}).filter(([key]) =>
    isConfiguration(key),
  );
  return new Map(mirrored).get(tagKeys.directories);
}
