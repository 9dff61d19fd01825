import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { killGroup, type ScriptGroup, startScriptGroup } from './script-group.ts';

// A renamed directory: nothing of it crosses the wire, nobody must accept its deletion, and no two names stay one file.

const files = 3000;
let group: ScriptGroup;

beforeAll(async () => {
  group = await startScriptGroup({ secondaries: 2 });
  await must(
    group.primary,
    `cd ${uploads}; for d in {1..10}; do mkdir -p 'album-of-2019'/$d; for i in {1..${files / 10}}; do echo "$d $i and some more" > 'album-of-2019'/$d/$i; done; done
     mkdir sub; ln -s '../album-of-2019/1/1' sub/cover; chown -hR www-data: .; sleep 2.1`,
  );
  expect((await group.push()).code).toBe(0);
});
afterAll(() => group?.close());

const rename = (old: string, now: string) => must(group.primary, `cd ${uploads}; mv '${old}' '${now}'`);
const inodes = (name: string) =>
  must(group.secondary(), `cd ${uploads}/'${name}'; find . -type f -printf '%P %i\\n' | sort`);

async function same(): Promise<void> {
  for (const secondary of group.secondaries) {
    expect(await group.differences(secondary)).toEqual([]);
    expect(await must(secondary, `find ${uploads} -type f -links +1`)).toBe('');
  }
}

it('its files stay the ones that they were, and no limit holds it, though it is nearly all there is', async () => {
  const before = await inodes('album-of-2019');
  await rename('album-of-2019', 'sub/library');
  const { code, secondaries, held } = await group.push();
  expect([code, held, secondaries.map(({ ok, files: sent }) => [ok, sent])]).toEqual([
    0,
    [],
    [
      [true, 0],
      [true, 0],
    ],
  ]);
  // Their names and times; with their contents it would be more than twice as much
  for (const { bytes = 0 } of secondaries) expect(bytes).toBeLessThan(files * 40);
  expect(await inodes('sub/library')).toBe(before);
  await same();
});

it('what was changed, added or lost in it arrives', async () => {
  await must(group.secondary(), `rm ${uploads}/sub/library/3/3; echo other > ${uploads}/sub/library/4/4`);
  await must(
    group.primary,
    `cd ${uploads}; mv sub/library back; echo new > back/1/1; cp back/2/2 back/2/new; rm back/5/5; chmod 600 back/6/6; chown -R www-data: back/1 back/2`,
  );
  expect((await group.push()).code).toBe(0);
  await same();
});

it('whenever the push is killed, the next one finds all', async () => {
  let [old, now] = ['back', 'forth'];
  for (const milliseconds of [300, 450, 600, 750, 900, 1100, 1400]) {
    await rename(old, now);
    const push = group.start();
    const ended = once(push, 'exit');
    await sleep(milliseconds);
    killGroup(push);
    await ended;
    [old, now] = [now, old];
    // back at once, every other time: what was linked already is in the way
    if (milliseconds % 100 !== 0) {
      await rename(old, now);
      [old, now] = [now, old];
    }
    const { code, held } = await group.push();
    expect([code, held]).toEqual([0, []]);
    await same();
  }
});

it('in a watch, too', async () => {
  await must(group.primary, 'sleep 2.1');
  const [from] = (await must(group.primary, `cd ${uploads}; ls -d back forth 2>/dev/null || true`)).split(
    '\n',
  );
  const before = await inodes(from ?? '');
  const end = await group.watch();
  await rename(from ?? '', 'watched');
  await must(
    group.secondary(),
    `cd ${uploads}; until [ -e watched/10/${files / 10} ] && [ ! -e '${from}' ]; do sleep 0.1; done`,
  );
  await end();
  expect(await inodes('watched')).toBe(before);
  await same();
});
