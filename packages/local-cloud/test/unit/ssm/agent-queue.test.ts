import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelCommandCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { beforeEach, describe, expect, test } from 'vitest';
import type { LocalCloud, LocalInstance } from '../../../src/cloud.ts';
import { clientsOf, sampleCloud } from '../sample-cloud.ts';

// Source: amazon-ssm-agent 3.3, agent/task/pool.go, agent/framework/processor/processor.go.

let cloud: LocalCloud;
let instance: LocalInstance;
/** The host's working directory for scripts, on this machine. */
let directory: string;

beforeEach(async () => {
  cloud = await sampleCloud({
    timeScale: 100,
    runCommand: ['touch "began-$SSM_COMMAND_ID"; until [ -e release ]; do sleep 0.05; done; echo done'],
  });
  instance = await cloud.launch();
  directory = (await instance.exec('pwd')).stdout.trim();
});

async function send(count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    const { Command } = await clientsOf(cloud).ssm.send(
      new SendCommandCommand({
        DocumentName: cloud.physicalName('PushDocument'),
        InstanceIds: [instance.id],
        TimeoutSeconds: 2_000_000,
      }),
    );
    ids.push(Command?.CommandId ?? '');
  }
  return ids;
}

const began = (id: string | undefined) => existsSync(join(directory, `began-${id}`));
const release = () => writeFile(join(directory, 'release'), '');
const cancel = (id = '') => clientsOf(cloud).ssm.send(new CancelCommandCommand({ CommandId: id }));
const statusOf = (id: string | undefined) =>
  cloud.commands().find((command) => command.id === id)?.invocations[0]?.status;
const count = (ids: readonly string[], status: string) => ids.filter((id) => statusOf(id) === status).length;
const fiveBegan = (ids: readonly string[]) =>
  cloud.waitFor(() => ids.filter(began).length === 5, { what: 'five scripts' });

describe('an agent with much to do', () => {
  test('runs five commands, takes five more, and refuses the rest until there is room', async () => {
    const ids = await send(12);
    await fiveBegan(ids);
    await cloud.waitFor(() => count(ids, 'Delayed') === 2, { what: 'the refusals' });
    expect(count(ids, 'InProgress')).toBe(10);
    expect(cloud.commands().slice(0, 10)).toMatchObject(Array(10).fill({ status: 'InProgress' }));
    expect(ids.filter(began)).toHaveLength(5);
    await release();
    await cloud.settle();
    expect(count(ids, 'Success')).toBe(12);
  });

  test('hears of a cancellation although all workers are busy, of one that runs and one that waits', async () => {
    const ids = await send(6);
    await fiveBegan(ids);
    const waits = ids.find((id) => !began(id));
    const runs = ids.find(began);
    await cancel(waits);
    await cloud.waitFor(() => statusOf(waits) === 'Cancelled', { what: 'the one that waits' });
    await cancel(runs);
    await cloud.waitFor(() => statusOf(runs) === 'Cancelled', { what: 'the one that runs' });
    await release();
    await cloud.settle();
    expect(began(waits)).toBe(false);
    expect(count(ids, 'Success')).toBe(4);
  });

  test('and whose host goes down loses what ran, and begins what waited when it is back', async () => {
    const ids = await send(6);
    await fiveBegan(ids);
    const waits = ids.find((id) => !began(id));
    await instance.crash();
    await instance.reboot();
    await release();
    await cloud.settle();
    expect(count(ids, 'Failed')).toBe(5);
    expect(statusOf(waits)).toBe('Success');
  });
});

test('an agent that is cut off does not hear of a cancellation', async () => {
  const [id] = await send(1);
  await cloud.waitFor(() => began(id), { what: 'the script' });
  await instance.cutOff();
  await cancel(id);
  expect(statusOf(id)).toBe('Cancelling');
  await release();
  const orchestration = `/var/lib/amazon/ssm/${instance.id}/document/orchestration`;
  const output = join(directory, orchestration, id ?? '', 'awsrunShellScript/push/stdout');
  await cloud.waitFor(async () => (await readFile(output, 'utf8')) === 'done\n', { what: 'the end' });
  expect(statusOf(id)).toBe('Cancelling');
  await instance.heal();
  await cloud.settle();
  expect(statusOf(id)).toBe('Success');
});
