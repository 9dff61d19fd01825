import type { Level } from '../model/live.ts';
import { s } from './dom.ts';

/** Each state has a shape of its own; the colour is only the second sign. */
export type IconName = Level | 'quarantined' | 'primary' | 'dot' | 'theme';

type Shape = readonly [
  name: 'circle' | 'path' | 'rect',
  attributes: Readonly<Record<string, string | number>>,
];

const line = { fill: 'none', stroke: 'currentColor', 'stroke-width': 1.6, 'stroke-linecap': 'round' };
const cut = { ...line, stroke: 'var(--surface)', 'stroke-width': 1.7, 'stroke-linejoin': 'round' };

const shapes: Readonly<Record<IconName, readonly Shape[]>> = {
  ok: [
    ['circle', { cx: 8, cy: 8, r: 7, fill: 'currentColor' }],
    ['path', { d: 'm4.8 8.2 2.2 2.2 4.2-4.6', ...cut }],
  ],
  warn: [
    ['circle', { cx: 8, cy: 8, r: 6.2, ...line }],
    ['path', { d: 'M8 4.4V8l2.4 1.6', ...line }],
  ],
  bad: [
    [
      'path',
      { d: 'M8 1.2 15.4 14.4H.6Z', fill: 'currentColor', stroke: 'currentColor', 'stroke-linejoin': 'round' },
    ],
    ['path', { d: 'M8 6v3.8M8 12v.1', ...cut }],
  ],
  work: [
    ['circle', { cx: 8, cy: 8, r: 6.2, ...line, 'stroke-opacity': 0.3, 'stroke-width': 1.8 }],
    ['path', { class: 'spin', d: 'M8 1.8A6.2 6.2 0 0 1 14.2 8', ...line, 'stroke-width': 1.8 }],
  ],
  off: [['circle', { cx: 8, cy: 8, r: 6.2, ...line, 'stroke-width': 1.5, 'stroke-dasharray': '2.4 2.2' }]],
  held: [
    ['rect', { x: 1.5, y: 1.5, width: 13, height: 13, rx: 3, ...line }],
    ['path', { d: 'M6 5v6M10 5v6', ...line, 'stroke-width': 1.8 }],
  ],
  quarantined: [
    ['path', { d: 'M8 1.2 14 3.4v4.2c0 3.6-2.5 6-6 7.2-3.5-1.2-6-3.6-6-7.2V3.4Z', ...line }],
    ['path', { d: 'M5.5 8h5', ...line }],
  ],
  primary: [
    ['rect', { x: 1.5, y: 1.5, width: 13, height: 13, rx: 3.5, fill: 'currentColor' }],
    ['path', { d: 'M5 8h6M8 5v6', ...cut }],
  ],
  dot: [['circle', { cx: 8, cy: 8, r: 3, fill: 'currentColor' }]],
  theme: [
    ['circle', { cx: 8, cy: 8, r: 6.2, ...line }],
    ['path', { d: 'M8 1.8a6.2 6.2 0 0 1 0 12.4Z', fill: 'currentColor' }],
  ],
};

export function icon(name: IconName, tone: string = name): SVGSVGElement {
  const children = shapes[name].map(([shape, attributes]) => s(shape, attributes));
  return s('svg', { class: `i ${tone}`, viewBox: '0 0 16 16', 'aria-hidden': 'true' }, ...children);
}
