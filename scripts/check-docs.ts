/** Checks that links in the documentation lead somewhere, and that its commands name things that exist. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type AwsModels, awsProblems, loadAwsModels } from './aws-commands.ts';

/** What documents may refer to. Paths are relative to the project, with `/`. */
export interface Project {
  /** Undefined for what is not there, or is no text. */
  readonly read: (path: string) => string | undefined;
  readonly exists: (path: string) => boolean;
  /** Names after `npm run`. */
  readonly scripts: ReadonlySet<string>;
  /** Names after `npx`. */
  readonly programs: ReadonlySet<string>;
  /** Commands of a program, where they are known. */
  readonly commands: ReadonlyMap<string, ReadonlySet<string>>;
  readonly aws: AwsModels;
}

interface Line {
  readonly number: number;
  readonly text: string;
  readonly isCode: boolean;
}

function linesOf(text: string): readonly Line[] {
  let fence: string | undefined;
  return text.split('\n').map((line, index) => {
    const [, mark] = /^\s*(?:>\s*)?(`{3,}|~{3,})/u.exec(line) ?? [];
    const isBorder = mark !== undefined && (fence === undefined || mark.startsWith(fence));
    const isCode = fence !== undefined || isBorder;
    if (isBorder) fence = fence === undefined ? mark : undefined;
    return { number: index + 1, text: line, isCode };
  });
}

/** The anchors of a document, as GitHub makes them of its headings. Source: github/markup, `html-pipeline` table of contents. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Map<string, number>();
  const found = new Set<string>();
  for (const { text: line, isCode } of linesOf(text)) {
    const [, heading] = isCode ? [] : (/^#{1,6}\s+(.*?)\s*#*$/u.exec(line) ?? []);
    if (heading === undefined) continue;
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, '$1').replaceAll(/[`*]/gu, '');
    const slug = plain
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replaceAll(/\s/gu, '-');
    const times = anchors.get(slug) ?? 0;
    anchors.set(slug, times + 1);
    found.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return found;
}

/** Is it to be found in this project? */
const isRelative = (target: string) => !/^[a-z][a-z0-9+.-]*:/iu.test(target) && !target.startsWith('//');

function linkProblem(path: string, target: string, project: Project): string | undefined {
  const [file = '', anchor] = target.split('#', 2);
  const wanted = file === '' ? path : join(dirname(path), decodeURIComponent(file));
  if (wanted.startsWith('..')) return `${target} leads out of the project`;
  if (!project.exists(wanted)) return `${target} is not there`;
  if (anchor === undefined || !wanted.endsWith('.md')) return undefined;
  const text = project.read(wanted) ?? '';
  return anchorsOf(text).has(anchor) ? undefined : `${target}: ${wanted} has no heading for #${anchor}`;
}

/** Folders whose files a command may name. */
const named = /(?<![\w./-])(?:\.ci|bench|docs|examples|infra|scripts|test|tour)\/[\w./-]*\w/gu;

function commandProblems(text: string, project: Project): readonly string[] {
  const problems: string[] = [];
  for (const [, name = ''] of text.matchAll(/\bnpm run ([\w:-]+)/gu))
    if (!project.scripts.has(name)) problems.push(`npm run ${name}: package.json has no such script`);
  for (const [, name = ''] of text.matchAll(/\bnpm (start|test)\b/gu))
    if (!project.scripts.has(name)) problems.push(`npm ${name}: package.json has no such script`);
  for (const [, program = '', command] of text.matchAll(/\bnpx ([\w@./-]+)(?: ([a-z][\w-]*))?/gu)) {
    if (!project.programs.has(program)) problems.push(`npx ${program}: no program of the project`);
    const commands = project.commands.get(program);
    if (command !== undefined && commands !== undefined && !commands.has(command))
      problems.push(`npx ${program} ${command}: no such command`);
  }
  return problems;
}

/** Lines that end in a backslash are one command, at its first line. */
function joined(lines: readonly Line[]): readonly Line[] {
  const found: Line[] = [];
  let open = false;
  for (const line of lines) {
    const last = open ? found.pop() : undefined;
    const text = last === undefined ? line.text : `${last.text.slice(0, -1)} ${line.text.trimStart()}`;
    found.push(last === undefined ? line : { ...last, text });
    open = line.isCode && line.text.endsWith('\\');
  }
  return found;
}

/** Rows that no head stands above are shown as text. */
function rowsWithoutHead(lines: readonly Line[]): readonly number[] {
  const isRow = (line: Line | undefined) => line !== undefined && !line.isCode && /^\s*\|/u.test(line.text);
  const isRule = (line: Line | undefined) =>
    line !== undefined && /^\s*\|(?:\s*:?-+:?\s*\|)+\s*$/u.test(line.text);
  return lines.flatMap((line, index) =>
    isRow(line) && !isRow(lines[index - 1]) && !isRule(lines[index + 1]) ? [line.number] : [],
  );
}

/** @returns what is wrong, each with its line */
export function checkDocument(path: string, text: string, project: Project): readonly string[] {
  const problems: string[] = [];
  const lines = linesOf(text);
  for (const number of rowsWithoutHead(lines))
    problems.push(`${path}:${number}: a row of a table, without the table's head above it`);
  for (const { number, text: line, isCode } of joined(lines)) {
    const tell = (problem: string) => problems.push(`${path}:${number}: ${problem}`);
    const codes = isCode ? [line] : [...line.matchAll(/`([^`]+)`/gu)].map(([, code = '']) => code);
    for (const problem of codes.flatMap((code) => commandProblems(code, project))) tell(problem);
    for (const problem of codes.flatMap((code) => awsProblems(code, project.aws))) tell(problem);
    if (isCode) {
      for (const [file] of line.matchAll(named)) if (!project.exists(file)) tell(`${file} is not there`);
      continue;
    }
    const prose = line.replaceAll(/`[^`]*`/gu, '');
    for (const [, target = ''] of prose.matchAll(/\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/gu)) {
      const problem = isRelative(target) ? linkProblem(path, target, project) : undefined;
      if (problem !== undefined) tell(problem);
    }
  }
  return problems;
}

/** Messages and comments send people to documents, too: of the project, or of the package that the source is of. */
export function checkSource(
  path: string,
  text: string,
  { exists, aws }: Pick<Project, 'exists' | 'aws'>,
): readonly string[] {
  const [folder = ''] = /^packages\/[^/]+\//u.exec(path) ?? [];
  return text.split('\n').flatMap((line, index) => {
    const missing = [...line.matchAll(/(?<![\w/.-])docs\/[\w/-]+\.(?:md|json)\b/gu)].flatMap(([file]) =>
      exists(file) || exists(`${folder}${file}`) ? [] : [`${file} is not there`],
    );
    return [...missing, ...awsProblems(line, aws)].map((problem) => `${path}:${index + 1}: ${problem}`);
  });
}

const root = resolve(import.meta.dirname, '..');
/** What is made, or somebody else's. */
const foreign = new Set([
  'node_modules',
  'coverage',
  '.git',
  '.hostsync',
  '.local-cloud',
  '.serverless',
  '.esbuild',
]);

const sources = /\.(?:ts|mts|mjs|cjs|py|sh|yml)$/u;
/** Their documents are made up. */
const ownTests = new Set(['test/unit/scripts/check-docs.test.ts', 'test/unit/scripts/aws-commands.test.ts']);

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return foreign.has(entry.name) ? [] : filesBelow(path);
    return entry.isFile() ? [relative(root, path)] : [];
  });
}

/** Commands of hostsync's own program: the headings and code of its page. Without that page there are none. */
function ownCommands(): ReadonlySet<string> {
  const page = join(root, 'docs', 'reference', 'cli.md');
  const text = existsSync(page) ? readFileSync(page, 'utf8') : '';
  return new Set(
    [...text.matchAll(/^#+ `?(?:(?:npx )?hostsync )?([a-z][\w-]*)/gmu)].map(([, name = '']) => name),
  );
}

async function thisProject(): Promise<Project> {
  const manifest: { readonly scripts: object; readonly bin: object } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const read = (path: string) => {
    const file = join(root, path);
    return existsSync(file) && statSync(file).isFile() ? readFileSync(file, 'utf8') : undefined;
  };
  return {
    read,
    exists: (path) => existsSync(join(root, path)),
    scripts: new Set(Object.keys(manifest.scripts)),
    programs: new Set(Object.keys(manifest.bin)),
    commands: new Map([
      // Those that work with this project
      ['serverless', new Set(['deploy', 'info', 'invoke', 'logs', 'package', 'print', 'remove'])],
      ['hostsync', ownCommands()],
    ]),
    aws: await loadAwsModels(),
  };
}

if (process.argv[1] === import.meta.filename) {
  const project = await thisProject();
  const problems = filesBelow(root).flatMap((path) => {
    if (path.endsWith('.md')) return checkDocument(path, project.read(path) ?? '', project);
    return sources.test(path) && !ownTests.has(path)
      ? checkSource(path, project.read(path) ?? '', project)
      : [];
  });
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
