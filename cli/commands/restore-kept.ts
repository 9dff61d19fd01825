import { visible } from '../../shared/core/model/plain-text.ts';
import { formatKeptListRequest } from '../../shared/core/model/request.ts';
import type { ScriptLine } from '../../shared/core/model/script-line.ts';
import { size } from '../../shared/core/model/size.ts';
import { modeBlocker } from '../../shared/core/operator/action-blockers.ts';
import {
  chooseRuns,
  directoryOf,
  earlierRuns,
  type KeptRun,
  keptRuns,
} from '../../shared/core/operator/kept-files.ts';
import { askToRestore, bringBack, pushBack, type Way, wayBack } from '../bring-back.ts';
import { makeChange } from '../change.ts';
import { CommandError, exitCodes, RefusedError, UsageError } from '../errors.ts';
import { observe } from '../observe.ts';
import type { ActionOptions } from '../options.ts';
import { quote } from '../output/aws-line.ts';
import { formatTable, tsvLine } from '../output/table.ts';
import type { Session } from '../session.ts';

export interface RestoreKeptOptions extends ActionOptions {
  readonly group?: string;
  /** Of the push; undefined to be shown what there is. */
  readonly time: string | undefined;
  /** Absolute; undefined for everything. */
  readonly path: string | undefined;
}

/** Shows what secondaries keep of deleted and replaced files, or copies it back to the primary and overwrites nothing there. */
export async function restoreKept(
  session: Session,
  { time, path, ...options }: RestoreKeptOptions,
): Promise<number> {
  const group = await session.group(options.group);
  const seen = await observe(session, group);
  const way = wayBack(seen, group);
  const { directories } = way.request;
  if (path !== undefined && directoryOf(directories, path) === undefined)
    throw new UsageError(
      `${visible(path)} is in no directory of ${group}`,
      `They are ${directories.join(', ')}.`,
    );
  const said = await askKept(session, way, path === undefined ? [] : [path]);
  const runs = keptRuns(said);
  const unanswered = way.request.secondaries.filter(({ id }) => !said.has(id)).map(({ id }) => id);
  const { terminal } = session;
  for (const id of unanswered) terminal.say(`${terminal.symbol('unknown')} ${id} did not say what it keeps`);
  const command = (chosen: string): string =>
    `hostsync restore ${group} --kept ${chosen}${path === undefined ? '' : ` --path ${quote(path)}`}`;
  if (time === undefined) {
    show(session, options, runs, said);
    const newest = runs[0]?.time;
    if (newest !== undefined) terminal.say(`To bring back, as of the first line: ${command(newest)}`);
    else if (unanswered.length === 0)
      terminal.say(
        `No secondary of ${group} keeps ${path === undefined ? 'anything' : `anything of ${visible(path)}`}. What pushes delete is kept with keep-deleted=DAYS in hostsync:options.`,
      );
    return unanswered.length === 0 ? exitCodes.done : exitCodes.attention;
  }
  const blocker = modeBlocker(seen.overview);
  if (blocker !== undefined) throw new RefusedError(blocker.reason, blocker.advice);
  const chosen = chooseRuns(runs, time, group);
  if ('advice' in chosen) throw new RefusedError(chosen.reason, chosen.advice);
  if (!(await agree(session, options, way, chosen))) return exitCodes.done;
  session.didWrite = true;
  await fetchAll(session, way, chosen, path === undefined ? [] : [path], command(time), options.timeout);
  return pushBack(session, group, options.timeout);
}

/** Seconds. A trash of many files takes a while to be read. */
const listTimeout = 120;

/** What each secondary says that answers. */
async function askKept(
  session: Session,
  { group, primary, request: { epoch, directories }, sources }: Way,
  only: readonly string[],
): Promise<ReadonlyMap<string, readonly ScriptLine[]>> {
  const document = session.deployment.environment['HOSTSYNC_DOCTOR_DOCUMENT'];
  if (document === undefined)
    throw new CommandError(
      exitCodes.unavailable,
      'The deployment names no document for doctor',
      'Deploy again.',
    );
  const request = formatKeptListRequest({ group, epoch, holder: primary, directories, only });
  const hosts = sources.map(({ id }) => id);
  const answers = await askToRestore(session, hosts, { document, group, request }, listTimeout);
  return new Map(
    [...answers].flatMap(([id, lines]) =>
      typeof lines === 'string' || lines.some(({ kind }) => kind === 'error') ? [] : [[id, lines] as const],
    ),
  );
}

function show(
  { terminal }: Session,
  { output }: Pick<RestoreKeptOptions, 'output'>,
  runs: readonly KeptRun[],
  said: ReadonlyMap<string, readonly ScriptLine[]>,
): void {
  if (output === 'json') {
    terminal.print(
      JSON.stringify(
        runs.map(({ kind: _, ...run }) => run),
        undefined,
        2,
      ),
    );
    return;
  }
  if (output === 'tsv') {
    for (const { time, host, directory, files, bytes, examples } of runs)
      terminal.print(tsvLine([time, host, directory, files, bytes, examples.map(visible).join(' ')]));
    return;
  }
  const rows = runs.map(({ time, host, files, bytes, examples }) => [
    time,
    host,
    String(files),
    size(bytes),
    `${examples.slice(0, 2).map(visible).join(', ')}${files > 2 ? ', ...' : ''}`,
  ]);
  const columns = [
    { title: 'TIME (UTC)' },
    { title: 'HOST' },
    { title: 'FILES' },
    { title: 'SIZE' },
    { title: 'SUCH AS' },
  ];
  if (rows.length > 0)
    for (const line of formatTable(columns, rows, terminal.options.columns)) terminal.print(line);
  for (const [id, lines] of said) {
    const earlier = earlierRuns(lines);
    if (earlier > 0)
      terminal.say(`${id} keeps files of ${earlier} earlier pushes; --path finds a file in them.`);
  }
}

function agree(
  session: Session,
  options: ActionOptions,
  { group, primary }: Way,
  chosen: readonly KeptRun[],
): Promise<boolean> {
  const [{ time, files, examples } = { time: '', files: 0, examples: [] }] = chosen;
  const from = [...new Set(chosen.map(({ host }) => host))].join(', ');
  return makeChange(session, options, {
    title: `Copy ${files} files of ${group} that are kept since ${time} back to ${primary}`,
    steps: [
      ...examples.map((name) => `copy back ${visible(name)}`),
      `let ${primary} read what ${from} keeps, fetch it, and end that again`,
      'push: what is back goes to all secondaries',
    ],
    warnings: [
      `Nothing on ${primary} is overwritten: where there is another file by now, that stays, and what was kept goes to /var/lib/hostsync/rescued there.`,
    ],
    tags: [],
  });
}

/** Each directory from the first host that keeps it of that time, and from the next where that fails. */
async function fetchAll(
  session: Session,
  way: Way,
  chosen: readonly KeptRun[],
  only: readonly string[],
  again: string,
  timeout: number,
): Promise<void> {
  const { terminal } = session;
  const missing = new Set(chosen.map(({ directory }) => directory));
  const failures: string[] = [];
  for (const [host, runs] of Map.groupBy(chosen, (run) => run.host)) {
    const source = way.sources.find(({ id }) => id === host);
    const directories = runs.map(({ directory }) => directory).filter((each) => missing.has(each));
    const [first] = runs;
    if (source === undefined || first === undefined || directories.length === 0) continue;
    terminal.say(`${terminal.symbol('working')} copying back from ${host}`);
    const kept = { time: first.time, only };
    const wanted = { directories, kept, readable: 'kept', again } as const;
    const failure = await bringBack(session, way, wanted, source, timeout);
    if (failure === undefined) for (const each of directories) missing.delete(each);
    else failures.push(`${host}: ${failure}`);
  }
  if (missing.size === 0) return;
  throw new CommandError(
    exitCodes.refused,
    `The files are not all back: ${failures.join('; ')}`,
    `What came back stays, and nothing is deleted. Try again: ${again}`,
  );
}
