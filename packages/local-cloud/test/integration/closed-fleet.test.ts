import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { HostError, openFleet } from '../../src/hosts/index.ts';

test('a closed fleet leaves no process, mount, link or file in the sandbox', async () => {
  const sandbox = process.env['LOCAL_CLOUD_SANDBOX'] ?? '';
  const observe = async () => ({
    links: (await readFile('/proc/net/dev', 'utf8')).split('\n').map((line) => line.split(':')[0]),
    mounts: (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').length,
    fleets: await readdir(join(sandbox, 'fleets')),
    processes: (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).length,
  });
  const before = await observe();
  const fleet = await openFleet();
  const hosts = await Promise.all(
    [1, 2, 3].map(async (n) => {
      const host = await fleet.create({ id: `h${n}`, volumes: [{ path: '/data' }] });
      await host.start();
      return host;
    }),
  );
  const child = hosts[0]?.spawn(['sleep', '1000']);
  await hosts[1]?.freeze();
  await hosts[2]?.fillDisk();
  expect(await observe()).not.toEqual(before);
  await hosts[2]?.destroy();
  expect(fleet.get('h3')).toBeUndefined();
  await fleet.close();
  if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
  while (JSON.stringify(await observe()) !== JSON.stringify(before)) await sleep(10);
  await expect(fleet.create({ id: 'late' })).rejects.toThrow(HostError);
});
