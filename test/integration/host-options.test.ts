import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { refusedForLists } from './host-package.ts';
import { writeHook } from './on-host.ts';
import { type ScriptGroup, startScriptGroup } from './script-group.ts';

// What an operator asks for beside the push itself, on hosts that all tests share: s-1 has what is asked for, s-2 has not.

let group: ScriptGroup;
beforeAll(async () => {
  group = await startScriptGroup({ secondaries: 2 });
});
afterAll(() => group?.close());

const on = (command: string) => must(group.secondary(), command);

/** So that nothing differs, and nothing is in doubt. */
async function settle(options: Record<string, string | number> = {}): Promise<void> {
  await group.push({ options });
  await must(group.primary, 'sleep 2.1');
  await group.push({ options });
}

describe('the hook after-sync', () => {
  const options = { 'after-sync': 'yes' };
  const write = (script: string) => writeHook(group.secondary(), 'after-sync', script);
  const said = async () => (await on('cat /said; rm -f /said')).split('\n').sort();
  const note = 'id -un >> /said; tr "\\000" "\\n" >> /said';

  beforeAll(async () => {
    await write(note);
    await group.join();
    expect((await group.push()).code).toBe(0);
    await settle();
  });

  it('learns as root what came and went, once, and only where something did', async () => {
    await group.edit('mkdir -p deep/er; echo x > deep/er/new; rm keep; ln -s deep link');
    const { code, secondaries } = await group.push({ options });
    expect(code).toBe(0);
    expect(secondaries.map(({ ok, hook }) => [ok, hook])).toEqual([
      [true, 'ok'],
      [true, undefined],
    ]);
    const names = ['deep/er/new', 'keep', 'link'].map((name) => `${uploads}/${name}`);
    expect(await said()).toEqual(['', ...names, 'root']);
    await settle();
    expect((await group.push({ options })).secondaries[0]).not.toHaveProperty('hook');
    await on('test ! -e /said');
  });

  it('that fails, hangs or leaves something running is reported, and nobody’s files wait for it', async () => {
    await write('echo no cache here >&2; exit 7');
    await group.edit('echo 1 > failing');
    const failed = await group.push({ options });
    expect([failed.code, failed.secondaries.map(({ ok }) => ok)]).toEqual([0, [true, true]]);
    expect(failed.secondaries[0]).toMatchObject({
      hook: 'failed',
      hookMessage: expect.stringContaining('ended with exit code 7'),
    });
    await write('sleep 1000');
    await group.edit('echo 2 > hanging');
    const hung = await group.push({ options });
    expect(hung.secondaries[0]).toMatchObject({
      ok: true,
      hook: 'failed',
      hookMessage: expect.stringContaining('longer than 10 seconds'),
    });
    await write('setsid sleep 1000 & cat > /dev/null');
    await group.edit('echo 3 > leaving');
    expect((await group.push({ options })).secondaries[0]).toMatchObject({ ok: true, hook: 'ok' });
    await on('pkill -x sleep');
    for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  });

  it('runs after each cycle of a watch, too', async () => {
    await write(note);
    await settle();
    const end = await group.watch(options);
    for (const name of ['one', 'two']) {
      await group.edit(`echo x > ${name}`);
      await on(`until grep -qs ${uploads}/${name} /said; do sleep 0.1; done`);
    }
    await end();
    await on('rm -f /said');
  });

  it('is all that the primary’s key can start, with names of the directories and no others', async () => {
    await write(note);
    const outside = () =>
      on(
        'find /etc /root /usr/local /var/lib/hostsync -xdev -path /var/lib/hostsync/arrived -prune -o -printf "%p %s %u %m\\n" | sort',
      );
    await must(
      group.primary,
      `echo '${group.secondary().address} ${group.hostKeys.get(group.secondary())?.replace('\t', ' ')}' > /root/known
       cat > /root/attack <<'X'
ssh="ssh -F /dev/null -i /etc/hostsync/id_ed25519 -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=/root/known"
login=hostsync@${group.secondary().address}
rsync() { timeout 20 rsync --timeout=10 --rsh="$ssh" "$@"; }
X`,
    );
    const attack = async (command: string) =>
      (await group.primary.exec(`. /root/attack; cd "$(mktemp -d)"; ${command}`)).stderr;
    const fire = 'mkdir -p e; rsync -r e/ $login::after-sync/';
    // it works, as such
    await attack(`printf '${uploads}/stolen\\0' > names; rsync -I names $login::arrived/; ${fire}`);
    expect(await said()).toEqual(['', `${uploads}/stolen`, 'root']);
    const before = await outside();
    for (const names of ['/etc/passwd\\0', `${uploads}/../../etc/passwd\\0`, 'x\\0', `${uploads}/unended`]) {
      await attack(`printf '${names}' > names; rsync -I names $login::arrived/; ${fire}`);
      await on('test ! -e /said');
    }
    const refused = /configured to refuse|read only|ERROR/u;
    for (const option of refusedForLists)
      for (const module of ['arrived', 'after-sync'])
        expect(await attack(`ln -s /etc/passwd x; rsync -r ${option} ./ $login::${module}/`), option).toMatch(
          refused,
        );
    for (const module of ['arrived', 'after-sync']) {
      expect(await attack(`rsync $login::${module}/names got; rsync -r $login::${module}/ got`)).toMatch(
        refused,
      );
      await attack(
        `echo x > evil; rsync evil $login::${module}/../evil; rsync evil $login::${module}//etc/evil`,
      );
    }
    await on('test ! -e /said; ! test -e /var/lib/hostsync/evil; rm -f /var/lib/hostsync/arrived/*');
    expect(await outside()).toBe(before);
  });
});

it('files larger than max-size stay away, are named, and hold up nobody; the rest arrives', async () => {
  const options = { 'max-size': 32 };
  await group.edit('truncate -s 33M film; truncate -s 32M clip; echo x > small');
  const { code, lines, secondaries } = await group.push({ options });
  expect([code, secondaries.map(({ ok }) => ok)]).toEqual([0, [true, true]]);
  expect(lines.filter(({ kind }) => kind === 'too-large')).toEqual([
    expect.objectContaining({ directory: uploads, count: 1, examples: [`${uploads}/film`] }),
  ]);
  for (const secondary of group.secondaries)
    await must(secondary, `cd ${uploads}; test -e clip && test -e small && test ! -e film`);
  expect((await group.push()).code).toBe(0);
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
});

describe('hosts as they are', () => {
  it('what changes every ctime is read and not sent again: chown -R to the same owner, a backup with hard links', async () => {
    await group.edit('mkdir -p tree; for i in {1..50}; do head -c 20000 /dev/urandom > tree/$i; done');
    await settle();
    await must(
      group.primary,
      `chown -R www-data: ${uploads}; rm -rf /srv/backup; cp -al ${uploads} /srv/backup`,
    );
    const touched = await group.push();
    expect([touched.code, touched.secondaries.map(({ ok }) => ok)]).toEqual([0, [true, true]]);
    // More would be the files themselves: a megabyte
    for (const { bytes = 0 } of touched.secondaries) expect(bytes).toBeLessThan(100_000);
    await must(group.primary, 'rm -rf /srv/backup');
    await settle();
    for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  });

  it('a firewall that counts connections sees one for a push, and an idle push logs in nowhere', async () => {
    // Large files go over a connection of their own, and the edits here change every ctime
    await group.edit('find . -size +20M -delete; mkdir shelf; echo 1 > goes; echo 1 > changes');
    await settle();
    await must(
      group.primary,
      `printf '#!/bin/sh\\ncase " $* " in *" -M "*) echo "$*" >> /connections ;; esac\\nexec /usr/bin/ssh "$@"\\n' > /usr/local/sbin/ssh
       chmod 755 /usr/local/sbin/ssh`,
    );
    const connections = async () =>
      Number(await must(group.primary, 'touch /connections; wc -l < /connections; rm /connections'));
    await group.edit(
      'mkdir a; echo x > a/new; ln -s a way; rm goes; echo changed > changes; chmod 700 shelf',
    );
    expect((await group.push()).code).toBe(0);
    expect(await connections()).toBe(group.secondaries.length);
    await settle();
    await connections();
    expect((await group.push()).secondaries.map(({ mode }) => mode)).toEqual(['none', 'none']);
    expect(await connections()).toBe(0);
    await must(group.primary, 'rm /usr/local/sbin/ssh');
  });

  it('no program can be run from /var and /tmp, and the locale is another one', async () => {
    for (const host of [group.primary, ...group.secondaries])
      await must(
        host,
        `for d in /var /tmp; do mount --bind $d $d; mount -o remount,bind,noexec,nosuid $d; done
         printf 'LANG=de_DE.UTF-8\\nLC_ALL=de_DE.UTF-8\\n' > /etc/default/locale; cp /etc/default/locale /etc/environment`,
      );
    for (const secondary of group.secondaries) await group.join(secondary);
    await group.edit('echo x > umläut');
    const { code, secondaries } = await group.push();
    expect([code, secondaries.map(({ ok }) => ok)]).toEqual([0, [true, true]]);
    for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
    for (const host of [group.primary, ...group.secondaries]) await must(host, 'umount /var /tmp');
  });
});
