import { describeIntention } from '../../shared/core/model/intention.ts';
import type { ObservedInstance } from '../../shared/core/model/observation.ts';
import { isEstablished } from '../../shared/core/model/primary.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { duration } from '../../shared/core/model/time.ts';
import {
  forcedPromotionBlocker,
  modeBlocker,
  nextEpoch,
  resyncBlocker,
  switchoverBlocker,
  switchoverStage,
} from '../../shared/core/operator/action-blockers.ts';
import { conditionBlocker } from '../../shared/core/operator/conditions.ts';
import { acceptCommand, heldDeletions, heldWarnings } from '../../shared/core/operator/held-deletions.ts';
import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import { type Change, makeChange } from '../change.ts';
import { RefusedError } from '../errors.ts';
import { follow, type Stage } from '../follow.ts';
import { hostOf, labelOf, observe, primaryOf, type Seen } from '../observe.ts';
import type { ActionOptions } from '../options.ts';
import type { Session } from '../session.ts';
import { pushNow, sayPush } from './push.ts';

/** @throws {RefusedError} for a group that is only observed */
function refuseIfObserved(overview: GroupOverview): void {
  const blocker = modeBlocker(overview);
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
}

/** An instance as it was seen. */
function instanceOf({ observed }: Seen, id: string): ObservedInstance {
  const found = observed.instances.find((each) => each.id === id);
  if (found === undefined)
    throw new RefusedError(`EC2 shows no instance ${id}`, 'Look again: hostsync status');
  return found;
}

/** @param to id or name; undefined for the best */
export async function switchover(
  session: Session,
  given: string | undefined,
  to: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const seen = await observe(session, group);
  const { overview } = seen;
  const primary = primaryOf(overview);
  const target = to === undefined ? undefined : hostOf(overview, to);
  const blocker = switchoverBlocker(overview, target?.id);
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
  const name = target === undefined ? 'the best secondary' : labelOf(target);
  const epoch = nextEpoch(overview, seen.observed.registers.get(group));
  const change: Change = {
    title: `Plan for ${group}: ${labelOf(primary)} ${session.terminal.arrow} ${name} (epoch ${overview.epoch ?? '?'} ${session.terminal.arrow} ${epoch})`,
    steps: [
      `stop writes on ${labelOf(primary)}, where it has the hook before-demotion`,
      `push to ${name} until nothing is left`,
      `make ${name} the primary: hook after-promotion, name and target group moved`,
      `first push from ${name} to the other hosts`,
    ],
    warnings: [
      'Uploads fail for some seconds if there is a hook before-demotion. No file can be lost.',
      ...heldWarnings(overview),
    ],
    tags: [{ instances: [primary.id], set: { [tagKeys.switchover]: target?.id ?? 'any' }, remove: [] }],
  };
  if (!(await makeChange(session, options, change))) return 0;
  await session.wake(group, 'an operator asked for a switchover');
  await follow(session, {
    group,
    timeout: options.timeout,
    goesOn: `The switchover goes on without this command; hostsync status ${group} -w shows it. To give it up, delete the tag ${tagKeys.switchover} of ${primary.id}.`,
    stageOf: (now) => switchoverStage(now.overview, primary.id, target?.id, isPrimaryEstablished(now)),
  });
  return 0;
}

function isPrimaryEstablished({ overview, observed }: Seen): boolean {
  return observed.instances.some((each) => each.id === overview.primary && isEstablished(each));
}

export async function pause(
  session: Session,
  given: string | undefined,
  reason: string,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const { overview } = await observe(session, group);
  const primary = primaryOf(overview);
  if (overview.paused !== null)
    throw new RefusedError(
      `${group} is paused already: "${overview.paused}"`,
      `To go on: hostsync resume ${group}`,
    );
  if (reason === '' || [...reason].length > 256)
    throw new RefusedError('A reason has 1 to 256 characters', 'Others read it in the status.');
  const done = await makeChange(session, options, {
    title: `Pause ${group}`,
    steps: ['pushes stop: what runs now finishes', 'no host joins, and no host is promoted'],
    warnings: ['Copies go out of date from now on, and a primary that dies is not replaced.'],
    tags: [{ instances: [primary.id], set: { [tagKeys.paused]: reason }, remove: [] }],
  });
  if (!done) return 0;
  await until(session, group, options, ({ overview: { paused } }) =>
    paused === null ? undefined : `${group} is paused. To go on: hostsync resume ${group}`,
  );
  return 0;
}

export async function resume(
  session: Session,
  given: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const { overview, observed } = await observe(session, group);
  const primary = primaryOf(overview);
  if (overview.paused === null && !overview.observed)
    throw new RefusedError(`${group} is not paused`, `See: hostsync status ${group}`);
  const carriers = observed.instances.filter(({ tags }) => tags[tagKeys.mode] !== undefined);
  const done = await makeChange(session, options, {
    title: overview.observed
      ? `Resume ${group}, which is only observed`
      : `Resume ${group}, which is paused: "${overview.paused}"`,
    steps: ['the next tick pushes what has changed meanwhile', 'hosts join and are promoted again'],
    warnings: overview.intentions.map((each) => `hostsync is about to ${describeIntention(each)}`),
    tags: [
      ...(overview.paused === null ? [] : [{ instances: [primary.id], set: {}, remove: [tagKeys.paused] }]),
      ...(carriers.length === 0
        ? []
        : [{ instances: carriers.map(({ id }) => id), set: {}, remove: [tagKeys.mode] }]),
    ],
  });
  if (!done) return 0;
  await session.wake(group, 'an operator resumed the group');
  await until(session, group, options, ({ overview: now }) =>
    now.paused === null && !now.observed
      ? `${group} goes on. Wait for it: hostsync wait ${group} --in-sync`
      : undefined,
  );
  return 0;
}

/** Until a look shows it: EC2 may show old tags for a while. */
function until(
  session: Session,
  group: string,
  { timeout }: ActionOptions,
  reached: (seen: Seen) => string | undefined,
): Promise<void> {
  const stageOf = (seen: Seen): Stage => {
    const message = reached(seen);
    return message === undefined
      ? { kind: 'working', message: 'waiting until EC2 shows the tag' }
      : { kind: 'done', message };
  };
  return follow(session, {
    group,
    timeout,
    goesOn: `The tag is set. See: hostsync status ${group}`,
    stageOf,
  });
}

export async function acceptDeletions(
  session: Session,
  given: string,
  id: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const { overview } = await observe(session, group);
  const primary = primaryOf(overview);
  refuseIfObserved(overview);
  const held = heldDeletions(overview, id, acceptCommand);
  if ('advice' in held) throw new RefusedError(held.reason, held.advice);
  const { count, total, examples } = held;
  const others = overview.hosts.length - 1;
  const done = await makeChange(session, options, {
    title: `Delete ${count} of ${total} entries on ${others} hosts of ${group} (${held.id})`,
    steps: [
      ...examples.slice(0, 10).map((name) => `delete ${name}`),
      `push them from ${labelOf(primary)}; deletions that come later stay held`,
    ],
    warnings: ['This cannot be undone.'],
    tags: [{ instances: [primary.id], set: { [tagKeys.acceptDeletions]: held.id }, remove: [] }],
    typed: { question: `Type the number of entries to accept (${count}):`, answer: String(count) },
  });
  if (!done) return 0;
  return sayPush(session, await pushNow(session, group, options.timeout, held.id), group);
}

export async function resync(
  session: Session,
  name: string,
  given: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const { overview } = await observe(session, group);
  const host = hostOf(overview, name);
  const blocker = resyncBlocker(overview, host);
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
  const done = await makeChange(session, options, {
    title: `Have ${labelOf(host)} of ${group} join again`,
    steps: [
      'its login, the trusted key and its pinned host key are set up anew',
      'pushes to it go on, and the next one that finds no manifest of it compares everything',
    ],
    warnings: [],
    tags: [{ instances: [host.id], set: {}, remove: [tagKeys.joined] }],
  });
  if (!done) return 0;
  await session.wake(group, 'an operator asked for a new join');
  await follow(session, {
    group,
    timeout: options.timeout,
    goesOn: `${labelOf(host)} joins without this command. See: hostsync status ${group}`,
    stageOf(seen) {
      const isJoined = instanceOf(seen, host.id).tags[tagKeys.joined] !== undefined;
      const waits = conditionBlocker({ kind: 'joined', host: host.id }, seen.overview);
      if (isJoined && waits === undefined)
        return { kind: 'done', message: `${labelOf(host)} has joined again` };
      return { kind: 'working', message: waits ?? `${labelOf(host)} is about to join` };
    },
  });
  return 0;
}

export async function promote(
  session: Session,
  name: string,
  given: string | undefined,
  isForced: boolean,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const seen = await observe(session, group);
  const { overview } = seen;
  const host = hostOf(overview, name);
  if (!isForced)
    throw new RefusedError(
      'A promotion by hand may lose uploads, so it needs --force',
      `Without loss, while the primary lives: hostsync switchover ${group} --to ${host.id}`,
    );
  const blocker = forcedPromotionBlocker(overview, host, instanceOf(seen, host.id));
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
  const epoch = nextEpoch(overview, seen.observed.registers.get(group));
  const late = host.secondsBehind === null ? 'an unknown time' : duration(host.secondsBehind);
  const done = await makeChange(session, options, {
    title: `Make ${labelOf(host)} the primary of ${group} by force (epoch ${overview.epoch ?? '?'} ${session.terminal.arrow} ${epoch})`,
    steps: [
      `${labelOf(host)} claims epoch ${epoch}: every other host refuses pushes of the old primary`,
      'the other hosts give it what only they hold, and join it',
      'the old primary, if it is there, is set apart until what only it holds is rescued',
    ],
    warnings: [
      `Uploads of the last ${late} may be missing until the old primary is back.`,
      ...(host.promotionBlocker === null
        ? []
        : [`By itself hostsync would not take ${labelOf(host)}: ${host.promotionBlocker}.`]),
      ...heldWarnings(overview),
    ],
    tags: [{ instances: [host.id], set: { [tagKeys.primary]: String(epoch) }, remove: [] }],
    typed: { question: `Type the name of the group to go on (${group}):`, answer: group },
  });
  if (!done) return 0;
  await session.wake(group, 'an operator promoted a host');
  await followPromotion(session, group, host.id, options);
  return 0;
}

/** Until the host is the primary in all respects. */
function followPromotion(
  session: Session,
  group: string,
  host: string,
  { timeout }: ActionOptions,
): Promise<void> {
  return follow(session, {
    group,
    timeout,
    goesOn: `The promotion goes on without this command. See: hostsync status ${group} -w`,
    stageOf(seen) {
      const waits = conditionBlocker({ kind: 'promoted', host }, seen.overview);
      if (waits !== undefined) return { kind: 'working', message: waits };
      if (isPrimaryEstablished(seen))
        return { kind: 'done', message: `${host} is the primary, epoch ${seen.overview.epoch ?? '?'}` };
      return { kind: 'working', message: `${host} is being made the primary` };
    },
  });
}

export async function rotateKeys(
  session: Session,
  given: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const group = await session.group(given);
  const seen = await observe(session, group);
  const primary = primaryOf(seen.overview);
  refuseIfObserved(seen.overview);
  if (seen.overview.paused !== null)
    throw new RefusedError(`${group} is paused`, `First: hostsync resume ${group}`);
  if (primary.level !== 'in-sync')
    throw new RefusedError(
      `The primary ${labelOf(primary)} is ${primary.state}`,
      `See: hostsync doctor ${group}`,
    );
  const before = instanceOf(seen, primary.id).tags[tagKeys.publicKey];
  const epoch = nextEpoch(seen.overview, seen.observed.registers.get(group));
  const done = await makeChange(session, options, {
    title: `New epoch and key for ${labelOf(primary)} of ${group} (epoch ${seen.overview.epoch ?? '?'} ${session.terminal.arrow} ${epoch})`,
    steps: [
      `${labelOf(primary)} makes a new SSH key for epoch ${epoch}`,
      'every secondary joins again: it trusts the new key, and the old one no more',
    ],
    warnings: [
      'Pushes pause until the secondaries have joined again: seconds, for some hosts more.',
      ...heldWarnings(seen.overview),
    ],
    tags: [{ instances: [primary.id], set: { [tagKeys.primary]: String(epoch) }, remove: [] }],
  });
  if (!done) return 0;
  await session.wake(group, 'an operator asked for a new key');
  await followPromotion(session, group, primary.id, options);
  const after = instanceOf(await observe(session, group), primary.id).tags[tagKeys.publicKey];
  if (after === before)
    throw new RefusedError(
      `The epoch is new, and ${labelOf(primary)} has kept its key`,
      'Its host package makes a key only where there is none. Move /etc/hostsync/id_ed25519 away on it, then try again.',
    );
  session.terminal.say(
    `${session.terminal.symbol('ok')} the key is new. Wait for the secondaries: hostsync wait ${group} --in-sync`,
  );
  return 0;
}
