import { CreateTagsCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, it } from 'vitest';
import { healthyGroup, instance, instanceId, primaryTags } from '../core/fixtures.ts';
import { lambdaContext } from './lambda-context.ts';
import * as aws from './mocked-aws.ts';

aws.stubEnvironment({ POWERTOOLS_LOG_LEVEL: 'SILENT' });
const names = ['instance-launch', 'instance-termination', 'primary-failure'] as const;
const handlers = new Map(
  await Promise.all(
    names.map(async (name) => {
      const { handler } = await import(`../../../functions/${name}/handler.ts`);
      return [name, (event: unknown) => handler(event, lambdaContext)] as const;
    }),
  ),
);
const run = (name: (typeof names)[number], event: unknown): Promise<void> => handlers.get(name)?.(event);

const { ec2, sqs } = aws;
beforeEach(() => {
  aws.resetAws();
  aws.show([...healthyGroup().instances, instance(9, { 'hostsync:state': 'in-sync' })]);
});

const happened = (id: string, state = 'stopping', event = 'e-1') => ({
  id: event,
  source: 'aws.ec2',
  'detail-type': 'EC2 Instance State-change Notification',
  detail: { 'instance-id': id, state },
});
const spot = (id: string) => ({
  id: 'e-2',
  source: 'aws.ec2',
  'detail-type': 'EC2 Spot Instance Interruption Warning',
  // The ARN of this event has the zone where the region belongs
  ...{
    resources: [`arn:aws:ec2:us-east-1b:instance/${id}`],
    detail: { 'instance-id': id, 'instance-action': 'terminate' },
  },
});

describe.each(names)('%s', (name) => {
  it('has the group of the instance looked at, and asks AWS for nothing but that', async () => {
    await run(name, happened(instanceId(2)));
    expect(aws.wakeUps()).toMatchObject([{ group: 'web', because: `${instanceId(2)}: EC2: stopping` }]);
    expect(ec2.calls().length).toBe(1);
    const [entry] = sqs.commandCalls(SendMessageBatchCommand)[0]?.args[0].input.Entries ?? [];
    expect(entry?.MessageDeduplicationId).toBe(`${name}-e-1`);
  });

  it('is done with an instance of no group after one call', async () => {
    await run(name, happened(instanceId(77)));
    expect(ec2.calls().length).toBe(1);
    expect(aws.wakeUps()).toEqual([]);
  });

  it('has what is left of hostsync cleared from an instance that lost its group', async () => {
    await run(name, happened(instanceId(9)));
    expect(aws.wakeUps()).toMatchObject([{ group: '' }]);
  });

  it('has the group looked at whose primary still lists an instance that lost its group', async () => {
    const listing = { 'hostsync:secondaries-2': `${instanceId(8)} ${instanceId(9)}` };
    aws.show([...healthyGroup(listing).instances, instance(9, { 'hostsync:state': 'in-sync' })]);
    await run(name, happened(instanceId(9)));
    expect(aws.wakeUps()).toMatchObject([{ group: '' }, { group: 'web' }]);
    const entries = sqs.commandCalls(SendMessageBatchCommand)[0]?.args[0].input.Entries ?? [];
    expect(new Set(entries.map((entry) => entry.MessageDeduplicationId)).size).toBe(2);
  });

  it('finds the group of an instance that is terminated, while EC2 shows its tags', async () => {
    aws.show([...healthyGroup().instances, instance(5, { 'hostsync:group': 'blog' }, 'terminated')]);
    await run(name, happened(instanceId(5), 'terminated'));
    expect(aws.wakeUps()).toMatchObject([{ group: 'blog' }]);
  });

  it('does nothing for an event of another kind', async () => {
    const other = { id: 'e-3', source: 'aws.ec2', 'detail-type': 'EC2 Instance Rebalance Recommendation' };
    await run(name, other);
    expect(ec2.calls().length + sqs.calls().length).toBe(0);
  });

  it.each([
    ['EC2', () => ec2.on(DescribeInstancesCommand).rejects(new Error('UnauthorizedOperation'))],
    ['SQS', () => sqs.on(SendMessageBatchCommand).rejects(new Error('UnauthorizedOperation'))],
  ])('lets an error of %s out, so that Lambda tries again', async (_service, arrange) => {
    arrange();
    await expect(run(name, happened(instanceId(2)))).rejects.toThrow('UnauthorizedOperation');
  });

  it('takes a message that the queue refuses for none that was sent', async () => {
    const refused = { Id: '0', SenderFault: false, Code: 'InternalError', Message: 'later' };
    sqs.on(SendMessageBatchCommand).resolves({ Failed: [refused] });
    await expect(run(name, happened(instanceId(2)))).rejects.toThrow(
      'group web: the queue refused a wake-up',
    );
  });
});

describe('a spot interruption', () => {
  const switchovers = () => ec2.commandCalls(CreateTagsCommand).map((call) => call.args[0].input);

  it('of the primary is written down before the group is woken, for nothing but this one event tells of it', async () => {
    await run('primary-failure', spot(instanceId(1)));
    const Value = 'any spot interruption: EC2 will terminate it';
    expect(switchovers()).toEqual([
      { Resources: [instanceId(1)], Tags: [{ Key: 'hostsync:switchover', Value }] },
    ]);
    // A tag takes only these characters. Source: EC2 User Guide, tag restrictions
    expect(Value).toMatch(/^[\p{L}\p{N} _.:/=+\-@]{1,256}$/u);
    expect(aws.wakeUps()).toMatchObject([{ group: 'web' }]);
  });

  it('that cannot be written down wakes nobody, and is tried again', async () => {
    ec2.on(CreateTagsCommand).rejects(new Error('UnauthorizedOperation'));
    await expect(run('primary-failure', spot(instanceId(1)))).rejects.toThrow('UnauthorizedOperation');
    expect(aws.wakeUps()).toEqual([]);
  });

  it('that comes twice, or after the wish of an operator, is written down once', async () => {
    aws.show(healthyGroup({ 'hostsync:switchover': instanceId(3) }).instances);
    await run('primary-failure', spot(instanceId(1)));
    expect(switchovers()).toEqual([]);
  });

  it.each([
    ['a secondary', instanceId(2)],
    ['somebody else’s instance', instanceId(99)],
  ])('of %s changes nothing about the primary', async (_name, id) => {
    await run('primary-failure', spot(id));
    expect(switchovers()).toEqual([]);
  });

  it('of a former primary does not hand over once more', async () => {
    const promoted = { ...primaryTags, 'hostsync:primary': '2', 'hostsync:promoted': `2 ${instanceId(4)}` };
    aws.show([...healthyGroup().instances, instance(4, promoted)]);
    await run('primary-failure', spot(instanceId(1)));
    expect(switchovers()).toEqual([]);
  });
});

describe('the echo of what hostsync itself wrote', () => {
  const changed = (keys: readonly string[], tags: Readonly<Record<string, string>> = {}) => ({
    id: 'e-9',
    source: 'aws.tag',
    'detail-type': 'Tag Change on Resource',
    resources: [`arn:aws:ec2:us-east-1:111122223333:instance/${instanceId(2)}`],
    detail: { 'changed-tag-keys': keys, service: 'ec2', 'resource-type': 'instance', version: 5, tags },
  });

  it.each(names)('wakes nobody and asks AWS for nothing: %s', async (name) => {
    await run(name, changed(['hostsync:primary', 'hostsync:promoted', 'hostsync:public-key']));
    await run(name, changed(['hostsync:primary', 'hostsync:state', 'hostsync:directories']));
    const interruption = { 'hostsync:switchover': 'any spot interruption: EC2 will terminate it' };
    await run(name, changed(['hostsync:switchover'], interruption));
    expect(ec2.calls().length + sqs.calls().length).toBe(0);
  });

  it.each(names)('is none where a person has changed a tag: %s', async (name) => {
    await run(name, changed(['hostsync:primary', 'hostsync:directories']));
    await run(name, changed(['hostsync:switchover'], { 'hostsync:switchover': 'any' }));
    await run(name, changed(['hostsync:paused']));
    expect(aws.wakeUps().length).toBe(3);
  });
});
