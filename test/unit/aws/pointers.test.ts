import { AssociateAddressCommand, DescribeAddressesCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  DeregisterTargetsCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
  TargetHealthStateEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import {
  changeRecords,
  moveElasticAddress,
  moveTargets,
  readElasticAddress,
  readRecords,
  readTargets,
} from '../../../shared/aws/pointers.ts';
import type { ObservedRecord } from '../../../shared/core/succession/plan-name.ts';

const route53 = mockClient(Route53Client);
const compute = mockClient(EC2Client);
const balancer = mockClient(ElasticLoadBalancingV2Client);
const ec2 = new EC2Client({ region: 'us-east-1' });
const dns = new Route53Client({ region: 'us-east-1' });
const client = new ElasticLoadBalancingV2Client({ region: 'us-east-1' });
beforeEach(() => {
  route53.reset();
  compute.reset();
  balancer.reset();
});
const denied = Object.assign(new Error('no'), { name: 'AccessDenied' });

const record = (changes: Partial<ResourceRecordSet>): ResourceRecordSet => ({
  Name: 'editors.example.com.',
  Type: 'A',
  TTL: 300,
  ResourceRecords: [{ Value: '10.0.0.1' }],
  ...changes,
});
const plain = { type: 'A', values: ['10.0.0.1'], ttl: 300, alias: undefined, setIdentifier: undefined };

it.each<[string, readonly ResourceRecordSet[], readonly Partial<ObservedRecord>[]]>([
  ['one address', [record({})], [{}]],
  ['in capitals', [record({ Name: 'Editors.Example.COM.' })], [{}]],
  [
    'two',
    [record({ ResourceRecords: [{ Value: '10.0.0.1' }, { Value: '10.0.0.2' }] })],
    [{ values: ['10.0.0.1', '10.0.0.2'] }],
  ],
  ['the next name of the zone: ours is not there', [record({ Name: 'files.example.com.' })], []],
  [
    'of several types, before the next name',
    [record({}), record({ Type: 'AAAA', ResourceRecords: [{ Value: '::1' }] }), record({ Name: 'f.' })],
    [{}, { type: 'AAAA', values: ['::1'] }],
  ],
  [
    'an alias',
    [
      record({
        TTL: undefined,
        ResourceRecords: undefined,
        AliasTarget: { HostedZoneId: 'Z2', DNSName: 'lb-1.elb.amazonaws.com.', EvaluateTargetHealth: true },
      }),
    ],
    [{ values: [], ttl: undefined, alias: 'lb-1.elb.amazonaws.com.' }],
  ],
  ['weighted', [record({ SetIdentifier: 'blue', Weight: 1 })], [{ setIdentifier: 'blue' }]],
])('what a name points at is read: %s', async (_name, found, expected) => {
  route53.on(ListResourceRecordSetsCommand).resolves({ ResourceRecordSets: [...found] });
  const read = await readRecords(dns, 'Z1', 'editors.example.com');
  expect(read).toEqual(expected.map((changes) => ({ ...plain, ...changes })));
});

it('a name that cannot be read is an error, and not one that is not there', async () => {
  route53.on(ListResourceRecordSetsCommand).rejects(denied);
  await expect(readRecords(dns, 'Z1', 'editors.example.com')).rejects.toThrow(denied);
});

it('a name is moved in one batch, and resolvers keep it for a minute at most', async () => {
  route53.on(ChangeResourceRecordSetsCommand).resolves({});
  await changeRecords(dns, 'Z1', 'editors.example.com', [
    { action: 'UPSERT', type: 'A', address: '10.0.0.2' },
    { action: 'DELETE', type: 'AAAA', address: '2001:db8::1', ttl: 300 },
  ]);
  const set = (Type: string, TTL: number, Value: string) => {
    return { Name: 'editors.example.com', Type, TTL, ResourceRecords: [{ Value }] };
  };
  expect(route53.commandCalls(ChangeResourceRecordSetsCommand)[0]?.args[0].input).toMatchObject({
    HostedZoneId: 'Z1',
    ChangeBatch: {
      Changes: [
        { Action: 'UPSERT', ResourceRecordSet: set('A', 60, '10.0.0.2') },
        { Action: 'DELETE', ResourceRecordSet: set('AAAA', 300, '2001:db8::1') },
      ],
    },
  });
});

it.each([
  [
    'on an instance',
    { InstanceId: 'i-1', NetworkInterfaceId: 'eni-1', Tags: [{ Key: 'hostsync:group', Value: 'web' }] },
    { instance: 'i-1', networkInterface: 'eni-1', group: 'web' },
  ],
  ['on nothing, as EC2 may say it', { InstanceId: '', Tags: [] }, {}],
  ['on something else', { NetworkInterfaceId: 'eni-2' }, { networkInterface: 'eni-2' }],
])('an Elastic IP is read: %s', async (_name, found, expected) => {
  compute.on(DescribeAddressesCommand).resolves({ Addresses: [{ PublicIp: '198.51.100.7', ...found }] });
  expect(await readElasticAddress(ec2, 'eipalloc-1')).toEqual({
    allocation: 'eipalloc-1',
    publicIp: '198.51.100.7',
    instance: undefined,
    networkInterface: undefined,
    group: undefined,
    ...expected,
  });
});

it('an Elastic IP is moved from wherever it is', async () => {
  compute.on(AssociateAddressCommand).resolves({});
  await moveElasticAddress(ec2, 'eipalloc-1', 'i-2');
  expect(compute.commandCalls(AssociateAddressCommand)[0]?.args[0].input).toEqual({
    AllocationId: 'eipalloc-1',
    InstanceId: 'i-2',
    AllowReassociation: true,
  });
});

it('who is in a target group: those that are going out are not', async () => {
  const { DRAINING, HEALTHY, UNHEALTHY } = TargetHealthStateEnum;
  balancer.on(DescribeTargetHealthCommand).resolves({
    TargetHealthDescriptions: [
      { Target: { Id: 'i-1' }, TargetHealth: { State: DRAINING } },
      { Target: { Id: 'i-2' }, TargetHealth: { State: HEALTHY } },
      { Target: { Id: 'i-3' }, TargetHealth: { State: UNHEALTHY } },
    ],
  });
  expect(await readTargets(client, 'arn')).toEqual(['i-2', 'i-3']);
});

it('the new one goes in before the old one goes out, so that editors always reach one', async () => {
  balancer.on(RegisterTargetsCommand).resolves({}).on(DeregisterTargetsCommand).resolves({});
  await moveTargets(client, 'arn', ['i-2'], ['i-1']);
  expect(
    balancer.calls().map(
      ({
        args: [
          {
            constructor: { name },
            input,
          },
        ],
      }) => [name, input],
    ),
  ).toEqual([
    ['RegisterTargetsCommand', { TargetGroupArn: 'arn', Targets: [{ Id: 'i-2' }] }],
    ['DeregisterTargetsCommand', { TargetGroupArn: 'arn', Targets: [{ Id: 'i-1' }] }],
  ]);
});

it('the old one stays where the new one cannot go in', async () => {
  balancer.on(RegisterTargetsCommand).rejects(denied);
  await expect(moveTargets(client, 'arn', ['i-2'], ['i-1'])).rejects.toThrow(denied);
  expect(balancer.commandCalls(DeregisterTargetsCommand).length).toBe(0);
});
