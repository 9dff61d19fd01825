import type { ObservedInstance } from '../model/observation.ts';
import type { ScriptLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTask, type Task } from '../model/task.ts';
import { retryAfter } from '../model/task-outcome.ts';
import { advance, isYoung, type Step } from './advance.ts';
import { askForList, askToFetch, recordGathered, reportRescue } from './gathering-steps.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import type { Ready } from './readiness.ts';

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
export function planLeave(
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

/** What nobody can fetch: an event says where it is. */
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
      kind: 'notify-kept',
      group,
      instance,
      epoch,
      primary: primary.id,
      files: kept,
      keptIn,
      tooLong,
      requestedAt,
      reason,
    },
  ];
}

/**
 * After a rescue a former primary lists once more: editors whose resolver still has its address, or a web server that started with it, may have written
 * to it after the first list. It joins, which deletes what only it holds, when a list has nothing new.
 */
export function planRelist(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { id } = instance;
  const because = `${id} lists again what only it may hold`;
  return planList('relist', because, group, instance, ready, view, (line, task) => {
    // The event on the first list names paths that are too long
    const news = keptNews(group, id, ready, { ...line, tooLong: 0 }, task);
    const came = `${line.new} files came to ${id} after its last list`;
    if ((line.new ?? 0) > 0) return [...news, ...askToFetch('rescue', group, instance, ready, view, came)];
    const reason = `${id} holds nothing that ${ready.primary.id} has not`;
    return [...news, recordGathered(group, instance, ready, true, reason)];
  });
}
