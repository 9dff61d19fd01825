import { ago, duration } from '../model/format.ts';
import type { PastPromotion } from '../model/live.ts';
import { $, h, replaceWhenChanged, s } from './dom.ts';

/** Past promotions as a time line, newest first, each with where its time went. */
export function drawPromotions(promotions: readonly PastPromotion[], now: number): void {
  const key = promotions.map((promotion) => [promotion, ago(promotion.at, now)]);
  replaceWhenChanged($('#promotions'), key, () =>
    promotions.length === 0
      ? [h('li', { class: 'empty' }, 'No promotion yet.')]
      : promotions.slice(0, 20).map((promotion) => entry(promotion, now)),
  );
}

function entry({ epoch, from, to, why, at, seconds, parts = [] }: PastPromotion, now: number): HTMLElement {
  const total = parts.reduce((sum, part) => sum + part.seconds, 0);
  const took = seconds === undefined ? '' : ` · ${duration(seconds)} without a primary`;
  return h(
    'li',
    {},
    h('span', { class: 'ep', title: `epoch ${epoch}` }, String(epoch)),
    h('b', {}, from === '' ? to : `${from} → ${to}`),
    h('time', { datetime: new Date(at).toISOString() }, ago(at, now)),
    h('p', { class: 'wide' }, `${why}${took}`),
    total > 0 && bar(parts, total),
  );
}

function bar(parts: NonNullable<PastPromotion['parts']>, total: number): Element {
  let x = 0;
  const sentence = parts.map(({ name, seconds }) => `${name} ${duration(seconds)}`).join(', ');
  const drawn = parts.map(({ name, seconds }, index) => {
    const width = (seconds / total) * 100;
    const rect = s(
      'rect',
      { class: `part p${index % 3}`, x, y: 0, width: Math.max(0.5, width - 0.6), height: 6 },
      s('title', {}, `${name}: ${duration(seconds)}`),
    );
    x += width;
    return rect;
  });
  return s(
    'svg',
    {
      class: 'bar3 wide',
      viewBox: '0 0 100 6',
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': sentence,
    },
    ...drawn,
  );
}
