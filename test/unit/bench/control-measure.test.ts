import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkOut } from '../../../bench/control/edition.ts';
import { makeFleet } from '../../../bench/control/fleet.ts';
import { measureTick } from '../../../bench/control/measure.ts';
import type { TickMeasure } from '../../../bench/control/summary.ts';
import { BenchError } from '../../../bench/meter.ts';
import { joinDigest } from '../../../shared/core/plan-newcomer.ts';
import { parseSecondaries } from '../../../shared/core/secondaries.ts';

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
    end: expect.stringMatching(/^(done|failed)$/u),
    unserved: [],
    message: measure.end === 'done' ? undefined : expect.stringContaining('An internal error has occurred'),
    calls: expect.objectContaining({ 'ec2:DescribeInstances': expect.any(Number) }),
  } satisfies Record<keyof TickMeasure, unknown>);
  expect(Object.keys(measure.calls).every((api) => /^[a-z0-9]+:[A-Z]\w+$/u.test(api))).toBe(true);
  // Two pushes, and a probe at most
  expect(measure.calls['ssm:SendCommand']).toBeGreaterThanOrEqual(2);
  expect(measure.calls['ssm:SendCommand']).toBeLessThanOrEqual(3);
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
