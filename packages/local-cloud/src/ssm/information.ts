import type * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { epochSeconds } from '../base/account.ts';
import { AwsError, UnservedError } from '../base/errors.ts';
import { platform } from './agent-step.ts';
import type { ManagedNode } from './nodes.ts';
import type { describeInstanceInformationSchema } from './schemas.ts';

type Input = v.InferOutput<typeof describeInstanceInformationSchema>;
type Filter = Input['Filters'][number];

/** The answer of `DescribeInstanceInformation`. @throws AwsError InvalidInstanceInformationFilterValue, InvalidFilterKey */
export function describeNodes(nodes: readonly ManagedNode[], input: Input): unknown {
  const byTag = input.Filters.filter(({ Key }) => Key === 'tag-key' || Key.startsWith('tag:'));
  if (byTag.length > 0 && byTag.length < input.Filters.length) {
    throw new AwsError('InvalidFilterKey', 'Tag filters cannot be combined with other filters.');
  }
  const found = nodes.filter((node) => node.listed && input.Filters.every((filter) => passes(node, filter)));
  const page = pageOf(found, input.MaxResults, input.NextToken, input.Filters);
  return { InstanceInformationList: page.items.map(shape), NextToken: page.nextToken };
}

function passes(node: ManagedNode, { Key, Values }: Filter): boolean {
  const { tags } = node.instance;
  if (Key.startsWith('tag:')) return Values.includes(tags.get(Key.slice('tag:'.length)) ?? '\0');
  switch (Key) {
    case 'tag-key':
      return Values.some((value) => tags.has(value));
    case 'InstanceIds':
      return Values.includes(node.instance.id);
    case 'PingStatus':
      return Values.includes(node.pingStatus);
    case 'PlatformTypes':
      return Values.includes('Linux');
    case 'AgentVersion':
      return Values.includes(node.agentVersion);
    case 'ResourceType':
      return Values.includes('EC2Instance');
    default:
      throw new UnservedError(
        'InvalidInstanceInformationFilterValue',
        `the local cloud does not serve the filter ${Key} of ssm:DescribeInstanceInformation; add it to src/ssm/information.ts`,
      );
  }
}

function shape(node: ManagedNode): unknown {
  return {
    InstanceId: node.instance.id,
    PingStatus: node.pingStatus,
    LastPingDateTime: epochSeconds(node.lastPing),
    AgentVersion: node.agentVersion,
    IsLatestVersion: false,
    PlatformType: 'Linux',
    PlatformName: platform.name,
    PlatformVersion: platform.version,
    ResourceType: 'EC2Instance',
    IPAddress: node.host.address,
    ComputerName: node.host.hostname,
    SourceId: node.instance.id,
    SourceType: 'AWS::EC2::Instance',
  };
}
