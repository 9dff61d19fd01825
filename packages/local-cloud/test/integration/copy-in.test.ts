import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, HostError, type HostFleet, openFleet } from '../../src/hosts/index.ts';

/** A name with everything that a shell or a list could stumble over */
const odd = `-a "odd"\nname é ${'x'.repeat(200)}`;

let fleet: HostFleet;
let host: Host;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sample-copy-'));
  mkdirSync(join(directory, 'below'));
  writeFileSync(join(directory, odd), 'content', { mode: 0o604 });
  writeFileSync(join(directory, 'below/file'), 'below', { mode: 0o600 });
  utimesSync(join(directory, odd), 1e9, 1_000_000_000.123);
  symlinkSync('/nowhere', join(directory, 'link'));
  fleet = await openFleet();
  host = await fleet.create({ id: 'copied-to', volumes: [{ path: '/srv/files' }] });
  await host.start();
});

afterAll(async () => {
  await fleet.close();
  rmSync(directory, { recursive: true });
});

async function stat(format: string, ...paths: readonly string[]): Promise<string> {
  const { stdout, stderr } = await host.exec(['stat', '-c', format, '--', ...paths]);
  expect(stderr).toBe('');
  return stdout.trimEnd();
}

describe('what is in a directory is copied with all metadata', () => {
  const places = [
    '/srv/files/on/a volume',
    '/var/www/html',
    '/etc/of-base-layer',
    '/usr/share/of-machine',
    '/new-at-the-root',
    '/run/until-reboot',
  ];
  test.each(places)('to %s', async (place) => {
    await host.copyIn(directory, place);
    expect(await stat('%a:%s:%.3Y', `${place}/${odd}`)).toBe('604:7:1000000000.123');
    expect((await host.exec(['readlink', `${place}/link`])).stdout).toBe('/nowhere\n');
    expect((await host.exec(['cat', `${place}/below/file`])).stdout).toBe('below');
    expect(await stat('%a', place)).toBe((statSync(directory).mode & 0o777).toString(8));
  });

  test('to the root itself', async () => {
    const mode = await stat('%a', '/');
    mkdirSync(join(directory, 'root'), { mode: 0o755 });
    writeFileSync(join(directory, 'root/at-the-root'), 'root');
    await host.copyIn(join(directory, 'root'), '/');
    expect((await host.exec('cat /at-the-root; ls /etc/passwd')).stdout).toBe('root/etc/passwd\n');
    expect(await stat('%a', '/')).toBe(mode);
  });
});

test('a file is copied to a path, over an older one too', async () => {
  await host.exec('mkdir -p /var/www; echo longer than before >/var/www/file');
  await host.copyIn(join(directory, odd), '/var/www/file');
  await host.copyIn(join(directory, odd), `/new/place/${odd}`);
  expect(await stat('%F:%a:%s:%.3Y', '/var/www/file', `/new/place/${odd}`)).toBe(
    ['regular file:604:7:1000000000.123', 'regular file:604:7:1000000000.123'].join('\n'),
  );
});

test('to an owner, who gets nothing else than what is copied', async () => {
  await host.exec('mkdir -p /home/site; touch /home/site/before');
  await host.copyIn(directory, '/home/site', { owner: 'www-data:backup' });
  await host.copyIn(join(directory, odd), '/home/one', { owner: 'www-data' });
  const owned = ['/home/site', `/home/site/${odd}`, '/home/site/below/file', '/home/site/link'];
  expect(await stat('%U:%G', ...owned)).toBe(Array(4).fill('www-data:backup').join('\n'));
  expect(await stat('%U:%G', '/home/one', '/home/site/before')).toBe('www-data:root\nroot:root');
});

test('what cannot be copied is an error that says so', async () => {
  await expect(host.copyIn(join(directory, 'none'), '/srv/none')).rejects.toThrow(/ENOENT/);
  await expect(host.copyIn('/dev/null', '/srv/none')).rejects.toThrow(HostError);
  await expect(host.copyIn(directory, 'relative')).rejects.toThrow(HostError);
  await expect(host.copyIn(directory, '/srv/none', { owner: 'nobody-here' })).rejects.toThrow(/invalid user/);
  await expect(host.copyIn(directory, '/etc/passwd')).rejects.toThrow(/File exists/);
});
