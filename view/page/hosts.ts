import { duration } from '../model/format.ts';
import type { LiveGroup, LiveHost, Sample } from '../model/live.ts';
import { sparkline } from '../model/sparkline.ts';
import { $, h, keyed, replaceWhenChanged, s, setAttribute, setText } from './dom.ts';
import { icon } from './icons.ts';

type Row =
  | { readonly kind: 'zone'; readonly zone: string }
  | { readonly kind: 'host'; readonly host: LiveHost };

/** The table of hosts, by zone. Choosing one shows its line in the chart. */
export function drawHosts(group: LiveGroup, samples: readonly Sample[], chosen: string | undefined): void {
  const secondaries = group.hosts.filter(({ role }) => role === 'secondary');
  const healthy = secondaries.filter(({ level }) => level === 'ok').length;
  setText(
    $('#hosts-count'),
    secondaries.length === 0
      ? 'no secondaries yet'
      : `${healthy} of ${secondaries.length} ${secondaries.length === 1 ? 'secondary' : 'secondaries'} in sync`,
  );
  replaceWhenChanged($('#hosts-table'), 'table', () => [table()]);
  const last = samples.slice(-60);
  keyed($('#hosts-table tbody'), rows(group.hosts), {
    key: (row) => (row.kind === 'zone' ? `zone ${row.zone}` : row.host.id),
    make: (row) => (row.kind === 'zone' ? zoneRow(row.zone) : hostRow()),
    update: (element, row) => {
      if (row.kind === 'host') updateRow(element, row.host, last, row.host.id === chosen);
    },
  });
}

function table(): HTMLElement {
  const titles = ['Host', 'State', 'Behind', 'Last error', 'May be the primary'];
  return h(
    'table',
    { 'aria-labelledby': 'hosts-title' },
    h('thead', {}, h('tr', {}, ...titles.map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody'),
  );
}

function rows(hosts: readonly LiveHost[]): readonly Row[] {
  const zones = [...new Set(hosts.map(({ zone }) => zone))].sort();
  return zones.flatMap((zone) => [
    { kind: 'zone' as const, zone },
    ...hosts
      .filter((host) => host.zone === zone)
      .toSorted((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }))
      .map((host) => ({ kind: 'host' as const, host })),
  ]);
}

function zoneRow(zone: string): HTMLElement {
  return h(
    'tr',
    { class: 'zone' },
    h('th', { colspan: 5, scope: 'colgroup' }, zone === '' ? 'outside AWS' : zone),
  );
}

function hostRow(): HTMLElement {
  const cells = ['host', 'state', 'beh', 'err', 'may'];
  return h('tr', { class: 'h' }, ...cells.map((name) => h('td', { class: `c-${name}` })));
}

function updateRow(row: Element, host: LiveHost, samples: readonly Sample[], chosen: boolean): void {
  setAttribute(row, 'class', chosen ? 'h hl' : 'h');
  const cell = (name: string): Element => {
    const found = row.querySelector(`.c-${name}`);
    if (found === null) throw new Error(`The row has no ${name}.`);
    return found;
  };
  replaceWhenChanged(cell('host'), [host.name, host.id, host.role, host.release], () => name(host));
  setAttribute(row.querySelector('.c-host button') ?? row, 'aria-pressed', chosen ? 'true' : 'false');
  replaceWhenChanged(cell('state'), [host.level, host.state, host.role], () => [
    h(
      'span',
      { class: `st ${host.role === 'primary' && host.level === 'ok' ? '' : host.level}` },
      host.role === 'primary' && host.level === 'ok' ? icon('primary', '') : icon(host.level),
      host.state,
    ),
  ]);
  behind(cell('beh'), host, samples);
  const said = host.message === undefined || host.message === host.error ? undefined : host.message;
  setAttribute(cell('err'), 'class', host.error === undefined ? 'c-err none' : 'c-err');
  replaceWhenChanged(cell('err'), [host.error, said], () => [
    host.error === undefined ? '—' : h('code', { class: host.level }, host.error),
    said === undefined ? undefined : h('span', { class: 'said', title: said }, said),
  ]);
  setText(
    cell('may'),
    host.role !== 'secondary' ? '—' : host.blocker === undefined ? 'yes' : `no: ${host.blocker}`,
  );
}

function name(host: LiveHost): readonly (Node | string)[] {
  const button = h('button', { type: 'button', 'data-host': host.id }, host.name);
  return [
    h('span', { class: 'hn' }, button, host.role === 'primary' && h('span', { class: 'tag' }, 'primary')),
    h('span', { class: 'hid' }, host.id),
    ...(host.release === undefined ? [] : [h('span', { class: 'hid' }, `release ${host.release}`)]),
  ];
}

function behind(cell: Element, host: LiveHost, samples: readonly Sample[]): void {
  if (cell.firstElementChild === null) {
    const path = s('path');
    const line = s(
      'svg',
      { class: 'spark', viewBox: '0 0 84 22', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      path,
    );
    cell.append(h('span', { class: 'beh num' }, line, h('b')));
  }
  const [line, path, number] = ['svg', 'path', 'b'].map((selector) => cell.querySelector(selector));
  if (line === null || path === null || number === null || !line || !path || !number) return;
  const tone = host.level === 'bad' || host.level === 'warn' ? host.level : '';
  setAttribute(line, 'class', `spark ${tone}`.trimEnd());
  const isMeasured = host.role === 'secondary';
  const values = isMeasured ? samples.map((sample) => sample.behind[host.id] ?? null) : [];
  setAttribute(path, 'd', sparkline(values, 84, 22));
  setAttribute(number, 'class', tone);
  setText(number, host.secondsBehind === null ? '—' : duration(host.secondsBehind));
}
