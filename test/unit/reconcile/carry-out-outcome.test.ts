import { CreateTagsCommand, DeleteTagsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { placeOf } from '../../../shared/core/model/notes.ts';
import { instanceId } from '../core/fixtures.ts';
import { line, push, SimulatedResults, start } from '../core/simulated-results.ts';

for (const [name, value] of Object.entries({
  AWS_REGION: 'us-east-1',
  POWERTOOLS_SERVICE_NAME: 'hostsync',
  POWERTOOLS_METRICS_NAMESPACE: 'hostsync',
  POWERTOOLS_DEV: 'true',
  POWERTOOLS_METRICS_DISABLED: 'false',
  POWERTOOLS_LOG_LEVEL: 'SILENT',
}))
  vi.stubEnv(name, value);
const { Logger } = await import('@aws-lambda-powertools/logger');
const { Metrics } = await import('@aws-lambda-powertools/metrics');
const { makeClients } = await import('../../../shared/aws/clients.ts');
const { Marks } = await import('../../../shared/aws/marks.ts');
const { carryOutOutcome } = await import('../../../shared/reconcile/carry-out-outcome.ts');

const ec2 = mockClient(EC2Client);
const eventBridge = mockClient(EventBridgeClient);
const dynamoDb = mockClient(DynamoDBDocumentClient);

beforeEach(() => {
  ec2.reset();
  eventBridge.reset();
  dynamoDb.reset();
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function carryOut(group: SimulatedResults, lines: Parameters<typeof push>[0], bySecondary = true) {
  const clients = makeClients();
  const memory = { dynamoDb: clients.dynamoDb, table: 'hostsync-test' };
  const marks = new Marks(clients, memory, 'web');
  const tools = { clients, marks, logger: new Logger(), metrics: new Metrics() };
  const hosts = new Map([...group.instances].map(([id, { tags }]) => [id, noted(tags)]));
  const seen = [...group.instances].map(([id, each]) => ({ id, address: undefined, ...each }));
  marks.overlay(seen, { head: undefined, notes: { group: {}, hosts } });
  const actions = group.actions([push(lines)], true);
  await carryOutOutcome(actions, { ...tools, metricsBySecondary: bySecondary });
}

const noted = (tags: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => placeOf(key) === 'host'));

/** Every metric that CloudWatch makes of what was written: each is paid for. */
function metrics(): readonly string[] {
  return vi.mocked(console.log).mock.calls.flatMap(([text]) => {
    const written = JSON.parse(String(text));
    return written._aws.CloudWatchMetrics.flatMap(
      (each: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }) =>
        each.Dimensions.flatMap((names) =>
          each.Metrics.map(({ Name }) => `${names.map((name) => written[name]).join(' ')}: ${Name}`),
        ),
    );
  });
}

const all = (count: number) => Array.from({ length: count }, (_, index) => line(instanceId(index + 2)));

describe('the metrics, each of which is paid for (docs/cost.md counts them)', () => {
  const ofGroup = [
    'SecondsBehind',
    'SecondariesFailing',
    'FilesSent',
    'BytesSent',
    'FilesDeleted',
    'PushSeconds',
  ].map((name) => `hostsync web: ${name}`);

  it('are six a group, one a secondary, and one for all groups that the alarm looks at', async () => {
    await carryOut(new SimulatedResults(5), all(5));
    const bySecondary = [2, 3, 4, 5, 6].map((number) => `hostsync web ${instanceId(number)}: SecondsBehind`);
    expect([...metrics()].sort()).toEqual([...ofGroup, ...bySecondary, 'hostsync: SecondsBehind'].sort());
  });

  it('do not grow with the group when nobody wants them by secondary', async () => {
    await carryOut(new SimulatedResults(50), all(50), false);
    expect([...metrics()].sort()).toEqual([...ofGroup, 'hostsync: SecondsBehind'].sort());
  });
});

it('takes an incident away from each host that has none any more, and leaves its other tags', async () => {
  const group = new SimulatedResults(2);
  group.record([push([line(instanceId(2), 'unreachable', start - 1000)], start - 1000)]);
  await carryOut(group, all(2));
  const removed = dynamoDb
    .commandCalls(UpdateCommand)
    .map(({ args: [{ input }] }) => input)
    .filter(({ UpdateExpression = '' }) => UpdateExpression.includes('REMOVE'));
  expect(removed).toMatchObject([
    {
      Key: { pk: 'group#web', sk: `host#${instanceId(2)}` },
      ExpressionAttributeNames: { '#n0': 'incident' },
      // Nobody has changed it meanwhile
      ConditionExpression: '#n0 = :s0',
    },
  ]);
  expect(ec2.commandCalls(DeleteTagsCommand)).toEqual([]);
});

it('writes nothing when EventBridge is down: an incident that is written down is never told again', async () => {
  eventBridge.on(PutEventsCommand).rejects(new Error('down'));
  await expect(carryOut(new SimulatedResults(1), [line(instanceId(2), 'unreachable')])).rejects.toThrow(
    'down',
  );
  expect(ec2.commandCalls(CreateTagsCommand).length).toBe(0);
});

describe('what is wrong with one group', () => {
  const record = (group: string, number: number) =>
    ({
      kind: 'record',
      group,
      instances: [instanceId(number)],
      set: { a: group },
      remove: ['b'],
      reason: '',
    }) as const;

  it('keeps no other from being recorded, and no metric from being published', async () => {
    ec2.on(CreateTagsCommand, { Resources: [instanceId(1)] }).rejects(new Error('TagLimitExceeded'));
    const clients = makeClients();
    const memory = { dynamoDb: clients.dynamoDb, table: 'hostsync-test' };
    const marks = new Marks(clients, memory, 'web');
    const tools = { clients, marks, logger: new Logger(), metrics: new Metrics() };
    const lag = { kind: 'measure', group: 'web', values: { SecondsBehind: 5 }, reason: '' } as const;
    const actions = [record('web', 1), record('blog', 2), lag];
    const done = carryOutOutcome(actions, { ...tools, metricsBySecondary: false });
    await expect(done).rejects.toMatchObject({ name: 'OutcomeError', message: 'Error: TagLimitExceeded' });
    expect(ec2.commandCalls(DeleteTagsCommand).map((call) => call.args[0].input.Resources)).toEqual([
      [instanceId(2)],
    ]);
    expect(metrics()).toEqual(['hostsync web: SecondsBehind', 'hostsync: SecondsBehind']);
  });
});
