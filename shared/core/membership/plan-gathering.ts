import { isGathered } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import type { RescueLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { parseTask, type Task } from '../model/task.ts';
import { busyAgain, retryAfter, staleError } from '../model/task-outcome.ts';
import { advance, isYoung, type Step } from './advance.ts';
import { askForList, askToFetch, recordGathered, reportRescue } from './gathering-steps.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import { planLeave, planRelist } from './plan-lists.ts';
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

function describe({ id, files = 0, conflicts = 0 }: RescueLine): string {
  return `${files} files were on ${id} alone, and ${conflicts} were other than on the primary: it has them all`;
}
