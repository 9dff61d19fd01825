import { assess } from './incidents/incident.ts';
import { holdOf } from './incidents/rules.ts';
import type { MembershipAction } from './membership-action.ts';
import { isMember, type View } from './membership-view.ts';
import type { ObservedInstance, SecondaryLine } from './observation.ts';
import type { Readiness, Ready } from './readiness.ts';
import { formatJoinRequest, type JoinRequest } from './request.ts';
import { joinTagKeys, roomProblem } from './room.ts';
import { type Route, routeBetween } from './route.ts';
import { tagKeys } from './tag-keys.ts';
import { digest, parseTask } from './task.ts';
import { busyAgain, outcomeOf, retryAfter } from './task-outcome.ts';
import { parseTroubles, toldTrouble } from './trouble.ts';

/** A first sync of a busy primary never ends with nothing left to send. From this pass on, a short one will do. */
const settledAfterPasses = 3;
/** Shorter than the time between two ticks, in seconds: what has come since is what any secondary lacks. */
const shortPass = 30;

/** The next step that brings a host nearer to having the files, or what it waits for. */
export function planNewcomer(
  group: string,
  instance: ObservedInstance,
  ready: Readiness,
  view: View,
): readonly MembershipAction[] {
  const { id } = instance;
  if (ready.kind === 'not-ready')
    return [
      { kind: 'wait', group, instance: id, soon: ready.soon, reason: `${id} cannot join: ${ready.reason}` },
    ];
  const route = routeBetween(ready.primary, instance);
  if (route.kind === 'no-route')
    return [
      ...reportFailure(group, instance, view.now, route.reason, view),
      { kind: 'wait', group, instance: id, soon: false, reason: route.reason },
    ];
  const problem = roomProblem(instance, joinTagKeys);
  if (problem !== undefined)
    return [
      ...reportFailure(group, instance, view.now, problem, view),
      { kind: 'wait', group, instance: id, soon: false, reason: `${id} cannot join: ${problem}` },
    ];
  const joining = planJoin(group, instance, ready, view);
  return joining.length > 0 ? joining : planFirstSync(group, instance, route, ready, view);
}

/**
 * What keeps a newcomer from joining: told when it has lasted, for its user data may still run, and again when it is something else.
 *
 * @param at when that was tried, in milliseconds since 1970
 */
function reportFailure(
  group: string,
  instance: ObservedInstance,
  at: number,
  message: string,
  { settings, now }: View,
): readonly MembershipAction[] {
  if (isMember(instance)) return [];
  const [entry] = parseTroubles(instance.tags[tagKeys.trouble]);
  const code = 'join-failed';
  const evidence = { code, raised: true, at, cause: message, for: holdOf(code, settings) };
  const { incident, notice } = assess(entry?.[1], evidence, settings, now);
  if (incident === undefined || incident === entry?.[1]) return [];
  return [
    {
      ...{ kind: 'report-failure', group, instance: instance.id, rescuedBy: undefined, message },
      ...{ trouble: incident, notice, reason: `${instance.id} cannot join: ${message}` },
    },
  ];
}

/** Counts up when host/join.sh makes a host ready in another way than before, so that every host is joined again. */
const joinRevision = 4;

/** What a host that was joined so was joined to: another primary, key, epoch or list of directories gives another one. */
export function joinDigest(primary: string, request: JoinRequest): string {
  return digest(`${joinRevision}\n${primary}\n${formatJoinRequest(request)}`);
}

/**
 * The step that makes a host trust the primary's key and have its directories as modules; none if it does already.
 *
 * @param readable the primary may read them as well
 */
export function planJoin(
  group: string,
  instance: ObservedInstance,
  ready: Ready,
  view: View,
  readable = false,
): readonly MembershipAction[] {
  const { primary, configuration, publicKey } = ready;
  const { epoch, directories } = configuration;
  const request: JoinRequest = {
    ...{ group, epoch, directories, owner: undefined, publicKey },
    ...(readable && { readable }),
  };
  const wanted = joinDigest(primary.id, request);
  const { id, tags } = instance;
  if (tags[tagKeys.joined] === wanted && tags[tagKeys.hostKey] !== undefined) return [];
  const join = (reason: string): readonly MembershipAction[] => [
    {
      kind: 'join',
      group,
      instances: [id],
      // One whose files are still to be fetched is no newcomer: it stays what it is until they are
      newcomers: readable || isMember(instance) ? [] : [id],
      request,
      digest: wanted,
      reason,
    },
  ];
  if (!view.online.has(id))
    return [
      { kind: 'wait', group, instance: id, soon: false, reason: `the SSM agent of ${id} is not online yet` },
    ];
  const task = parseTask(tags[tagKeys.task]);
  if (task?.step !== 'join' || task.digest !== wanted)
    return join(`${id} is to trust the key of ${primary.id} and to receive ${directories.join(' ')}`);
  const outcome = outcomeOf(task, id, view);
  switch (outcome.kind) {
    case 'under-way':
      return [{ kind: 'wait', group, instance: id, soon: true, reason: outcome.reason }];
    case 'failed':
      return [
        ...(outcome.stale ? [] : reportFailure(group, instance, task.requestedAt, outcome.reason, view)),
        { kind: 'wait', group, instance: id, soon: false, reason: outcome.reason },
      ];
    case 'again':
      return [
        ...(outcome.failed && !outcome.stale
          ? reportFailure(group, instance, task.requestedAt, outcome.reason, view)
          : []),
        ...join(outcome.reason),
      ];
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'join');
      if (line === undefined) return join(`${id} printed no host key`);
      return [
        {
          ...{ kind: 'record-join', group, instance: id, hostKey: line.hostKey, epoch, digest: wanted },
          reason: `${id} is joined; its host key is pinned from now on`,
        },
      ];
    }
  }
}

/** The passes of the first sync, until one finds nothing left. */
function planFirstSync(
  group: string,
  instance: ObservedInstance,
  { address, port }: Extract<Route, { kind: 'route' }>,
  ready: Ready,
  view: View,
): readonly MembershipAction[] {
  const { primary, configuration } = ready;
  const { id, tags } = instance;
  const wait = (reason: string, soon = true): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: id, soon, reason },
  ];
  const sync = (pass: number, reason: string): readonly MembershipAction[] => [
    {
      ...{ kind: 'first-sync', group, primary: primary.id, passes: new Map([[id, pass]]), reason },
      request: {
        ...{
          group,
          epoch: configuration.epoch,
          directories: configuration.directories,
          excludes: configuration.excludes,
          options: configuration.options,
        },
        first: true,
        secondaries: [{ id, address, port, hostKey: tags[tagKeys.hostKey] }],
      },
    },
  ];
  const task = parseTask(tags[tagKeys.task]);
  if (task?.step !== 'first-sync') return sync(1, `${id} gets its first sync`);
  const report = (reason: string) => reportFailure(group, instance, task.requestedAt, reason, view);
  const outcome = outcomeOf(task, primary.id, view);
  switch (outcome.kind) {
    case 'under-way':
      return wait(`${id}: ${outcome.reason}`);
    case 'failed':
      return [...(outcome.stale ? [] : report(outcome.reason)), ...wait(`${id}: ${outcome.reason}`, false)];
    case 'again':
      return [
        ...(outcome.failed && !outcome.stale ? report(outcome.reason) : []),
        ...sync(task.pass, outcome.reason),
      ];
    case 'ended': {
      const line = outcome.command.lines.find((each) => each.kind === 'secondary' && each.id === id);
      if (line === undefined || line.kind !== 'secondary')
        return sync(task.pass, `${primary.id} printed nothing on ${id}`);
      if (!line.ok && line.error === 'busy')
        return view.now - task.requestedAt < busyAgain * 1000
          ? wait(`${id}: ${line.message}`)
          : sync(task.pass, `${id}: ${line.message}`);
      if (!line.ok) {
        const reason = `the first sync of ${id} failed: ${line.error}: ${line.message}`;
        const again =
          view.now - task.requestedAt < retryAfter * 1000 ? wait(reason, false) : sync(task.pass, reason);
        return [...report(reason), ...again];
      }
      const verified = verification(line, task.pass);
      if (verified === undefined)
        return sync(
          task.pass + 1,
          `${id} got ${line.files} files in pass ${task.pass}; another looks whether all is there`,
        );
      return [
        {
          kind: 'admit',
          group,
          instance: id,
          // By the clock of AWS, but not later than the scan
          syncedAt: Math.min(Math.floor(line.started * 1000), task.requestedAt),
          epoch: configuration.epoch,
          over: toldTrouble(tags, 'join-failed'),
          reason: `${id} is in sync: ${verified}`,
        },
      ];
    }
  }
}

/** Why a pass proves that the host has the files, or nothing. */
function verification(line: SecondaryLine, pass: number): string | undefined {
  if (pass === 1) return undefined;
  if (line.files === 0 && line.deleted === 0) return `pass ${pass} found nothing left to send`;
  if (pass >= settledAfterPasses && line.seconds < shortPass)
    return `pass ${pass} took ${line.seconds} s and sent only what had changed since pass ${pass - 1}`;
  return undefined;
}
