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
  const views = await viewsOf(session, groups);
  const { terminal } = session;
  if (options.output === 'json')
    terminal.print(JSON.stringify(options.group === undefined ? views : views[0], undefined, 2));
  else if (options.output === 'tsv') for (const line of statusTsv(views)) terminal.print(line);
  else for (const line of tableLines(session, views)) terminal.print(line);
  return exitCodeOf(worst(views.map(({ level }) => level)));
}

/** All groups where none is named. */
async function groupsOf(session: Session, given: string | undefined): Promise<readonly string[]> {
  const names = [...(await session.groups()).keys()];
  return given === undefined && names.length > 1
    ? names
    : [chooseGroup(given, names, session.deployment.region)];
}

async function viewsOf(session: Session, groups: readonly string[]): Promise<readonly GroupOverview[]> {
  const views: GroupOverview[] = [];
  // One after the other: AWS throttles the whole account, the functions too
  for (const group of groups) views.push((await observe(session, group)).view);
  return views;
}

function tableLines({ terminal, deployment }: Session, views: readonly GroupOverview[]): readonly string[] {
  const place = `${deployment.region}, stage ${deployment.stage}`;
  return views.flatMap((view, index) => [
    ...(index === 0 ? [] : ['']),
    ...statusLines(view, place, terminal),
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
      const views = await viewsOf(session, groups);
      shown = tableLines(session, views);
      level = worst(views.map((view) => view.level));
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
