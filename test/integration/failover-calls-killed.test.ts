import { describe, it } from 'vitest';
import { armed, failOver, group, useGroup } from './failover.ts';

useGroup();

describe('AWS at its worst', () => {
  it.each([
    'dynamodb:UpdateItem',
    'dynamodb:PutItem',
    'ssm:SendCommand',
    'ec2:CreateTags',
    'ec2:DeleteTags',
    'events:PutEvents',
  ])('killed right after its first %s', async (call) => {
    await failOver(
      async (old) => {
        armed.push(group.cloud.faults.killFunctionAfter('ReconcileLambdaFunction', { call }));
        await old.stop();
      },
      { within: 6, comeBack: (old) => old.start() },
    );
  });
});
