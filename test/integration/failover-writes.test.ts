import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  content,
  group,
  hosts,
  isReplaced,
  primary,
  useGroup,
  wholeAgain,
  wholeGroup,
  wwwData,
} from './failover.ts';
import { must } from './group.ts';
import { writeHook } from './on-host.ts';

// What becomes of the editors' writes around a planned switchover: they are stopped and let go on by the operator's hooks, and some editors'
// resolvers still have the old address.

// A former primary that was rescued lists again after so many seconds
useGroup({ HOSTSYNC_RESCUE_QUIET: '5' });

const readOnly = '/var/lib/site-is-read-only';

/** The site refuses writes while a file is there. */
async function installHooks(): Promise<void> {
  for (const host of hosts) {
    await writeHook(host, 'before-demotion', `touch ${readOnly}; sleep 3`);
    await writeHook(host, 'demotion-cancelled', `rm -f ${readOnly}`);
    await writeHook(host, 'after-promotion', `rm -f ${readOnly}`);
  }
}

const refusesWrites = async (host: (typeof hosts)[number]) =>
  (await must(host, `test -e ${readOnly} && echo yes || echo no`)).trim() === 'yes';

describe('a switchover is withdrawn', () => {
  it('after the hook has stopped the writes: they begin again, and the primary stays', async () => {
    const old = await wholeGroup();
    await installHooks();
    old.setTags({ 'hostsync:switchover': 'any' });
    group.cloud.tick();
    // The hook takes its time, and the operator changes their mind
    await group.cloud.waitFor(() => refusesWrites(old), { what: 'the hook before-demotion' });
    old.deleteTags('hostsync:switchover');
    for (let tick = 0; tick < 8 && (await refusesWrites(old)); tick += 1) await group.tick(150);
    expect(await refusesWrites(old)).toBe(false);
    expect(primary().id).toBe(old.id);
    await wholeAgain();
  });
});

describe('editors still reach the former primary', () => {
  it('what they write there until it joins is rescued, and none of it is lost', async () => {
    const old = await wholeGroup();
    old.setTags({ 'hostsync:switchover': 'any' });
    const written: string[] = [];
    const write = async () => {
      const name = `late-${written.length}`;
      await wwwData(old, `echo ${name} > ${name}`);
      written.push(name);
    };
    await group.tickUntil('another is the primary', () => isReplaced(old));
    for (let tick = 0; tick < 60 && old.tags['hostsync:state'] !== 'in-sync'; tick += 1) {
      if (old.tags['hostsync:state'] === 'quarantined' && written.length < 4) await write();
      await group.tick(150);
      await sleep(1000);
    }
    await wholeAgain();
    expect(written.length).toBeGreaterThan(0);
    for (const name of written) expect(await content(primary(), name)).toBe(`${name}\n`);
    for (const name of written) expect(await content(old, name)).toBe(`${name}\n`);
  });
});
