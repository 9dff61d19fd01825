export interface Series {
  readonly name: string;
  /** As SVG writes it. */
  readonly color: string;
  /** Ascending in x; both from 0 on. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  /** Side by side, all over the same x. */
  readonly panels: readonly { readonly yLabel: string; readonly series: readonly Series[] }[];
}

const panel = { width: 440, height: 300, left: 64, right: 32, top: 76, bottom: 52 };

/** Line charts on linear axes from 0, with a legend. On white, so that it can be read on a dark page too. */
export function renderPlot({ title, xLabel, panels }: Plot): string {
  const width = panel.width * panels.length;
  const legend = (panels[0]?.series ?? []).map(
    ({ name, color }, index) =>
      `<line x1="${16 + index * 140}" y1="46" x2="${38 + index * 140}" y2="46" stroke="${color}" stroke-width="2.5"/>` +
      `<text x="${44 + index * 140}" y="50">${escapeXml(name)}</text>`,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${panel.height}" width="${width}" height="${panel.height}" font-family="sans-serif" font-size="12" fill="#111827" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${panel.height}" fill="#ffffff"/>`,
    `<text x="16" y="24" font-size="15" font-weight="bold">${escapeXml(title)}</text>`,
    ...legend,
    ...panels.flatMap(({ yLabel, series }, index) =>
      renderPanel(index * panel.width, xLabel, yLabel, series),
    ),
    '</svg>',
  ].join('\n')}\n`;
}

function renderPanel(
  offset: number,
  xLabel: string,
  yLabel: string,
  series: readonly Series[],
): readonly string[] {
  const left = offset + panel.left;
  const right = offset + panel.width - panel.right;
  const { top } = panel;
  const bottom = panel.height - panel.bottom;
  const all = series.flatMap(({ points }) => points);
  const xTicks = ticks(Math.max(...all.map(({ x }) => x), 0));
  const yTicks = ticks(Math.max(...all.map(({ y }) => y), 0));
  const x = (value: number) => round(left + ((right - left) * value) / (xTicks.at(-1) ?? 1));
  const y = (value: number) => round(bottom - ((bottom - top) * value) / (yTicks.at(-1) ?? 1));
  return [
    ...yTicks.map(
      (value) =>
        `<line x1="${left}" y1="${y(value)}" x2="${right}" y2="${y(value)}" stroke="#e5e7eb"/>` +
        `<text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${showTick(value)}</text>`,
    ),
    ...xTicks.map(
      (value) => `<text x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${showTick(value)}</text>`,
    ),
    `<line x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}" stroke="#111827"/>`,
    `<text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${escapeXml(xLabel)}</text>`,
    `<text x="${left - 48}" y="${top - 12}">${escapeXml(yLabel)}</text>`,
    ...series.flatMap(({ color, points }) => [
      `<polyline fill="none" stroke="${color}" stroke-width="2.5" points="${points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')}"/>`,
      ...points.map((point) => `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3.5" fill="${color}"/>`),
    ]),
  ];
}

/** From 0 to the first round number that is not below the greatest value, in four to ten steps of 1, 2 or 5. */
export function ticks(greatest: number): readonly number[] {
  if (!(greatest > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(greatest / 4));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).findLast((size) => greatest / size >= 4) ?? power;
  return Array.from({ length: Math.ceil(greatest / step - 1e-9) + 1 }, (_, index) =>
    Number((index * step).toPrecision(10)),
  );
}

function showTick(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 6 });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
