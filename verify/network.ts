import { DescribeSubnetsCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { UsageError } from '../tour/options.ts';
import type { Clients } from './connection.ts';

export interface Network {
  readonly vpc: string;
  readonly subnets: readonly string[];
}

/** The default VPC of the region, with two of its subnets. @throws {UsageError} where there is none */
export async function defaultNetwork({ ec2 }: Pick<Clients, 'ec2'>): Promise<Network> {
  const isDefault = { Name: 'is-default', Values: ['true'] };
  const { Vpcs } = await ec2.send(new DescribeVpcsCommand({ Filters: [isDefault] }));
  const vpc = Vpcs?.[0]?.VpcId;
  if (vpc === undefined) throw new UsageError('The region has no default VPC: give --vpc and --subnets');
  const filters = [
    { Name: 'vpc-id', Values: [vpc] },
    { Name: 'default-for-az', Values: ['true'] },
  ];
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ Filters: filters }));
  const subnets = Subnets.flatMap(({ SubnetId }) => SubnetId ?? []).sort();
  if (subnets.length < 2)
    throw new UsageError(`The default VPC has subnets in fewer than two zones: give --vpc and --subnets`);
  return { vpc, subnets: subnets.slice(0, 2) };
}
