import { DescribeInstancesCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, it } from 'vitest';
import { observeInstances } from '../../../shared/aws/ec2.ts';

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
