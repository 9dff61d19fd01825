import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { expect, test } from 'vitest';
import type { LocalCloud, StackRequest } from '../../src/cloud.ts';
import { sampleCloud } from './sample-cloud.ts';

// A program that deploys a stack and takes it away is tried here with the same calls as on AWS.
const StackName = 'site';
const request = {
  StackName,
  TemplateBody: '{"Resources":{}}',
  Parameters: [{ ParameterKey: 'Hosts', ParameterValue: '2' }],
  Tags: [{ Key: 'team', Value: 'web' }],
};

async function statusOf(client: CloudFormationClient): Promise<string> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
    return Stacks?.[0]?.StackStatus ?? 'none';
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown';
  }
}

const clientOf = (cloud: LocalCloud) => new CloudFormationClient({ ...cloud.clientConfig(), maxAttempts: 1 });
const gone = 'Stack with id site does not exist';

test('a stack is made by the scenario, has its outputs, and is taken away', async () => {
  const cloud = await sampleCloud();
  const client = clientOf(cloud);
  const seen: (StackRequest | 'removed')[] = [];
  cloud.playStacks(async (asked) => {
    seen.push(asked);
    return { outputs: { Address: 'site.example.com' }, remove: async () => void seen.push('removed') };
  });
  await client.send(new CreateStackCommand(request));
  await expect(client.send(new CreateStackCommand(request))).rejects.toMatchObject({
    name: 'AlreadyExistsException',
  });
  await cloud.settle();
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
  expect(Stacks).toMatchObject([
    {
      StackStatus: 'CREATE_COMPLETE',
      Outputs: [{ OutputKey: 'Address', OutputValue: 'site.example.com' }],
      Tags: [{ Key: 'team', Value: 'web' }],
    },
  ]);
  await client.send(new DeleteStackCommand({ StackName }));
  await cloud.settle();
  expect(await statusOf(client)).toBe(gone);
  await client.send(new DeleteStackCommand({ StackName }));
  expect(seen).toEqual([
    { name: StackName, template: '{"Resources":{}}', parameters: { Hosts: '2' }, tags: { team: 'web' } },
    'removed',
  ]);
});

test('a stack that is deleted while it is made is taken away once it is there', async () => {
  const cloud = await sampleCloud();
  const client = clientOf(cloud);
  const removed: string[] = [];
  let finish: () => void = () => undefined;
  cloud.playStacks(async ({ name }) => {
    await new Promise<void>((done) => {
      finish = done;
    });
    return { outputs: {}, remove: async () => void removed.push(name) };
  });
  await client.send(new CreateStackCommand(request));
  await client.send(new DeleteStackCommand({ StackName }));
  expect(await statusOf(client)).toBe('DELETE_IN_PROGRESS');
  finish();
  await cloud.settle();
  expect([removed, await statusOf(client)]).toEqual([[StackName], gone]);
});

test('what fails says why, in its making and in its end; without a player the call is not served', async () => {
  const cloud = await sampleCloud();
  const client = clientOf(cloud);
  await expect(client.send(new CreateStackCommand(request))).rejects.toThrow('cloud.playStacks');
  expect(cloud.takeProblems()).toHaveLength(1);
  cloud.playStacks(async () => {
    throw new Error('no subnet');
  });
  await client.send(new CreateStackCommand(request));
  await cloud.settle();
  expect(await statusOf(client)).toBe('ROLLBACK_COMPLETE');
  await client.send(new DeleteStackCommand({ StackName }));
  await cloud.settle();
  cloud.playStacks(async () => ({
    outputs: {},
    remove: async () => {
      throw new Error('a bucket is not empty');
    },
  }));
  await client.send(new CreateStackCommand(request));
  await cloud.settle();
  await client.send(new DeleteStackCommand({ StackName }));
  await cloud.settle();
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
  expect(Stacks).toMatchObject([
    { StackStatus: 'DELETE_FAILED', StackStatusReason: 'a bucket is not empty' },
  ]);
});
