import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

// The framework as somebody uses it who deploys, in a copy of the project. What is wrong is said before anything is deployed.

const project = resolve(import.meta.dirname, '../..');
let copy = '';
let api: Server;
let asked: string[] = [];

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'deployment-'));
  for (const name of ['node_modules', 'functions', 'shared', 'host', 'scripts', 'infra', 'package.json'])
    symlinkSync(join(project, name), join(copy, name));
  copyFileSync(join(project, 'serverless.yml'), join(copy, 'serverless.yml'));
  api = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const call = callOf(String(request.headers['x-amz-target'] ?? ''), body);
    asked.push(call);
    response.setHeader('content-type', call.includes('.') ? 'application/x-amz-json-1.1' : 'text/xml');
    response.end(answers[call] ?? '{}');
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
});
afterAll(() => {
  api.close();
  rmSync(copy, { recursive: true });
});
beforeEach(() => {
  asked = [];
  copyFileSync(join(project, 'settings.yml'), join(copy, 'settings.yml'));
});

/** As the SDK names it: `Service.Operation` in JSON, the action alone in a query. */
function callOf(target: string, body: string): string {
  return target === '' ? (new URLSearchParams(body).get('Action') ?? '') : target.replace(/_\d+/u, '');
}

const result = (action: string, content: string) =>
  `<${action}Response><${action}Result>${content}</${action}Result></${action}Response>`;
/** What a stack answers that was deployed once. */
const answers: Readonly<Record<string, string>> = {
  DescribeStacks: result(
    'DescribeStacks',
    '<Stacks><member><StackName>hostsync-prod</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2026-11-22T10:00:00Z</CreationTime><Outputs><member><OutputKey>DeadLetters</OutputKey><OutputValue>https://queue</OutputValue></member></Outputs></member></Stacks>',
  ),
  ListStackResources: result('ListStackResources', '<StackResourceSummaries/>'),
  GetCallerIdentity: result('GetCallerIdentity', '<Account>111122223333</Account>'),
  'Logs.DescribeLogStreams': JSON.stringify({ logStreams: [{ logStreamName: 'one' }] }),
  'Logs.FilterLogEvents': JSON.stringify({
    events: [{ timestamp: 1_795_000_000_000, message: 'this tick pushed\n' }],
  }),
};

interface Run {
  readonly code: number;
  readonly output: string;
}

async function serverless(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = { AWS_REGION: 'eu-west-1' },
): Promise<Run> {
  const { port } = api.address() as { port: number };
  const child = spawn(
    process.execPath,
    [join(project, 'node_modules/serverless/bin/serverless.js'), ...words],
    {
      cwd: copy,
      env: {
        PATH: process.env['PATH'],
        HOME: copy,
        AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
        AWS_ACCESS_KEY_ID: 'none',
        AWS_SECRET_ACCESS_KEY: 'none',
        ...environment,
      },
    },
  );
  child.stdin.end();
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  const [code] = await once(child, 'close');
  return { code, output };
}

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
}
interface Properties {
  readonly [name: string]: unknown;
}

async function packageWith(...words: readonly string[]): Promise<Template & { readonly output: string }> {
  const { code, output } = await serverless(['package', '--package', 'package', ...words]);
  expect(output).toContain('Service packaged');
  expect(code).toBe(0);
  const file = join(copy, 'package', 'cloudformation-template-update-stack.json');
  return { ...JSON.parse(readFileSync(file, 'utf8')), output };
}

const ofType = ({ Resources }: Template, type: string) =>
  Object.entries(Resources).filter(([, { Type }]) => Type === type);

describe('settings', () => {
  it('that are wrong are refused all at once, each with its value and what is allowed', async () => {
    const wrong = [
      'alertemail=a@example.com',
      'failover=never',
      'metrics-by-secondary=no',
      'join-timeout=10',
    ];
    const more = ['schedule-rate=rate(1 minutes)', 'log-retention-days=45'];
    const { code, output } = await serverless([
      'package',
      '--package',
      'package',
      ...[...wrong, ...more].map((each) => `--param=${each}`),
    ]);
    expect(code).not.toBe(0);
    for (const line of [
      'alertemail is no setting; did you mean alert-email?',
      'failover "never" must be auto or manual',
      'metrics-by-secondary "no" must be true or false',
      'join-timeout 10 must be a whole number of seconds from 60 to 172800',
      'schedule-rate "rate(1 minutes)" must be rate(1 minute), or rate(N minutes) with N from 2 to 60',
      'log-retention-days "45" must be one of 1, 3, 5',
    ])
      expect(output).toContain(line);
    expect(asked).toEqual([]);
  });

  it('of a stage stand in settings.yml and hold at every deployment; what --param changes for once is said', async () => {
    const file = join(copy, 'settings.yml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text}\nprod:\n  alert-email: ops@example.com\n  join-timeout: 900\n`);
    const template = await packageWith('--param=failover=manual');
    const functions = ofType(template, 'AWS::Lambda::Function');
    const [, reconcile] = functions.find(([id]) => id.startsWith('Reconcile')) ?? [];
    expect(reconcile?.Properties['Environment']).toMatchObject({
      Variables: { HOSTSYNC_JOIN_TIMEOUT: '900', HOSTSYNC_FAILOVER: 'manual' },
    });
    expect(template).toMatchObject({ Parameters: { AlertEmailAddress: { Default: 'ops@example.com' } } });
    expect(template.output).toContain('failover: given with --param, so the next deployment without it');
    writeFileSync(file, `alert-email: ops@example.com\n${text}`);
    expect((await serverless(['package', '--package', 'package'])).output).toContain(
      'settings.yml: alert-email must stand in a section, under "default" or the name of a stage',
    );
  });
});

it('a stage of the greatest length deploys, with names that AWS takes and rules that may send dead letters; a longer one is refused', async () => {
  const stage = 'a'.repeat(34);
  const template = await packageWith('--stage', stage, '--param=schedule-rate=rate(5 minutes)');
  const rules = ofType(template, 'AWS::Events::Rule');
  const names = [...rules.map(([, it]) => it.Properties['Name'])];
  names.push(...ofType(template, 'AWS::Lambda::Function').map(([, it]) => it.Properties['FunctionName']));
  for (const name of names) expect(String(name).length, String(name)).toBeLessThanOrEqual(64);
  expect(new Set(names).size).toBe(names.length);
  expect(ofType(template, 'AWS::SQS::QueuePolicy')).toMatchObject([
    [
      'DeadLettersPolicy',
      {
        Properties: {
          PolicyDocument: {
            Statement: [
              {
                Condition: {
                  ArnEquals: { 'aws:SourceArn': rules.map(([id]) => ({ 'Fn::GetAtt': [id, 'Arn'] })) },
                },
              },
            ],
          },
        },
      },
    ],
  ]);
  // A tick every five minutes is not missing for four of them
  expect(template.Resources['TickMissingAlarm']).toMatchObject({
    Properties: { Period: 300, EvaluationPeriods: 4 },
  });
  const { code, output } = await serverless(['package', '--package', 'package', '--stage', `${stage}a`]);
  expect(code).not.toBe(0);
  expect(output).toContain('must have at most 34 characters');
});

describe('two stages in one account and region', () => {
  /** By kind of thing: what this stage is, or has to itself. */
  const own = (template: Template) => {
    const names = Object.values(template.Resources).flatMap(({ Properties }) =>
      ['FunctionName', 'TableName', 'LogGroupName', 'Name', 'DashboardName'].flatMap((property) =>
        typeof Properties?.[property] === 'string' ? [Properties[property]] : [],
      ),
    );
    const alarms = ofType(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
    const metrics = alarms
      .filter(({ Namespace }) => Namespace === 'hostsync')
      .map(({ Dimensions }) => JSON.stringify(Dimensions));
    const services = ofType(template, 'AWS::Lambda::Function').flatMap(([, { Properties }]) =>
      String(JSON.stringify(Properties['Environment'])).match(/"POWERTOOLS_SERVICE_NAME":"[^"]*"/gu),
    );
    return [names, metrics, services].map((each) => new Set(each));
  };
  /** The conditions of the roles, and what the rules match. */
  const judging = (template: Template) =>
    JSON.stringify([
      ...ofType(template, 'AWS::IAM::Role').map(([, { Properties }]) => Properties['Policies']),
      ...ofType(template, 'AWS::Events::Rule').map(([, { Properties }]) => Properties['EventPattern']),
    ]);

  it('with prefixes of their own share no name, metric, tag, hook and event, and no role is too long', async () => {
    const prefix = 'a'.repeat(32);
    const one = await packageWith();
    const other = await packageWith('--stage', 'other', `--param=tag-prefix=${prefix}`);
    const [ours, theirs] = [own(one), own(other)];
    ours.forEach((names, kind) => {
      expect(names.size).toBeGreaterThan(0);
      expect([...names].filter((name) => theirs[kind]?.has(name))).toEqual([]);
    });
    expect(judging(other).match(/[^"]*\bhostsync(?::|-launch|-terminate|")[^"]*/gu)).toBeNull();
    const renamed = judging(one).replaceAll(/\bhostsync(?=:|-launch|-terminate|")/gu, prefix);
    expect(judging(other)).toBe(renamed.replaceAll('hostsync-prod-', 'hostsync-other-'));
    // Source: IAM quotas, role inline policies
    for (const [id, { Properties }] of ofType(other, 'AWS::IAM::Role'))
      expect(JSON.stringify(Properties['Policies']).length, id).toBeLessThan(10_240);
  });

  it('with one prefix claim one name, so that CloudFormation refuses the second before anything of it runs', async () => {
    const { Resources } = await packageWith('--stage', 'other');
    expect(Resources['TagPrefix']).toMatchObject({
      Properties: { LogGroupName: 'hostsync-tag-prefix-hostsync' },
    });
    for (const id of ['Memory', 'Lanes']) expect(Resources[id]).toMatchObject({ DependsOn: ['TagPrefix'] });
  });

  it('and a prefix that EC2 or IAM would not tell apart is refused, with what is allowed', async () => {
    const { code, output } = await serverless([
      'package',
      '--package',
      'package',
      '--param=tag-prefix=Acme:',
    ]);
    expect(code).not.toBe(0);
    expect(output).toContain('tag-prefix "Acme:" must be 1 to 32 lower-case letters, digits and hyphens');
    expect(asked).toEqual([]);
  });
});

describe('the region', () => {
  const region = async (environment: Readonly<Record<string, string>>, ...words: readonly string[]) =>
    (
      await serverless(['print', '--path', 'provider.region', '--format', 'text', ...words], environment)
    ).output.trim();

  it('comes from where the AWS CLI takes it, and from nowhere else', async () => {
    writeFileSync(
      join(copy, 'config'),
      '[default]\nregion = eu-north-1\n[profile work]\nregion = ca-west-1\n',
    );
    const profile = { AWS_CONFIG_FILE: join(copy, 'config') };
    const standard = { ...profile, AWS_DEFAULT_REGION: 'sa-east-1' };
    expect(await region({ ...standard, AWS_REGION: 'ap-south-1' }, '--region', 'us-west-2')).toBe(
      'us-west-2',
    );
    expect(await region({ ...standard, AWS_REGION: 'ap-south-1' })).toBe('ap-south-1');
    expect(await region(standard)).toBe('sa-east-1');
    expect(await region({ ...profile, AWS_PROFILE: 'work' })).toBe('ca-west-1');
    expect(await region(profile)).toBe('eu-north-1');
    expect(await region({})).toContain(
      'no region is set: give one with --region, in AWS_REGION, or for the profile',
    );
  });
});

describe('commands on a stack that is deployed', () => {
  it('info shows what the stack tells', async () => {
    const { code, output } = await serverless(['info', '--verbose']);
    expect(output).toContain('DeadLetters: https://queue');
    expect(code).toBe(0);
  });

  it('logs shows the lines of a function, whatever stands in settings.yml', async () => {
    const file = join(copy, 'settings.yml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nprod:\n  join-timeout: 1\n`);
    const { output } = await serverless(['logs', '--function', 'sync']);
    expect(output).toContain('this tick pushed');
    expect(asked).toContain('Logs.FilterLogEvents');
  });

  it('invoke local says why not, and what to use', async () => {
    const { code, output } = await serverless(['invoke', 'local', '--function', 'sync']);
    expect(code).not.toBe(0);
    expect(output).toContain('cannot load ES modules');
    expect(output).toContain('npm start');
  });
});
