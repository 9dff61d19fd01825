import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { enterLayer, enterSandbox, type LayerName } from 'local-cloud/sandbox';
import { getLsyncd } from '../bench/lsyncd-package.ts';
import { usage as benchUsage, parseBenchOptions } from '../bench/options.ts';
import { parseTourOptions, UsageError, usage } from '../tour/options.ts';

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

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
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
  ...readdirSync(join(project, '.ci')).map((name) => join('.ci', name)),
];
const shfmtOptions = ['--indent', '2', '--case-indent', '--binary-next-line'];
const lintBash = 'shellcheck --external-sources --source-path=SCRIPTDIR "$@"';
const formatOfBash = `shfmt --diff ${shfmtOptions.join(' ')} "$@"`;

async function check(): Promise<void> {
  say('format and lint (Biome), types (TypeScript), Bash (shellcheck, shfmt)');
  await run('biome', ['ci', '--error-on-warnings', '.']);
  // Linters of the host package's Python come from npm too; their lines belong here
  await run('tsc', ['--project', '.']);
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
    await run('serverless', ['package', '--package', packageDirectory], { quiet: true, env });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function lintTemplate(): Promise<void> {
  if (!isInstalled('cfn-lint')) return say('cfn-lint is not installed: left out');
  say('cfn-lint');
  // W3005: the framework itself names dependencies twice
  const template = join(packageDirectory, 'cloudformation-template-update-stack.json');
  await run('cfn-lint', ['--ignore-checks', 'W3005', '--template', template]);
}

async function unit(words: readonly string[]): Promise<void> {
  say('unit tests');
  await run('vitest', ['run', '--project', 'unit', ...words]);
}

async function host(words: readonly string[]): Promise<void> {
  say('tests of host scripts, with the programs of hosts');
  await inLayer('base', [process.execPath, vitest, 'run', '--project', 'host', ...words]);
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

/** The tests that take longest, so that two sandboxes are done at about the same time. Most of it is waiting, not work. */
const slowest = ['alerts', 'churn', 'failover', 'join-failure', 'name'].map((name) => `${name}.test.ts`);

async function integration(words: readonly string[]): Promise<void> {
  await packageService();
  await lintTemplate();
  say('integration tests on the local cloud');
  if (words.length > 0) return integrationInSandbox(words);
  const directory = join('test', 'integration');
  const files = readdirSync(join(project, directory)).filter((name) => name.endsWith('.test.ts'));
  const lanes = [true, false].map((isSlow) =>
    files.filter((name) => slowest.includes(name) === isSlow).map((name) => join(directory, name)),
  );
  const outcomes = await Promise.allSettled(lanes.map(integrationInSandbox));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

function integrationInSandbox(words: readonly string[]): Promise<void> {
  return inSandbox([process.execPath, vitest, 'run', '--project', 'integration', ...words]);
}

async function test(): Promise<void> {
  await check();
  await unit([]);
  await integration([]);
}

async function start(words: readonly string[]): Promise<void> {
  const options = parseTourOptions(words, join(project, 'node_modules', '@aws-sdk'));
  if (options === 'help') return console.log(usage);
  if (process.getuid?.() === 0) await packageService();
  await inSandbox([process.execPath, join(project, 'tour', 'tour.ts'), JSON.stringify(options)]);
}

async function bench(words: readonly string[]): Promise<void> {
  const options = parseBenchOptions(words);
  if (options === 'help') return console.log(benchUsage);
  // The sandbox has no network to get it from
  const lsyncd = await getLsyncd(project);
  await inSandbox([process.execPath, join(project, 'bench', 'main.ts'), JSON.stringify({ options, lsyncd })]);
}

const tasks: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
  start,
  test,
  bench,
  check,
  unit,
  host,
  integration,
  format: async () => {
    await run('biome', ['check', '--write', '.']);
    await inLayer('checks', ['shfmt', '--write', ...shfmtOptions, ...bashFiles]);
  },
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
