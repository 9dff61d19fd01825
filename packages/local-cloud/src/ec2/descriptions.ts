import { networkInterfaceId } from './addresses.ts';
import type { Ec2 } from './ec2.ts';
import { reachability } from './filters.ts';
import {
  type CheckStatus,
  type Instance,
  instanceStateCodes,
  type StateReasonCode,
  type StatusChecks,
  type Tags,
} from './instance.ts';

/** An instance as `DescribeInstances` gives it, over the wire. */
export function describe(ec2: Ec2, instance: Instance, tags: Tags): unknown {
  const gone = instance.state === 'terminated';
  const publicIp = ec2.addresses.publicIpOf(instance);
  const publicDnsName = publicIp === undefined ? '' : publicName(publicIp, ec2.account.region);
  const ipOwnerId = ec2.addresses.allocationOf(instance) === undefined ? 'amazon' : ec2.account.accountId;
  const association = publicIp === undefined ? undefined : { publicIp, publicDnsName, ipOwnerId };
  return {
    instanceId: instance.id,
    imageId: 'ami-0local0000000000',
    instanceState: { code: instanceStateCodes[instance.state], name: instance.state },
    ...(instance.stateReason !== undefined && {
      stateReason: { code: instance.stateReason, message: stateReasons[instance.stateReason] },
    }),
    ...(instance.spot && {
      instanceLifecycle: 'spot',
      spotInstanceRequestId: `sir-${instance.id.slice(-8)}`,
    }),
    privateDnsName: privateName(instance, ec2.account.region),
    dnsName: publicDnsName,
    ipAddress: publicIp,
    networkInterfaceSet: gone ? [] : [networkInterface(instance, association)],
    amiLaunchIndex: 0,
    productCodes: [],
    instanceType: 't4g.micro',
    launchTime: instance.launchTime.toISOString(),
    placement: { availabilityZone: instance.availabilityZone, groupName: '', tenancy: 'default' },
    monitoring: { state: 'disabled' },
    subnetId: gone ? undefined : 'subnet-0local0000000000',
    vpcId: gone ? undefined : 'vpc-0local0000000000',
    privateIpAddress: instance.privateIp,
    ipv6Address: instance.ipv6,
    architecture: 'arm64',
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    tagSet: [...tags].map(([key, value]) => ({ key, value })),
  };
}

/** Without an IPv4 address it is a resource name: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html */
function privateName({ id, privateIp, ipv6 }: Instance, region: string): string {
  const domain = region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`;
  if (privateIp !== undefined) return `ip-${privateIp.replaceAll('.', '-')}.${domain}`;
  return ipv6 === undefined ? '' : `${id}.${domain}`;
}

function publicName(publicIp: string, region: string): string {
  const domain = region === 'us-east-1' ? 'compute-1' : `${region}.compute`;
  return `ec2-${publicIp.replaceAll('.', '-')}.${domain}.amazonaws.com`;
}

/** Its one network interface; `association`: with its public address. */
function networkInterface(instance: Instance, association: unknown): unknown {
  return {
    networkInterfaceId: networkInterfaceId(instance.id),
    status: 'in-use',
    privateIpAddress: instance.privateIp,
    association,
    privateIpAddressesSet:
      instance.privateIp === undefined
        ? []
        : [{ privateIpAddress: instance.privateIp, primary: true, association }],
    ipv6AddressesSet: instance.ipv6 === undefined ? [] : [{ ipv6Address: instance.ipv6 }],
  };
}

const stateReasons: Readonly<Record<StateReasonCode, string>> = {
  'Client.UserInitiatedShutdown': 'Client.UserInitiatedShutdown: User initiated shutdown',
  'Server.SpotInstanceTermination': 'Server.SpotInstanceTermination: Spot instance termination',
  'Server.SpotInstanceShutdown':
    'Server.SpotInstanceShutdown: The instance was stopped due to Spot interruption',
};

/** Its checks as `DescribeInstanceStatus` gives them. */
export function describeChecks(instance: Instance, checks: StatusChecks): unknown {
  const summary = (status: CheckStatus): unknown =>
    instance.state === 'running'
      ? {
          status,
          details: [
            {
              name: 'reachability',
              status: reachability[status],
              impairedSince: status === 'impaired' ? checks.impairedSince?.toISOString() : undefined,
            },
          ],
        }
      : { status: 'not-applicable' };
  return {
    instanceId: instance.id,
    availabilityZone: instance.availabilityZone,
    instanceState: { code: instanceStateCodes[instance.state], name: instance.state },
    systemStatus: summary(checks.system),
    instanceStatus: summary(checks.instance),
    attachedEbsStatus: summary('ok'),
  };
}
