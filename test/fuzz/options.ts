import { flag, parseFlags, text } from '../../tour/flags.ts';
import { UsageError } from '../../tour/options.ts';

export interface FuzzOptions {
  /** What is done comes from it; when it is done, compared with what runs meanwhile, does not. */
  readonly seed: number;
  /** It ends after so many minutes, or after so many rounds, whatever comes first. */
  readonly minutes: number;
  readonly rounds: number;
  /** The pushes watch: each goes on until the next one. */
  readonly watch: boolean;
  /** Secondaries keep what is deleted and replaced there. */
  readonly keepDeleted: boolean;
}

export const usage = `usage: npm run fuzz -- [FLAG…]

Edits directories of a primary at random and disturbs its pushes by kills, cuts, reboots, full disks and damaged memory, on hosts of
the local cloud. Nothing may differ in the end, and no file that nobody touched may ever be away from a secondary.

  --seed N      what is done (default: another each time)
  --minutes M   how long, 1 to 1440 (default: 10)
  --rounds N    how many rounds at most (default: no limit)
  --watch       pushes stay and watch until the next one takes over; all must arrive without a walk
  --keep-deleted
                secondaries keep what is deleted and replaced there
  --help        this

All that is done is written to .hostsync/fuzz/SEED.log. Exit code 1: something was found.`;

const most = 1_000_000_000;

/** @throws {UsageError} naming the flag, and what it takes */
export function parseFuzzOptions(words: readonly string[]): FuzzOptions | 'help' {
  const values = parseFlags(
    words,
    { seed: text, minutes: text, rounds: text, watch: flag, 'keep-deleted': flag },
    usage,
  );
  if (values.help === true) return 'help';
  return {
    seed: wholeNumber('seed', values.seed ?? String(Date.now() % 1_000_000), 0, most),
    minutes: wholeNumber('minutes', values.minutes ?? '10', 1, 1440),
    rounds: wholeNumber('rounds', values.rounds ?? String(most), 1, most),
    watch: values.watch === true,
    keepDeleted: values['keep-deleted'] === true,
  };
}

function wholeNumber(flag: string, text: string, least: number, limit: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= limit) return value;
  throw new UsageError(`--${flag} "${text}" must be a whole number from ${least} to ${limit}\n\n${usage}`);
}
