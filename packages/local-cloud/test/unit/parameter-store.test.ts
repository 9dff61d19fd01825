import {
  DeleteParameterCommand,
  DeleteParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
} from '@aws-sdk/client-ssm';
import { expect, test } from 'vitest';
import { clientsOf, sampleCloud } from './sample-cloud.ts';

test('of many that claim an epoch at once, one gets it', async () => {
  const cloud = await sampleCloud();
  const { ssm } = clientsOf(cloud);
  const claims = Array.from({ length: 8 }, (_, index) =>
    ssm.send(
      new PutParameterCommand({
        Name: '/sample/web/epochs/2',
        Value: `host ${index}`,
        Type: 'String',
        Overwrite: false,
      }),
    ),
  );
  const results = await Promise.allSettled(claims);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const refused = results.filter((result) => result.status === 'rejected');
  expect(new Set(refused.map(({ reason }) => reason.name))).toEqual(new Set(['ParameterAlreadyExists']));
});

test('parameters are read, overwritten and listed by path', async () => {
  const cloud = await sampleCloud();
  const { ssm } = clientsOf(cloud);
  const put = (Name: string, Value: string) =>
    ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
  for (let epoch = 1; epoch <= 12; epoch += 1) await put(`/sample/web/epochs/${epoch}`, `e${epoch}`);
  await put('/sample/web/config', '1');
  expect(await put('/sample/web/config', '2')).toMatchObject({ Version: 2 });
  expect((await ssm.send(new GetParameterCommand({ Name: '/sample/web/config' }))).Parameter).toMatchObject({
    Value: '2',
    Version: 2,
    Type: 'String',
    ARN: 'arn:aws:ssm:eu-west-1:111122223333:parameter/sample/web/config',
  });
  const first = await ssm.send(new GetParametersByPathCommand({ Path: '/sample/web/epochs' }));
  expect(first.Parameters).toHaveLength(10);
  const second = await ssm.send(
    new GetParametersByPathCommand({ Path: '/sample/web/epochs', NextToken: first.NextToken }),
  );
  expect(second.Parameters).toHaveLength(2);
  expect((await ssm.send(new GetParametersByPathCommand({ Path: '/sample/web' }))).Parameters).toHaveLength(
    1,
  );
  const all = await ssm.send(new GetParametersByPathCommand({ Path: '/sample', Recursive: true }));
  expect(all.NextToken).toBeDefined();
});

test.each([
  ['a value over 4 KB', { Name: '/a', Value: 'x'.repeat(4097) }, 'ValidationException'],
  ['a reserved name', { Name: '/aws/x', Value: 'x' }, 'ValidationException'],
  ['a name with a space', { Name: '/a b', Value: 'x' }, 'ValidationException'],
  ['a deep name', { Name: '/a'.repeat(16), Value: 'x' }, 'HierarchyLevelLimitExceededException'],
])('refuses %s', async (_name, input, code) => {
  const cloud = await sampleCloud();
  const call = clientsOf(cloud).ssm.send(new PutParameterCommand({ ...input, Type: 'String' }));
  await expect(call).rejects.toMatchObject({ name: code });
  await expect(
    clientsOf(cloud).ssm.send(new GetParameterCommand({ Name: input.Name })),
  ).rejects.toMatchObject({
    name: 'ParameterNotFound',
  });
});

test('parameters are deleted, one or up to ten at once, and what was not there is said', async () => {
  const cloud = await sampleCloud();
  const { ssm } = clientsOf(cloud);
  for (const Name of ['/a', '/b', '/c'])
    await ssm.send(new PutParameterCommand({ Name, Value: Name, Type: 'String' }));
  const both = await ssm.send(new GetParametersCommand({ Names: ['/a', '/x'] }));
  expect(both).toMatchObject({ Parameters: [{ Name: '/a', Value: '/a' }], InvalidParameters: ['/x'] });
  expect(both.Parameters?.[0]?.LastModifiedDate).toBeInstanceOf(Date);
  await ssm.send(new DeleteParameterCommand({ Name: '/a' }));
  await expect(ssm.send(new DeleteParameterCommand({ Name: '/a' }))).rejects.toMatchObject({
    name: 'ParameterNotFound',
  });
  expect(await ssm.send(new DeleteParametersCommand({ Names: ['/a', '/b'] }))).toMatchObject({
    DeletedParameters: ['/b'],
    InvalidParameters: ['/a'],
  });
  expect(cloud.parameters()).toMatchObject([{ name: '/c' }]);
  const Names = Array.from({ length: 11 }, (_, index) => `/${index}`);
  await expect(ssm.send(new DeleteParametersCommand({ Names }))).rejects.toThrow(/Names/);
  expect(cloud.takeProblems()).toHaveLength(1);
});

test('a role may read and delete the parameters that it names, and no others', async () => {
  const cloud = await sampleCloud({
    statements: [
      {
        Effect: 'Allow',
        Action: ['ssm:DeleteParameters', 'ssm:GetParameters'],
        Resource: 'arn:aws:ssm:eu-west-1:111122223333:parameter/sample/*',
      },
    ],
  });
  const { ssm } = clientsOf(cloud, 'SyncLambdaFunction');
  await ssm.send(new DeleteParametersCommand({ Names: ['/sample/a'] }));
  const mixed = { Names: ['/sample/a', '/other'] };
  await expect(ssm.send(new DeleteParametersCommand(mixed))).rejects.toThrow(/parameter\/other/);
  await expect(ssm.send(new GetParametersCommand(mixed))).rejects.toThrow(/parameter\/other/);
  await expect(ssm.send(new DeleteParameterCommand({ Name: '/sample/a' }))).rejects.toThrow(
    /ssm:DeleteParameter on/,
  );
  expect(cloud.takeProblems()).toHaveLength(3);
});

test.each([
  ['{{ssm:other}}', true],
  ['before {{ x\ny }} behind', true],
  ['{{}}', true],
  ['{"a":{"b":{"c":1}}}', false],
  ['{{ without an end', false],
  ['}} and {{', false],
])('%j as a value: refused is %s', async (Value, isRefused) => {
  const { ssm } = clientsOf(await sampleCloud());
  const put = ssm.send(new PutParameterCommand({ Name: '/sample/x', Value, Type: 'String' }));
  const refusal = {
    name: 'ValidationException',
    message: expect.stringContaining("can't nest another parameter"),
  };
  if (isRefused) await expect(put).rejects.toMatchObject(refusal);
  else await expect(put).resolves.toMatchObject({ Version: 1 });
});
