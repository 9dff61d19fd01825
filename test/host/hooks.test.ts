import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { programOf, python } from './package.ts';

let directory: string;
let left: number[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hooks-'));
  left = [];
  mkdirSync(join(directory, 'hooks'), { mode: 0o755 });
});

afterEach(() => {
  for (const process_ of left.filter(isAlive)) process.kill(process_, 'SIGKILL');
  rmSync(directory, { recursive: true });
});

/** In a container init may reap late: a zombie is dead. */
function isAlive(id: number): boolean {
  try {
    return !/^State:\s+Z/mu.test(readFileSync(`/proc/${id}/status`, 'utf8'));
  } catch {
    return false;
  }
}

interface HookResult {
  readonly hook: string;
  readonly message: string;
  /** The log, with the first bytes of the hook's output. */
  readonly stderr: string;
}

/**
 * Runs a hook as the commands do, with a lock held, and waits as the SSM agent does: until nobody has the pipes of
 * standard output and standard error open any more.
 */
async function runHook(text: string, seconds = 30): Promise<HookResult> {
  writeFileSync(join(directory, 'hooks', 'sample'), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  const program = programOf(`
import os
from hostsync_host import hooks, layout, locks, results
directory = sys.argv[1].encode()
layout.ETC = directory
os.umask(0o077)
results.name_command("sample")
with locks.wait_for_lock(directory + b"/lock", 1):
    result = hooks.run_hook("sample", ${seconds}, "web", 7)
print(result.status, result.message, sep="\\n", end="")
`);
  const [interpreter = '', ...options] = python;
  const child = spawn(interpreter, [...options, '-c', program, directory], { env: {} });
  child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('latin1').on('data', (chunk: string) => (stderr += chunk));
  const [code] = await once(child, 'close');
  expect(code, stderr).toBe(0);
  const [hook = '', message = ''] = stdout.split('\n');
  return { hook, message, stderr };
}

/** The processes that a hook named in the file `left`. */
function processesLeft(): number[] {
  left = readFileSync(join(directory, 'left'), 'utf8').trim().split('\n').map(Number);
  return left;
}

function isLockFree(): Promise<boolean> {
  const child = spawn('flock', ['-n', join(directory, 'lock'), 'true']);
  return once(child, 'close').then(([code]) => code === 0);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

describe('a process that a hook leaves behind holds nothing up, and lives on', () => {
  it.each([
    ['in the background', 'sleep 777 &'],
    ['in a session of its own', 'setsid sleep 777 &'],
    ['deaf to hang-ups', 'nohup sleep 777 &'],
    ['that writes without end', 'yes 2>&1 &'],
    ['that writes to standard error', '(while :; do echo noise; sleep 0.01; done) >&2 &'],
  ])('%s', async (_, command) => {
    const hook = await runHook(`${command}\necho $! >${directory}/left\necho done`);
    expect(hook).toMatchObject({ hook: 'ok', message: '' });
    const [process_ = 0] = processesLeft();
    expect(isAlive(process_)).toBe(true);
    expect(await isLockFree()).toBe(true);
  });
});

it("what a hook makes can be read by the web server, as what a shell of root's makes", async () => {
  const { stderr } = await runHook(`umask; mkdir ${directory}/site; touch ${directory}/site/takes-writes`);
  expect(stderr).toBe('hostsync sample: hook sample: 0022\n');
  expect(statSync(join(directory, 'site')).mode & 0o777).toBe(0o755);
});

describe('the output of a hook', () => {
  it('is logged line by line, with both streams in their order and without control characters', async () => {
    const { stderr } = await runHook('echo one; echo two >&2; printf "three\\033[31m\\n\\nlast"');
    expect(stderr.trimEnd().split('\n')).toEqual(
      ['one', 'two', 'three?[31m', '', 'last'].map((line) => `hostsync sample: hook sample: ${line}`),
    );
  });

  it('is kept to its first bytes, whatever comes', async () => {
    const { hook, stderr } = await runHook('head -c 20000000 /dev/zero | tr "\\0" x; exit 3');
    expect(hook).toBe('failed');
    expect(stderr).toContain(`hook sample: ${'x'.repeat(1024)}\n`);
    expect(stderr).toContain('only the first 1024 bytes');
    expect(stderr.length).toBeLessThan(2000);
  });

  it('may hold any bytes', async () => {
    const { hook } = await runHook('head -c 300000 /dev/urandom; head -c 300000 /dev/zero');
    expect(hook).toBe('ok');
  });

  it('may be closed by the hook itself', async () => {
    expect(await runHook('exec >&- 2>&-; exit 9')).toMatchObject({
      hook: 'failed',
      message: expect.stringContaining('exit code 9'),
    });
  });

  it('is not read from our standard input, nor does it see our lock', async () => {
    const { stderr } = await runHook(
      'cat; ls -l /proc/self/fd | grep -c lock; echo $HOSTSYNC_GROUP $HOSTSYNC_EPOCH',
    );
    expect(stderr).toMatch(/hook sample: 0\n.*hook sample: web 7\n$/u);
  });
});

describe('a hook that does not end', () => {
  it.each([
    ['waits', 'sleep 777 & echo $! >>"$left"; wait'],
    ['writes', 'yes & echo $! >>"$left"; wait'],
    ['is deaf to the signal', 'trap "" TERM; sleep 777 & echo $! >>"$left"; while :; do sleep 0.1; done'],
  ])('is ended with what it started: it %s', async (_, command) => {
    const { hook, message } = await runHook(`left=${directory}/left\n${command}`, 1);
    expect({ hook, message }).toEqual({
      hook: 'failed',
      message: expect.stringContaining('took longer than 1 seconds and was ended'),
    });
    const [process_ = 0] = processesLeft();
    if (!command.startsWith('trap')) await until(() => !isAlive(process_));
    expect(await isLockFree()).toBe(true);
  });

  it.each([
    ['kill -KILL $$', 'exit code 137'],
    ['exit 124', 'exit code 124'],
    ['kill -TERM $$', 'exit code 143'],
  ])('is not confused with one that ends in another way: %s', async (command, want) => {
    expect(await runHook(command)).toMatchObject({ hook: 'failed', message: expect.stringContaining(want) });
  });
});
