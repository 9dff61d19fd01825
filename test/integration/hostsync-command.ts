import { type ChildProcess, spawn } from 'node:child_process';
import type { LocalCloud } from 'local-cloud';

export interface Ended {
  readonly code: number | null;
  /** Data. */
  readonly stdout: string;
  /** Progress, questions and errors. */
  readonly stderr: string;
}

/** The command as an operator runs it: `npx hostsync …`, with what it has said so far. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly said: () => string;
}

/** Starts the real command against a local cloud, as its operator. */
export function startCommand(cloud: LocalCloud, words: readonly string[]): RunningCommand {
  return startProgram(cloud, ['scripts/hostsync.mjs', ...words]);
}

/**
 * Starts a program of the project against a local cloud.
 *
 * @param words the file, and its arguments
 * @param caller whose credentials it has; by default the operator's, who may do everything
 */
export function startProgram(
  cloud: LocalCloud,
  words: readonly string[],
  caller: ReturnType<LocalCloud['clientConfig']> = cloud.clientConfig(),
): RunningCommand {
  const { endpoint, region, credentials } = caller;
  const child = spawn(process.execPath, [...words, '--endpoint', endpoint, '--region', region], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      LANG: 'C.UTF-8',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((done) => child.once('close', (code) => done({ code, stdout, stderr })));
  return { child, ended, said: () => stdout + stderr };
}

export function hostsync(cloud: LocalCloud, ...words: readonly string[]): Promise<Ended> {
  return startCommand(cloud, words).ended;
}

/** Fires the schedule again and again until the command has ended, as the minutes pass meanwhile. */
export async function withTicks(cloud: LocalCloud, running: RunningCommand): Promise<Ended> {
  let over = false;
  const ended = running.ended.finally(() => {
    over = true;
  });
  while (!over) {
    cloud.tick();
    await cloud.settle({ timeoutSeconds: 100 });
    await Promise.race([ended, new Promise((done) => setTimeout(done, 500))]);
  }
  return ended;
}
