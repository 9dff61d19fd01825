import { parseFlags, text } from '../../tour/flags.ts';
import { resultFile, wholeNumber } from '../options.ts';

export interface ControlOptions {
  readonly groups: number;
  /** Of each group, its primary among them. */
  readonly hosts: number;
  /** Of the function, in MiB; undefined: as each edition's serverless.yml says. */
  readonly memoryMiB: number | undefined;
  /** Absolute path of a file for the results. */
  readonly json: string | undefined;
}

export const usage = `usage: npm run bench -- control [FLAG…]

Measures one tick of the control plane (the function sync) over a fake AWS, whose calls take 60 ms each. Then measures the first edition.
Two groups are not healthy: one has a silent primary and a silent secondary, and in the other every write fails.

  --groups N   groups, 3 to 2000 (default: 100)
  --hosts N    hosts of each group, its primary among them, 2 to 50 (default: 20)
  --memory N   MiB of the function in both editions, 128 to 10240 (default: as serverless.yml says); 1769 MiB have one core
  --json FILE  writes the results there
  --help       this`;

/** @throws {UsageError} naming the word, and how it is done */
export function parseControlOptions(words: readonly string[]): ControlOptions | 'help' {
  const values = parseFlags(words, { groups: text, hosts: text, memory: text, json: text }, usage);
  if (values.help === true) return 'help';
  return {
    groups: wholeNumber('groups', values.groups ?? '100', 3, 2000, usage),
    hosts: wholeNumber('hosts', values.hosts ?? '20', 2, 50, usage),
    memoryMiB:
      values.memory === undefined ? undefined : wholeNumber('memory', values.memory, 128, 10_240, usage),
    json: values.json === undefined ? undefined : resultFile(values.json, usage),
  };
}
