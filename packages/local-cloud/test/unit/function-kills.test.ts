import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { sampleCloud } from './sample-cloud.ts';

/** Writes three tags, one after the other, and then asks for something that it may not have. */
let handler = '';
beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: {
      resolveDir: import.meta.dirname,
      contents: `import { CreateTagsCommand, DescribeInstanceStatusCommand, DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
        const client = new EC2Client({ maxAttempts: 1 });
        export const handler = async () => {
          const [{ Instances: [{ InstanceId }] }] = (await client.send(new DescribeInstancesCommand({}))).Reservations;
          const tag = (Key) => client.send(new CreateTagsCommand({ Resources: [InstanceId], Tags: [{ Key, Value: 'x' }] }));
          await tag('one');
          await tag('two');
          await client.send(new DescribeInstanceStatusCommand({})).catch(() => undefined);
          await tag('three');
          return 'done';
        };`,
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
  });
  handler = outputFiles?.[0]?.text ?? '';
});

// What ends a run is the kill, however slow the machine is
const functionProperties = { Timeout: 300 };
const statements = [{ Effect: 'Allow', Action: ['ec2:DescribeInstances', 'ec2:CreateTags'], Resource: '*' }];

describe('a function that is killed between two steps', () => {
  test('has done the one and not the other; the event is tried again', async () => {
    const cloud = await sampleCloud({
      handler,
      statements,
      functionProperties,
      timeScale: 100,
      invokeConfig: { MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 21_600 },
    });
    const instance = await cloud.launch();
    const fault = cloud.faults.killFunctionAfter('SyncLambdaFunction', { call: 'ec2:CreateTags', nth: 2 });
    cloud.tick();
    await cloud.waitFor(() => fault.struck === 1, { what: 'the kill' });
    const between = instance.tags;
    await cloud.settle().catch(() => undefined);
    expect(between).toEqual({ one: 'x', two: 'x' });
    expect(cloud.invocations()).toMatchObject([
      {
        attempt: 1,
        outcome: {
          type: 'Runtime.ExitError',
          message: expect.stringMatching(/exited with error: signal: SIGKILL$/),
        },
      },
      { attempt: 2, outcome: { kind: 'success', result: 'done' } },
    ]);
    expect(cloud.calls({ operation: 'CreateTags' }).map(({ outcome }) => outcome.kind)).toEqual([
      'ok',
      'lost',
      'ok',
      'ok',
      'ok',
    ]);
    expect(instance.tags).toEqual({ one: 'x', two: 'x', three: 'x' });
    cloud.takeProblems();
  });

  test('before the call has not made it', async () => {
    const cloud = await sampleCloud({ handler, statements, functionProperties });
    const instance = await cloud.launch();
    cloud.faults.killFunctionAfter('SyncLambdaFunction', { call: 'ec2:CreateTags', before: true });
    const { outcome } = await cloud.invoke('SyncLambdaFunction', {});
    expect(outcome).toMatchObject({ kind: 'error', type: 'Runtime.ExitError' });
    expect(instance.tags).toEqual({});
    expect(cloud.calls({ operation: 'CreateTags' })).toMatchObject([{ outcome: { code: 'FunctionKilled' } }]);
  });

  test('at any of its calls, those that are refused included, so that every place can be tried', async () => {
    const cloud = await sampleCloud({ handler, statements, functionProperties });
    const instance = await cloud.launch();
    const seen: (readonly [struck: number, tags: number])[] = [];
    for (let n = 1; n <= 6; n += 1) {
      instance.deleteTags('one', 'two', 'three');
      const fault = cloud.faults.killFunctionAtCall('SyncLambdaFunction', n);
      await cloud.invoke('SyncLambdaFunction', {});
      seen.push([fault.struck, Object.keys(instance.tags).length]);
      fault.remove();
    }
    expect(seen).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 2],
      [1, 3],
      [0, 3],
    ]);
    cloud.takeProblems();
  });

  test('is another function than the one that goes on', async () => {
    const cloud = await sampleCloud({ handler, statements, functionProperties });
    await cloud.launch();
    const fault = cloud.faults.killFunctionAtCall('OtherLambdaFunction', 1);
    expect((await cloud.invoke('SyncLambdaFunction', {})).outcome).toMatchObject({ kind: 'success' });
    expect(fault.struck).toBe(0);
    cloud.takeProblems();
  });
});
