import { readdir, readFile } from 'node:fs/promises';
import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LocalCloud, type LocalInstance, startCloud } from '../../src/cloud.ts';
import { type HostFleet, openFleet } from '../../src/hosts/index.ts';
import { samplePackage } from '../unit/sample-package.ts';

// What depends on the host on which the agent runs a script.

let fleet: HostFleet;
let cloud: LocalCloud;
let instance: LocalInstance;

beforeAll(async () => {
  fleet = await openFleet();
  const packageDirectory = await samplePackage({
    parameters: { line: { type: 'String' } },
    runCommand: ['#!/bin/bash', '{{ line }}'],
  });
  cloud = await startCloud({ packageDirectory, tickSeconds: 'manual', fleet });
});
afterAll(async () => {
  await cloud?.close();
  await fleet?.close();
});
beforeEach(async () => {
  instance = await cloud.launch({ diskBytes: 50e6 });
});

/** Sends a command; what becomes of it is awaited with `result`. */
async function start(line: string) {
  const ssm = new SSMClient(cloud.clientConfig());
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: cloud.physicalName('PushDocument'),
      InstanceIds: [instance.id],
      Parameters: { line: [line] },
    }),
  );
  const CommandId = Command?.CommandId ?? '';
  return {
    cancel: () => ssm.send(new CancelCommandCommand({ CommandId })),
    async result() {
      await cloud.settle();
      const { Status, ResponseCode, StandardOutputContent, StandardErrorContent } = await ssm.send(
        new GetCommandInvocationCommand({ CommandId, InstanceId: instance.id }),
      );
      return {
        status: Status,
        code: ResponseCode,
        stdout: StandardOutputContent,
        stderr: StandardErrorContent,
      };
    },
  };
}

async function run(line: string) {
  return (await start(line)).result();
}

const isOnHost = (path: string) =>
  cloud.waitFor(async () => (await instance.exec(['test', '-e', path])).code === 0, { what: path });

/** Until the shell of the script is gone, in the host and outside. */
const scriptEnded = () =>
  cloud.waitFor(
    async () => {
      const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const lines = processes.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''));
      return !(await Promise.all(lines)).some((line) => line.includes(`/ssm/${instance.id}/`));
    },
    { what: 'the end of the script' },
  );

describe('a script that a signal ends', () => {
  it('looks as if its time was up, where sh is dash', async () => {
    expect(await run('echo out; kill -KILL $$')).toMatchObject({
      status: 'TimedOut',
      code: 137,
      stdout: 'out\n',
    });
    expect(await run('kill -TERM $$')).toMatchObject({ status: 'Failed', code: 143 });
  });

  it('has failed without a code, where sh is bash', async () => {
    await instance.exec('ln -sf bash /bin/sh');
    expect(await run('echo out; kill -KILL $$')).toMatchObject({
      status: 'Failed',
      code: -1,
      stdout: 'out\n',
      stderr: 'failed to run commands: signal: killed',
    });
    expect(await run('kill -TERM $$')).toMatchObject({
      status: 'Failed',
      code: -1,
      stderr: 'failed to run commands: signal: terminated',
    });
  });
});

describe('a full disk', () => {
  it('that has no room for the output: success, and the output is lost', async () => {
    expect(await run('head -c 100M /dev/zero >/full; echo out; echo error >&2')).toEqual({
      status: 'Success',
      code: 0,
      stdout: '',
      stderr: '',
    });
    await instance.exec('rm /full');
    expect(await run('echo out')).toMatchObject({ status: 'Success', stdout: 'out\n' });
  });

  it('that has no room for the script: a failure that says nothing', async () => {
    await instance.fillDisk();
    expect(await run('echo out')).toEqual({ status: 'Failed', code: 1, stdout: '', stderr: '' });
    await instance.freeDisk();
    expect(await run('echo out')).toMatchObject({ status: 'Success' });
  });
});

describe('what a script leaves behind', () => {
  it('lives on without the output, and holds it up with it', async () => {
    const { stdout } = await run('sleep 777 >/dev/null 2>&1 & echo $!');
    expect((await instance.exec(`kill -0 ${stdout}`)).code).toBe(0);
    const { result } = await start('until [ -e /release ]; do sleep 0.05; done & touch /ended');
    await isOnHost('/ended');
    expect(cloud.commands().at(-1)).toMatchObject({ status: 'InProgress' });
    await instance.exec('touch /release');
    expect(await result()).toMatchObject({ status: 'Success' });
  });

  it('is killed when the command is cancelled, though the script has ended', async () => {
    const { cancel, result } = await start('sleep 777 & echo $! >/pid; touch /ended');
    await isOnHost('/ended');
    await cancel();
    expect(await result()).toMatchObject({ status: 'Cancelled', code: 137, stderr: '' });
    expect((await instance.exec('kill -0 "$(</pid)"')).code).not.toBe(0);
  });

  it('with a session of its own lives on, and the agent has nothing to kill', async () => {
    const { cancel, result } = await start(
      'setsid sleep 777 & until pkill -0 -x sleep; do :; done; touch /ended',
    );
    await isOnHost('/ended');
    await scriptEnded();
    await cancel();
    expect(await result()).toMatchObject({
      status: 'Failed',
      code: 1,
      stderr: 'failed to run commands: no such process',
    });
    expect((await instance.exec('pkill -0 -x sleep')).code).toBe(0);
  });
});
