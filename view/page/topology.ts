import type { LiveGroup } from '../model/live.ts';
import { layOut, type Node, nodeHeight, type Topology } from '../model/topology.ts';
import { $, replaceWhenChanged, s } from './dom.ts';
import { icon } from './icons.ts';

const calm = matchMedia('(prefers-reduced-motion:reduce)');
/** At most so many dots for one push: more are no clearer. */
const mostDots = 14;

interface Dot {
  readonly circle: SVGCircleElement;
  readonly path: SVGPathElement;
  readonly length: number;
  readonly started: number;
  readonly milliseconds: number;
  readonly then: (() => void) | undefined;
}

/** The way of a file: editors, primary, secondaries, visitors. A dot is a file that really was sent. */
export class TopologyPicture {
  #topology: Topology | undefined;
  #dots: Dot[] = [];
  #isMoving = false;
  readonly #parent = $('#topology');

  draw(group: LiveGroup): void {
    const topology = layOut(group, Math.max(300, this.#parent.clientWidth));
    this.#topology = topology;
    if (replaceWhenChanged(this.#parent, topology, () => [picture(topology)])) this.#dots = [];
  }

  /** Files were sent: dots travel along the links that are not cut. */
  push(files: number): void {
    if (calm.matches || document.hidden) return;
    for (let index = 0; index < Math.min(files, mostDots); index += 1)
      setTimeout(() => this.#fly('editors', 600, 4, () => this.#fanOut()), index * 90);
  }

  #fanOut(): void {
    for (const { id, kind } of this.#topology?.links ?? []) {
      if (id === 'editors' || kind === 'cut' || kind === 'idle' || kind === 'read') continue;
      setTimeout(() => this.#fly(id, 700, 4, () => this.#fly(`read ${id}`, 900, 2.5)), Math.random() * 140);
    }
  }

  #fly(id: string, milliseconds: number, radius: number, then?: () => void): void {
    const path = [...this.#parent.querySelectorAll<SVGPathElement>('path.link')].find(
      (each) => each.dataset['id'] === id,
    );
    if (path === undefined) return;
    const circle = s('circle', { class: 'dot', r: radius });
    this.#parent.querySelector('.dots')?.append(circle);
    this.#dots.push({
      circle,
      path,
      length: path.getTotalLength(),
      started: performance.now(),
      milliseconds,
      then,
    });
    if (!this.#isMoving) requestAnimationFrame((at) => this.#move(at));
    this.#isMoving = true;
  }

  #move(at: number): void {
    const moving: Dot[] = [];
    for (const dot of this.#dots) {
      const part = (at - dot.started) / dot.milliseconds;
      if (part < 1) {
        const eased = part < 0.5 ? 2 * part * part : 1 - (2 - 2 * part) ** 2 / 2;
        const { x, y } = dot.path.getPointAtLength(Math.max(0, eased) * dot.length);
        dot.circle.setAttribute('cx', String(x));
        dot.circle.setAttribute('cy', String(y));
        moving.push(dot);
      } else {
        dot.circle.remove();
        dot.then?.();
      }
    }
    this.#dots = [...moving, ...this.#dots.filter((dot) => dot.started > at)];
    this.#isMoving = this.#dots.length > 0;
    if (this.#isMoving) requestAnimationFrame((next) => this.#move(next));
  }
}

function picture({ width, height, isNarrow, zones, links, nodes, sentence }: Topology): SVGSVGElement {
  return s(
    'svg',
    { class: 'topo', viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': sentence },
    ...zones.flatMap((zone) => [
      s('rect', { class: 'zonebox', x: zone.x, y: zone.y, width: zone.width, height: zone.height, rx: 10 }),
      isNarrow
        ? s('text', { class: 'zl', x: zone.x + 8, y: zone.y + 16 }, zone.title)
        : s('text', { class: 'zl', x: zone.x + zone.width + 8, y: zone.y + 14 }, zone.title),
    ]),
    ...links.map(({ id, path, kind }) => s('path', { class: `link ${kind}`, d: path, 'data-id': id })),
    ...nodes.map(drawnNode),
    ...links.filter(({ kind }) => kind === 'cut').map(({ middle: [x, y] }) => cross(x, y)),
    s('g', { class: 'dots' }),
  );
}

function drawnNode({ id, title, subtitle, icon: name, x, y, width }: Node): SVGGElement {
  const text = name === undefined ? { x: width / 2, 'text-anchor': 'middle' } : { x: 33 };
  const shape = name === undefined ? undefined : icon(name, name === 'primary' ? '' : name);
  shape?.setAttribute('x', '9');
  shape?.setAttribute('y', String(nodeHeight / 2 - 8));
  shape?.setAttribute('width', '16');
  shape?.setAttribute('height', '16');
  const room = Math.floor((width - (name === undefined ? 12 : 40)) / 6.6);
  return s(
    'g',
    {
      class: id === 'primary' && name === 'primary' ? 'node p' : 'node',
      transform: `translate(${x - width / 2} ${y - nodeHeight / 2})`,
    },
    s('rect', { width, height: nodeHeight, rx: 9 }),
    shape,
    s('text', { ...text, y: nodeHeight / 2 - 2 }, shortened(title, room)),
    s('text', { ...text, class: 's', y: nodeHeight / 2 + 13 }, shortened(subtitle, room + 1)),
  );
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function cross(x: number, y: number): SVGGElement {
  return s(
    'g',
    { class: 'cross', transform: `translate(${x - 8} ${y - 8})` },
    s('circle', { cx: 8, cy: 8, r: 9 }),
    s('path', { d: 'm4.5 4.5 7 7m0-7-7 7' }),
  );
}
