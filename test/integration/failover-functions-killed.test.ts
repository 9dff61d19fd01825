import { describe, it } from 'vitest';
import {
  armed,
  expectAllEqual,
  failOver,
  group,
  isReplaced,
  useGroup,
  wholeAgain,
  wholeGroup,
} from './failover.ts';

useGroup();

describe('AWS at its worst', () => {
  it('every event is lost: the ticks do it', async () => {
    const fault = group.cloud.faults.dropEvents(() => true, Infinity);
    try {
      const old = await wholeGroup();
      await old.stop();
      await group.tickUntil('another primary', () => isReplaced(old), 4);
      await old.start();
      await wholeAgain(20);
      await expectAllEqual();
    } finally {
      fault.remove();
    }
  });

  it('every event comes twice and in any order, and EC2 shows old tags', async () => {
    const faults = [
      group.cloud.faults.doubleEvents(() => true, Infinity),
      group.cloud.faults.reorderEvents(({ source }) => source === 'aws.ec2' || source === 'aws.tag', 6),
    ];
    group.cloud.faults.staleTags({ seconds: 2 });
    try {
      await failOver((old) => old.stop(), { comeBack: (old) => old.start() });
    } finally {
      for (const fault of faults) fault.remove();
      group.cloud.faults.staleTags({ seconds: 0 });
    }
  });

  it.each([1, 5, 9, 12, 16])('the functions are killed after call %i of the promotion', async (call) => {
    await failOver(
      async (old) => {
        armed.push(group.cloud.faults.killFunctionAtCall('ReconcileLambdaFunction', call));
        armed.push(group.cloud.faults.killFunctionAtCall('SyncLambdaFunction', 3));
        await old.stop();
      },
      { within: 6, comeBack: (old) => old.start() },
    );
  });
});
