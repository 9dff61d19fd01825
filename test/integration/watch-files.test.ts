import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { linesOf, startWatchGroup, until, type WatchGroup } from './watch-group.ts';

const other = '/srv/other';
const volume = `${uploads}/volume`;
let watch: WatchGroup;

/** What a watch alone must bring: a walk comes with the first one, and then in an hour. */
const withoutWalk = { 'walk-every': 3600, 'max-delete-share': 100 };

async function begin(name: string, options = {}) {
  const one = watch.next({ ...withoutWalk, ...options });
  await watch.put(name);
  await watch.arrives(name);
  return one;
}

/** How many walks it made, the first one included. */
async function walksOf(one: { ended: Promise<Parameters<typeof linesOf>[0]> }): Promise<unknown> {
  await watch.end();
  return linesOf(await one.ended, 'watch')[0]?.['walks'];
}

beforeAll(async () => {
  watch = await startWatchGroup({ directories: [uploads, other], volumes: [{ path: volume }] });
  // A volume is the primary's own; elsewhere it is a directory
  await must(watch.group.primary, `chown www-data: ${volume}`);
});
afterAll(() => watch?.close());
beforeEach(() => watch.clear());

describe('what a watch brings by itself', () => {
  it('what editors do: a file replaced by a rename, written again in place, moved in from elsewhere', async () => {
    const one = await begin('editors');
    await watch.put('page', 'old');
    await watch.arrives('page', 'old');
    await watch.run('printf new > .page.swp; chown www-data: .page.swp; mv .page.swp page');
    await watch.arrives('page', 'new');
    await watch.run('printf newer > page');
    await watch.arrives('page', 'newer');
    await must(
      watch.group.primary,
      `mkdir -p /root/in/deep; echo x > /root/in/deep/x; chown -R www-data: /root/in; mv /root/in ${uploads}/in`,
    );
    await must(
      watch.group.primary,
      `echo moved > ${uploads}/to-other; chown www-data: ${uploads}/to-other; mv ${uploads}/to-other ${other}/`,
    );
    await watch.same();
    expect(await walksOf(one)).toBe(1);
  });

  it('a directory that is swapped for another one, as a deployment does, and back', async () => {
    await begin('swaps');
    await watch.run(
      'mkdir v1 v2; echo 1 > v1/index; echo 2 > v2/index; echo only > v1/only; chown -R www-data: v1 v2; ln -s v1 live; chown -h www-data: live',
    );
    await watch.same();
    await watch.run('mv v1 old; mv v2 v1; mv old v2');
    await watch.same();
    await watch.run('ln -s v2 next; chown -h www-data: next; mv -T next live');
    await watch.same();
    await watch.run('mv v1 old; mv v2 v1; mv old v2; rm -r v2');
    await watch.same();
  });

  it('the directory itself, swapped for another one, is never mixed with it: the watch ends, and the next one sends the other', async () => {
    const one = await begin('swapped');
    const shell = (script: string) => must(watch.group.primary, `cd /srv; ${script}`);
    const swap = 'mv -T other kept; mv -T next other; mv -T kept next';
    // One command ended early a moment ago: one more may
    await shell('cut -d " " -f 1 /proc/uptime > /var/lib/hostsync/manifest/web/watch/early');
    await shell('cp -a other next; rm next/keep; echo x > next/second; chown www-data: next/second');
    await shell(swap);
    expect(linesOf(await one.ended, 'watch')[0]?.['ended']).toBe('directory moved');
    const two = watch.next(withoutWalk);
    await watch.same();
    await shell(`${swap}; echo x > other/third; chown www-data: other/third`);
    expect(linesOf(await two.ended, 'watch')[0]?.['ended']).toBe('directory moved again');
    watch.next(withoutWalk);
    await watch.same();
    await shell('rm -r next');
  });

  it('deep trees made at once, and many files', async () => {
    await begin('deep');
    await watch.run(
      'mkdir -p t/{1..9}/{1..9}/{1..3}; for d in t/*/*/*; do echo $d > $d/f; done; chown -R www-data: t',
    );
    await watch.same();
    await watch.run('rm -r t/[1-4]; mv t/5 t/6/5');
    await watch.same();
  });

  it('hard links, which stay hard links', async () => {
    await begin('linked');
    await watch.run(
      'echo one > one; chown www-data: one; ln one two; mkdir -p l; chown www-data: l; ln one l/three',
    );
    await watch.same();
    await watch.run('echo more >> two; rm one');
    await watch.same();
  });

  it('a file that grows slowly, whole once it is closed, or as it is once it was held for long enough', async () => {
    await begin('grows', { hold: 3 });
    const grow = (name: string, until: string) =>
      watch.group.primary.spawn([
        'sh',
        '-c',
        `exec 3> ${uploads}/${name}; chown www-data: ${uploads}/${name}; echo begin >&3; until [ -e /root/${until} ]; do echo more >&3; sleep 0.2; done; echo end >&3`,
      ]);
    grow('upload', 'closes');
    await until(
      async () => (await watch.group.primary.exec(`test -s ${uploads}/upload`)).code === 0,
      'it has begun',
    );
    // Longer than hold: a part of it comes. Nobody may wait for ever for what a hung process has open
    const host = watch.group.secondary();
    await until(async () => (await host.exec(`test -s ${uploads}/upload`)).code === 0, 'a part of it');
    await must(watch.group.primary, 'touch /root/closes');
    await until(async () => (await host.exec(`tail -n 1 ${uploads}/upload`)).stdout === 'end\n', 'all of it');
    await watch.same();
  });

  it('what happens on a file system that is mounted inside the directory', async () => {
    await begin('volumes');
    await watch.run('mkdir volume/in; echo 1 > volume/in/1; chown -R www-data: volume/in');
    await watch.same();
    await watch.run('echo 2 > volume/in/1; mv volume/in volume/out');
    await watch.same();
  });

  it('what happens under another path to the same files, a bind mount', async () => {
    await begin('bound');
    await must(watch.group.primary, `mkdir -p /mnt/bound; mount --bind ${other} /mnt/bound`);
    watch.next(withoutWalk);
    await must(
      watch.group.primary,
      'echo x > /mnt/bound/by-another-way; chown www-data: /mnt/bound/by-another-way',
    );
    await watch.same();
    await must(watch.group.primary, 'umount /mnt/bound');
  });

  it('no deletion where nothing is left, as if a volume were not mounted; the next one says that the directory is empty', async () => {
    const one = watch.next(withoutWalk);
    await must(watch.group.primary, `echo x > ${other}/last; chown www-data: ${other}/last`);
    await watch.same();
    await must(watch.group.primary, `mkdir /root/taken; mv ${other}/* /root/taken`);
    await watch.put('meanwhile');
    await watch.arrives('meanwhile');
    const two = watch.next(withoutWalk);
    const ended = await one.ended;
    expect(linesOf(ended, 'deletions-held')).toMatchObject([{ reason: `nothing is left in ${other}` }]);
    await watch.put('afterwards');
    await watch.arrives('afterwards');
    for (const host of watch.group.secondaries) expect(await must(host, `ls ${other}`)).toContain('last');
    await must(watch.group.primary, `mv /root/taken/* ${other}; rmdir /root/taken`);
    watch.next(withoutWalk);
    expect(linesOf(await two.ended, 'directory')).toMatchObject([{ directory: other, error: 'empty' }]);
    await watch.same();
  });

  it('no deletion of what was on a file system that is not mounted any more', async () => {
    const inner = `${uploads}/inner`;
    await watch.run('mkdir inner; mount -t tmpfs none inner; echo x > inner/kept; chown -R www-data: inner');
    const one = await begin('mounted');
    await watch.same();
    // In use by the watch: without -l the operator would pause first
    await must(watch.group.primary, `! umount ${inner} 2>/dev/null; umount -l ${inner}`);
    expect(linesOf(await one.ended, 'watch')[0]?.['ended']).toBe('mounts changed');
    const two = watch.next(withoutWalk);
    await watch.put('beside');
    await watch.arrives('beside');
    for (const host of watch.group.secondaries) expect(await must(host, `ls ${inner}`)).toBe('kept\n');
    watch.next(withoutWalk);
    expect(linesOf(await two.ended, 'deletions-held')).toMatchObject([
      { reason: `the file system that was mounted at ${inner} is not there any more` },
    ]);
    await watch.run('echo x > inner/kept; chown -R www-data: inner');
    await watch.same();
  });

  it('and nothing of what is excluded', async () => {
    watch.next(withoutWalk, { excludes: ['cache/', '*.tmp'] });
    await watch.run('mkdir cache; echo x > cache/x; echo x > part.tmp; chown -R www-data: cache part.tmp');
    await watch.put('sent');
    await watch.arrives('sent');
    await watch.run('echo y > cache/x; mv part.tmp part; chown www-data: part');
    await watch.arrives('part', 'x\n');
    expect(await watch.isNowhere('cache')).toBe(true);
    await watch.run('rm -r cache');
  });
});
