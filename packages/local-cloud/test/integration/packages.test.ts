import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Host, HostError, type HostFleet, openFleet } from '../../src/hosts/index.ts';
import { sandboxDirectory } from '../../src/sandbox/sandbox.ts';

const site = '/var/www/html';

/** A small HTTP client of every host: Python's */
const get = `import sys, urllib.request as request
with request.urlopen(sys.argv[1], timeout=2) as answer: sys.stdout.write(answer.read().decode())`;

let fleet: HostFleet;
let web: Host;
let reader: Host;
let dpkgBefore: number;

beforeAll(async () => {
  dpkgBefore = statSync('/var/lib/dpkg/status').mtimeMs;
  fleet = await openFleet();
  [web, reader] = await Promise.all([
    fleet.create({ id: 'web', packages: ['lighttpd'], services: ['lighttpd'] }),
    fleet.create({ id: 'reader' }),
  ]);
  await Promise.all([web.start(), reader.start()]);
});

afterAll(() => fleet.close());

/** What a host is served, once it is served anything. */
async function served(path: string): Promise<string> {
  const fetched = async () => (await reader.exec(['python3', '-c', get, `http://web${path}`])).stdout;
  await expect.poll(fetched, { timeout: 240_000 }).not.toBe('');
  return fetched();
}

function archives(): readonly string[] {
  return readdirSync(dirname(sandboxDirectory())).filter((name) => /^packages-\w+\.tar$/.test(name));
}

test('a server from a Debian package serves an uploaded file to another host, after a power cut too', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sample-site-'));
  try {
    writeFileSync(join(directory, 'page.txt'), 'uploaded');
    await web.copyIn(directory, site, { owner: 'www-data:www-data' });
  } finally {
    rmSync(directory, { recursive: true });
  }
  expect(await served('/page.txt')).toBe('uploaded');
  const before = (await web.exec('cat /run/lighttpd.pid')).stdout;
  await web.stop();
  expect((await reader.exec(['python3', '-c', get, 'http://web/page.txt'])).code).toBe(1);
  await web.start();
  expect(await served('/page.txt')).toBe('uploaded');
  expect((await web.exec(`stat -c %U ${site}/page.txt; pgrep -c lighttpd`)).stdout).toBe('www-data\n1\n');
  expect(before).toMatch(/^\d+$/m);
  expect((await web.exec('cat /var/log/services/lighttpd.log')).stdout).toMatch(/Starting web server/);
});

test('packages are on the hosts that were given them, with settings and state, and nowhere else', async () => {
  const files = '/usr/sbin/lighttpd /etc/lighttpd/lighttpd.conf /etc/init.d/lighttpd /var/log/lighttpd';
  expect((await web.exec(`ls -d ${files}`)).code).toBe(0);
  expect((await reader.exec('ls -d /etc/lighttpd /etc/init.d/lighttpd /var/log/lighttpd')).stdout).toBe('');
  expect(statSync('/var/lib/dpkg/status').mtimeMs).toBe(dpkgBefore);
  // A fresh server all the same, without what apt and dpkg needed of the machine
  const left = '/etc/apt /etc/dpkg /var/lib/dpkg /var/lib/apt /usr/sbin/policy-rc.d /etc/passwd-';
  expect((await web.exec(`ls -d ${left} 2>/dev/null`)).stdout).toBe('');
  for (const file of ['nsswitch.conf', 'resolv.conf', 'ssh/sshd_config', 'shells', 'pam.d/sshd']) {
    const content = await Promise.all([web, reader].map((host) => host.exec(['cat', `/etc/${file}`])));
    expect(content[0], file).toEqual(content[1]);
  }
  expect((await web.exec('cut -d: -f2 /etc/shadow | sort -u')).stdout).toMatch(/^([*!]\n)+$/);
  expect((await web.exec('ip route')).stdout).not.toContain('default');
});

test('a layer is made once for a list of packages, whatever its order', async () => {
  const before = archives().map((name) => [name, statSync(join(dirname(sandboxDirectory()), name)).ino]);
  const other = await openFleet({ packages: ['lighttpd', 'lighttpd'] });
  try {
    const host = await other.create({ id: 'second' });
    const none = await other.create({ id: 'none', packages: [] });
    await Promise.all([host.start(), none.start()]);
    expect((await host.exec('command -v lighttpd')).code).toBe(0);
    expect((await none.exec('command -v lighttpd')).code).not.toBe(0);
  } finally {
    await other.close();
  }
  expect(archives().map((name) => [name, statSync(join(dirname(sandboxDirectory()), name)).ino])).toEqual(
    before,
  );
});

test('a service can be any command; it starts at each boot, and its output is kept', async () => {
  const script = 'echo "$0 up, $1"; echo err >&2; exec sleep 4444.5';
  const words = ['bash', '-c', script, 'a "name"', 'two words'] as const;
  const host = await fleet.create({ id: 'own', services: [{ name: 'own-1', command: words }] });
  const log = async () => (await host.exec('cat /var/log/services/own-1.log')).stdout;
  await host.start();
  await expect.poll(log).toBe('a "name" up, two words\nerr\n');
  await expect.poll(() => host.exec('pgrep -fc "^sleep 4444"').then(({ stdout }) => stdout)).toBe('1\n');
  await host.reboot();
  await expect.poll(log).toBe('a "name" up, two words\nerr\n'.repeat(2));
  await expect.poll(() => host.exec('pgrep -fc "^sleep 4444"').then(({ stdout }) => stdout)).toBe('1\n');
  // Nobody starts it again; and a full disk takes its words, but not the service
  await host.exec('pkill -f "^sleep 4444"; rm /var/log/services/own-1.log');
  await host.fillDisk();
  await host.reboot();
  await expect.poll(() => host.exec('pgrep -fc "^sleep 4444"').then(({ stdout }) => stdout)).toBe('1\n');
  await host.destroy();
});

test('what cannot be had is refused, and the host is not there', async () => {
  const create = (options: object) => fleet.create({ id: 'refused', ...options });
  await expect(create({ packages: ['no-such-package-of-debian'] })).rejects.toThrow(
    /Unable to locate package no-such/,
  );
  await expect(create({ packages: ['--print-uris'] })).rejects.toThrow(/no name of a Debian package/);
  await expect(create({ services: ['lighttpd'] })).rejects.toThrow(/no package of it brings/);
  await expect(create({ services: [{ name: '../x', command: ['true'] }] })).rejects.toThrow(HostError);
  await expect(create({ services: ['a', { name: 'a', command: ['true'] }] })).rejects.toThrow(/two services/);
  expect(fleet.get('refused')).toBeUndefined();
  await (await fleet.create({ id: 'refused' })).destroy();
});
