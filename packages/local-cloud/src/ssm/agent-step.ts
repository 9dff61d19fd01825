import type { ChildProcess } from 'node:child_process';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { RenderedStep } from './document.ts';
import type { ManagedNode } from './nodes.ts';
import { maximumStderrBytes, maximumStdoutBytes } from './output.ts';

export type StepStatus = 'Success' | 'Failed' | 'TimedOut' | 'Cancelled';

export interface StepOutcome {
  readonly status: StepStatus;
  readonly statusDetails: string;
  readonly responseCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** what the agent does next */
  readonly next: 'go on' | 'skip the rest' | 'reboot';
}

export interface StepRun {
  readonly node: ManagedNode;
  readonly commandId: string;
  readonly step: RenderedStep;
  readonly region: string;
  readonly clock: Clock;
  /** on the machine, for the output while the step runs */
  readonly scratchDirectory: string;
  /** the command was cancelled */
  readonly cancelled: () => boolean;
}

// https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-reboot.html and agent/appconfig/constants.go
const exitCodes = { killed: 137, skipRest: 168, failRest: 169, reboot: 194 } as const;

/**
 * Runs one step of aws:runShellScript on its host as the agent does: the script in a file, run by `sh -c`, as root, without
 * HOME, in a process group of its own that gets SIGKILL when time is up.
 *
 * @returns undefined when the host died under it: nobody is left to report anything
 */
export async function runStep(run: StepRun): Promise<StepOutcome | undefined> {
  const { node, clock } = run;
  const boot = node.boot;
  const output = await OutputFiles.open(run.scratchDirectory);
  try {
    const started = await start(run, boot, output);
    if (started === undefined) return undefined;
    if (started.kind === 'unwritable') return failed(started.message);
    const end = await endOf(run, started.child, boot);
    if (node.boot !== boot || clock.closed) return undefined;
    return outcomeOf(end, await output.read());
  } finally {
    await output.close();
  }
}

type Start =
  | { readonly kind: 'started'; readonly child: ChildProcess }
  | { readonly kind: 'unwritable'; readonly message: string };

/** Writes the script and starts it; undefined when the host died meanwhile. */
async function start(run: StepRun, boot: number, output: OutputFiles): Promise<Start | undefined> {
  const { node, step, clock } = run;
  const directory = `/var/lib/amazon/ssm/${node.instance.id}/document/orchestration/${run.commandId}/${step.name}`;
  const script = `${directory}/_script.sh`;
  const dead = (): boolean => node.boot !== boot || !node.host.running || clock.closed;
  for (;;) {
    while (node.frozen && !dead()) await clock.wait(50);
    try {
      await node.host.writeFile(script, step.script, 0o700);
      const child = node.host.spawn(['sh', '-c', script], {
        env: environmentOf(run),
        stdout: output.stdout.fd,
        stderr: output.stderr.fd,
      });
      return { kind: 'started', child };
    } catch (error) {
      if (dead()) return undefined;
      // a full disk, for instance: the agent cannot write the script and reports that
      if (!node.frozen)
        return { kind: 'unwritable', message: `failed to write ${script}: ${messageOf(error)}\n` };
    }
  }
}

function failed(message: string): StepOutcome {
  return outcomeOf({ kind: 'exit', code: 1 }, { stdout: Buffer.alloc(0), stderr: Buffer.from(message) });
}

function environmentOf(run: StepRun): Readonly<Record<string, string>> {
  return {
    ...run.step.environment,
    AWS_SSM_INSTANCE_ID: run.node.instance.id,
    AWS_SSM_REGION_NAME: run.region,
    AWS_SSM_PLATFORM_NAME: platform.name,
    AWS_SSM_PLATFORM_VERSION: platform.version,
    SSM_COMMAND_ID: run.commandId,
  };
}

/** What hosts say they are; the local ones are made of whatever this machine has. */
export const platform = { name: 'Amazon Linux', version: '2023' } as const;

type End = { readonly kind: 'exit'; readonly code: number } | { readonly kind: 'TimedOut' | 'Cancelled' };

function outcomeOf(end: End, output: { readonly stdout: Buffer; readonly stderr: Buffer }): StepOutcome {
  if (end.kind !== 'exit') {
    const statusDetails = end.kind === 'TimedOut' ? 'ExecutionTimedOut' : 'Cancelled';
    return { status: end.kind, statusDetails, responseCode: exitCodes.killed, ...output, next: 'go on' };
  }
  const base = { responseCode: end.code, ...output };
  switch (end.code) {
    case 0:
      return { ...base, status: 'Success', statusDetails: 'Success', next: 'go on' };
    case exitCodes.killed:
      return { ...base, status: 'TimedOut', statusDetails: 'ExecutionTimedOut', next: 'go on' };
    case exitCodes.skipRest:
      return { ...base, status: 'Success', statusDetails: 'Success', next: 'skip the rest' };
    case exitCodes.failRest:
      return { ...base, status: 'Failed', statusDetails: 'Failed', next: 'skip the rest' };
    case exitCodes.reboot:
      return { ...base, status: 'Success', statusDetails: 'Success', next: 'reboot' };
    default:
      return { ...base, status: 'Failed', statusDetails: 'Failed', next: 'go on' };
  }
}

/** The output goes to files: a daemon that a script leaves behind holds up nothing. */
class OutputFiles {
  readonly stdout: FileHandle;
  readonly stderr: FileHandle;
  readonly #directory: string;

  private constructor(directory: string, stdout: FileHandle, stderr: FileHandle) {
    this.#directory = directory;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  static async open(scratchDirectory: string): Promise<OutputFiles> {
    const directory = await mkdtemp(join(scratchDirectory, 'step-'));
    return new OutputFiles(
      directory,
      await open(join(directory, 'stdout'), 'w+'),
      await open(join(directory, 'stderr'), 'w+'),
    );
  }

  /** The head of both, a little more than the agent reports. */
  async read(): Promise<{ stdout: Buffer; stderr: Buffer }> {
    return {
      stdout: await head(this.stdout, maximumStdoutBytes + 1),
      stderr: await head(this.stderr, maximumStderrBytes + 1),
    };
  }

  async close(): Promise<void> {
    await this.stdout.close();
    await this.stderr.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function head(file: FileHandle, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** Waits for the end; kills the process group when time is up or the command was cancelled. */
async function endOf(run: StepRun, child: ChildProcess, boot: number): Promise<End> {
  let code: number | undefined;
  const exited = new Promise<void>((resolve) => {
    const end = (value: number): void => {
      code ??= value;
      resolve();
    };
    child.once('error', () => end(1));
    child.once('exit', (status, signal) =>
      end(status ?? (signal === null ? 1 : 128 + constants.signals[signal])),
    );
  });
  const deadline = Date.now() + run.step.timeoutSeconds * 1000;
  while (code === undefined && run.node.boot === boot && !run.clock.closed) {
    await Promise.race([exited, run.clock.wait(50)]);
    // a hung kernel runs no agent either
    if (code !== undefined || run.node.frozen) continue;
    const stop = run.cancelled() ? 'Cancelled' : Date.now() > deadline ? 'TimedOut' : undefined;
    if (stop === undefined) continue;
    killGroup(child);
    await exited;
    return { kind: stop };
  }
  if (run.clock.closed) killGroup(child);
  return { kind: 'exit', code: code ?? exitCodes.killed };
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has ended by itself in the meantime
  }
}
