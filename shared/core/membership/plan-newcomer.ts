import { assess } from '../incidents/incident.ts';
import { holdOf } from '../incidents/rules.ts';
import { notifiedIncident, parseIncidents } from '../model/incident.ts';
import { isMember } from '../model/member.ts';
import type { ObservedInstance } from '../model/observation.ts';
import { formatJoinRequest, type JoinRequest } from '../model/request.ts';
import { joinTagKeys, roomProblem } from '../model/room.ts';
import { type Route, routeBetween } from '../model/route.ts';
import type { SecondaryLine } from '../model/script-line.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { digest, parseTask, type Task } from '../model/task.ts';
import { busyAgain, retryAfter } from '../model/task-outcome.ts';
import { advance, isYoung, type Step } from './advance.ts';
import type { MembershipAction } from './membership-action.ts';
import type { View } from './membership-view.ts';
import type { Readiness, Ready } from './readiness.ts';

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

/** The code of a secondary's incident: what a join had made there is gone or old, and cannot be made again. */
const rejoinFailed = 'rejoin-failed';
/** The same of a host that is none yet, or that was the primary. */
const joinFailed = 'join-failed';

/**
 * What keeps a host from joining: an event when it has lasted, for the user data of a newcomer may still run, and again when it is something else.
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
  const { id, tags } = instance;
  const rejoins = isMember(instance);
  const [entry] = parseIncidents(tags[rejoins ? tagKeys.joinIncident : tagKeys.incident]);
  const code = rejoins ? rejoinFailed : joinFailed;
  const evidence = { code, raised: true, at, cause: message, for: holdOf(code, settings) };
  const { incident, notice } = assess(entry?.[1], evidence, settings, now);
  if (incident === undefined || incident === entry?.[1]) return [];
  return [
    {
      kind: 'report-failure',
      group,
      instance: id,
      rescuedBy: undefined,
      message,
      rejoins,
      ...(tags[tagKeys.state] === 'quarantined' && { unrescued: true }),
      incident: incident,
      notice,
      reason: `${id} cannot join${rejoins ? ' again' : ''}: ${message}`,
    },
  ];
}

/** Counts up when join makes a host ready in another way than before, so that every host is joined again. */
const joinRevision = 6;

/** What a host that was joined so was joined to: another primary, key, epoch or list of directories gives another one. */
export function joinDigest(primary: string, request: JoinRequest): string {
  return digest(`${joinRevision}\n${primary}\n${formatJoinRequest({ ...request, holder: undefined })}`);
}

function joinRequest(group: string, ready: Ready, readable: boolean): JoinRequest {
  const { primary, configuration, publicKey } = ready;
  const { epoch, directories, options } = configuration;
  return {
    group,
    epoch,
    holder: primary.id,
    directories,
    owner: undefined,
    publicKey,
    ...(options.has('keep-deleted') && { options }),
    ...(readable && { readable: 'directories' }),
  };
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
  const { primary } = ready;
  const request = joinRequest(group, ready, readable);
  const { epoch, directories } = request;
  const wanted = joinDigest(primary.id, request);
  const { id, tags } = instance;
  // A newcomer's incident lasts until its first sync is verified; that of a former primary is over once it has joined
  const over =
    notifiedIncident(tags, rejoinFailed, tagKeys.joinIncident) ??
    (readable ? notifiedIncident(tags, joinFailed) : undefined);
  const record = (hostKey: string): readonly MembershipAction[] => {
    const reason = `${id} is joined; its host key is pinned from now on`;
    return [{ kind: 'record-join', group, instance: id, hostKey, epoch, digest: wanted, over, reason }];
  };
  const pinned = tags[tagKeys.hostKey];
  // Where it could not join again, and need not any more, that is over
  if (tags[tagKeys.joined] === wanted && pinned !== undefined)
    return tags[tagKeys.joinIncident] === undefined && over === undefined ? [] : record(pinned);
  const wait = (reason: string, soon: boolean): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: id, soon, reason },
  ];
  if (!view.online.has(id)) return wait(`the SSM agent of ${id} is not online yet`, false);
  // One whose files are still to be fetched is no newcomer: it stays what it is until they are
  const newcomers = readable || isMember(instance) ? [] : [id];
  const send = (reason: string): readonly MembershipAction[] => [
    { kind: 'join', group, instances: [id], newcomers, request, digest: wanted, reason },
  ];
  const step: Step<MembershipAction> = {
    step: 'join',
    digest: wanted,
    host: id,
    because: `${id} is to trust the key of ${primary.id} and to receive ${directories.join(' ')}`,
    send,
    wait,
    report: (reason, task) => reportFailure(group, instance, task.requestedAt, reason, view),
    ended: ({ lines }) => {
      const line = lines.find((each) => each.kind === 'join');
      if (line === undefined) return send(`${id} printed no host key`);
      return record(line.hostKey);
    },
  };
  return advance(parseTask(tags[tagKeys.task]), step, view);
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
  const { epoch, directories, excludes, options } = configuration;
  const { id, tags } = instance;
  const secondaries = [{ id, address, port, hostKey: tags[tagKeys.hostKey] }];
  const request = {
    group,
    epoch,
    directories,
    excludes,
    options,
    first: true,
    secondaries,
    watch: 'beside' as const,
  };
  const sync = (pass: number, reason: string): readonly MembershipAction[] => [
    { kind: 'first-sync', group, primary: primary.id, passes: new Map([[id, pass]]), request, reason },
  ];
  const wait = (reason: string, soon: boolean): readonly MembershipAction[] => [
    { kind: 'wait', group, instance: id, soon, reason },
  ];
  const report = (reason: string, task: Task) =>
    reportFailure(group, instance, task.requestedAt, reason, view);
  const step: Step<MembershipAction> = {
    step: 'first-sync',
    host: primary.id,
    because: `${id} gets its first sync`,
    send: (reason, task) => sync(task?.pass ?? 1, reason),
    wait: (reason, soon) => wait(`${id}: ${reason}`, soon),
    report,
    ended: ({ lines }, task) => {
      const { pass } = task;
      const line = lines.find((each) => each.kind === 'secondary' && each.id === id);
      if (line?.kind !== 'secondary') return sync(pass, `${primary.id} printed nothing on ${id}`);
      if (line.ok) return admitOrGoOn(group, instance, line, task, ready, sync);
      if (line.error === 'busy') {
        const reason = `${id}: ${line.message}`;
        return isYoung(task, busyAgain, view.now) ? wait(reason, true) : sync(pass, reason);
      }
      const reason = `the first sync of ${id} failed: ${line.error}: ${line.message}`;
      const again = isYoung(task, retryAfter, view.now) ? wait(reason, false) : sync(pass, reason);
      return [...report(reason, task), ...again];
    },
  };
  return advance(parseTask(tags[tagKeys.task]), step, view);
}

/** A pass went well: the host is let in if that proves that it has the files; else another pass looks. */
function admitOrGoOn(
  group: string,
  { id, tags }: ObservedInstance,
  line: SecondaryLine,
  { pass, requestedAt }: Task,
  { configuration: { epoch } }: Ready,
  sync: (pass: number, reason: string) => readonly MembershipAction[],
): readonly MembershipAction[] {
  const verified = verification(line, pass);
  if (verified === undefined)
    return sync(
      pass + 1,
      `${id} got ${line.files} files in pass ${pass}; another looks whether all is there`,
    );
  // By the clock of AWS, but not later than the scan
  const syncedAt = Math.min(Math.floor(line.started * 1000), requestedAt);
  const over = notifiedIncident(tags, joinFailed);
  return [
    { kind: 'admit', group, instance: id, syncedAt, epoch, over, reason: `${id} is in sync: ${verified}` },
  ];
}

/** Why a pass proves that the host has the files, or nothing. */
function verification(line: SecondaryLine, pass: number): string | undefined {
  if (pass === 1) return undefined;
  if (line.files === 0 && line.deleted === 0) return `pass ${pass} found nothing left to send`;
  if (pass >= settledAfterPasses && line.seconds < shortPass)
    return `pass ${pass} took ${line.seconds} s and sent only what had changed since pass ${pass - 1}`;
  return undefined;
}
