import uPlot from 'uplot';
import { duration } from '../model/format.ts';
import type { LiveGroup, Sample } from '../model/live.ts';
import { $, h, replaceWhenChanged, setAttribute } from './dom.ts';

const low = 0.1;
const high = 3_600;
const windowSeconds = 600;
const height = () => (innerWidth < 700 ? 200 : 240);

/** Seconds behind, one line a secondary. A quiet line is grey; one in trouble is coloured and named. */
export class LagChart {
  #plot: uPlot | undefined;
  #made = '';
  #group: LiveGroup | undefined;
  #chosen: string | undefined;
  readonly #parent = $('#lag-chart');

  constructor() {
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#width(), height: height() })).observe(
      this.#parent,
    );
    matchMedia('(prefers-color-scheme:dark)').addEventListener('change', () => this.renew());
  }

  /** Colours have changed. */
  renew(): void {
    this.#made = '';
  }

  draw(group: LiveGroup, samples: readonly Sample[], chosen: string | undefined): void {
    this.#group = group;
    this.#chosen = chosen;
    const ids = group.hosts.filter(({ role }) => role === 'secondary').map(({ id }) => id);
    const last = samples.at(-1)?.at ?? 0;
    const shown = samples.filter(({ at }) => at > last - windowSeconds * 1_000);
    const data: uPlot.AlignedData = [
      shown.map(({ at }) => at / 1_000),
      ...ids.map((id) => shown.map(({ behind }) => clamp(behind[id] ?? null))),
    ];
    const made = JSON.stringify([group.name, ids, group.behindAfter]);
    if (made === this.#made) this.#plot?.setData(data);
    else {
      this.#made = made;
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(ids), data, this.#parent);
    }
    this.#describe(group);
  }

  #width(): number {
    const style = getComputedStyle(this.#parent);
    return Math.max(
      240,
      this.#parent.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight),
    );
  }

  #options(ids: readonly string[]): uPlot.Options {
    const font = `11px ${colour('--sans')}`;
    const axis: uPlot.Axis = {
      stroke: () => colour('--muted'),
      font,
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { show: false },
    };
    return {
      width: this.#width(),
      height: height(),
      padding: [8, 76, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: true, range: (_plot, _min, max) => [max - windowSeconds, max] },
        y: { distr: 3, log: 10, range: [low, high] },
      },
      axes: [
        {
          ...axis,
          values: (_plot, splits) => splits.map((at) => new Date(at * 1_000).toTimeString().slice(0, 5)),
          incrs: [60, 120, 300],
          space: 70,
        },
        {
          ...axis,
          size: 52,
          splits: () => [0.1, 1, 10, 60, 600, 3_600],
          filter: (_plot, splits) => splits,
          values: () => ['0.1 s', '1 s', '10 s', '1 min', '10 min', '1 h'],
        },
      ],
      series: [
        {},
        ...ids.map(
          (id): uPlot.Series => ({
            label: id,
            stroke: () => this.#strokeOf(id),
            width: 1.6,
            points: { show: false },
            spanGaps: false,
          }),
        ),
      ],
      hooks: { draw: [(plot) => this.#limit(plot), (plot) => this.#labels(plot, ids)] },
    };
  }

  #host(id: string) {
    return this.#group?.hosts.find((host) => host.id === id);
  }

  #strokeOf(id: string): string {
    if (id === this.#chosen) return colour('--accent');
    const level = this.#host(id)?.level;
    if (level === 'bad') return colour('--bad');
    if (level === 'warn' || level === 'held') return colour('--warn');
    return colour('--chart');
  }

  /** From here on a secondary counts as behind. */
  #limit(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const limit = this.#group?.behindAfter ?? 0;
    if (limit < low || limit > high) return;
    const y = plot.valToPos(limit, 'y', true);
    ctx.save();
    ctx.strokeStyle = colour('--warn');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  /** Names at the ends of the lines that matter, instead of a legend. */
  #labels(plot: uPlot, ids: readonly string[]): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `550 ${11 * devicePixelRatio}px ${colour('--sans')}`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    const taken: number[] = [];
    const write = (text: string, at: number, fill: string) => {
      const line = 13 * devicePixelRatio;
      let y = at;
      while (taken.some((other) => Math.abs(other - y) < line)) y -= line;
      taken.push(y);
      ctx.fillStyle = fill;
      ctx.fillText(text, bbox.left + bbox.width + 6 * devicePixelRatio, y);
    };
    let quiet = 0;
    let lowest = 0;
    for (const [index, id] of ids.entries()) {
      const value = Array.from(plot.data[index + 1] ?? []).findLast((each) => typeof each === 'number');
      const host = this.#host(id);
      if (typeof value !== 'number' || host === undefined) continue;
      const y = plot.valToPos(value, 'y', true);
      const matters = id === this.#chosen || host.level !== 'ok';
      if (matters) write(host.name.slice(0, 12), y, this.#strokeOf(id));
      else {
        quiet += 1;
        lowest = Math.max(lowest, y);
      }
    }
    if (quiet > 0) write(`${quiet} in sync`, lowest, colour('--muted'));
    ctx.restore();
  }

  /** The chart for those who do not see it. */
  #describe(group: LiveGroup): void {
    const rows = group.hosts
      .filter(({ role }) => role === 'secondary')
      .map(({ name, secondsBehind }) => [name, secondsBehind === null ? '—' : duration(secondsBehind)]);
    const sentence = rows.map(([name, value]) => `${name} ${value}`).join(', ');
    setAttribute(this.#parent, 'role', 'img');
    setAttribute(
      this.#parent,
      'aria-label',
      `Seconds behind in the last ten minutes. Now: ${sentence || 'no secondary'}.`,
    );
    replaceWhenChanged($('#lag-table'), rows, () => [smallTable(['Host', 'Behind now'], rows)]);
  }
}

export function smallTable(
  titles: readonly string[],
  rows: readonly (readonly (string | undefined)[])[],
): HTMLElement {
  return h(
    'table',
    {},
    h('thead', {}, h('tr', {}, ...titles.map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, ...rows.map((row) => h('tr', {}, ...row.map((cell) => h('td', {}, cell ?? ''))))),
  );
}

function clamp(value: number | null): number | null {
  return value === null ? null : Math.min(high, Math.max(low, value));
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
