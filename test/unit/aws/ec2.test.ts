import {
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  type InstanceStatus,
} from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, it } from 'vitest';
import { observeInstances, observeStatuses } from '../../../shared/aws/ec2.ts';

const ec2 = mockClient(EC2Client);
const client = new EC2Client({ region: 'us-east-1' });

it.each<[string, Partial<Instance>, object]>([
  [
    'IPv4 alone',
    { PrivateIpAddress: '10.0.0.1' },
    { address: '10.0.0.1', ipv6Address: undefined, publicAddress: undefined },
  ],
  [
    'an Elastic IP',
    { PrivateIpAddress: '10.0.0.1', PublicIpAddress: '203.0.113.9' },
    { address: '10.0.0.1', publicAddress: '203.0.113.9' },
  ],
  ['IPv6 alone', { Ipv6Address: '2001:db8::1' }, { address: undefined, ipv6Address: '2001:db8::1' }],
  [
    'IPv6 that only the network interfaces show: that of the primary one',
    {
      NetworkInterfaces: [
        { Attachment: { DeviceIndex: 1 }, Ipv6Addresses: [{ Ipv6Address: '2001:db8::2' }] },
        {
          Attachment: { DeviceIndex: 0 },
          Ipv6Addresses: [{ Ipv6Address: '2001:db8::1' }, { Ipv6Address: '2001:db8::3' }],
        },
      ],
    },
    { ipv6Address: '2001:db8::1' },
  ],
])('the addresses of an instance with %s', async (_name, shown, expected) => {
  const instance: Instance = { InstanceId: 'i-1', State: { Name: 'running' }, ...shown };
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [instance] }] });
  expect(await observeInstances(client)).toMatchObject([{ id: 'i-1', ...expected }]);
});

it.each([
  ['User initiated (2026-11-26 10:00:00 GMT)', '2026-11-26T10:00:00Z'],
  ['Client.InstanceInitiatedShutdown: Instance initiated shutdown', undefined],
  ['', undefined],
])('when an instance was stopped, where EC2 says so: %j', async (StateTransitionReason, expected) => {
  const instance: Instance = { InstanceId: 'i-1', State: { Name: 'stopped' }, StateTransitionReason };
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [instance] }] });
  const stoppedAt = expected && Date.parse(expected);
  expect(await observeInstances(client)).toMatchObject([{ id: 'i-1', stoppedAt }]);
});

it('since when the first of the failing checks fails', async () => {
  const failing = (time: string) => [{ ImpairedSince: new Date(time) }, {}];
  const statuses: InstanceStatus[] = [
    {
      InstanceId: 'i-1',
      SystemStatus: { Status: 'impaired', Details: failing('2026-11-26T10:01Z') },
      InstanceStatus: { Status: 'impaired', Details: failing('2026-11-26T10:00Z') },
    },
    { InstanceId: 'i-2', SystemStatus: { Status: 'ok' }, InstanceStatus: { Status: 'ok' } },
  ];
  ec2.on(DescribeInstanceStatusCommand).resolves({ InstanceStatuses: statuses });
  expect(await observeStatuses(client, ['i-1', 'i-2'])).toMatchObject([
    { id: 'i-1', ok: false, impairedSince: Date.parse('2026-11-26T10:00Z') },
    { id: 'i-2', ok: true, impairedSince: undefined },
  ]);
});
