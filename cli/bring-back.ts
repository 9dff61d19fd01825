import { setTimeout as sleep } from 'node:timers/promises';
import { parseScriptOutput } from '../shared/aws/script-output.ts';
import { encodeRequest } from '../shared/aws/ssm.ts';
import { plainText, visible } from '../shared/core/model/plain-text.ts';
import {
  endOfWatch,
  formatJoinRequest,
  formatPushRequest,
  formatRescueRequest,
  type JoinRequest,
  type PushRequest,
  type PushTarget,
  type RescueRequest,
} from '../shared/core/model/request.ts';
import type { ScriptLine } from '../shared/core/model/script-line.ts';
import { tagKeys } from '../shared/core/model/tag-keys.ts';
import { askHosts } from './ask-hosts.ts';
import { pushNow, sayPush } from './commands/push.ts';
import { RefusedError } from './errors.ts';
import { interruption } from './follow.ts';
import { labelOf, primaryOf, type Seen } from './observe.ts';
import type { Session } from './session.ts';

/** How files of secondaries come back to the primary. */
export interface Way {
  readonly group: string;
  readonly primary: string;
  readonly publicKey: string;
  readonly request: PushRequest;
  /** The secondaries that are pushed to. */
  readonly sources: readonly PushTarget[];
}

/** What is to come back. */
export interface Wanted extends Pick<RescueRequest, 'directories' | 'held' | 'kept'> {
  readonly readable: JoinRequest['readable'];
  /** The command that goes on with it. */
  readonly again: string;
}

/** @throws {RefusedError} where nothing can be fetched */
export function wayBack({ overview, plan, observed }: Seen, group: string): Way {
  const primary = primaryOf(overview);
  const push = plan.find((action) => action.kind === 'push');
  const publicKey = observed.instances.find(({ id }) => id === primary.id)?.tags[tagKeys.publicKey];
  const online = new Set(observed.agents.filter((agent) => agent.online).map(({ id }) => id));
  const sources = push?.request.secondaries.filter(({ id }) => online.has(id)) ?? [];
  if (push === undefined || publicKey === undefined || sources.length === 0)
    throw new RefusedError(
      `No secondary of ${group} can be read from ${labelOf(primary)} now: ${overview.attention[0]?.message ?? overview.verdict}`,
      `See: hostsync doctor ${group}`,
    );
  return { group, primary: primary.id, publicKey, request: push.request, sources };
}

/** Lets the primary read one secondary, fetches what is wanted, and ends that again. @returns why not everything came, or nothing */
export async function bringBack(
  session: Session,
  way: Way,
  wanted: Wanted,
  source: PushTarget,
  timeout: number,
): Promise<string | undefined> {
  const opened = await join(session, way, source, wanted.readable);
  if (opened !== undefined) return opened;
  const interrupt = interruption(
    `What came back stays, and nothing is deleted. To continue: ${wanted.again}`,
  );
  let failure: string | undefined;
  try {
    failure = await rescue(session, way, wanted, source, timeout);
  } finally {
    const closed = await join(session, way, source, undefined);
    if (closed !== undefined)
      session.terminal.say(
        `${session.terminal.symbol('attention')} ${way.primary} can still read ${source.id} with its key: ${closed}. To end that: hostsync resync ${source.id} ${way.group}`,
      );
    interrupt.end();
  }
  interrupt.check();
  return failure;
}

/** Sends what is back to all secondaries. @returns the exit code */
export async function pushBack(session: Session, group: string, timeout: number): Promise<number> {
  return sayPush(session, await pushNow(session, group, timeout), group);
}

/** Seconds for one join. */
const joinTimeout = 300;

/** @returns why it failed, or nothing */
async function join(
  session: Session,
  { group, primary, publicKey, request: { epoch, directories, options } }: Way,
  source: PushTarget,
  readable: JoinRequest['readable'],
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
  if (typeof lines === 'string') return lines;
  return lines.some(({ kind }) => kind === 'join') ? undefined : wordsOf(lines);
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
  { directories, held, kept }: Wanted,
  source: PushTarget,
  timeout: number,
): Promise<string | undefined> {
  const { terminal } = session;
  const { group, primary, request } = way;
  const { epoch, excludes } = request;
  const text = formatRescueRequest({
    group,
    epoch,
    holder: primary,
    directories,
    excludes,
    sources: [source],
    lists: false,
    held,
    kept,
  });
  const { documents } = session.tools(group);
  for (let attempt = 1; ; attempt += 1) {
    await endWatch(session, way, timeout);
    const lines = await run(session, primary, documents.rescue, group, text, timeout);
    if (typeof lines === 'string') return lines;
    const line = lines.find((each) => each.kind === 'rescue');
    if (line?.error === 'busy' && attempt < tries) {
      await sleep(tryPause);
      continue;
    }
    if (line === undefined) return wordsOf(lines);
    const aside =
      line.conflicts === undefined || line.conflicts === 0
        ? ''
        : `; ${line.conflicts} differ from what is there, and are on ${primary} in ${visible(line.keptIn ?? '/var/lib/hostsync/rescued')}`;
    terminal.say(`${terminal.symbol('ok')} ${line.files ?? 0} files are back from ${source.id}${aside}`);
    return line.ok ? undefined : plainText(`${line.error ?? 'failed'}: ${line.message ?? ''}`, 400);
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
  const answers = await askToRestore(session, [instance], { document, group, request }, timeout);
  return answers.get(instance) ?? 'it was not asked';
}

/**
 * Sends the same request to several hosts.
 *
 * @param timeout seconds for one host
 * @returns for each the lines that it printed, or why there are none
 */
export async function askToRestore(
  session: Session,
  instances: readonly string[],
  { document, group, request }: { document: string; group: string; request: string },
  timeout: number,
): Promise<ReadonlyMap<string, readonly ScriptLine[] | string>> {
  const parameters = { request: [encodeRequest(request)] };
  const comment = `hostsync restore, group ${group}`;
  const questions = instances.map((instance) => ({ instance, document, comment, parameters }));
  const answers = await askHosts(session, questions, timeout);
  return new Map(
    [...answers].map(([id, answer]) => [
      id,
      answer.known ? parseScriptOutput(answer.value.output) : answer.reason,
    ]),
  );
}

function wordsOf(lines: readonly ScriptLine[]): string {
  const failed = lines.find((line) => line.kind === 'error');
  return failed === undefined
    ? 'its answer cannot be read'
    : plainText(`${failed.error}: ${failed.message}`, 400);
}
