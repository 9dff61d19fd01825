import { setTimeout as sleep } from 'node:timers/promises';
import { parseScriptOutput } from '../../shared/aws/script-output.ts';
import { encodeRequest } from '../../shared/aws/ssm.ts';
import {
  endOfWatch,
  formatJoinRequest,
  formatPushRequest,
  formatRescueRequest,
  type PushRequest,
  type PushTarget,
} from '../../shared/core/model/request.ts';
import type { ScriptLine } from '../../shared/core/model/script-line.ts';
import { tagKeys } from '../../shared/core/model/tag-keys.ts';
import { modeBlocker } from '../../shared/core/operator/action-blockers.ts';
import { heldDeletions, restoreCommand } from '../../shared/core/operator/held-deletions.ts';
import { describePush } from '../../shared/core/operator/summarize-push.ts';
import { askHosts } from '../ask-hosts.ts';
import { makeChange } from '../change.ts';
import { CommandError, exitCodes, RefusedError } from '../errors.ts';
import { interruption } from '../follow.ts';
import { labelOf, observe, primaryOf, type Seen } from '../observe.ts';
import type { ActionOptions } from '../options.ts';
import type { Session } from '../session.ts';
import { pushNow } from './push.ts';

export interface RestoreOptions extends ActionOptions {
  readonly group?: string;
  /** Undefined for what is held now. */
  readonly held?: string;
}

/** Copies what is held back from deletion from a secondary to the primary, and overwrites nothing there. */
export async function restore(session: Session, options: RestoreOptions): Promise<number> {
  const group = await session.group(options.group);
  const { terminal } = session;
  const seen = await observe(session, group);
  const blocker = modeBlocker(seen.overview);
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
  const held = heldDeletions(seen.overview, options.held, restoreCommand);
  if ('advice' in held) throw new RefusedError(held.reason, held.advice);
  const way = wayOf(seen, group, held.id);
  const from = way.sources.map(({ id }) => id).join(', ');
  const done = await makeChange(session, options, {
    title: `Copy ${held.count} entries of ${group} that are held (${held.id}) back to ${way.primary}`,
    steps: [
      ...held.examples.slice(0, 10).map((name) => `copy back ${name}`),
      `let ${way.primary} read them on a secondary (the first that answers of ${from}), fetch them, and end that again`,
      'push: what is back is held no more',
    ],
    warnings: [
      `Nothing on ${way.primary} is overwritten: where there is another file by now, that stays, and the secondary's is kept in /var/lib/hostsync/rescued if it is newer.`,
      'Directories that were empty do not come back.',
    ],
    tags: [],
  });
  if (!done) return 0;
  session.didWrite = true;
  await fetchFromFirst(session, way, options.timeout);
  const summary = await pushNow(session, group, options.timeout);
  for (const { level, text } of describePush(summary, group))
    terminal.say(`${terminal.symbol(level === 'in-sync' ? 'ok' : level)} ${text}`);
  return summary.exitCode;
}

/** How the files come back. */
interface Way {
  readonly group: string;
  readonly held: string;
  readonly primary: string;
  readonly publicKey: string;
  readonly request: PushRequest;
  /** The secondaries that are pushed to: they have what is held. */
  readonly sources: readonly PushTarget[];
}

/** @throws {RefusedError} where nothing can be fetched */
function wayOf({ overview, plan, observed }: Seen, group: string, held: string): Way {
  const primary = primaryOf(overview);
  const push = plan.find((action) => action.kind === 'push');
  const publicKey = observed.instances.find(({ id }) => id === primary.id)?.tags[tagKeys.publicKey];
  const online = new Set(observed.agents.filter((agent) => agent.online).map(({ id }) => id));
  const sources = push?.request.secondaries.filter(({ id }) => online.has(id)) ?? [];
  if (push === undefined || publicKey === undefined || sources.length === 0)
    throw new RefusedError(
      `No secondary of ${group} can be read from ${labelOf(primary)} now: ${overview.verdict}`,
      `See: hostsync doctor ${group}`,
    );
  return { group, held, primary: primary.id, publicKey, request: push.request, sources };
}

/** From the first secondary from which it can be done: each has everything that is held. */
async function fetchFromFirst(session: Session, way: Way, timeout: number): Promise<void> {
  const { terminal } = session;
  const failures: string[] = [];
  for (const source of way.sources) {
    terminal.say(`${terminal.symbol('working')} copying back from ${source.id}`);
    const failure = await fetchFrom(session, way, source, timeout);
    if (failure === undefined) return;
    terminal.say(`${terminal.symbol('behind')} ${source.id}: ${failure}`);
    failures.push(`${source.id}: ${failure}`);
  }
  throw new CommandError(
    exitCodes.refused,
    `The files are not all back: ${failures.join('; ')}`,
    `What came back stays, and nothing is deleted. Try again: ${restoreCommand(way.group, way.held)}`,
  );
}

/** @returns why not everything came, or nothing */
async function fetchFrom(
  session: Session,
  way: Way,
  source: PushTarget,
  timeout: number,
): Promise<string | undefined> {
  const opened = await join(session, way, source, true);
  if (opened !== undefined) return opened;
  const interrupt = interruption(
    `What came back stays, and nothing is deleted. Go on: ${restoreCommand(way.group, way.held)}`,
  );
  let failure: string | undefined;
  try {
    failure = await rescue(session, way, source, timeout);
  } finally {
    const closed = await join(session, way, source, false);
    if (closed !== undefined)
      session.terminal.say(
        `${session.terminal.symbol('attention')} ${way.primary} can still read ${source.id} with its key: ${closed}. To end that: hostsync resync ${source.id} ${way.group}`,
      );
    interrupt.end();
  }
  interrupt.check();
  return failure;
}

/** Seconds for one join. */
const joinTimeout = 300;

/** @returns why it failed, or nothing */
async function join(
  session: Session,
  { group, primary, publicKey, request: { epoch, directories, options } }: Way,
  source: PushTarget,
  readable: boolean,
): Promise<string | undefined> {
  const request = formatJoinRequest({
    group,
    epoch,
    holder: primary,
    directories,
    owner: undefined,
    publicKey,
    options,
    readable,
  });
  const { documents } = session.tools(group);
  const lines = await run(session, source.id, documents.join, group, request, joinTimeout);
  return typeof lines === 'string' || lines.some(({ kind }) => kind === 'join')
    ? problemIn(lines)
    : wordsOf(lines);
}

/** A watch keeps the turn of every secondary. The next push watches again: that of a tick, or the one at the end. */
async function endWatch(session: Session, { group, primary, request }: Way, timeout: number): Promise<void> {
  if (request.watch !== 'auto') return;
  const { epoch, directories } = request;
  const text = formatPushRequest(endOfWatch(group, epoch, primary, directories));
  await run(session, primary, session.tools(group).documents.push, group, text, timeout);
}

/** A push to the secondary that runs keeps its turn for a while. */
const tries = 10;
/** Milliseconds. */
const tryPause = 3_000;

/** @returns why not everything came, or nothing */
async function rescue(
  session: Session,
  way: Way,
  source: PushTarget,
  timeout: number,
): Promise<string | undefined> {
  const { terminal } = session;
  const {
    group,
    primary,
    held,
    request: { epoch, directories, excludes },
  } = way;
  const request = formatRescueRequest({
    group,
    epoch,
    holder: primary,
    directories,
    excludes,
    sources: [source],
    lists: false,
    held,
  });
  const { documents } = session.tools(group);
  for (let attempt = 1; ; attempt += 1) {
    await endWatch(session, way, timeout);
    const lines = await run(session, primary, documents.rescue, group, request, timeout);
    if (typeof lines === 'string') return lines;
    const line = lines.find((each) => each.kind === 'rescue');
    if (line?.error === 'busy' && attempt < tries) {
      await sleep(tryPause);
      continue;
    }
    if (line === undefined) return wordsOf(lines);
    const kept = line.conflicts === undefined || line.conflicts === 0 ? '' : `, ${line.conflicts} kept aside`;
    terminal.say(`${terminal.symbol('ok')} ${line.files ?? 0} files are back from ${source.id}${kept}`);
    return line.ok ? undefined : `${line.error ?? 'failed'}: ${line.message ?? ''}`;
  }
}

/** @returns the lines that the host printed, or why there are none */
async function run(
  session: Session,
  instance: string,
  document: string,
  group: string,
  request: string,
  timeout: number,
): Promise<readonly ScriptLine[] | string> {
  const parameters = { request: [encodeRequest(request)] };
  const comment = `hostsync restore, group ${group}`;
  const answers = await askHosts(session, [{ instance, document, comment, parameters }], timeout);
  const answer = answers.get(instance);
  if (answer?.known !== true) return answer?.reason ?? 'it was not asked';
  return parseScriptOutput(answer.value.output);
}

function problemIn(lines: readonly ScriptLine[] | string): string | undefined {
  return typeof lines === 'string' ? lines : undefined;
}

function wordsOf(lines: readonly ScriptLine[]): string {
  const failed = lines.find((line) => line.kind === 'error');
  return failed === undefined ? 'its answer cannot be read' : `${failed.error}: ${failed.message}`;
}
