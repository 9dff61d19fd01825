import {
  type CommandInvocation,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import { observePushes } from '../../../shared/aws/pushes.ts';
import { instanceId } from '../core/fixtures.ts';
import { line } from '../core/simulated-results.ts';

const ssm = mockClient(SSMClient);
const client = new SSMClient({ region: 'us-east-1' });
const now = Date.parse('2026-11-22T10:00:00.500Z');
const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ v: 1, ...line(instanceId(index + 2)) }));
const end = JSON.stringify({ v: 1, kind: 'push', ok: true, started: now / 1000, seconds: 2 });

/** One push as ListCommandInvocations shows it: 2,500 characters of output. */
function listed(number: number, output: string, changes: CommandInvocation = {}): CommandInvocation {
  return {
    CommandId: `c-${number}`,
    InstanceId: instanceId(1),
    Comment: 'hostsync push, group web, epoch 1',
    RequestedDateTime: new Date(now - number * 60_000),
    StatusDetails: 'Success',
    DocumentName: 'hostsync-dev-PushDocument-1A2B3C4D5E6F',
    CommandPlugins: [{ Output: output.slice(0, 2500), ResponseCode: 0 }],
    ...changes,
  };
}
const observe = (isKnown = (_instance: string, _requestedAt: number) => false) =>
  observePushes(client, {
    document: 'hostsync-dev-PushDocument-1A2B3C4D5E6F',
    instance: instanceId(1),
    now,
    isKnown,
    fail: (push, error) => failed.push([push.command, error]),
  });
const isLookBack = { Filters: [{ key: 'InvokedAfter' }] };

/** The pushes of the last minutes, in pages. */
function list(...pages: readonly CommandInvocation[][]): void {
  ssm.on(ListCommandInvocationsCommand).callsFake(({ Filters, NextToken }) => {
    if (Filters.length !== isLookBack.Filters.length) return { CommandInvocations: [] };
    const page = Number(NextToken ?? 0);
    return {
      CommandInvocations: pages[page] ?? [],
      ...(page + 1 < pages.length && { NextToken: String(page + 1) }),
    };
  });
}

const failed: (readonly [command: string, error: unknown])[] = [];
beforeEach(() => {
  ssm.reset();
  failed.length = 0;
});

it('reads every page: no group’s result is passed over', async () => {
  list([listed(1, end)], [listed(2, end)], [listed(3, end)]);
  expect((await observe()).map(({ command }) => command)).toEqual(['c-1', 'c-2', 'c-3']);
  expect(ssm.commandCalls(GetCommandInvocationCommand).length).toBe(0);
});

it('asks for the last five minutes, and for older ones that still run, in the form that SSM takes', async () => {
  ssm.on(ListCommandInvocationsCommand).resolves({ CommandInvocations: [] });
  await observe();
  expect(ssm.commandCalls(ListCommandInvocationsCommand).map((call) => call.args[0].input.Filters)).toEqual([
    [{ key: 'InvokedAfter', value: '2026-11-22T09:55:00Z' }],
    [
      { key: 'Status', value: 'InProgress' },
      { key: 'InvokedAfter', value: '2026-11-22T08:59:30Z' },
      { key: 'InvokedBefore', value: '2026-11-22T09:55:00Z' },
    ],
  ]);
});

it('fetches the whole output only of a push that is cut off in the list, has ended and is not known', async () => {
  const long = [...lines(50), end].join('\n');
  list([
    listed(1, [...lines(1), end].join('\n')),
    listed(2, long),
    listed(3, long),
    listed(4, lines(50).join('\n'), { StatusDetails: 'InProgress' }),
  ]);
  ssm.on(GetCommandInvocationCommand).resolves({
    Comment: 'hostsync push, group web, epoch 1',
    StatusDetails: 'Success',
    ResponseCode: 0,
    StandardOutputContent: long,
  });
  const pushes = await observe((_instance, requestedAt) => requestedAt <= now - 3 * 60_000);
  expect(ssm.commandCalls(GetCommandInvocationCommand).map((call) => call.args[0].input.CommandId)).toEqual([
    'c-2',
  ]);
  expect(pushes.map((push) => push.lines.filter(({ kind }) => kind === 'secondary').length)).toEqual([
    1,
    50,
    expect.any(Number),
    expect.any(Number),
  ]);
  expect(pushes[1]?.requestedAt).toBe(now - 2 * 60_000);
  expect(pushes[3]?.status).toBe('under-way');
});

it('keeps what the list shows of a push whose whole output is not there any more', async () => {
  list([listed(1, lines(2).join('\n'))]);
  ssm
    .on(GetCommandInvocationCommand)
    .rejects(Object.assign(new Error('gone'), { name: 'InvocationDoesNotExist' }));
  expect((await observe())[0]?.lines.length).toBe(2);
});

it('leaves out the one push whose whole output cannot be had, and says so', async () => {
  list([listed(1, lines(2).join('\n')), listed(2, end)]);
  ssm
    .on(GetCommandInvocationCommand)
    .rejects(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
  expect((await observe()).map(({ command }) => command)).toEqual(['c-2']);
  expect(failed).toEqual([['c-1', expect.objectContaining({ message: 'slow down' })]]);
});

it.each([
  ['hostsync-dev-PushDocument-0Z9Y8X7W6V5U', 'of the release before', true],
  ['hostsync-dev-JoinDocument-1A2B3C4D5E6F', 'another document of ours', false],
  ['hostsync-dev-2-PushDocument-1A2B3C4D5E6F', 'of another stage', false],
  ['AWS-RunShellScript', 'whatever its comment says', false],
  [undefined, 'of which SSM says nothing', false],
])('a run of %s (%s) is a push: %#', async (DocumentName, _why, isOne) => {
  list([listed(1, end, { DocumentName })]);
  expect((await observe()).length).toBe(isOne ? 1 : 0);
});

it('passes over first syncs, which run the same document', async () => {
  list([listed(1, end, { Comment: 'hostsync first sync, group web' }), listed(2, end)]);
  expect((await observe()).map(({ command }) => command)).toEqual(['c-2']);
});

it.each([
  ['Delivery Timed Out', -1, 'failed', 'DeliveryTimedOut', undefined],
  ['Undeliverable', -1, 'failed', 'Undeliverable', undefined],
  ['Failed', 10, 'failed', 'Failed', 10],
  ['Success', 0, 'succeeded', 'Success', 0],
  ['Pending', -1, 'under-way', 'Pending', undefined],
])('%s is understood', async (details, code, status, detail, exitCode) => {
  list([listed(1, end, { StatusDetails: details, CommandPlugins: [{ ResponseCode: code, Output: end }] })]);
  expect(await observe()).toMatchObject([{ status, detail, exitCode }]);
});

it('fetches the whole output where the summary comes first, as with many secondaries, and the rest is cut off', async () => {
  const first = JSON.stringify({ ...JSON.parse(end), secondaries: 200 });
  const ids = Array.from({ length: 200 }, (_, index) => instanceId(index + 2));
  const { id: _, ...same } = line(instanceId(2));
  const output = `${first}\n${JSON.stringify({ v: 1, ...same, kind: 'secondaries', ids })}\n`;
  list([listed(1, output)]);
  ssm.on(GetCommandInvocationCommand).resolves({
    Comment: 'hostsync push, group web, epoch 1',
    StatusDetails: 'Success',
    StandardOutputContent: output,
  });
  const [push] = await observe();
  expect(push?.lines.filter(({ kind }) => kind === 'secondary')).toHaveLength(200);
});
