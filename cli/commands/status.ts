import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodeOf, type GroupOverview, worst } from '../../shared/core/operator/overview.ts';
import { explain } from '../errors.ts';
import { observe } from '../observe.ts';
import type { CommonOptions } from '../options.ts';
import { statusLines, statusTsv } from '../output/status-text.ts';
import { chooseGroup, type Session } from '../session.ts';

export interface StatusOptions extends CommonOptions {
  readonly group?: string;
  readonly watch?: boolean;
}

/** Milliseconds between two looks of `-w`: each asks AWS some ten times. */
const watchPause = 2_000;

/** @returns 0 in sync, 1 behind, 2 needs attention */
export async function status(session: Session, options: StatusOptions): Promise<number> {
  const groups = await groupsOf(session, options.group);
  if (options.watch === true) return watch(session, groups);
  const overviews = await overviewsOf(session, groups);
  const { terminal } = session;
  if (options.output === 'json')
    terminal.print(JSON.stringify(options.group === undefined ? overviews : overviews[0], undefined, 2));
  else if (options.output === 'tsv') for (const line of statusTsv(overviews)) terminal.print(line);
  else for (const line of tableLines(session, overviews)) terminal.print(line);
  return exitCodeOf(worst(overviews.map(({ level }) => level)));
}

/** All groups where none is named. */
async function groupsOf(session: Session, given: string | undefined): Promise<readonly string[]> {
  const names = [...(await session.groups()).keys()];
  return given === undefined && names.length > 1
    ? names
    : [chooseGroup(given, names, session.deployment.region)];
}

async function overviewsOf(session: Session, groups: readonly string[]): Promise<readonly GroupOverview[]> {
  const overviews: GroupOverview[] = [];
  // One after the other: AWS throttles the whole account, the functions too
  for (const group of groups) overviews.push((await observe(session, group)).overview);
  return overviews;
}

function tableLines(
  { terminal, deployment }: Session,
  overviews: readonly GroupOverview[],
): readonly string[] {
  const place = `${deployment.region}, stage ${deployment.stage}`;
  return overviews.flatMap((overview, index) => [
    ...(index === 0 ? [] : ['']),
    ...statusLines(overview, place, terminal),
  ]);
}

const clearScreen = '\x1b[H\x1b[2J\x1b[3J';

/** Until Ctrl-C. What was seen last stays while AWS does not answer. */
async function watch(session: Session, groups: readonly string[]): Promise<number> {
  const { terminal } = session;
  const isTerminal = terminal.options.columns !== Number.POSITIVE_INFINITY;
  let shown: readonly string[] = [];
  let level: GroupOverview['level'] = 'attention';
  let seenAt = Date.now();
  let ended = false;
  const wake = new AbortController();
  process.once('SIGINT', () => {
    ended = true;
    wake.abort();
  });
  while (!ended) {
    let note = 'live, Ctrl-C ends';
    try {
      const overviews = await overviewsOf(session, groups);
      shown = tableLines(session, overviews);
      level = worst(overviews.map((overview) => overview.level));
      seenAt = Date.now();
    } catch (error) {
      const told = explain(error);
      if (told === undefined || shown.length === 0) throw error;
      note = `${told.message}. Shown: ${clock(seenAt)}. Trying again`;
    }
    const lines = [...shown, '', terminal.style('dim', `${clock(Date.now())}, ${note}`)];
    terminal.write(`${isTerminal ? clearScreen : ''}${lines.join('\n')}\n`);
    await sleep(watchPause, undefined, { signal: wake.signal }).catch(() => undefined);
  }
  return exitCodeOf(level);
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
