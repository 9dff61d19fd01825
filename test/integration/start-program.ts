import { type ChildProcess, spawn } from 'node:child_process';
import type { LocalCloud } from 'local-cloud';

export interface Ended {
  readonly code: number | null;
  /** Data. */
  readonly stdout: string;
  /** Progress, questions and errors. */
  readonly stderr: string;
}

/** A program that runs, with what it has said so far. */
export interface RunningProgram {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly said: () => string;
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
): RunningProgram {
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
