import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface TourOptions {
  /** What is put on the primary. */
  readonly directory: string;
  /** Seconds between two ticks. */
  readonly tick: number;
  /** Leave everything running at the end, with a shell inside. */
  readonly keep: boolean;
}

/** The words on the command line are wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `usage: npm start [-- [DIRECTORY] [--tick SECONDS] [--keep]]

  DIRECTORY       what to put on the primary (default: node_modules/@aws-sdk, some 11,000 files)
  --tick SECONDS  seconds between two runs of the schedule, 1 to 60 (default: 3; on AWS it is a minute)
  --keep          at the end leave everything running, and open a shell to look around in`;

/**
 * @param fallback the directory where none is named
 * @throws {UsageError} naming the word, and how it is done
 */
export function parseTourOptions(words: readonly string[], fallback: string): TourOptions | 'help' {
  const { values, positionals } = parse(words);
  if (values.help === true) return 'help';
  const [named, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one directory at the most, not also "${more[0]}"\n\n${usage}`);
  const tick = Number(values.tick ?? '3');
  if (!Number.isFinite(tick) || tick < 1 || tick > 60)
    throw new UsageError(`--tick "${values.tick}" is not a number of seconds from 1 to 60\n\n${usage}`);
  const directory = resolve(named ?? fallback);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(`"${directory}" is not a directory: name one that is there\n\n${usage}`);
  return { directory, tick, keep: values.keep === true };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { tick: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`, { cause: error });
  }
}
