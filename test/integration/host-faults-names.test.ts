import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { type ScriptGroup, startScriptGroup } from './script-group.ts';

// Modes, owners and names that ordinary mistakes make. Each title says what would stay behind for ever.

let group: ScriptGroup;

beforeEach(async () => {
  group = await startScriptGroup();
  await edit('mkdir -p d/e; echo x > d/x; echo y > d/e/y; chown -R www-data: .');
  expect((await group.push({ options: { first: 'yes' } })).code).toBe(0);
});
afterEach(() => group?.close());

const edit = (command: string) => must(group.primary, `cd ${uploads}; ${command}`);
const asWebServer = (command: string) =>
  must(group.secondary(), `cd ${uploads}; setpriv --reuid 33 --regid 33 --clear-groups ${command}`);

/** The directories of a path that is longer than any program can name at once. */
const deep = `python3 -c 'import os
for number in range(20):
    os.mkdir(b"%02d" % number + b"n" * 253)
    os.chdir(b"%02d" % number + b"n" * 253)
    with open("file", "w") as file:
        file.write("x")'`;

describe('a path that is too long for rsync', () => {
  it('is named, and everything else arrives, at this push and the next', async () => {
    await edit(`${deep}; echo new > new; chown -R www-data: . || true`);
    const first = await group.push();
    expect(await asWebServer('cat new')).toBe('new\n');
    expect(first.lines).toContainEqual(
      expect.objectContaining({
        kind: 'directory',
        error: 'too-long',
        message: expect.stringContaining('nnnn'),
      }),
    );
    await edit('echo newer > newer; chown www-data: newer');
    const second = await group.push();
    expect(await asWebServer('cat newer')).toBe('newer\n');
    expect(second.secondaries[0]?.mode).toBe('changes');
  });

  it('1,500 directories deep does not fill the disk with what is remembered', async () => {
    await edit(`python3 -c 'import os
for number in range(1500):
    os.mkdir(b"n" * 255)
    os.chdir(b"n" * 255)'; echo new > new; chown www-data: new`);
    await group.push();
    await group.push();
    expect(await asWebServer('cat new')).toBe('new\n');
    expect(Number(await must(group.primary, 'du -sm /var/lib/hostsync | cut -f 1'))).toBeLessThan(20);
  });
});

describe('modes that shut out the owner', () => {
  it('of all directories keep no push out once they are mended, and the web server of a secondary reads on', async () => {
    await edit('chmod -R 644 .');
    await group.push();
    expect(await asWebServer('cat d/e/y')).toBe('y\n');
    await edit('chmod -R u+rwX,go+rX .; echo new > d/new; chown www-data: d/new');
    expect((await group.push()).code).toBe(0);
    expect(await group.differences()).toEqual([]);
    expect(await asWebServer('cat d/new')).toBe('new\n');
  });

  it('of a directory do not keep it from being deleted', async () => {
    await edit('chmod 444 d');
    await group.push();
    await edit('rm -rf d');
    const options = { 'max-delete-share': 100 };
    await group.push({ options });
    expect((await group.push({ options })).code).toBe(0);
    expect(await group.differences()).toEqual([]);
  });
});

describe('numbers of groups', () => {
  it('that are another group’s on a secondary are not taken over', async () => {
    await must(group.secondary(), 'groupadd --gid 1500 payroll; usermod -aG payroll www-data');
    await must(group.primary, 'groupadd --gid 1500 editors; usermod -aG editors www-data');
    await edit('echo g > g; chown www-data:1500 g; chmod 660 g');
    expect((await group.push()).code).toBe(0);
    expect(await must(group.secondary(), `stat -c %U:%G ${uploads}/g`)).toBe('www-data:www-data\n');
  });
});

describe('a name that reads like an error', () => {
  it('is no error', async () => {
    await edit(
      `mkdir 'a: No space left on device (28)'; echo x > 'a: No space left on device (28)/x'; chown -R www-data: .`,
    );
    expect((await group.push()).code).toBe(0);
    await edit(
      `rm -r 'a: No space left on device (28)'; ln -s d 'a: No space left on device (28)'; chown -h www-data: a*`,
    );
    const push = await group.push();
    expect(push.secondaries.map(({ error }) => error)).not.toContain('disk-full');
    expect((await group.push()).code).toBe(0);
    expect(await group.differences()).toEqual([]);
  });

  it('lost+found of a link at the top does not come, and so cannot stay', async () => {
    await edit('ln -s d lost+found; chown -h www-data: lost+found');
    await must(group.primary, 'rm -rf /var/lib/hostsync/manifest');
    expect((await group.push()).code).toBe(0);
    expect(await must(group.secondary(), `ls ${uploads}`)).toBe('d\nkeep\n');
  });

  it('.~tmp~ of a file keeps nothing else out', async () => {
    await edit('echo x > .~tmp~; echo x > d/.~tmp~; echo new > new; chown -R www-data: .');
    expect((await group.push()).code).toBe(0);
    expect(await asWebServer('cat new')).toBe('new\n');
  });
});
