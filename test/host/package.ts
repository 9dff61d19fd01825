import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The commands that take a request. */
export const commands = ['push', 'join', 'promote', 'leave', 'rescue', 'probe', 'doctor'] as const;
export type Command = (typeof commands)[number];

export const directory = fileURLToPath(new URL('../../host', import.meta.url));
/** Python of the hosts, isolated as it is there. */
export const python: readonly string[] = ['/usr/bin/python3', '-I'];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(words: readonly string[], stdin: string | Uint8Array): Ended {
  const [program = '', ...args] = [...python, ...words];
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input: stdin,
    env: {},
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** Runs a command of the package, as cron and the documents do. */
export function runCommand(args: readonly string[], stdin: string | Uint8Array = ''): Ended {
  return run([directory, ...args], stdin);
}

/** Runs Python that can import the package. */
export function runPython(
  text: string,
  args: readonly string[] = [],
  stdin: string | Uint8Array = '',
): Ended {
  return run(['-c', programOf(text), ...args], stdin);
}

/** Text that can import the package. */
export function programOf(text: string): string {
  return `import sys\nsys.path.insert(0, ${JSON.stringify(directory)})\n${text}`;
}

export function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** An Ed25519 public key; its private half is nowhere. */
export const key = 'AAAAC3NzaC1lZDI1NTE5AAAAINq2S3iJ4eZQ9txlvDYfpsAKUH5Ni65lTqlBtLWeUYjM';
