import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Host, type HostFleet, openFleet } from '../../src/hosts/index.ts';

let fleet: HostFleet;
let one: Host;
let other: Host;
let both: Host;
let old: Host;

beforeAll(async () => {
  fleet = await openFleet();
  [one, other, both, old] = await Promise.all([
    fleet.create({ id: 'one', addressing: 'ipv6' }),
    fleet.create({ id: 'other', addressing: 'ipv6' }),
    fleet.create({ id: 'both', addressing: 'dual-stack' }),
    fleet.create({ id: 'old' }),
  ]);
  await Promise.all([one, other, both, old].map((host) => host.start()));
  await Promise.all(
    [one, both].map((host) => host.exec('ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519')),
  );
  const keys = await Promise.all([one, both].map((host) => host.exec('cat /root/.ssh/id_ed25519.pub')));
  await other.writeFile('/root/.ssh/authorized_keys', keys.map(({ stdout }) => stdout).join(''), 0o600);
  await one.exec('mkdir -p /srv/files && echo content >/srv/files/file');
});

afterAll(() => fleet.close());

/** What SSH says first at an address or name, or nothing. */
async function banner(host: Host, address: string): Promise<string> {
  const script = `exec 3<>"/dev/tcp/$1/22" && IFS= read -r -u 3 line && printf %s "\${line%%-*}"`;
  return (await host.exec(['timeout', '1', 'bash', '-c', script, 'banner', address])).stdout;
}

test('hosts have the addresses that were asked for', async () => {
  expect(one).toMatchObject({ ipv4: undefined, ipv6: expect.stringMatching(/^fd00:/) });
  expect(one.address).toBe(one.ipv6);
  expect(both).toMatchObject({ address: both.ipv4, ipv6: expect.stringMatching(/^fd00:/) });
  expect(old).toMatchObject({ address: old.ipv4, ipv6: undefined });
  const shown = async (host: Host) =>
    (await host.exec('ip -o address show dev eth0 scope global | tr -s " " | cut -d" " -f4')).stdout;
  expect(await shown(one)).toBe(`${one.ipv6}/64\n`);
  expect(await shown(both)).toBe(`${both.ipv4}/24\n${both.ipv6}/64\n`);
  expect(await shown(old)).toBe(`${old.ipv4}/24\n`);
});

test('sshd and rsync reach hosts over IPv6, by address and by name', async () => {
  const ssh = 'ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new';
  expect(await one.exec(`${ssh} ${other.ipv6} hostname`)).toMatchObject({ code: 0, stdout: 'other\n' });
  expect(await one.exec(`${ssh} other 'echo "\${SSH_CONNECTION%% *}"'`)).toMatchObject({
    stdout: `${one.ipv6}\n`,
  });
  const push = `rsync -a -e '${ssh}' /srv/files/ '[${other.ipv6}]:/srv/files/'`;
  expect(await one.exec(push)).toMatchObject({ code: 0, stderr: '' });
  expect((await other.exec('cat /srv/files/file')).stdout).toBe('content\n');
  expect(await both.exec(`${ssh} other hostname`)).toMatchObject({ code: 0, stdout: 'other\n' });
});

test('what has no version in common does not reach each other, nor anything outside', async () => {
  expect(await banner(both, 'one')).toBe('SSH');
  expect(await banner(both, 'old')).toBe('SSH');
  expect(await banner(old, 'one')).toBe('');
  expect(await banner(one, 'old')).toBe('');
  expect((await one.exec('ip -6 route show default; ip -4 route')).stdout).toBe('');
});

test('a power cut and a pulled cable are as with IPv4', async () => {
  await other.stop();
  expect(await banner(one, 'other')).toBe('');
  await other.start();
  expect(await banner(one, 'other')).toBe('SSH');
  await other.cutOff();
  expect(await banner(one, 'other')).toBe('');
  await other.heal();
  expect(await banner(one, 'other')).toBe('SSH');
});
