import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { UsageError } from './options.ts';

export const text = { type: 'string' } as const;
export const flag = { type: 'boolean' } as const;
const help = { type: 'boolean', short: 'h' } as const;

/**
 * The values of flags, and of `--help`, which every command has.
 *
 * @throws {UsageError} naming what it does not know, with the usage
 */
export function parseFlags<Options extends ParseArgsOptionsConfig>(
  words: readonly string[],
  options: Options,
  usage: string,
) {
  try {
    return parseArgs({ args: [...words], options: { ...options, help } }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`, { cause: error });
  }
}
