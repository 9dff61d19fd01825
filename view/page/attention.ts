import { ago, count, visible } from '../model/format.ts';
import type { HeldDeletions, LiveGroup, OpenPromotion } from '../model/live.ts';
import { $, h, replaceWhenChanged } from './dom.ts';
import { icon } from './icons.ts';
import { commandBox } from './verdict.ts';

/** What waits for somebody, or runs just now: held deletions, a promotion, and what an observed group would get. */
export function drawAttention(group: LiveGroup, now: number): void {
  const key = [group.held.map((held) => [held, since(held, now)]), group.promotion, group.observed];
  replaceWhenChanged($('#att'), key, () => [
    ...(group.promotion === undefined ? [] : [promotion(group.promotion)]),
    ...group.held.map((held) => deletions(held, now)),
    ...(group.observed === undefined ? [] : [observedOnly(group.observed)]),
  ]);
}

function since(held: HeldDeletions, now: number): string {
  return held.since === undefined ? '' : ` since ${ago(held.since, now).replace(' ago', '')}`;
}

function deletions(held: HeldDeletions, now: number): HTMLElement {
  const more = held.count - held.examples.length;
  return h(
    'section',
    { class: 'card att held', 'aria-label': 'Held deletions' },
    h(
      'div',
      { class: 'in' },
      h('h2', {}, icon('held'), `${count(held.count, 'deletion')} held${since(held, now)}`),
      h('p', { class: 'muted' }, held.message),
      h(
        'div',
        { class: 'cols' },
        h(
          'div',
          {},
          h('h3', {}, 'What is gone on the primary'),
          h('ul', { class: 'files' }, ...held.examples.map((name) => h('li', {}, visible(name)))),
          more > 0 && h('p', { class: 'muted small' }, `and ${more.toLocaleString('en')} more`),
        ),
        h(
          'div',
          {},
          ...(held.acceptCommand === undefined
            ? []
            : [h('h3', {}, 'It was meant: delete on every secondary'), commandBox(held.acceptCommand)]),
          ...(held.restoreCommand === undefined
            ? []
            : [h('h3', {}, 'It was a mistake: put the files back'), commandBox(held.restoreCommand)]),
        ),
      ),
    ),
  );
}

function observedOnly({ would, resumeCommand }: NonNullable<LiveGroup['observed']>): HTMLElement {
  return h(
    'section',
    { class: 'card att held', 'aria-label': 'Only observed' },
    h(
      'div',
      { class: 'in' },
      h('h2', {}, icon('held'), 'Only observed: hostsync changes nothing'),
      would.length === 0
        ? h('p', { class: 'muted' }, 'There is nothing that hostsync would do now.')
        : h('ul', { class: 'files' }, ...would.map((line) => h('li', {}, visible(line)))),
      h('h3', {}, 'Let hostsync do it'),
      commandBox(resumeCommand),
    ),
  );
}

function promotion({ from, to, steps }: OpenPromotion): HTMLElement {
  const shape = { done: 'ok', now: 'work', todo: 'off' } as const;
  return h(
    'section',
    { class: 'card att work', 'aria-label': 'Promotion' },
    h(
      'div',
      { class: 'in' },
      h('h2', {}, icon('work'), `${from} → ${to}`),
      h(
        'ol',
        { class: 'tl' },
        ...steps.map(({ title, state, detail }) =>
          h(
            'li',
            { class: state, 'aria-current': state === 'now' ? 'step' : undefined },
            icon(shape[state]),
            h('b', {}, title),
            h('span', {}, detail),
          ),
        ),
      ),
    ),
  );
}
