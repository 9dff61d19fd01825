import { assess } from '../incidents/incident.ts';
import { holdOf } from '../incidents/rules.ts';
import { isGathered } from '../model/member.ts';
import type { ObservedInstance, RescueLine, ScriptLine } from '../model/observation.ts';
import { routeBetween } from '../model/route.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTask, type Task } from '../model/task.ts';
import { busyAgain, retryAfter, staleError } from '../model/task-outcome.ts';
import { parseTroubles, toldTrouble } from '../model/trouble.ts';
import { advance, isYoung, type Step } from './advance.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import { planJoin } from './plan-newcomer.ts';
import type { Ready } from './readiness.ts';

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
  const { id, tags } = instance;
  if (!view.online.has(id))
    return [
      { kind: 'wait', group, instance: id, soon: false, reason: `the SSM agent of ${id} is not online` },
    ];
  if (tags[tagKeys.left] !== String(ready.configuration.epoch))
    return planLeave(group, instance, ready, view);
  if (parseTask(tags[tagKeys.task])?.step === 'relist') return planRelist(group, instance, ready, view);
  const joining = planJoin(group, instance, ready, view, true);
  return joining.length > 0 ? joining : planFetch('rescue', group, instance, ready, view);
}

/** Has a former primary list what only it may hold: a first time, or `relist`. */
function askForList(
  kind: 'leave' | 'relist',
  group: string,
  { id }: ObservedInstance,
  { primary, configuration }: Ready,
  reason: string,
): readonly MembershipAction[] {
  const { epoch, directories, excludes } = configuration;
  const request = { group, epoch, directories, excludes, peer: primary.id, prepare: false };
  return [{ kind, group, instance: id, request, reason }];
}

type LeaveLine = Extract<ScriptLine, { kind: 'leave' }>;

/** @param listed what follows from a list for the primary of this epoch */
function planList(
  kind: 'leave' | 'relist',
  because: string,
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
  listed: (line: LeaveLine, task: Task) => readonly MembershipAction[],
): readonly MembershipAction[] {
  const { primary, configuration } = ready;
  const { id, tags } = instance;
  const send = (reason: string) => askForList(kind, group, instance, ready, reason);
  const wait = (reason: string, soon: boolean): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: id, soon, reason },
  ];
  const step: Step<MembershipAction> = {
    step: kind,
    host: id,
    because,
    send,
    wait,
    report: (reason, task) => reportRescue(group, instance, primary.id, task.requestedAt, reason, view),
    ended: ({ lines }, task) => {
      // One that was asked for before the last promotion made its lists for another primary
      const line = lines.find((each) => each.kind === 'leave' && each.epoch === configuration.epoch);
      if (line?.kind === 'leave') return listed(line, task);
      const reason = `${id} did not say what it holds`;
      return isYoung(task, retryAfter, view.now) ? wait(reason, false) : send(reason);
    },
  };
  return advance(parseTask(tags[tagKeys.task]), step, view);
}

/** Has a former primary stop pushing, and list what only it may hold. */
function planLeave(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { id } = instance;
  const { epoch } = ready.configuration;
  const because = `${id} was the primary: it is to push no more`;
  return planList('leave', because, group, instance, ready, view, (line, task) => {
    const reason = `${id} pushes no more; ${line.stranded ?? 'an unknown number of'} files may be on it alone`;
    const left: MembershipAction = { kind: 'record-left', group, instance: id, epoch, reason };
    return [...keptNews(group, id, ready, line, task), left];
  });
}

/** What nobody can fetch: people are told where it is. */
function keptNews(
  group: string,
  instance: string,
  { primary, configuration: { epoch } }: Ready,
  { kept = 0, keptIn = '', tooLong = 0 }: LeaveLine,
  { requestedAt }: Task,
): readonly MembershipAction[] {
  if (kept + tooLong === 0) return [];
  const reason = `${kept} files that cannot be fetched from ${instance} are kept there; ${tooLong} paths are too long`;
  return [
    {
      ...{ kind: 'notify-kept', group, instance, epoch, primary: primary.id },
      ...{ files: kept, keptIn, tooLong, requestedAt, reason },
    },
  ];
}

/**
 * After a rescue a former primary lists once more: editors whose resolver still has its address, or a web server that started with it, may have written
 * to it after the first list. It joins, which deletes what only it holds, when a list has nothing new.
 */
function planRelist(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { id } = instance;
  const because = `${id} lists again what only it may hold`;
  return planList('relist', because, group, instance, ready, view, (line, task) => {
    // The first list told of paths that are too long
    const news = keptNews(group, id, ready, { ...line, tooLong: 0 }, task);
    const came = `${line.new} files came to ${id} after its last list`;
    if ((line.new ?? 0) > 0) return [...news, ...askToFetch('rescue', group, instance, ready, view, came)];
    const reason = `${id} holds nothing that ${ready.primary.id} has not`;
    return [...news, recordGathered(group, instance, ready, true, reason)];
  });
}

/** Has the primary fetch what only this host holds. */
function askToFetch(
  kind: 'gather' | 'rescue',
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
  reason: string,
): readonly MembershipAction[] {
  const { primary, configuration } = ready;
  const { id, tags } = instance;
  const route = routeBetween(primary, instance);
  if (route.kind === 'no-route')
    return [
      ...(kind === 'rescue' ? reportRescue(group, instance, primary.id, view.now, route.reason, view) : []),
      { kind: 'wait', group, instance: id, soon: false, reason: `${id}: ${route.reason}` },
    ];
  const { epoch, directories, excludes } = configuration;
  const { address, port } = route;
  const sources = [{ id, address, port, hostKey: tags[tagKeys.hostKey] }];
  const request = { group, epoch, directories, excludes, sources, lists: kind === 'rescue' };
  return [{ kind, group, primary: primary.id, request, reason }];
}

/** Has the primary fetch what only this host holds, until it has all of it. */
function planFetch(
  kind: 'gather' | 'rescue',
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { primary } = ready;
  const { id, tags } = instance;
  const wait = (reason: string, soon: boolean): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: id, soon, reason: `${id}: ${reason}` },
  ];
  // Of one that is only gathered from, the tick says so
  const report = (message: string, at: number) =>
    kind === 'rescue' ? reportRescue(group, instance, primary.id, at, message, view) : [];
  const send = (reason: string) => askToFetch(kind, group, instance, ready, view, reason);
  const step: Step<MembershipAction> = {
    step: kind,
    host: primary.id,
    because: `${primary.id} is to have what only ${id} holds`,
    send,
    wait,
    report: (reason, task) => report(reason, task.requestedAt),
    ended: ({ lines }, task) => {
      const line = lines.find((each) => each.kind === 'rescue' && each.id === id);
      if (line?.kind === 'rescue' && line.ok) return fetched(kind, group, instance, line, task, ready, view);
      const nothing = {
        reason: `${primary.id} said nothing about ${id}`,
        after: retryAfter,
        isFailure: true,
      };
      const { reason, after, isFailure } = line?.kind === 'rescue' ? failureOf(line) : nothing;
      const again = isYoung(task, after, view.now) ? wait(reason, after === busyAgain) : send(reason);
      return isFailure ? [...report(reason, task.requestedAt), ...again] : again;
    },
  };
  return advance(parseTask(tags[tagKeys.task]), step, view);
}

/** Why nothing was brought, after how many seconds it is asked for again, and whether something is wrong. */
function failureOf({ error = 'failed', message = error }: RescueLine): {
  readonly reason: string;
  readonly after: number;
  readonly isFailure: boolean;
} {
  if (error === 'busy') return { reason: message, after: busyAgain, isFailure: false };
  return { reason: `${error}: ${message}`, after: retryAfter, isFailure: error !== staleError };
}

/** The primary has all that the host held, as far as is known. */
function fetched(
  kind: 'gather' | 'rescue',
  group: string,
  instance: ObservedInstance,
  line: RescueLine,
  { requestedAt }: Task,
  ready: Ready,
  { now, settings }: View,
): readonly MembershipAction[] {
  const { id } = instance;
  const quietUntil = requestedAt + settings.rescueQuiet * 1000;
  if (kind === 'rescue' && now < quietUntil)
    return [
      {
        kind: 'wait',
        group,
        instance: id,
        soon: false,
        reason: `${id} lists again ${settings.rescueQuiet} s after its rescue began`,
      },
    ];
  const reason = describe(line);
  const brought = (line.files ?? 0) + (line.conflicts ?? 0);
  const { epoch } = ready.configuration;
  const primary = ready.primary.id;
  const news: MembershipAction = {
    kind: 'notify-rescued',
    group,
    instance: id,
    epoch,
    primary,
    line,
    requestedAt,
    reason,
  };
  return [
    ...(brought + (line.tooLong ?? 0) > 0 ? [news] : []),
    ...(kind === 'rescue'
      ? askForList('relist', group, instance, ready, `${id} was rescued: has anything come since?`)
      : [recordGathered(group, instance, ready, false, reason)]),
  ];
}

function recordGathered(
  group: string,
  { id, tags }: ObservedInstance,
  { primary, configuration: { epoch } }: Ready,
  released: boolean,
  reason: string,
): MembershipAction {
  return {
    kind: 'record-gathered',
    group,
    instance: id,
    epoch,
    primary: primary.id,
    released,
    over: toldTrouble(tags, 'rescue-failed'),
    reason,
  };
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
