import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PositionEncoding, Workspace } from '@astral-sh/ruff-wasm-nodejs';

/** Python 3.9 is the oldest that the hosts of the README have. */
const settings = {
  'line-length': 120,
  'target-version': 'py39',
  lint: {
    select: ['E', 'W', 'F', 'I', 'B', 'C90', 'UP', 'SIM', 'N', 'RET', 'PIE', 'PLE', 'PLW', 'RUF', 'A'],
    // B904 and the like hold; these do not fit: one writer of the process's name, text with typographic signs, and 3.9 has no zip(strict=)
    ignore: [
      'PLW0603',
      'RUF001',
      'RUF002',
      'RUF003',
      'B905',
      'UP045',
      'UP007',
      'UP006',
      'UP035',
      'SIM105',
      'PLW2901',
      'SIM115',
    ],
    mccabe: { 'max-complexity': 15 },
  },
  format: { 'quote-style': 'double' },
} as const;

const mostLines = 300;
const mostLinesOfFunction = 40;

interface Diagnostic {
  readonly code: string | null;
  readonly message: string;
  readonly start_location: Place;
  readonly fix: {
    readonly edits: readonly {
      readonly content: string | null;
      readonly location: Place;
      readonly end_location: Place;
    }[];
  } | null;
}

/** From 1 on. */
interface Place {
  readonly row: number;
  readonly column: number;
}

/** What is wrong with Python files, a line each: Ruff's rules and form, and the size of modules and functions. */
export function lintPython(project: string, files: readonly string[]): readonly string[] {
  const workspace = new Workspace(settings, PositionEncoding.Utf16);
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const name = relative(project, file);
    const found: readonly Diagnostic[] = workspace.check(text);
    return [
      ...found.map(
        ({ code, message, start_location: at }) => `${name}:${at.row}:${at.column}: ${code} ${message}`,
      ),
      ...(workspace.format(text) === text ? [] : [`${name}: is not formatted: npm run format`]),
      ...tooLong(text).map((problem) => `${name}${problem}`),
    ];
  });
}

/** Rules whose fixes change no meaning: the order of imports, quotes around types, arguments that say what holds anyway. */
const fixed: ReadonlySet<string | null> = new Set(['I001', 'UP037', 'UP015']);

export function formatPython(files: readonly string[]): void {
  const workspace = new Workspace(settings, PositionEncoding.Utf16);
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const formatted: string = workspace.format(fixAll(workspace, text));
    if (formatted !== text) writeFileSync(file, formatted);
  }
}

/** One fix at a time, for each moves what comes after it. */
function fixAll(workspace: Workspace, text: string): string {
  const found: readonly Diagnostic[] = workspace.check(text);
  const edits = found.find(({ code, fix }) => fixed.has(code) && fix !== null)?.fix?.edits;
  if (edits === undefined) return text;
  const starts = lineStarts(text);
  const offset = ({ row, column }: Place) => (starts[row - 1] ?? 0) + column - 1;
  const changed = edits
    .toSorted((one, other) => offset(other.location) - offset(one.location))
    .reduce(
      (rest, { content, location, end_location: end }) =>
        `${rest.slice(0, offset(location))}${content ?? ''}${rest.slice(offset(end))}`,
      text,
    );
  return changed === text ? text : fixAll(workspace, changed);
}

function lineStarts(text: string): readonly number[] {
  return [0, ...[...text.matchAll(/\n/gu)].map(({ index }) => index + 1)];
}

/** A module is read in a few screens, a function in one. */
export function tooLong(text: string): readonly string[] {
  const lines = text.trimEnd().split('\n');
  const problems = lines.length > mostLines ? [`: has ${lines.length} lines; at most ${mostLines}`] : [];
  lines.forEach((line, index) => {
    const [, indent = '', name] = /^( *)(?:async )?def (\w+)/u.exec(line) ?? [];
    if (name === undefined) return;
    // To the next line of code that stands no deeper than the definition, but for the closing bracket of its arguments
    const after = lines.slice(index + 1);
    const next = after.findIndex(
      (each) => /\S/u.test(each) && !each.startsWith(`${indent} `) && !each.startsWith(`${indent})`),
    );
    const body = next === -1 ? after : after.slice(0, next);
    const length = body.join('\n').trimEnd().split('\n').length + 1;
    if (length > mostLinesOfFunction)
      problems.push(`:${index + 1}: ${name} has ${length} lines; at most ${mostLinesOfFunction}`);
  });
  return problems;
}

export function pythonFiles(
  project: string,
  list: (directory: string) => readonly string[],
): readonly string[] {
  return [
    'host',
    'host/hostsync_host',
    'host/hostsync_host/doctor',
    'host/hostsync_host/watch',
    'test/host/python',
    'test/fuzz/hosts',
  ].flatMap((directory) =>
    list(join(project, directory))
      .filter((name) => name.endsWith('.py'))
      .map((name) => join(project, directory, name)),
  );
}
