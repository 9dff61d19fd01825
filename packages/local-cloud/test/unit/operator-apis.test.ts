import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { expect, test } from 'vitest';
import { sampleCloud } from './sample-cloud.ts';

test('CloudFormation shows the stack with its outputs, and no other one', async () => {
  const cloud = await sampleCloud();
  const client = new CloudFormationClient({ ...cloud.clientConfig(), maxAttempts: 1 });
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
  const [stack] = Stacks;
  expect(Stacks).toHaveLength(1);
  const outputs = (stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
    OutputKey,
    OutputValue,
  ]);
  expect(Object.fromEntries(outputs)).toEqual(cloud.outputs);
  const again = await client.send(new DescribeStacksCommand({ StackName: stack?.StackName }));
  expect(again.Stacks).toEqual(Stacks);
  await expect(client.send(new DescribeStacksCommand({ StackName: 'other' }))).rejects.toMatchObject({
    ...{ name: 'ValidationError', message: 'Stack with id other does not exist' },
  });
  cloud.takeProblems();
});

test('a log group that there is not, and a filter that is not known, are refused', async () => {
  const cloud = await sampleCloud();
  const client = new CloudWatchLogsClient({ ...cloud.clientConfig(), maxAttempts: 1 });
  await expect(
    client.send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/none' })),
  ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  cloud.takeProblems();
});
