import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must } from './group.ts';
import { type Ended, linesOf, startWatchGroup, type WatchGroup } from './watch-group.ts';

let watch: WatchGroup;

/** As if no command had ended early for five minutes. */
const wait5Minutes = () => must(watch.group.primary, 'rm -f /var/lib/hostsync/manifest/web/watch/early');

const outcomes = (ended: Ended) =>
  linesOf(ended, 'secondary').map(({ id, ok }) => `${id} ${ok === true ? 'ok' : 'failed'}`);

beforeAll(async () => {
  watch = await startWatchGroup();
});
afterAll(() => watch?.close());
beforeEach(async () => {
  await watch.clear();
  await wait5Minutes();
});

describe('a watch with a secondary in trouble', () => {
  it('ends at once when a secondary fails and when it is back, and not for what was told already', async () => {
    const one = watch.next();
    await watch.put('well');
    await watch.arrives('well');
    const [well, cut] = [watch.group.secondary(0), watch.group.secondary(1)];
    await cut.cutOff();
    await watch.put('gone');
    const failed = await one.ended;
    expect(linesOf(failed, 'watch')).toMatchObject([{ ended: 'outcome changed' }]);
    expect(outcomes(failed).toSorted()).toEqual(['s-1 ok', 's-2 failed']);
    await wait5Minutes();
    const two = watch.next();
    await watch.put('still');
    await watch.arrives('still', 'still', [well]);
    expect(two.child.exitCode).toBeNull();
    await cut.heal();
    const back = await two.ended;
    expect(linesOf(back, 'watch')).toMatchObject([{ ended: 'outcome changed' }]);
    expect(outcomes(back).toSorted()).toEqual(['s-1 ok', 's-2 ok']);
    await watch.arrives('still');
    // A second time within five minutes is told by the next tick
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
});
