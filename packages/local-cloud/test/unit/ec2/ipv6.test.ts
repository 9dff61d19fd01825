import { DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { expect, test } from 'vitest';
import type { LocalInstance } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

async function seen(ec2: EC2Client, { id }: LocalInstance) {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const instance = Reservations?.[0]?.Instances?.[0];
  const link = instance?.NetworkInterfaces?.[0];
  return {
    ipv4: instance?.PrivateIpAddress,
    ipv6: instance?.Ipv6Address,
    name: instance?.PrivateDnsName,
    linkIpv4: link?.PrivateIpAddresses?.map(({ PrivateIpAddress }) => PrivateIpAddress),
    linkIpv6: link?.Ipv6Addresses?.map(({ Ipv6Address }) => Ipv6Address),
  };
}

test('DescribeInstances shows the addresses that an instance has, and no others', async () => {
  const cloud = await sampleCloud();
  const { ec2 } = clientsOf(cloud);
  const ipv4 = await cloud.launch();
  const both = await cloud.launch({ addressing: 'dual-stack' });
  const ipv6 = await cloud.launch({ addressing: 'ipv6' });
  expect(await seen(ec2, ipv4)).toMatchObject({
    ipv4: ipv4.address,
    ipv6: undefined,
    linkIpv4: [ipv4.address],
    linkIpv6: [],
  });
  expect(await seen(ec2, both)).toMatchObject({
    ipv4: both.address,
    ipv6: both.host.ipv6,
    linkIpv4: [both.address],
    linkIpv6: [both.host.ipv6],
  });
  expect(await seen(ec2, ipv6)).toEqual({
    ipv4: undefined,
    ipv6: ipv6.address,
    name: `${ipv6.id}.eu-west-1.compute.internal`,
    linkIpv4: [],
    linkIpv6: [ipv6.address],
  });
  await ipv6.terminate();
  expect(await seen(ec2, ipv6)).toMatchObject({ ipv4: undefined, ipv6: undefined, name: '' });
});

test('an instance with IPv6 alone gets no public IPv4 address', async () => {
  const cloud = await sampleCloud();
  const launch = cloud.launch({ addressing: 'ipv6', publicAddress: true });
  await expect(launch).rejects.toThrow(/choose dual-stack/);
  expect(cloud.instances()).toEqual([]);
});

test('an instance with IPv6 alone takes no Elastic IP', async () => {
  const cloud = await sampleCloud();
  const address = cloud.allocateAddress();
  const [ipv6, both] = [
    await cloud.launch({ addressing: 'ipv6' }),
    await cloud.launch({ addressing: 'dual-stack' }),
  ];
  expect(() => cloud.associateAddress(address, ipv6)).toThrow('has no private IPv4 address');
  cloud.associateAddress(address, both);
  expect(both.publicAddress).toBe(address.publicIp);
});
