import * as v from 'valibot';
import { type AccessCheck, type Operation, operation, queryBoolean } from '../api/registry.ts';
import { arnOf, instanceArn } from '../base/account.ts';
import { AwsError } from '../base/errors.ts';
import { type ElasticAddress, networkInterfaceId } from './addresses.ts';
import type { Ec2 } from './ec2.ts';
import { checkAddressFilters, valuesPass } from './filters.ts';
import { dryRun, filter, refuseDryRun, resourceTagContext } from './requests.ts';

/** Elastic IP addresses, as far as moving one takes. */
export function addressOperations(ec2: Ec2): readonly Operation[] {
  return [describeAddresses(ec2), associateAddress(ec2), disassociateAddress(ec2)];
}

function describeAddresses(ec2: Ec2): Operation {
  return operation({
    name: 'DescribeAddresses',
    schema: v.strictObject({
      AllocationId: v.optional(v.array(v.string()), []),
      PublicIp: v.optional(v.array(v.string()), []),
      Filter: v.optional(v.array(filter), []),
      DryRun: dryRun,
    }),
    access: () => [{ action: 'ec2:DescribeAddresses', resource: '*', context: regionContext(ec2) }],
    run({ AllocationId, PublicIp, Filter, DryRun }) {
      refuseDryRun(DryRun);
      checkAddressFilters(Filter);
      for (const id of AllocationId) ec2.addresses.get(id);
      for (const ip of PublicIp)
        if (!ec2.addresses.all().some(({ publicIp }) => publicIp === ip))
          throw new AwsError('InvalidAddress.NotFound', `Address '${ip}' not found.`);
      const found = ec2.addresses
        .all()
        .filter(({ allocationId }) => AllocationId.length === 0 || AllocationId.includes(allocationId))
        .filter(({ publicIp }) => PublicIp.length === 0 || PublicIp.includes(publicIp))
        .filter((address) => valuesPass(filterValues(ec2, address), Filter));
      return { addressesSet: found.map((address) => describe(ec2, address)) };
    },
  });
}

function associateAddress(ec2: Ec2): Operation {
  return operation({
    name: 'AssociateAddress',
    schema: v.strictObject({
      AllocationId: v.string(),
      InstanceId: v.string(),
      AllowReassociation: v.optional(queryBoolean, 'true'),
      DryRun: dryRun,
    }),
    access: ({ AllocationId, InstanceId }) => [
      onAddress(ec2, 'ec2:AssociateAddress', AllocationId),
      {
        action: 'ec2:AssociateAddress',
        resource: instanceArn(ec2.account, InstanceId),
        context: {
          ...regionContext(ec2),
          'ec2:InstanceID': InstanceId,
          ...resourceTagContext('ec2', ec2.find(InstanceId)?.tags ?? new Map()),
        },
      },
    ],
    run({ AllocationId, InstanceId, AllowReassociation, DryRun }) {
      refuseDryRun(DryRun);
      const instance = ec2.require(InstanceId);
      return {
        return: true,
        associationId: ec2.addresses.associate(AllocationId, instance, AllowReassociation),
      };
    },
  });
}

function disassociateAddress(ec2: Ec2): Operation {
  return operation({
    name: 'DisassociateAddress',
    schema: v.strictObject({ AssociationId: v.string(), DryRun: dryRun }),
    access: ({ AssociationId }) => {
      const address = ec2.addresses.all().find(({ associationId }) => associationId === AssociationId);
      return [onAddress(ec2, 'ec2:DisassociateAddress', address?.allocationId ?? '*')];
    },
    run({ AssociationId, DryRun }) {
      refuseDryRun(DryRun);
      ec2.addresses.disassociate(AssociationId);
      return { return: true };
    },
  });
}

function regionContext(ec2: Ec2): Readonly<Record<string, string>> {
  return { 'ec2:Region': ec2.account.region, 'aws:RequestedRegion': ec2.account.region };
}

/** Source: Service Authorization Reference, `elastic-ip`. */
function onAddress(ec2: Ec2, action: string, id: string): AccessCheck {
  const address = ec2.addresses.all().find(({ allocationId }) => allocationId === id);
  return {
    action,
    resource: arnOf(ec2.account, 'ec2', `elastic-ip/${id}`),
    context: {
      ...regionContext(ec2),
      'ec2:AllocationId': id,
      'ec2:Domain': 'vpc',
      ...(address !== undefined && { 'ec2:PublicIpAddress': address.publicIp }),
      ...resourceTagContext('ec2', address?.tags ?? new Map()),
    },
  };
}

function filterValues(ec2: Ec2, address: ElasticAddress): ReadonlyMap<string, string | undefined> {
  const { instanceId } = address;
  return new Map([
    ['allocation-id', address.allocationId],
    ['association-id', address.associationId],
    ['instance-id', instanceId],
    ['network-interface-id', instanceId === undefined ? undefined : networkInterfaceId(instanceId)],
    ['private-ip-address', instanceId === undefined ? undefined : ec2.find(instanceId)?.privateIp],
    ['public-ip', address.publicIp],
  ]);
}

function describe(ec2: Ec2, address: ElasticAddress): unknown {
  const { allocationId, publicIp, associationId, instanceId } = address;
  return {
    allocationId,
    publicIp,
    domain: 'vpc',
    associationId,
    ...(instanceId !== undefined && {
      instanceId,
      networkInterfaceId: networkInterfaceId(instanceId),
      networkInterfaceOwnerId: ec2.account.accountId,
      privateIpAddress: ec2.find(instanceId)?.privateIp,
    }),
    tagSet: [...address.tags].map(([key, value]) => ({ key, value })),
    publicIpv4Pool: 'amazon',
    networkBorderGroup: ec2.account.region,
  };
}
