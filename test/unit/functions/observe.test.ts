import { DescribeAutoScalingInstancesCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
} from '@aws-sdk/client-ssm';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/model/observation.ts';
import { formatTask } from '../../../shared/core/model/task.ts';
import { healthyGroup, hostKey, instance, instanceId, primaryTags, publicKey } from '../core/fixtures.ts';
import { runs } from '../core/thoroughness.ts';
import { lambdaContext, scheduledEvent } from './lambda-context.ts';
import * as aws from './mocked-aws.ts';

// What an operator who only observes a group would lose if one of these failed: hostsync would change a host that it was to leave alone.

aws.stubEnvironment({ POWERTOOLS_METRICS_DISABLED: 'true' });
vi.mock('node:timers/promises', () => import('./passing-time.ts'));
const { handler } = await import('../../../functions/reconcile/handler.ts');
const { handler: result } = await import('../../../functions/command-result/handler.ts');
const { handler: sync } = await import('../../../functions/sync/handler.ts');

const { autoScaling, balancer, dynamoDb, ec2, eventBridge, ssm } = aws;
const look = () => handler(aws.queueEvent('web', { tick: Date.now() }), lambdaContext);
const tick = () => sync(scheduledEvent(new Date().toISOString()), lambdaContext);

/** Everything that touches a host, a tag, a claim, or what points at a primary. */
const effects = (): readonly string[] => [
  ...ssm
    .commandCalls(SendCommandCommand)
    .map((call) => call.args[0].input.DocumentName ?? '')
    .filter((name) => name !== 'probe-document'),
  ...[ec2, autoScaling, balancer, ssm]
    .flatMap((client) => client.calls().map((call) => call.args[0].constructor.name))
    .filter((name) => !/^(?:Describe|Get|List)/u.test(name) && name !== 'SendCommandCommand'),
  ...dynamoDb
    .calls()
    .map((call) => JSON.stringify(call.args[0].input))
    .filter((input) => /"sk":"epoch|"claim"/u.test(input)),
];

/** Source: SSM User Guide, "Amazon EventBridge event examples". */
const commandEnded = (instance: string, document: string) => ({
  version: '0',
  id: '4780e1b8-f56b-4de5-95f2-95db273d1602',
  'detail-type': 'EC2 Command Invocation Status-change Notification',
  source: 'aws.ssm',
  account: '111122223333',
  time: new Date().toISOString(),
  region: 'us-east-1',
  resources: [],
  detail: {
    'command-id': aws.commandId,
    'document-name': document,
    'instance-id': instance,
    'requested-date-time': new Date().toISOString(),
    status: 'Success',
  },
});

const observedEvents = () =>
  eventBridge
    .commandCalls(PutEventsCommand)
    .flatMap((call) => call.args[0].input.Entries ?? [])
    .filter(({ DetailType }) => DetailType === 'Action Observed')
    .map(({ Detail }) => JSON.parse(Detail ?? ''));

/** A group that was just tagged: nobody was made the primary, and two hosts wait. */
const fresh = (): readonly ObservedInstance[] => [
  instance(1, {
    'hostsync:group': 'web',
    'hostsync:primary': '1',
    'hostsync:directories': '/srv/uploads',
    'hostsync:mode': 'observe',
  }),
  instance(2, { 'hostsync:group': 'web' }),
  instance(3, { 'hostsync:group': 'web' }),
];

beforeEach(() => {
  aws.resetAws();
  balancer.on(DescribeTargetHealthCommand).resolves({ TargetHealthDescriptions: [] });
});

describe('a group that is only observed', () => {
  it('shows what would become of it, each thing once, and nothing is done', async () => {
    aws.show(fresh());
    await look();
    const found = observedEvents().map(({ action, hosts }) => [action, hosts]);
    expect(found).toEqual([
      ['promote', [instanceId(1)]],
      ['join', [instanceId(2), instanceId(3)]],
    ]);
    vi.setSystemTime(Date.now() + 60_000);
    await look();
    expect(observedEvents().length).toBe(found.length);
    expect(effects()).toEqual([]);
  });

  it('that is well shows the push that a tick would begin', async () => {
    const target = 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/editors/0123456789abcdef';
    aws.show(healthyGroup({ 'hostsync:mode': 'observe', 'hostsync:target-group': target }).instances);
    await tick();
    await look();
    expect(observedEvents().map(({ action, hosts }) => [action, hosts])).toEqual([
      ['push', [1, 2, 3].map(instanceId)],
      ['point', [instanceId(1)]],
    ]);
    expect(effects()).toEqual([]);
  });

  it('stays so when its primary is gone: the mirror of its tags says so', async () => {
    const { instances } = healthyGroup({ 'hostsync:mode': 'observe' });
    aws.show(instances);
    const items = aws.itemsOf('web', instances);
    aws.show(instances.slice(1));
    aws.remember(items);
    await look();
    expect(effects()).toEqual([]);
  });

  it('with a dead primary shows who would be promoted, and is not woken by the answers of those who were asked', async () => {
    const { instances } = healthyGroup({ 'hostsync:mode': 'observe' });
    const [primary, ...secondaries] = instances;
    if (primary === undefined) throw new Error('fixture');
    const synced = { 'hostsync:synced-at': new Date().toISOString() };
    const others = secondaries.map((each) => ({ ...each, tags: { ...each.tags, ...synced } }));
    aws.show([{ ...primary, state: 'stopped' }, ...others]);
    const line = { v: 1, kind: 'probe', id: primary.id, reached: true, message: 'SSH answers' };
    ssm.on(ListCommandInvocationsCommand).resolves({
      CommandInvocations: others.map(({ id }) => ({
        InstanceId: id,
        CommandId: aws.commandId,
        StatusDetails: 'Success',
        CommandPlugins: [{ Output: JSON.stringify(line) }],
      })),
    });
    await look();
    expect(observedEvents().map(({ action }) => action)).toEqual(['promote']);
    expect(effects()).toEqual([]);
    const sent = ssm.commandCalls(SendCommandCommand).map((call) => call.args[0].input);
    expect(sent.length).toBeGreaterThan(0);
    for (const { Comment, InstanceIds = [], DocumentName } of sent) {
      ssm.on(GetCommandInvocationCommand).resolves({ Comment });
      for (const id of InstanceIds) await result(commandEnded(id, DocumentName ?? ''), lambdaContext);
    }
    expect(aws.wakeUps()).toEqual([]);
  });

  it('goes on when the tag is gone, and what was noted is forgotten', async () => {
    aws.show(fresh());
    await look();
    expect(effects()).toEqual([]);
    const note = aws.written('notes').find((each) => 'intentions' in each);
    const [primary, ...others] = fresh();
    if (primary === undefined) throw new Error('fixture');
    const { 'hostsync:mode': _mode, ...tags } = primary.tags;
    const noted = { 'hostsync:intentions': String(note?.['intentions']) };
    aws.show([{ ...primary, tags: { ...tags, ...noted } }, ...others]);
    await look();
    expect(effects()).not.toEqual([]);
    const forgotten = dynamoDb
      .commandCalls(UpdateCommand)
      .map((call) => call.args[0].input)
      .filter(
        ({ UpdateExpression = '', ExpressionAttributeNames = {} }) =>
          UpdateExpression.includes('REMOVE') &&
          Object.values(ExpressionAttributeNames).includes('intentions'),
      );
    expect(forgotten.length).toBe(1);
  });

  // The unfinished claim, the half-made promotion and the switchover in progress included
  it('is left as it is, whatever it was in the middle of', { timeout: 240_000 }, async () => {
    const id = fc.integer({ min: 1, max: 3 });
    const steps = [
      ...(['promote', 'join', 'first-sync', 'gather', 'leave', 'rescue', 'relist'] as const),
      ...(['prepare', 'final-push', 'undo-demotion'] as const),
    ] as const;
    const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
    const host = fc.record({
      state: fc.constantFrom('running', 'running', 'running', 'stopped', 'shutting-down', 'pending'),
      primary: maybe(fc.integer({ min: 1, max: 3 })),
      promoted: maybe(fc.integer({ min: 1, max: 3 })),
      its: maybe(fc.constantFrom('in-sync', 'joining', 'behind', 'quarantined')),
      joined: fc.boolean(),
      step: maybe(fc.constantFrom(...steps)),
      switchover: maybe(fc.constantFrom('any', instanceId(2), instanceId(3))),
      left: maybe(fc.constantFrom('1', '2')),
      gathered: maybe(fc.constantFrom('1', '2')),
      lifecycle: maybe(fc.constantFrom('InService', 'Pending:Wait', 'Terminating:Wait')),
    });
    await fc.assert(
      fc.asyncProperty(fc.tuple(host, host, host), id, maybe(id), async (hosts, marked, holder) => {
        aws.resetAws();
        balancer.on(DescribeTargetHealthCommand).resolves({ TargetHealthDescriptions: [] });
        const members = hosts.map((each, index): ObservedInstance => {
          const number = index + 1;
          const tags: Record<string, string | undefined> = {
            'hostsync:group': 'web',
            'hostsync:mode': marked === number ? 'observe' : undefined,
            'hostsync:state': each.its,
            'hostsync:switchover': each.switchover,
            'hostsync:left': each.left,
            'hostsync:gathered': each.gathered,
            'aws:autoscaling:groupName': each.lifecycle === undefined ? undefined : 'asg',
            ...(each.joined && {
              'hostsync:host-key': hostKey,
              'hostsync:joined': 'x',
              'hostsync:epoch': '1',
            }),
            ...(each.primary !== undefined && {
              ...primaryTags,
              'hostsync:primary': String(each.primary),
              'hostsync:public-key': publicKey,
            }),
            'hostsync:promoted':
              each.promoted === undefined ? undefined : `${each.promoted} ${instanceId(number)}`,
            'hostsync:task':
              each.step &&
              formatTask({
                step: each.step,
                pass: 1,
                digest: '-',
                command: aws.commandId,
                requestedAt: Date.now() - 5000,
              }),
          };
          const set = Object.entries(tags).flatMap(([key, value]) =>
            value === undefined ? [] : [[key, value]],
          );
          return instance(number, Object.fromEntries(set), each.state);
        });
        aws.show(members);
        const items = aws.itemsOf('web', members).map((item) =>
          item['sk'] === 'head' && holder !== undefined
            ? {
                ...item,
                claim: {
                  epoch: 4,
                  holder: instanceId(holder),
                  from: instanceId(1),
                  kind: 'failover',
                  why: 'x',
                  at: Date.now(),
                },
              }
            : item,
        );
        aws.remember(items);
        autoScaling.on(DescribeAutoScalingInstancesCommand).resolves({
          AutoScalingInstances: hosts.flatMap(({ lifecycle }, index) =>
            lifecycle === undefined
              ? []
              : [
                  {
                    InstanceId: instanceId(index + 1),
                    AutoScalingGroupName: 'asg',
                    AvailabilityZone: 'a',
                    LifecycleState: lifecycle,
                    HealthStatus: 'HEALTHY',
                    ProtectedFromScaleIn: false,
                  },
                ],
          ),
        });
        await tick();
        await look();
        expect(effects()).toEqual([]);
      }),
      { numRuns: runs(150) },
    );
  });
});
