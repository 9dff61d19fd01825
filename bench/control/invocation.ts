import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BenchError } from '../meter.ts';
import type { CpuCap } from './cpu-cap.ts';
import { account, type Edition } from './edition.ts';

export interface ToRuntime {
  readonly event: unknown;
  readonly timeoutSeconds: number;
}

export type FromRuntime = { readonly kind: 'ready' } | { readonly kind: 'ended'; readonly error?: string };

/** CPU and memory of one process. */
export interface ProcessUse {
  /** Of all its threads, in user and system mode. Source: /proc/PID/stat, in hundredths. */
  readonly cpuSeconds: number;
  /** The largest resident set since its start. Source: VmHWM. */
  readonly peakMiB: number;
}

/** How the handler ended, and the resources that it used. */
export interface Ended {
  /** `failed`: an error left the handler. `died`: the process ended, as by lack of memory. */
  readonly end: 'done' | 'failed' | 'timed out' | 'died';
  readonly message: string | undefined;
  /** From the invocation to the end. */
  readonly seconds: number;
  /** CPU since the invocation; memory since the start of the process. */
  readonly use: ProcessUse;
}

export interface InvokeOptions {
  readonly edition: Edition;
  readonly endpoint: string;
  readonly cap: CpuCap;
  /** The file for the function's log. */
  readonly log: string;
  /** Called at the invocation, with its time in milliseconds of `performance.now()` and a function that reads the use since then. */
  readonly onInvoked: (at: number, use: () => ProcessUse) => void;
  readonly signal: AbortSignal;
}

const startSeconds = 60;

/**
 * Runs the handler once, as Lambda does: the process loads the bundle and then gets the event. The CPU limit begins with the event, and so does
 * the measure.
 *
 * @throws {BenchError} when the bundle cannot be loaded
 * @throws the signal's reason
 */
export async function invoke(options: InvokeOptions): Promise<Ended> {
  const { edition, cap, signal } = options;
  signal.throwIfAborted();
  const child = start(options);
  const { pid } = child;
  if (pid === undefined) throw new BenchError('the process of the handler cannot be started');
  try {
    await messageOf(child, 'ready', startSeconds, options.log);
    cap.hold(pid);
    const before = readUse(pid);
    let last = before;
    const use = () => {
      last = readUse(pid) ?? last;
      return {
        cpuSeconds: (last?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0),
        peakMiB: last?.peakMiB ?? 0,
      };
    };
    // A dead process cannot be read any more
    const timer = setInterval(use, 200);
    const stop = () => void child.kill('SIGKILL');
    signal.addEventListener('abort', stop);
    const started = performance.now();
    options.onInvoked(started, use);
    child.send({ event: scheduledEvent(), timeoutSeconds: edition.timeoutSeconds } satisfies ToRuntime);
    try {
      const ended = await endOf(child, edition.timeoutSeconds);
      signal.throwIfAborted();
      return { ...ended, seconds: (performance.now() - started) / 1000, use: use() };
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
    }
  } finally {
    await killed(child);
  }
}

function start({ edition, endpoint, log }: InvokeOptions): ChildProcess {
  const { memoryMiB, functionName } = edition;
  // The heap limits of AWS's own runtime for Node.js: a tenth of the memory for young objects, the rest for old ones
  const young = Math.floor(memoryMiB / 10);
  const memory = [
    `--max-semi-space-size=${Math.floor(young / 2)}`,
    `--max-old-space-size=${memoryMiB - young}`,
  ];
  const output = openSync(log, 'w');
  try {
    return spawn(
      process.execPath,
      [...memory, join(import.meta.dirname, 'runtime.ts'), edition.bundle, edition.handler],
      {
        cwd: dirname(edition.bundle),
        stdio: ['ignore', output, output, 'ipc'],
        env: {
          PATH: process.env['PATH'],
          TZ: ':UTC',
          ...withQueuesAt(endpoint, edition.environment),
          LAMBDA_TASK_ROOT: dirname(edition.bundle),
          AWS_LAMBDA_FUNCTION_NAME: functionName,
          AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMiB),
          AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${functionName}`,
          AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0',
          AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
          AWS_REGION: account.region,
          AWS_DEFAULT_REGION: account.region,
          AWS_ACCESS_KEY_ID: 'ASIAEXAMPLEEXAMPLE00',
          AWS_SECRET_ACCESS_KEY: 'example',
          AWS_SESSION_TOKEN: 'example',
          AWS_ENDPOINT_URL: endpoint,
          AWS_CONFIG_FILE: '/dev/null',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        },
      },
    );
  } finally {
    closeSync(output);
  }
}

/** The SDK sends to the host of a queue's URL, even where AWS_ENDPOINT_URL is set. */
function withQueuesAt(endpoint: string, environment: Edition['environment']): Edition['environment'] {
  const host = `https://sqs.${account.region}.amazonaws.com/`;
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replace(host, `${endpoint}/`)]),
  );
}

/** As EventBridge sends it. Source: EventBridge User Guide, "Scheduled Event". */
function scheduledEvent() {
  return {
    version: '0',
    id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: account.accountId,
    time: new Date().toISOString().replace(/\.\d{3}Z$/u, 'Z'),
    region: account.region,
    resources: [`arn:aws:events:${account.region}:${account.accountId}:rule/tick`],
    detail: {},
  };
}

async function messageOf(child: ChildProcess, kind: FromRuntime['kind'], seconds: number, log: string) {
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: FromRuntime) => message.kind === kind && resolve());
      child.once('exit', () => reject(new BenchError(`the bundle cannot be loaded: ${lastLine(log)}`)));
    });
  } finally {
    clearTimeout(timer);
  }
}

function endOf(child: ChildProcess, timeoutSeconds: number): Promise<Pick<Ended, 'end' | 'message'>> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ end: 'timed out', message: `after ${timeoutSeconds} s` }),
      timeoutSeconds * 1000,
    );
    child.on('message', (message: FromRuntime) => {
      if (message.kind !== 'ended') return;
      clearTimeout(timer);
      resolve({ end: message.error === undefined ? 'done' : 'failed', message: message.error });
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ end: 'died', message: signal ?? `exit code ${code}` });
    });
  });
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

/** Undefined once the process has ended. */
function readUse(pid: number): ProcessUse | undefined {
  try {
    // After the name, which may hold blanks: state is field 3, utime 14 and stime 15
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /su, '')
      .split(' ');
    const peak = /^VmHWM:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (peak === undefined) return undefined;
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, peakMiB: Number(peak) / 1024 };
  } catch {
    return undefined;
  }
}

function lastLine(log: string): string {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.findLast((line) => /Error/u.test(line)) ?? lines.at(-1) ?? 'it says nothing';
}
