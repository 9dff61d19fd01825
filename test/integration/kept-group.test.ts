import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { actingOperator, hostsync } from './operator.ts';

// keep-deleted as an operator asks for it: by the tag of the primary.

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 1 });
  await must(group.primary, `cd ${uploads}; echo old > gone; echo x > keep; chown www-data: gone keep`);
  expect((await group.tick()).map(({ ok }) => ok)).toEqual([true]);
});
afterAll(() => group?.close());

async function setOptions(value: string): Promise<void> {
  group.primary.setTags({ 'hostsync:options': value });
  await group.forgetReconciled();
  await group.tick();
}

const limits = () =>
  must(group.secondary(0), 'sed -n "s/.*current keep //p" /etc/hostsync/rsyncd.conf; true');

it('hostsync:options has secondaries join again with other limits, and what is deleted then is kept', async () => {
  expect(await limits()).toBe('');
  await setOptions('nice=5 keep-deleted=30');
  expect(await limits()).toBe('30 1000\n');
  await setOptions('nice=5 keep-deleted=7 keep-max=500');
  expect(await limits()).toBe('7 500\n');
  await must(group.primary, `rm ${uploads}/gone`);
  expect((await group.tick()).map(({ ok }) => ok)).toEqual([true]);
  const kept = '/var/lib/hostsync/kept';
  expect(await must(group.secondary(0), `find ${kept} -type f -printf '%f '; cat ${kept}/*/*/gone`)).toBe(
    'gone old\n',
  );
  await setOptions('nice=5');
  expect(await limits()).toBe('');
  expect(await group.differences()).toEqual([]);
});

it('hostsync restore --kept shows what is kept, and copies it back: by time, by path, over nothing', async () => {
  await setOptions('keep-deleted=7');
  await must(
    group.primary,
    `cd ${uploads}; mkdir -p a/b; echo 1 > a/b/one; echo 2 > a/two; chown -R www-data: a`,
  );
  await group.tick();
  await must(group.primary, `cd ${uploads}; rm -r a; echo y > keep; chown www-data: keep`);
  expect((await group.tick()).map(({ ok }) => ok)).toEqual([true]);
  const operator = actingOperator(group.cloud);
  const restore = (...words: string[]) => hostsync(operator, 'restore', 'web', ...words);
  const listed: { time: string; files: number }[] = JSON.parse(
    (await restore('--kept', '-o', 'json')).stdout,
  );
  expect(listed.map(({ files }) => files)).toEqual([3, 1]);
  const [{ time } = { time: '' }] = listed;
  const shown = await restore('--kept', '--path', `${uploads}/a`);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(new RegExp(`${time} .* 2 .*/a/two, .*/a/b/one`, 'u'));
  expect(shown.stderr).toContain(`hostsync restore web --kept ${time} --path ${uploads}/a`);
  for (const [words, said] of [
    [['--kept', '--path', '/srv/elsewhere/x'], 'is in no directory of web'],
    [['--kept', '20010101T000000Z', '--yes'], 'keeps anything of 20010101T000000Z'],
    [['--kept', '--held', '0123456789abcdef'], 'cannot be used with'],
  ] as const) {
    const { code, stderr } = await restore(...words);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(said)]);
  }
  expect((await restore('--kept', time, '--dry-run')).stdout).toContain('is overwritten');
  await must(group.primary, `test ! -e ${uploads}/a`);
  const one = await restore('--kept', time, '--path', `${uploads}/a/b/one`, '--yes');
  expect([one.code, one.stderr]).toEqual([0, expect.stringContaining('1 files are back')]);
  const all = await restore('--kept', time, '--yes');
  expect([all.code, all.stderr]).toEqual([0, expect.stringContaining('1 files are back')]);
  expect(all.stderr).toContain('1 differ from what is there');
  for (const host of [group.primary, group.secondary(0)])
    expect(await must(host, `cd ${uploads}; cat a/b/one a/two keep; stat -c %U a a/b/one`)).toBe(
      '1\n2\ny\nwww-data\nwww-data\n',
    );
  await must(group.secondary(0), 'test ! -e /var/lib/hostsync/readable');
  expect(await group.differences()).toEqual([]);
});
