import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { prepareStep, type StepFolders, type StepOutput, stepFolders, storeOutput } from './agent-folders.ts';
import { type AgentPipes, openPipes } from './agent-pipe.ts';
import type { RenderedStep } from './document.ts';
import type { ManagedNode } from './nodes.ts';

export type StepStatus = 'Success' | 'Failed' | 'TimedOut' | 'Cancelled';

export interface StepOutcome extends StepOutput {
  readonly status: StepStatus;
  readonly statusDetails: string;
  readonly responseCode: number;
  /** What is listed, where the agent lists something else than the output: `ListCommandInvocations` with details. */
  readonly listed?: StepOutput;
  /** what the agent does next */
  readonly next: 'go on' | 'skip the rest' | 'reboot';
}

export interface StepRun {
  readonly node: ManagedNode;
  readonly commandId: string;
  readonly step: RenderedStep;
  readonly region: string;
  readonly clock: Clock;
  /** on the machine, for the pipes while the step runs */
  readonly scratchDirectory: string;
  /** the command was cancelled */
  readonly cancelled: () => boolean;
}

// https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-reboot.html and agent/appconfig/constants.go
const exitCodes = { killed: 137, skipRest: 168, failRest: 169, reboot: 194 } as const;

/**
 * Runs one step of aws:runShellScript on its host as the agent does: the script in a file, run by `sh -c`, as root, without
 * HOME, in a process group of its own that gets SIGKILL when time is up. Its output is read to the end: what the script leaves
 * in the background with it holds the step up.
 *
 * @see amazon-ssm-agent agent/executers/executers.go, agent/plugins/runscript/runscript.go
 * @returns undefined when the host died under it: nobody is left to report anything
 */
export async function runStep(run: StepRun): Promise<StepOutcome | undefined> {
  const { node, clock, step } = run;
  const boot = node.boot;
  const folders = stepFolders(node.instance.id, run.commandId, step.name);
  const end = step.error === undefined ? await runScript(run, folders, boot) : refusal(step.error);
  if (end === undefined || node.boot !== boot || clock.closed) return undefined;
  const stderr = Buffer.concat([end.stderr, Buffer.from(appendedError(end))]);
  const stored = await storeOutput(node.host, folders, { stdout: end.stdout, stderr });
  return stored && node.boot === boot ? outcomeOf(end, stored) : undefined;
}

interface End extends StepOutput {
  /** -1 for a signal, as Go's ExitStatus */
  readonly code: number;
  /** why the agent ended it */
  readonly stopped?: 'TimedOut' | 'Cancelled';
  readonly error?: string;
}

const nothing = Buffer.alloc(0);

function refusal(error: string): End {
  return { code: 1, error, stdout: nothing, stderr: nothing };
}

async function runScript(run: StepRun, folders: StepFolders, boot: number): Promise<End | undefined> {
  const { node, clock } = run;
  const dead = (): boolean => node.boot !== boot || !node.host.running || clock.closed;
  for (;;) {
    while (node.frozen && !dead()) await clock.wait(50);
    try {
      await prepareStep(node.host, folders, run.step.script);
      const pipes = await openPipes(run.scratchDirectory);
      try {
        const child = node.host.spawn(['sh', '-c', folders.script], {
          env: environmentOf(run),
          stdout: pipes.descriptors.stdout,
          stderr: pipes.descriptors.stderr,
        });
        pipes.closeDescriptors();
        return await endOf(run, child, pipes, boot);
      } finally {
        pipes.closeDescriptors();
        pipes.stdout.stop();
        pipes.stderr.stop();
      }
    } catch (error) {
      if (dead()) return undefined;
      // a full disk, for instance
      if (!node.frozen) return refusal(`failed to create script file. ${messageOf(error)}`);
    }
  }
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

/**
 * Waits until the script has ended *and* both pipes have; kills the process group when time is up or the command was cancelled, and then
 * waits for nothing any more.
 */
async function endOf(
  run: StepRun,
  child: ChildProcess,
  pipes: AgentPipes,
  boot: number,
): Promise<End | undefined> {
  let end: { readonly code: number; readonly error?: string } | undefined;
  const exited = new Promise<{ readonly code: number; readonly error?: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: 1, error: messageOf(error) }));
    child.once('exit', (code, signal) => resolve(exitOf(code, signal)));
  });
  const done = Promise.all([exited, pipes.stdout.ended, pipes.stderr.ended]).then(([exit]) => {
    end = exit;
  });
  const output = (): StepOutput => ({ stdout: pipes.stdout.stop(), stderr: pipes.stderr.stop() });
  const deadline = Date.now() + run.step.timeoutSeconds * 1000;
  while (run.node.boot === boot && !run.clock.closed) {
    await Promise.race([done, run.clock.wait(50)]);
    // a hung kernel runs no agent either
    if (run.node.frozen) continue;
    if (end !== undefined) return { ...end, ...output() };
    const stopped = run.cancelled() ? 'Cancelled' : Date.now() > deadline ? 'TimedOut' : undefined;
    if (stopped === undefined) continue;
    // First, for who still writes ends by itself once nobody reads
    const killed = killGroup(child);
    if (killed) return { code: exitCodes.killed, stopped, ...output() };
    return { code: 1, error: 'failed to run commands: no such process', ...output() };
  }
  if (run.clock.closed) killGroup(child);
  return undefined;
}

function exitOf(code: number | null, signal: NodeJS.Signals | null) {
  if (code === 0) return { code };
  const what = code === null ? `signal: ${signalNames[signal ?? ''] ?? signal}` : `exit status ${code}`;
  return { code: code ?? -1, error: `failed to run commands: ${what}` };
}

/** As Go names them. */
const signalNames: Readonly<Record<string, string>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
};

/** What the agent writes behind standard error. Where it takes a script for timed out or cancelled or wants to reboot, it says nothing. */
function appendedError({ code, error }: End): string {
  return code === exitCodes.killed || code === exitCodes.reboot ? '' : (error ?? '');
}

const skipText = 'Therefore, marking step as succeeded. Further document steps will be skipped.';
const failText = 'Therefore, marking step as Failed. Further document steps will be skipped.';

/** @see amazon-ssm-agent agent/plugins/pluginutil/pluginutil_unix.go, GetStatus; agent/framework/runpluginutil/runpluginutil.go */
function outcomeOf({ code, stopped }: End, output: StepOutput): StepOutcome {
  const base = { responseCode: code, ...output };
  const add = (to: Buffer, text: string) =>
    Buffer.concat([to, Buffer.from(`\nStep exited with code ${code}. ${text}`)]);
  switch (code) {
    case 0:
      return { ...base, status: 'Success', statusDetails: 'Success', next: 'go on' };
    case exitCodes.killed:
      return stopped === 'Cancelled'
        ? { ...base, status: 'Cancelled', statusDetails: 'Cancelled', next: 'go on' }
        : { ...base, status: 'TimedOut', statusDetails: 'ExecutionTimedOut', next: 'go on' };
    case exitCodes.skipRest: {
      const stdout = add(output.stdout, skipText);
      const listed = { stdout: output.stdout, stderr: nothing };
      const kept = { ...base, stdout, stderr: nothing, listed };
      return { ...kept, status: 'Success', statusDetails: 'Success', next: 'skip the rest' };
    }
    case exitCodes.failRest: {
      const stdout = add(output.stdout, failText);
      const kept = { ...base, stdout, stderr: add(output.stderr, failText), listed: output };
      return { ...kept, status: 'Failed', statusDetails: 'Failed', next: 'skip the rest' };
    }
    case exitCodes.reboot:
      return { ...base, status: 'Success', statusDetails: 'Success', next: 'reboot' };
    default:
      return { ...base, status: 'Failed', statusDetails: 'Failed', next: 'go on' };
  }
}

/** Whether there was anybody to kill. */
function killGroup(child: ChildProcess): boolean {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
