import { flag, parseFlags, text } from '../../tour/flags.ts';
import { list, resultFile, wholeNumber } from '../options.ts';

/** In the order in which they are measured. */
const watchCases = ['idle', 'changed', 'times', 'capped', 'loss'] as const;
export type WatchCase = (typeof watchCases)[number];

export interface WatchOptions {
  readonly files: number;
  readonly secondaries: number;
  readonly cases: readonly WatchCase[];
  /** Minutes that an idle primary is measured. */
  readonly minutes: number;
  /** Power cuts. */
  readonly runs: number;
  /** Of the moments of the power cuts. */
  readonly seed: number;
  /** CPU of the primary in the case `capped`, in percent of one core. */
  readonly cpu: number;
  /** Absolute path of a file for the results. */
  readonly json: string | undefined;
  /** Put the results into docs/performance.md. */
  readonly writeDocs: boolean;
}

export const usage = `usage: npm run bench -- watch [FLAG…]

Measures what a watch costs and what it saves.

  --files N         files on the primary, 1000 to 1000000 (default: 200000)
  --secondaries N   1 to 100 (default: 4)
  --cases LIST      of ${watchCases.join(',')} (default: all)
  --minutes N       that an idle primary is measured, 1 to 60 (default: 4)
  --runs N          power cuts, 1 to 1000 (default: 50)
  --seed N          of the moments of the power cuts (default: 1)
  --cpu N           percent of one core that the primary has in the case capped, 1 to 100 (default: 20)
  --json FILE       writes the results there
  --write-docs      puts the results into docs/performance.md
  --help            this`;

/** @throws {UsageError} naming the flag, and what it takes */
export function parseWatchOptions(words: readonly string[]): WatchOptions | 'help' {
  const values = parseFlags(
    words,
    {
      files: text,
      secondaries: text,
      cases: text,
      minutes: text,
      runs: text,
      seed: text,
      cpu: text,
      json: text,
      'write-docs': flag,
    },
    usage,
  );
  if (values.help === true) return 'help';
  const whole = (
    name: 'files' | 'secondaries' | 'minutes' | 'runs' | 'seed' | 'cpu',
    otherwise: string,
    least: number,
    most: number,
  ) => wholeNumber(name, values[name] ?? otherwise, least, most, usage);
  return {
    files: whole('files', '200000', 1000, 1_000_000),
    secondaries: whole('secondaries', '4', 1, 100),
    cases: list('cases', values.cases, watchCases, usage),
    minutes: whole('minutes', '4', 1, 60),
    runs: whole('runs', '50', 1, 1000),
    seed: whole('seed', '1', 0, 999_999_999),
    cpu: whole('cpu', '20', 1, 100),
    json: values.json === undefined ? undefined : resultFile(values.json, usage),
    writeDocs: values['write-docs'] === true,
  };
}
