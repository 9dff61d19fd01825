import type { LiveGroup, LiveState } from '../model/live.ts';
import type { Answer } from './connection.ts';
import { $, h, replaceWhenChanged, setAttribute } from './dom.ts';

interface Button {
  readonly name: string;
  readonly title: string;
  /** It aims at the secondary that is chosen. */
  readonly aims?: boolean;
  readonly isHard?: boolean;
}

const rows: readonly { readonly title: string; readonly buttons: readonly Button[] }[] = [
  {
    title: 'Files',
    buttons: [
      { name: 'add-file', title: 'Add a file' },
      { name: 'add-files', title: 'Add 500 files' },
      { name: 'delete-files', title: 'Delete a half' },
    ],
  },
  {
    title: 'Hosts',
    buttons: [
      { name: 'scale-out', title: 'Scale out' },
      { name: 'scale-in', title: 'Scale in' },
    ],
  },
  {
    title: 'Faults',
    buttons: [
      { name: 'cut-off', title: 'Cut off', aims: true },
      { name: 'fill-disk', title: 'Fill the disk', aims: true },
      { name: 'heal', title: 'Heal all' },
    ],
  },
  {
    title: 'Primary',
    buttons: [
      { name: 'kill-primary', title: 'Kill it', isHard: true },
      { name: 'bring-back', title: 'Bring it back' },
    ],
  },
];

/** The buttons of the local cloud. One that cannot act keeps its place and its focus, and says why when it is pressed. */
export class TryPanel {
  readonly #act: (name: string, host: string | undefined) => Promise<Answer>;
  readonly #watch = h(
    'div',
    { class: 'watchfor', id: 'watch', role: 'status' },
    h('b', {}, 'Press anything. '),
    h(
      'span',
      { class: 'muted' },
      'These are real hosts in network namespaces on your machine. You can break nothing else.',
    ),
  );
  readonly #select = h('select', { id: 'aim' });
  readonly #buttons = new Map<string, HTMLButtonElement>();
  #blockers = new Map<string, string>();
  #running: string | undefined;

  constructor(act: (name: string, host: string | undefined) => Promise<Answer>) {
    this.#act = act;
    $('#try-in').append(...rows.map(({ title, buttons }) => this.#row(title, buttons)), this.#watch);
  }

  draw(state: LiveState, group: LiveGroup): void {
    const offered = new Map(state.actions.map(({ name, blocker }) => [name, blocker]));
    setAttribute($('#try'), 'hidden', offered.size === 0);
    setAttribute($('#grid'), 'class', offered.size === 0 ? 'grid nolocal' : 'grid');
    this.#blockers = new Map();
    for (const [name, button] of this.#buttons) {
      const blocker = offered.get(name);
      setAttribute(button, 'hidden', !offered.has(name));
      if (blocker !== undefined) this.#blockers.set(name, blocker);
      setAttribute(button, 'aria-disabled', String(blocker !== undefined || this.#running !== undefined));
    }
    const targets = group.hosts.filter(({ role }) => role === 'secondary').map(({ id, name }) => [id, name]);
    const before = this.#select.value;
    if (
      replaceWhenChanged(this.#select, targets, () =>
        targets.map(([id = '', name = '']) => h('option', { value: id }, name)),
      ) &&
      targets.some(([id]) => id === before)
    )
      this.#select.value = before;
  }

  #row(title: string, buttons: readonly Button[]): HTMLElement {
    const aims = buttons.some((button) => button.aims === true);
    return h(
      'div',
      { class: 'tg', role: 'group', 'aria-label': title },
      h('span', {}, title),
      h(
        'div',
        {},
        aims && h('label', {}, h('span', { class: 'sr' }, 'Secondary'), this.#select),
        ...buttons.map((button) => this.#button(button)),
      ),
    );
  }

  #button({ name, title, aims, isHard }: Button): HTMLElement {
    const button = h(
      'button',
      { type: 'button', class: isHard === true ? 'btn danger' : 'btn', 'data-action': name },
      title,
    );
    button.addEventListener(
      'click',
      () => void this.#press(name, aims === true ? this.#select.value : undefined),
    );
    this.#buttons.set(name, button);
    return button;
  }

  async #press(name: string, host: string | undefined): Promise<void> {
    const blocker = this.#blockers.get(name);
    if (blocker !== undefined) return this.#say('Not now.', blocker);
    if (this.#running !== undefined)
      return this.#say('One thing at a time.', 'The last press is still at work.');
    this.#running = name;
    this.#say('On its way…', '');
    try {
      const { ok, text } = await this.#act(name, host);
      this.#say(ok ? 'Done.' : 'Not now.', text);
    } finally {
      this.#running = undefined;
    }
  }

  #say(head: string, text: string): void {
    this.#watch.replaceChildren(h('b', {}, `${head} `), h('span', { class: 'muted' }, text));
  }
}
