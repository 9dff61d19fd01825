import { spawn, spawnSync } from 'node:child_process';
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

/** Runs Python that can import the package, beside other work: what it mounts is mounted for it alone, as all mounts of the layer are private. */
export async function startPython(text: string, args: readonly string[] = []): Promise<Ended> {
  const words = ['--mount', '--propagation', 'unchanged', '--', ...python, '-c', programOf(text), ...args];
  const child = spawn('/usr/bin/unshare', words, { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (data: string) => {
      said[name] += data;
    });
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  return { code, ...said };
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
