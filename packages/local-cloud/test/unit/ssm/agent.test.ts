import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  ListCommandInvocationsCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { describe, expect, test } from 'vitest';
import type { LocalCloud, LocalInstance } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';
import type { SampleOptions } from '../sample-package.ts';

// How the agent runs a script. Source: amazon-ssm-agent 3.3, agent/executers, agent/plugins/runscript, agent/framework/runpluginutil.

interface Sent {
  readonly cloud: LocalCloud;
  readonly instance: LocalInstance;
  readonly id: string;
  /** The host's working directory for scripts, on this machine. */
  readonly directory: string;
  readonly result: (step?: string) => Promise<GetCommandInvocationCommandOutput>;
  /** What `ListCommandInvocations` has of each step. */
  readonly listed: () => Promise<readonly string[]>;
}

async function send(options: SampleOptions, Parameters: Record<string, string[]> = {}): Promise<Sent> {
  const cloud = await sampleCloud(options);
  const instance = await cloud.launch();
  const { ssm } = clientsOf(cloud);
  const DocumentName = cloud.physicalName('PushDocument');
  const sent = await ssm.send(
    new SendCommandCommand({ DocumentName, InstanceIds: [instance.id], Parameters }),
  );
  const CommandId = sent.Command?.CommandId ?? '';
  const { stdout } = await instance.exec('pwd');
  return {
    cloud,
    instance,
    id: CommandId,
    directory: stdout.trim(),
    result: (step) =>
      ssm.send(
        new GetCommandInvocationCommand({
          CommandId,
          InstanceId: instance.id,
          ...(step !== undefined && { PluginName: step }),
        }),
      ),
    async listed() {
      const { CommandInvocations } = await ssm.send(
        new ListCommandInvocationsCommand({ CommandId, Details: true }),
      );
      return (CommandInvocations?.[0]?.CommandPlugins ?? []).map(({ Output }) => Output ?? '');
    },
  };
}

async function run(options: SampleOptions, Parameters: Record<string, string[]> = {}): Promise<Sent> {
  const sent = await send(options, Parameters);
  await sent.cloud.settle();
  return sent;
}

const isThere = (cloud: LocalCloud, file: string) => cloud.waitFor(() => existsSync(file), { what: file });

describe('what a script leaves behind', () => {
  test('holds the command up as long as it has the output open', async () => {
    const { cloud, directory, result } = await send({
      runCommand: [
        'touch hold',
        '(while [ -e hold ]; do sleep 0.02; done; touch gone) &',
        'echo done; touch ended',
      ],
    });
    await isThere(cloud, join(directory, 'ended'));
    expect(await result()).toMatchObject({ Status: 'InProgress' });
    await rm(join(directory, 'hold'));
    await cloud.settle();
    expect(existsSync(join(directory, 'gone'))).toBe(true);
    expect(await result()).toMatchObject({ Status: 'Success', StandardOutputContent: 'done\n' });
  });

  test('holds nothing up without the output', async () => {
    const { directory, result } = await run({
      runCommand: ['touch hold', '(while [ -e hold ]; do sleep 0.02; done) >/dev/null 2>&1 &', 'echo done'],
    });
    expect(await result()).toMatchObject({ Status: 'Success', StandardOutputContent: 'done\n' });
    await rm(join(directory, 'hold'));
  });

  test('in the group is killed when the time is up, though the script has ended', async () => {
    const { result } = await run({ timeoutSeconds: '5', runCommand: ['sleep 777 & echo $!'] });
    const { StandardOutputContent, ...answer } = await result();
    expect(answer).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'ExecutionTimedOut',
      ResponseCode: 137,
    });
    expect(existsSync(`/proc/${Number(StandardOutputContent)}/exe`)).toBe(false);
  });

  test('outside the group is not found, which is a failure', async () => {
    const { result } = await run({ timeoutSeconds: '5', runCommand: ['setsid sleep 777 & echo $!'] });
    const { StandardOutputContent, ...answer } = await result();
    expect(answer).toMatchObject({
      Status: 'Failed',
      ResponseCode: 1,
      StandardErrorContent: 'failed to run commands: no such process',
    });
    process.kill(Number(StandardOutputContent), 'SIGKILL');
  });

  test('and writes without end is read until the command is cancelled', async () => {
    const { cloud, id, directory, result } = await send({ runCommand: ['yes & touch ended'] });
    await isThere(cloud, join(directory, 'ended'));
    await clientsOf(cloud).ssm.send(new CancelCommandCommand({ CommandId: id }));
    await cloud.settle();
    expect(await result()).toMatchObject({ Status: 'Cancelled', ResponseCode: 137 });
  });
});

test('the output is a pipe, which can be opened by its name', async () => {
  const { result } = await run({
    runCommand: ['echo one >/dev/stdout; echo two >/dev/stderr; stat -L -c %F /dev/stdout'],
  });
  expect(await result()).toMatchObject({
    StandardOutputContent: 'one\nfifo\n',
    StandardErrorContent: 'two\n',
  });
});

test('the agent keeps two folders of a command: of the script, and of its output', async () => {
  const { directory, instance, id } = await run({ runCommand: ['echo out; echo error >&2; exit 3'] });
  const command = join(directory, `/var/lib/amazon/ssm/${instance.id}/document/orchestration/${id}`);
  expect((await readdir(command)).sort()).toEqual(['awsrunShellScript', 'push']);
  expect(await readdir(join(command, 'push'))).toEqual(['_script.sh']);
  const output = join(command, 'awsrunShellScript', 'push');
  const error = 'error\nfailed to run commands: exit status 3';
  for (const [name, content] of [
    ['stdout', 'out\n'],
    ['stdoutConsole', 'out\n'],
    ['stderr', error],
    ['stderrConsole', error],
  ] as const)
    expect(await readFile(join(output, name), 'utf8'), name).toBe(content);
});

describe('what the agent appends', () => {
  const step = 'out\n';
  test.each([
    ['exit 0', 0, step, 'err\n', `${step}\n----------ERROR-------\nerr\n`],
    [
      'exit 3',
      3,
      step,
      'err\nfailed to run commands: exit status 3',
      `${step}\n----------ERROR-------\nerr\nfailed to run commands: exit status 3`,
    ],
    [
      'exit 168',
      168,
      `${step}\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped.`,
      '',
      step,
    ],
    [
      'exit 169',
      169,
      `${step}\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped.`,
      'err\nfailed to run commands: exit status 169\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped.',
      `${step}\n----------ERROR-------\nerr\nfailed to run commands: exit status 169`,
    ],
    ['exit 137', 137, step, 'err\n', `${step}\n----------ERROR-------\nerr\n`],
  ])('%s', async (line, code, stdout, stderr, listing) => {
    const { result, listed } = await run({ runCommand: [`echo out; echo err >&2; ${line}`] });
    expect(await result()).toMatchObject({
      ResponseCode: code,
      StandardOutputContent: stdout,
      StandardErrorContent: stderr,
    });
    expect(await listed()).toEqual([listing]);
  });

  test('nothing to a script that wants a reboot; and its next run continues the same files', async () => {
    const { result } = await run({
      runCommand: ['echo run; echo err >&2; [ -e marker ] || { touch marker; exit 194; }'],
    });
    expect(await result()).toMatchObject({
      Status: 'Success',
      StandardOutputContent: 'run\nrun\n',
      StandardErrorContent: 'err\nerr\n',
    });
  });
});

describe('a document of several steps', () => {
  const steps = (...lines: readonly string[]) =>
    lines.map((line, index) => ({ name: `step${index}`, runCommand: [line] }));

  test.each([
    [['exit 0', 'exit 0'], 'Success'],
    [['exit 137', 'exit 1'], 'Failed'],
    [['exit 1', 'exit 137'], 'Failed'],
    [['exit 0', 'exit 137'], 'TimedOut'],
  ])('%j ends %s', async (lines, status) => {
    const { cloud } = await run({ steps: steps(...lines) });
    expect(cloud.commands()).toMatchObject([{ status, invocations: [{ status }] }]);
  });

  test('goes on after a failure', async () => {
    const { result } = await run({ steps: steps('exit 3', 'echo next') });
    expect(await result('step1')).toMatchObject({ Status: 'Success', StandardOutputContent: 'next\n' });
  });

  test.each([168, 169])('skips the rest after %d', async (code) => {
    const { directory, result, listed } = await run({
      steps: steps(`exit ${code}`, 'touch ran', 'touch ran'),
    });
    expect(existsSync(join(directory, 'ran'))).toBe(false);
    expect(await result('step2')).toMatchObject({ Status: 'Success', ResponseCode: 0 });
    expect((await listed()).slice(1)).toEqual(
      ['step1', 'step2'].map(
        (id) =>
          `Plugin with name aws:runShellScript and id ${id} skipped due to prior step with an exit condition`,
      ),
    );
  });

  test.each([
    ['exit 1', 'Failed'],
    ['exit 137', 'TimedOut'],
    ['exit 0', 'Cancelled'],
  ])('of which one ended with %s and the next was cancelled ends %s', async (line, status) => {
    const { cloud, id, directory, result } = await send({ steps: steps(line, 'touch began; sleep 777') });
    await isThere(cloud, join(directory, 'began'));
    await clientsOf(cloud).ssm.send(new CancelCommandCommand({ CommandId: id }));
    await cloud.settle();
    expect(await result('step1')).toMatchObject({ Status: 'Cancelled' });
    expect(cloud.commands()).toMatchObject([{ status, invocations: [{ status }] }]);
  });

  test('has the result of each as it ends', async () => {
    const { cloud, directory, result } = await send({
      steps: steps('echo one', 'until [ -e release ]; do sleep 0.02; done'),
    });
    await cloud.waitFor(async () => (await result('step0')).Status === 'Success', { what: 'the first step' });
    expect(await result('step0')).toMatchObject({ StandardOutputContent: 'one\n' });
    expect(cloud.commands()).toMatchObject([{ status: 'InProgress' }]);
    await writeFile(join(directory, 'release'), '');
    await cloud.settle();
    expect(cloud.commands()).toMatchObject([{ status: 'Success' }]);
  });

  test('skips what is for another platform', async () => {
    const precondition = { StringEquals: ['platformType', 'Windows'] };
    const { listed } = await run({ steps: [{ name: 'windows', precondition }, { name: 'linux' }] });
    expect(await listed()).toEqual([
      `Step execution skipped due to unsatisfied preconditions: '"StringEquals": [platformType, Windows]'. Step name: windows`,
      'pushed\n',
    ]);
  });

  test('that is cancelled begins no further step', async () => {
    const { cloud, id, directory, result } = await send({
      steps: steps('touch began; sleep 777', 'touch ran'),
    });
    await isThere(cloud, join(directory, 'began'));
    await clientsOf(cloud).ssm.send(new CancelCommandCommand({ CommandId: id }));
    await cloud.settle();
    expect(existsSync(join(directory, 'ran'))).toBe(false);
    expect(await result('step0')).toMatchObject({ Status: 'Cancelled', ResponseCode: 137 });
    expect(await result('step1')).toMatchObject({ Status: 'Cancelled', ResponseCode: 1 });
  });
});

test('a list in the place of a line fails, and in the place of all lines is the script', async () => {
  const parameters = { list: { type: 'StringList' } };
  const list = ['echo $$ >pid', 'echo one'];
  const line = await run({ parameters, runCommand: ['#!/bin/sh', '{{ list }}'] }, { list });
  expect(await line.result()).toMatchObject({
    Status: 'Failed',
    ResponseCode: 1,
    StandardErrorContent: expect.stringContaining('cannot unmarshal array into Go struct field'),
  });
  const whole = await run({ parameters, runCommand: '{{ list }}' }, { list });
  expect(await whole.result()).toMatchObject({ Status: 'Success', StandardOutputContent: 'one\n' });
});

test('the length of a value is for SendCommand to check: the agent looks at patterns alone', async () => {
  const parameters = { request: { type: 'String', maxChars: 3, allowedPattern: '^[a-z]*$' } };
  await expect(run({ parameters }, { request: ['abcd'] })).rejects.toMatchObject({
    name: 'InvalidParameters',
  });
  const sent = await run({ parameters }, { request: ['abc'] });
  expect(await sent.result()).toMatchObject({ Status: 'Success' });
});

test('a value that the agent alone refuses: failed before anything runs', async () => {
  const parameters = { request: { type: 'String', allowedPattern: '^[a-z]*$' } };
  // Java's $, which SendCommand checks with, matches before it
  const { cloud, id, result } = await run({ parameters }, { request: ['a\n'] });
  expect(await result()).toMatchObject({ Status: 'Failed', ResponseCode: -1, StandardErrorContent: '' });
  const { CommandInvocations } = await clientsOf(cloud).ssm.send(
    new ListCommandInvocationsCommand({ CommandId: id }),
  );
  expect(CommandInvocations?.[0]?.TraceOutput).toMatch(/does not match/);
});
