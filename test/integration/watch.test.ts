import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import { linesOf, startWatchGroup, until, type WatchGroup } from './watch-group.ts';

let watch: WatchGroup;

beforeAll(async () => {
  watch = await startWatchGroup();
});
afterAll(() => watch?.close());
beforeEach(() => watch.clear());

describe('a push that watches', () => {
  it('what is put on the primary is on the secondaries before the next tick', async () => {
    const one = watch.next();
    await watch.put('first');
    await watch.arrives('first');
    await watch.run('mkdir -p a/b/c; echo x > a/b/c/x; chown -R www-data: a');
    await watch.put('second');
    await watch.arrives('second');
    await watch.run('mv a z; rm first');
    await watch.same();
    const last = await watch.end();
    expect(last.code, last.stderr).toBe(0);
    const ended = await one.ended;
    expect(ended.code).toBe(0);
    expect(linesOf(ended, 'watch')).toMatchObject([{ ended: 'successor' }]);
    expect(linesOf(ended, 'secondary')).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('how fresh a secondary is, it says itself: the primary may be dead when that is asked', async () => {
    const began = Date.now() / 1000;
    watch.next();
    await watch.put('fresh');
    await watch.arrives('fresh');
    for (const host of watch.group.secondaries)
      await until(async () => {
        const { id, address } = watch.group.primary;
        const stdin = `group\tweb\nepoch\t1\nsecondary\t${id}\t${address}\t22\n`;
        const { stdout } = await host.exec(hostCommand('probe'), { stdin });
        const { synced } = JSON.parse(stdout);
        return synced !== undefined && synced.epoch === 1 && synced.at >= began;
      }, `${host.id} is fresh`);
  });

  it('hands over to the next tick, and nothing that comes meanwhile is late or lost', async () => {
    let one = watch.next();
    await watch.put('begin');
    await watch.arrives('begin');
    for (const step of [1, 2, 3]) {
      const next = watch.next();
      for (const number of [1, 2, 3, 4, 5]) await watch.put(`step${step}-${number}`);
      const ended = await one.ended;
      expect(ended.code).toBe(0);
      expect(linesOf(ended, 'watch')).toMatchObject([{ ended: 'successor' }]);
      one = next;
    }
    await watch.arrives('step3-5');
    await watch.same();
    await until(async () => (await watch.pushes()) === 1, 'one process watches');
  });

  it('a tick that comes late, or twice, ends nothing and does nothing', async () => {
    const one = watch.next();
    await watch.put('here');
    await watch.arrives('here');
    for (const tick of [watch.tick, watch.tick - 60]) {
      const { code, secondaries } = await watch.group.push({ options: { watch: 'auto', tick } });
      expect(code).toBe(0);
      expect(secondaries.map(({ error }) => error)).toEqual(['busy', 'busy']);
    }
    expect(one.child.exitCode).toBeNull();
    await watch.put('goes-on');
    await watch.arrives('goes-on');
  });

  it('a cancelled command leaves nothing behind, and what it had not sent comes with the next', async () => {
    const one = watch.next();
    await watch.put('before');
    await watch.arrives('before');
    await watch.cancel(one);
    await until(async () => (await watch.pushes()) === 0, 'no process is left');
    await until(async () => (await watch.connections()) === 0, 'no connection is left');
    await watch.put('meanwhile');
    watch.next();
    await watch.arrives('meanwhile');
    await watch.same();
  });

  it('what a command left that was killed alone, as for want of memory, keeps no secondary from the next', async () => {
    const one = watch.next();
    await watch.put('roomy');
    await watch.arrives('roomy');
    await watch.signal('KILL');
    await one.ended;
    await watch.put('tight');
    watch.next();
    await watch.arrives('tight');
    await watch.same();
  });

  it('one that was frozen is ended by the next, and sends nothing when it thaws', async () => {
    const one = watch.next();
    await watch.put('warm');
    await watch.arrives('warm');
    await watch.freeze();
    await watch.put('cold');
    watch.next();
    await watch.arrives('cold');
    watch.thaw(one);
    expect((await one.ended).code).not.toBe(0);
    await watch.same();
    await until(async () => (await watch.pushes()) === 1, 'one process watches');
  });

  it('ends with its lease, and a frozen one that thaws after it sends nothing more', async () => {
    const lease = 20;
    const one = watch.next({ lease });
    await watch.put('leased');
    await watch.arrives('leased');
    await watch.freeze();
    await sleep(lease * 1000);
    await watch.put('expired');
    watch.thaw(one);
    expect(linesOf(await one.ended, 'watch')).toMatchObject([{ ended: 'lease' }]);
    expect(await watch.isNowhere('expired')).toBe(true);
  });

  it('a half-written file waits for its close, and holds up no other', async () => {
    watch.next();
    await watch.put('ready');
    await watch.arrives('ready');
    watch.group.primary.spawn([
      'sh',
      '-c',
      `exec 3> ${uploads}/slow; chown www-data: ${uploads}/slow; printf half >&3; until [ -e /root/go-on ]; do sleep 0.1; done; printf whole >&3`,
    ]);
    await until(() => watch.has(watch.group.primary, 'slow', 'half'), 'half of it');
    for (const name of ['other1', 'other2', 'other3']) {
      await watch.put(name);
      await watch.arrives(name);
    }
    const rung = (await watch.group.primary.exec(`findmnt -no FSTYPE -T ${uploads}`)).stdout.trim();
    if (rung !== 'overlay') expect(await watch.isNowhere('slow')).toBe(true);
    await must(watch.group.primary, 'touch /root/go-on');
    await watch.arrives('slow', 'halfwhole');
  });

  it('a secondary that is cut off holds up no other, and is caught up when it is back', async () => {
    watch.next();
    await watch.put('all');
    await watch.arrives('all');
    await watch.group.secondary(1).cutOff();
    for (const name of ['cut1', 'cut2', 'cut3']) {
      await watch.put(name);
      await watch.arrives(name, name, [watch.group.secondary(0)]);
    }
    await watch.group.secondary(1).heal();
    watch.next();
    await watch.arrives('cut3');
    await watch.same();
  });
});
