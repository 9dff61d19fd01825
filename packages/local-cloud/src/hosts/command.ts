import { spawn } from 'node:child_process';

/** A program of the machine that was run for the local cloud did not succeed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: number;

  constructor(argv: readonly string[], code: number, output: string) {
    super(`${argv.join(' ')} ended with exit code ${code}: ${output.trim() || 'it printed nothing'}`);
    this.code = code;
  }
}

/** The exit code as a shell counts it: 128 and the signal's number for a process that a signal ended. */
export function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signal === null ? 0 : (signalNumbers[signal] ?? 0));
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/**
 * Runs a program to its end and gives back what it wrote to standard output.
 * @throws CommandError when it ends with anything but 0; its message holds standard error.
 */
export function run(
  argv: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly stdin?: string } = {},
): Promise<string> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A program that does not read its input is no error.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const status = exitCode(code, signal);
      if (status === 0) resolve(stdout);
      else reject(new CommandError(argv, status, stderr || stdout));
    });
  });
}
