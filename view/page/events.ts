import { visible } from '../model/format.ts';
import type { EventKind, LiveEvent } from '../model/live.ts';
import { $, h, keyed, replaceWhenChanged, setAttribute, setText } from './dom.ts';
import { icon } from './icons.ts';

const filters: readonly (readonly [kind: EventKind | 'all', title: string])[] = [
  ['all', 'All'],
  ['alert', 'Alerts'],
  ['push', 'Pushes'],
  ['host', 'Hosts'],
  ['promotion', 'Promotions'],
];

/** The stream of what happened: open alerts on top, then the newest. */
export class EventList {
  #filter: EventKind | 'all' = 'all';
  /** What the list holds while it does not follow. */
  #frozen: readonly LiveEvent[] | undefined;
  #announced: Set<string> | undefined;
  readonly #redraw: () => void;

  constructor(redraw: () => void) {
    this.#redraw = redraw;
    const chips = filters.map(([kind, title]) => {
      const chip = h(
        'button',
        { type: 'button', class: 'chip', 'aria-pressed': String(kind === 'all') },
        title,
      );
      chip.addEventListener('click', () => {
        this.#filter = kind;
        for (const other of chips) setAttribute(other, 'aria-pressed', String(other === chip));
        this.#redraw();
      });
      return chip;
    });
    $('#filters').append(...chips);
  }

  draw(events: readonly LiveEvent[]): void {
    this.#announce(events);
    const follow = $('#follow');
    const fresh = this.#frozen === undefined ? 0 : events.length - this.#frozen.length;
    setText(follow, this.#frozen === undefined ? 'Follow' : fresh > 0 ? `Paused, ${fresh} new` : 'Paused');
    setAttribute(follow, 'aria-pressed', String(this.#frozen === undefined));
    const shown = (this.#frozen ?? events)
      .filter(({ kind }) => this.#filter === 'all' || kind === this.#filter)
      .slice(0, 120);
    const list = $('#events');
    keyed(list, shown.length === 0 ? [undefined] : shown, {
      key: (event) => event?.id ?? 'none',
      make: (event) => (event === undefined ? h('li', { class: 'empty' }, 'Nothing yet.') : h('li')),
      update: (element, event) => {
        if (event !== undefined) replaceWhenChanged(element, event, () => entry(event));
      },
    });
  }

  /** @param events all that are known now */
  toggle(events: readonly LiveEvent[]): void {
    this.#frozen = this.#frozen === undefined ? events : undefined;
    this.#redraw();
  }

  /** Says new alerts aloud, and nothing else. */
  #announce(events: readonly LiveEvent[]): void {
    const alerts = events.filter(({ kind }) => kind === 'alert');
    const known = this.#announced;
    this.#announced = new Set(alerts.map(({ id }) => id));
    const fresh = known === undefined ? undefined : alerts.find(({ id }) => !known.has(id));
    if (fresh !== undefined) setText($('#alert'), `${fresh.title}. ${fresh.text}`);
  }

  /** Another group's alerts are no news. */
  forget(): void {
    this.#announced = undefined;
    this.#frozen = undefined;
  }
}

function entry({ at, kind, level, title, text, open }: LiveEvent): readonly (Node | undefined)[] {
  const time = new Date(at);
  return [
    kind === 'push' && level === 'ok' ? icon('dot', 'off') : icon(level),
    h('strong', {}, visible(title), open === true && h('span', { class: 'pill open' }, 'open')),
    h('time', { datetime: time.toISOString() }, time.toTimeString().slice(0, 8)),
    text === '' ? undefined : h('p', {}, text),
  ];
}
