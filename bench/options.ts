import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { flag, parseFlags, text } from '../tour/flags.ts';
import { UsageError } from '../tour/options.ts';

/** In the order in which they are measured; the first is what the others are compared with. */
const toolNames = ['cron', 'parallel', 'lsyncd', 'push'] as const;
export type ToolName = (typeof toolNames)[number];

/** In the order in which they are measured; `first` always happens, for the others begin where it ends. */
const caseNames = ['first', 'nothing', 'verified', 'changed', 'new', 'renamed'] as const;
export type CaseName = (typeof caseNames)[number];
const flatCases = ['first', 'nothing', 'verified', 'changed'] as const;

export interface BenchOptions {
  readonly files: number;
  readonly secondaries: number;
  /** Size of every file, in bytes; nothing: 1 to 20 KB, different for each. */
  readonly fileBytes: number | undefined;
  /** All files in one directory, of which the case `changed` changes one. */
  readonly flat: boolean;
  readonly cases: readonly CaseName[];
  readonly tools: readonly ToolName[];
  /** How often each measure is taken; the median counts. */
  readonly repeat: number;
  /** Absolute path of a file for the results. */
  readonly json: string | undefined;
  /** Also measure over the number of files and of secondaries, and draw it. */
  readonly plot: boolean;
  /** Put the results into docs/performance.md. */
  readonly writeDocs: boolean;
}

/** From here on mixed sizes would need more memory than machines have. */
const manyFiles = 100_000;

export const usage = `usage: npm run bench [-- FLAG…]
       npm run bench -- lag [FLAG…]       how long a new file takes; see: npm run bench -- lag --help
       npm run bench -- watch [FLAG…]     what a watch costs; see: npm run bench -- watch --help
       npm run bench -- control [FLAG…]   the control plane; see: npm run bench -- control --help

Measures ways of bringing the same change to the same hosts, one after the other, on hosts of the local cloud.

  --files N         files on the primary, 1000 to 1000000 (default: 200000)
  --secondaries N   hosts that they are brought to, 1 to 10 (default: 4)
  --file-bytes N    size of every file, 0 to 20480 (default: 1024; mixed, 1 to 20 KB, below ${manyFiles} files)
  --flat            all files in one directory, of which one changes; without the cases new and renamed
  --cases LIST      of ${caseNames.join(',')} (default: all)
  --tools LIST      of ${toolNames.join(',')} (default: all)
  --repeat N        how often each measure but the first sync is taken, 1 to 20 (default: 3); the median counts
  --json FILE       writes the results there
  --plot            also measures "nothing changed" over the number of files and of secondaries (1 to 10), and draws it
  --write-docs      puts the results, and the plots, into docs/performance.md
  --help            this`;

/** @throws {UsageError} naming the word, and how it is done */
export function parseBenchOptions(words: readonly string[]): BenchOptions | 'help' {
  const values = parseFlags(
    words,
    {
      files: text,
      secondaries: text,
      'file-bytes': text,
      flat: flag,
      cases: text,
      tools: text,
      repeat: text,
      json: text,
      plot: flag,
      'write-docs': flag,
    },
    usage,
  );
  if (values.help === true) return 'help';
  const files = number('files', values.files ?? '200000', 1000, 1_000_000);
  return {
    files,
    secondaries: number('secondaries', values.secondaries ?? '4', 1, 10),
    fileBytes:
      values['file-bytes'] !== undefined
        ? number('file-bytes', values['file-bytes'], 0, 20_480)
        : files < manyFiles
          ? undefined
          : 1024,
    flat: values.flat === true,
    cases: list('cases', values.cases, values.flat === true ? flatCases : caseNames, usage),
    tools: list('tools', values.tools, toolNames, usage),
    repeat: number('repeat', values.repeat ?? '3', 1, 20),
    json: values.json === undefined ? undefined : resultFile(values.json, usage),
    plot: values.plot === true,
    writeDocs: values['write-docs'] === true,
  };
}

/** @throws {UsageError} naming the flag, and what it takes */
export function wholeNumber(
  flag: string,
  text: string,
  least: number,
  most: number,
  usageText: string,
): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(
      `--${flag} "${text}" is not a whole number from ${least} to ${most}\n\n${usageText}`,
    );
  return value;
}

function number(flag: string, text: string, least: number, most: number): number {
  return wholeNumber(flag, text, least, most, usage);
}

/** @throws {UsageError} naming the word that is none of them */
export function list<Name extends string>(
  flag: string,
  text: string | undefined,
  all: readonly Name[],
  usageText: string,
): readonly Name[] {
  if (text === undefined) return all;
  const named = text.split(',');
  const unknown = named.find((word) => !all.some((name) => name === word));
  if (unknown !== undefined)
    throw new UsageError(
      `--${flag} knows no "${unknown}": take some of ${all.join(',')}, with commas between them\n\n${usageText}`,
    );
  return all.filter((name) => named.includes(name));
}

/** The absolute path of a file for the results. Found out now, and not after a quarter of an hour. @throws {UsageError} */
export function resultFile(file: string, usageText: string): string {
  const path = resolve(file);
  if (!existsSync(dirname(path)))
    throw new UsageError(
      `--json "${file}": the directory ${dirname(path)} is not there; make it\n\n${usageText}`,
    );
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new UsageError(`--json "${file}" is a directory: name a file\n\n${usageText}`);
  return path;
}
