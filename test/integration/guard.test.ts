import type { Host } from 'local-cloud/hosts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { upload, uploadRandom } from './on-host.ts';
import { type ScriptGroup, type ScriptGroupOptions, startScriptGroup } from './script-group.ts';

// A user who loses the files on the primary still has them on the secondaries: as long as no push carries the loss over.

const volume = '/srv/volume';
const other = '/srv/other';
let group: ScriptGroup;

async function start(options: ScriptGroupOptions = {}, directory = uploads): Promise<void> {
  group = await startScriptGroup({ secondaries: 2, ...options });
  await fill(directory);
  expect((await group.push()).code).toBe(0);
}
const fill = (directory: string) =>
  must(
    group.primary,
    `cd ${directory}; mkdir -p a/b; for i in $(seq 100); do echo $i > a/$i; echo $i > a/b/$i; done; chown -R www-data: .
    sleep 0.1 # what changes as a push begins leaves a doubt, and has the next one compare everything`,
  );
const put = (name: string, directory = uploads) => upload(group.primary, name, name, directory);
const entries = async (host: Host = group.secondary(), directory = uploads) =>
  Number(await must(host, `find ${directory} -mindepth 1 | wc -l`));
const has = async (name: string, directory = uploads) =>
  (await group.secondary().exec(['test', '-e', `${directory}/${name}`])).code === 0;
async function expectSame(directory = uploads): Promise<void> {
  for (const secondary of group.secondaries)
    expect(await group.differences(secondary, directory)).toEqual([]);
}

afterEach(() => group?.close());

describe('rm -rf of most', () => {
  beforeEach(async () => {
    await start();
    await must(group.primary, `rm -r ${uploads}/a`);
    await put('new');
  });

  it('deletes nothing anywhere, still sends what is new, and says how to accept it', async () => {
    const { code, held, lines, secondaries, stderr } = await group.push();
    expect(code).toBe(11);
    expect(held).toEqual([
      expect.objectContaining({
        id: expect.stringMatching(/^[0-9a-f]{16}$/u),
        count: 202,
        total: 203,
        reason: `202 of 203 entries of ${uploads}, more than max-delete-share, 20 %`,
        examples: [
          `${uploads}/a`,
          `${uploads}/a/1`,
          `${uploads}/a/10`,
          `${uploads}/a/100`,
          `${uploads}/a/11`,
        ],
      }),
    ]);
    expect(lines[0]?.kind).toBe('deletions-held');
    expect(stderr).toContain(`option accept-deletions ${held[0]?.id}`);
    for (const line of secondaries)
      expect(line).toMatchObject({ ok: false, error: 'deletions-held', deleted: 0 });
    expect(lines.at(-1)).toMatchObject({ kind: 'push', ok: false, failed: 0 });
    expect(await has('new')).toBe(true);
    expect(await entries()).toBe(204);
  });

  it('stays so at every later push, with the same id', async () => {
    const [first] = (await group.push()).held;
    await put('newer');
    const second = await group.push();
    expect(second.held[0]?.id).toBe(first?.id);
    expect(second.code).toBe(11);
    expect(await has('newer')).toBe(true);
    await group.push();
    expect((await group.push()).secondaries[0]).toMatchObject({ error: 'deletions-held' });
    expect(await entries()).toBe(205);
  });

  it('is carried out when its id is accepted: to the secondary that was away, too, and never again', async () => {
    const id = (await group.push()).held[0]?.id ?? '';
    await group.secondary(1).cutOff();
    const accepted = await group.push({ options: { 'accept-deletions': id } });
    expect(accepted.secondaries[0]).toMatchObject({ ok: true, deleted: 202 });
    await group.secondary(1).heal();
    expect((await group.push()).code).toBe(0);
    await expectSame();
    await fill(uploads);
    await group.push();
    await must(group.primary, `rm -r ${uploads}/a/b`);
    const again = await group.push({ options: { 'accept-deletions': id } });
    expect(again.held[0]?.id).not.toBe(id);
    expect(again.code).toBe(11);
  });

  it('with more that went meanwhile is another matter: the id covers what it was shown for, and that is judged by itself', async () => {
    await must(group.primary, `cd ${uploads}; mkdir c; touch c/{1..100}; chown -R www-data: c`);
    const id = (await group.push()).held[0]?.id ?? '';
    await must(group.primary, `rm -r ${uploads}/c`);
    const { code, held } = await group.push({ options: { 'accept-deletions': id } });
    expect(code).toBe(11);
    expect(held).toEqual([
      expect.objectContaining({ count: 101, examples: expect.arrayContaining([`${uploads}/c/1`]) }),
    ]);
    expect(held[0]?.id).not.toBe(id);
    expect(await has('a')).toBe(false);
    expect(await has('c/100')).toBe(true);
    await group.push({ options: { 'accept-deletions': held[0]?.id ?? '' } });
    await expectSame();
  });

  it('goes on while a site lives: files that come and go each minute do not make the id worthless', async () => {
    const id = (await group.push()).held[0]?.id ?? '';
    for (const name of ['x', 'y', 'z']) {
      await put(name);
      await group.push();
      await must(group.primary, `rm ${uploads}/${name}`);
    }
    const { code, held, lines } = await group.push({ options: { 'accept-deletions': id } });
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'deletions-accepted', id, count: 202 }));
    expect(held).toEqual([]);
    expect(code).toBe(0);
    await expectSame();
    const again = await group.push({ options: { 'accept-deletions': id } });
    expect(again.lines).toContainEqual(expect.objectContaining({ kind: 'deletions-accepted', id }));
    expect(again.code).toBe(0);
  });

  it('is nothing when the files are back, with other content of the same size and time', async () => {
    await group.push();
    await must(
      group.primary,
      `cd ${uploads}; mkdir -p a/b; for i in $(seq 100); do echo $i > a/$i; echo $i > a/b/$i; done; chown -R www-data: .
       printf 'X\\n' > a/1; touch -d '2020-01-01' a/1`,
    );
    await must(group.secondary(), `touch -d '2020-01-01' ${uploads}/a/1`);
    const { code, held } = await group.push();
    expect(held).toEqual([]);
    expect(code).toBe(0);
    await expectSame();
  });

  it('reaches no secondary whose state was lost either', async () => {
    await must(group.primary, 'rm -r /var/lib/hostsync/manifest');
    const { code, held, secondaries } = await group.push();
    expect(code).toBe(11);
    // rsync counts no directory that it would not get to delete
    for (const { count } of held) expect(count).toBeGreaterThanOrEqual(200);
    expect(held).toHaveLength(2);
    for (const line of secondaries) expect(line).toMatchObject({ mode: 'full', error: 'deletions-held' });
    expect(await has('new')).toBe(true);
    expect(await entries()).toBe(204);
    for (const { id = '' } of held) await group.push({ options: { 'accept-deletions': id } });
    expect((await group.push()).code).toBe(0);
    await expectSame();
  });

  it('does not make room on a full disk, which still gets what fits', async () => {
    await group.secondary().fillDisk();
    await uploadRandom(group.primary, 'big', 30_000_000);
    expect((await group.push()).secondaries[0]).toMatchObject({ ok: false, error: 'disk-full' });
    expect((await group.push()).secondaries[0]).toMatchObject({ ok: false, error: 'disk-full' });
    expect(await entries()).toBeGreaterThanOrEqual(203);
    expect(await has('a/b/100')).toBe(true);
    await group.secondary().freeDisk();
    const id = (await group.push()).held[0]?.id ?? '';
    await group.push({ options: { 'accept-deletions': id } });
    await group.push();
    await expectSame();
  });
});

it('a few deletions and what is below the share go through, also on a full disk', async () => {
  await start();
  await must(
    group.primary,
    `cd ${uploads}; rm a/1 a/2; head -c 30000000 /dev/urandom > big; chown www-data: big`,
  );
  await group.secondary().fillDisk();
  const { held, secondaries } = await group.push();
  expect(held).toEqual([]);
  expect(secondaries[0]).toMatchObject({ error: 'disk-full' });
  expect(await has('a/1')).toBe(false);
  await group.secondary().freeDisk();
  expect((await group.push()).code).toBe(0);
  await expectSame();
});

it('the limits can be set', async () => {
  await start();
  await must(group.primary, `rm ${uploads}/a/1`);
  const none = await group.push({ options: { 'max-delete-count': 0 } });
  expect(none.held[0]).toMatchObject({ count: 1, reason: '1 entries, more than max-delete-count, 0' });
  expect((await group.push()).code).toBe(0);
  await must(group.primary, `rm -r ${uploads}/a`);
  expect((await group.push({ options: { 'max-delete-share': 100 } })).code).toBe(0);
  await expectSame();
});

describe('a volume', () => {
  beforeEach(async () => {
    await start({ directories: [volume, other], volumes: [{ path: volume }] }, volume);
    await must(group.primary, `chown www-data: ${volume}; echo x > ${volume}/keep`);
    await fill(volume);
    await put('x', other);
    expect((await group.push()).code).toBe(0);
  });

  it('that is not mounted: nothing is deleted, in no other directory either, and what is new there arrives', async () => {
    await group.primary.unmount(volume);
    await must(group.primary, `rm ${other}/x; sed -i /volume/d /etc/fstab; echo stray > ${volume}/stray`);
    await put('new', other);
    const { code, held } = await group.push();
    expect(code).toBe(11);
    expect(held[0]).toMatchObject({ reason: expect.stringMatching(/nothing is left|another file system/u) });
    expect(await entries(group.secondary(), volume)).toBeGreaterThan(200);
    expect(await has('x', other)).toBe(true);
    expect(await has('new', other)).toBe(true);
  });

  it('in the place of which there is another one', async () => {
    await must(
      group.primary,
      `mount -t tmpfs none ${volume}; cd ${volume}; mkdir -p a/b; chown -R www-data: .; for i in $(seq 100); do echo $i > a/$i; echo $i > a/b/$i; done; chown -R www-data: .`,
    );
    const { code, held } = await group.push();
    expect(held[0]).toMatchObject({ count: 1, reason: `${volume} is on another file system than before` });
    expect(code).toBe(11);
    expect(await has('keep', volume)).toBe(true);
    // the same files, moved to a new volume on purpose, are no loss
    await upload(group.primary, 'keep', 'x', volume);
    expect((await group.push()).code).toBe(0);
    await expectSame(volume);
  });

  it('that was emptied', async () => {
    await must(group.primary, `find ${volume} -mindepth 1 -delete; rm ${other}/x`);
    await put('new', other);
    const { code, lines, held } = await group.push();
    expect(code).toBe(11);
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'directory', error: 'empty' }));
    expect(held[0]).toMatchObject({ count: 1, reason: `${volume} was there and cannot be pushed now` });
    expect(await has('a/b/1', volume)).toBe(true);
    expect(await has('new', other)).toBe(true);
  });
});

describe('what only a secondary has', () => {
  const foreign = (count: number) =>
    must(
      group.secondary(),
      `cd ${uploads}; for i in $(seq ${count}); do echo $i > foreign$i; done; chown -R www-data: .`,
    );

  it('a little goes with the verification, which says how much there was', async () => {
    await start();
    await must(group.primary, 'sleep 3.1');
    await group.push();
    await foreign(10);
    await must(group.secondary(), `rm ${uploads}/a/1; echo drift > ${uploads}/a/2`);
    expect((await group.push()).secondaries[0]).not.toHaveProperty('drift');
    const { code, secondaries, lines } = await group.push({ options: { 'verify-every': 1 } });
    expect(secondaries[0]).toMatchObject({ mode: 'verify', drift: 12, ok: true });
    expect(secondaries[1]).toMatchObject({ mode: 'verify', drift: 0, ok: true });
    expect(code).toBe(0);
    // Whoever uploaded there by mistake is to learn of it
    const extras = lines.find(({ kind }) => kind === 'extras-deleted');
    expect(extras).toMatchObject({ directory: uploads, count: 10, secondaries: 1, ids: ['s-1'] });
    expect(extras?.examples).toHaveLength(5);
    expect(extras?.examples?.[0]).toContain(`${uploads}/foreign`);
    await expectSame();
  });

  it('much of it is somebody’s work that was never meant to be lost: held, until accepted', async () => {
    await start();
    await foreign(100);
    await must(group.primary, 'sleep 1.1'); // or the period is not over
    const { code, held, secondaries } = await group.push({ options: { 'verify-every': 1 } });
    expect(code).toBe(11);
    expect(held).toEqual([expect.objectContaining({ count: 100, total: 303 })]);
    expect(secondaries[0]).toMatchObject({ error: 'deletions-held' });
    expect(secondaries[1]).toMatchObject({ ok: true });
    expect(await entries()).toBe(303);
    const accepted = { 'verify-every': 1, 'accept-deletions': held[0]?.id ?? '' };
    expect((await group.push({ options: accepted })).code).toBe(0);
    await expectSame();
  });

  it('a newcomer that was never in service brings nothing of value', async () => {
    group = await startScriptGroup({ secondaries: 2 });
    await foreign(100);
    expect((await group.push({ options: { first: 'yes' } })).code).toBe(0);
    await expectSame();
    // but one that is known is no newcomer
    await foreign(100);
    expect((await group.push({ options: { first: 'yes' } })).held).toHaveLength(1);
  });
});

it('after any doubt everything is compared: damage, another epoch, other excludes, another clock, a boot', async () => {
  await start();
  await put('x');
  const modes = async (options = {}) => (await group.push(options)).secondaries.map(({ mode }) => mode);
  const settle = async (options = {}) => {
    await group.push(options);
    await must(group.primary, 'sleep 3.1');
    await group.push(options);
    expect(await modes(options)).toEqual(['none', 'none']);
  };
  const store = '/var/lib/hostsync/manifest/web';
  await settle();
  await must(group.primary, `echo 1 > ${store}/secondary/s-1`);
  expect(await modes()).toEqual(['full', 'none']);
  await settle();
  await must(
    group.primary,
    `for f in ${store}/*; do case $f in */last) ;; *) [[ ! -f $f ]] || echo x >> $f ;; esac; done`,
  );
  await put('y');
  expect(await modes()).toEqual(['full', 'full']);
  await settle();
  await must(group.primary, `sed -i '2s/^/9/' ${store}/secondary/s-2`);
  expect(await modes()).toEqual(['none', 'full']);
  expect(await modes({ excludes: ['*.tmp'] })).toEqual(['full', 'full']);
  await settle({ excludes: ['*.tmp'] });
  await must(
    group.primary,
    `sed -i "2s/$(</proc/sys/kernel/random/boot_id)/earlier/" ${store}/secondary/s-1`,
  );
  expect(await modes({ excludes: ['*.tmp'] })).toEqual(['full', 'none']);
  await group.primary.exec(`sed -i s/1/2/ /etc/hostsync/group`);
  expect(await modes({ excludes: ['*.tmp'], epoch: 2 })).toEqual(['full', 'full']);
  await must(group.primary, `rm ${store}/last`);
  expect(await modes({ excludes: ['*.tmp'], epoch: 2 })).toEqual(['full', 'full']);
  await expectSame();
});
