import * as v from 'valibot';
import { type AccessCheck, type Operation, operation, queryBoolean } from '../api/registry.ts';
import { arnOf, instanceArn } from '../base/account.ts';
import type { ElasticAddress } from './addresses.ts';
import type { Ec2 } from './ec2.ts';

const dryRun = v.optional(queryBoolean, 'false');

/** Elastic IP addresses, as far as moving one takes. */
export function addressOperations(ec2: Ec2): readonly Operation[] {
  const region = { 'ec2:Region': ec2.account.region, 'aws:RequestedRegion': ec2.account.region };
  const onAddress = (action: string, allocationId: string): AccessCheck => ({
    action,
    resource: arnOf(ec2.account, 'ec2', `elastic-ip/${allocationId}`),
    context: region,
  });

  const describeAddresses = operation({
    name: 'DescribeAddresses',
    schema: v.strictObject({
      AllocationId: v.optional(v.array(v.string()), []),
      PublicIp: v.optional(v.array(v.string()), []),
      DryRun: dryRun,
    }),
    access: () => [{ action: 'ec2:DescribeAddresses', resource: '*', context: region }],
    run({ AllocationId, PublicIp }) {
      for (const id of AllocationId) ec2.addresses.get(id);
      const found = ec2.addresses
        .all()
        .filter(({ allocationId }) => AllocationId.length === 0 || AllocationId.includes(allocationId))
        .filter(({ publicIp }) => PublicIp.length === 0 || PublicIp.includes(publicIp));
      return { addressesSet: found.map((address) => describe(ec2, address)) };
    },
  });

  const associateAddress = operation({
    name: 'AssociateAddress',
    schema: v.strictObject({
      AllocationId: v.string(),
      InstanceId: v.string(),
      AllowReassociation: v.optional(queryBoolean, 'true'),
      DryRun: dryRun,
    }),
    access: ({ AllocationId, InstanceId }) => [
      onAddress('ec2:AssociateAddress', AllocationId),
      {
        action: 'ec2:AssociateAddress',
        resource: instanceArn(ec2.account, InstanceId),
        context: {
          ...region,
          ...Object.fromEntries(
            [...(ec2.find(InstanceId)?.tags ?? [])].flatMap(([key, value]) => [
              [`aws:ResourceTag/${key}`, value],
              [`ec2:ResourceTag/${key}`, value],
            ]),
          ),
        },
      },
    ],
    run: ({ AllocationId, InstanceId, AllowReassociation }) => ({
      return: true,
      associationId: ec2.addresses.associate(AllocationId, ec2.require(InstanceId), AllowReassociation),
    }),
  });

  const disassociateAddress = operation({
    name: 'DisassociateAddress',
    schema: v.strictObject({ AssociationId: v.string(), DryRun: dryRun }),
    access: ({ AssociationId }) => {
      const address = ec2.addresses.all().find(({ associationId }) => associationId === AssociationId);
      return [onAddress('ec2:DisassociateAddress', address?.allocationId ?? '*')];
    },
    run({ AssociationId }) {
      ec2.addresses.disassociate(AssociationId);
      return { return: true };
    },
  });

  return [describeAddresses, associateAddress, disassociateAddress];
}

function describe(ec2: Ec2, { allocationId, publicIp, associationId, instanceId }: ElasticAddress): unknown {
  return {
    allocationId,
    publicIp,
    domain: 'vpc',
    associationId,
    instanceId,
    privateIpAddress: instanceId === undefined ? undefined : ec2.find(instanceId)?.privateIp,
    publicIpv4Pool: 'amazon',
    networkBorderGroup: ec2.account.region,
  };
}
