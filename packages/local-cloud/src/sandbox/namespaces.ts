import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { exitCode } from '../hosts/command.ts';

/** Where the scripts of this layer are. */
export const scriptsDirectory = import.meta.dirname;

export interface NamespaceOptions {
  /** also a network of its own, with no link to the machine's; or a file that stands for the network namespace to be in */
  readonly network: boolean | { readonly file: string };
  /** a file that the script gets open, as descriptor 4 */
  readonly open?: number;
  /** the script in this directory that becomes process 1, and its arguments */
  readonly init: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** `lines`: standard output and error go to this callback, line by line; else they are this process's own */
  readonly lines?: (line: string) => void;
  /** end it also when the process that started this one ends (npm, when somebody kills it) */
  readonly endWithParent?: boolean;
}

/** Of several SIGINTs in less than this, all but the first are echoes: a Ctrl-C comes from the terminal, and from parents that pass it on. */
const echoMilliseconds = 500;

/** Ctrl-C or SIGTERM came while something of ours ran in the namespaces; all of it is gone. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  /** what this process should exit with */
  readonly code: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.code = exitCode(null, signal);
  }
}

/**
 * Runs a script as process 1 of new mount, pid, ipc and uts namespaces and resolves to its exit code. All of it ends when
 * this process ends, however that comes about. While it runs, SIGINT and SIGTERM are passed on instead of ending this process; the
 * third SIGINT ends it at once. With `lines` it is a step of our own, which the first signal ends.
 * @throws InterruptedError if that happened.
 */
export async function runInNamespaces(options: NamespaceOptions): Promise<number> {
  const [script, ...args] = options.init;
  const { network } = options;
  const argv = ['--mount', '--pid', '--ipc', '--uts', ...(network === true ? ['--net'] : [])];
  argv.push('--fork', '--kill-child', '--mount-proc', '--propagation', 'private', '--');
  // Nothing in there may set the machine's clock, load modules or touch its memory.
  argv.push('setpriv', '--bounding-set', '-sys_time,-sys_module,-sys_rawio', '--');
  argv.push('bash', join(scriptsDirectory, script), ...args);

  const output = options.lines === undefined ? 'inherit' : 'pipe';
  const [program, first]: [string, string[]] =
    typeof network === 'object' ? ['nsenter', [`--net=${network.file}`, '--', 'unshare']] : ['unshare', []];
  const child = spawn(program, [...first, ...argv], {
    env: options.env ?? process.env,
    stdio: [
      options.lines === undefined ? 'inherit' : 'ignore',
      output,
      output,
      'pipe',
      ...(options.open === undefined ? [] : [options.open]),
    ],
  });
  if (options.lines !== undefined) {
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) readLines(stream, options.lines);
  }

  const lifeline = child.stdio[3];
  if (!(lifeline instanceof Writable)) throw new TypeError('spawn gave no pipe for descriptor 3');
  lifeline.on('error', () => undefined);
  let ended: InterruptedError | undefined;
  let interrupts = 0;
  let lastInterrupt = Number.NEGATIVE_INFINITY;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (options.lines !== undefined) {
      ended = new InterruptedError(signal);
      lifeline.destroy();
      return;
    }
    if (signal === 'SIGTERM') {
      lifeline.write('TERM\n');
      return;
    }
    const now = performance.now();
    if (now - lastInterrupt < echoMilliseconds) return;
    lastInterrupt = now;
    interrupts += 1;
    if (interrupts < 3) lifeline.write('INT\n');
    else lifeline.destroy();
  };
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (options.endWithParent && process.ppid !== parent) lifeline.destroy();
  }, 250);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve(exitCode(status, signal)));
    });
    if (ended !== undefined) throw ended;
    return code;
  } finally {
    clearInterval(watch);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    lifeline.destroy();
  }
}

/** Calls back with every whole line of a stream, and with what is left at its end. */
export function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string | Buffer) => {
    const lines = (rest + text.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
