import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import {
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Filter,
} from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DescribeInstanceInformationCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { vi } from 'vitest';
import { placeOf, tagsOf } from '../../../shared/core/model/notes.ts';
import type { ObservedInstance } from '../../../shared/core/model/observation.ts';
import { formatWakeUp, parseWakeUps } from '../../../shared/edge/wake-up.ts';
import { remembered } from '../core/fixtures.ts';

/** The variables of all functions, as serverless.yml sets them. */
export const environment = {
  HOSTSYNC_PUSH_DOCUMENT: 'push-document',
  HOSTSYNC_JOIN_DOCUMENT: 'join-document',
  HOSTSYNC_PROMOTE_DOCUMENT: 'promote-document',
  HOSTSYNC_LEAVE_DOCUMENT: 'leave-document',
  HOSTSYNC_RESCUE_DOCUMENT: 'rescue-document',
  HOSTSYNC_PROBE_DOCUMENT: 'probe-document',
  HOSTSYNC_INSTALL_ONE_DOCUMENT: 'install-one-document',
  HOSTSYNC_INSTALL_TWO_DOCUMENT: 'install-two-document',
  HOSTSYNC_INSTALL_THREE_DOCUMENT: 'install-three-document',
  HOSTSYNC_INSTALL_FOUR_DOCUMENT: 'install-four-document',
  HOSTSYNC_INSTALL_FIVE_DOCUMENT: 'install-five-document',
  HOSTSYNC_JOIN_TIMEOUT: '3600',
  HOSTSYNC_JOIN_FAILURE: 'ABANDON',
  HOSTSYNC_REMIND_AFTER: '21600',
  HOSTSYNC_RESCUE_QUIET: '0',
  HOSTSYNC_GROUP_WAIT: '0',
  HOSTSYNC_GROUP_INTERVAL: '0',
  HOSTSYNC_BEHIND_AFTER: '300',
  HOSTSYNC_OVERRUN_AFTER: '60',
  HOSTSYNC_TICK_SECONDS: '60',
  HOSTSYNC_METRICS_BY_SECONDARY: 'true',
  HOSTSYNC_FAILOVER: 'auto',
  HOSTSYNC_FAILOVER_TICKS: '2',
  HOSTSYNC_PROMOTE_WITHIN: '900',
  HOSTSYNC_COOL_DOWN: '600',
  HOSTSYNC_HOSTED_ZONE: '',
  HOSTSYNC_QUEUE: 'https://sqs.us-east-1.amazonaws.com/111122223333/lanes.fifo',
  HOSTSYNC_TABLE: 'hostsync-test',
  AWS_REGION: 'us-east-1',
  // Has Powertools log through the console that tests watch
  POWERTOOLS_DEV: 'true',
};

/** Sets the variables of all functions, and others. A handler reads them when it is imported. */
export function stubEnvironment(more: Readonly<Record<string, string>> = {}): void {
  for (const [name, value] of Object.entries({ ...environment, ...more })) vi.stubEnv(name, value);
}

export const ec2 = mockClient(EC2Client);
export const ssm = mockClient(SSMClient);
export const sqs = mockClient(SQSClient);
export const autoScaling = mockClient(AutoScalingClient);
export const balancer = mockClient(ElasticLoadBalancingV2Client);
export const eventBridge = mockClient(EventBridgeClient);
export const dynamoDb = mockClient(DynamoDBDocumentClient);

/** An account in which nothing is, and all calls succeed. */
export function resetAws(): void {
  for (const client of [ec2, ssm, sqs, autoScaling, balancer, eventBridge, dynamoDb]) client.reset();
  for (const level of ['debug', 'info', 'warn', 'error', 'log'] as const)
    vi.spyOn(console, level).mockImplementation(() => {});
  eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  sqs.on(SendMessageBatchCommand).resolves({ Failed: [] });
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: commandId } });
  ssm.on(ListCommandInvocationsCommand).resolves({ CommandInvocations: [] });
  ec2.on(DescribeInstanceStatusCommand).callsFake(({ InstanceIds = [] }) => ({
    InstanceStatuses: InstanceIds.map((InstanceId: string) => ({
      InstanceId,
      SystemStatus: { Status: 'ok' },
      InstanceStatus: { Status: 'ok' },
    })),
  }));
  show([]);
}

export const commandId = '01234567-89ab-cdef-0123-456789abcdef';

/** EC2 shows these, their agents are online, and what is remembered of their groups is up to date. */
export function show(instances: readonly ObservedInstance[]): void {
  ec2
    .on(DescribeInstancesCommand)
    .callsFake(({ Filters = [] }: { readonly Filters?: readonly Filter[] }) => ({
      Reservations: [
        {
          Instances: instances
            .map((each) => ({ ...each, tags: tagsOf(each) }))
            .filter((each) => Filters.every((one) => fits(each, one)))
            .map(described),
        },
      ],
    }));
  ssm.on(DescribeInstanceInformationCommand).callsFake(({ Filters }) => ({
    InstanceInformationList: instances
      .filter(({ id }) => Filters[0].Values.includes(id))
      .map(({ id }) => ({ InstanceId: id, PingStatus: 'Online' })),
  }));
  const groups = Map.groupBy(instances, ({ tags }) => tags['hostsync:group'] ?? '');
  remember([...groups].flatMap(([group, members]) => itemsOf(group, members)));
}

/** What the table holds of a group whose members show tags and notes together. */
export function itemsOf(
  group: string,
  members: readonly ObservedInstance[],
): readonly Readonly<Record<string, unknown>>[] {
  const { head, mirror } = remembered(members) ?? {};
  const pk = `group#${group}`;
  const notes = (sk: string, { tags }: ObservedInstance, place: 'host' | 'group') => {
    const found = Object.entries(tags).filter(([key]) => placeOf(key) === place);
    const named = found.map(([key, value]) => [key.slice('hostsync:'.length), value]);
    return found.length === 0 ? [] : [{ pk, sk, ...Object.fromEntries(named) }];
  };
  return [
    ...(head === undefined ? [] : [{ pk, sk: 'head', ...head }]),
    ...(mirror === undefined ? [] : [{ pk, sk: 'mirror', ...mirror }]),
    ...members.flatMap((each) => notes(`host#${each.id}`, each, 'host')),
    ...members.flatMap((each) => notes('notes', each, 'group')).slice(0, 1),
  ];
}

/** The table holds these items. Updates of notes and times are applied, whatever their conditions. */
export function remember(first: readonly Readonly<Record<string, unknown>>[]): void {
  const items = [...first];
  dynamoDb.on(PutCommand).resolves({});
  dynamoDb.on(GetCommand).resolves({});
  dynamoDb.on(UpdateCommand).callsFake((input: UpdateCommandInput) => {
    const index = items.findIndex(({ pk, sk }) => pk === input.Key?.['pk'] && sk === input.Key?.['sk']);
    const names = input.ExpressionAttributeNames ?? {};
    const item = new Map(Object.entries({ ...input.Key, ...items[index], ...valuesOf(input) }));
    const [, removed = ''] = (input.UpdateExpression ?? '').split('REMOVE');
    for (const [name] of removed.matchAll(/#\w+/gu)) item.delete(names[name] ?? '');
    items.splice(index === -1 ? items.length : index, 1, Object.fromEntries(item));
    return {};
  });
  dynamoDb.on(QueryCommand).callsFake(({ ExpressionAttributeValues }) => ({
    Items: items.filter(({ pk }) => pk === ExpressionAttributeValues[':group']),
  }));
  dynamoDb.on(BatchGetCommand).callsFake(({ RequestItems }) => {
    const [table = ''] = Object.keys(RequestItems);
    const keys: readonly { readonly pk: string; readonly sk: string }[] = RequestItems[table].Keys;
    const found = items.filter(({ pk, sk }) => keys.some((key) => key.pk === pk && key.sk === sk));
    return { Responses: { [table]: found } };
  });
}

export const described = ({ id, state, address, tags }: ObservedInstance) => ({
  InstanceId: id,
  State: { Name: state as 'running' },
  ...(address === undefined ? {} : { PrivateIpAddress: address }),
  Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
});

function fits({ id, state, tags }: ObservedInstance, { Name = '', Values = [] }: Filter): boolean {
  if (Name === 'instance-id') return Values.includes(id);
  if (Name === 'instance-state-name') return Values.includes(state);
  if (Name === 'tag-key') return Values.some((key) => key in tags);
  if (Name === 'tag-value')
    return Values.some((value) =>
      Object.values(tags).some((each) => each.includes(value.replaceAll('*', ''))),
    );
  return Values.includes(tags[Name.replace('tag:', '')] ?? '');
}

/** What was written into the table, by the names of attributes: of notes on hosts, on the group, and of the head. */
export function written(sk: string): readonly Readonly<Record<string, unknown>>[] {
  return dynamoDb
    .commandCalls(UpdateCommand)
    .flatMap(({ args: [{ input }] }) => (input.Key?.['sk'] === sk ? [valuesOf(input)] : []));
}

/** What an update sets, by the names of attributes. */
function valuesOf(input: UpdateCommandInput): Readonly<Record<string, unknown>> {
  const names = input.ExpressionAttributeNames ?? {};
  const set = [...(input.UpdateExpression ?? '').matchAll(/(#\w+) = (:\w+)/gu)];
  return Object.fromEntries(
    set.map(([, name = '', value = '']) => [names[name], input.ExpressionAttributeValues?.[value]]),
  );
}

/** The groups that were asked to be looked at, with the reasons. */
export function wakeUps(): readonly { readonly group: string; readonly because: string }[] {
  return sqs
    .commandCalls(SendMessageBatchCommand)
    .flatMap((call) =>
      (call.args[0].input.Entries ?? []).flatMap(({ MessageBody = '' }) =>
        parseWakeUps({ Records: [{ body: MessageBody }] }),
      ),
    );
}

/** What Lambda hands over for one wake-up. */
export function queueEvent(group: string, more: { readonly at?: number; readonly tick?: number } = {}) {
  return {
    Records: [{ body: formatWakeUp({ group, because: 'a test', at: Date.now(), ref: 'r-1', ...more }) }],
  };
}
