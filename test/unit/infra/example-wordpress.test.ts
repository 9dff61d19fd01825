import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { evaluateTemplate, type Json, type ResourceType } from 'local-cloud/cloudformation';
import { describe, expect, it } from 'vitest';
import { readHooks } from '../../../packages/local-cloud/src/auto-scaling/hooks.ts';
import { hookNames } from '../../../shared/core/model/lifecycle.ts';
import { tagKeys } from '../../../shared/core/model/tag-keys.ts';

interface Yaml {
  readonly load: (text: string, options: { readonly schema: unknown }) => Json;
  readonly Type: new (tag: string, options: object) => unknown;
  readonly DEFAULT_SCHEMA: { readonly extend: (types: readonly unknown[]) => unknown };
}
// It comes without types
const yaml: Yaml = createRequire(import.meta.url)('js-yaml');

const example = resolve(import.meta.dirname, '../../../examples/wordpress');
const read = (name: string) => readFileSync(join(example, name), 'utf8');

/** The short forms of CloudFormation's functions. */
const functions = ['Ref', 'Sub', 'GetAtt', 'If', 'Not', 'Equals'].flatMap((name) =>
  ['scalar', 'sequence'].map(
    (kind) =>
      new yaml.Type(`!${name}`, {
        kind,
        construct: (value: Json) => ({ [name === 'Ref' ? name : `Fn::${name}`]: value }),
      }),
  ),
);
const template = yaml.load(read('template.yml'), { schema: yaml.DEFAULT_SCHEMA.extend(functions) });

/** Types that the local cloud does not make: what references to them give. */
function plain(type: string, attributes: Readonly<Record<string, Json>> = {}): [string, ResourceType] {
  return [type, { identify: (name) => ({ name, ref: name, attributes }) }];
}
const types = new Map([
  plain('AWS::EC2::SecurityGroup'),
  plain('AWS::EC2::SecurityGroupIngress'),
  plain('AWS::IAM::InstanceProfile', { Arn: 'arn:aws:iam::111122223333:instance-profile/p' }),
  plain('AWS::ElasticLoadBalancingV2::LoadBalancer', { DNSName: 'lb.example.com' }),
  plain('AWS::ElasticLoadBalancingV2::TargetGroup'),
  plain('AWS::ElasticLoadBalancingV2::Listener'),
  plain('AWS::ElasticLoadBalancingV2::ListenerRule'),
  plain('AWS::EC2::LaunchTemplate', { LatestVersionNumber: '1' }),
  plain('AWS::AutoScaling::AutoScalingGroup'),
]);

function evaluate(certificate: string) {
  const { resources, outputs } = evaluateTemplate(template, {
    account: { accountId: '111122223333', partition: 'aws', region: 'us-east-1' },
    stackName: 'wordpress',
    types,
    parameters: {
      Certificate: certificate,
      DatabaseHost: 'db.example.com',
      DatabaseSecret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:db',
      HostSubnets: 'subnet-1,subnet-2',
      LoadBalancerSubnets: 'subnet-3,subnet-4',
      Vpc: 'vpc-1',
      WordPressVersion: '6.8.3',
    },
  });
  return { outputs, of: (id: string) => resources.find(({ logicalId }) => logicalId === id)?.properties };
}

describe.each([
  ['without a certificate', ''],
  ['with one', 'arn:aws:acm:us-east-1:111122223333:certificate/c'],
])('the example stack, %s', (_, certificate) => {
  const { of, outputs } = evaluate(certificate);

  it('has hooks that hostsync answers, with time-outs that Auto Scaling takes: else every launch would be abandoned', () => {
    const hooks = of('HostGroup')?.['LifecycleHookSpecificationList'];
    expect(hooks).toEqual([
      {
        LifecycleHookName: hookNames.launch,
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
        HeartbeatTimeout: 300,
        DefaultResult: 'ABANDON',
      },
      {
        LifecycleHookName: hookNames.terminate,
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
        HeartbeatTimeout: 900,
        DefaultResult: 'ABANDON',
      },
    ]);
    readHooks([
      { name: hookNames.launch, transition: 'launching', heartbeatTimeout: 300, defaultResult: 'ABANDON' },
      {
        name: hookNames.terminate,
        transition: 'terminating',
        heartbeatTimeout: 900,
        defaultResult: 'ABANDON',
      },
    ]);
  });

  it('keeps an instance whose files could not be saved in time', () => {
    expect(of('HostGroup')?.['InstanceLifecyclePolicy']).toEqual({
      RetentionTriggers: { TerminateHookAbandon: 'retain' },
    });
  });

  it('gives its hosts the group, and never the role of the primary', () => {
    const tags = of('HostGroup')?.['Tags'];
    expect(tags).toContainEqual({ Key: tagKeys.group, Value: 'wordpress', PropagateAtLaunch: true });
    expect(JSON.stringify(tags)).not.toContain(tagKeys.primary);
  });

  it('lets each host push to each other one, and nobody else reach their SSH server', () => {
    expect(of('PushesBetweenHosts')).toMatchObject({ FromPort: 22, ToPort: 22 });
    const { GroupId, SourceSecurityGroupId } = of('PushesBetweenHosts') ?? {};
    expect(SourceSecurityGroupId).toBe(GroupId);
    expect(JSON.stringify(of('HostSecurityGroup'))).not.toContain('22,');
  });

  it('sends editors and writes to the target group that hostsync may move, which no visitor gets', () => {
    const primary = of('EditorsToPrimary')?.['Actions'];
    expect(of('WritesToPrimary')?.['Actions']).toEqual(primary);
    expect(of('Primary')?.['Tags']).toEqual([{ Key: tagKeys.group, Value: 'wordpress' }]);
    expect(of('HostGroup')?.['TargetGroupARNs']).not.toEqual(primary);
    expect(String(outputs['PrimaryTags'])).toContain(`Key=${tagKeys.targetGroup},Value=`);
  });

  it('has an agent for SSM on each host, and user data that EC2 takes', () => {
    expect(JSON.stringify(of('HostRole'))).toContain('AmazonSSMManagedInstanceCore');
    const data = JSON.stringify(of('Template')?.['LaunchTemplateData']);
    const [, encoded = ''] = /"UserData":"([^"]+)"/u.exec(data) ?? [];
    const script = Buffer.from(encoded, 'base64');
    expect(script.length).toBeLessThan(16_384);
    expect(script.toString()).toContain('set $load_balancer lb.example.com;');
  });
});

it('the files of the example stand in its template word by word: what was tried is what is deployed', () => {
  const whole = read('template.yml').replaceAll(/^ {12}/gmu, '');
  const nginx = read('nginx-site.conf').replace('LOAD_BALANCER', '$' + '{LoadBalancer.DNSName}');
  expect(whole).toContain(nginx);
  for (const name of readdirSync(join(example, 'hooks'))) {
    const hook = read(join('hooks', name));
    expect(whole).toContain(`cat > /etc/hostsync/hooks/${name} <<'END'\n${hook}END\n`);
  }
});

it('the guide quotes the files of the example word by word', () => {
  const guide = readFileSync(join(example, '../../docs/guides/wordpress.md'), 'utf8');
  const quoted = (language: string) =>
    [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gmu'))].map(
      ([, text = '']) => text,
    );
  expect(quoted('sh').sort()).toEqual(
    readdirSync(join(example, 'hooks'))
      .map((name) => read(join('hooks', name)))
      .sort(),
  );
  const site = read('nginx-site.conf');
  expect(quoted('nginx').length).toBe(2);
  for (const part of quoted('nginx')) expect(site).toContain(part);
});
