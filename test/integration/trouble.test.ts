import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pushResults } from '../../tour/pushes.ts';
import { must, sends, startGroup, type TestGroup, uploads } from './group.ts';
import { upload, uploadRandom } from './on-host.ts';

const more = '/srv/more';
const volume = '/srv/volume';
let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({
    secondaries: 3,
    directories: [uploads, more, volume],
    volumes: [{ path: volume }],
    diskBytes: 300e6,
    timeScale: 20,
    // What a push says of each. What a watch does then: watch-trouble.test.ts and watch-files.test.ts
    watch: false,
  });
  await must(group.primary, `chown www-data: ${volume}`);
});
afterAll(() => group?.close());
beforeEach(async () => {
  for (const secondary of group.secondaries) {
    if (secondary.host.frozen) await secondary.thaw();
    await secondary.heal();
  }
  await must(
    group.primary,
    `for d in ${uploads} ${more} ${volume}; do find $d -mindepth 1 -delete; echo x > $d/keep; done; chown -R www-data: /srv`,
  );
});

const ids = () => group.secondaries.map(({ id }) => id);
const byId = (results: Awaited<ReturnType<TestGroup['push']>>) =>
  ids().map((id) => results.find((result) => result.id === id));
const put = (name: string) => upload(group.primary, name);
const has = async (index: number, name: string) =>
  (await group.secondary(index).exec(['test', '-e', `${uploads}/${name}`])).code === 0;

describe('one secondary in trouble does not delay or fail the others, and is named with the remedy', () => {
  it('cut off', async () => {
    await group.push();
    await group.secondary(0).cutOff();
    await put('a');
    const [first, second, third] = byId(await group.push());
    expect(first).toMatchObject({
      ok: false,
      error: 'unreachable',
      message: expect.stringContaining(group.secondary(0).address),
    });
    expect(second).toMatchObject({ ok: true });
    expect(third).toMatchObject({ ok: true });
    expect(second?.seconds).toBeLessThan(first?.seconds ?? 0);
    expect(await has(1, 'a')).toBe(true);
    await group.secondary(0).heal();
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
    expect(await group.differences(group.secondary(0))).toEqual([]);
  });

  it('hung: the others are served by this tick and by the next, while it still hangs', async () => {
    await group.push();
    await group.secondary(0).freeze();
    await put('b');
    const results = pushResults(group.cloud).length;
    group.cloud.tick();
    await group.cloud.waitFor(async () => (await has(1, 'b')) && (await has(2, 'b')), {
      what: 'b',
      timeoutSeconds: 60,
    });
    // The push itself has not ended: it waits for the one that hangs, and for nobody else
    expect(pushResults(group.cloud).length).toBe(results);
    await put('c');
    const arrived = async () => {
      group.cloud.tick();
      await sleep(1000);
      return (await has(1, 'c')) && (await has(2, 'c'));
    };
    await group.cloud.waitFor(arrived, { what: 'c' });
    const isBusy = () => pushResults(group.cloud, group.secondary(0).id).at(-1)?.error === 'busy';
    await group.cloud.waitFor(isBusy, { what: 'the end of that push' });
    expect(pushResults(group.cloud, group.secondary(0).id).at(-1)).toMatchObject({ error: 'busy' });
    await group.secondary(0).thaw();
    await group.settle();
    await group.push();
    expect(await group.differences(group.secondary(0))).toEqual([]);
  });

  it('with a full disk', async () => {
    await group.push();
    await group.secondary(0).fillDisk();
    await uploadRandom(group.primary, 'big', 30_000_000);
    const [first, second] = byId(await group.push());
    expect(first).toMatchObject({
      ok: false,
      error: 'disk-full',
      message: expect.stringMatching(/free space/u),
    });
    expect(second).toMatchObject({ ok: true });
    await group.secondary(0).freeDisk();
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
    expect(await group.differences(group.secondary(0))).toEqual([]);
  });

  it('with another host key: not one byte is sent to it', async () => {
    await group.push();
    const [secondary] = group.secondaries;
    if (secondary === undefined) throw new Error('fixture');
    const pinned = secondary.tags['hostsync:host-key'] ?? '';
    secondary.setTags({ 'hostsync:host-key': group.secondary(1).tags['hostsync:host-key'] ?? '' });
    // What the tags say of a push comes with the next tick
    await group.push();
    await put('secret');
    expect(byId(await group.push())[0]).toMatchObject({ ok: false, error: 'host-key-changed', bytes: 0 });
    expect(await has(0, 'secret')).toBe(false);
    secondary.setTags({ 'hostsync:host-key': pinned });
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
  });

  it('that no longer trusts the key', async () => {
    await group.push();
    const [secondary] = group.secondaries;
    if (secondary === undefined) throw new Error('fixture');
    await must(secondary, 'mv /var/lib/hostsync/login/.ssh/authorized_keys /root/kept');
    expect(byId(await group.push())[0]).toMatchObject({
      ok: false,
      error: 'key-refused',
      message: expect.stringContaining('join'),
    });
    await must(secondary, 'mv /root/kept /var/lib/hostsync/login/.ssh/authorized_keys');
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
  });

  it('stopped: it is left out with a reason, and gets everything when it is back', async () => {
    await group.push();
    await group.secondary(0).stop();
    await put('d');
    const results = await group.push();
    expect(results.map(({ id }) => id).sort()).toEqual(ids().slice(1).sort());
    // The event of its stop may have taken it off the list already; else the tick says why it is left out
    const listed = Object.values(group.primary.tags).some((value) => value.includes(group.secondary(0).id));
    const reasons = group.lastLog();
    if (listed)
      expect(reasons).toContainEqual(expect.objectContaining({ code: 'not-running', level: 'INFO' }));
    expect(reasons.filter(({ level }) => level === 'ERROR')).toEqual([]);
    await group.secondary(0).start();
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
    expect(await has(0, 'd')).toBe(true);
  });
});

describe('a directory that is not as it should be is never carried over as deletions', () => {
  const kept = (directory: string) => must(group.secondary(0), `ls ${directory}`);

  it.each([
    ['empty', `rm ${uploads}/keep`, `echo x > ${uploads}/keep`],
    ['missing', `mv ${uploads} /srv/elsewhere`, `mv /srv/elsewhere ${uploads}`],
    [
      'symlink',
      `mv ${uploads} /srv/elsewhere; ln -s elsewhere ${uploads}`,
      `rm ${uploads}; mv /srv/elsewhere ${uploads}`,
    ],
  ])('%s', async (error, harm, mend) => {
    await group.push();
    await must(group.primary, harm);
    await upload(group.primary, 'new', 'new', more);
    const results = byId(await group.push());
    for (const result of results) expect(result).toMatchObject({ ok: false, error: 'directory-skipped' });
    expect(group.lastOutput()).toContainEqual(
      expect.objectContaining({ kind: 'directory', directory: uploads, error }),
    );
    expect(await kept(uploads)).toBe('keep\n');
    expect(await kept(more)).toContain('new');
    await must(group.primary, `${mend}; chown -R www-data: /srv`);
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
  });

  it('unmounted, even with files below the mount point', async () => {
    await group.push();
    await group.primary.host.unmount(volume);
    await must(group.primary, `echo stray > ${volume}/stray`);
    expect(byId(await group.push())[0]).toMatchObject({ ok: false, error: 'directory-skipped' });
    expect(group.lastOutput()).toContainEqual(
      expect.objectContaining({ directory: volume, error: 'unmounted' }),
    );
    expect(await kept(volume)).toBe('keep\n');
    await must(group.primary, `rm ${volume}/stray`);
    await group.primary.host.mount(volume);
    expect(byId(await group.push())[0]).toMatchObject({ ok: true });
  });
});

it('a file that cannot be read does not keep the rest from arriving, and is named', async () => {
  await group.push();
  // Root reads anything, so the refusal comes from the other side: a directory of root's below the uploads
  await must(group.secondary(0), `mkdir ${uploads}/locked; chmod 700 ${uploads}/locked`);
  await must(
    group.primary,
    `mkdir ${uploads}/locked; echo x > ${uploads}/locked/x; echo y > ${uploads}/y; chown -R www-data: ${uploads}`,
  );
  const [first, second] = byId(await group.push());
  expect(first).toMatchObject({
    ok: false,
    error: 'permission-denied',
    message: expect.stringContaining('locked'),
  });
  expect(second).toMatchObject({ ok: true });
  expect(await has(0, 'y')).toBe(true);
  await must(group.secondary(0), `rm -r ${uploads}/locked`);
  expect(byId(await group.push())[0]).toMatchObject({ ok: true });
});

it('a push that is killed in the middle leaves nothing that the next one does not mend', async () => {
  await must(
    group.primary,
    `head -c 60000000 /dev/urandom > ${uploads}/big; for i in $(seq 500); do echo $i > ${uploads}/f$i; done; chown -R www-data: ${uploads}`,
  );
  group.cloud.tick();
  await group.cloud.waitFor(async () => (await group.primary.exec(`pgrep -f '${sends}'`)).code === 0, {
    what: 'rsync',
  });
  // What the SSM agent does on a timeout: SIGKILL, no trap runs. With the first some of the others end by themselves
  await must(
    group.primary,
    `for what in '-f [_]script.sh' rsync '-x ssh'; do pkill -KILL $what || true; done`,
  );
  await group.settle();
  for (const result of await group.push()) expect(result).toMatchObject({ ok: true });
  for (const secondary of group.secondaries) {
    expect(await group.differences(secondary)).toEqual([]);
    expect(await must(secondary, `find ${uploads} -name '.~tmp~' -o -name '.*.??????'`)).toBe('');
  }
  // Of what runs, as a watch, and of nothing else
  const running = `pgrep -cf '[h]ostsync/current push' || true`;
  const left = (await must(group.primary, 'ls /var/lib/hostsync/run | wc -l')).trim();
  expect(left).toBe((await must(group.primary, running)).trim());
});
