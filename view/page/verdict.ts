import type { Level, LiveGroup, Verdict } from '../model/live.ts';
import { $, h, replaceWhenChanged, setAttribute } from './dom.ts';
import { icon } from './icons.ts';

const background: Readonly<Record<Level, string>> = {
  ok: 'b-ok',
  warn: 'b-warn',
  held: 'b-warn',
  bad: 'b-bad',
  work: 'b-work',
  off: 'b-off',
};

/** The sentence that everything else is evidence for: heading, title and icon of the tab. */
export function drawVerdict({ level, title, text, command }: Verdict, group: LiveGroup | undefined): void {
  const section = $('#verdict');
  const primary = group?.hosts.find(({ role }) => role === 'primary');
  const key = [level, title, text, command, group?.name, primary?.name, primary?.zone, group?.epoch];
  const changed = replaceWhenChanged(section, [...key, group?.directories], () => [
    h('span', { class: `badge ${background[level]}` }, icon(level, '')),
    h('h1', {}, title),
    h('p', {}, text),
    group === undefined ? undefined : facts(group),
    command === undefined ? undefined : h('div', { class: 'do' }, commandBox(command)),
  ]);
  if (!changed) return;
  document.title = group === undefined ? `${title} · hostsync` : `${title} · ${group.name} · hostsync`;
  setAttribute($('#favicon'), 'href', tabIcon(level));
}

function facts(group: LiveGroup): HTMLElement {
  const primary = group.hosts.find(({ role }) => role === 'primary');
  const fact = (name: string, ...value: readonly (Node | string)[]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, ...value));
  const [directory = '—'] = group.directories;
  return h(
    'dl',
    { class: 'facts' },
    fact('Group', group.name),
    primary === undefined
      ? fact('Primary', h('span', { class: 'bad' }, 'none'))
      : fact('Primary', `${primary.name} `, h('small', {}, primary.zone.slice(-2))),
    fact('Epoch', group.epoch === null ? '—' : String(group.epoch)),
    group.directories.length === 1
      ? fact('Directory', h('code', {}, directory))
      : fact('Directories', String(group.directories.length)),
  );
}

/** A command to copy. */
export function commandBox(command: string): HTMLElement {
  const button = h('button', { type: 'button', 'aria-label': `Copy: ${command}` }, 'Copy');
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(command).then(
      () => {
        button.textContent = 'Copied';
        setTimeout(() => {
          button.textContent = 'Copy';
        }, 1_500);
      },
      () => getSelection()?.selectAllChildren(code),
    );
  });
  const code = h('code', { tabindex: 0 }, command);
  return h('div', { class: 'cmd' }, code, button);
}

/** The same shape as in the page, in a colour that shows on a light and on a dark tab. */
function tabIcon(level: Level): string {
  const colours: Readonly<Record<Level, string>> = {
    ok: '#2f9e63',
    warn: '#c98a12',
    held: '#c98a12',
    bad: '#dc4a40',
    work: '#8672e8',
    off: '#80878e',
  };
  const drawn = icon(level, '');
  drawn.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const text = drawn.outerHTML
    .replaceAll('currentColor', colours[level])
    .replaceAll('var(--surface)', '#fff');
  return `data:image/svg+xml,${encodeURIComponent(text)}`;
}
