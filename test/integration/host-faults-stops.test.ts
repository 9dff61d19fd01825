import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { killGroup, type ScriptGroup, startScriptGroup } from './script-group.ts';

// What whoever writes into the directory, or holds a secondary, can do to stop everybody else's files. Each title says what an
// editor would wait for in vain.

let group: ScriptGroup;

beforeEach(async () => {
  group = await startScriptGroup();
  expect((await group.push({ options: { first: 'yes' } })).code).toBe(0);
});
afterEach(() => group?.close());

const edit = (command: string) => must(group.primary, `cd ${uploads}; ${command}`);

/** Runs on the primary until it is killed; what it does may fail at any moment. */
function meanwhile(program: string): { end(): Promise<void> } {
  const child = group.primary.spawn(['python3', '-c', program]);
  const closed = once(child, 'close');
  child.stdout?.resume();
  child.stderr?.resume();
  return {
    async end() {
      // the whole group: what was started here is in the host
      killGroup(child);
      await closed;
    },
  };
}

describe('new files arrive', () => {
  it('though a file of a terabyte is in the way', async () => {
    await edit(
      'truncate -s 1T a-hole; chown www-data: a-hole; for i in {1..20}; do echo $i > small-$i; done',
    );
    const push = await group.push({ options: { 'push-timeout': 20, 'io-timeout': 10 } });
    const arrived = await must(group.secondary(), `cd ${uploads}; cat small-{1..20} | wc -l`);
    expect([push.code, arrived]).toEqual([10, '20\n']);
  });

  it('though files are pipes from one moment to the next', async () => {
    await edit('for i in {1..40}; do echo $i > swapped-$i; done; chown -R www-data: .');
    const swapping = meanwhile(`
import os
while True:
    for number in range(1, 41):
        name = b"${uploads}/swapped-%d" % number
        try:
            os.mkfifo(name + b".pipe")
            os.rename(name + b".pipe", name)
            with open(name + b".file", "wb") as file:
                file.write(os.urandom(20))
            os.rename(name + b".file", name)
        except OSError:
            pass
`);
    // None of them may hang until push-timeout, which is an hour
    for (let number = 0; number < 8; number += 1) await group.push({ options: { 'io-timeout': 5 } });
    await swapping.end();
    await edit('find . -type p -delete; rm -f swapped-*.*; echo new > new; chown -R www-data: .');
    expect((await group.push()).code).toBe(0);
    expect(await group.differences()).toEqual([]);
  });

  it('and nobody is alarmed, though a directory is a file from one moment to the next', async () => {
    await edit('for i in {1..40}; do mkdir d$i; echo x > d$i/x; done; chown -R www-data: .');
    expect((await group.push()).code).toBe(0);
    const swapping = meanwhile(`
import os, shutil
while True:
    for number in range(1, 41):
        name = b"${uploads}/d%d" % number
        try:
            with open(name + b"/x", "wb") as file:
                file.write(os.urandom(20))
            os.rename(name, name + b".was")
            with open(name, "wb") as file:
                file.write(b"file")
            os.unlink(name)
            os.rename(name + b".was", name)
        except OSError:
            pass
`);
    const said: (string | undefined)[] = [];
    for (let number = 0; number < 10; number += 1) {
      const push = await group.push({ options: { 'max-delete-share': 100, 'max-delete-count': 999_999 } });
      said.push(...push.secondaries.map(({ message }) => message));
    }
    await swapping.end();
    expect(said.filter((message) => message?.includes('(20)'))).toEqual([]);
    await edit(
      'for i in {1..40}; do [ ! -e d$i.was ] || { rm -rf d$i; mv d$i.was d$i; }; done; chown -R www-data: .',
    );
    expect((await group.push({ options: { 'max-delete-share': 100 } })).code).toBe(0);
    expect(await group.differences()).toEqual([]);
  });
});

describe('a secondary in bad hands', () => {
  it('does not fill the disk of the primary with what it says', async () => {
    const { primary } = group;
    await must(
      group.secondary(),
      `mv /usr/bin/rsync /usr/bin/rsync.was
       printf '#!/bin/sh\\nyes "$(head -c 2000 /dev/zero | tr "\\\\0" x)" >&2\\n' > /usr/bin/rsync; chmod 755 /usr/bin/rsync`,
    );
    await edit('echo new > new');
    const used = async () => Number(await must(primary, 'du -sm /var/lib/hostsync | cut -f 1'));
    let most = 0;
    let isOver = false;
    const push = group.push({ options: { 'push-timeout': 30 } }).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      most = Math.max(most, await used());
      await sleep(200);
    }
    expect(await push).toMatchObject({ code: 10, secondaries: [{ ok: false }] });
    expect(most).toBeLessThan(20);
  });

  it('keeps no log of all that is sent to it, though its sudo logs everything', async () => {
    await must(
      group.secondary(),
      `echo 'Defaults log_output, log_input' > /etc/sudoers.d/000-log; chmod 440 /etc/sudoers.d/000-log`,
    );
    await edit('head -c 3000000 /dev/urandom > big; chown www-data: big');
    expect((await group.push()).code).toBe(0);
    expect(await must(group.secondary(), "find /var/log -path '*sudo-io*' -type f | wc -l")).toBe('0\n');
  });
});
