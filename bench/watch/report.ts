import { percentile } from '../lag/arrivals.ts';
import type { Idle, Lags, Loss } from './measure.ts';
import type { WatchOptions } from './options.ts';

/** What was measured; what is missing was not. */
export interface WatchResult {
  readonly idle?: { readonly watch: Idle; readonly tick: Idle };
  readonly changed?: { readonly watch: number; readonly parallel: number };
  readonly times?: Readonly<Record<'created' | 'renamed' | 'deleted', Lags>>;
  readonly capped?: { readonly percent: number; readonly rate: number; readonly lags: Lags };
  readonly loss?: readonly Loss[];
}

export const tableHead = ['what', 'measured', 'to reach'];

const seconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const lagsOf = ({ p50, p99, max, missing }: Lags) =>
  `p50 ${seconds(p50)}, p99 ${seconds(p99)}, longest ${seconds(max)}${missing > 0 ? `, ${missing} MISSING` : ''}`;

export function tableRows(
  result: WatchResult,
  { secondaries }: WatchOptions,
): readonly (readonly string[])[] {
  const { idle, changed, times, capped, loss } = result;
  return [
    ...(idle === undefined ? [] : idleRows(idle, secondaries)),
    ...(changed === undefined
      ? []
      : [
          [
            '100 files changed at once, until all are everywhere; parallel rsync from its start',
            `${seconds(changed.watch)}; ${seconds(changed.parallel)} (1/${(changed.parallel / changed.watch).toFixed(1)})`,
            '1/10',
          ],
        ]),
    ...(times === undefined
      ? []
      : Object.entries(times).map(([what, lags]) => [
          `without fanotify, a file ${what}`,
          lagsOf(lags),
          'p50 1.5 s',
        ])),
    ...(capped === undefined
      ? []
      : [
          [
            `${capped.rate} new files a second, the primary has ${capped.percent} % of a core`,
            lagsOf(capped.lags),
            '',
          ],
        ]),
    ...(loss === undefined ? [] : lossRows(loss)),
  ];
}

function idleRows(
  { watch, tick }: { readonly watch: Idle; readonly tick: Idle },
  secondaries: number,
): readonly (readonly string[])[] {
  const share = tick.cpuSeconds / watch.cpuSeconds;
  return [
    [
      'nothing changes: CPU of the primary a minute; the same with a push a minute',
      `${seconds(watch.cpuSeconds)}; ${seconds(tick.cpuSeconds)} (1/${share.toFixed(1)})`,
      '1/3',
    ],
    ['nothing changes: peak memory on the primary', megabytes(watch.peakBytes), `${25 + 4 * secondaries} MB`],
  ];
}

function lossRows(runs: readonly Loss[]): readonly (readonly string[])[] {
  const ascending = runs.map(({ atRisk }) => atRisk).toSorted((one, other) => one - other);
  const never = runs.reduce((sum, { neverCame }) => sum + neverCame, 0);
  return [
    [
      `power cut of the primary at 5 uploads a second, ${runs.length} runs: time of which uploads are on no secondary yet`,
      `p50 ${seconds(percentile(ascending, 0.5))}, p99 ${seconds(percentile(ascending, 0.99))}, longest ${seconds(percentile(ascending, 1))}`,
      'p50 1 s, p99 3 s',
    ],
    ['uploads that never came, the primary being back', String(never), '0'],
  ];
}

/** @returns the document with a new table between the two marks for so many secondaries */
export function replaceWatch(
  document: string,
  result: WatchResult,
  options: WatchOptions,
  conditions: string,
): string {
  const [from, to] = [`<!-- watch ${options.secondaries} -->`, `<!-- /watch ${options.secondaries} -->`];
  const start = document.indexOf(from);
  const end = document.indexOf(to);
  if (start < 0 || end < start) throw new Error(`docs/performance.md has no ${from} … ${to}`);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [
    line(tableHead),
    line(tableHead.map(() => '---')),
    ...tableRows(result, options).map((cells) => line(cells)),
  ].join('\n');
  const text = `${conditions}; ${options.files.toLocaleString('en')} files, ${options.secondaries} secondaries, a tick every 60 s.\n\n${table}\n`;
  return `${document.slice(0, start + from.length)}\n${text}${document.slice(end)}`;
}
