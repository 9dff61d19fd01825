import { resolve } from 'node:path';
import type { Host } from 'local-cloud/hosts';
import { sandboxDirectory } from 'local-cloud/sandbox';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Accounts, BenchError } from '../../bench/meter.ts';
import { must, openTestbed, type Testbed, uploads } from '../../bench/testbed.ts';
import { openTool } from '../../bench/tools.ts';
import { Workload } from '../../bench/workload.ts';

// npm run bench is trusted to compare tools: what it says of them must be so.
const projectDirectory = resolve(import.meta.dirname, '../..');
let accounts: Accounts;
let testbed: Testbed;
beforeAll(async () => {
  accounts = new Accounts(sandboxDirectory());
  testbed = await openTestbed({ projectDirectory, accounts, secondaries: 2, diskBytes: 2 ** 28 });
  const root = testbed.inSandbox(testbed.primary);
  await new Workload({ root, files: 1000, fileBytes: 100, owner: testbed.owner }).grow();
});
afterAll(async () => {
  await testbed?.close();
  accounts?.close();
});

function secondary(): Host {
  const host = testbed.secondaries[1];
  if (host === undefined) throw new Error('no secondary');
  return host;
}
const nothing = async () => {};
const expectIdentical = async () => expect(await testbed.differences(2)).toEqual([]);

describe.each(['cron', 'parallel', 'push'] as const)('%s', (name) => {
  it('brings all files, and what it cost is counted', async () => {
    await testbed.clear();
    expect(await testbed.differences(2)).not.toEqual([]);
    const tool = openTool(name, testbed, 2);
    const first = await tool.first();
    await expectIdentical();
    expect(first.wallSeconds).toBeGreaterThan(0);
    // An SSH connection takes milliseconds on each of the two sides, and 100,000 bytes went to each secondary
    expect(first.cpuSeconds).toBeGreaterThan(0.01);
    expect(first.wireBytes).toBeGreaterThan(200_000);
    expect(first.peakBytes).toBeGreaterThan(1_000_000);
    const again = await tool.sync(nothing, false);
    expect(again.wireBytes).toBeLessThan(first.wireBytes);
    await tool.end();
  });

  it('fails when a secondary refuses it, and is not measured as the fastest of all', async () => {
    await must(secondary(), 'cd /var/lib/hostsync/login; mv .ssh away; mv /root/.ssh /root/away');
    const change = () => must(testbed.primary, `echo x >>"$(find ${uploads} -name upload-7.jpg)"`);
    try {
      const sync = openTool(name, testbed, 2).sync(() => change().then(nothing), true);
      await expect(sync).rejects.toThrow(BenchError);
    } finally {
      await must(secondary(), 'cd /var/lib/hostsync/login; mv away .ssh; mv /root/away /root/.ssh');
    }
  });
});

it('CPU time on a secondary counts as well', async () => {
  // One second of CPU time, however long that takes
  const burn = `ssh root@${secondary().address} 'bash -c "ulimit -t 1; while :; do :; done" || true'`;
  const { cpuSeconds, machineCpuSeconds } = await testbed.meter.measure(() =>
    testbed.run(['bash', '-c', burn]),
  );
  expect(cpuSeconds).toBeGreaterThan(0.8);
  expect(machineCpuSeconds).toBeGreaterThan(0.8);
});

describe('no tool is said to have done its work when', () => {
  beforeEach(async () => {
    await testbed.clear();
    await openTool('cron', testbed, 2).first();
    await expectIdentical();
  });

  it.each([
    ['a file is missing', 'rm "$f"; touch -r /tmp/directory "$d"'],
    ['there is a file too much', 'cp -p "$f" "$f.copy"; touch -r /tmp/directory "$d"'],
    ['a mode is another', 'chmod 640 "$f"'],
    ['an owner is another', 'chown root "$f"'],
    ['a time is another by a nanosecond', 'touch -d "@$(stat -c %Y "$f").000000001" "$f"'],
    ['the time of a directory is another', 'touch "$d"'],
    [
      'a content is another, of the same size and time',
      'dd if=/dev/zero of="$f" bs=9 count=1 conv=notrunc status=none; touch -r /tmp/file "$f"',
    ],
  ])('%s', async (_, alter) => {
    const find = `f=$(find ${uploads} -name upload-500.jpg); d=$(dirname "$f")`;
    await must(secondary(), `${find}; touch -r "$f" /tmp/file; touch -r "$d" /tmp/directory; ${alter}`);
    expect(await testbed.differences(2)).toEqual([expect.stringMatching(/^secondary-2: /)]);
  });
});
