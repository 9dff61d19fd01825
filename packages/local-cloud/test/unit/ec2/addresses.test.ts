import {
  AssociateAddressCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DisassociateAddressCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { Clock } from '../../../src/base/clock.ts';
import { Activity, Journal } from '../../../src/base/journal.ts';
import type { LocalInstance } from '../../../src/cloud.ts';
import { Ec2 } from '../../../src/ec2/ec2.ts';
import { EventBus } from '../../../src/events/bus.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

/** An instance without a host, as EC2 has it right after its launch. */
function bareInstance() {
  const account = { accountId: '111122223333', region: 'eu-west-1', partition: 'aws' };
  const bus = new EventBus(account, new Activity(new Journal(() => undefined)), new Clock(1));
  const ec2 = new Ec2(account, bus, 0);
  const id = 'i-00000000000000001';
  return { ec2, instance: ec2.add({ id, privateIp: '10.0.0.1', tags: new Map(), metadataTags: false }) };
}

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

  test('belongs to the account in what is said of the network interface', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch({ publicAddress: true });
    const address = cloud.allocateAddress();
    cloud.associateAddress(address, instance);
    expect(await seen(ec2, instance)).toEqual({
      ip: address.publicIp,
      name: `ec2-${address.publicIp.replaceAll('.', '-')}.eu-west-1.compute.amazonaws.com`,
      owner: '111122223333',
    });
  });

  test('is for an instance that is stopped', async () => {
    const cloud = await sampleCloud();
    const address = cloud.allocateAddress();
    const instance = await cloud.launch();
    await instance.stop();
    cloud.associateAddress(address, instance);
    expect(instance.publicAddress).toBe(address.publicIp);
  });

  test.each(['pending', 'shutting-down', 'terminated'] as const)(
    'is not for one that is %s',
    async (state) => {
      const { ec2, instance } = bareInstance();
      if (state !== 'pending') ec2.setState(instance, state);
      const { allocationId } = ec2.addresses.allocate();
      expect(() => ec2.addresses.associate(allocationId, instance, true)).toThrow(
        expect.objectContaining({
          code: 'InvalidInstanceID',
          message: `The ${state} instance '${instance.id}' is not in a valid state for this operation.`,
        }),
      );
    },
  );

  test('is found by what it is and where it is', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch();
    const [used, free] = [cloud.allocateAddress(), cloud.allocateAddress()];
    cloud.associateAddress(used, instance);
    const found = async (Name: string, ...Values: string[]) =>
      (await ec2.send(new DescribeAddressesCommand({ Filters: [{ Name, Values }] }))).Addresses?.map(
        ({ AllocationId }) => AllocationId,
      );
    expect(await found('instance-id', instance.id)).toEqual([used.allocationId]);
    expect(await found('network-interface-id', `eni-${instance.id.slice(2)}`)).toEqual([used.allocationId]);
    expect(await found('private-ip-address', instance.address)).toEqual([used.allocationId]);
    expect(await found('public-ip', free.publicIp, '192.0.2.*')).toEqual([free.allocationId]);
    expect(await found('association-id', 'eipassoc-*')).toEqual([used.allocationId]);
    expect(await found('allocation-id', 'eipalloc-*')).toHaveLength(2);
    const unknown = new DescribeAddressesCommand({ PublicIps: ['192.0.2.1'] });
    await expect(ec2.send(unknown)).rejects.toMatchObject({
      name: 'InvalidAddress.NotFound',
      message: "Address '192.0.2.1' not found.",
    });
    await expect(found('instance-state-name', 'running')).rejects.toThrow(/does not serve the filter/);
    cloud.takeProblems();
  });

  test('is given back when it is on no instance', async () => {
    const cloud = await sampleCloud();
    const instance = await cloud.launch();
    const address = cloud.allocateAddress();
    cloud.associateAddress(address, instance);
    expect(() => cloud.releaseAddress(address)).toThrow('in use');
    cloud.disassociateAddress(address);
    expect(() => cloud.disassociateAddress(address)).toThrow('does not exist');
    cloud.releaseAddress(address);
    expect(() => cloud.associateAddress(address, instance)).toThrow('does not exist');
  });

  test('stays where it is in a dry run', async () => {
    const cloud = await sampleCloud();
    const { ec2 } = clientsOf(cloud);
    const instance = await cloud.launch();
    const { allocationId: AllocationId } = cloud.allocateAddress();
    const request = { AllocationId, InstanceId: instance.id };
    const dry = { name: 'DryRunOperation' };
    await expect(ec2.send(new AssociateAddressCommand({ ...request, DryRun: true }))).rejects.toMatchObject(
      dry,
    );
    expect(instance.publicAddress).toBeUndefined();
    const { AssociationId } = await ec2.send(new AssociateAddressCommand(request));
    await expect(
      ec2.send(new DisassociateAddressCommand({ AssociationId, DryRun: true })),
    ).rejects.toMatchObject(dry);
    await expect(ec2.send(new DescribeAddressesCommand({ DryRun: true }))).rejects.toMatchObject(dry);
    expect(instance.publicAddress).toBeDefined();
  });

  test('is moved by a role that may move this one, to instances with a tag', async () => {
    const moving = (Condition: object, Resource: string) => ({
      Effect: 'Allow',
      Action: 'ec2:AssociateAddress',
      Resource,
      Condition,
    });
    const cloud = await sampleCloud({
      statements: [
        moving({ StringEquals: { 'ec2:PublicIpAddress': '198.51.100.1' } }, 'arn:aws:ec2:*:*:elastic-ip/*'),
        moving({ StringEquals: { 'aws:ResourceTag/team': 'web' } }, 'arn:aws:ec2:*:*:instance/*'),
      ],
    });
    const [own, other] = [cloud.allocateAddress(), cloud.allocateAddress()];
    const [web, db] = [await cloud.launch({ tags: { team: 'web' } }), await cloud.launch()];
    const move = ({ allocationId: AllocationId }: typeof own, { id: InstanceId }: LocalInstance) =>
      clientsOf(cloud, 'SyncLambdaFunction').ec2.send(
        new AssociateAddressCommand({ AllocationId, InstanceId }),
      );
    await move(own, web);
    expect(web.publicAddress).toBe('198.51.100.1');
    for (const refused of [() => move(own, db), () => move(other, web)])
      await expect(refused()).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    cloud.takeProblems();
  });
});
