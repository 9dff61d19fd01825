import type { Verdict } from '../model/live.ts';
import { Store } from '../model/store.ts';
import { drawAttention } from './attention.ts';
import { Connection, takeToken } from './connection.ts';
import { $, h, replaceWhenChanged, setAttribute, setText } from './dom.ts';
import { EventList } from './events.ts';
import { drawHosts } from './hosts.ts';
import { LagChart } from './lag-chart.ts';
import { drawPromotions } from './promotions.ts';
import { drawPushes, type Measure } from './pushes.ts';
import { startTheme } from './theme.ts';
import { TopologyPicture } from './topology.ts';
import { TryPanel } from './try-panel.ts';
import { drawVerdict } from './verdict.ts';

const store = new Store();
const chart = new LagChart();
const topology = new TopologyPicture();
const events = new EventList(plan);
let groupName: string | undefined;
let chosen: string | undefined;
let measure: Measure = 'bytes';
let lost: 'token' | 'connection' | undefined;
let failure: string | null = null;
let isPlanned = false;

const wrongToken: Verdict = {
  level: 'off',
  title: 'This page needs its whole address',
  text: 'Use the address that hostsync printed: what stands behind the # opens the page. A server that was started anew has another.',
};

const connection = new Connection(takeToken(), {
  draw: (first) => {
    store.draw(first);
    failure = null;
    plan();
  },
  entry: (entry) => {
    store.take(entry);
    if (entry.type === 'push' && entry.data.group === shownGroup()?.name) topology.push(entry.data.files);
    plan();
  },
  source: (reason) => {
    failure = reason;
    plan();
  },
  lost: (reason) => {
    if (reason === lost) return;
    lost = reason;
    plan();
  },
});

const panel = new TryPanel((name, host) => {
  const group = shownGroup()?.name ?? '';
  return connection.act(name, host === undefined || host === '' ? { group } : { group, host });
});

function shownGroup() {
  return store.group(groupName);
}

/** However much comes at once, it is drawn once a frame; a hidden page draws nothing. */
function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    draw();
  });
}

function draw(): void {
  drawConnection();
  const { state } = store;
  const group = shownGroup();
  if (lost === 'token' || state === undefined || group === undefined) {
    setAttribute($('#grid'), 'hidden', true);
    drawVerdict(lost === 'token' ? wrongToken : nothing(), undefined);
    return;
  }
  groupName = group.name;
  setAttribute($('#grid'), 'hidden', false);
  setAttribute(document.body, 'class', lost === undefined && failure === null ? '' : 'stale');
  setText($('#environment'), state.environment.name);
  drawGroups(state.groups.map(({ name }) => name));
  const now = Date.now();
  const samples = store.samples(group.name);
  const pushes = store.pushes(group.name);
  drawVerdict(group.verdict, group);
  drawAttention(group, now);
  panel.draw(state, group);
  topology.draw(group);
  drawHosts(group, samples, chosen);
  chart.draw(group, samples, chosen);
  drawPushes(pushes, measure);
  events.draw(store.events(group.name));
  drawPromotions(group.promotions, now);
  const lately = pushes.filter(({ at }) => at > now - 60_000).reduce((sum, { files }) => sum + files, 0);
  setText($('#rate'), `${lately.toLocaleString('en')} ${lately === 1 ? 'file' : 'files'} in the last minute`);
}

function nothing(): Verdict {
  if (failure !== null) return { level: 'bad', title: 'The state cannot be read', text: failure };
  if (store.state !== undefined)
    return {
      level: 'off',
      title: 'No group in this account and region',
      text: 'A group is a set of instances with the tag hostsync:group.',
      command: 'npx hostsync init',
    };
  return { level: 'off', title: 'Reading the state…', text: '' };
}

function drawConnection(): void {
  const at = store.state?.at;
  const time = at === undefined ? '' : ` · state of ${new Date(at).toTimeString().slice(0, 8)}`;
  const element = $('#connection');
  const text = $('#connection span');
  setAttribute(element, 'class', lost === undefined && failure === null ? 'conn' : 'conn lost');
  if (lost === 'token') setText(text, 'Not connected');
  else if (lost === 'connection') setText(text, `Connection lost${time}`);
  else if (failure !== null) setText(text, `Cannot read the state${time}`);
  else setText(text, store.state === undefined ? 'Connecting' : 'Live');
  setAttribute(element, 'title', failure ?? undefined);
}

function drawGroups(names: readonly string[]): void {
  const select = $<HTMLSelectElement>('#group');
  replaceWhenChanged(select, names, () => names.map((name) => h('option', { value: name }, name)));
  if (groupName !== undefined && select.value !== groupName) select.value = groupName;
}

$<HTMLSelectElement>('#group').addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLSelectElement)) return;
  groupName = target.value;
  chosen = undefined;
  events.forget();
  plan();
});
$('#hosts-table').addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest<HTMLElement>('[data-host]') : null;
  if (button === null) return;
  const { host } = button.dataset;
  chosen = chosen === host ? undefined : host;
  plan();
});
$('#follow').addEventListener('click', () => events.toggle(store.events(groupName ?? '')));
for (const button of document.querySelectorAll<HTMLElement>('[data-measure]'))
  button.addEventListener('click', () => {
    measure = button.dataset['measure'] === 'files' ? 'files' : 'bytes';
    for (const other of document.querySelectorAll('[data-measure]'))
      setAttribute(other, 'aria-pressed', String(other === button));
    plan();
  });
addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape' || chosen === undefined) return;
  chosen = undefined;
  plan();
});
addEventListener('resize', plan);
document.addEventListener('visibilitychange', plan);
startTheme(() => {
  chart.renew();
  plan();
});
plan();
void connection.run();
