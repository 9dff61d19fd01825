import { domainEvent, timestamp } from '../model/domain-event.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { epochOf } from '../model/primary.ts';
import { routeBetween } from '../model/route.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTime } from '../model/time.ts';
import { askProbers, type GroupView, setTags } from './group-view.ts';
import { planFailover } from './plan-failover.ts';
import { isFailing, probeVerdict } from './primary-health.ts';
import { isDecided, isPast } from './probe.ts';
import type { PromotionAction } from './promotion-action.ts';
import { assessIncidents, raised } from './promotion-incidents.ts';

/** Milliseconds after which a suspicion that nothing has confirmed since is none any more. */
const suspicionLasts = 10 * 60_000;

/**
 * A tick has others look at it, twice; when they are done the group is looked at again. Counts the probes in a row that found it dead, each
 * once.
 */
export function planSuspicion(
  view: GroupView,
  current: ObservedInstance,
  signs: readonly string[],
): readonly PromotionAction[] {
  const { observed, settings, tick, now } = view;
  const { id, tags } = current;
  const found = observed.reachability.filter(({ instance }) => instance === id);
  const probers = findProbers(view, current);
  const last = found.find(({ connection }) => connection !== undefined);
  if (last === undefined || (tick !== undefined && isPast(last, now))) {
    if (tick === undefined) return [];
    const reason = `${id} may be dead: ${signs.join('; ')}`;
    return [askProbers(view, id, 'primary', probers.slice(0, 3), reason)];
  }
  if (!isDecided(last, now)) return [];
  const { verdict, seen } = probeVerdict(current, observed, found, probers.length);
  // No event says of one that somebody sees that it may be dead
  if (verdict === 'alive') return [...clearSuspicion(view, current), ...assessIncidents(view, [])];
  const notifications = assessIncidents(view, [
    raised('primary-suspected', '', (detail, key) =>
      domainEvent('Primary Suspected', view.group, [id, ...key], {
        ...detail,
        primary: id,
        signs,
        seen,
      }),
    ),
  ]);
  if (verdict === 'unknown') return notifications;
  const [count, counted] = parseSuspicion(tags[tagKeys.suspected], now);
  const looks = last.requestedAt > counted ? count + 1 : count;
  const suspicion = { [tagKeys.suspected]: formatSuspicion(looks, last.requestedAt) };
  const reason = `${id} looks dead, for the ${looks}. time: ${seen.join('; ')}`;
  const noted = looks === count ? [] : [setTags(view, [id], suspicion, [], reason)];
  if (looks < settings.failoverTicks) return [...noted, ...notifications];
  const why = `${signs.join('; ')}; ${seen.join('; ')}`;
  return [...noted, ...planFailover(view, current, id, epochOf(current) ?? 0, why)];
}

export function clearSuspicion(view: GroupView, { id, tags }: ObservedInstance): readonly PromotionAction[] {
  const noted = [tagKeys.suspected, tagKeys.probe].filter((key) => tags[key] !== undefined);
  return noted.length === 0 ? [] : [setTags(view, [id], {}, noted, `${id} is seen`)];
}

/** Secondaries that can be asked whether they reach the primary, those in other zones first. */
function findProbers(view: GroupView, current: ObservedInstance): readonly string[] {
  const { observed } = view;
  const online = new Set(observed.agents.filter((agent) => agent.online).map(({ id }) => id));
  return view.members
    .filter(
      ({ id, state, tags }) =>
        id !== current.id &&
        state === 'running' &&
        online.has(id) &&
        !isFailing(id, observed) &&
        tags[tagKeys.hostKey] !== undefined,
    )
    .filter((member) => routeBetween(member, current).kind === 'route')
    .sort(
      (a, b) => Number(a.zone === current.zone) - Number(b.zone === current.zone) || (a.id < b.id ? -1 : 1),
    )
    .map(({ id }) => id);
}

/** @returns how often it was found dead in a row, and when it was last asked for, in milliseconds since 1970 */
function parseSuspicion(value: string | undefined, now: number): readonly [number, number] {
  const [count = '', time] = (value ?? '').split(' ');
  const last = parseTime(time);
  const counts = /^[1-9]\d{0,3}$/u.test(count) && last > 0 && now - last < suspicionLasts;
  return counts ? [Number(count), last] : [0, 0];
}

/** The note `suspected`. */
function formatSuspicion(count: number, last: number): string {
  return `${count} ${timestamp(last)}`;
}
