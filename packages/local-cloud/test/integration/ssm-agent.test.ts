import { GetCommandInvocationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
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

async function run(line: string) {
  const ssm = new SSMClient(cloud.clientConfig());
  const { Command } = await ssm.send(
    new SendCommandCommand({
      DocumentName: cloud.physicalName('PushDocument'),
      InstanceIds: [instance.id],
      Parameters: { line: [line] },
    }),
  );
  await cloud.settle();
  const CommandId = Command?.CommandId ?? '';
  const { Status, ResponseCode, StandardOutputContent, StandardErrorContent } = await ssm.send(
    new GetCommandInvocationCommand({ CommandId, InstanceId: instance.id }),
  );
  return { status: Status, code: ResponseCode, stdout: StandardOutputContent, stderr: StandardErrorContent };
}

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

it('what it leaves in its group is killed with it, and what holds its output holds it up', async () => {
  const { stdout } = await run('sleep 777 >/dev/null 2>&1 & echo $!');
  expect((await instance.exec(`kill -0 ${stdout}`)).code).toBe(0);
  const started = run('until [ -e /release ]; do sleep 0.05; done & touch /ended');
  await cloud.waitFor(async () => (await instance.exec('test -e /ended')).code === 0, { what: 'the script' });
  expect(cloud.commands().at(-1)).toMatchObject({ status: 'InProgress' });
  await instance.exec('touch /release');
  expect(await started).toMatchObject({ status: 'Success' });
});
