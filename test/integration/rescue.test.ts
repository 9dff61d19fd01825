import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from 'local-cloud/hosts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must, sends, uploads } from './group.ts';
import { hostCommand } from './host-package.ts';
import { writeHook } from './on-host.ts';
import { killGroup, type ScriptGroup, startScriptGroup } from './script-group.ts';

// The primary P dies or is left, N takes over, S is the other secondary. Each title says what an editor would lose, or a
// thief would gain.

interface Line {
  readonly kind: string;
  readonly id?: string;
  readonly ok?: boolean;
  readonly error?: string;
  readonly message?: string;
  readonly files?: number;
  readonly conflicts?: number;
  readonly stranded?: number;
  readonly known?: boolean;
  readonly prepared?: boolean;
  readonly hook?: string;
  readonly hookMessage?: string;
  readonly publicKey?: string;
  readonly examples?: readonly string[];
  readonly list?: string | null;
  readonly keptIn?: string;
  readonly tooLong?: number;
  readonly new?: number;
  readonly reached?: boolean;
}
interface Run {
  readonly code: number;
  readonly lines: readonly Line[];
  readonly last: Line | undefined;
  readonly stderr: string;
}

let group: ScriptGroup;
let primary: Host;
let next: Host;
let other: Host;
let epoch: number;
let publicKey: string;

beforeEach(async () => {
  group = await startScriptGroup({ secondaries: 2 });
  primary = group.primary;
  next = group.secondary(0);
  other = group.secondary(1);
  epoch = 1;
  expect((await group.push({ options: { first: 'yes' } })).code).toBe(0);
});
afterEach(() => group?.close());

async function run(host: Host, script: string, request: string): Promise<Run> {
  const result = await host.exec(hostCommand(script), { stdin: request, timeoutSeconds: 100 });
  const lines: readonly Line[] = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { code: result.code, lines, last: lines.at(-1), stderr: result.stderr };
}

const heading = (at = epoch) => `group\tweb\nepoch\t${at}\n`;
const directory = `directory\t${uploads}\n`;

/** As the editor, who is the web server's user, in the directory. */
const edit = (host: Host, command: string) =>
  must(
    host,
    `cd ${uploads}; export LC_ALL=C.UTF-8; setpriv --reuid 33 --regid 33 --clear-groups bash -euc ${quote(command)}`,
  );
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const names = (host: Host) => must(host, `cd ${uploads}; find . -mindepth 1 | sort`);

/** What changed within two seconds of a scan is sent once more: afterwards it is known that nothing is unreplicated. */
async function pushAgain(): Promise<void> {
  await must(primary, 'sleep 2.5');
  expect((await group.push()).code).toBe(0);
}

/** A host becomes the primary of the next epoch. */
async function promote(host: Host): Promise<Run> {
  epoch += 1;
  const result = await run(host, 'promote', heading());
  expect(result.code).toBe(0);
  publicKey = (result.last?.publicKey ?? '').split(' ').slice(0, 2).join('\t');
  return result;
}

async function join(host: Host, readable = false): Promise<void> {
  const request = `${heading()}${directory}public-key\t${publicKey}\n${readable ? 'option\treadable\tyes\n' : ''}`;
  const result = await run(host, 'join', request);
  expect(result.stderr + JSON.stringify(result.last)).toContain('"hostKey"');
  const { hostKey } = JSON.parse(JSON.stringify(result.last));
  keys.set(host, String(hostKey).replace(' ', '\t'));
}
const keys = new Map<Host, string>();

const leave = (host: Host, peer: Host, more = '') =>
  run(host, 'leave', `${heading()}${directory}option\tpeer\t${peer.id}\n${more}`);

const rescueRequest = (sources: readonly Host[], more = '') =>
  `${heading()}${directory}${sources
    .map((host) => `secondary\t${host.id}\t${host.address}\t22\t${keys.get(host)}\n`)
    .join('')}option\tio-timeout\t10\noption\tconnect-timeout\t3\n${more}`;
const lists = 'option\tlists\tyes\n';
const rescue = (from: Host, more = lists, onto = next) => run(onto, 'rescue', rescueRequest([from], more));

/** N takes over, P is left and joined, ready to be rescued from. */
async function failOver(): Promise<Run> {
  await promote(next);
  const left = await leave(primary, next);
  await join(primary, true);
  return left;
}

const rescued = (files: number, conflicts: number) => expect.objectContaining({ ok: true, files, conflicts });

describe('what only the former primary holds', () => {
  it('comes to the new one: new, changed, renamed, linked, oddly named; and nothing here is overwritten', async () => {
    await edit(
      primary,
      `echo 1 > stays; echo 1 > changed; echo 1 > both; echo 1 > old-name; mkdir d; echo 1 > d/deep; echo 1 > theirs; echo same > same; touch -d 2020-01-01 same`,
    );
    expect((await group.push()).code).toBe(0);
    await edit(
      primary,
      `echo P > new; echo PP > changed; echo PP > both; mv old-name new-name; mkdir -p e/f; echo P > e/f/g; chmod 640 new; touch -d '2021-02-03 04:05:06.789' new
       echo h > h1; ln h1 h2; ln -s stays link; ln -s /etc/passwd absolute; ln -s nowhere dangling; ln -s . self
       echo n > $'line\\nbreak'; echo h > '\\#012'; echo t > $'tab\\t\\xff'; echo d > -dash; mkdir ' '; echo b > ' / x'; echo s > 'star*'; echo u > Bücher
       long=$(printf 'n%.0s' $(seq 255)); echo long > "$long"; : > empty; truncate -s 3M hole; touch -d 1969-12-31T12:00Z before
       cp /bin/true suid; chmod 4755 suid; echo again > again; mkfifo pipe`,
    );
    await edit(next, `echo NNN > both; echo N > own; rm same; echo same > same`);
    const before = await must(
      next,
      `cd ${uploads}; stat -c '%n %i %Y %s' both own stays changed theirs same`,
    );
    const left = await failOver();
    expect(left).toMatchObject({ code: 0, last: { prepared: false, known: true } });
    expect(left.last?.examples).toHaveLength(5);
    const first = await rescue(primary);
    expect(first.stderr).not.toContain('not found');
    expect(first.lines).toEqual([rescued(22, 2)]);
    expect(first.code).toBe(0);
    expect(await must(next, `cd ${uploads}; stat -c '%n %i %Y %s' both own stays changed theirs same`)).toBe(
      before,
    );
    expect(
      await must(next, `cd ${uploads}; stat -c '%a %U %y' new; cat new e/f/g new-name 'Bücher' ' / x'`),
    ).toBe('640 www-data 2021-02-03 04:05:06.789000000 +0000\nP\nP\n1\nu\nb\n');
    expect(
      await must(
        next,
        `cd ${uploads}; [ h1 -ef h2 ]; readlink link absolute dangling self; stat -c %a suid; stat -c %Y before`,
      ),
    ).toBe('stays\n/etc/passwd\nnowhere\n.\n755\n-43200\n');
    // another version is no part of what the web server serves, and root's alone
    const [line] = first.lines;
    expect(await must(next, `cd ${line?.keptIn}${uploads}; cat both changed; stat -c '%n %U %a' both`)).toBe(
      'PP\nPP\nboth root 600\n',
    );
    await must(next, `! setpriv --reuid 33 --regid 33 --clear-groups ls ${line?.keptIn}`);
    // what was renamed there is still here under its old name: nothing is deleted
    expect(await names(next)).toContain('./old-name\n');
    expect(await names(next)).not.toContain('.~tmp~');
    expect(line?.examples?.slice(0, 2)).toEqual(
      ['both', 'changed'].map((name) => `${line?.keptIn}${uploads}/${name}`),
    );
    expect(await must(next, `tr -cd '\\0' < ${line?.list} | wc -c`)).toBe('24\n');
    const there = await names(next);
    expect((await rescue(primary)).lines).toEqual([
      expect.objectContaining({ ok: true, files: 0, conflicts: 0, list: null }),
    ]);
    expect(await names(next)).toBe(there);
  });

  it('is kept aside with all that is below it, where a file or link stands in the place of a directory, or the reverse', async () => {
    await edit(primary, 'mkdir was-dir; echo 1 > was-dir/a; echo 1 > was-file; ln -s keep was-link');
    expect((await group.push()).code).toBe(0);
    await edit(
      primary,
      `rm -r was-dir was-file was-link; echo P > was-dir; mkdir -p was-file/in; echo P > was-file/in/x; mkdir was-link; echo P > was-link/y`,
    );
    await edit(next, 'rm was-link; ln -s /srv was-link');
    await failOver();
    const result = await rescue(primary);
    expect(result.lines).toEqual([rescued(0, 3)]);
    expect(
      await must(
        next,
        `cd ${uploads}; cat was-dir/a was-file; readlink was-link; cd ${result.last?.keptIn}${uploads}; cat was-dir was-file/in/x was-link/y`,
      ),
    ).toBe('1\n1\n/srv\nP\nP\nP\n');
    const there = await names(next);
    expect((await rescue(primary)).lines).toEqual([rescued(0, 0)]);
    expect(await names(next)).toBe(there);
  });

  it('is not what the group had received: what the new primary deleted or renamed meanwhile does not come back', async () => {
    await edit(
      primary,
      `mkdir -p d/e; for f in {1..10} d/x d/e/y; do echo $f > "$f"; done; echo n > $'line\\nbreak'; echo d > -dash; echo s > 'a b'; echo u > Bücher; ln -s 1 link`,
    );
    await pushAgain();
    await promote(next);
    await edit(next, `rm -r 1 2 3 d/e $'line\\nbreak' -- -dash link; mv 'a b' c; echo new > Bücher`);
    const kept = await names(next);
    await edit(primary, 'echo late > late');
    const left = await leave(primary, next);
    expect(left.last).toMatchObject({ stranded: 1, known: true, examples: [`${uploads}/late`] });
    await join(primary, true);
    expect((await rescue(primary)).lines).toEqual([rescued(1, 0)]);
    expect((await names(next)).replace('./late\n', '')).toBe(kept);
    expect(await must(next, `cat ${uploads}/Bücher`)).toBe('new\n');
  });

  it('10,000 files of it, though both sides are killed again and again', async () => {
    await pushAgain();
    await edit(primary, `for d in {1..50}; do mkdir m$d; (cd m$d; seq 200 | split -l 1 -a 3 - f); done`);
    await promote(next);
    const request = `${heading()}${directory}option\tpeer\t${next.id}\n`;
    for (const delay of [30, 100, 300]) await kill(primary, 'leave', request, delay);
    const left = await leave(primary, next);
    expect(left.last).toMatchObject({ stranded: 10_000, known: true });
    await join(primary, true);
    for (const delay of [200, 600, 1200, 2000, 3000]) {
      await kill(next, 'rescue', rescueRequest([primary], lists), delay);
      // what is there is whole
      expect(await must(next, `cd ${uploads}; find . -path ./.~tmp~ -prune -o -type f -empty -print`)).toBe(
        '',
      );
    }
    const result = await rescue(primary);
    expect(result.lines).toEqual([expect.objectContaining({ ok: true, conflicts: 0 })]);
    const files = `cd ${uploads}; find . -type f -printf '%p %s %m %U:%G %T@\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum`;
    expect(await must(next, files)).toBe(await must(primary, files));
    expect((await rescue(primary)).lines).toEqual([rescued(0, 0)]);
  });

  it('is not what is excluded, nor what could not be read because its volume is not there', async () => {
    await pushAgain();
    await edit(primary, 'mkdir cache; echo x > cache/x; echo x > y.tmp; echo x > z');
    await promote(next);
    const left = await leave(primary, next, 'exclude\t/cache/\nexclude\t*.tmp\n');
    expect(left.last).toMatchObject({ stranded: 1, examples: [`${uploads}/z`] });
    await must(primary, `mv ${uploads} /srv/away`);
    const missing = await leave(primary, next);
    expect(missing.code).toBe(11);
    expect(missing.lines[0]).toMatchObject({ kind: 'directory', error: 'missing' });
    expect(missing.last).toMatchObject({ stranded: 0 });
    await must(primary, `install -d -o www-data -g www-data ${uploads}`);
    await join(primary, true);
    const nothing = await rescue(primary);
    expect(nothing.code).toBe(10);
    expect(nothing.lines).toEqual([expect.objectContaining({ ok: false, error: 'not-prepared' })]);
    await must(primary, `rm -r ${uploads}; mv /srv/away ${uploads}`);
    await leave(primary, next, 'exclude\t/cache/\nexclude\t*.tmp\n');
    await join(primary, true);
    expect((await rescue(primary, `${lists}exclude\t/cache/\nexclude\t*.tmp\n`)).lines).toEqual([
      rescued(1, 0),
    ]);
  });

  it('comes to a directory of root’s as root’s', async () => {
    await must(primary, `cd ${uploads}; echo P > new; mkdir d; echo P > d/x; chmod 4755 new`);
    await must(next, `chown root:root ${uploads}`);
    await failOver();
    expect((await rescue(primary)).lines).toEqual([rescued(2, 0)]);
    expect(await must(next, `cd ${uploads}; stat -c '%n %U %a' new d/x; ls -A`)).toBe(
      'new root 4755\nd/x root 644\nd\nkeep\nnew\n',
    );
  });

  it('is listed anew when another failover comes in between', async () => {
    await edit(primary, 'echo P > only-p');
    await failOver();
    expect((await rescue(primary)).lines).toEqual([rescued(1, 0)]);
    // N pushes to S, and is lost in its turn
    await edit(next, 'echo N > only-n');
    await promote(other);
    expect((await rescue(primary, lists, other)).lines).toEqual([expect.objectContaining({ ok: false })]);
    for (const host of [primary, next]) {
      const left = await leave(host, other);
      expect(left).toMatchObject({ code: 0, last: { epoch } });
      await join(host, true);
    }
    const both = await run(other, 'rescue', rescueRequest([primary, next], lists));
    expect(both.lines).toEqual([
      expect.objectContaining({ ok: true }),
      expect.objectContaining({ ok: true }),
    ]);
    expect(await must(other, `cd ${uploads}; cat only-p only-n`)).toBe('P\nN\n');
    const old = await run(primary, 'leave', `${heading(2)}${directory}option\tpeer\t${next.id}\n`);
    expect(old.code).toBe(14);
  });

  it('is all compared, when it is not known what the new primary had', async () => {
    await edit(primary, 'echo P > new');
    await promote(next);
    await must(primary, 'rm -r /var/lib/hostsync/manifest/web/secondary');
    const left = await leave(primary, next);
    expect(left.last).toMatchObject({ known: false, stranded: 2 });
    await join(primary, true);
    expect((await rescue(primary)).lines).toEqual([rescued(1, 0)]);
  });
});

describe('what a secondary got and the new primary did not', () => {
  it('is brought before the first push deletes it; what is older there is not', async () => {
    await edit(primary, 'echo 1 > a; touch -d 2020-01-01 a; echo 1 > b; touch -d 2020-01-01 b');
    expect((await group.push()).code).toBe(0);
    await edit(primary, 'echo last > last; echo newer > a; ln -s a link; mkdir deep; echo x > deep/x');
    expect((await group.push({ to: [other] })).code).toBe(0);
    await edit(next, 'echo newest-of-all > b');
    await promote(next);
    await join(other, true);
    const gathered = await rescue(other, '');
    expect(gathered.lines).toEqual([rescued(3, 1)]);
    const kept = `${gathered.last?.keptIn}${uploads}`;
    expect(kept).toMatch(/^\/var\/lib\/hostsync\/rescued\/\d{8}T\d{6}Z-s-2\//u);
    expect(await must(next, `cat ${kept}/a; cd ${uploads}; cat last a b deep/x; ls`)).toBe(
      'newer\nlast\n1\nnewest-of-all\nx\na\nb\ndeep\nkeep\nlast\nlink\n',
    );
    expect((await rescue(other, '')).lines).toEqual([rescued(0, 0)]);
    await join(other);
    const shut = await rescue(other, '');
    expect(shut.lines).toEqual([expect.objectContaining({ ok: false, error: 'not-prepared' })]);
  });

  it('does not replace what an editor saves here in the same moment', async () => {
    await edit(primary, `for i in {1..3000}; do echo P > f$i; done`);
    expect((await group.push({ to: [other] })).code).toBe(0);
    await promote(next);
    await join(other, true);
    const [gathered] = await Promise.all([
      rescue(other, ''),
      edit(
        next,
        `for i in {3000..1}; do if (set -C; echo editor > f$i) 2>/dev/null; then echo $i; fi; done > /tmp/saved || true`,
      ),
    ]);
    expect(gathered.lines).toEqual([expect.objectContaining({ ok: true })]);
    const lost = `cd ${uploads}; while read -r i; do grep -q editor f$i || echo lost $i; done < /tmp/saved`;
    expect(await must(next, `[[ -s /tmp/saved ]]; ${lost}`)).toBe('');
    expect(await must(next, `cd ${uploads}; grep -L -e P -e editor f*[0-9] || true`)).toBe('');
  });
});

/** Starts a script and kills its process group, as the SSM agent does. */
async function kill(host: Host, script: string, request: string, afterMilliseconds: number): Promise<void> {
  const child = host.spawn(hostCommand(script), { stdin: request });
  child.stdout?.resume();
  child.stderr?.resume();
  const ended = once(child, 'close');
  await sleep(afterMilliseconds);
  killGroup(child);
  await ended;
}

describe('a source that is in bad hands', () => {
  it.each([
    [
      'a link that leads out here and not there, and a file below it',
      `mkdir -p srv/next-door; echo evil > srv/next-door/file; ln -s /srv/next-door evil`,
    ],
    ['a device and a pipe', `mknod evil b 1 0; mkfifo pipe; echo x > x`],
  ])('writes nothing outside the directory: %s', async (_what, command) => {
    await must(next, 'install -d -o www-data /srv/next-door');
    await failOver();
    await must(
      primary,
      `cd ${uploads}; ${command}; { find . -mindepth 1 -printf '%P\\0'; printf 'evil/file\\0'; } > /var/lib/hostsync/stranded/$(printf %s ${uploads} | sha256sum | cut -c -16).list`,
    );
    await rescue(primary);
    expect(
      await must(next, `ls -A /srv/next-door; find ${uploads} /var/lib/hostsync/rescued -type b -o -type p`),
    ).toBe('');
  });

  it('writes nothing outside, with another rsync’s lists, names with .. and a directory that becomes a link', async () => {
    await must(
      next,
      'install -d -o www-data /srv/next-door; echo x > /srv/next-door/file; chown www-data /srv/next-door/file',
    );
    await edit(primary, 'mkdir evil; echo evil > evil/file; echo evil > evil/new');
    await failOver();
    const list = `/var/lib/hostsync/stranded/$(printf %s ${uploads} | sha256sum | cut -c -16).list`;
    await must(
      primary,
      `printf '%s\\0' ../next-door/evil /etc/evil evil/../../next-door/evil evil/file evil/new .~tmp~/evil . .. '' evil// > ${list}
       # a module that is another directory, with one that the daemon lets out of it
       mkdir -p /srv/fake/evil /srv/next-door; echo evil > /srv/fake/evil/file; echo evil > /srv/next-door/evil; chown -R www-data: /srv/fake
       sed -i 's|^path = ${uploads}$|path = /srv/fake|; s|^use chroot.*|use chroot = no|' /etc/hostsync/rsyncd.conf`,
    );
    // the editor's directory is a link here, to what is not in the directory
    await edit(next, 'ln -s /srv/next-door evil');
    const before = await must(next, 'cd /srv/next-door; stat -c "%n %i %Y %s" . *');
    const result = await rescue(primary);
    expect(result.lines).toHaveLength(1);
    expect(await must(next, 'cd /srv/next-door; stat -c "%n %i %Y %s" . *')).toBe(before);
    expect(await must(next, `cat ${result.last?.keptIn}${uploads}/evil/file; readlink ${uploads}/evil`)).toBe(
      'evil\n/srv/next-door\n',
    );
  });
});

describe('the former primary', () => {
  it('is not left, if the operator’s hook says no', async () => {
    const hook = (script: string, mode?: string) => writeHook(primary, 'before-demotion', script, mode);
    const prepare = () => leave(primary, next, 'option\tprepare\tyes\n');
    expect(await prepare()).toMatchObject({ code: 0, last: { prepared: true, hook: 'none' } });
    await hook('echo $HOSTSYNC_GROUP $HOSTSYNC_EPOCH > /tmp/told; echo noise');
    expect(await prepare()).toMatchObject({ code: 0, lines: [{ prepared: true, hook: 'ok' }] });
    expect(await must(primary, 'cat /tmp/told')).toBe('web 1\n');
    await hook('exit 3');
    expect(await prepare()).toMatchObject({ code: 13, last: { kind: 'error', error: 'hook-failed' } });
    await hook('echo hacked > /tmp/hacked', '777');
    expect(await prepare()).toMatchObject({ code: 13, last: { error: 'hook-failed' } });
    await must(primary, '[[ ! -e /tmp/hacked ]]; rm /etc/hostsync/hooks/before-demotion');
    expect((await group.push()).code).toBe(0);
    expect(await run(next, 'leave', `${heading()}${directory}option\tprepare\tyes\n`)).toMatchObject({
      code: 13,
      last: { error: 'not-ready' },
    });
  });

  it('has its running push ended, its key taken, and never pushes again', async () => {
    await edit(primary, 'head -c 300000000 /dev/urandom > big');
    const pushing = group.start({ options: { bandwidth: 1000 } });
    const ended = new Promise((done) => pushing.on('close', done));
    await must(primary, `until pgrep -f '${sends}'; do sleep 0.1; done`);
    // somebody looks around in our files meanwhile
    const looking = primary.spawn([
      'bash',
      '-c',
      'exec 3</var/lib/hostsync/run/push.*; exec 4</var/lib/hostsync/lock/web/s-1; sleep 50',
    ]);
    await promote(next);
    expect((await leave(primary, next)).code).toBe(0);
    await ended;
    await must(primary, 'while pgrep -x "rsync|ssh"; do sleep 0.1; done');
    expect(await must(primary, 'ls /etc/hostsync; pgrep -fcx "sleep 50"')).toMatch(/^group\n.*1\n$/su);
    expect(looking.exitCode).toBeNull();
    killGroup(looking);
    expect((await group.push()).code).toBe(14);
    expect((await group.push({ epoch: 2 })).code).toBe(13);
    expect((await run(primary, 'promote', heading(1))).code).toBe(14);
  });

  it('that wakes up after all this can write nowhere', async () => {
    await edit(primary, 'head -c 200000000 /dev/urandom > big');
    const pushing = group.start({ options: { bandwidth: 1000 } });
    pushing.on('error', () => undefined);
    await must(primary, `until pgrep -f '${sends}'; do sleep 0.1; done; sleep 1`);
    await primary.freeze();
    await promote(next);
    await join(other);
    await must(next, 'while pgrep -f "^/usr/bin/rsync --server --daemon"; do sleep 0.1; done');
    const trees = async () => [await names(next), await names(other)];
    const before = await trees();
    await primary.thaw();
    await sleep(3000);
    const again = await group.push();
    expect(again.code).toBe(10);
    expect(again.secondaries.map(({ error }) => error)).not.toContain(undefined);
    expect(await trees()).toEqual(before);
  });
});

describe('the new primary', () => {
  it('runs the operator’s hook once for each epoch, again if it was killed, and tells of its failure', async () => {
    const hook = (script: string) => writeHook(next, 'after-promotion', script);
    await hook('echo $HOSTSYNC_GROUP $HOSTSYNC_EPOCH >> /tmp/told; echo noise; sleep 100 & disown');
    expect((await promote(next)).lines).toEqual([expect.objectContaining({ kind: 'promote', hook: 'ok' })]);
    // what the hook left running holds nothing up
    expect((await run(next, 'promote', heading())).last).toMatchObject({ hook: 'none' });
    expect(await must(next, 'cat /tmp/told')).toBe('web 2\n');
    await hook('echo $HOSTSYNC_EPOCH >> /tmp/told; sleep 5');
    await kill(next, 'promote', heading(3), 2000);
    epoch = 3;
    await hook('echo again $HOSTSYNC_EPOCH >> /tmp/told; exit 7');
    expect((await run(next, 'promote', heading())).last).toMatchObject({
      hook: 'failed',
      hookMessage: expect.stringContaining('exit code 7'),
    });
    expect(await must(next, 'cat /tmp/told')).toBe('web 2\n3\nagain 3\n');
    expect((await run(next, 'promote', heading(2))).code).toBe(14);
  });

  it('is looked for from a secondary before the group gives it up', async () => {
    const probe = () => run(other, 'probe', `${heading()}secondary\t${primary.id}\t${primary.address}\t22\n`);
    expect(await probe()).toMatchObject({ code: 0, last: { kind: 'probe', id: 'primary', reached: true } });
    await primary.freeze();
    expect(await probe()).toMatchObject({ code: 0, last: { reached: false } });
    await primary.thaw();
    await primary.stop();
    expect(await probe()).toMatchObject({ code: 0, last: { reached: false } });
  });
});
