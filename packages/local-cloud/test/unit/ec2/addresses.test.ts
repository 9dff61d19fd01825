import {
  AssociateAddressCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DisassociateAddressCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import type { LocalInstance } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

async function seen(ec2: EC2Client, { id }: LocalInstance) {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const instance = Reservations?.[0]?.Instances?.[0];
  const association = instance?.NetworkInterfaces?.[0]?.Association;
  return { ip: instance?.PublicIpAddress, name: instance?.PublicDnsName, owner: association?.IpOwnerId };
}

describe('a public address', () => {
  test('is there only where a launch asks for it', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const plain = await cloud.launch();
    expect(plain.publicAddress).toBeUndefined();
    expect(await seen(ec2, plain)).toEqual({ ip: undefined, name: '', owner: undefined });
    const open = await cloud.launch({ publicAddress: true });
    expect(await seen(ec2, open)).toEqual({
      ip: open.publicAddress,
      name: `ec2-${open.publicAddress?.replaceAll('.', '-')}.eu-west-1.compute.amazonaws.com`,
      owner: 'amazon',
    });
  });

  test('stays over a reboot, is gone while stopped, and is another one afterwards', async () => {
    const cloud = await sampleCloud();
    const instance = await cloud.launch({ publicAddress: true });
    const first = instance.publicAddress;
    await instance.reboot();
    expect(instance.publicAddress).toBe(first);
    await instance.stop();
    expect(instance.publicAddress).toBeUndefined();
    await instance.start();
    expect(instance.publicAddress).toMatch(/^(?:198\.51\.100|203\.0\.113)\.\d+$/);
    expect(instance.publicAddress).not.toBe(first);
    await instance.terminate();
    expect(instance.publicAddress).toBeUndefined();
  });
});

describe('an Elastic IP', () => {
  test('is moved from one instance to another, and stays over a stop', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const [one, other] = [await cloud.launch({ publicAddress: true }), await cloud.launch()];
    const address = cloud.allocateAddress();
    cloud.associateAddress(address, one);
    expect(one.publicAddress).toBe(address.publicIp);
    await one.stop();
    await one.start();
    expect(one.publicAddress).toBe(address.publicIp);
    const move = { AllocationId: address.allocationId, InstanceId: other.id };
    await expect(
      ec2.send(new AssociateAddressCommand({ ...move, AllowReassociation: false })),
    ).rejects.toMatchObject({ name: 'Resource.AlreadyAssociated' });
    const { AssociationId } = await ec2.send(new AssociateAddressCommand(move));
    expect([one.publicAddress, other.publicAddress]).toEqual([undefined, address.publicIp]);
    const described = () => ec2.send(new DescribeAddressesCommand({ AllocationIds: [address.allocationId] }));
    expect((await described()).Addresses).toMatchObject([
      { PublicIp: address.publicIp, InstanceId: other.id, AssociationId, PrivateIpAddress: other.address },
    ]);
    await ec2.send(new DisassociateAddressCommand({ AssociationId }));
    expect(other.publicAddress).toBeUndefined();
    expect((await described()).Addresses?.[0]?.InstanceId).toBeUndefined();
  });

  test('is free when its instance is terminated', async () => {
    const cloud = await sampleCloud();
    const [one, other] = [await cloud.launch(), await cloud.launch()];
    const address = cloud.allocateAddress();
    cloud.associateAddress(address, one);
    await one.terminate();
    expect(() => cloud.associateAddress(address, one)).toThrow('terminated');
    cloud.associateAddress(address, other);
    expect(other.publicAddress).toBe(address.publicIp);
  });

  test('that does not exist is refused, and so is who may not move it', async () => {
    const cloud = await sampleCloud();
    const instance = await cloud.launch();
    const { allocationId: AllocationId } = cloud.allocateAddress();
    const associate = (changes: object, asFunction?: string) =>
      clientsOf(cloud, asFunction).ec2.send(
        new AssociateAddressCommand({ AllocationId, InstanceId: instance.id, ...changes }),
      );
    await expect(associate({ AllocationId: 'eipalloc-0' })).rejects.toMatchObject({
      name: 'InvalidAllocationID.NotFound',
    });
    await expect(associate({ InstanceId: 'i-0ffffffffffffffff' })).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
    });
    await expect(associate({}, 'SyncLambdaFunction')).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
    });
    cloud.takeProblems();
  });
});
