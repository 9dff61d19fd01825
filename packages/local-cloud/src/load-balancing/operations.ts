import * as v from 'valibot';
import { pageOf } from '../api/paging.ts';
import { type AccessCheck, members, operation, queryInteger, type Service } from '../api/registry.ts';
import { AwsError } from '../base/errors.ts';
import type { TargetGroup, TargetGroups } from './target-groups.ts';

// The limits of botocore's elbv2/2015-12-01/service-2.json and of its quotas
const target = v.strictObject({
  Id: v.string(),
  Port: v.optional(queryInteger(1, 65_535)),
  AvailabilityZone: v.optional(v.string()),
});
const targetsSchema = v.strictObject({ TargetGroupArn: v.string(), Targets: members(target, 1000) });
type TargetsInput = v.InferOutput<typeof targetsSchema>;

/** Elastic Load Balancing v2, as far as target groups go: the query protocol. */
export function loadBalancingService(groups: TargetGroups): Service {
  const region = groups.account.region;
  const unscoped = (name: string) => (): readonly AccessCheck[] => [
    { action: `elasticloadbalancing:${name}`, resource: '*', context: { 'aws:RequestedRegion': region } },
  ];
  const onGroup =
    (name: string) =>
    (input: { readonly TargetGroupArn: string }): readonly AccessCheck[] => [
      {
        action: `elasticloadbalancing:${name}`,
        resource: input.TargetGroupArn,
        context: {
          'aws:RequestedRegion': region,
          ...tagContext(groups.byArn(input.TargetGroupArn)?.tags ?? {}),
        },
      },
    ];
  const require = (arn: string): TargetGroup => {
    const group = groups.byArn(arn);
    if (group === undefined) throw new AwsError('TargetGroupNotFound', `Target groups '${arn}' not found`);
    return group;
  };
  const wanted = (input: TargetsInput) => input.Targets.map(({ Id, Port }) => ({ id: Id, port: Port }));

  const registerTargets = operation({
    name: 'RegisterTargets',
    schema: targetsSchema,
    check: ({ TargetGroupArn, Targets }) => {
      checkArn(TargetGroupArn);
      if (Targets.length === 0) throw new AwsError('ValidationError', 'A target must be specified');
    },
    access: onGroup('RegisterTargets'),
    run(input) {
      require(input.TargetGroupArn).register(wanted(input));
      return {};
    },
  });

  const deregisterTargets = operation({
    name: 'DeregisterTargets',
    schema: targetsSchema,
    check: ({ TargetGroupArn, Targets }) => {
      checkArn(TargetGroupArn);
      if (Targets.length === 0) throw new AwsError('ValidationError', 'A target must be specified');
    },
    access: onGroup('DeregisterTargets'),
    run(input) {
      require(input.TargetGroupArn).deregister(wanted(input));
      return {};
    },
  });

  const describeTargetHealth = operation({
    name: 'DescribeTargetHealth',
    schema: v.strictObject({ TargetGroupArn: v.string(), Targets: v.optional(members(target, 1000), '') }),
    check: ({ TargetGroupArn }) => checkArn(TargetGroupArn),
    access: unscoped('DescribeTargetHealth'),
    run(input) {
      const group = require(input.TargetGroupArn);
      const targets =
        input.Targets.length === 0
          ? group.targets()
          : input.Targets.map(({ Id, Port = group.port }) => group.healthOf(Id, Port));
      return {
        TargetHealthDescriptions: targets.map(({ instanceId, port, state, reason }) => ({
          Target: { Id: instanceId, Port: port },
          HealthCheckPort: String(port),
          TargetHealth: { State: state, Reason: reason },
        })),
      };
    },
  });

  const describeTargetGroups = operation({
    name: 'DescribeTargetGroups',
    schema: v.strictObject({
      TargetGroupArns: v.optional(members(v.string(), 400), ''),
      Names: v.optional(members(v.string(), 400), ''),
      Marker: v.optional(v.string()),
      PageSize: v.optional(queryInteger(1, 400), '400'),
    }),
    check({ TargetGroupArns, Names }) {
      if (TargetGroupArns.length > 0 && Names.length > 0)
        throw new AwsError('ValidationError', 'Target group ARNs and names cannot be specified together');
    },
    access: unscoped('DescribeTargetGroups'),
    run(input) {
      for (const arn of input.TargetGroupArns) require(arn);
      for (const name of input.Names) {
        if (groups.find(name) === undefined)
          throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
      }
      const { TargetGroupArns: arns, Names: names } = input;
      const found = groups
        .all()
        .filter(({ arn }) => arns.length === 0 || arns.includes(arn))
        .filter(({ name }) => names.length === 0 || names.includes(name));
      const page = pageOf(found, input.PageSize, input.Marker, [arns, names]);
      return { TargetGroups: page.items.map(describeGroup), NextMarker: page.nextToken };
    },
  });

  const describeTags = operation({
    name: 'DescribeTags',
    schema: v.strictObject({ ResourceArns: members(v.string(), 20) }),
    access: unscoped('DescribeTags'),
    run(input) {
      return {
        TagDescriptions: input.ResourceArns.map((arn) => ({
          ResourceArn: arn,
          Tags: Object.entries(require(arn).tags).map(([Key, Value]) => ({ Key, Value })),
        })),
      };
    },
  });

  return {
    signingName: 'elasticloadbalancing',
    protocol: { kind: 'query', namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/' },
    source: 'load-balancing/operations.ts',
    operations: [
      ...[registerTargets, deregisterTargets, describeTargetHealth],
      ...[describeTargetGroups, describeTags],
    ],
  };
}

function checkArn(arn: string): void {
  if (!/^arn:[^:]+:elasticloadbalancing:[^:]+:\d{12}:targetgroup\/[A-Za-z0-9-]+\/[0-9a-f]{16}$/.test(arn))
    throw new AwsError('ValidationError', `'${arn}' is not a valid target group ARN`);
}

function tagContext(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`elasticloadbalancing:ResourceTag/${key}`, value],
      [`aws:ResourceTag/${key}`, value],
    ]),
  );
}

function describeGroup(group: TargetGroup): unknown {
  return {
    TargetGroupArn: group.arn,
    TargetGroupName: group.name,
    Protocol: 'HTTP',
    ProtocolVersion: 'HTTP1',
    Port: group.port,
    VpcId: 'vpc-0local0000000000',
    HealthCheckProtocol: 'HTTP',
    HealthCheckPort: 'traffic-port',
    HealthCheckEnabled: true,
    TargetType: 'instance',
    IpAddressType: 'ipv4',
  };
}
