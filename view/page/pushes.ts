import { count, duration, size } from '../model/format.ts';
import type { LivePush } from '../model/live.ts';
import { $, h, replaceWhenChanged, s, setText } from './dom.ts';
import { smallTable } from './lag-chart.ts';

export type Measure = 'bytes' | 'files';

const height = 120;
const most = 60;

/** One bar a push: hatched when it did not reach some secondary, a short grey one when there was nothing to send. */
export function drawPushes(pushes: readonly LivePush[], measure: Measure): void {
  const chart = $('#push-chart');
  const { clientWidth } = chart;
  replaceWhenChanged(chart, [pushes.map(({ id }) => id), measure, clientWidth], () =>
    pushes.length === 0
      ? [h('p', { class: 'empty' }, 'No push yet.')]
      : [bars(pushes, measure, clientWidth - 32)],
  );
  setText($('#push-summary'), pushes.length === 0 ? '' : `the last ${pushes.length}`);
  replaceWhenChanged(
    $('#push-table'),
    pushes.map(({ id }) => id),
    () => [
      smallTable(
        ['Time', 'Files', 'Deleted', 'Bytes', 'Took', 'Not reached'],
        pushes
          .toReversed()
          .map((push) => [
            new Date(push.at).toTimeString().slice(0, 8),
            push.files.toLocaleString('en'),
            push.deleted.toLocaleString('en'),
            size(push.bytes),
            duration(push.seconds),
            push.missed.join(', ') || '—',
          ]),
      ),
    ],
  );
}

function bars(pushes: readonly LivePush[], measure: Measure, width: number): SVGSVGElement {
  const top = Math.max(1, ...pushes.map((push) => push[measure]));
  const step = width / most;
  const base = height - 18;
  const drawn = pushes.map((push, index) => {
    const value = push[measure];
    // The root: a push of one file stays visible beside one of ten thousand
    const tall = value === 0 ? 3 : Math.max(6, Math.sqrt(value / top) * (base - 14));
    const tone = push.missed.length > 0 ? 'missed' : value === 0 ? 'nothing' : 'sent';
    const x = (most - pushes.length + index) * step;
    return s(
      'g',
      {},
      s('rect', { class: 'hit', x, y: 0, width: step, height: base }, s('title', {}, sentence(push))),
      s('rect', {
        class: `bar ${tone}`,
        x: x + 1,
        y: base - tall,
        width: Math.max(2, step - 2),
        height: tall,
        rx: 2,
      }),
    );
  });
  const [oldest, newest] = [pushes[0], pushes.at(-1)];
  const time = (push: LivePush | undefined) =>
    push === undefined ? '' : new Date(push.at).toTimeString().slice(0, 8);
  const from = (most - pushes.length) * step;
  return s(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': `The last ${count(pushes.length, 'push', 'pushes')}. The newest: ${newest === undefined ? 'none' : sentence(newest)}.`,
    },
    s(
      'defs',
      {},
      s(
        'pattern',
        { id: 'hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        s('rect', { class: 'hatch', width: 2.5, height: 5 }),
      ),
    ),
    s('line', { class: 'base', x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5 }),
    ...drawn,
    s('text', { class: 'at', x: Math.min(from, width - 120), y: height - 3 }, time(oldest)),
    s('text', { class: 'at', x: width, y: height - 3, 'text-anchor': 'end' }, time(newest)),
    s('text', { class: 'at', x: 0, y: 10 }, measure === 'bytes' ? size(top) : count(top, 'file')),
  );
}

function sentence({ at, files, deleted, bytes, seconds, missed }: LivePush): string {
  const time = new Date(at).toTimeString().slice(0, 8);
  const lost = missed.length === 0 ? '' : `, not to ${missed.join(', ')}`;
  const gone = deleted === 0 ? '' : `, ${count(deleted, 'deletion')}`;
  return `${time}: ${count(files, 'file')}${gone}, ${size(bytes)} in ${duration(seconds)}${lost}`;
}
