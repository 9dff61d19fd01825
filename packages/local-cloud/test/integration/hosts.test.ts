import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, HostError, type HostFleet, openFleet } from '../../src/hosts/index.ts';

const MiB = 1024 ** 2;
const project = resolve(import.meta.dirname, '../../../..');

/** What a server says first, or why there is none. */
function bannerFrom(host: Host, address: string): Promise<string> {
  const script = 'exec 3<>"/dev/tcp/$1/22" && IFS= read -r -u 3 line && printf %s "$line"';
  return host
    .exec(['timeout', '1', 'bash', '-c', script, 'banner', address])
    .then(({ code, stdout }) => (code === 0 ? stdout : `none (${code})`));
}

async function output(host: Host, command: string): Promise<string> {
  const { code, stdout, stderr } = await host.exec(command);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.trimEnd();
}

async function until(condition: () => Promise<boolean> | boolean, seconds = 120): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not true after ${seconds} s: ${condition}`);
    await sleep(10);
  }
}

/** Command lines of all processes of the sandbox that hold this text. */
async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text)) found.push(command.replaceAll('\0', ' '));
  }
  return found;
}

describe('hosts', () => {
  let fleet: HostFleet;
  let a: Host;
  let b: Host;

  beforeAll(async () => {
    fleet = await openFleet({ name: 'hosts-test' });
    [a, b] = await Promise.all([
      fleet.create({ id: 'i-0a', volumes: [{ path: '/srv/files', bytes: 64 * MiB }] }),
      fleet.create({
        id: 'i-0b',
        hostname: 'web-2.example',
        diskBytes: 256 * MiB,
        sshd: ['MaxAuthTries 2', 'MaxSessions 3'],
      }),
    ]);
    await Promise.all([a.start(), b.start()]);
  });

  afterAll(() => fleet.close());

  test('have an address and an sshd that the others and the sandbox reach, by name too', async () => {
    expect(await bannerFrom(a, b.address)).toMatch(/^SSH-2\.0-/);
    expect(await bannerFrom(b, 'i-0a')).toMatch(/^SSH-2\.0-/);
    expect(await bannerFrom(a, 'web-2.example')).toMatch(/^SSH-2\.0-/);
    const socket = connect(22, a.address);
    const [first] = await once(socket, 'data');
    socket.destroy();
    expect(String(first)).toMatch(/^SSH-2\.0-/);
    expect(await output(b, 'hostname')).toBe('web-2.example');
  });

  test('have an sshd that is set up as they were made', async () => {
    const settings = "sshd -T | grep -E '^max(authtries|sessions) ' | sort";
    expect(await output(b, settings)).toBe('maxauthtries 2\nmaxsessions 3');
    expect(await output(a, settings)).toBe('maxauthtries 6\nmaxsessions 10');
  });

  test('let nobody in without a key, and let in who has one', async () => {
    await a.exec('ssh-keygen -q -t ed25519 -N "" -f /root/key </dev/null');
    const ssh = 'ssh -i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no i-0b echo in';
    expect((await a.exec(ssh)).code).toBe(255);
    await b.writeFile('/root/.ssh/authorized_keys', await output(a, 'cat /root/key.pub'), 0o600);
    expect((await a.exec(ssh)).stdout).toBe('in\n');
  });

  test('have the tools that the scripts need', async () => {
    const tools = ['rsync', 'ssh', 'sudo', 'visudo', 'useradd', 'flock', 'findmnt', 'find', 'ssh-keygen'];
    expect(await output(a, `command -v ${tools.join(' ')} | wc -l`)).toBe(String(tools.length));
    expect(await output(a, 'sudo -n id -u')).toBe('0');
    expect(await output(a, 'useradd -r probe && id -un probe && userdel probe 2>/dev/null')).toBe('probe');
  });

  test('differ in machine id and host key', async () => {
    const identity = 'cat /etc/machine-id; cut -d" " -f2 /etc/ssh/ssh_host_ed25519_key.pub';
    const [ofA, ofB] = [(await output(a, identity)).split('\n'), (await output(b, identity)).split('\n')];
    expect(ofA[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ofA[0]).not.toBe(ofB[0]);
    expect(ofA[1]).not.toBe(ofB[1]);
  });

  test('see nothing of the machine', async () => {
    for (const path of [project, join(project, 'package.json'), process.execPath]) {
      expect((await a.exec(['test', '-e', path])).code, path).toBe(1);
    }
    expect(await output(a, 'ls -A /home /mnt /media /opt | grep -v : | grep -v "^$"; true')).toBe('');
    expect(await output(b, 'ls -A /srv; ls -A /root | grep -v "^.ssh$"; true')).toBe('');
    // No password, no account of a person, no key.
    expect(await output(a, 'cut -d: -f2 /etc/shadow | sort -u')).toBe('*');
    expect(await output(a, 'awk -F: "\\$3 >= 1000 && \\$3 < 65534" /etc/passwd')).toBe('');
    expect(await output(a, 'cat /etc/fstab')).toBe('volume0 /srv/files tmpfs defaults 0 2');
    expect(await output(a, 'ls /etc/ssh/ssh_host_*')).not.toMatch(/rsa|ecdsa/);
    // Only its own processes and mounts.
    expect(Number(await output(a, 'ls -d /proc/[0-9]* | wc -l'))).toBeLessThan(20);
    expect(await output(a, 'cat /proc/self/mountinfo')).not.toContain(project);
    expect(await output(a, 'readlink /proc/1/exe')).toMatch(/bash$/);
    expect(await output(a, 'ls -l /proc/1/fd | grep -v /dev/null')).not.toContain('/');
  });

  test('change nothing on the machine', async () => {
    await a.exec(
      'echo x >/usr/bin/of-host; echo x >/etc/of-host; echo x >/var/lib/of-host; rm -f /usr/bin/rsync',
    );
    expect((await a.exec('echo 1 >/proc/sys/vm/swappiness')).stderr).toContain('Read-only file system');
    for (const path of ['/usr/bin/of-host', '/etc/of-host', '/var/lib/of-host'])
      expect(existsSync(path)).toBe(false);
    expect((await a.exec('command -v rsync')).code).not.toBe(0);
    expect(await output(b, 'command -v rsync')).toBe('/usr/bin/rsync');
  });

  test('reach no network but their own', async () => {
    expect(await output(a, 'ip route')).toBe(
      `10.213.${a.address.split('.')[2]}.0/24 dev eth0 proto kernel scope link src ${a.address}`,
    );
    const other = await openFleet();
    try {
      const stranger = await other.create({ id: 'stranger' });
      await stranger.start();
      expect(stranger.address).not.toBe(a.address);
      expect(await bannerFrom(a, stranger.address)).toMatch(/^none/);
      expect(await bannerFrom(stranger, a.address)).toMatch(/^none/);
    } finally {
      await other.close();
    }
  });

  test('reap orphans', async () => {
    await a.exec('for i in 1 2 3 4 5; do (sleep 0.1357 & ) ; done');
    await until(async () => (await processesWith('0.1357')).length === 0);
    const zombies = "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l";
    await until(async () => (await output(a, zombies)) === '0');
  });

  test('keep disk, volumes, address and host key over a power cut', async () => {
    const before = await output(
      a,
      'echo kept >/root/kept; echo kept >/srv/files/kept; cat /etc/ssh/*.pub; ip -4 -o address show eth0 | cut -d" " -f7',
    );
    await a.exec('echo gone >/run/gone; echo gone >/tmp/gone; nohup sleep 1234.5 >/dev/null 2>&1 &');
    const { address } = a;
    await a.stop();
    expect(a.running).toBe(false);
    expect(await processesWith('1234.5')).toEqual([]);
    expect(await bannerFrom(b, address)).toMatch(/^none/);
    await expect(a.exec('true')).rejects.toThrow(HostError);
    await a.start();
    expect(a.address).toBe(address);
    expect(await output(a, 'cat /etc/ssh/*.pub; ip -4 -o address show eth0 | cut -d" " -f7')).toBe(before);
    expect(
      await output(a, 'cat /root/kept /srv/files/kept; ls -A /tmp; ls /run/gone 2>/dev/null || true'),
    ).toBe('kept\nkept');
    expect(await bannerFrom(b, address)).toMatch(/^SSH-2\.0-/);
  });

  test('notice nothing, but are not reached, while they are cut off', async () => {
    await b.cutOff();
    expect(await bannerFrom(a, b.address)).toMatch(/^none/);
    expect(await bannerFrom(b, b.address)).toMatch(/^SSH-2\.0-/);
    await b.reboot();
    expect(await bannerFrom(a, b.address)).toMatch(/^none/);
    await b.heal();
    expect(await bannerFrom(a, b.address)).toMatch(/^SSH-2\.0-/);
  });

  test('stand still while frozen, and go on', async () => {
    const work = 'while sleep 0.02; do read -r now _ </proc/uptime; echo "$now" >>/root/ticks; done';
    const child = b.spawn(['bash', '-c', work]);
    const ticks = async () => (await b.exec('cat /root/ticks')).stdout.trimEnd().split('\n').map(Number);
    await until(async () => (await ticks()).length > 2);
    await b.freeze();
    expect(b.frozen).toBe(true);
    expect(await bannerFrom(a, b.address)).toMatch(/^none/);
    expect(() => b.spawn(['true'])).toThrow(HostError);
    expect(await b.exec('true', { timeoutSeconds: 0.2 })).toMatchObject({ code: 137, timedOut: true });
    const waiting = ticks();
    await sleep(500);
    await b.thaw();
    const thawed = (await waiting).length;
    await until(async () => (await ticks()).length > thawed + 2);
    const gaps = (await ticks()).map((time, index, all) => time - (all[index - 1] ?? time));
    expect(Math.max(...gaps)).toBeGreaterThan(0.45);
    expect(await bannerFrom(a, b.address)).toMatch(/^SSH-2\.0-/);
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await once(child, 'exit');
  });

  test('can be stopped while frozen', async () => {
    const child = b.spawn(['sleep', '1000']);
    await b.freeze();
    const waiting = b.exec('true');
    await b.stop();
    expect(await waiting).toMatchObject({ code: 137 });
    expect(child.exitCode ?? child.signalCode).not.toBe(0);
    await b.start();
    expect(b.frozen).toBe(false);
    expect(await output(b, 'echo up')).toBe('up');
  });

  test('run full alone, and are freed again', async () => {
    await b.fillDisk();
    const full = await b.exec('head -c 100000 /dev/zero >/root/more');
    expect(full.code).not.toBe(0);
    expect(full.stderr).toContain('No space left on device');
    expect((await b.exec('useradd -m probe')).code).not.toBe(0);
    expect((await a.exec('head -c 10M /dev/zero >/root/more && rm /root/more')).code).toBe(0);
    await b.freeDisk();
    expect((await b.exec('head -c 10M /dev/zero >/root/more && rm /root/more')).code).toBe(0);
    // The size that was asked for is the size that is there.
    expect(
      (await b.exec('head -c 300M /dev/zero >/root/more; code=$?; rm /root/more; exit "$code"')).code,
    ).not.toBe(0);
  });

  test('have volumes that run full alone', async () => {
    await a.fillDisk('/srv/files');
    expect((await a.exec('head -c 100000 /dev/zero >/srv/files/more')).stderr).toContain(
      'No space left on device',
    );
    expect((await a.exec('head -c 100000 /dev/zero >/root/more')).code).toBe(0);
    await a.freeDisk('/srv/files');
    expect((await a.exec('head -c 100000 /dev/zero >/srv/files/more')).code).toBe(0);
  });

  test('have volumes that can be unmounted and mounted', async () => {
    await a.exec('echo data >/srv/files/data');
    const busy = a.spawn(['bash', '-c', 'cd /srv/files && echo there && sleep 1000']);
    await once(busy, 'spawn');
    await new Promise((done) => busy.stdout?.once('data', done));
    await expect(a.unmount('/srv/files')).rejects.toThrow(/in use/);
    if (busy.pid !== undefined) process.kill(-busy.pid, 'SIGKILL');
    // Its children end on their own
    const unmounts = () =>
      a.unmount('/srv/files').then(
        () => true,
        () => false,
      );
    await until(unmounts);

    expect((await a.exec('findmnt /srv/files')).code).toBe(1);
    expect(await output(a, 'ls -A /srv/files')).toBe('');
    await a.reboot();
    expect((await a.exec('findmnt /srv/files')).code).toBe(1);
    await a.mount('/srv/files');
    expect(await output(a, 'cat /srv/files/data; findmnt -no SOURCE /srv/files')).toBe('data\nvolume0');
    await expect(a.unmount('/elsewhere')).rejects.toThrow(HostError);
  });

  describe('run commands', () => {
    test('with their exit codes, output and input', async () => {
      expect(await a.exec('echo out; echo err >&2; exit 23')).toEqual({
        code: 23,
        stdout: 'out\n',
        stderr: 'err\n',
        timedOut: false,
      });
      expect((await a.exec('kill -TERM $$')).code).toBe(143);
      expect((await a.exec(['no-such-command'])).code).toBe(127);
      expect((await a.exec(['cat'], { stdin: 'a\0b\n' })).stdout).toBe('a\0b\n');
      expect((await a.exec(['cat'], { stdin: Buffer.from([0, 255, 10]) })).stdout).toBe('\0\ufffd\n');
      expect((await a.exec('cat; cat /dev/stdin; echo err >/dev/stderr')).stderr).toBe('err\n');
      expect((await a.exec(['printf', '%s|', 'a b', "c'd", '$HOME', ''])).stdout).toBe("a b|c'd|$HOME||");
    });

    test('in a clean environment', async () => {
      const { stdout } = await a.exec(['env']);
      expect(stdout).toBe('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n');
      expect((await a.exec(['env'], { env: { NAME: 'a value' } })).stdout).toContain('NAME=a value\n');
      expect(await output(a, 'pwd; id -u; umask')).toBe('/\n0\n0022');
    });

    test('and wait for the command, not for what it left behind', async () => {
      const started = Date.now();
      expect((await a.exec('sleep 1000.1 & echo done')).stdout).toBe('done\n');
      expect(Date.now() - started).toBeLessThan(100_000);
      await a.exec("pkill -f '^sleep 1000.1' || kill $(grep -l 1000.1 /proc/[0-9]*/cmdline | cut -d/ -f3)");
    });

    test('with a time limit, which kills the group and nothing else', async () => {
      const started = Date.now();
      const result = await a.exec('setsid sleep 1111.1 & sleep 1111.2 & echo begun; sleep 1111.3', {
        timeoutSeconds: 0.5,
      });
      expect(result).toMatchObject({ code: 137, stdout: 'begun\n', timedOut: true });
      expect(Date.now() - started).toBeLessThan(100_000);
      await until(async () => (await processesWith('1111.2')).length === 0);
      expect(await processesWith('1111.3')).toEqual([]);
      // As on EC2: what made itself a group of its own lives on.
      expect(await processesWith('1111.1')).toEqual(['sleep 1111.1 ']);
    });

    test('as a group that can be killed from outside', async () => {
      const child = a.spawn(['bash', '-c', 'sleep 2222.1 & echo begun; sleep 2222.2']);
      await new Promise((done) => child.stdout?.once('data', done));
      expect(await processesWith('2222.')).not.toEqual([]);
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      const [, signal] = await once(child, 'exit');
      expect(signal).toBe('SIGKILL');
      await until(async () => (await processesWith('2222.')).length === 0);
    });

    test('that end with the host', async () => {
      const running = a.exec('sleep 3333.1');
      const child = a.spawn(['sleep', '3333.2']);
      // The commands themselves: an nsenter that has not forked yet ends with a code of its own.
      const commands = async () => (await processesWith('3333.')).filter((line) => line.startsWith('sleep '));
      await until(async () => (await commands()).length === 2);
      const ended = once(child, 'exit');
      await a.stop();
      expect((await running).code).toBe(137);
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(await processesWith('3333.')).toEqual([]);
      await a.start();
    });

    test('that end with the whole host when it crashes', async () => {
      const namespace = await output(b, 'readlink /proc/self/ns/pid');
      const running = b.exec('sleep 100');
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        const ofHost = await readlink(`/proc/${pid}/ns/pid`).catch(() => '');
        const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
        if (ofHost === namespace && /^NSpid:.*\t1$/m.test(status)) process.kill(Number(pid), 'SIGKILL');
      }
      expect(await running).toMatchObject({ code: 137 });
      await until(() => !b.running);
      await b.start();
      expect(await bannerFrom(a, b.address)).toMatch(/^SSH-2\.0-/);
    });
  });

  test('are given files', async () => {
    await a.writeFile('/opt/new/place/file', 'text\n', 0o640);
    expect(await output(a, 'stat -c %a:%s:%U /opt/new/place/file; cat /opt/new/place/file')).toBe(
      '640:5:root\ntext',
    );
    await expect(a.writeFile('relative', '')).rejects.toThrow(HostError);

    expect(existsSync(join(homedir(), 'never'))).toBe(false);
  });

  test('are refused with names that cannot be one', async () => {
    for (const id of ['', '..', '.', '-a', 'a/b', 'a b', 'x'.repeat(64), 'a\n']) {
      await expect(fleet.create({ id }), id).rejects.toThrow(HostError);
    }
    await expect(fleet.create({ id: 'i-0a' })).rejects.toThrow(/already/);
    await expect(fleet.create({ id: 'new', volumes: [{ path: '/a/../b' }] })).rejects.toThrow(HostError);
    expect(fleet.hosts().map(({ id }) => id)).toEqual(['i-0a', 'i-0b']);
  });
});

test('a host that cannot boot says why, and can be started once it is mended', async () => {
  const fleet = await openFleet();
  try {
    const host = await fleet.create({ id: 'broken' });
    await host.start();
    await host.exec('echo Nonsense yes >>/etc/ssh/sshd_config');
    await host.stop();
    await expect(host.start()).rejects.toThrow(/Nonsense/);
    expect(host.running).toBe(false);
  } finally {
    await fleet.close();
  }
});
