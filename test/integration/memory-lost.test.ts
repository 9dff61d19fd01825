import type { LocalInstance } from 'local-cloud';
import { describe, expect, it } from 'vitest';
import {
  armed,
  content,
  expectAllEqual,
  expectOnePrimary,
  failOver,
  group,
  hosts,
  isReplaced,
  primary,
  row,
  subjects,
  useGroup,
  wholeAgain,
  wholeGroup,
  wwwData,
} from './failover.ts';

// The table is hostsync's memory. Whatever becomes of it, no file is lost and no second primary is made.

useGroup();

const table = () => group.cloud.table('Memory');
const epochOf = ({ tags }: LocalInstance) => Number(tags['hostsync:primary'] ?? 0);
/** An epoch that is a time in seconds: no counting has come so far. */
const isTime = (epoch: number) => epoch > 1.7e9;
const lost = /memory of the group was lost/u;
const messages = () => group.cloud.messages().map(({ message }) => message);

const upload = (name: string) => wwwData(primary(), `echo ${name} > ${name}-${row}`);

async function expectUploaded(name: string): Promise<void> {
  for (const host of hosts)
    if (host.state === 'running') expect(await content(host, `${name}-${row}`), host.id).toBe(`${name}\n`);
}

async function expectToGoOn(): Promise<void> {
  await group.tick();
  await wholeAgain(20);
  await expectOnePrimary();
  await upload('afterwards');
  await group.tick();
  await expectUploaded('afterwards');
  await expectAllEqual();
}

describe('the table', () => {
  it('is deleted and made again: pushes go on, the primary stays, takes an epoch that meets no other, and says so', async () => {
    const before = await wholeGroup();
    await table().drop();
    await upload('meanwhile');
    await group.tick();
    await group.tick();
    await expectUploaded('meanwhile');
    expect(primary().id).toBe(before.id);
    await table().make();
    const known = messages().length;
    await group.tickUntil('the epoch is a time', () => isTime(epochOf(primary())));
    await expectToGoOn();
    expect(primary().id).toBe(before.id);
    expect(
      messages()
        .slice(known)
        .filter((message) => lost.test(message)).length,
    ).toBe(1);
    await failOver((old) => old.stop(), { comeBack: (old) => old.start() });
  });

  it('is restored from before a promotion: who was primary then is not again', async () => {
    await wholeGroup();
    const yesterday = await table().items();
    await failOver((old) => old.stop(), { comeBack: (old) => old.start() });
    const now = primary();
    const epoch = epochOf(now);
    await table().restore(yesterday);
    await group.tickUntil('a newer epoch', () => epochOf(primary()) > epoch);
    expect(primary().id).toBe(now.id);
    await expectToGoOn();
    expect(primary().id).toBe(now.id);
  });

  it('is restored from before some pushes: no alert is sent, and after the next push all is known', async () => {
    const before = await wholeGroup();
    const earlier = await table().items();
    await upload('later');
    await group.tick();
    const epoch = epochOf(before);
    subjects();
    await table().restore(earlier);
    await group.tick();
    await group.tick();
    expect([primary().id, epochOf(primary())]).toEqual([before.id, epoch]);
    expect(subjects()).toEqual([]);
    await expectToGoOn();
  });

  it('is emptied when a promotion is claimed and its command is on its way, and the old primary comes back', async () => {
    const old = await wholeGroup();
    const epoch = epochOf(old);
    // A command that is held up, as that of a run that was frozen
    const held = group.cloud.faults.delayCall('ssm:SendCommand', 40, { times: 2, where: isPromotion });
    armed.push(held);
    await old.stop();
    await group.ticking(
      group.cloud.waitFor(async () => (await claimed()) > epoch && held.struck > 0, { what: 'the claim' }),
    );
    await table().restore([]);
    await old.start();
    await group.settle();
    held.remove();
    await expectToGoOn();
    expect(isTime(epochOf(primary()))).toBe(true);
  });

  it('is emptied when a promotion was begun and the run is killed: the old primary comes back', async () => {
    const old = await wholeGroup();
    const kill = group.cloud.faults.killFunctionAfter('ReconcileLambdaFunction', {
      call: 'ssm:SendCommand',
      nth: 2,
    });
    armed.push(kill);
    await old.stop();
    await group.ticking(group.cloud.waitFor(() => kill.struck > 0, { what: 'the kill' }));
    await table().restore([]);
    await old.start();
    await expectToGoOn();
  });

  it('answers nobody for a while: pushes go on, nobody joins or is promoted, and no false alert is sent', async () => {
    const before = await wholeGroup();
    const faults = (['dynamodb:Query', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'] as const).map((call) =>
      group.cloud.faults.failCall(call, 'InternalServerError', { times: Infinity }),
    );
    armed.push(...faults);
    await upload('meanwhile');
    await group.ticks(3);
    await expectUploaded('meanwhile');
    expect(primary().id).toBe(before.id);
    expect(subjects()).toEqual([]);
    for (const fault of faults) fault.remove();
    await expectToGoOn();
    expect(primary().id).toBe(before.id);
  });
});

describe('the queue', () => {
  it('takes no message for a while: pushes go on, and afterwards all that was to be done is', async () => {
    const old = await wholeGroup();
    const fault = group.cloud.faults.failCall('sqs:SendMessageBatch', 'ServiceUnavailable', {
      times: Infinity,
    });
    armed.push(fault);
    await upload('meanwhile');
    await group.tick();
    await group.tick();
    await expectUploaded('meanwhile');
    await old.stop();
    await group.tick();
    await group.tick();
    expect(isReplaced(old)).toBe(false);
    fault.remove();
    await group.tickUntil('another primary', () => isReplaced(old), 4);
    await old.start();
    await expectToGoOn();
  });
});

const isPromotion = (input: unknown) => JSON.stringify(input).includes('PromoteDocument');

async function claimed(): Promise<number> {
  const head = (await table().items()).find(({ sk }) => sk?.['S'] === 'head');
  return Number(head?.['epoch']?.['N'] ?? 0);
}
