import { assess } from './incidents/incident.ts';
import { holdOf } from './incidents/rules.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import type { ObservedInstance, RescueLine } from './observation.ts';
import { planJoin } from './plan-newcomer.ts';
import type { Ready } from './readiness.ts';
import type { PushTarget } from './request.ts';
import { routeBetween } from './route.ts';
import { tagKeys } from './tag-keys.ts';
import { parseTask } from './task.ts';
import { busyAgain, outcomeOf, retryAfter, staleError } from './task-outcome.ts';
import { parseTroubles, toldTrouble } from './trouble.ts';

/**
 * Has this host given the primary of this epoch what only it holds? Until then it is not pushed to, for a push deletes: the
 * last push of an earlier primary may have reached one host and not the one that was promoted.
 */
export function isGathered({ tags }: ObservedInstance, epoch: number): boolean {
  return Number(tags[tagKeys.gathered] ?? '1') >= epoch;
}

/** What is left to do until a secondary of an earlier epoch can be pushed to; nothing if there is nothing. */
export function planGathering(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  if (isGathered(instance, ready.configuration.epoch)) return [];
  const joining = planJoin(group, instance, ready, view, true);
  return joining.length > 0 ? joining : planFetch('gather', group, instance, ready, view);
}

/** What is left to do until a former primary may join as any newcomer does. */
export function planRescue(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { primary, configuration } = ready;
  const { epoch, directories, excludes } = configuration;
  const { id, tags } = instance;
  if (!view.online.has(id))
    return [
      { kind: 'wait', group, instance: id, soon: false, reason: `the SSM agent of ${id} is not online` },
    ];
  if (tags[tagKeys.left] !== String(epoch)) {
    const leave = (reason: string): MembershipAction => ({
      ...{ kind: 'leave', group, instance: id, reason },
      request: { group, epoch, directories, excludes, peer: primary.id, prepare: false },
    });
    const task = parseTask(tags[tagKeys.task]);
    if (task?.step !== 'leave') return [leave(`${id} was the primary: it is to push no more`)];
    const outcome = outcomeOf(task, id, view);
    switch (outcome.kind) {
      case 'under-way':
        return [{ kind: 'wait', group, instance: id, soon: true, reason: outcome.reason }];
      case 'failed':
        return [
          ...(outcome.stale
            ? []
            : reportRescue(group, instance, primary.id, task.requestedAt, outcome.reason, view)),
          { kind: 'wait', group, instance: id, soon: false, reason: outcome.reason },
        ];
      case 'again':
        return [
          ...(outcome.failed && !outcome.stale
            ? reportRescue(group, instance, primary.id, task.requestedAt, outcome.reason, view)
            : []),
          leave(outcome.reason),
        ];
      case 'ended': {
        // One that was asked for before the last promotion made its lists for another primary
        const line = outcome.command.lines.find((each) => each.kind === 'leave' && each.epoch === epoch);
        if (line?.kind !== 'leave') {
          const reason = `${id} did not say what it holds`;
          const early = view.now - task.requestedAt < retryAfter * 1000;
          return early ? [{ kind: 'wait', group, instance: id, soon: false, reason }] : [leave(reason)];
        }
        const reason = `${id} pushes no more; ${line.stranded ?? 'an unknown number of'} files may be on it alone`;
        return [{ kind: 'record-left', group, instance: id, epoch, reason }];
      }
    }
  }
  const joining = planJoin(group, instance, ready, view, true);
  return joining.length > 0 ? joining : planFetch('rescue', group, instance, ready, view);
}

/** Has the primary fetch what only this host holds, until it has all of it. */
function planFetch(
  kind: 'gather' | 'rescue',
  group: string,
  instance: ObservedInstance,
  { primary, configuration }: Ready,
  view: View,
): readonly MembershipAction[] {
  const { epoch, directories, excludes } = configuration;
  const { id, tags } = instance;
  const wait = (reason: string, soon: boolean): MembershipAction => ({
    ...{ kind: 'wait', group, instance: id, soon, reason: `${id}: ${reason}` },
  });
  const route = routeBetween(primary, instance);
  if (route.kind === 'no-route') {
    // Of one that is only gathered from, the tick says so
    const told =
      kind === 'rescue' ? reportRescue(group, instance, primary.id, view.now, route.reason, view) : [];
    return [...told, wait(route.reason, false)];
  }
  const source: PushTarget = {
    id,
    address: route.address,
    port: route.port,
    hostKey: tags[tagKeys.hostKey],
  };
  const fetch = (reason: string): MembershipAction => ({
    ...{ kind, group, primary: primary.id, reason },
    request: { group, epoch, directories, excludes, sources: [source], lists: kind === 'rescue' },
  });
  const task = parseTask(tags[tagKeys.task]);
  const what = `${primary.id} is to have what only ${id} holds`;
  if (task?.step !== kind) return [fetch(what)];
  const report = (message: string) =>
    kind === 'rescue' ? reportRescue(group, instance, primary.id, task.requestedAt, message, view) : [];
  const outcome = outcomeOf(task, primary.id, view);
  switch (outcome.kind) {
    case 'under-way':
      return [wait(outcome.reason, true)];
    case 'failed':
      return [...(outcome.stale ? [] : report(outcome.reason)), wait(outcome.reason, false)];
    case 'again':
      return [...(outcome.failed && !outcome.stale ? report(outcome.reason) : []), fetch(outcome.reason)];
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'rescue' && each.id === id);
      if (line?.kind === 'rescue' && line.error === 'busy')
        return view.now - task.requestedAt < busyAgain * 1000
          ? [wait(line.message ?? line.error, true)]
          : [fetch(line.message ?? line.error)];
      if (line?.kind !== 'rescue' || !line.ok) {
        const reason =
          line?.kind === 'rescue'
            ? `${line.error}: ${line.message}`
            : `${primary.id} said nothing about ${id}`;
        const early = view.now - task.requestedAt < retryAfter * 1000;
        const stale = line?.kind === 'rescue' && line.error === staleError;
        return [...(stale ? [] : report(reason)), early ? wait(reason, false) : fetch(reason)];
      }
      return [
        {
          ...{ kind: 'record-gathered', group, instance: id, epoch, primary: primary.id, line },
          ...{ released: kind === 'rescue', requestedAt: task.requestedAt, reason: describe(line) },
          over: toldTrouble(tags, 'rescue-failed'),
        },
      ];
    }
  }
}

function describe({ id, files = 0, conflicts = 0 }: RescueLine): string {
  return `${files} files were on ${id} alone, and ${conflicts} were other than on the primary: it has them all`;
}

/**
 * What keeps a former primary's files from being rescued: told when it has lasted, and again when it is something else.
 *
 * @param at when that was tried, in milliseconds since 1970
 */
function reportRescue(
  group: string,
  { id, tags }: ObservedInstance,
  rescuedBy: string,
  at: number,
  message: string,
  { settings, now }: View,
): readonly MembershipAction[] {
  const code = 'rescue-failed';
  const [entry] = parseTroubles(tags[tagKeys.trouble]);
  // As a secondary, before it was the primary, it may have had another
  const before = entry?.[1].code === code ? entry[1] : undefined;
  const evidence = { code, raised: true, at, cause: message, for: holdOf(code, settings) };
  const { incident, notice } = assess(before, evidence, settings, now);
  if (incident === undefined || incident === before) return [];
  const reason = `what only ${id} holds cannot be rescued: ${message}`;
  return [
    {
      ...{ kind: 'report-failure', group, instance: id, rescuedBy, message },
      ...{ trouble: incident, notice, reason },
    },
  ];
}
