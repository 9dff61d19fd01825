import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Command, commands, key, lines, runPython } from './package.ts';

const heading = 'group\tweb\nepoch\t1\n';
const valid: Readonly<Record<Command, string>> = {
  push: `${heading}directory\t/srv/a\nsecondary\ti-0abc\t10.0.0.1\t22\tssh-ed25519\t${key}\n`,
  join: `${heading}directory\t/srv/a\twww-data\twww-data\npublic-key\tssh-ed25519\t${key}\n`,
  promote: heading,
  leave: `${heading}directory\t/srv/a\nexclude\t*.tmp\noption\tpeer\ti-0def\n`,
  rescue: `${heading}directory\t/srv/a\nsecondary\ti-0abc\t10.0.0.1\t22\tssh-ed25519\t${key}\noption\tlists\tyes\n`,
  probe: `${heading}secondary\ti-0abc\t10.0.0.1\t22\n`,
  doctor: `${heading}directory\t/srv/a\noption\trole\tprimary\n`,
};

const print = `
from hostsync_host import __main__ as program, errors
try:
    request = program.read_request(sys.argv[1], program.read_input(sys.argv[1], sys.argv[2:]))
except errors.HostError as error:
    sys.exit(program.report(error))
for each in request.directories:
    print(f"directory {each.path.decode()}|{each.owner or ''}|{each.group or ''}")
for pattern in request.excludes:
    print("exclude", pattern.decode())
for each in request.secondaries:
    print(f"secondary {each.id}|{each.address}|{each.port}|{each.host_key or ''}")
print(f"group {request.group} epoch {request.epoch} holder {request.holder or ''} key {request.public_key or ''}")
o = request.options
print("options", o.parallel, o.connect_timeout, o.io_timeout, o.push_timeout)
print("options", o.max_delete_share, o.max_delete_count, o.accept_deletions, o.verify_every, o.first, o.bandwidth, o.nice)
`;

function read(command: Command, request: string | Uint8Array, args: readonly string[] = ['-']) {
  return runPython(print, [command, ...args], request);
}

/** Why the request was refused: with exit code 12, one line of JSON and nothing else. */
function refusal(script: Command, request: string | Uint8Array, args?: readonly string[]): string {
  const { code, stdout, stderr } = read(script, request, args);
  expect(stderr).toContain('bad-request');
  expect(code).toBe(12);
  expect(lines(stdout)).toHaveLength(1);
  const { message, ...rest } = JSON.parse(stdout);
  expect(rest).toEqual({ v: 1, kind: 'error', error: 'bad-request' });
  expect(message.length).toBeLessThanOrEqual(300);
  return message;
}

describe('a request that is right', () => {
  it('is read whole', () => {
    const request = `${valid.push}holder\ti-0def
directory\t/srv/b c\texample\t0
exclude\t*.tmp
exclude\t+ not an include
exclude\t!
secondary\tmi-0abc\t2001:db8::1\t2222
secondary\twww.example.com\twww.example.com\t22\tssh-rsa\tAAAAB3NzaC1yc2EAAAA${'B'.repeat(353)}
option\tparallel\t64
option\tpush-timeout\t5
option\tmax-delete-share\t0
option\tmax-delete-count\t0
option\taccept-deletions\t0123456789abcdef
option\tverify-every\t0
option\tfirst\tyes
option\tbandwidth\t500
option\tnice\t19
`;
    const { code, stdout } = read('push', request);
    expect(code).toBe(0);
    expect(lines(stdout)).toEqual([
      'directory /srv/a||',
      'directory /srv/b c|example|0',
      'exclude *.tmp',
      'exclude + not an include',
      'exclude !',
      `secondary i-0abc|10.0.0.1|22|ssh-ed25519 ${key}`,
      'secondary mi-0abc|2001:db8::1|2222|',
      `secondary www.example.com|www.example.com|22|ssh-rsa AAAAB3NzaC1yc2EAAAA${'B'.repeat(353)}`,
      'group web epoch 1 holder i-0def key ',
      'options 64 10 60 5',
      'options 0 0 0123456789abcdef 0 True 500 19',
    ]);
  });

  it.each(commands)(
    'for %s: from standard input, base64 and a file, with and without the last newline',
    (script) => {
      const request = valid[script];
      const expected = read(script, request);
      expect(expected.code).toBe(0);
      expect(expected.stdout).toContain('group web epoch 1');
      expect(read(script, request.trimEnd()).stdout).toBe(expected.stdout);
      expect(read(script, '', ['--base64', Buffer.from(request).toString('base64')]).stdout).toBe(
        expected.stdout,
      );
      const compressed = deflateSync(request).toString('base64');
      expect(read(script, '', ['--compressed', compressed]).stdout).toBe(expected.stdout);
      const directory = mkdtempSync(join(tmpdir(), 'hostsync-test-'));
      try {
        const file = join(directory, 'a request');
        writeFileSync(file, request);
        expect(read(script, '', [file]).stdout).toBe(expected.stdout);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

  it.each([
    '/srv',
    '/srv/a',
    '/data',
    '/library',
    '/etcetera',
    '/var/www/html',
    '/var/www/site/.hidden',
    '/opt/app',
    '/home/site/files',
    '/usr/share/app',
    '/usr/local/app',
    '/srv/..a/b..',
    '/srv/ü 日本',
    '/srv/[x] "q" \'s\' $(id) `id` ; *',
    '/srv/ends:',
  ])('may name the directory %s', (directory) => {
    const { stdout, code } = read('push', `${heading}directory\t${directory}\n`);
    expect(code).toBe(0);
    expect(lines(stdout)[0]).toBe(`directory ${directory}||`);
  });
});

const push = (line: string) => `${valid.push}${line}\n`;
const secondary = (parts: string) => `${heading}directory\t/srv/a\nsecondary\t${parts}\n`;

describe('a request that is wrong is refused as a whole, and the message says where, what and how to put it right', () => {
  it.each<[string, Command, string, string]>([
    // the form
    [
      'empty line',
      'push',
      `${heading}\ndirectory\t/srv/a\n`,
      'line 3, field "": the line is empty; take it away',
    ],
    [
      'unknown field',
      'push',
      push('directories\t/srv/b'),
      'line 5, field "directories": is unknown; separate',
    ],
    ['blank for a tab', 'push', push('exclude *.tmp'), 'line 5, field "exclude *.tmp": is unknown; separate'],
    ['no value', 'push', push('exclude'), 'line 5, exclude "": has 1 parts or an empty one; see'],
    ['empty value', 'push', push('exclude\t'), 'line 5, exclude "": has 2 parts or an empty one; see'],
    [
      'too many parts',
      'push',
      push('exclude\ta\tb'),
      'line 5, exclude "a\tb": has 3 parts or an empty one; see',
    ],
    [
      'carriage return',
      'push',
      'group\tweb\r\nepoch\t1\r\n',
      'line 1, group "web\r": has a control character; take it away',
    ],
    [
      'control character',
      'push',
      push('exclude\ta\x1b[2J'),
      'line 5, exclude "a\x1b[2J": has a control character',
    ],
    // group
    [
      'no group',
      'promote',
      'epoch\t1\n',
      'line 2, group "": is missing; add a line "group", a tab and its value',
    ],
    ['group twice', 'push', push('group\tweb'), 'line 5, group "web": is there twice; take one line away'],
    ['group with a slash', 'push', 'group\ta/b\n', 'line 1, group "a/b": is no group name; use letters'],
    ['group ..', 'push', 'group\t..\n', 'line 1, group "..": is no group name; use letters'],
    [
      'group too long',
      'push',
      `group\t${'g'.repeat(65)}\n`,
      'is no group name; use letters, digits, ., _ and -, at most 64',
    ],
    // epoch
    [
      'no epoch',
      'push',
      'group\tweb\ndirectory\t/srv/a\n',
      'line 3, epoch "": is missing; add a line "epoch"',
    ],
    ['epoch twice', 'push', push('epoch\t2'), 'line 5, epoch "2": is there twice; take one line away'],
    ['epoch 0', 'push', 'epoch\t0\n', 'line 1, epoch "0": must be a whole number from 1 to 999999999999999'],
    ['epoch with a zero', 'push', 'epoch\t01\n', 'line 1, epoch "01": must be a whole number'],
    ['epoch below 0', 'push', 'epoch\t-1\n', 'line 1, epoch "-1": must be a whole number'],
    ['epoch too large', 'push', 'epoch\t99999999999999999999\n', 'epoch "99999999999999999999": must be'],
    ['epoch as an expression', 'push', 'epoch\ta[$(id)]\n', 'epoch "a[$(id)]": must be a whole number'],
    // directory
    ['no directory', 'push', heading, 'line 3, directory "": is missing; add a line "directory"'],
    [
      'no directory to join',
      'join',
      `${heading}public-key\tssh-ed25519\t${key}\n`,
      'line 4, directory "": is missing',
    ],
    [
      'relative',
      'push',
      push('directory\tsrv/b'),
      'line 5, directory "srv/b": is not absolute; begin it with /',
    ],
    ['tilde', 'push', push('directory\t~/b'), 'directory "~/b": is not absolute'],
    [
      '..',
      'push',
      push('directory\t/srv/../etc'),
      'directory "/srv/../etc": is not normalised; write it without',
    ],
    ['.. at the end', 'push', push('directory\t/srv/..'), 'directory "/srv/..": is not normalised'],
    ['.', 'push', push('directory\t/srv/./b'), 'directory "/srv/./b": is not normalised'],
    ['//', 'push', push('directory\t//srv'), 'directory "//srv": is not normalised'],
    ['/ at the end', 'push', push('directory\t/srv/b/'), 'directory "/srv/b/": is not normalised'],
    [
      '%',
      'join',
      `${heading}directory\t/srv/%HOME%\n`,
      'directory "/srv/%HOME%": has %, \\, a blank at the end',
    ],
    ['backslash', 'push', push('directory\t/srv/b\\'), 'directory "/srv/b\\": has %, \\, a blank at the end'],
    [
      'blank at the end',
      'push',
      push('directory\t/srv/b '),
      'directory "/srv/b ": has %, \\, a blank at the end',
    ],
    ['too long', 'push', push(`directory\t/srv/${'b'.repeat(1000)}`), 'or more than 1000 bytes; rename it'],
    [
      'twice',
      'push',
      push('directory\t/srv/a'),
      'line 5, directory "/srv/a": is there twice; take one line away',
    ],
    [
      'inside',
      'push',
      push('directory\t/srv/a/b'),
      'it and "/srv/a" lie one inside the other; name the outer one',
    ],
    [
      'around',
      'push',
      push('directory\t/srv'),
      'it and "/srv/a" lie one inside the other; name the outer one',
    ],
    [
      'owner without group',
      'join',
      `${heading}directory\t/srv/a\twww\n`,
      'directory "/srv/a\twww": has 3 parts',
    ],
    [
      'owner',
      'join',
      `${heading}directory\t/srv/a\t-x\twww\n`,
      'directory "-x": is no user or group; write a name or',
    ],
    [
      'group',
      'join',
      `${heading}directory\t/srv/a\twww\ta:b\n`,
      'directory "a:b": is no user or group; write a name or',
    ],
    // exclude
    ['exclude too long', 'push', push(`exclude\t${'x'.repeat(1001)}`), 'is too long; at most 1000 bytes'],
    [
      'exclude for join',
      'join',
      `${heading}exclude\tx\n`,
      'line 3, exclude "x": is not for join; take the line away',
    ],
    // secondary
    ['too few parts', 'push', secondary('i-1\t10.0.0.1'), 'line 4, secondary "i-1\t10.0.0.1": has 3 parts'],
    ['a key without its type', 'push', secondary(`i-1\t10.0.0.1\t22\t${key}`), 'has 5 parts or an empty one'],
    [
      'id',
      'push',
      secondary('-oProxyCommand=x\t10.0.0.1\t22'),
      'secondary "-oProxyCommand=x": is no instance id',
    ],
    [
      'id with a slash',
      'push',
      secondary('../i-1\t10.0.0.1\t22'),
      'secondary "../i-1": is no instance id or host',
    ],
    [
      'id with a pattern',
      'push',
      secondary('*\t10.0.0.1\t22'),
      'secondary "*": is no instance id or host name',
    ],
    [
      'id twice',
      'push',
      push('secondary\tI-0ABC\t10.0.0.2\t22'),
      'line 5, secondary "I-0ABC": is there twice',
    ],
    [
      'address',
      'push',
      secondary('i-1\t-x\t22'),
      'line 4, secondary address "-x": is none; write an IPv4 or IPv6',
    ],
    [
      'address with a user',
      'push',
      secondary('i-1\troot@h\t22'),
      'secondary address "root@h": is none; write',
    ],
    [
      'address with a zone',
      'push',
      secondary('i-1\tfe80::1%eth0\t22'),
      'secondary address "fe80::1%eth0": is none',
    ],
    [
      'port 0',
      'push',
      secondary('i-1\t10.0.0.1\t0'),
      'secondary port "0": must be a whole number from 1 to 65535',
    ],
    ['port 65536', 'push', secondary('i-1\t10.0.0.1\t65536'), 'secondary port "65536": must be'],
    ['port ssh', 'push', secondary('i-1\t10.0.0.1\tssh'), 'secondary port "ssh": must be a whole number'],
    [
      'key type',
      'push',
      secondary(`i-1\t10.0.0.1\t22\tssh-dss\t${key}`),
      'secondary key "ssh-dss": is no key type',
    ],
    [
      'key of another type',
      'push',
      secondary(`i-1\t10.0.0.1\t22\tssh-rsa\t${key}`),
      'is no ssh-rsa key; copy the second',
    ],
    [
      'key cut short',
      'push',
      secondary(`i-1\t10.0.0.1\t22\tssh-ed25519\t${key.slice(0, -1)}`),
      'is no ssh-ed25519 key',
    ],
    [
      'key with more',
      'push',
      secondary(`i-1\t10.0.0.1\t22\tssh-ed25519\t${key} x`),
      'is no ssh-ed25519 key; copy',
    ],
    [
      'secondary for join',
      'join',
      `${heading}secondary\ti-1\tx\t22\n`,
      'is not for join; take the line away',
    ],
    // public-key
    [
      'no public key',
      'join',
      `${heading}directory\t/srv/a\n`,
      'line 4, public-key "": is missing; add a line',
    ],
    [
      'public key twice',
      'join',
      `${valid.join}public-key\tssh-ed25519\t${key}\n`,
      `public-key "${key}": is there twice`,
    ],
    [
      'public key type',
      'join',
      `${heading}public-key\tssh-dss\t${key}\n`,
      'public-key "ssh-dss": is no key type',
    ],
    [
      'public key',
      'join',
      `${heading}public-key\tssh-ed25519\tx"\n`,
      'public-key "x"": is no ssh-ed25519 key; copy',
    ],
    [
      'public key in one part',
      'join',
      `${heading}public-key\tssh-ed25519 ${key}\n`,
      'has 2 parts or an empty one',
    ],
    [
      'public key for push',
      'push',
      push(`public-key\tssh-ed25519\t${key}`),
      'is not for push; take the line away',
    ],
    // option
    ...[
      'max-delete-share\t101',
      'bandwidth\t-1',
      'nice\t20',
      'verify-every\t31536001',
      'max-delete-count\t1e3',
    ].map((option): [string, Command, string, string] => [
      option,
      'push',
      push(`option\t${option}`),
      'must be a whole number from 0 to ',
    ]),
    [
      'id of deletions',
      'push',
      push('option\taccept-deletions\tall'),
      '"all": is no id of held deletions; copy',
    ],
    ['first', 'push', push('option\tfirst\tno'), '"no": must be yes; or take the line away'],
    [
      'unknown option',
      'push',
      push('option\tparalel\t4'),
      'line 5, option "paralel": is unknown; use parallel',
    ],
    [
      'option twice',
      'push',
      push('option\tparallel\t4\noption\tparallel\t5'),
      'line 6, option "parallel": is there twice',
    ],
    [
      'parallel',
      'push',
      push('option\tparallel\t65'),
      'option parallel "65": must be a whole number from 1 to 64',
    ],
    [
      'connect-timeout',
      'push',
      push('option\tconnect-timeout\t0'),
      'option connect-timeout "0": must be a whole number from 1 to 300',
    ],
    [
      'io-timeout',
      'push',
      push('option\tio-timeout\t4'),
      'option io-timeout "4": must be a whole number from 5 to 3600',
    ],
    ['push-timeout', 'push', push('option\tpush-timeout\t172801'), 'must be a whole number from 5 to 172800'],
    ['holder twice', 'push', push('holder\ti-1\nholder\ti-2'), 'line 6, holder "i-2": is there twice'],
    ['holder', 'push', push('holder\t../x'), 'holder "../x": is no instance id or host name'],
    [
      'option for promote',
      'promote',
      `${heading}option\tparallel\t4\n`,
      'is not for promote; take the line away',
    ],
  ])('%s (%s)', (_name, script, request, expected) => {
    expect(refusal(script, request)).toContain(expected);
  });

  it.each([
    ...[
      '/',
      '/etc',
      '/etc/nginx',
      '/usr',
      '/usr/bin',
      '/usr/lib/x',
      '/usr/src/x',
      '/usr/share',
      '/usr/local',
    ],
    ...[
      '/usr/local/bin/x',
      '/bin',
      '/sbin/x',
      '/lib',
      '/lib64/x',
      '/boot',
      '/dev/shm',
      '/proc/1',
      '/sys',
      '/run/x',
    ],
    ...[
      '/root',
      '/root/x',
      '/var',
      '/var/lib',
      '/var/lib/hostsync',
      '/var/lib/hostsync/login',
      '/var/lib/amazon/ssm',
    ],
    ...[
      '/var/lib/dpkg',
      '/var/lib/rpm/x',
      '/var/run',
      '/var/spool/cron',
      '/var/log',
      '/var/cache',
      '/var/tmp',
    ],
    ...['/home', '/opt', '/tmp', '/mnt', '/media', '/home/x/.ssh', '/srv/.ssh/y', '/usr/share/x/.ssh'],
  ])('a directory of the system: %s', (directory) => {
    const message = `directory "${directory}": is part of the system; name one that holds nothing but your content`;
    for (const script of ['push', 'join'] as const)
      expect(refusal(script, `${heading}directory\t${directory}\n`)).toContain(message);
  });

  it('bytes that are not UTF-8', () => {
    const request = Buffer.concat([Buffer.from(`${heading}directory\t/srv/`), Buffer.of(0xff, 0x0a)]);
    expect(refusal('push', request)).toContain(
      'line 3, directory "/srv/\ufffd": is not UTF-8; write it in UTF-8',
    );
  });

  it('a NUL byte', () => {
    expect(refusal('push', `${valid.push}\0`)).toContain('has a NUL byte; write it as UTF-8 text');
  });

  it('nothing at all', () => {
    expect(refusal('push', '')).toContain('the request is empty; see docs/host-package.md');
    expect(refusal('push', '', ['--base64', ''])).toContain('the request is empty');
  });

  it.each<[string, readonly string[], string]>([
    [
      'no argument',
      [],
      '0 arguments "": call push FILE, push -, push --base64 TEXT or push --compressed TEXT',
    ],
    ['too many', ['a', 'b', 'c'], '3 arguments "a b c": call push FILE'],
    ['another option', ['--file', 'x'], '2 arguments "--file x": call push FILE'],
    [
      'no such file',
      ['/nowhere/at all'],
      'argument "/nowhere/at all": no file that can be read; call push FILE',
    ],
    ['a directory', ['/'], 'argument "/": no file that can be read'],
    ['no base64', ['--base64', 'a b='], 'argument --base64: not base64; encode the request with base64 -w0'],
    ['base64 cut short', ['--base64', 'Z3JvdXA'], 'argument --base64: not base64'],
    ['no zlib', ['--compressed', 'Z3JvdXA='], 'argument --compressed: '],
    [
      'zlib cut short',
      ['--compressed', deflateSync('group').subarray(0, -2).toString('base64')],
      'not one whole zlib stream',
    ],
    [
      'a bomb',
      ['--compressed', deflateSync(Buffer.alloc(8 << 20)).toString('base64')],
      'not one whole zlib stream',
    ],
  ])('arguments: %s', (_name, args, expected) => {
    expect(refusal('push', '', args)).toContain(expected);
  });

  it('keeps the remedy in the message when the value is very long', () => {
    const message = refusal('push', push(`option\t${'o'.repeat(5000)}\t1`));
    expect(message).toContain(
      '...": is unknown; use parallel, connect-timeout, io-timeout, push-timeout, max-delete',
    );
  });
});

describe('a request with an option of another command is refused', () => {
  it.each<[Command, string]>([
    ['push', 'readable\tyes'],
    ['push', 'lists\tyes'],
    ['join', 'parallel\t4'],
    ['leave', 'readable\tyes'],
    ['rescue', 'first\tyes'],
    ['rescue', 'max-delete-count\t0'],
    ['push', 'interval\t15'],
    ['rescue', 'interval\t15'],
  ])('%s: %s', (command, option) => {
    const message = refusal(command, `${heading}directory\t/srv/a\noption\t${option}\n`);
    expect(message).toContain(`is not for ${command}; take the line away`);
  });

  it('and so is a directory for probe, and a key for leave', () => {
    expect(refusal('probe', `${heading}directory\t/srv/a\n`)).toContain('is not for probe');
    expect(refusal('leave', `${heading}public-key\tssh-ed25519\tx\n`)).toContain('is not for leave');
  });
});
