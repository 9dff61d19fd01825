import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkOut } from '../../../bench/control/edition.ts';
import { makeFleet } from '../../../bench/control/fleet.ts';
import { measureTick } from '../../../bench/control/measure.ts';
import type { TickMeasure } from '../../../bench/control/summary.ts';
import { BenchError } from '../../../bench/meter.ts';
import { joinDigest } from '../../../shared/core/membership/plan-newcomer.ts';
import { mirrorDigest } from '../../../shared/core/model/mirror.ts';
import { parseSecondaries } from '../../../shared/core/model/secondaries.ts';

const project = resolve(import.meta.dirname, '../../..');
let output: string;
beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'bench-control-'));
});
afterAll(async () => {
  await rm(output, { recursive: true, force: true });
});

/** Never its times: they are the machine's. */
const times = {
  lastPushSeconds: expect.any(Number),
  seconds: expect.any(Number),
  cpuSeconds: expect.any(Number),
  peakMiB: expect.any(Number),
  otherCpuSeconds: expect.any(Number),
  late: { mean: expect.any(Number), most: expect.any(Number) },
};

// npm run bench -- control is trusted to say what a tick costs: it must be a tick in which the groups that are well get what they
// should, and nothing else.
it('in a small fleet every group whose primary is there is sent one push', async () => {
  const directory = join(output, 'small');
  await mkdir(directory);
  const measure = await measureTick({
    groups: 3,
    hosts: 2,
    project,
    output: directory,
    callMilliseconds: 1,
    // The whole of the machine's CPU, and the function's own time
    memoryMiB: 1769,
    signal: new AbortController().signal,
  });
  expect(measure).toEqual({
    ...times,
    groups: 3,
    hosts: 2,
    expectedPushes: 2,
    pushes: 2,
    memoryMiB: 1769,
    cores: 1,
    cap: 'quota',
    end: 'done',
    unserved: [],
    message: undefined,
    calls: expect.any(Object),
  } satisfies Record<keyof TickMeasure, unknown>);
  expect(Object.keys(measure.calls).every((api) => /^[a-z0-9]+:[A-Z]\w+$/u.test(api))).toBe(true);
  // A tick: who is there, who is impaired, what is remembered, which primaries are there, a push each, and wake-ups
  expect(measure.calls).toEqual({
    'dynamodb:BatchGetItem': 1,
    'ec2:DescribeInstanceStatus': 1,
    'ec2:DescribeInstances': 1,
    'sqs:SendMessageBatch': 1,
    'ssm:DescribeInstanceInformation': 1,
    'ssm:SendCommand': 2,
  });
  expect(await readFile(join(directory, 'sync.log'), 'utf8')).toContain('site-0001');
}, 180_000);

it('the hosts of a group that is well are joined to its primary, and stand on its list', () => {
  const { groups } = makeFleet({ groups: 4, hosts: 20, now: Date.now() });
  const [primary, ...secondaries] = groups[3]?.hosts ?? [];
  const tags = Object.fromEntries(primary?.tags ?? []);
  const list = parseSecondaries(primary?.id ?? '', tags);
  expect(list.ok && list.value.map(({ id }) => id)).toEqual(secondaries.map(({ id }) => id));
  const joined = joinDigest(primary?.id ?? '', {
    group: 'site-0004',
    epoch: 1,
    directories: ['/srv/uploads'],
    owner: undefined,
    publicKey: tags['hostsync:public-key'] ?? '',
  });
  expect(new Set(secondaries.map((host) => host.tags.get('hostsync:joined')))).toEqual(new Set([joined]));
  const mirrored = mirrorDigest({ id: primary?.id ?? '', state: 'running', address: undefined, tags });
  expect(groups[3]?.head).toMatchObject({ pk: 'group#site-0004', configuration: mirrored });
});

it('says so when the first edition is not there, as in a shallow clone', async () => {
  const checkedOut = checkOut(
    project,
    '0000000000000000000000000000000000000000',
    join(output, 'no-edition'),
  );
  await expect(checkedOut).rejects.toThrow(BenchError);
  await expect(checkedOut).rejects.toThrow(
    'the commit 0000000000000000000000000000000000000000 is not there',
  );
});
