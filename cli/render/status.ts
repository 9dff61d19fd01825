import type { GroupOverview, HostOverview, HostState, Verdict } from '../../shared/core/operator/overview.ts';
import type { Look, Style, SymbolName } from '../terminal.ts';
import { lag, minute } from './duration.ts';
import { type Column, renderTable } from './table.ts';

const verdicts: Readonly<Record<Verdict, readonly [SymbolName, Style]>> = {
  'in-sync': ['ok', 'green'],
  behind: ['behind', 'yellow'],
  attention: ['attention', 'red'],
};

const states: Readonly<Record<HostState, readonly [SymbolName, Style, string]>> = {
  'takes-writes': ['ok', 'green', 'takes writes'],
  'being-promoted': ['work', 'magenta', 'being promoted'],
  'in-sync': ['ok', 'green', 'in sync'],
  behind: ['behind', 'yellow', 'behind'],
  joining: ['work', 'magenta', 'joining'],
  waiting: ['work', 'magenta', 'waiting to join'],
  quarantined: ['held', 'yellow', 'quarantined'],
  stopped: ['work', 'dim', 'stopped'],
  unknown: ['behind', 'yellow', 'unknown'],
};

const most = 10;

/** A group, as a person reads it: the verdict, the hosts, and what to do. */
export function renderStatus(
  overview: GroupOverview,
  look: Look,
  where: { readonly region: string; readonly stage: string },
  unread: readonly string[] = [],
): string {
  const { group, epoch, verdict, headline, attention } = overview;
  const { style } = look;
  const [symbol, color] = verdicts[verdict];
  const title = `${style('bold', group)}  ${style(color, `${look.symbol(symbol)} ${headline}`)}`;
  const place = style('dim', `epoch ${epoch || '-'} · ${where.region} · ${where.stage}`);
  const items = attention.slice(0, most).flatMap(({ level, what, why, remedy }) => {
    const [itsSymbol, itsColor]: readonly [SymbolName, Style] =
      level === 'error' ? ['attention', 'red'] : level === 'held' ? ['held', 'yellow'] : ['behind', 'yellow'];
    return ['', `${style(itsColor, `${look.symbol(itsSymbol)} ${what}`)}`, `  ${why}.`, `  Next: ${remedy}`];
  });
  const more = attention.length - most;
  return [
    `${title}   ${place}`,
    '',
    ...renderTable(columnsOf(overview, look), overview.hosts, look.columns - 2).map((line) => `  ${line}`),
    ...heldLines(overview, look),
    ...items,
    ...(more > 0 ? ['', `  and ${more} more: -o json shows all`] : []),
    ...unread.flatMap((what) => ['', style('yellow', `? Not read: ${what}`)]),
  ].join('\n');
}

function columnsOf(overview: GroupOverview, look: Look): readonly Column<HostOverview>[] {
  const named = overview.hosts.some(({ name }) => name !== undefined);
  const id: Column<HostOverview> = { title: 'ID', value: (host) => host.id, spare: 1 };
  return [
    { title: 'HOST', value: ({ name, id: its }) => name ?? its },
    { title: 'ROLE', value: ({ role }) => role },
    { title: 'STATE', value: (host) => stateText(host, look) },
    {
      title: 'BEHIND',
      value: ({ secondsBehind }) => (secondsBehind === undefined ? '-' : lag(secondsBehind)),
    },
    {
      title: 'ERROR',
      value: ({ trouble }) => (trouble === undefined ? '-' : look.style('red', trouble.code)),
    },
    { title: 'TASK', value: ({ task }) => task?.step ?? '-', spare: 2 },
    { title: 'AGENT', value: ({ agent }) => agent, spare: 3 },
    { title: 'ZONE', value: ({ zone }) => zone ?? '-', spare: 4 },
    ...(named ? [id] : []),
  ];
}

function stateText({ state, trouble }: HostOverview, { style, symbol }: Look): string {
  const [itsSymbol, color, word] = states[state];
  if (trouble?.notified === true) return style('red', `${symbol('attention')} ${word}`);
  return style(color, `${symbol(itsSymbol)} ${word}`);
}

function heldLines({ heldDeletions: held }: GroupOverview, { style, symbol }: Look): readonly string[] {
  if (held === undefined) return [];
  const head = `${symbol('held')} Held since ${minute(held.seenAt)} or before: ${held.reason}`;
  return ['', style('yellow', head), ...held.examples.slice(0, 4).map((name) => `    - ${name}`)];
}

/** One line a host, for programs: no times of day, no colours. */
export function statusRows(overviews: readonly GroupOverview[]): string {
  const titles = ['group', 'host', 'name', 'role', 'state', 'seconds_behind', 'error', 'zone', 'agent'];
  const rows = overviews.flatMap(({ group, hosts }) =>
    hosts.map(({ id, name = '', role, state, secondsBehind, trouble, zone = '', agent }) => [
      ...[group, id, name, role, state, String(secondsBehind ?? ''), trouble?.code ?? '', zone, agent],
    ]),
  );
  return [titles, ...rows].map((row) => row.map(cell).join('\t')).join('\n');
}

function cell(text: string): string {
  return text.replaceAll(/[\t\r\n]/gu, ' ');
}
