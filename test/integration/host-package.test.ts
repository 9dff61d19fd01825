import { type Host, type HostFleet, openFleet } from 'local-cloud/hosts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, uploads } from './group.ts';
import { hostCommand, installPackage } from './host-package.ts';
import { makeUploads, writeHook } from './on-host.ts';

let fleet: HostFleet;
let primary: Host;
let secondary: Host;

type Answer = Readonly<Record<string, unknown>>;

/** What a command answers at last, and its exit code. */
async function run(host: Host, command: string, request: string): Promise<Answer> {
  const { code, stdout, stderr } = await host.exec(hostCommand(command), { stdin: request });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`${host.id}: ${command}: ${stdout}${stderr}`);
  return { ...JSON.parse(line), code };
}

const heading = (epoch: number, holder = 'primary') => `group\tweb\nepoch\t${epoch}\nholder\t${holder}\n`;
const promote = (epoch: number, host = primary) => run(host, 'promote', heading(epoch, host.id));
const joinWith = (epoch: number, key: unknown, holder = 'primary') =>
  run(
    secondary,
    'join',
    `${heading(epoch, holder)}directory\t${uploads}\npublic-key\t${String(key).split(' ').join('\t')}\n`,
  );

/** All that is on a host's disk, but for what changes by itself. */
const everything = (host: Host) =>
  must(
    host,
    `find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path '${uploads}' -o -name '*-' -path '/etc/*' \\) -prune -o -type f -printf '%p %m %u %s\\n' -o -printf '%p %y %m %u\\n' | sort; cat /etc/passwd /etc/shadow /etc/group | sort`,
  );

beforeAll(async () => {
  fleet = await openFleet();
  [primary, secondary] = (await Promise.all(['primary', 's-1'].map((id) => fleet.create({ id })))) as [
    Host,
    Host,
  ];
  for (const host of [primary, secondary]) {
    await host.start();
    await makeUploads(host);
  }
});
afterAll(() => fleet?.close());

describe('a host that was joined and promoted, and is left', () => {
  it('has nothing of ours any more', async () => {
    const before = await everything(secondary);
    for (const host of [primary, secondary]) await installPackage(host);
    const { publicKey } = await promote(1);
    expect(await joinWith(1, publicKey)).toMatchObject({ code: 0, kind: 'join', changed: true });
    expect(await joinWith(1, publicKey)).toMatchObject({ code: 0, changed: false });
    const { code, stdout, stderr } = await secondary.exec([...hostCommand('uninstall').slice(0, -1)], {});
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '{"v":1,"kind":"uninstall","kept":[]}\n' });
    expect(await everything(secondary)).toBe(before);
    await installPackage(secondary);
  });
});

describe('keys', () => {
  it('are new at every epoch, and the same when promote runs again', async () => {
    const first = await promote(1);
    expect((await promote(1))['publicKey']).toBe(first['publicKey']);
    const second = await promote(2);
    expect(second['publicKey']).not.toBe(first['publicKey']);
    expect(second).toMatchObject({ code: 0, changed: true });
  });

  it('of a primary are removed from a secondary, which its image gave them', async () => {
    await must(primary, 'cat /etc/hostsync/id_ed25519');
    await secondary.writeFile('/etc/hostsync/id_ed25519', 'not yours', 0o600);
    const { publicKey } = await promote(2);
    expect(await joinWith(2, publicKey)).toMatchObject({ code: 0 });
    await must(secondary, '[ ! -e /etc/hostsync/id_ed25519 ]');
  });

  it('of another kind are made and taken where Ed25519 is forbidden', async () => {
    await must(
      primary,
      `printf '#!/bin/sh\\ncase "$*" in *ed25519*-N*) echo "ED25519 keys are not allowed in FIPS mode" >&2; exit 1 ;; esac\\nexec /usr/bin/ssh-keygen "$@"\\n' > /usr/sbin/ssh-keygen; chmod 755 /usr/sbin/ssh-keygen`,
    );
    const { publicKey } = await promote(3);
    await must(primary, 'rm /usr/sbin/ssh-keygen');
    await must(
      secondary,
      `ssh-keygen -A; sed -i '1i HostKey /etc/ssh/ssh_host_ecdsa_key\\nHostKey /etc/ssh/ssh_host_ed25519_key' /etc/ssh/sshd_config`,
    );
    expect(publicKey).toMatch(/^ecdsa-sha2-nistp256 /u);
    const joined = await joinWith(3, publicKey);
    expect(joined).toMatchObject({ code: 0, hostKey: expect.stringMatching(/^ecdsa-sha2-nistp256 /u) });
  });
});

describe('an epoch has one primary', () => {
  it('and so another one is refused by a secondary and a primary', async () => {
    const { publicKey } = await promote(4);
    expect(await joinWith(4, publicKey)).toMatchObject({ code: 0 });
    const refused = { code: 14, error: 'older-epoch', message: expect.stringContaining('ask with epoch 5') };
    expect(await joinWith(4, publicKey, 'other')).toMatchObject(refused);
    expect(await run(primary, 'promote', heading(4, 'other'))).toMatchObject(refused);
    expect(await joinWith(3, publicKey)).toMatchObject({
      code: 14,
      message: expect.stringContaining('epoch 4'),
    });
  });
});

describe('a login that sshd keeps out', () => {
  let publicKey: unknown;
  beforeAll(async () => {
    publicKey = (await promote(5))['publicKey'];
  });

  it.each([
    ['AllowUsers admin', 'AllowUsers does not name hostsync'],
    ['DenyUsers host*', 'DenyUsers "host*" keeps the user hostsync out'],
    ['AllowGroups admins', 'AllowGroups names no group of hostsync'],
    ['DenyGroups hostsync', 'DenyGroups "hostsync" keeps'],
    ['AuthenticationMethods publickey,password', 'AuthenticationMethods'],
    ['PubkeyAuthentication no', 'PubkeyAuthentication is no'],
    ['PubkeyAcceptedAlgorithms ssh-rsa', 'PubkeyAcceptedAlgorithms has no ssh-ed25519'],
    ['AuthorizedKeysFile /etc/ssh/keys/%u', 'sshd does not read'],
    ['ForceCommand internal-sftp', 'ForceCommand runs another command'],
    ['ChrootDirectory /srv', 'ChrootDirectory has no sudo'],
    ['MaxSessions 0', 'MaxSessions 0'],
  ])('is not joined: %s', async (setting, message) => {
    await must(secondary, `cp /etc/ssh/sshd_config /root/kept; sed -i '1i ${setting}' /etc/ssh/sshd_config`);
    try {
      expect(await joinWith(5, publicKey)).toMatchObject({
        code: 13,
        error: 'not-ready',
        message: expect.stringContaining(message),
      });
    } finally {
      await must(secondary, 'mv /root/kept /etc/ssh/sshd_config');
    }
  });

  it('is not joined while /etc/nologin is there', async () => {
    await must(secondary, 'touch /etc/nologin');
    expect(await joinWith(5, publicKey)).toMatchObject({
      code: 13,
      message: expect.stringContaining('/etc/nologin'),
    });
    await must(secondary, 'rm /etc/nologin');
    expect(await joinWith(5, publicKey)).toMatchObject({ code: 0 });
  });
});

describe('rsync reaches the module', () => {
  const list = () =>
    must(
      primary,
      `echo x > ${uploads}/keep; echo "s-1 $(cat /root/host-key)" > /root/known
       printf 'User hostsync\\nHostKeyAlias s-1\\nIdentityFile /etc/hostsync/id_ed25519\\nUserKnownHostsFile /root/known\\nBatchMode yes\\n' > /root/config
       module=$(printf %s ${uploads} | sha256sum | cut -c 1-16)
       rsync -a --no-D --delay-updates --timeout=20 -e 'ssh -F /root/config' ${uploads}/ ${secondary.address}::$module/`,
    );

  beforeAll(async () => {
    const { publicKey } = await promote(6);
    const { hostKey } = await joinWith(6, publicKey);
    await primary.writeFile('/root/host-key', `${String(hostKey)}\n`);
  });

  it('whatever /etc/ssh/sshrc prints, and whatever sudo logs', async () => {
    await must(
      secondary,
      `echo 'echo welcome to this host' > /etc/ssh/sshrc; printf 'Defaults log_output\\nDefaults log_input\\n' > /etc/sudoers.d/aaa-log; chmod 440 /etc/sudoers.d/aaa-log`,
    );
    await list();
    await must(secondary, `[ -e ${uploads}/keep ]; [ ! -e /var/log/sudo-io ]`);
    await must(secondary, 'rm /etc/ssh/sshrc /etc/sudoers.d/aaa-log');
  });

  it('and a directory that its owner cannot enter locks nobody out for long', async () => {
    await must(
      primary,
      `mkdir -p ${uploads}/d/e; echo x > ${uploads}/d/e/x; chown -R www-data: ${uploads}; chmod 644 ${uploads}/d`,
    );
    await list();
    await must(
      primary,
      `chmod 755 ${uploads}/d; echo longer > ${uploads}/d/e/x; chown -R www-data: ${uploads}`,
    );
    await list();
    expect(await must(secondary, `cat ${uploads}/d/e/x; stat -c %a ${uploads}/d`)).toBe('longer\n755\n');
    // and one that was made so on the secondary itself is mended when it joins again
    await must(secondary, `chmod 0 ${uploads}/d; chmod 600 ${uploads}`);
    const { publicKey } = await promote(6);
    expect(await joinWith(6, publicKey)).toMatchObject({ code: 0, changed: true });
    await list();
    expect(await must(secondary, `stat -c %a ${uploads}/d`)).toBe('755\n');
  });
});

describe('hooks of a primary', () => {
  it('are run again when a demotion that was prepared does not come', async () => {
    for (const name of ['after-promotion', 'demotion-cancelled'])
      await writeHook(primary, name, `echo ${name} >> /root/hooks`);
    await must(primary, 'rm -f /root/hooks');
    expect(await promote(7)).toMatchObject({ hook: 'ok', hookName: 'after-promotion' });
    expect(await promote(7)).toMatchObject({ hook: 'none' });
    const prepare = 'echo 7 > /var/lib/hostsync/demotion-prepared';
    await must(primary, prepare);
    expect(await promote(7)).toMatchObject({ hook: 'ok', hookName: 'demotion-cancelled' });
    expect(await promote(7)).toMatchObject({ hook: 'none' });
    await must(primary, `${prepare}; rm /etc/hostsync/hooks/demotion-cancelled`);
    expect(await promote(7)).toMatchObject({ hook: 'ok', hookName: 'after-promotion' });
    expect(await must(primary, 'cat /root/hooks')).toBe(
      'after-promotion\ndemotion-cancelled\nafter-promotion\n',
    );
  });
});
