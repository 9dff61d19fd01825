import type { LocalInstance } from 'local-cloud';
import type { ExecResult } from 'local-cloud/hosts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { hostCommand, refusedForLists } from './host-package.ts';
import { upload } from './on-host.ts';

// A thief has the primary's private key and is root on the primary. Each title says what he would gain, were it not refused.

const other = '/srv/other';
const secret = 'TOP-SECRET-4711';
let group: TestGroup;
let target: LocalInstance;

beforeAll(async () => {
  group = await startGroup({ secondaries: 2, directories: [uploads, other] });
  target = group.secondary(0);
  await writeThiefsTools();
  await makeControl();
  await must(
    target,
    // next-door is the web server's too, so that nothing but the daemon's chroot keeps it
    `install -d -o www-data -g www-data /srv/next-door; echo x > /srv/next-door/file; chown www-data /srv/next-door/file
     echo ${secret} > /etc/open-secret; echo ${secret} > /etc/shut-secret; chmod 600 /etc/shut-secret`,
  );
});
afterAll(() => group?.close());

/** What every attack finds in the shell on the primary. */
async function writeThiefsTools() {
  const hostKey = target.tags['hostsync:host-key'] ?? '';
  await group.primary.host.writeFile('/root/known_hosts', `${target.address} ${hostKey}\n`);
  await group.primary.host.writeFile(
    '/root/tools',
    `address=${target.address}
options=(-F /dev/null -i /etc/hostsync/id_ed25519 -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=5
  -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/root/known_hosts)
ssh="ssh \${options[*]}"
module_of() { printf %s "$1" | sha256sum | cut -c 1-16; }
module=$(module_of ${uploads})
rsync() { timeout 20 rsync --timeout=10 --rsh="$ssh" "$@"; }
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
cd "$scratch"
echo evil > evil
`,
  );
}

/** The same key opens this login without restrictions: so an attack that fails on hostsync is known to work as such. */
async function makeControl() {
  await must(
    target,
    `useradd --create-home --shell /bin/bash --password '*' control
     install -d -o control -m 700 /home/control/.ssh
     echo '${group.primary.tags['hostsync:public-key']}' > /home/control/.ssh/authorized_keys
     [[ -e /usr/bin/xauth ]] || { printf '#!/bin/sh\\n' > /usr/bin/xauth; chmod 755 /usr/bin/xauth; }`,
  );
}

const attack = (command: string, login = 'hostsync'): Promise<ExecResult> =>
  group.primary.exec(`. /root/tools; login=${login}@$address\n${command}`);

/** Standard input of a session that stays until the test has seen what it wants to see. */
const untilSeen = '(until [[ -e /root/seen ]]; do sleep 0.1; done; rm /root/seen)';
const daemon = "pgrep -f '^/usr/bin/rsync --server --daemon '";
const waitFor = (command: string) =>
  `for _ in {1..1200}; do ${command} >/dev/null && exit 0; sleep 0.1; done; exit 1`;

/** Everything on a host but what is synced and what logins write by themselves. */
const outside = (host: LocalInstance = target) =>
  must(
    host,
    `find / -xdev \\( -path ${uploads} -o -path ${other} -o -path /var/log -o -path /proc -o -path /run -o -path /sys -o -path /dev \\
       -o -path /usr/share -o -path /usr/lib \\) -prune -o -printf '%y %m %U:%G %s %T@ %p %l\\n' | sort`,
  );

/** What of the synced directories could be used to become somebody else. */
const treacherous = () =>
  must(
    target,
    `find ${uploads} ${other} \\( -perm /4000 -o ! -type d -perm /2000 -o ! -user www-data -o ! -group www-data \\
       -o -type b -o -type c -o -type p -o -type s \\) -printf '%y %m %u:%g %p\\n'`,
  );

const refusal = /configured to refuse/u;

describe('with the primary’s key, SSH does not give', () => {
  const talk = (port: number) =>
    `${opened(port)}; IFS= read -t 20 -r line <&3; [[ $line != SSH-2* ]] || echo GOT-IN`;
  const opened = (port: number) =>
    `for _ in {1..600}; do { exec 3<>/dev/tcp/127.0.0.1/${port}; } 2>/dev/null && break; sleep 0.1; done`;
  const stays = `for _ in {1..600}; do kill -0 $! && ! grep -q 'remote forward success' log || break; sleep 0.1; done; kill -0 $! && echo GOT-IN`;

  it.each([
    ['a command', `$ssh $login echo GOT-IN </dev/null`],
    ['a shell', `echo 'echo GOT-IN' | $ssh $login`],
    [
      'a command hidden in the original command',
      `$ssh $login 'rsync --server --daemon .; echo GOT-IN' </dev/null`,
    ],
    ['a command in a substitution', `$ssh $login 'rsync "$(echo GOT-IN >&2)"' 2>&1 </dev/null`],
    ['a terminal', `$ssh -tt $login 'test -t 0 && echo GOT-IN' </dev/null`],
    ['environment variables', `LC_ALL=GOT-IN $ssh -o SendEnv=LC_ALL $login 'echo $LC_ALL' 2>&1 </dev/null`],
    [
      'files by the subsystem sftp',
      `echo 'get /etc/open-secret got' | sftp "\${options[@]}" -b - $login; [[ ! -s got ]] || echo GOT-IN`,
    ],
    ['files by scp', `scp "\${options[@]}" $login:/etc/open-secret got; [[ ! -s got ]] || echo GOT-IN`],
    [
      'files by the old scp',
      `old=-O; scp -O 2>&1 | grep -q option && old=
       scp $old "\${options[@]}" $login:/etc/open-secret got; [[ ! -s got ]] || echo GOT-IN`,
    ],
    ['a port of the secondary (-L)', `$ssh -N -L 7001:127.0.0.1:22 $login & ${talk(7001)}`],
    ['a way into its network (-W)', `$ssh -W 127.0.0.1:22 $login </dev/null | grep -q ^SSH-2 && echo GOT-IN`],
    [
      'a proxy into its network (-D)',
      `$ssh -N -D 7002 $login & ${opened(7002)}
       printf '\\5\\1\\0' >&3; timeout 20 head -c 2 <&3 >/dev/null
       printf '\\5\\1\\0\\1\\177\\0\\0\\1\\0\\26' >&3; timeout 20 head -c 15 <&3 | grep -aq SSH-2 && echo GOT-IN`,
    ],
    [
      'a door to the primary on it (-R)',
      `$ssh -v -N -o ExitOnForwardFailure=yes -R 7003:127.0.0.1:22 $login 2>log & ${stays}`,
    ],
    [
      'a socket on it',
      `$ssh -v -N -o ExitOnForwardFailure=yes -R /tmp/socket-$$:127.0.0.1:22 $login 2>log & ${stays}`,
    ],
  ])('%s', async (_gain, command) => {
    const before = await outside();
    const result = await attack(command);
    expect(result.stdout + result.stderr).not.toContain('GOT-IN');
    expect(await outside()).toBe(before);
    expect((await attack(command, 'control')).stdout).toContain('GOT-IN');
    await must(target, 'rm -f /tmp/socket-*');
  });

  it.each([
    [
      'the agent of whoever is logged in on the primary',
      'eval "$(ssh-agent)" >/dev/null',
      '-A',
      'find /tmp /home /var/lib/hostsync -xdev -type s',
    ],
    ['a display', 'export DISPLAY=:9', '-X', 'awk \'$2 ~ /:177A$/ && $4 == "0A"\' /proc/net/tcp'],
  ])('%s', async (_gain, prepare, option, sign) => {
    for (const login of ['hostsync', 'control']) {
      const running = attack(`${prepare}; ${untilSeen} | $ssh ${option} $login cat; ssh-agent -k`, login);
      await must(target, waitFor(login === 'control' ? 'pgrep -u control -x cat' : daemon));
      const seen = await must(target, sign);
      await must(group.primary, 'touch /root/seen');
      if (login === 'control') expect(seen).not.toBe('');
      else expect(seen).toBe('');
      await running;
    }
  });

  it('another way in: the login has no password, no key of its own choice, nothing of its own to write to', async () => {
    expect(await must(target, 'getent shadow hostsync')).toMatch(/^hostsync:\*:/u);
    const asked = await attack(
      `printf '#!/bin/sh\\necho\\n' > ask; chmod 755 ask
       SSH_ASKPASS=$PWD/ask SSH_ASKPASS_REQUIRE=force $ssh -o BatchMode=no -o PubkeyAuthentication=no $login id`,
    );
    expect(asked.code).toBe(255);
    expect(asked.stderr).toContain('Permission denied');
    const from = (uid: string, command: string) =>
      target.exec(`setpriv --reuid ${uid} --regid ${uid} --clear-groups ${command} </dev/null`);
    expect((await from('www-data', 'su hostsync -c id')).code).not.toBe(0);
    const home = '/var/lib/hostsync/login';
    for (const path of [
      `${home}/x`,
      `${home}/.ssh/x`,
      `${home}/.ssh/authorized_keys`,
      '/etc/hostsync/rsyncd.conf',
    ])
      expect((await from('hostsync', `bash -c 'echo x >> ${path}'`)).code).not.toBe(0);
  });
});

describe('with the primary’s key, rsync writes nothing outside the synced directories', () => {
  it.each([
    ['by .. after the module', `rsync evil $login::$module/../next-door/evil`],
    [
      'by .. in the module',
      `rsync evil $login::../srv/next-door/evil; rsync evil $login::$module/../../srv/next-door/evil`,
    ],
    [
      'by an absolute name',
      `rsync evil $login:://srv/next-door/evil; rsync evil $login::$module//srv/next-door/evil`,
    ],
    ['by a name of its own in the list of files', `rsync -R ./../../../../../etc/hostname $login::$module/`],
    [
      'by .. in a list of files',
      `printf '../next-door/evil\\0./../next-door/evil\\0/srv/next-door/evil\\0' > list; install -D evil /srv/next-door/evil
       for o in -R --no-relative '-R --no-implied-dirs'; do rsync $o -0 --files-from=list /srv/uploads/ $login::$module/; rsync $o -0 --files-from=list ./ $login::$module/; done`,
    ],
    [
      'by deleting what is missing in a list of files, above the module and through a planted link',
      `ln -s /srv/next-door x; ln -s ../next-door y; rsync -l x y $login::$module/; rm x y
       printf '../next-door/file\\0x/file\\0y/file\\0x\\0/srv/next-door/file\\0' > list
       for o in --delete-missing-args '--delete-missing-args --delete' '--delete-missing-args --delete -R'; do rsync $o -0 --files-from=list ./ $login::$module/; done`,
    ],
    ['by a path without module', `rsync evil $login:/srv/next-door/evil; rsync evil $login:evil`],
    [
      'by a module that is not there',
      `for m in srv/next-door root / '' "$(module_of /srv/next-door)"; do rsync evil "$login::$m/"; done`,
    ],
    [
      'through a planted symbolic link',
      `ln -s /srv/next-door x; rsync -l x $login::$module/; rm x
       rsync evil $login::$module/x; rsync evil $login::$module/x/; rsync evil $login::$module/x/evil
       mkdir x; cp evil x; for o in '' -K --copy-dirlinks '--no-implied-dirs -R'; do rsync -r $o x $login::$module/; done`,
    ],
    [
      'through one with ..',
      `ln -s ../next-door x; rsync -l x $login::$module/; rm x; mkdir x; cp evil x
       for o in -K --copy-dirlinks -d; do rsync -r $o x/ $login::$module/x/; done`,
    ],
    [
      'through one in the place of rsync’s own directory',
      `ln -s /srv/next-door .~tmp~; rsync -l .~tmp~ $login::$module/; rm .~tmp~; rsync --delay-updates evil $login::$module/`,
    ],
    [
      'by swapping a directory for a link while a push runs',
      `mkdir -p x; for i in {1..300}; do echo $i > x/$i; done; mkdir y; ln -s /srv/next-door y/x
       for i in 1 2 3; do rsync -rlI --force x $login::$module/ & rsync -rl --delete y/ $login::$module/ & wait; done`,
    ],
    [
      'as a hard link to what is outside',
      `ln -s /srv/next-door/file l; ln l m 2>/dev/null; rsync -lH l m $login::$module/; rsync evil $login::$module/m`,
    ],
  ])('%s', async (_way, command) => {
    const before = await outside();
    await attack(command);
    expect(await outside()).toBe(before);
    expect(await treacherous()).toBe('');
    await must(target, `rm -rf ${uploads}/x ${uploads}/y ${uploads}/[lm] ${uploads}/.~tmp~`);
  });

  // next-door/twin has the size and the time of the thief's: rsync takes it for his, if it finds it
  it.each([
    [
      'an absolute path',
      '',
      ['/srv/next-door', '//srv/next-door', '/../srv/next-door', '/proc/1/cwd/srv/next-door'],
    ],
    ['..', '', ['..', '../next-door', '../../../srv/next-door', '/x/../../next-door', './../next-door/']],
    [
      'a planted link',
      'ln -s /srv/next-door x; rsync -l x $login::$module/; rm x',
      ['/x', 'x', '/x/', 'x/.'],
    ],
    [
      'a planted link with ..',
      'ln -s ../next-door x; rsync -l x $login::$module/; rm x',
      ['/x', 'x', 'y/../x'],
    ],
    ['another module', '', [`${other}`, '::$(module_of /srv/other)/', '../other', '/srv/other']],
  ])('as a hard link, through the directory that holds the same files: %s', async (_way, prepare, paths) => {
    await must(
      target,
      `for d in /srv/next-door ${other}; do echo ours > $d/twin; touch -d @1700000000 $d/twin; chown www-data $d/twin; done`,
    );
    const before = await outside();
    const others = await must(target, `stat -c '%i %h %Z' /srv/next-door/twin ${other}/twin`);
    await attack(
      `${prepare}
       mkdir t; echo evil > t/twin; touch -d @1700000000 t/twin; head -c 4 /dev/zero > t/other
       for path in ${paths.map((path) => `"${path}"`).join(' ')}; do
         rsync -rltp --modify-window=-1 --link-dest="$path" t/ $login::$module/got/
         rsync -rltp --link-dest="$path" t $login::$module/got/deeper
         printf './twin\\0' > list; rsync -lt -0 --files-from=list --link-dest="$path" t/ $login::$module/got/
       done`,
    );
    expect(await must(target, `cat $(find ${uploads}/got -name twin) | sort -u`)).toBe('evil\n');
    expect(await must(target, `stat -c '%i %h %Z' /srv/next-door/twin ${other}/twin`)).toBe(others);
    expect(await outside()).toBe(before);
    await must(target, `rm -rf ${uploads}/got ${uploads}/x; rm /srv/next-door/twin ${other}/twin`);
  });

  it('as a hard link, while the site swaps the directory that is linked from for one outside', async () => {
    await must(
      target,
      `cd ${uploads}; install -d -o www-data from; ln -s /srv/next-door away
       for i in {1..300}; do echo ours > /srv/next-door/$i; echo ours > from/$i; done; chown -R www-data: /srv/next-door from
       touch -d @1700000000 /srv/next-door/[0-9]* from/*`,
    );
    await target.host.writeFile(
      '/root/swap.py',
      `import ctypes, os, time
libc = ctypes.CDLL(None)
os.chdir("${uploads}")
while not os.path.exists("/root/enough"):
    libc.renameat2(-100, b"from", -100, b"away", 2)
    time.sleep(0.002)
`,
    );
    const swapping = target.exec('python3 /root/swap.py');
    const links = "stat -c '%i %h' /srv/next-door/[0-9]*";
    const before = await must(target, links);
    await attack(
      `mkdir t; for i in {1..300}; do echo ours > t/$i; done; touch -d @1700000000 t/*
       for n in {1..10}; do rsync -rlt --link-dest=/from t/ $login::$module/got$n/; rsync -rlt --link-dest=../from t/ $login::$module/gut$n/; done`,
    );
    await must(target, 'touch /root/enough');
    await swapping;
    expect(await must(target, links)).toBe(before);
    await must(
      target,
      `rm -rf ${uploads}/g[ou]t* ${uploads}/from ${uploads}/away /srv/next-door/[0-9]* /root/enough`,
    );
  });

  it('by any other way: the daemon that writes sees nothing but the directory, and is its owner', async () => {
    // Slowly: it is looked at while it runs
    const running = attack(`head -c 30000000 /dev/urandom > big; rsync --bwlimit=5000 big $login::$module/`);
    const daemons = await must(
      target,
      `until read -r p < <(pgrep -u www-data -f '^/usr/bin/rsync --server --daemon'); do sleep 0.1; done
       readlink /proc/$p/root; grep -E '^(Uid|Gid|Groups|CapEff):' /proc/$p/status | sort`,
    );
    expect(
      daemons
        .replaceAll(/[\t ]+/gu, ' ')
        .trimEnd()
        .split('\n'),
    ).toEqual([uploads, 'CapEff: 0000000000000000', 'Gid: 33 33 33 33', 'Groups: 33 ', 'Uid: 33 33 33 33']);
    await running;
  });

  // Whatever push does not use is refused: each of these is or was a way out, or may become one
  it.each([
    ...['--temp-dir=/etc', '--partial-dir=/etc', '--backup --backup-dir=/etc', '-M--log-file=/etc/evil'],
    ...['-M--write-batch=/etc/evil', '-M--only-write-batch=/etc/evil', '--copy-dest=/etc'],
    ...['--compare-dest=/etc', '-M--files-from=/etc/passwd', '-M--exclude-from=/etc/passwd'],
    ...[
      '--write-devices',
      '--super',
      '-M--fake-super',
      '-D',
      '--devices',
      '--specials',
      '-A',
      '-X',
      '--inplace',
    ],
    ...['--append', '-K', '--mkpath', '--remove-source-files', '-M--daemon', '-M--config=/etc/passwd'],
    ...['-M--dparam=path=/', '-M--no-munge-links', '-M--rsync-path=x', '--iconv=UTF-8,EVIL', '--fuzzy'],
    ...['-M--chmod=u+s', '-M--sockopts=x', '-M--password-file=/etc/passwd', '-M--read-batch=/etc/passwd'],
  ])('with the option %s', async (option) => {
    const before = await outside();
    const { stderr } = await attack(`echo evil > list; rsync -r ${option} ./ $login::$module/`);
    expect(stderr).toMatch(refusal);
    expect(await outside()).toBe(before);
  });
});

describe('with the primary’s key, rsync runs no code', () => {
  it.each(['--usermap=*:evil', '--groupmap=*:evil', '--chown=evil', '-M--chown=evil', '-M--copy-as=evil'])(
    'by %s, for which libraries named in the module’s own /etc/nsswitch.conf would be loaded',
    async (option) => {
      const { stderr } = await attack(`rsync -rog ${option} evil $login::$module/`);
      expect(stderr).toMatch(refusal);
    },
  );

  it('by an OpenSSL configuration in the module, nor by any variable: the daemon’s environment is empty', async () => {
    const running = attack(`${untilSeen} | LC_ALL=C.UTF-8 LANG=C.UTF-8 $ssh -o SendEnv='LC_* LANG' $login`);
    await must(target, waitFor(daemon));
    const environment = await must(
      target,
      // sudo, which starts it, may be seen before
      `until found=$(for p in /proc/[0-9]*; do [[ $(tr '\\0' ' ' <$p/cmdline) != '/usr/bin/rsync --server --daemon '* ]] || tr '\\0' '\\n' <$p/environ; done 2>/dev/null | sort -u); [[ $found ]]; do sleep 0.1; done; echo "$found"`,
    );
    await must(group.primary, 'touch /root/seen');
    expect(environment).toBe('OPENSSL_CONF=\n');
    expect((await running).stdout).toMatch(/^@RSYNCD: /u);
  });

  it('by a daemon configuration of the thief’s own', async () => {
    const before = await outside();
    const result = await attack(
      `printf 'uid = 0\\nuse chroot = no\\n[all]\\npath = /\\nread only = no\\n' > evil.conf
       rsync evil.conf $login::$module/
       config=--config=${uploads}/evil.conf
       for path in "rsync $config" "rsync --server --daemon $config ." "rsync --server --daemon $config . #"; do
         rsync --rsync-path="$path" evil $login::all/etc/; rsync --rsync-path="$path" $login::all/etc/passwd .
       done
       $ssh $login "rsync --server --daemon $config ." </dev/null; ls`,
    );
    expect(result.stdout).not.toContain('passwd');
    expect(await outside()).toBe(before);
    await must(target, `rm ${uploads}/evil.conf`);
  });
});

describe('with the primary’s key, rsync makes no file', () => {
  it.each([
    ['of root’s', `rsync -og evil $login::$module/; rsync -og --chown=root:root evil $login::$module/`],
    [
      'that runs as its owner',
      `chmod 6755 evil; rsync -p evil $login::$module/; rsync -p --chmod=ugo+s evil $login::$module/`,
    ],
    [
      'that runs as its owner, in the place of one that is there',
      `rsync -p evil $login::$module/; chmod 6755 evil; rsync -pI evil $login::$module/; rsync -pI --delay-updates evil $login::$module/`,
    ],
    [
      'that is a disk',
      `mknod disk b 1 0; rsync -rD disk $login::$module/; rsync -r --devices -M--super disk $login::$module/`,
    ],
    [
      'that is a pipe',
      `mkfifo pipe; rsync -rD pipe $login::$module/; rsync -r --specials pipe $login::$module/`,
    ],
  ])('%s', async (_what, command) => {
    await attack(`umask 022; ${command}`);
    expect(await treacherous()).toBe('');
    await must(target, `rm -f ${uploads}/evil`);
  });

  it('elsewhere, where the directory is root’s; but there it is root’s, and may run as root (docs/trust.md)', async () => {
    await must(target, `chown root: ${other}`);
    await joinByHand(target, 1, group.primary.tags['hostsync:public-key'] ?? '');
    const before = await outside();
    await attack(
      `module=$(module_of ${other}); chmod 4755 evil; mknod disk b 1 0; ln -s /etc x
       rsync -pogl evil x $login::$module/; rsync -rD disk $login::$module/; rsync evil $login::$module/x
       rm x; mkdir x; cp evil x; rsync -rK x $login::$module/`,
    );
    expect(await outside()).toBe(before);
    expect(await must(target, `stat -c '%F %a %U' ${other}/evil; ls ${other}`)).toMatch(
      /^regular file 4755 root\n(?!.*disk)/su,
    );
    await must(target, `rm -rf ${other}/*; chown -R www-data: ${other}`);
    await joinByHand(target, 1, group.primary.tags['hostsync:public-key'] ?? '');
  });
});

describe('with the primary’s key, rsync tells nothing', () => {
  beforeAll(() =>
    must(
      target,
      `echo ${secret} > ${uploads}/name-of-${secret}; echo ${secret} > ${uploads}/diary; chown -R www-data: ${uploads}`,
    ),
  );

  it.each([
    ['a file of the module', `rsync $login::$module/diary got; rsync -r $login::$module/ got`],
    ['a file outside', `rsync $login:/etc/open-secret got; rsync $login::$module/../../etc/open-secret got`],
    ['which modules there are', `rsync $login::; rsync $login::*`],
    ['the names in a module', `rsync -r $login::$module/; rsync --list-only $login::$module/`],
    [
      'the names in a module, as what would be deleted',
      `mkdir e; for o in -n -ni -nv -nvvvv '-n --info=ALL' '-n --debug=ALL' '-n -P' '-n --out-format=%n'; do rsync -r --delete $o e/ $login::$module/; done`,
    ],
    [
      'the names in a module, as what is there and is not deleted',
      `mkdir e; for o in --max-delete=0 --ignore-existing '--existing --ignore-existing --max-delete=0' '-c --existing'; do
         rsync -r --delete --info=ALL $o --filter='P *' e/ $login::$module/; rsync -r --delete-delay --info=ALL,DEL2 --max-delete=0 $o e/ $login::$module/
         rsync -r --existing --ignore-existing --info=ALL $o e/ $login::$module/; done`,
    ],
    [
      'contents, as rules that cannot be read',
      `mkdir e; for f in diary name-of-x; do rsync -rn --delete --filter="dir-merge,- $f" -M--debug=FILTER3 e/ $login::$module/
       rsync -rnvvvv --delete --filter="dir-merge,- $f" e/ $login::$module/; rsync -rn --delete -M--debug=ALL -F e/ $login::$module/; done`,
    ],
    [
      'contents, as checksums of one byte each',
      `printf %099d 0 > diary
       rsync -rI --block-size=1 --debug=deltasum4 diary $login::$module/ | sed -n 's/.*len=1 .*sum1=.*\\(..\\)$/\\\\x\\1/p' > sums
       printf "$(tr -d '\\n' < sums)"`,
    ],
    [
      'whether a file is like one outside',
      `echo ${secret} > open-secret; for o in --compare-dest --copy-dest --link-dest; do rsync -ri --size-only $o=/etc open-secret $login::$module/; done`,
    ],
    [
      'contents, as a list of files',
      `rsync -r --files-from=:/etc/open-secret $login::$module/ got; rsync -M--files-from=/etc/open-secret evil $login::$module/`,
    ],
  ])('%s', async (_what, command) => {
    const { stdout, stderr } = await attack(
      `${command} > said 2>&1; cat said; [[ ! -e got ]] || grep -r . got; ! [[ -s got ]] || echo ${secret}`,
    );
    expect(stdout + stderr).not.toContain(secret);
    expect(stdout).not.toMatch(/diary$/mu);
  });
});

describe('as the login hostsync, sudo gives root', () => {
  it('to the one command line', async () => {
    const { stdout } = await asLogin(await forced());
    expect(stdout).toMatch(/^@RSYNCD: /u);
  });

  it.each([
    ...['id', '-i', '-s', 'bash', '-u www-data id', '-e /etc/passwd', 'rsync', '/usr/bin/rsync --version'],
    ...['/usr/bin/env', '/usr/bin/env -i bash', '/usr/bin/env -i id'],
    ...['/usr/bin/rsync --server --daemon --config=/tmp/evil .', '/usr/bin/rsync --server --daemon .'],
  ])('not to: sudo %s', async (command) => {
    const { code, stdout } = await asLogin(command);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
  });

  it.each([
    ['with another configuration', (command: string) => command.replace('/etc/hostsync', '/tmp')],
    ['with another module of OpenSSL', (command: string) => command.replace(/^/u, 'OPENSSL_CONF=/tmp/evil ')],
    ['with a variable', (command: string) => `LD_PRELOAD=/tmp/evil.so ${command}`],
    ['with all variables', (command: string) => `-E ${command}`],
    ['from another directory', (command: string) => `-D /tmp ${command}`],
    ['in another root', (command: string) => `-R /tmp ${command}`],
    ['with one word more', (command: string) => `${command} --config=/tmp/evil`],
    ['with one word less', (command: string) => command.replace(/ \.$/u, '')],
    ['as another group', (command: string) => `-g shadow ${command}`],
  ])('not to that command line %s', async (_how, change) => {
    const { code, stdout } = await asLogin(change(await forced()));
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
  });

  const forced = async () =>
    (
      await must(
        target,
        `sed -n 's/.*command="\\/usr\\/bin\\/sudo -n \\([^"]*\\)".*/\\1/p' /var/lib/hostsync/login/.ssh/authorized_keys`,
      )
    ).trim();
  const asLogin = (command: string) =>
    target.exec(
      `setpriv --reuid hostsync --regid hostsync --clear-groups timeout 10 sudo -n ${command} </dev/null`,
    );
});

/** Runs join from a shell, as docs/host-package.md says. */
async function joinByHand(host: LocalInstance, epoch: number, key: string, more = ''): Promise<ExecResult> {
  await host.host.writeFile(
    '/root/request',
    `group\tweb\nepoch\t${epoch}\ndirectory\t${uploads}\ndirectory\t${other}\npublic-key\t${key.trim().split(' ').slice(0, 2).join('\t')}\n${more}`,
  );
  return host.exec(`${hostCommand('join').slice(0, -1).join(' ')} /root/request`);
}

describe('while a host is gathered from, the primary’s key reads the synced directories and what leave listed, and', () => {
  beforeAll(async () => {
    await must(
      target,
      `install -d -m 700 /var/lib/hostsync/stranded; echo listed > /var/lib/hostsync/stranded/listed
       rm -rf ${uploads}/*; ln -s /etc ${uploads}/way-out; ln -s /etc/open-secret ${uploads}/link-out; echo readable > ${uploads}/mine
       chown -hR www-data: ${uploads}`,
    );
    const joined = await joinByHand(
      target,
      1,
      group.primary.tags['hostsync:public-key'] ?? '',
      'option\treadable\tyes\n',
    );
    expect(joined.code).toBe(0);
  });

  it('nothing else is read: the attacks below would work on what may be read', async () => {
    const { stdout } = await attack(
      `rsync --no-motd $login::$module-read/mine got; rsync --no-motd $login::stranded/listed got2; cat got got2`,
    );
    expect(stdout).toBe('readable\nlisted\n');
  });

  it.each([
    ['by ..', `for m in $module-read stranded; do rsync $login::$m/../../../etc/open-secret got; done`],
    ['by an absolute name', `for m in $module-read stranded; do rsync $login::$m//etc/open-secret got; done`],
    [
      'by names in a list',
      `printf '../../etc/open-secret\\n/etc/open-secret\\nway-out/open-secret\\nx/../../../etc/open-secret\\n' > list
       for m in $module-read stranded; do rsync -R --files-from=list $login::$m/ got; done; cat got/* got/*/* 2>/dev/null`,
    ],
    [
      'through a link of the module',
      `rsync $login::$module-read/way-out/open-secret got; rsync -r $login::$module-read/way-out/ got; rsync $login::$module-read/link-out got`,
    ],
    ...['-L', '-k', '--copy-unsafe-links', '-K', '-M--copy-links', '-M--insecure-links'].map(
      (option): [string, string] => [
        `through a link of the module, with ${option}`,
        `rsync -r ${option} $login::$module-read/ got`,
      ],
    ),
    [
      'of the lists, when asked as the directory',
      `rsync $login::$module-read/../stranded/listed got; [[ ! -e got ]] || echo ${secret}`,
    ],
    [
      'of hostsync’s own',
      `rsync $login::stranded/../../../../etc/hostsync/rsyncd.conf got; ! grep -q chroot got || echo ${secret}`,
    ],
    ['of the names of modules', `rsync $login:: | grep -q read && echo ${secret}`],
  ])('not %s', async (_way, command) => {
    const { stdout } = await attack(
      `${command}; [[ ! -f got ]] || cat got; [[ ! -d got ]] || cat got/* 2>/dev/null`,
    );
    expect(stdout).not.toContain(secret);
  });

  it.each([
    ['a file', `rsync evil $login::$module-read/; rsync evil $login::stranded/`],
    ['a deletion', `mkdir e; for m in $module-read stranded; do rsync -r --delete e/ $login::$m/; done`],
    ['a file that is fetched away', `rsync --remove-source-files $login::$module-read/mine got`],
  ])('nothing is written there: %s', async (_what, command) => {
    const all = () =>
      must(target, `find ${uploads} /var/lib/hostsync/stranded -printf '%p %s %T@\\n' | sort`);
    const before = [await outside(), await all()];
    await attack(command);
    expect([await outside(), await all()]).toEqual(before);
  });

  it('it ends with the next join, for a session that is open, too', async () => {
    const running = attack(`timeout 100 tail -f /dev/null | $ssh $login >/dev/null; echo ended`);
    await must(target, waitFor(daemon));
    expect((await joinByHand(target, 1, group.primary.tags['hostsync:public-key'] ?? '')).code).toBe(0);
    await must(target, waitFor(`! ${daemon}`));
    await running;
    for (const name of ['$module-read/mine', 'stranded/listed'])
      expect((await attack(`rsync $login::${name} got`)).stderr).toContain('Unknown module');
    await must(
      target,
      `rm -r ${uploads}/way-out ${uploads}/link-out ${uploads}/mine /var/lib/hostsync/stranded`,
    );
  });
});

describe('where secondaries keep what is deleted, the primary’s key has root keep files of the synced directories, and', () => {
  const trash = '/var/lib/hostsync/kept';
  const fire = 'mkdir -p e; rsync -r e/ $login::keep/';
  const told = (names: string) =>
    attack(`printf '${names}' > names; rsync -I names $login::to-keep/; ${fire}`);
  const kept = () => must(target, `[ ! -e ${trash} ] || find ${trash} -type f -printf '%f\\n' | sort`);
  /** Everything but what is kept, and when /tmp changed. */
  const others = async () =>
    (await outside())
      .split('\n')
      .filter((line) => !/ \/(tmp|var\/lib\/hostsync(\/(kept|to-keep|keep.lock).*)?)( |$)/u.test(line))
      .join('\n');
  const join = (more = '') => joinByHand(target, 1, group.primary.tags['hostsync:public-key'] ?? '', more);

  beforeAll(async () => {
    await upload(target, 'mine');
    expect((await join('option\tkeep-deleted\t30\n')).code).toBe(0);
  });
  afterAll(async () => {
    expect((await join()).code).toBe(0);
    await must(target, `rm -r ${trash} ${uploads}/mine`);
  });

  it('of no others: it works as such, and with names elsewhere nothing is kept', async () => {
    await told(`${uploads}/mine\\0`);
    expect(await kept()).toBe('mine\n');
    await must(
      target,
      `rm -r ${trash}; cd ${uploads}; ln -s /etc way-out; cp --preserve=mode /etc/shut-secret hard; ln -s /etc/shut-secret link; chown -h www-data: way-out link`,
    );
    const before = await others();
    for (const names of [
      '/etc/open-secret\\0',
      '/srv/next-door/file\\0',
      `${uploads}/../next-door/file\\0`,
      `${uploads}/way-out/open-secret\\0`,
      `${uploads}/way-out/\\0`,
      `${uploads}/hard\\0${uploads}/link\\0`,
      `${uploads}//etc/open-secret\\0`,
      `${uploads}/mine`,
      'mine\\0',
      '\\0/\\0',
    ])
      await told(names);
    expect(await kept()).toBe('');
    expect(await others()).toBe(before);
    await must(target, `cd ${uploads}; rm way-out hard link`);
  });

  it('reads nothing of it, writes nothing else there, and chooses no limit', async () => {
    await told(`${uploads}/mine\\0`);
    // A list that the thief left is his, and is read once
    const all = () =>
      must(target, `rm -f /var/lib/hostsync/to-keep/*; find ${trash} -printf '%p %m %u %s %T@\\n' | sort`);
    const before = [await others(), await all()];
    const path = (await must(target, `find ${trash} -name mine`)).trim();
    for (const command of [
      ...['keep', 'to-keep', '$module'].flatMap((module) => [
        `rsync -r $login::${module}/ got`,
        `rsync $login::${module}/../kept/ got; rsync $login::${module}/${path} got; rsync $login::${module}/../../../../${path} got`,
      ]),
      'rsync $login::kept/ got; rsync $login::$module-kept/ got; rsync -r $login::kept got',
      'rsync evil $login::to-keep/../kept/evil; rsync evil $login::keep/../evil; rsync evil $login::kept/evil',
      `$ssh $login '/usr/bin/python3 -I /usr/local/lib/hostsync/current keep 1 1' </dev/null`,
    ]) {
      const { stdout } = await attack(`${command}; cat got got/* 2>/dev/null`);
      expect(stdout, command).not.toContain('mine');
    }
    expect(await all()).toBe(before[1]);
    for (const option of refusedForLists)
      for (const module of ['to-keep', 'keep'])
        expect(
          (await attack(`ln -s /etc/passwd x; rsync -r ${option} ./ $login::${module}/`)).stderr,
          option,
        ).toMatch(refusal);
    expect([await others(), await all()]).toEqual(before);
  });
});

it('after all that, the group is pushed as before', async () => {
  // What was done behind the primary's back is found when everything is compared: each day, or when nothing is known
  await must(group.primary, 'rm -r /var/lib/hostsync/manifest');
  await upload(group.primary, 'new');
  expect((await group.push()).map(({ ok }) => ok)).toEqual([true, true]);
  for (const directory of [uploads, other]) expect(await group.differences(target, directory)).toEqual([]);
});

it('a machine that took a secondary’s address, and shows another host key, gets nothing', async () => {
  // No connection goes over from one machine to another
  const restart = `kill -HUP "$(cat /run/sshd.pid)"; sleep 1; pkill -f '^sshd: hostsync' || true`;
  await group.push();
  await must(
    target,
    `cd /etc/ssh; mkdir old; mv ssh_host_* old; ssh-keygen -qt ed25519 -N '' -f ssh_host_ed25519_key; ${restart}`,
  );
  await upload(group.primary, 'mine');
  const results = await group.push();
  expect(results).toContainEqual(
    expect.objectContaining({ id: target.id, ok: false, error: 'host-key-changed', files: 0, bytes: 0 }),
  );
  expect(results).toContainEqual(expect.objectContaining({ id: group.secondary(1).id, ok: true }));
  await must(
    target,
    `[[ ! -e ${uploads}/mine ]]; cd /etc/ssh; rm ssh_host_*; mv old/* .; rmdir old; ${restart}`,
  );
  expect((await group.push()).map(({ ok }) => ok)).toEqual([true, true]);
});

it('the primary of another group cannot write here', async () => {
  const blog = await group.cloud.launch({
    name: 'blog',
    tags: { 'hostsync:group': 'blog', 'hostsync:primary': '1', 'hostsync:directories': uploads },
    prepare: (instance) => must(instance, `install -d -o www-data ${uploads}`),
  });
  blog.setTags({ 'hostsync:secondaries': target.id });
  await group.push();
  await group.push();
  expect(blog.tags['hostsync:secondaries'] ?? '').not.toContain(target.id);
  expect(blog.tags['hostsync:public-key']).toMatch(/^ssh-ed25519 /u);
  const { code, stderr } = await blog.exec(
    `ssh -F /dev/null -i /etc/hostsync/id_ed25519 -o BatchMode=yes -o StrictHostKeyChecking=no hostsync@${target.address}`,
  );
  expect(code).toBe(255);
  expect(stderr).toContain('Permission denied (publickey');
  await blog.terminate();
});

describe('a secondary trusts one key', () => {
  const files = (host: LocalInstance) =>
    must(
      host,
      `for f in $(find /etc/hostsync /var/lib/hostsync/login /etc/sudoers.d /etc/passwd /etc/shadow); do
         stat -c '%n %a %u:%g %s %y %z' "$f"; [[ ! -f $f ]] || sha256sum "$f"; done`,
    );
  const keys = (host: LocalInstance) => must(host, 'cat /var/lib/hostsync/login/.ssh/authorized_keys');

  it('so that an old primary that wakes up cannot write any more: not with its key, nor in a session that is open', async () => {
    const victim = group.secondary(1);
    const oldKey = group.primary.tags['hostsync:public-key'] ?? '';
    expect((await keys(victim)).trim().split('\n')).toHaveLength(1);
    const newKey = await must(victim, `ssh-keygen -qt ed25519 -N '' -f /root/new; cat /root/new.pub`);

    const login = `hostsync@${victim.address}`;
    await must(
      group.primary,
      `echo '${victim.address} ${victim.tags['hostsync:host-key']}' >> /root/known_hosts`,
    );
    // A push that watches has a session of its own
    const open = `ps -eo args | grep -c '^/usr/bin/rsync --server --daemon' || true`;
    const others = Number(await must(victim, open));
    const session = attack(`timeout 100 tail -f /dev/null | $ssh ${login}; echo ended`);
    await must(victim, waitFor(`[[ $(${open}) = ${others + 1} ]]`));
    expect((await joinByHand(victim, 2, newKey)).code).toBe(0);
    expect((await must(victim, open)).trim()).toBe('0');

    const lines = (await keys(victim)).trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(newKey.split(' ')[1]);
    expect(lines[0]).not.toContain(oldKey.split(' ')[1]);
    const refused = await attack(`$ssh ${login} </dev/null`);
    expect(refused.code).toBe(255);
    expect(refused.stderr).toContain('Permission denied (publickey');
    await upload(group.primary, 'later');
    expect(await group.push()).toContainEqual(
      expect.objectContaining({ id: victim.id, ok: false, error: 'key-refused' }),
    );
    await session;
  });

  it('and a join of an older epoch, as an old primary’s late command would be, does not bring the old key back', async () => {
    const victim = group.secondary(1);
    const before = await files(victim);
    const { code, stdout } = await joinByHand(victim, 1, group.primary.tags['hostsync:public-key'] ?? '');
    expect(code).toBe(14);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'error', error: 'older-epoch' });
    expect(await files(victim)).toBe(before);
  });
});
