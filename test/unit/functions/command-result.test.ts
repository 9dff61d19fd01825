import { CreateTagsCommand } from '@aws-sdk/client-ec2';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { GetCommandInvocationCommand } from '@aws-sdk/client-ssm';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ScriptLine } from '../../../shared/core/model/script-line.ts';
import { healthyGroup, instanceId } from '../core/fixtures.ts';
import { line } from '../core/simulated-results.ts';
import { lambdaContext } from './lambda-context.ts';
import * as aws from './mocked-aws.ts';

aws.stubEnvironment({
  POWERTOOLS_SERVICE_NAME: 'hostsync',
  POWERTOOLS_METRICS_NAMESPACE: 'hostsync',
  POWERTOOLS_METRICS_DISABLED: 'false',
  POWERTOOLS_LOG_LEVEL: 'SILENT',
});
const waited: number[] = [];
vi.mock('node:timers/promises', () => ({
  setTimeout: async (milliseconds: number) => {
    waited.push(milliseconds);
  },
}));
// The exported handler, with its middleware: what Lambda calls
const { handler } = await import('../../../functions/command-result/handler.ts');

const { ec2, eventBridge, sqs, ssm } = aws;
const named = (name: string) => Object.assign(new Error(name), { name });
const requested = '2026-11-22T10:00:30.049Z';

/** Source: SSM User Guide, "Amazon EventBridge event examples". */
const ended = {
  version: '0',
  id: '4780e1b8-f56b-4de5-95f2-95db273d1602',
  'detail-type': 'EC2 Command Invocation Status-change Notification',
  source: 'aws.ssm',
  account: '111122223333',
  time: '2026-11-22T10:00:32Z',
  region: 'us-east-1',
  resources: [`arn:aws:ec2:us-east-1:111122223333:instance/${instanceId(1)}`],
  detail: {
    'command-id': 'e8d3c0e4-71f7-4491-898f-c9b35bee5f3b',
    'document-name': 'push-document',
    'instance-id': instanceId(1),
    'requested-date-time': requested,
    status: 'Failed',
  },
};

/** What GetCommandInvocation shows of a push that said this. */
function said(lines: readonly ScriptLine[], status = 'Failed', exitCode = 10) {
  return {
    Comment: 'hostsync push, group web, epoch 1',
    StatusDetails: status,
    ResponseCode: exitCode,
    StandardOutputContent: lines.map((each) => JSON.stringify({ v: 1, ...each })).join('\n'),
  };
}
const at = Date.parse(requested);
const summary = { kind: 'push', ok: false, started: at / 1000 + 1, seconds: 2 } as const;
const result = said([line(instanceId(2), 'unreachable', at), line(instanceId(3), 'ok', at, 2), summary]);

beforeEach(() => {
  waited.length = 0;
  aws.resetAws();
  aws.show(healthyGroup().instances);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const events = () =>
  eventBridge.commandCalls(PutEventsCommand).flatMap((call) =>
    (call.args[0].input.Entries ?? []).map(({ DetailType, Source, Detail }) => {
      return { type: DetailType, source: Source, detail: JSON.parse(Detail ?? '') };
    }),
  );
const metricLines = () =>
  vi
    .mocked(console.log)
    .mock.calls.map(([text]) => JSON.parse(String(text)))
    .filter((each) => '_aws' in each);

it('records, tells and measures how a push went, within seconds of its end', async () => {
  ssm.on(GetCommandInvocationCommand).resolves(result);
  await handler(ended, lambdaContext);
  expect(events()).toMatchObject([
    { type: 'Files Synced', source: 'hostsync', detail: { group: 'web', files: 2, requestedAt: requested } },
    {
      type: 'Sync Failed',
      detail: { since: requested, secondaries: [{ secondary: instanceId(2), error: 'unreachable' }] },
    },
  ]);
  expect(ec2.commandCalls(CreateTagsCommand).map((call) => call.args[0].input)).toEqual([
    { Resources: [instanceId(2)], Tags: [{ Key: 'hostsync:state', Value: 'behind' }] },
  ]);
  expect(aws.written(`host#${instanceId(2)}`)).toMatchObject([
    { incident: expect.stringContaining(`unreachable/${requested}/1/`) },
  ]);
  const at = Date.parse(requested);
  expect(aws.written('head')).toMatchObject([{ synced: { [instanceId(1)]: at, [instanceId(3)]: at } }]);
  expect(metricLines()).toMatchObject([
    { service: 'hostsync', Group: 'web', FilesSent: 2, BytesSent: 200, FilesDeleted: 0, PushSeconds: 2 },
  ]);
});

it('records again what another run has outrun, and sends one message all the same', async () => {
  ssm.on(GetCommandInvocationCommand).resolves(result);
  const { dynamoDb } = aws;
  const first = Object.assign(new Error('outrun'), { name: 'ConditionalCheckFailedException' });
  dynamoDb.on(UpdateCommand, { TableName: aws.environment.HOSTSYNC_TABLE }).rejectsOnce(first).resolves({});
  await handler(ended, lambdaContext);
  const failures = events().filter(({ type }) => type === 'Sync Failed');
  expect(new Set(failures.map((each) => JSON.stringify(each))).size).toBe(1);
});

it('notifies before it writes down that it did: what is cut off between the two is sent again', async () => {
  ssm.on(GetCommandInvocationCommand).resolves(result);
  eventBridge.on(PutEventsCommand).rejects(named('InternalException'));
  await expect(handler(ended, lambdaContext)).rejects.toThrow('InternalException');
  expect(ec2.commandCalls(CreateTagsCommand).length).toBe(0);
});

it('waits for a result that SSM does not show at once', async () => {
  ssm
    .on(GetCommandInvocationCommand)
    .rejectsOnce(named('InvocationDoesNotExist'))
    .resolvesOnce({ ...said([], 'InProgress', -1) })
    .resolves(result);
  await handler(ended, lambdaContext);
  expect(ssm.commandCalls(GetCommandInvocationCommand).length).toBe(3);
  expect(events().length).toBe(2);
});

it.each([
  ['never there', () => ssm.on(GetCommandInvocationCommand).rejects(named('InvocationDoesNotExist'))],
  ['never over', () => ssm.on(GetCommandInvocationCommand).resolves(said([], 'InProgress', -1))],
])('fails within a few seconds when the result is %s, so that Lambda tries again', async (_name, arrange) => {
  arrange();
  await expect(handler(ended, lambdaContext)).rejects.toMatchObject({
    name: 'ResultNotThereError',
    message: expect.stringContaining(ended.detail['command-id']),
  });
  // The function has 30 seconds, and looks at the group after that
  expect(waited.reduce((sum, each) => sum + each, 0)).toBeLessThan(10_000);
  expect(ec2.calls().length).toBe(0);
});

it('does not take a missing permission for a missing result', async () => {
  ssm.on(GetCommandInvocationCommand).rejects(named('AccessDeniedException'));
  await expect(handler(ended, lambdaContext)).rejects.toThrow('AccessDeniedException');
  expect(ssm.calls().length).toBe(1);
});

it.each([
  ['a first sync, which runs the same document', ended],
  ['another command', { ...ended, detail: { ...ended.detail, 'document-name': 'join-document' } }],
])('leaves what %s says to the look that it asks for', async (_name, event) => {
  ssm.on(GetCommandInvocationCommand).resolves({ ...result, Comment: 'hostsync first sync, group web' });
  await handler(event, lambdaContext);
  expect(eventBridge.calls().length + ec2.commandCalls(CreateTagsCommand).length).toBe(0);
  expect(aws.wakeUps()).toMatchObject([{ group: 'web' }]);
  const [entry] = sqs.commandCalls(SendMessageBatchCommand)[0]?.args[0].input.Entries ?? [];
  expect(entry?.MessageDeduplicationId).toBe(`${ended.detail['command-id']}-${instanceId(1)}`);
});

// Whoever is asked whether it lives is waited for: if the end had the group looked at, the next look would ask again, without end
it.each([
  ['a candidate', { Comment: 'hostsync candidates, group web' }, 0],
  ['one that looks at the primary', { Comment: 'hostsync probe, group web' }, 1],
  ['one of which SSM shows nothing yet', named('InvocationDoesNotExist'), 1],
])(
  'is asked for a look by the probe of %s as often as there is something to see',
  async (_name, found, looks) => {
    if (found instanceof Error) ssm.on(GetCommandInvocationCommand).rejects(found);
    else ssm.on(GetCommandInvocationCommand).resolves(found);
    await handler(
      { ...ended, detail: { ...ended.detail, 'document-name': 'probe-document' } },
      lambdaContext,
    );
    expect(aws.wakeUps().length).toBe(looks);
  },
);

it('has the group looked at after a push only if that changed something', async () => {
  ssm.on(GetCommandInvocationCommand).resolves(result);
  await handler(ended, lambdaContext);
  expect(aws.wakeUps()).toMatchObject([{ group: 'web' }]);
  sqs.resetHistory();
  const well = said([line(instanceId(2), 'ok', at, 1), { ...summary, ok: true }], 'Success', 0);
  ssm.on(GetCommandInvocationCommand).resolves(well);
  await handler(ended, lambdaContext);
  expect(aws.wakeUps()).toEqual([]);
});

it('is done with a command on an instance of no group', async () => {
  aws.show([]);
  ssm.on(GetCommandInvocationCommand).resolves(result);
  await handler(ended, lambdaContext);
  expect(eventBridge.calls().length + sqs.calls().length).toBe(0);
});

it.each([
  ['nothing', undefined, 'source is missing'],
  ['another event', { ...ended, source: 'aws.ec2' }, 'source "aws.ec2" is not "aws.ssm"'],
  [
    'no time',
    { ...ended, detail: { ...ended.detail, 'requested-date-time': 'noon' } },
    'requested-date-time',
  ],
])('refuses %s with one clear error', async (_name, event, message) => {
  await expect(handler(event, lambdaContext)).rejects.toThrow(message);
  expect(ssm.calls().length).toBe(0);
});

it('a primary without the release has its group looked at, which installs it, and nothing of that push is recorded', async () => {
  const error = { kind: 'error', error: 'other-release', message: 'not this one' } as const;
  ssm.on(GetCommandInvocationCommand).resolves(said([error], 'Failed', 16));
  await handler(ended, lambdaContext);
  expect(aws.wakeUps()).toEqual([expect.objectContaining({ group: 'web' })]);
  expect(events()).toEqual([]);
});
