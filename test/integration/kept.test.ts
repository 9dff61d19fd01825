import type { Host } from 'local-cloud/hosts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import { type ScriptGroup, startScriptGroup } from './script-group.ts';

// keep-deleted: what a push deletes or replaces can be found on the secondary s-1. s-2 was not joined with it.

const trash = '/var/lib/hostsync/kept';
const options = { 'keep-deleted': 30 };

let group: ScriptGroup;
let keeper: Host;
beforeAll(async () => {
  group = await startScriptGroup({ secondaries: 2 });
  keeper = group.secondary();
});
afterAll(() => group?.close());

const push = (more: Record<string, string | number> = {}) => group.push({ options: { ...options, ...more } });

/** What is kept: names below a run, and contents. */
const kept = async () => {
  const said = await must(
    keeper,
    `cd ${trash} 2>/dev/null || exit 0; find . -type f -printf '%P\n' | sort | while IFS= read -r f; do printf '%s=%s\n' "\${f#*/*/}" "$(head -c 20 "$f")"; done`,
  );
  return said.split('\n').filter((line) => line !== '');
};

beforeEach(async () => {
  await group.join(keeper, options);
  await group.edit(
    'find . -mindepth 1 -delete; mkdir -p deep/er; echo old > deep/er/gone; echo old > changed; echo x > keep',
  );
  // Without the option nothing is kept: that is the state before
  await group.push({ options: { 'max-delete-share': 100, 'verify-every': 1 } });
  await must(group.primary, 'sleep 2.1');
  await group.push();
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  await must(keeper, `rm -rf ${trash}`);
});

it('keeps what is deleted, what is replaced, and nothing of what is new or the same; without the option nothing', async () => {
  await group.edit('rm -r deep; echo newer > changed; echo x > new');
  const { code, secondaries } = await push();
  expect([code, secondaries.map(({ ok }) => ok)]).toEqual([0, [true, true]]);
  expect(secondaries.map(({ notKept }) => notKept)).toEqual([
    undefined,
    'it was not joined with this option',
  ]);
  expect(await kept()).toEqual(['changed=old', 'deep/er/gone=old']);
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  await must(group.secondary(1), `test ! -e ${trash}`);
  await group.edit('rm new');
  const again = await group.push();
  expect([again.code, (await kept()).includes('new=x')]).toEqual([0, false]);
});

it('keeps a directory that becomes a file, with what only the secondary had in it', async () => {
  await must(keeper, `cd ${uploads}/deep; echo upload > upload; chown www-data: upload`);
  await group.edit('rm -r deep; echo file > deep');
  const { code, secondaries } = await push();
  expect([code, secondaries[0]?.notKept]).toEqual([0, undefined]);
  const names = await kept();
  expect(names).toContain('deep/er/gone=old');
  expect(names).toContain('deep/upload=upload');
  expect(await group.differences(keeper)).toEqual([]);
});

it('keeps an upload that went to the secondary, which a comparison of everything deletes', async () => {
  await must(keeper, `cd ${uploads}; mkdir up; echo upload > up/load; chown -R www-data: up`);
  const { code, lines } = await push({ 'verify-every': 1 });
  expect([code, lines.some(({ kind }) => kind === 'extras-deleted')]).toEqual([0, true]);
  expect(await kept()).toContain('up/load=upload');
  await must(keeper, `test ! -e ${uploads}/up`);
});

it('keeps what a watch deletes, cycle by cycle', async () => {
  const end = await group.watch(options);
  await must(group.primary, `rm ${uploads}/changed`);
  await must(keeper, `until [ ! -e ${uploads}/changed ]; do sleep 0.1; done`);
  expect(await kept()).toEqual(['changed=old']);
  await end();
});

it('is brought back by hand as docs/guides/bring-back.md says, as the site’s user and over nothing that is there', async () => {
  await group.edit('rm -r deep; echo newer > changed');
  expect((await push()).secondaries[0]?.notKept).toBeUndefined();
  const run = `${trash}/$(printf %s ${uploads} | sha256sum | cut -c 1-16)`;
  const archive = await must(
    keeper,
    `cd ${run} && cd "$(ls)" && find . -type f -print0 | tar -c --null -T - | base64 -w 0`,
  );
  await must(
    group.primary,
    `echo ${archive} | base64 -d | setpriv --reuid www-data --regid www-data --clear-groups tar -C ${uploads} -x --skip-old-files`,
  );
  expect(
    await must(
      group.primary,
      `cd ${uploads}; cat changed deep/er/gone; stat -c '%U %a' deep/er/gone deep/er`,
    ),
  ).toBe('newer\nold\nwww-data 644\nwww-data 755\n');
  expect((await group.push()).code).toBe(0);
  expect(await group.differences(keeper)).toEqual([]);
});

describe('a rescue with the option kept', () => {
  const time = async () => (await must(keeper, `ls ${trash}/*`)).trim();
  const bring = async (lines: string): Promise<Record<string, unknown>> => {
    const stdin = group.request({ to: [keeper], options: {} }) + lines;
    const { stdout, stderr } = await group.primary.exec(hostCommand('rescue'), { stdin });
    const line = stdout.split('\n').find((each) => each.includes('"kind":"rescue"'));
    if (line === undefined) throw new Error(stdout + stderr);
    return JSON.parse(line);
  };

  it('brings back what was asked for, as it was, over nothing that is there; and nothing once the host is joined again', async () => {
    await group.edit(
      'chmod 750 .; chmod 600 deep/er/gone; touch -d 2001-02-03 deep/er/gone; echo old > other',
    );
    await group.push();
    await group.edit('rm -r deep other; echo newer > changed');
    expect((await push()).secondaries[0]?.notKept).toBeUndefined();
    const kept = `option\tkept\t${await time()}\n`;
    expect(await bring(kept)).toMatchObject({ ok: false, error: 'not-prepared' });
    await group.join(keeper, { ...options, readable: 'yes' });
    expect(await bring(kept)).toMatchObject({ ok: false, error: 'not-prepared' });
    await group.join(keeper, { ...options, readable: 'kept' });
    expect(await bring(`${kept}only\t${uploads}/deep\n`)).toMatchObject({ ok: true, files: 1, conflicts: 0 });
    expect(
      await must(
        group.primary,
        `cd ${uploads}; cat deep/er/gone; stat -c '%U %a %y' deep/er/gone; stat -c '%U %a' deep deep/er; ls`,
      ),
    ).toMatch(/^old\nwww-data 600 2001-02-03 .*\nwww-data 750\nwww-data 750\nchanged\ndeep\nkeep\n$/u);
    const all = await bring(kept);
    expect(all).toMatchObject({ ok: true, files: 1, conflicts: 1 });
    expect(await must(group.primary, `cat ${uploads}/changed ${all['keptIn']}${uploads}/changed`)).toBe(
      'newer\nold\n',
    );
    expect(await bring('option\tkept\t20010101T000000Z\n')).toMatchObject({ ok: false, files: 0 });
    await group.join(keeper, options);
    expect(await bring(kept)).toMatchObject({ ok: false, error: 'not-prepared' });
    expect((await group.push()).code).toBe(0);
    expect(await group.differences(keeper)).toEqual([]);
    await group.edit('chmod 755 .');
  });

  it('shows nothing but that while it may: not the directory, and writes nothing there', async () => {
    await group.edit('rm changed');
    await push();
    await group.join(keeper, { ...options, readable: 'kept' });
    const module = (await must(keeper, `ls ${trash}`)).trim();
    const daemon = `ssh -i /etc/hostsync/id_ed25519 -o StrictHostKeyChecking=no hostsync@${keeper.address}`;
    const rsync = (words: string) => group.primary.exec(`cd /tmp; rsync --rsh '${daemon}' ${words}`);
    const host = `${keeper.address}::${module}`;
    expect((await rsync(`-r ${host}-read/ got`)).code).not.toBe(0);
    expect((await rsync(`-r ${host}/ got`)).code).not.toBe(0);
    expect((await rsync(`/etc/hostname ${host}-kept/`)).code).not.toBe(0);
    expect((await rsync(`-r --delete /var/empty/ ${host}-kept/`)).code).not.toBe(0);
    expect((await rsync(`-r ${host}-kept/ got`)).code).toBe(0);
    expect(await must(group.primary, 'cat /tmp/got/*/changed; rm -r /tmp/got')).toBe('old\n');
    await group.join(keeper, options);
    expect((await rsync(`-r ${host}-kept/ got`)).code).not.toBe(0);
  });
});

it('holds the limit: the oldest goes, and what is larger than all of it is said, with the push well', async () => {
  await group.join(keeper, { 'keep-deleted': 30, 'keep-max': 1 });
  await group.edit(
    'for i in 1 2; do head -c 600000 /dev/zero | tr "\\0" b > big$i; done; head -c 2000000 /dev/zero | tr "\\0" b > huge',
  );
  await group.push();
  const run = async (name: string) => {
    await group.edit(`rm ${name}`);
    return await push();
  };
  for (const name of ['big1', 'big2']) expect((await run(name)).secondaries[0]?.notKept).toBeUndefined();
  const names = (await kept()).map((line) => line.split('=')[0]);
  expect(names).toEqual(['big2']);
  const huge = await run('huge');
  expect([huge.code, huge.secondaries[0]?.ok]).toEqual([0, true]);
  expect(huge.secondaries[0]?.notKept).toMatch(/^1 not kept: it is more than may be kept/u);
  expect(await group.differences(keeper)).toEqual([]);
});

it('holds the days', async () => {
  await group.edit('rm changed');
  await push();
  await must(keeper, `cd ${trash}/*; mv * 20200101T000000Z`);
  expect(await kept()).toContain('changed=old');
  await group.edit('rm deep/er/gone');
  await push();
  const names = await kept();
  expect(names).toContain('deep/er/gone=old');
  expect(names).not.toContain('changed=old');
});

describe('a site user on the secondary', () => {
  it('has root keep nothing but files of his own, whatever he puts in the way', async () => {
    await group.edit('mkdir folder; for n in link pipe hard socket folder/shadow own; do echo x > $n; done');
    await group.push();
    await must(
      keeper,
      `echo TOP-SECRET > /root/secret; chmod 600 /root/secret; cd ${uploads}
       rm link pipe hard folder/shadow; rmdir folder
       ln -s /root/secret link; ln -s /etc folder; ln /root/secret hard; setpriv --reuid www-data --regid www-data --clear-groups mkfifo pipe
       chown -h www-data: link folder; echo mine > own; chown www-data: own`,
    );
    await group.edit('rm -r link pipe hard folder own');
    const { code, secondaries } = await push();
    expect(code).toBe(0);
    expect(secondaries[0]?.notKept).toMatch(/^1 not kept: it is not the directory's owner's/u);
    expect(await kept()).toEqual(['own=mine']);
    await must(keeper, `! grep -rq 'TOP-SECRET|root:' ${trash}`);
  });

  it('can read nothing of it', async () => {
    await group.edit('rm changed');
    await push();
    const file = (await must(keeper, `find ${trash} -name changed`)).trim();
    expect(file).not.toBe('');
    for (const user of ['www-data', 'hostsync'])
      for (const command of [`cat ${file}`, `ls ${trash}`, `touch ${trash}/x`])
        expect(
          (await keeper.exec(`setpriv --reuid ${user} --regid ${user} --clear-groups ${command}`)).code,
        ).not.toBe(0);
  });
});

it('joined with other limits has these, without the option keeps no more and loses nothing; uninstall removes all', async () => {
  await group.edit('rm changed');
  await push();
  await group.join(keeper, { 'keep-deleted': 7, 'keep-max': 500 });
  await must(keeper, 'grep -q "current keep 7 500$" /etc/hostsync/rsyncd.conf');
  await group.join(keeper);
  await must(keeper, '! grep -q "keep" /etc/hostsync/rsyncd.conf');
  await group.edit('rm deep/er/gone');
  const { code, secondaries } = await push();
  expect([code, secondaries[0]?.notKept]).toEqual([0, 'it was not joined with this option']);
  const names = await kept();
  expect([names.includes('changed=old'), names.includes('deep/er/gone=old')]).toEqual([true, false]);
  await must(keeper, hostCommand('uninstall').slice(0, -1).join(' '));
  await must(keeper, `test ! -e ${trash}; test ! -e /var/lib/hostsync/to-keep; test -e ${uploads}/keep`);
});
