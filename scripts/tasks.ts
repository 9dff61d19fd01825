import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { enterLayer, enterSandbox, type LayerName } from 'local-cloud/sandbox';
import { usage as controlUsage, parseControlOptions } from '../bench/control/options.ts';
import { usage as lagUsage, parseLagOptions } from '../bench/lag/options.ts';
import { getLsyncd } from '../bench/lsyncd-package.ts';
import { usage as benchUsage, parseBenchOptions } from '../bench/options.ts';
import { parseRecoveryOptions, usage as recoveryUsage } from '../bench/recovery/options.ts';
import { parseWatchOptions, usage as watchUsage } from '../bench/watch/options.ts';
import { usage as fuzzUsage, parseFuzzOptions } from '../test/fuzz/options.ts';
import { parseTourOptions, UsageError, usage } from '../tour/options.ts';
import { formatPython, lintPython, pythonFiles } from './lint-python.ts';

const project = resolve(import.meta.dirname, '..');
const packageDirectory = join('.hostsync', 'package');
const vitest = join('node_modules', 'vitest', 'vitest.mjs');

/** A command of the task ended badly; its own words stand above. */
class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly code: number;
  constructor(command: string, code: number) {
    super(`${command} ended with exit code ${code}`);
    this.code = code;
  }
}

interface RunOptions {
  /** Show what it says only if it fails. */
  readonly quiet?: boolean;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** @throws {TaskError} if it does not end with 0 */
async function run(command: string, argv: readonly string[], options: RunOptions = {}): Promise<void> {
  const said: Buffer[] = [];
  const stdio = options.quiet === true ? (['ignore', 'pipe', 'pipe'] as const) : 'inherit';
  const child = spawn(command, argv, {
    cwd: project,
    stdio: stdio === 'inherit' ? stdio : [...stdio],
    env: { ...process.env, ...options.env },
  });
  child.stdout?.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number>((done, fail) => {
    child.on('error', fail);
    child.on('close', (exit) => done(exit ?? 1));
  });
  if (code === 0) return;
  process.stderr.write(Buffer.concat(said));
  throw new TaskError([command, ...argv].join(' '), code);
}

function say(line: string): void {
  process.stderr.write(`hostsync: ${line}\n`);
}

const bashFiles = [
  ...['host', 'packages/local-cloud/src/hosts', 'packages/local-cloud/src/sandbox'].flatMap((directory) =>
    readdirSync(join(project, directory))
      .filter((name) => name.endsWith('.sh'))
      .map((name) => join(directory, name)),
  ),
  ...['.ci', 'examples/wordpress/hooks'].flatMap((directory) =>
    readdirSync(join(project, directory)).map((name) => join(directory, name)),
  ),
];
const shfmtOptions = ['--indent', '2', '--case-indent', '--binary-next-line'];
const lintBash = 'shellcheck --external-sources --source-path=SCRIPTDIR "$@"';
const formatOfBash = `shfmt --diff ${shfmtOptions.join(' ')} "$@"`;

const python = () =>
  pythonFiles(project, (directory) => (existsSync(directory) ? readdirSync(directory) : []));

async function check(): Promise<void> {
  say('format and lint (Biome, Ruff), types (TypeScript, Pyright), Bash (shellcheck, shfmt)');
  await run('biome', ['ci', '--error-on-warnings', '.']);
  const problems = lintPython(project, python());
  for (const problem of problems) say(problem);
  if (problems.length > 0) throw new TaskError('the lint of Python', 1);
  await run('tsc', ['--project', '.']);
  await run('pyright', ['--project', 'host'], { quiet: true });
  say('links and commands in the documentation');
  await run(process.execPath, [join('scripts', 'check-docs.ts')]);
  // The page lives in a browser, and the rest does not
  await run('tsc', ['--project', join('view', 'page')]);
  await inLayer('checks', ['bash', '-c', `${lintBash} && ${formatOfBash}`, 'check', ...bashFiles]);
}

async function packageService(): Promise<void> {
  say('serverless package');
  const state = join(project, '.hostsync');
  mkdirSync(state, { recursive: true });
  // The framework leaves folders behind in the directory for temporary files
  const temporary = mkdtempSync(join(state, 'package-'));
  try {
    const env = { TMPDIR: temporary };
    // The same everywhere, whatever region this machine's profile is set to
    const words = ['package', '--package', packageDirectory, '--region', 'us-east-1'];
    await run('serverless', words, { quiet: true, env });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Where each run of vitest leaves its counts, for the closing line. */
const results = join('.hostsync', 'results');

function testArguments(name: string, words: readonly string[]): string[] {
  const report = [
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${join(results, `${name}.json`)}`,
  ];
  return [vitest, 'run', '--project', name, ...report, ...words];
}

async function unit(words: readonly string[]): Promise<void> {
  say('unit tests');
  await run(process.execPath, testArguments('unit', words));
}

async function host(words: readonly string[]): Promise<void> {
  say('tests of the host package, with the programs of hosts');
  await inLayer('base', [process.execPath, ...testArguments('host', words)]);
}

async function inLayer(layer: LayerName, argv: readonly string[]): Promise<void> {
  const code = await enterLayer(layer, argv, { projectDirectory: project, log: say, endWithParent: true });
  if (code !== 0) throw new TaskError(argv.slice(0, 2).join(' '), code);
}

async function inSandbox(argv: readonly string[]): Promise<void> {
  // Temporary files go with the sandbox
  const env = { ...process.env, TMPDIR: join(project, '.local-cloud', 'sandbox') };
  const code = await enterSandbox(argv, { projectDirectory: project, log: say, endWithParent: true, env });
  if (code !== 0) throw new TaskError(argv.slice(0, 2).join(' '), code);
}

async function integration(words: readonly string[]): Promise<void> {
  await packageService();
  say('integration tests on the local cloud');
  if (words.length > 0) return integrationInSandbox(['--project', 'sandbox', ...words]);
  await integrationInSandbox([]);
  say('tests of the sandbox itself');
  await inSandbox([process.execPath, ...testArguments('sandbox', [])]);
}

function integrationInSandbox(words: readonly string[]): Promise<void> {
  return inSandbox([process.execPath, ...testArguments('integration', words)]);
}

interface Counts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

/** Runs tasks one after the other and closes with a line that counts their tests, whatever became of them. */
async function counted(...steps: readonly (() => Promise<void>)[]): Promise<void> {
  rmSync(join(project, results), { recursive: true, force: true });
  mkdirSync(join(project, results), { recursive: true });
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  try {
    for (const step of steps) await step();
  } finally {
    for (const name of readdirSync(join(project, results))) {
      const counts: Counts = JSON.parse(readFileSync(join(project, results, name), 'utf8'));
      passed += counts.numPassedTests;
      failed += counts.numFailedTests;
      skipped += counts.numPendingTests;
    }
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
  if (passed === 0) throw new Error('no test was run');
}

/** Tests wait more than they work: side by side they take half the time. What they say is mixed; the first failure is the task's. */
async function sideBySide(...steps: readonly (() => Promise<void>)[]): Promise<void> {
  const ended = await Promise.allSettled(steps.map((step) => step()));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}

function quick(): Promise<void> {
  return counted(() =>
    sideBySide(
      check,
      () => unit([]),
      () => host([]),
    ),
  );
}

function test(): Promise<void> {
  return counted(
    () =>
      sideBySide(
        check,
        () => unit([]),
        () => host([]),
      ),
    () => integration([]),
  );
}

async function start(words: readonly string[]): Promise<void> {
  const options = parseTourOptions(words, join(project, 'node_modules', '@aws-sdk'));
  if (options === 'help') return console.log(usage);
  if (process.getuid?.() === 0) await packageService();
  await inSandbox([process.execPath, join(project, 'tour', 'tour.ts'), JSON.stringify(options)]);
}

async function bench(words: readonly string[]): Promise<void> {
  if (words[0] === 'control') return benchControl(words.slice(1));
  if (words[0] === 'lag') return benchLag(words.slice(1));
  if (words[0] === 'watch') return benchWatch(words.slice(1));
  if (words[0] === 'recovery') return benchRecovery(words.slice(1));
  const options = parseBenchOptions(words);
  if (options === 'help') return console.log(benchUsage);
  // The sandbox has no network to get it from
  const lsyncd = await getLsyncd(project);
  await inSandbox([process.execPath, join(project, 'bench', 'main.ts'), JSON.stringify({ options, lsyncd })]);
}

async function benchLag(words: readonly string[]): Promise<void> {
  const options = parseLagOptions(words);
  if (options === 'help') return console.log(lagUsage);
  const lsyncd = await getLsyncd(project);
  const input = JSON.stringify({ options, lsyncd });
  await inSandbox([process.execPath, join(project, 'bench', 'lag', 'main.ts'), input]);
}

async function benchWatch(words: readonly string[]): Promise<void> {
  const options = parseWatchOptions(words);
  if (options === 'help') return console.log(watchUsage);
  await inSandbox([process.execPath, join(project, 'bench', 'watch', 'main.ts'), JSON.stringify(options)]);
}

async function benchRecovery(words: readonly string[]): Promise<void> {
  const options = parseRecoveryOptions(words);
  if (options === 'help') return console.log(recoveryUsage);
  await packageService();
  await inSandbox([process.execPath, join(project, 'bench', 'recovery', 'main.ts'), JSON.stringify(options)]);
}

/** It needs no hosts, and so no sandbox. */
async function benchControl(words: readonly string[]): Promise<void> {
  const options = parseControlOptions(words);
  if (options === 'help') return console.log(controlUsage);
  await run(process.execPath, [join('bench', 'control', 'main.ts'), JSON.stringify(options)]);
}

async function fuzz(words: readonly string[]): Promise<void> {
  const options = parseFuzzOptions(words);
  if (options === 'help') return console.log(fuzzUsage);
  await inSandbox([process.execPath, join(project, 'test', 'fuzz', 'main.ts'), JSON.stringify(options)]);
}

/** In this process, so that Ctrl-C leaves it the time to remove what it has deployed. */
async function verify(words: readonly string[]): Promise<void> {
  const { verifyLive } = await import('../verify/main.ts');
  const code = await verifyLive(words);
  if (code !== 0) throw new TaskError('verify-live', code);
}

/** Changes the code of the core in all ways, one at a time, and counts the changes that no test notices. */
async function mutate(words: readonly string[]): Promise<void> {
  await run(process.execPath, [
    join('node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js'),
    'run',
    ...words,
  ]);
}

const tasks: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
  start,
  test,
  bench,
  quick,
  check,
  unit,
  host,
  integration,
  fuzz,
  mutate,
  format: async () => {
    await run('biome', ['check', '--write', '.']);
    formatPython(python());
    await inLayer('checks', ['shfmt', '--write', ...shfmtOptions, ...bashFiles]);
  },
  screenshots: () => inSandbox([process.execPath, join('view', 'screenshots', 'main.ts')]),
  'verify-live': verify,
  sandbox: (words) => inSandbox(words.length > 0 ? words : ['bash']),
};

const [name = '', ...words] = process.argv.slice(2);
const task = tasks[name];
process.chdir(project);
if (task === undefined) {
  say(`there is no task "${name}": take one of ${Object.keys(tasks).join(', ')}`);
  process.exitCode = 2;
} else
  try {
    await task(words);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof TaskError ? error.code : error instanceof UsageError ? 2 : 1;
  }
