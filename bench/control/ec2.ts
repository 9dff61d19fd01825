import { AwsError } from 'local-cloud/api';
import * as v from 'valibot';
import type { Fleet, FleetHost } from './fleet.ts';
import { page } from './page.ts';
import { type FakeService, operation } from './server.ts';

const texts = v.optional(v.array(v.string()), []);
const filters = v.optional(v.array(v.object({ Name: v.string(), Value: texts })), []);
const paging = {
  NextToken: v.optional(v.string()),
  MaxResults: v.optional(v.pipe(v.string(), v.transform(Number), v.minValue(5), v.maxValue(1000)), '1000'),
};

/** EC2's view of the fleet. All hosts run; a written tag shows at once. */
export function ec2Service(fleet: Fleet): FakeService {
  const hosts = [...fleet.hosts.values()];
  const named = (ids: readonly string[]) => (ids.length === 0 ? hosts : ids.map((id) => existing(fleet, id)));
  const written = (ids: readonly string[], write: (tags: Map<string, string>) => void) => {
    for (const host of ids.map((id) => existing(fleet, id))) write(host.tags);
    return { return: true };
  };
  return {
    signingName: 'ec2',
    protocol: { kind: 'ec2', namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/' },
    operations: {
      DescribeInstances: operation(v.object({ InstanceId: texts, Filter: filters, ...paging }), (input) => {
        const found = named(input.InstanceId).filter((host) =>
          input.Filter.every((each) => passes(host, each)),
        );
        const { items, nextToken } = page(found, input.MaxResults, input.NextToken);
        return {
          reservationSet: items.map((host) => ({
            reservationId: `r-${host.id.slice(2)}`,
            instancesSet: [describe(host)],
          })),
          nextToken,
        };
      }),
      DescribeInstanceStatus: operation(
        v.object({
          InstanceId: texts,
          Filter: filters,
          ...paging,
          IncludeAllInstances: v.optional(v.string()),
        }),
        (input) => {
          const found = named(input.InstanceId).filter((host) =>
            input.Filter.every((each) => passes(host, each)),
          );
          const { items, nextToken } = page(found, input.MaxResults, input.NextToken);
          return { instanceStatusSet: items.map(describeStatus), nextToken };
        },
      ),
      CreateTags: operation(
        v.object({
          ResourceId: v.array(v.string()),
          Tag: v.array(v.object({ Key: v.string(), Value: v.optional(v.string(), '') })),
        }),
        ({ ResourceId, Tag }) =>
          written(ResourceId, (tags) => {
            for (const { Key, Value } of Tag) tags.set(Key, Value);
          }),
      ),
      DeleteTags: operation(
        v.object({ ResourceId: v.array(v.string()), Tag: v.array(v.object({ Key: v.string() })) }),
        ({ ResourceId, Tag }) =>
          written(ResourceId, (tags) => {
            for (const { Key } of Tag) tags.delete(Key);
          }),
      ),
    },
  };
}

function existing(fleet: Fleet, id: string): FleetHost {
  const host = fleet.hosts.get(id);
  if (host === undefined)
    throw new AwsError('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
  return host;
}

function passes(
  { id, zone, tags, alive }: FleetHost,
  { Name, Value }: { Name: string; Value: readonly string[] },
): boolean {
  if (Name.startsWith('tag:')) return Value.includes(tags.get(Name.slice('tag:'.length)) ?? '\0');
  switch (Name) {
    case 'tag-key':
      return Value.some((key) => tags.has(key));
    case 'instance-state-name':
      return Value.includes('running');
    case 'instance-id':
      return Value.includes(id);
    case 'instance-status.status':
      return Value.includes(alive ? 'ok' : 'impaired');
    case 'availability-zone':
      return Value.includes(zone);
    default:
      throw new AwsError('ValidationException', `the benchmark does not serve the filter ${Name} of EC2`);
  }
}

const running = { code: 16, name: 'running' };

function describe({ id, zone, address, tags }: FleetHost): unknown {
  return {
    instanceId: id,
    imageId: 'ami-0123456789abcdef0',
    instanceState: running,
    privateDnsName: `ip-${address.replaceAll('.', '-')}.ec2.internal`,
    instanceType: 't4g.small',
    launchTime: '2026-01-01T00:00:00.000Z',
    placement: { availabilityZone: zone, groupName: '', tenancy: 'default' },
    monitoring: { state: 'disabled' },
    subnetId: 'subnet-0123456789abcdef0',
    vpcId: 'vpc-0123456789abcdef0',
    privateIpAddress: address,
    architecture: 'arm64',
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    networkInterfaceSet: [
      {
        networkInterfaceId: `eni-${id.slice(2)}`,
        status: 'in-use',
        privateIpAddress: address,
        privateIpAddressesSet: [{ privateIpAddress: address, primary: true }],
        ipv6AddressesSet: [],
      },
    ],
    tagSet: [...tags].map(([key, value]) => ({ key, value })),
  };
}

function describeStatus({ id, zone, alive }: FleetHost): unknown {
  const status = alive ? 'ok' : 'impaired';
  const reachability = { name: 'reachability', status: alive ? 'passed' : 'failed' };
  return {
    instanceId: id,
    availabilityZone: zone,
    instanceState: running,
    systemStatus: { status, details: [reachability] },
    instanceStatus: { status, details: [reachability] },
  };
}
