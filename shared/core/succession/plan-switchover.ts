import { advance, isYoung, type Step } from '../membership/advance.ts';
import { domainEvent } from '../model/domain-event.ts';
import { type GroupConfiguration, parseConfiguration } from '../model/group.ts';
import { isGathered } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { epochOf } from '../model/primary.ts';
import { type Route, routeBetween } from '../model/route.ts';
import type { ScriptLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { digest, formatTask, parseTask, type Task } from '../model/task.ts';
import { outcomeOf } from '../model/task-outcome.ts';
import { secondsBetween } from '../model/time.ts';
import { describeCandidates, findCandidates } from './candidates.ts';
import { retryAfter } from './complete-promotion.ts';
import { claimEpoch, followHosts, hostsFollowNewer, nextEpoch } from './epochs.ts';
import { type GroupView, setTags, waitFor } from './group-view.ts';
import type { Health } from './primary-health.ts';
import type { PromotionAction } from './promotion-action.ts';
import { assessIncidents, raised } from './promotion-incidents.ts';

type HandOverStep = (
  step: 'prepare' | 'final-push',
  pass: number,
  reason: string,
) => Extract<PromotionAction, { kind: 'run' }>;

interface Switchover {
  readonly why: string;
  readonly byOperator: boolean;
  readonly run: HandOverStep;
  readonly blocked: (message: string) => readonly PromotionAction[];
}

/** Seconds after its end for which a final push counts: longer than from one tick to the next. */
const validFor = 90;

/** Passes of the final push, when editors go on writing for lack of a hook. */
const mostPasses = 4;

/** One that is held up must not keep hosts waiting for an epoch that they follow. */
export function planHandOver(
  view: GroupView,
  current: ObservedInstance,
  health: Extract<Health, { kind: 'leaving' }>,
): readonly PromotionAction[] {
  const steps = switchOver(view, current, health);
  const held = steps.every(({ kind }) => kind === 'tell' || kind === 'tag');
  return held && hostsFollowNewer(view, epochOf(current) ?? 0)
    ? [...steps, ...followHosts(view, current)]
    : steps;
}

/** Takes no more writes where the user has a hook for that, pushes until nothing is left, and only then claims. */
function switchOver(
  view: GroupView,
  current: ObservedInstance,
  leaving: Extract<Health, { kind: 'leaving' }>,
): readonly PromotionAction[] {
  const { target, why } = leaving;
  const epoch = epochOf(current) ?? 0;
  if (view.register === undefined) return [];
  const task = parseTask(current.tags[tagKeys.task]);
  const begun = task?.step === 'prepare' || task?.step === 'final-push' ? task : undefined;
  const [ranked, blockers] = findCandidates(view, current.id, current);
  const chosen = chooseTarget(ranked, target, begun);
  const blocked = (message: string) => switchoverBlocked(view, current, why, message, blockers);
  // Nobody is there to hand over to: until somebody is, the site takes writes again
  const givenUp = (message: string) => [
    ...blocked(message),
    ...(leaving.byOperator ? withdrawSwitchover(view, current) : []),
  ];
  if (current.tags[tagKeys.paused] !== undefined) return givenUp('the group is paused');
  const configuration = parseConfiguration(current);
  if (!configuration.ok) return givenUp('a tag of the primary is wrong');
  if (chosen === undefined)
    return givenUp(target === 'any' ? 'no secondary may be promoted' : `${target} may not be promoted`);
  // A push deletes, and this one may hold what the primary never had
  if (!isGathered(chosen, epoch))
    return [waitFor(view, `${chosen.id} first gives ${current.id} what only it holds`)];
  const route = routeBetween(current, chosen);
  if (route.kind === 'no-route') return givenUp(route.reason);
  const run = handOverSteps(view, current, chosen, configuration.value, route);
  if (begun?.digest !== digest(chosen.id))
    return [
      noteIntent(view, current, chosen),
      run('prepare', 1, `${current.id} hands over to ${chosen.id}: ${why}`),
    ];
  return continueSwitchover(view, current, chosen, begun, { ...leaving, run, blocked });
}

/** Of a task that was about to be asked for. */
const noCommand = '00000000-0000-0000-0000-000000000000';

/** Before the hook can run it is noted that it may have: a run that is killed right after leaves a site whose writes nobody lets begin again. */
function noteIntent(view: GroupView, { id }: ObservedInstance, chosen: ObservedInstance): PromotionAction {
  const intent = formatTask({
    step: 'prepare',
    pass: 1,
    digest: digest(chosen.id),
    command: noCommand,
    requestedAt: view.now,
  });
  return setTags(view, [id], { [tagKeys.task]: intent }, [], `${id} is about to be prepared for a demotion`);
}

function switchoverBlocked(
  view: GroupView,
  current: ObservedInstance,
  why: string,
  message: string,
  blockers: ReadonlyMap<string, string>,
): readonly PromotionAction[] {
  const epoch = nextEpoch(view, epochOf(current) ?? 0);
  const directories = current.tags[tagKeys.directories] ?? '';
  return assessIncidents(view, [
    raised('promotion-blocked', message, (detail, key) =>
      domainEvent('Promotion Blocked', view.group, [current.id, ...key, message], {
        ...detail,
        primary: current.id,
        why,
        message,
        epoch,
        directories,
        candidates: describeCandidates(view, [], blockers),
      }),
    ),
  ]);
}

/** Makes the steps with which a primary hands over to one host. */
function handOverSteps(
  view: GroupView,
  current: ObservedInstance,
  chosen: ObservedInstance,
  { epoch, directories, excludes, options }: GroupConfiguration,
  { address, port }: Extract<Route, { kind: 'route' }>,
): HandOverStep {
  const group = view.group;
  const common = { group, epoch, directories, excludes };
  const secondaries = [{ id: chosen.id, address, port, hostKey: chosen.tags[tagKeys.hostKey] }];
  const requests = {
    prepare: { script: 'leave', value: { ...common, peer: chosen.id, prepare: true } },
    'final-push': { script: 'push', value: { ...common, options, secondaries, watch: 'end' } },
  } as const;
  return (step, pass, reason) => ({
    kind: 'run',
    group,
    instance: current.id,
    step,
    pass,
    digest: digest(chosen.id),
    reason,
    request: requests[step],
  });
}

/** What follows from how far the step has come that was asked for last. */
function continueSwitchover(
  view: GroupView,
  current: ObservedInstance,
  chosen: ObservedInstance,
  task: Task,
  switchover: Switchover,
): readonly PromotionAction[] {
  const { run, blocked, byOperator } = switchover;
  const prepares = task.step === 'prepare';
  const step: Step<PromotionAction> = {
    step: task.step,
    digest: digest(chosen.id),
    host: current.id,
    because: `${current.id} hands over to ${chosen.id}`,
    send: (reason, _, failed) => {
      const hookFails = prepares && failed === true;
      // What is forced upon the host does not wait for its hook
      if (hookFails && byOperator) return [];
      return [run(prepares && !hookFails ? 'prepare' : 'final-push', task.pass, reason)];
    },
    wait: (reason) => [waitFor(view, reason)],
    report: (reason) => (prepares && !byOperator ? [] : blocked(reason)),
    ended: ({ lines }) =>
      prepares
        ? [run('final-push', 1, `${current.id} has stopped taking writes`)]
        : afterFinalPush(view, current, chosen, task, lines, switchover),
  };
  return advance(task, step, view);
}

function afterFinalPush(
  view: GroupView,
  current: ObservedInstance,
  chosen: ObservedInstance,
  { pass, requestedAt }: Task,
  lines: readonly ScriptLine[],
  { run, blocked, why }: Switchover,
): readonly PromotionAction[] {
  const { now } = view;
  const line = lines.find((each) => each.kind === 'secondary' && each.id === chosen.id);
  if (line?.kind !== 'secondary') return [run('final-push', pass, `nothing was said about ${chosen.id}`)];
  if (!line.ok) {
    const reason = `${line.error}: ${line.message}`;
    if (secondsBetween(requestedAt, now) < retryAfter) return [waitFor(view, reason)];
    const again = run('final-push', pass, reason);
    return line.error === 'busy' ? [again] : [...blocked(reason), again];
  }
  // Whatever has kept us from going on: what came since then is not in it
  if (secondsBetween(requestedAt + line.seconds * 1000, now) > validFor)
    return [run('prepare', 1, `the last push of ${current.id} is too old`)];
  const settled = line.files === 0 && line.deleted === 0;
  if (pass < 2 || (!settled && pass < mostPasses))
    return [run('final-push', pass + 1, `${line.files} files were sent in pass ${pass}`)];
  const open = `${why}; writes did not end, so the last ${line.files} files may be followed by more`;
  const epoch = nextEpoch(view, epochOf(current) ?? 0);
  const claim = { kind: 'switchover', holder: chosen.id, from: current.id, epoch } as const;
  return [claimEpoch(view, { ...claim, why: settled ? why : open })];
}

const undo = 'undo-demotion';

/** Seconds between two runs of a hook that fails. */
const hookRetryAfter = 60;

/**
 * A switchover that was begun and is not wanted, or not possible, any more: the operator's hook has stopped the site's writes on the primary, and
 * only a hook lets them begin again. The host knows which hooks ran.
 */
export function withdrawSwitchover(view: GroupView, current: ObservedInstance): readonly PromotionAction[] {
  const { group } = view;
  const { id, tags } = current;
  const epoch = epochOf(current) ?? 0;
  const task = parseTask(tags[tagKeys.task]);
  if (task?.step !== 'prepare' && task?.step !== 'final-push' && task?.step !== undo) return [];
  const wait = (reason: string): readonly PromotionAction[] => [waitFor(view, reason)];
  // Its hook may still run
  if (task.step === 'prepare' && outcomeOf(task, id, view).kind === 'under-way')
    return wait(`the hook before-demotion of ${id} has to end first`);
  const send = (reason: string): readonly PromotionAction[] => [
    {
      kind: 'run',
      group,
      instance: id,
      step: undo,
      pass: 1,
      digest: digest(`epoch ${epoch}`),
      reason,
      request: { script: 'promote', value: { group, epoch } },
    },
  ];
  const step: Step<PromotionAction> = {
    step: undo,
    host: id,
    because: `the switchover was withdrawn: ${id} stays the primary and takes writes again`,
    send,
    wait,
    report: (reason) => undoFails(view, current, reason),
    ended: ({ lines }, asked) => {
      const line = lines.find((each) => each.kind === 'promote');
      if (line?.kind !== 'promote' || line.hook !== 'failed') return [];
      const reason = `its hook failed: ${line.hookMessage}`;
      return [
        ...undoFails(view, current, reason),
        ...(isYoung(asked, hookRetryAfter, view.now) ? wait(reason) : send(reason)),
      ];
    },
  };
  return advance(task, step, view);
}

function undoFails(view: GroupView, { id }: ObservedInstance, message: string): readonly PromotionAction[] {
  return assessIncidents(view, [
    raised('writes-not-resumed', message, (detail, key) =>
      domainEvent('Writes Not Resumed', view.group, [id, ...key], { ...detail, primary: id, message }),
    ),
  ]);
}

/** The one that is asked for; of any, the one that it was begun with, or else the best. */
function chooseTarget(
  ranked: readonly ObservedInstance[],
  target: string,
  begun: Task | undefined,
): ObservedInstance | undefined {
  if (target !== 'any') return ranked.find(({ id }) => id === target);
  return ranked.find(({ id }) => digest(id) === begun?.digest) ?? ranked[0];
}
