import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  CancelCommandCommand,
  type CommandFilter,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  type ListCommandInvocationsCommandInput,
  ListCommandsCommand,
  paginateDescribeInstanceInformation,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { describe, expect, test } from 'vitest';
import type { LocalCloud, LocalInstance } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

async function send(
  cloud: LocalCloud,
  instance: LocalInstance,
  more: { TimeoutSeconds?: number; Parameters?: Record<string, string[]> } = {},
) {
  const { ssm } = clientsOf(cloud);
  const input = {
    DocumentName: cloud.physicalName('PushDocument'),
    InstanceIds: [instance.id],
    Comment: 'test',
    ...more,
  };
  const sent = await ssm.send(new SendCommandCommand(input));
  const CommandId = sent.Command?.CommandId ?? '';
  return {
    CommandId,
    result: () => ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId: instance.id })),
  };
}

const statuses = (cloud: LocalCloud, kind: string) =>
  cloud.events(({ event }) => event['detail-type'] === kind).map(({ event }) => event.detail['status']);

describe('a script of a document', () => {
  test.each<[string, string, { Status: string; StatusDetails: string; ResponseCode: number }]>([
    ['0', 'exit 0', { Status: 'Success', StatusDetails: 'Success', ResponseCode: 0 }],
    ['10', 'exit 10', { Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 10 }],
    ['137', 'exit 137', { Status: 'TimedOut', StatusDetails: 'ExecutionTimedOut', ResponseCode: 137 }],
    ['168', 'exit 168', { Status: 'Success', StatusDetails: 'Success', ResponseCode: 168 }],
    ['169', 'exit 169', { Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 169 }],
    ['a signal', 'kill -TERM $$', { Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 143 }],
  ])('that ends with %s', async (_name, line, expected) => {
    const cloud = await sampleCloud({ runCommand: ['#!/bin/bash', line] });
    const { result } = await send(cloud, await cloud.launch());
    await cloud.settle();
    expect(await result()).toMatchObject(expected);
  });

  test('runs as the agent runs it: a file that stays, no HOME, the variables of SSM', async () => {
    const cloud = await sampleCloud({
      runCommand: [
        '#!/bin/bash',
        'echo "home=$' + '{HOME-unset} $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME $SSM_COMMAND_ID"',
        'echo "$0"',
        'echo oops >&2',
      ],
    });
    const instance = await cloud.launch();
    const { CommandId, result } = await send(cloud, instance);
    await cloud.settle();
    const { StandardOutputContent, StandardErrorContent } = await result();
    const [first, script = ''] = (StandardOutputContent ?? '').split('\n');
    expect(first).toBe(`home=unset ${instance.id} eu-west-1 ${CommandId}`);
    expect(StandardErrorContent).toBe('oops\n');
    expect(script).toMatch(
      `/var/lib/amazon/ssm/${instance.id}/document/orchestration/${CommandId}/push/_script.sh`,
    );
    expect(statSync(script).mode & 0o777).toBe(0o700);
    expect(await readFile(script, 'utf8')).toMatch(/^#!\/bin\/bash\n/);
  });

  test('is killed with its group when its time is up; what left the group lives on', {
    timeout: 120_000,
  }, async () => {
    const cloud = await sampleCloud({
      timeoutSeconds: '5',
      runCommand: [
        '#!/bin/bash',
        'trap "echo trapped" TERM EXIT',
        'setsid sleep 300 & echo $!',
        'sleep 300 & echo $!',
        'wait',
      ],
    });
    const { result } = await send(cloud, await cloud.launch());
    await cloud.settle();
    const answer = await result();
    expect(answer).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'ExecutionTimedOut',
      ResponseCode: 137,
    });
    expect(answer.StandardOutputContent).not.toContain('trapped');
    const [free = 0, grouped = 0] = (answer.StandardOutputContent ?? '').trim().split('\n').map(Number);
    expect(existsSync(`/proc/${grouped}/exe`)).toBe(false);
    expect(existsSync(`/proc/${free}/exe`)).toBe(true);
    process.kill(free, 'SIGKILL');
  });

  test('that exits with 194 is run again after a reboot', async () => {
    const cloud = await sampleCloud({
      runCommand: ['#!/bin/bash', 'if [[ -e marker ]]; then echo again; else touch marker; exit 194; fi'],
    });
    const { result } = await send(cloud, await cloud.launch());
    await cloud.settle();
    expect(await result()).toMatchObject({ Status: 'Success', StandardOutputContent: 'again\n' });
  });

  test('may write more than SSM keeps: the head arrives', async () => {
    const cloud = await sampleCloud({
      runCommand: ['echo first', 'head -c 300000 /dev/zero | tr "\\0" x', 'echo last'],
    });
    const { result } = await send(cloud, await cloud.launch());
    await cloud.settle();
    const { StandardOutputContent } = await result();
    expect(StandardOutputContent).toMatch(/^first\nx+--output truncated--$/);
    expect(StandardOutputContent).toHaveLength(24_000);
  });
});

describe('a host in trouble', () => {
  test.each<[string, (instance: LocalInstance) => Promise<unknown>]>([
    ['does not exist for SSM', async () => undefined],
    ['is stopped', (instance) => instance.stop()],
    ['is terminated', (instance) => instance.terminate()],
    ['has an agent that SSM knows to be lost', async (instance) => instance.agentOffline()],
  ])('that %s gets no command', async (name, trouble) => {
    const cloud = await sampleCloud();
    const instance = await cloud.launch({ ssm: !name.includes('exist') });
    await trouble(instance);
    await expect(send(cloud, instance)).rejects.toMatchObject({ name: 'InvalidInstanceId' });
  });

  test('that is cut off gets it when it is back, or never', async () => {
    const cloud = await sampleCloud({ timeScale: 100 });
    const instance = await cloud.launch();
    await instance.cutOff();
    const late = await send(cloud, instance, { TimeoutSeconds: 2000 });
    const never = await send(cloud, instance, { TimeoutSeconds: 30 });
    await cloud.waitFor(async () => (await never.result()).Status === 'TimedOut', {
      what: 'the end of the second',
    });
    expect(await never.result()).toMatchObject({ StatusDetails: 'DeliveryTimedOut', ResponseCode: -1 });
    await instance.heal();
    await cloud.settle();
    expect(await late.result()).toMatchObject({ Status: 'Success' });
  });

  test('that dies under a command: InProgress until the total timeout, then DeliveryTimedOut', async () => {
    const cloud = await sampleCloud({ timeScale: 100, runCommand: ['sleep 60'] });
    const instance = await cloud.launch();
    const { result } = await send(cloud, instance, { TimeoutSeconds: 30 });
    await cloud.waitFor(async () => (await result()).Status === 'InProgress', { what: 'the start' });
    await instance.crash();
    expect(await result()).toMatchObject({ Status: 'InProgress' });
    await cloud.settle();
    expect(await result()).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' });
    expect(instance.state).toBe('running');
  });

  test('that hangs reports after it goes on', async () => {
    const cloud = await sampleCloud({ runCommand: ['sleep 2'] });
    const instance = await cloud.launch();
    const { result } = await send(cloud, instance);
    await cloud.waitFor(async () => (await result()).Status === 'InProgress', { what: 'the start' });
    await instance.freeze();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await result()).toMatchObject({ Status: 'InProgress' });
    await instance.thaw();
    await cloud.settle();
    expect(await result()).toMatchObject({ Status: 'Success' });
  });
});

test('an agent whose host was down under a command says so a minute after it is back', async () => {
  const cloud = await sampleCloud({ timeScale: 100, runCommand: ['sleep 60'] });
  const instance = await cloud.launch();
  const { CommandId, result } = await send(cloud, instance, { TimeoutSeconds: 2_000_000 });
  await cloud.waitFor(async () => (await result()).Status === 'InProgress', { what: 'the start' });
  await instance.crash();
  await instance.reboot();
  await cloud.settle();
  expect(await result()).toMatchObject({ Status: 'Failed', ResponseCode: 1, StandardErrorContent: '' });
  const { CommandInvocations } = await clientsOf(cloud).ssm.send(
    new ListCommandInvocationsCommand({ CommandId, Details: true }),
  );
  expect(CommandInvocations?.[0]?.CommandPlugins?.[0]?.Output).toMatch(
    /^document process failed unexpectedly: /,
  );
});

test('a cancelled command is killed', async () => {
  const cloud = await sampleCloud({ runCommand: ['sleep 60'] });
  const { CommandId, result } = await send(cloud, await cloud.launch());
  await cloud.waitFor(async () => (await result()).Status === 'InProgress', { what: 'the start' });
  await clientsOf(cloud).ssm.send(new CancelCommandCommand({ CommandId }));
  await cloud.settle();
  expect(await result()).toMatchObject({ Status: 'Cancelled', ResponseCode: 137 });
  expect(statuses(cloud, 'EC2 Command Status-change Notification')).toEqual(['InProgress', 'Canceled']);
});

test('a command is cancelled on one host and goes on elsewhere', async () => {
  const cloud = await sampleCloud({ runCommand: ['sleep 0.6; echo done'] });
  const hosts = await Promise.all([cloud.launch(), cloud.launch()]);
  const { ssm } = clientsOf(cloud);
  const InstanceIds = hosts.map(({ id }) => id);
  const DocumentName = cloud.physicalName('PushDocument');
  const { Command } = await ssm.send(new SendCommandCommand({ DocumentName, InstanceIds }));
  const CommandId = Command?.CommandId ?? '';
  await cloud.waitFor(() => cloud.commands()[0]?.invocations.every(({ status }) => status === 'InProgress'), {
    what: 'both under way',
  });
  const of = (id: string) => new CancelCommandCommand({ CommandId, InstanceIds: [id] });
  await ssm.send(of(hosts[0].id));
  expect(cloud.commands()[0]).toMatchObject({
    status: 'InProgress',
    invocations: [{ status: 'Cancelling' }, {}],
  });
  await expect(ssm.send(of('i-0ffffffffffffffff'))).rejects.toMatchObject({ name: 'InvalidInstanceId' });
  await cloud.settle();
  expect(cloud.commands()[0]?.invocations).toMatchObject([{ status: 'Cancelled' }, { status: 'Success' }]);
});

test('SSM sends events for the command and for each invocation', async () => {
  const parameters = { request: { type: 'String' } };
  const cloud = await sampleCloud({ parameters, runCommand: ['exit 3'] });
  const instance = await cloud.launch();
  const { CommandId } = await send(cloud, instance, { Parameters: { request: ['YQ=='] } });
  await cloud.settle();
  expect(statuses(cloud, 'EC2 Command Invocation Status-change Notification')).toEqual([
    'InProgress',
    'Failed',
  ]);
  const arn = `arn:aws:ec2:eu-west-1:111122223333:instance/${instance.id}`;
  const last = cloud.events(({ event }) => event.source === 'aws.ssm').at(-1)?.event;
  expect(last).toMatchObject({
    'detail-type': 'EC2 Command Status-change Notification',
    resources: [arn],
    detail: {
      'command-id': CommandId,
      'document-name': cloud.physicalName('PushDocument'),
      parameters: { request: ['YQ=='] },
      status: 'Failed',
    },
  });
});

test('lists commands and invocations', async () => {
  const cloud = await sampleCloud();
  const { ssm } = clientsOf(cloud);
  const instance = await cloud.launch();
  const first = await send(cloud, instance);
  await cloud.settle();
  await send(cloud, instance);
  await cloud.settle();
  const filter = { Filters: [{ key: 'ExecutionStage' as const, value: 'Executing' }] };
  expect((await ssm.send(new ListCommandsCommand(filter))).Commands).toEqual([]);
  const page = await ssm.send(new ListCommandsCommand({ MaxResults: 1 }));
  expect(page.Commands).toHaveLength(1);
  expect(page.Commands?.[0]).toMatchObject({ Comment: 'test', TargetCount: 1, CompletedCount: 1 });
  const rest = await ssm.send(new ListCommandsCommand({ MaxResults: 1, NextToken: page.NextToken }));
  expect(rest.Commands?.[0]?.CommandId).toBe(first.CommandId);
  const input = { CommandId: first.CommandId, Details: true };
  const invocations = (await ssm.send(new ListCommandInvocationsCommand(input))).CommandInvocations;
  expect(invocations).toMatchObject([
    { Status: 'Success', CommandPlugins: [{ Name: 'push', Output: 'pushed\n' }] },
  ]);
});

test('looks for results without knowing the command: since when, of which document, how they ended', async () => {
  const cloud = await sampleCloud({
    runCommand: ["head -c 30000 /dev/zero | tr '\\0' x; echo wrong >&2; exit 3"],
  });
  const { ssm } = clientsOf(cloud);
  const hosts = await Promise.all([cloud.launch(), cloud.launch(), cloud.launch()]);
  const DocumentName = cloud.physicalName('PushDocument');
  const InstanceIds = hosts.map(({ id }) => id);
  await ssm.send(new SendCommandCommand({ DocumentName, InstanceIds, MaxErrors: '100%' }));
  await cloud.settle();
  const find = (Filters: CommandFilter[], more: ListCommandInvocationsCommandInput = {}) =>
    ssm.send(new ListCommandInvocationsCommand({ Filters, ...more }));
  const time = (offset: number) => `${new Date(Date.now() + offset * 1000).toISOString().slice(0, 19)}Z`;
  const ours: CommandFilter[] = [
    { key: 'InvokedAfter', value: time(-60) },
    { key: 'DocumentName', value: DocumentName },
  ];
  const first = await find(ours, { MaxResults: 2, Details: true });
  expect(first.CommandInvocations).toHaveLength(2);
  const [plugin] = first.CommandInvocations?.[0]?.CommandPlugins ?? [];
  expect(plugin).toMatchObject({ ResponseCode: 3, StatusDetails: 'Failed' });
  expect(plugin?.Output?.length).toBeLessThanOrEqual(2500);
  expect(plugin?.Output).toContain('---Output truncated---\n----------ERROR-------\nwrong');
  const second = await find(ours, { MaxResults: 2, Details: true, NextToken: first.NextToken });
  expect(second).toMatchObject({ CommandInvocations: [{ Status: 'Failed' }] });
  const count = async (key: CommandFilter['key'], value: string) =>
    (await find([{ key, value }])).CommandInvocations?.length;
  expect(await count('InvokedBefore', time(-60))).toBe(0);
  expect(await count('InvokedAfter', time(60))).toBe(0);
  expect(await count('Status', 'Failed')).toBe(3);
  expect(await count('Status', 'Success')).toBe(0);
  expect(await count('DocumentName', 'other')).toBe(0);
});

test.each<[string, CommandFilter['key'], string, RegExp]>([
  ['a time with milliseconds', 'InvokedAfter', '2026-11-22T10:00:00.000Z', /whole seconds/],
  ['a status of no command', 'Status', 'Done', /not a status/],
  ['a stage', 'ExecutionStage', 'Executing', /ListCommands only/],
])('ListCommandInvocations refuses the filter %s', async (_name, key, value, message) => {
  const cloud = await sampleCloud();
  const Filters = [{ key, value }];
  await expect(clientsOf(cloud).ssm.send(new ListCommandInvocationsCommand({ Filters }))).rejects.toThrow(
    message,
  );
  expect(cloud.takeProblems()).toHaveLength(1);
});

test('a command to a tag that nothing has succeeds at once', async () => {
  const cloud = await sampleCloud();
  const Targets = [{ Key: 'tag:nobody', Values: ['x'] }];
  const DocumentName = cloud.physicalName('PushDocument');
  const sent = await clientsOf(cloud).ssm.send(new SendCommandCommand({ DocumentName, Targets }));
  expect(sent.Command).toMatchObject({
    Status: 'Success',
    StatusDetails: 'NoInstancesInTag',
    TargetCount: 0,
  });
});

test('results may lag behind the command', async () => {
  const cloud = await sampleCloud();
  cloud.faults.invocationLag(60);
  const { result } = await send(cloud, await cloud.launch());
  await expect(result()).rejects.toMatchObject({ name: 'InvocationDoesNotExist' });
  cloud.faults.invocationLag(0);
  await expect(result()).resolves.toBeDefined();
});

describe('DescribeInstanceInformation', () => {
  test('gives ten a page by default, without hosts that have no agent or are stopped', async () => {
    const cloud = await sampleCloud();
    const { ssm } = clientsOf(cloud);
    await cloud.launch({ ssm: false });
    const stopped = await cloud.launch();
    await stopped.stop();
    await Promise.all(Array.from({ length: 12 }, () => cloud.launch()));
    const pages: number[] = [];
    for await (const page of paginateDescribeInstanceInformation({ client: ssm }, {})) {
      pages.push(page.InstanceInformationList?.length ?? 0);
    }
    expect(pages).toEqual([10, 2]);
  });

  test('notices a host that is cut off after five minutes', async () => {
    const cloud = await sampleCloud({ timeScale: 1000 });
    const { ssm } = clientsOf(cloud);
    const instance = await cloud.launch();
    await instance.cutOff();
    const ping = async () =>
      (await ssm.send(new DescribeInstanceInformationCommand({}))).InstanceInformationList?.[0]?.PingStatus;
    expect(await ping()).toBe('Online');
    await cloud.waitFor(async () => (await ping()) === 'ConnectionLost', { what: 'ConnectionLost' });
  });
});
