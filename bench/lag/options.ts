import { flag, parseFlags, text } from '../../tour/flags.ts';
import { UsageError } from '../../tour/options.ts';
import { resultFile, wholeNumber } from '../options.ts';

/** In the order in which they are measured. */
export const lagTools = [
  'hostsync watch',
  'hostsync tick',
  'lsyncd delay=1',
  'lsyncd default',
  'cron loop',
] as const;
export type LagTool = (typeof lagTools)[number];

export interface LagOptions {
  /** New files a second. */
  readonly rates: readonly number[];
  /** For each rate and tool. */
  readonly seconds: number;
  readonly secondaries: number;
  /** Files that are there before. */
  readonly files: number;
  /** Files that are written at once, as fast as can be; 0: none. */
  readonly burst: number;
  readonly tools: readonly LagTool[];
  /** Absolute path of a file for the results. */
  readonly json: string | undefined;
  /** Put the results, and the plot, into docs/performance.md. */
  readonly writeDocs: boolean;
}

export const usage = `usage: npm run bench -- lag [FLAG…]

Measures how long a new file takes from its writer's close until it is whole on each secondary.

  --rates LIST      new files a second, 1 to 1000 (default: 1,20,200)
  --seconds N       for each rate and tool, 5 to 3600 (default: 180); a tick comes every 60
  --secondaries N   1 to 10 (default: 4)
  --files N         files that are there before, 0 to 500000 (default: 20000)
  --burst N         then so many files at once, 0 to 20000 (default: 2000)
  --tools LIST      of ${lagTools.join(',')} (default: all)
  --json FILE       writes the results there
  --write-docs      puts the results, and the plot, into docs/performance.md
  --help            this`;

/** @throws {UsageError} naming the flag, and what it takes */
export function parseLagOptions(words: readonly string[]): LagOptions | 'help' {
  const values = parseFlags(
    words,
    {
      rates: text,
      seconds: text,
      secondaries: text,
      files: text,
      burst: text,
      tools: text,
      json: text,
      'write-docs': flag,
    },
    usage,
  );
  if (values.help === true) return 'help';
  const whole = (
    flag: 'seconds' | 'secondaries' | 'files' | 'burst',
    otherwise: string,
    least: number,
    most: number,
  ) => wholeNumber(flag, values[flag] ?? otherwise, least, most, usage);
  return {
    rates: (values.rates ?? '1,20,200').split(',').map((rate) => wholeNumber('rates', rate, 1, 1000, usage)),
    seconds: whole('seconds', '180', 5, 3600),
    secondaries: whole('secondaries', '4', 1, 10),
    files: whole('files', '20000', 0, 500_000),
    burst: whole('burst', '2000', 0, 20_000),
    tools: (values.tools?.split(',') ?? lagTools).map(toolOf),
    json: values.json === undefined ? undefined : resultFile(values.json, usage),
    writeDocs: values['write-docs'] === true,
  };
}

function toolOf(name: string): LagTool {
  const found = lagTools.find((each) => each === name);
  if (found === undefined)
    throw new UsageError(
      `--tools knows no "${name}": take some of ${lagTools.join(',')}, with commas between them\n\n${usage}`,
    );
  return found;
}
