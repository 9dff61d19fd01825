import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sampleCloud } from './sample-cloud.ts';

const failing = `export const handler = async () => { throw new TypeError('no good'); };`;

describe('a function runs as on Lambda', () => {
  test('its environment is that of Lambda and nothing of ours', async () => {
    process.env['LEAK'] = 'ours';
    const cloud = await sampleCloud({
      handler: `export const handler = async (event, context) => ({ env: process.env, cwd: process.cwd(), context, left: context.getRemainingTimeInMillis() });`,
    });
    delete process.env['LEAK'];
    const { outcome } = await cloud.invoke('SyncLambdaFunction', {});
    expect(outcome).toMatchObject({
      kind: 'success',
      result: {
        context: {
          functionName: 'sample-dev-sync',
          memoryLimitInMB: '256',
          invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:sample-dev-sync',
        },
        env: {
          AWS_LAMBDA_FUNCTION_NAME: 'sample-dev-sync',
          AWS_REGION: 'eu-west-1',
          TZ: ':UTC',
          DOCUMENT: cloud.physicalName('PushDocument'),
          TOPIC: expect.stringMatching(/^arn:aws:sns:eu-west-1:111122223333:sample-dev-Alerts-/),
          AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        },
      },
    });
    expect(JSON.stringify(outcome)).not.toMatch(/"(LEAK|HOME|USER|NODE_OPTIONS)"/);
  });

  test('a process is used again, and a second one serves a concurrent event', async () => {
    const cloud = await sampleCloud({
      handler: `export const handler = async () => { await new Promise((r) => setTimeout(r, 200)); return process.pid; };`,
    });
    const pids = async (count: number) =>
      (await Promise.all(Array.from({ length: count }, () => cloud.invoke('SyncLambdaFunction', {})))).map(
        ({ outcome }) => (outcome?.kind === 'success' ? outcome.result : outcome),
      );
    const first = await pids(2);
    expect(new Set(first).size).toBe(2);
    const again = await pids(1);
    expect(first).toContain(again[0]);
  });

  test('console writes one line an entry, and all of it is read', async () => {
    const cloud = await sampleCloud({
      handler: `export const handler = async () => { console.log('two\\nlines'); console.error({ a: 1 }); process.stdout.write('{"raw":true}\\n'); for (let i = 0; i < 2000; i += 1) console.log(i); };`,
    });
    const { logs, requestId } = await cloud.invoke('SyncLambdaFunction', {});
    expect(logs[0]).toMatch(new RegExp(`^\\S+Z\t${requestId}\tINFO\ttwo\rlines$`));
    expect(logs[1]).toMatch(/\tERROR\t\{ a: 1 \}$/);
    expect(logs[2]).toBe('{"raw":true}');
    expect(logs).toHaveLength(2003);
  });

  test('metrics are read from lines of pure JSON', async () => {
    const emf = `JSON.stringify({ _aws: { Timestamp: 1, CloudWatchMetrics: [{ Namespace: 'sample', Dimensions: [['service']], Metrics: [{ Name: 'Pushes', Unit: 'Count' }] }] }, service: 'x', Pushes: 2 })`;
    const cloud = await sampleCloud({
      handler: `export const handler = async () => { process.stdout.write(${emf} + '\\n'); console.log(${emf}); };`,
    });
    await cloud.invoke('SyncLambdaFunction', {});
    expect(cloud.metrics()).toMatchObject([
      { namespace: 'sample', name: 'Pushes', unit: 'Count', values: [2], dimensions: { service: 'x' } },
    ]);
  });

  test.each<[string, string, RegExp]>([
    ['throws', failing, /TypeError.*no good/],
    ['has a callback', `export const handler = (event, context, callback) => callback(null, 1);`, /callback/],
    ['is not exported', `export const other = async () => {};`, /HandlerNotFound/],
    [
      'cannot be loaded',
      `import 'not-in-the-bundle'; export const handler = async () => {};`,
      /not-in-the-bundle/,
    ],
    [
      'needs a package that is not in its bundle',
      `import ${JSON.stringify(fileURLToPath(import.meta.resolve('valibot')))}; export const handler = async () => {};`,
      /not in the bundle/,
    ],
    ['exits', `export const handler = async () => process.exit(3);`, /ExitError.*exit status 3/],
    [
      'rejects outside',
      `export const handler = async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 500)); };`,
      /UnhandledPromiseRejection.*lost/,
    ],
  ])('a handler that %s is an error', async (_name, handler, message) => {
    const cloud = await sampleCloud({ handler });
    const { outcome } = await cloud.invoke('SyncLambdaFunction', {});
    expect(outcome?.kind).toBe('error');
    expect(JSON.stringify(outcome)).toMatch(message);
    const again = await cloud.invoke('SyncLambdaFunction', {});
    expect(again.outcome?.kind).toBe('error');
  });

  test('a timeout kills it', async () => {
    const cloud = await sampleCloud({
      functionProperties: { Timeout: 1 },
      handler: `export const handler = async () => { console.log('started'); for (;;); };`,
    });
    const { outcome, logs } = await cloud.invoke('SyncLambdaFunction', {});
    expect(outcome).toMatchObject({
      type: 'Sandbox.Timedout',
      message: expect.stringContaining('timed out after 1.00 seconds'),
    });
    expect(logs).toHaveLength(1);
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['another runtime', { Runtime: 'nodejs22.x' }, /nodejs22.x/],
    ['a reserved variable', { Environment: { Variables: { AWS_REGION: 'x' } } }, /AWS_REGION/],
    ['a role of elsewhere', { Role: 'arn:aws:iam::111122223333:role/other' }, /other/],
  ])('%s stops the start', async (_name, functionProperties, message) => {
    await expect(sampleCloud({ functionProperties })).rejects.toThrow(message);
  });
});

describe('an asynchronous event', () => {
  test('is tried three times by default, then goes to the destination for failures', async () => {
    const cloud = await sampleCloud({
      handler: failing,
      timeScale: 600,
      invokeConfig: {
        MaximumRetryAttempts: 2,
        MaximumEventAgeInSeconds: 21_600,
        DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Failures', 'Arn'] } } },
      },
      statements: [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' }],
      resources: { Failures: { Type: 'AWS::SQS::Queue', Properties: {} } },
    });
    cloud.tick();
    await cloud.settle();
    expect(cloud.invocations().map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const [message, ...others] = cloud.queueMessages();
    expect(others).toEqual([]);
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
      requestPayload: { 'detail-type': 'Scheduled Event' },
      responsePayload: { errorType: 'TypeError', errorMessage: 'no good' },
    });
  });

  test('names another second at each tick, as a schedule does', async () => {
    const cloud = await sampleCloud({ handler: 'export const handler = async (event) => event.time;' });
    for (let tick = 0; tick < 3; tick++) cloud.tick();
    await cloud.settle();
    const times = cloud.invocations().map(({ outcome }) => JSON.stringify(outcome));
    expect(new Set(times).size).toBe(3);
  });

  test('is not tried again with MaximumRetryAttempts 0', async () => {
    const cloud = await sampleCloud({ handler: failing });
    cloud.tick();
    await cloud.settle();
    expect(cloud.invocations()).toHaveLength(1);
  });

  test('goes to the dead-letter queue if the role may send there; otherwise that is a problem', async () => {
    const cloud = await sampleCloud({
      handler: failing,
      functionProperties: { DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
      resources: { Dead: { Type: 'AWS::SQS::Queue', Properties: {} } },
    });
    cloud.tick();
    await expect(cloud.settle()).rejects.toThrow(/sqs:SendMessage/);
    expect(cloud.queueMessages()).toEqual([]);
  });

  test('waits for its turn when the reserved concurrency is used up', async () => {
    const cloud = await sampleCloud({
      timeScale: 10,
      functionProperties: { ReservedConcurrentExecutions: 1 },
      handler: `let running = 0; export const handler = async () => { running += 1; const seen = running; await new Promise((r) => setTimeout(r, 150)); running -= 1; return seen; };`,
    });
    cloud.tick();
    cloud.tick();
    await cloud.settle();
    expect(cloud.invocations().map(({ outcome }) => outcome)).toEqual([
      { kind: 'success', result: 1 },
      { kind: 'success', result: 1 },
    ]);
  });

  test('is dropped when it is too old', async () => {
    const cloud = await sampleCloud({
      timeScale: 120,
      functionProperties: { ReservedConcurrentExecutions: 1 },
      handler: `export const handler = async () => { await new Promise((r) => setTimeout(r, 1500)); };`,
    });
    cloud.tick();
    cloud.tick();
    await cloud.settle();
    expect(cloud.invocations()).toHaveLength(1);
  });
});

test('a function can call the local cloud with nothing but its environment', async () => {
  const { outputFiles } = await build({
    stdin: {
      resolveDir: import.meta.dirname,
      contents: `import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
        const client = new EC2Client({});
        export const handler = async () => (await client.send(new DescribeInstancesCommand({}))).Reservations.length;`,
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
  });
  const cloud = await sampleCloud({
    statements: [{ Effect: 'Allow', Action: 'ec2:DescribeInstances', Resource: '*' }],
    handler: outputFiles[0]?.text ?? '',
  });
  await cloud.launch();
  expect((await cloud.invoke('SyncLambdaFunction', {})).outcome).toEqual({ kind: 'success', result: 1 });
  expect(cloud.calls({ operation: 'DescribeInstances' })).toMatchObject([{ caller: 'SyncLambdaFunction' }]);
});

test('no process of a function outlives the cloud, even one that is killed', {
  timeout: 120_000,
}, async () => {
  const file = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  const script = `
    const { startCloud } = await import(${file('../../src/cloud.ts')});
    const { openFakeFleet } = await import(${file('./fake-fleet.ts')});
    const { samplePackage } = await import(${file('./sample-package.ts')});
    const handler = 'export const handler = async () => process.pid;';
    const cloud = await startCloud({ packageDirectory: await samplePackage({ handler }), tickSeconds: 'manual', fleet: await openFakeFleet() });
    console.log((await cloud.invoke('SyncLambdaFunction', {})).outcome.result);
    setInterval(() => {}, 1000);
  `;
  const scratch = await mkdtemp(join(tmpdir(), 'killed-cloud-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: scratch },
  });
  const pid = await new Promise<number>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk))),
  );
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  child.kill('SIGKILL');
  await expect.poll(() => existsSync(`/proc/${pid}/exe`), { timeout: 5000 }).toBe(false);
});
