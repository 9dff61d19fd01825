import { duration } from '../../shared/core/model/time.ts';
import { describeRelease } from '../../shared/core/operator/host-release.ts';
import {
  type Attention,
  type GroupOverview,
  type HostOverview,
  type Level,
  markOf,
} from '../../shared/core/operator/overview.ts';
import { describeWatch } from '../../shared/core/operator/watch-view.ts';
import type { SymbolName, Terminal } from '../terminal.ts';
import { formatTable, tsvLine, wrap } from './table.ts';

export const symbolOf: Readonly<Record<Level, SymbolName>> = {
  'in-sync': 'ok',
  behind: 'behind',
  attention: 'attention',
};

const colourOf = { 'in-sync': 'green', behind: 'yellow', attention: 'red' } as const;

/** The longest line of running text: longer ones are hard to read. */
const longestLine = 100;

/** The header, the table of hosts, and what needs a person. */
export function statusLines(overview: GroupOverview, place: string, terminal: Terminal): readonly string[] {
  const width = Math.min(terminal.options.columns, longestLine);
  return [
    headerLine(overview, place, terminal),
    '',
    ...hostTable(overview, terminal),
    ...overview.attention.flatMap((each) => ['', ...attentionLines(each, width, terminal)]),
  ];
}

function headerLine(overview: GroupOverview, place: string, terminal: Terminal): string {
  const { group, epoch, failover, verdict, watch } = overview;
  const mark = markOf(overview);
  const symbol = terminal.symbol(mark === 'held' ? 'held' : symbolOf[mark]);
  const about = [epoch === null ? 'no epoch' : `epoch ${epoch}`, place, `failover ${failover}`];
  if (watch !== null) about.push(describeWatch(watch));
  return `${terminal.style('bold', group)}  ${symbol} ${terminal.style(mark === 'held' ? 'yellow' : colourOf[mark], verdict)}  ${terminal.style('dim', about.join(', '))}`;
}

/** Never dropped: STATE, BEHIND, ERROR. */
const columns = [
  { title: 'HOST' },
  { title: 'ROLE' },
  { title: 'STATE' },
  { title: 'BEHIND' },
  { title: 'ERROR' },
  { title: 'ZONE', drop: 1 },
  { title: 'AGENT', drop: 2 },
  { title: 'RELEASE', drop: 3 },
  { title: 'ID', drop: 4 },
];

function hostTable({ hosts }: GroupOverview, terminal: Terminal): readonly string[] {
  const rows = hosts.map((host) => hostCells(host, terminal));
  const [header = '', ...lines] = formatTable(columns, rows, terminal.options.columns);
  return [terminal.style('dim', header), ...lines];
}

function hostCells(host: HostOverview, terminal: Terminal): readonly string[] {
  const { id, name, role, level, zone, agent, error } = host;
  return [
    name ?? id,
    role,
    `${terminal.symbol(symbolOf[level])} ${stateWords(host)}`,
    behindWords(host),
    error === null ? '-' : terminal.style('red', error.code),
    zone ?? '-',
    agent ?? '-',
    describeRelease(host.release),
    name === null ? '-' : id,
  ];
}

function stateWords({ state, task }: HostOverview): string {
  return task === null || state === 'being promoted'
    ? state
    : `${state} (${task.step}${task.pass > 1 ? `, pass ${task.pass}` : ''})`;
}

function behindWords({ role, secondsBehind }: HostOverview): string {
  if (secondsBehind !== null) return duration(secondsBehind);
  return role === 'primary' ? '-' : '?';
}

function attentionLines(
  { level, message, next }: Attention,
  width: number,
  terminal: Terminal,
): readonly string[] {
  const lines = wrap(message, width, `${terminal.symbol(symbolOf[level])} `);
  return next === null ? lines : [...lines, `  Next: ${terminal.style('bold', next)}`];
}

/** One line for each host: the same columns for ever, new ones are added at the end. */
const tsvColumns = [
  ...['group', 'host', 'name', 'role', 'level', 'state', 'seconds-behind', 'error', 'zone', 'agent'],
  ...['watch', 'release', 'release-deployed'],
] as const;

export function statusTsv(overviews: readonly GroupOverview[]): readonly string[] {
  const rows = overviews.flatMap(({ group, hosts, watch }) =>
    hosts.map(({ id, name, role, level, state, secondsBehind, error, zone, agent, release }) => {
      const rung = role === 'primary' && watch?.running === true ? (watch.rung ?? 'begins') : null;
      return tsvLine([
        ...[group, id, name, role, level, state, secondsBehind, error?.code ?? null, zone, agent],
        ...[rung, release?.name ?? null, release === null ? null : release.isDeployed ? 'yes' : 'no'],
      ]);
    }),
  );
  return [tsvLine(tsvColumns), ...rows];
}
