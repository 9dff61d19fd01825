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
  moveTargets,
  PointerError,
  readRecord,
  readTargets,
  writeRecord,
} from '../../../shared/aws/pointers.ts';

const route53 = mockClient(Route53Client);
const balancer = mockClient(ElasticLoadBalancingV2Client);
const dns = new Route53Client({ region: 'us-east-1' });
const client = new ElasticLoadBalancingV2Client({ region: 'us-east-1' });
beforeEach(() => {
  route53.reset();
  balancer.reset();
});
const denied = Object.assign(new Error('no'), { name: 'AccessDenied' });

const record = (changes: Partial<ResourceRecordSet>): ResourceRecordSet => ({
  ...{ Name: 'editors.example.com.', Type: 'A', ResourceRecords: [{ Value: '10.0.0.1' }] },
  ...changes,
});

it.each([
  ['one address', record({}), ['10.0.0.1']],
  ['in capitals', record({ Name: 'Editors.Example.COM.' }), ['10.0.0.1']],
  [
    'two',
    record({ ResourceRecords: [{ Value: '10.0.0.1' }, { Value: '10.0.0.2' }] }),
    ['10.0.0.1', '10.0.0.2'],
  ],
  ['the next name of the zone: ours is not there', record({ Name: 'files.example.com.' }), []],
  ['of another type', record({ Type: 'AAAA', ResourceRecords: [{ Value: '2001:db8::1' }] }), []],
])('what a name points at is read: %s', async (_name, found, expected) => {
  route53.on(ListResourceRecordSetsCommand).resolves({ ResourceRecordSets: [found] });
  expect(await readRecord(dns, 'Z1', 'editors.example.com')).toEqual(expected);
});

it('a name that cannot be read is an error, and not one that is not there', async () => {
  route53.on(ListResourceRecordSetsCommand).rejects(denied);
  await expect(readRecord(dns, 'Z1', 'editors.example.com')).rejects.toThrow(denied);
});

it('a name is moved with one change, and resolvers keep it for a minute at most', async () => {
  route53.on(ChangeResourceRecordSetsCommand).resolves({});
  await writeRecord(dns, 'Z1', 'editors.example.com', '10.0.0.2');
  expect(route53.commandCalls(ChangeResourceRecordSetsCommand)[0]?.args[0].input).toMatchObject({
    HostedZoneId: 'Z1',
    ChangeBatch: {
      Changes: [
        {
          Action: 'UPSERT',
          ResourceRecordSet: {
            ...{ Name: 'editors.example.com', Type: 'A', TTL: 60, ResourceRecords: [{ Value: '10.0.0.2' }] },
          },
        },
      ],
    },
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

it.each([
  [
    'an alias',
    record({
      ResourceRecords: [],
      AliasTarget: { HostedZoneId: 'Z2', DNSName: 'lb-1.elb.amazonaws.com.', EvaluateTargetHealth: true },
    }),
    'an alias of lb-1.elb.amazonaws.com.',
  ],
  [
    'a CNAME',
    record({ Type: 'CNAME', ResourceRecords: [{ Value: 'web-1.example.com' }] }),
    'editors.example.com (CNAME) in the zone Z1 is a CNAME of web-1.example.com',
  ],
  ['a weighted record', record({ SetIdentifier: 'blue', Weight: 10 }), 'routing policy (blue)'],
  ['a multi-value record', record({ SetIdentifier: 'one', MultiValueAnswer: true }), 'routing policy (one)'],
])(
  '%s is not taken for one that hostsync may change, and the remedy is named',
  async (_name, found, words) => {
    route53.on(ListResourceRecordSetsCommand).resolves({ ResourceRecordSets: [found] });
    const read = readRecord(dns, 'Z1', 'editors.example.com');
    await expect(read).rejects.toThrow(PointerError);
    await expect(read).rejects.toThrow(words);
    await expect(read).rejects.toThrow('take editors.example.com out of the tag hostsync:dns');
  },
);
