import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { group, hosts, isReplaced, primary, useGroup, wholeAgain, wholeGroup } from './failover.ts';
import { makeDirectories, must, uploads } from './group.ts';
import { writeHook } from './on-host.ts';

// The hooks of docs/guides/wordpress.md, as an operator installs them
const example = resolve(import.meta.dirname, '../../examples/wordpress/hooks');
const mark = '/var/lib/site/takes-writes';

async function installHooks(): Promise<void> {
  for (const host of hosts)
    for (const name of readdirSync(example)) {
      await writeHook(host, name, readFileSync(join(example, name), 'utf8'));
    }
}

/** The hosts whose web server, which is not root, would take an upload now. */
async function takingWrites(): Promise<readonly string[]> {
  const said = await Promise.all(
    hosts.map(
      async (host) =>
        [host.id, await must(host, `sudo -u www-data test -e ${mark} && echo yes || echo no`)] as const,
    ),
  );
  return said.filter(([, answer]) => answer.trim() === 'yes').map(([id]) => id);
}

useGroup();

it('with the hooks of the example the primary takes writes, and nobody else, before and after a switchover', async () => {
  const old = await wholeGroup();
  await installHooks();
  // The group had its first primary before it had hooks
  await must(old, '/etc/hostsync/hooks/after-promotion');
  expect(await takingWrites()).toEqual([old.id]);
  old.setTags({ 'hostsync:switchover': 'any' });
  await group.tickUntil('another primary', () => isReplaced(old));
  expect(await takingWrites()).toEqual([primary().id]);
  expect(primary().id).not.toBe(old.id);
  await wholeAgain(20);
  expect(await takingWrites()).toEqual([primary().id]);
  expect(
    group.cloud.messages().filter(({ subject }) => subject?.includes('may still refuse writes')),
  ).toEqual([]);
});

it('a site with a directory that never had a file is handed over: its former primary becomes a secondary', async () => {
  const old = await wholeGroup();
  const plugins = '/srv/plugins';
  for (const host of hosts) await makeDirectories(host, [plugins]);
  old.setTags({ 'hostsync:directories': `${uploads} ${plugins}` });
  await group.ticks(2);
  old.setTags({ 'hostsync:switchover': 'any' });
  await group.tickUntil('another primary', () => isReplaced(old));
  await wholeAgain(20);
  expect(old.tags['hostsync:state']).toBe('in-sync');
  expect(group.cloud.messages().filter(({ subject }) => subject?.includes('is not rescued yet'))).toEqual([]);
});
