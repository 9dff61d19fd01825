import { flag, parseFlags, text } from '../../tour/flags.ts';
import { resultFile, wholeNumber } from '../options.ts';

export interface RecoveryOptions {
  /** Half of them stop the primary, half cut its power. */
  readonly runs: number;
  /** Of each run's group. */
  readonly secondaries: number;
  /** Files that the primary has before. */
  readonly files: number;
  /** Absolute path of a file for the results. */
  readonly json: string | undefined;
  /** Put the results into docs/performance.md. */
  readonly writeDocs: boolean;
}

export const usage = `usage: npm run bench -- recovery [FLAG…]

Measures how long a group is without a primary. Each run has a new group, and stops its primary or cuts its power, in turn. Nothing is
shortened: a tick comes every 60 s, and the settings are those of a deployment. A run takes about two minutes.

  --runs N         1 to 200 (default: 20)
  --secondaries N  of each group, 1 to 10 (default: 2)
  --files N        that the primary has before, 1 to 100000 (default: 1000)
  --json FILE      writes the results there
  --write-docs     puts the results into docs/performance.md
  --help           this`;

/** @throws {UsageError} naming the flag, and what it takes */
export function parseRecoveryOptions(words: readonly string[]): RecoveryOptions | 'help' {
  const values = parseFlags(
    words,
    { runs: text, secondaries: text, files: text, json: text, 'write-docs': flag },
    usage,
  );
  if (values.help === true) return 'help';
  return {
    runs: wholeNumber('runs', values.runs ?? '20', 1, 200, usage),
    secondaries: wholeNumber('secondaries', values.secondaries ?? '2', 1, 10, usage),
    files: wholeNumber('files', values.files ?? '1000', 1, 100_000, usage),
    json: values.json === undefined ? undefined : resultFile(values.json, usage),
    writeDocs: values['write-docs'] === true,
  };
}
