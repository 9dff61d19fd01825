import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fakeClock } from './clock.ts';
import { must, uploads } from './group.ts';
import { type Ended, linesOf, startWatchGroup, until, type WatchGroup } from './watch-group.ts';

let watch: WatchGroup;

/** As if no command had ended early for ten minutes. */
const wait10Minutes = () => must(watch.group.primary, 'rm -f /var/lib/hostsync/manifest/web/watch/early');

const outcomes = (ended: Ended) =>
  linesOf(ended, 'secondary').map(({ id, ok }) => `${id} ${ok === true ? 'ok' : 'failed'}`);

beforeAll(async () => {
  watch = await startWatchGroup();
});
afterAll(() => watch?.close());
beforeEach(async () => {
  await watch.clear();
  await wait10Minutes();
});

describe('a watch with a secondary in trouble', () => {
  it('ends at once when a secondary fails and when it is back, and not for what it said already', async () => {
    const one = watch.next();
    await watch.put('well');
    await watch.arrives('well');
    const [well, cut] = [watch.group.secondary(0), watch.group.secondary(1)];
    await cut.cutOff();
    await watch.put('gone');
    const failed = await one.ended;
    expect(linesOf(failed, 'watch')).toMatchObject([{ ended: 'outcome changed' }]);
    expect(outcomes(failed).toSorted()).toEqual(['s-1 ok', 's-2 failed']);
    const two = watch.next();
    await watch.put('still');
    await watch.arrives('still', 'still', [well]);
    expect(two.child.exitCode).toBeNull();
    await cut.heal();
    const back = await two.ended;
    expect(linesOf(back, 'watch')).toMatchObject([{ ended: 'outcome changed' }]);
    expect(outcomes(back).toSorted()).toEqual(['s-1 ok', 's-2 ok']);
    await watch.arrives('still');
    // The next tick reports a third time within ten minutes
    const three = watch.next();
    await watch.put('again');
    await watch.arrives('again');
    await cut.cutOff();
    for (const name of ['more', 'and-more']) {
      await watch.put(name);
      await watch.arrives(name, name, [well]);
    }
    await cut.heal();
    await watch.arrives('and-more');
    expect(three.child.exitCode).toBeNull();
    await watch.same();
  });

  it('one that hangs delays no other, also where only one at a time is sent to', async () => {
    watch.next({ parallel: 1 });
    await watch.put('all');
    await watch.arrives('all');
    const [well, hangs] = [watch.group.secondary(0), watch.group.secondary(1)];
    await hangs.freeze();
    for (const name of ['one', 'two', 'three']) {
      await watch.put(name);
      await watch.arrives(name, name, [well]);
    }
    await hangs.thaw();
    await watch.arrives('three');
    await watch.same();
  });

  /** Has a large file begin its way, and stop there. */
  async function stopLarge(name: string): Promise<void> {
    await watch.run(
      `head -c ${size} /dev/urandom > /srv/whole; chown www-data: /srv/whole; mv /srv/whole ${name}`,
    );
    const stop = "pkill -STOP -f '^rsync .*list[.]large'; pgrep -cf '^rsync .*list[.]large'";
    await until(async () => (await watch.group.primary.exec(stop)).stdout.trim() === '2', 'it is being sent');
  }
  const goOn = () => must(watch.group.primary, "pkill -CONT -f '^rsync .*list[.]large'");
  const isWhole = async (name: string) => {
    for (const host of watch.group.secondaries)
      await until(
        async () => (await host.exec(`stat -c %s /srv/uploads/${name}`)).stdout.trim() === String(size),
        `it is whole on ${host.id}`,
      );
  };
  const size = 34_000_000;
  const slowly = { bandwidth: 1500 };

  it('a large file on its way holds up nothing that comes after it, and is whole in the end', async () => {
    const one = watch.next(slowly);
    await watch.put('before');
    await watch.arrives('before');
    await stopLarge('film');
    for (const name of ['one', 'two', 'three']) {
      await watch.put(name);
      await watch.arrives(name);
    }
    await watch.run('echo more > one; rm two; mkdir album; echo x > album/photo; chown -R www-data: album');
    await watch.arrives('album/photo', 'x\n');
    expect(await watch.isNowhere('film')).toBe(true);
    await goOn();
    await isWhole('film');
    await watch.same();
    const two = watch.next();
    expect(outcomes(await one.ended).toSorted()).toEqual(['s-1 ok', 's-2 ok']);
    await watch.put('after');
    await watch.arrives('after');
    // It counts as arrived: nobody reads it again
    await watch.end();
    const ended = await two.ended;
    expect(linesOf(ended, 'secondary').map(({ files, bytes }) => [files, Number(bytes) < 100_000])).toEqual([
      [1, true],
      [1, true],
    ]);
  });

  it('the next command takes over while a large file is on its way', async () => {
    const one = watch.next(slowly);
    await watch.put('again');
    await watch.arrives('again');
    await stopLarge('film2');
    watch.next();
    await watch.put('taken-over');
    await watch.arrives('taken-over');
    // The first one may have been ended for not answering in time, and the second one sends it then
    await watch.group.primary.exec("pkill -CONT -f '^rsync .*list[.]large'");
    await isWhole('film2');
    await one.ended;
    await watch.same();
  });

  it('a file that one secondary does not take is named, and keeps neither the rest nor the others from arriving', async () => {
    const [sick, well] = [watch.group.secondary(0), watch.group.secondary(1)];
    const one = watch.next();
    await watch.put('begun');
    await watch.arrives('begun');
    await must(sick, `mkdir ${uploads}/locked; chmod 700 ${uploads}/locked`);
    await watch.run('mkdir locked; echo x > locked/x; chown -R www-data: locked');
    await watch.put('rest');
    await watch.arrives('rest');
    await watch.arrives('locked/x', 'x\n', [well]);
    const failed = await one.ended;
    expect(linesOf(failed, 'watch')).toMatchObject([{ ended: 'outcome changed' }]);
    expect(linesOf(failed, 'secondary')).toMatchObject([
      { id: sick.id, ok: false, error: 'permission-denied', message: expect.stringContaining('locked') },
      { id: well.id, ok: true },
    ]);
    await must(sick, `rm -r ${uploads}/locked`);
    const two = watch.next();
    await watch.same();
    expect(outcomes(await two.ended).toSorted()).toEqual(['s-1 ok', 's-2 ok']);
  });

  it('goes on when the clock of the primary is set, back or on: nothing is late or lost, and the next tick takes over', async () => {
    const clock = await fakeClock(watch.group.primary);
    try {
      let one = watch.next();
      await watch.put('on-time');
      await watch.arrives('on-time');
      for (const [step, offset] of ['-1h', '+26h', '-40d', '+0'].entries()) {
        await clock.set(offset);
        await watch.put(`set-${step}`);
        await watch.arrives(`set-${step}`);
        await watch.run(`echo more >> set-${step}; mv on-time late; mv late on-time`);
        await watch.arrives(`set-${step}`, `set-${step}more\n`);
        expect(one.child.exitCode).toBeNull();
        const next = watch.next();
        const ended = await one.ended;
        expect(linesOf(ended, 'watch')).toMatchObject([{ ended: 'successor' }]);
        expect(outcomes(ended).toSorted()).toEqual(['s-1 ok', 's-2 ok']);
        one = next;
      }
      await watch.same();
    } finally {
      await watch.clear();
      await clock.end();
    }
  });
});
