import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lines, runBash, scriptFunctions } from './scripts.ts';

const functions = scriptFunctions('push');
let directory = '';

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'hostsync-test-')));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('why a secondary was not served', () => {
  /** What a user is told when rsync ends with this exit code and these words. */
  function classify(status: number, said: string, pinned = true) {
    writeFileSync(join(directory, '0.err'), said);
    const { code, stdout, stderr } = runBash(
      `${functions}
       secondary_ids=(i-1) secondary_addresses=(10.0.0.1) secondary_ports=(22) secondary_keys=("$3")
       option_push_timeout=3300 deadline=2 now=1 scratch=$1 status=$2
       classify 0
       scratch=''
       printf '%s\\n%s\\n' "$error" "$message"`,
      [directory, String(status), pinned ? 'ssh-ed25519 AAAA' : ''],
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const [error, message = ''] = stdout.split('\n');
    return { error, message };
  }

  // the words are those of rsync 3.2.3 to 3.5.0, OpenSSH 9.2 and sudo 1.9
  const greeting =
    'rsync: did not see server greeting\nrsync error: error starting client-server protocol (code 5) at main.c(1954) [sender=3.5.0]\n';
  const partial =
    'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1394) [sender=3.5.0]\n';

  it.each<[string, number, string, string, string]>([
    ['', 0, '', '', ''],
    ['file has vanished: "/srv/a/x"\n', 24, '', '', ''],
    [
      'ssh: connect to host 10.0.0.1 port 22: Connection refused\n',
      5,
      greeting,
      'unreachable',
      'Connection refused; look at',
    ],
    [
      'ssh: connect to host 10.0.0.1 port 22: No route to host\n',
      255,
      '',
      'unreachable',
      'No route to host; look at',
    ],
    [
      'Connection timed out during banner exchange\n',
      5,
      greeting,
      'unreachable',
      'banner exchange; look at the host',
    ],
    [
      'ssh: Could not resolve hostname x: Name or service not known\n',
      5,
      greeting,
      'unreachable',
      'not known; look',
    ],
    ['client_loop: send disconnect: Broken pipe\n', 12, '', 'unreachable', 'Broken pipe'],
    [
      'hostsync@10.0.0.1: Permission denied (publickey).\n',
      5,
      greeting,
      'key-refused',
      'run join.sh there with this',
    ],
    [
      'sudo: a password is required\n',
      5,
      greeting,
      'not-prepared',
      'a password is required; run join.sh there',
    ],
    [
      'sudo: /usr/bin/rsync: command not found\n',
      5,
      greeting,
      'not-prepared',
      'command not found; run join.sh',
    ],
    ['sh: 1: /usr/bin/sudo: not found\n', 5, greeting, 'not-prepared', 'not found; run join.sh there'],
    ["@ERROR: Unknown module 'b068a6cef8334eeb'\n", 5, '', 'not-prepared', 'Unknown module'],
    ['', 5, greeting, 'not-prepared', 'did not see server greeting; run join.sh there'],
    [
      'rsync: [receiver] write failed on "/b" (in m): No space left on device (28)\n',
      11,
      '',
      'disk-full',
      '"/b"',
    ],
    [
      'rsync: [receiver] mkdir "/b" (in m) failed: Disk quota exceeded (122)\n',
      23,
      partial,
      'disk-full',
      'quota',
    ],
    [
      'rsync: [sender] send_files failed to open "/srv/a/x": Permission denied (13)\n',
      23,
      partial,
      'permission-denied',
      '"/srv/a/x"',
    ],
    [
      'rsync: [generator] chgrp "/s" (in m) failed: Operation not permitted (1)\n',
      23,
      partial,
      'permission-denied',
      '"/s"',
    ],
    [
      'file has vanished: "/a"\nrsync: [receiver] rename "/b" failed: Is a directory (21)\n',
      23,
      partial,
      'partial',
      '"/b"',
    ],
    [
      'do_chmod: no symlink-safe chmod for ".m0"; mode not set\n',
      0,
      '',
      'partial',
      'mode not set; the rest arrived',
    ],
    ['[sender] io timeout after 60 seconds -- exiting\n', 30, '', 'timeout', 'io timeout after 60 seconds'],
    ['Timeout, server 10.0.0.1 not responding.\n', 255, '', 'timeout', 'not responding'],
    ['rsync: something new\n', 14, '', 'failed', 'rsync exit code 14: rsync: something new'],
    ['', 13, '', 'failed', 'rsync exit code 13: '],
  ])('%j, exit code %d', (words, status, more, error, message) => {
    const result = classify(status, words + more);
    expect(result.error).toBe(error);
    expect(result.message).toContain(message);
  });

  it('a host key that is another one, or none that is known, is told apart', () => {
    const changed =
      '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n';
    const unknown =
      'No ED25519 host key is known for i-1 and you have requested strict checking.\nHost key verification failed.\n';
    expect(classify(5, changed + greeting)).toMatchObject({
      error: 'host-key-changed',
      message: expect.stringContaining('nothing was sent'),
    });
    expect(classify(5, unknown + greeting, false)).toMatchObject({
      error: 'host-key-unknown',
      message: expect.stringContaining('/etc/hostsync/known_hosts under the name i-1'),
    });
    // the host shows a key of another type than the pinned one
    expect(classify(5, unknown + greeting, true)).toMatchObject({ error: 'host-key-changed' });
  });

  it('a file name that looks like an error is not taken for one', () => {
    const named =
      'rsync: [receiver] rename "/ssh: No space left on device (28)" failed: Is a directory (21)\n';
    expect(classify(23, named + partial).error).toBe('partial');
    expect(classify(14, 'rsync: "/x/@ERROR: Unknown module" odd\n').error).toBe('failed');
  });

  it('a very long line leaves room for the remedy', () => {
    const { message } = classify(11, `rsync: ${'x'.repeat(4000)}: No space left on device (28)\n`);
    expect(message).toMatch(/\.\.\.; free space there, or make the disk larger$/);
    expect(message.length).toBeLessThan(300);
  });
});

describe('a directory that must not be pushed, because it would empty the secondaries', () => {
  function problem(path: string, fstab = '') {
    writeFileSync(join(directory, 'fstab'), fstab);
    const { code, stdout } = runBash(
      `${functions}
       read_expected_mounts "$1"
       find_problem "$2"
       printf '%s\\n%s\\n' "$problem" "$explanation"`,
      [join(directory, 'fstab'), path],
    );
    expect(code).toBe(0);
    return lines(stdout);
  }
  const at = (...parts: string[]) => join(directory, ...parts);

  beforeAll(() => {
    for (const name of ['full', 'empty', 'new volume/lost+found', 'dots'])
      mkdirSync(at(name), { recursive: true });
    writeFileSync(at('full/x'), '');
    writeFileSync(at('dots/.hidden'), '');
    symlinkSync('full', at('link'));
    symlinkSync('nowhere', at('dangling'));
  });

  it('lets through what is fit', () => {
    expect(problem(at('full'))).toEqual([]);
    expect(problem(at('dots'))).toEqual([]);
    expect(problem('/proc', 'proc /proc proc defaults 0 0\n')).toEqual([]);
  });

  it('missing', () => {
    expect(problem(at('nothing'))[0]).toBe('missing');
    expect(problem(at('full/x'))[0]).toBe('missing');
    expect(problem(at('full/x/y'))[0]).toBe('missing');
  });

  it('empty, a new file system included', () => {
    expect(problem(at('empty'))[0]).toBe('empty');
    expect(problem(at('new volume'))[0]).toBe('empty');
  });

  it('behind a symbolic link', () => {
    expect(problem(at('link'))).toEqual([
      'symlink',
      expect.stringContaining(`name the real path, ${at('full')}`),
    ]);
    expect(problem(at('link/x'))[0]).toBe('symlink');
    expect(problem(at('dangling'))[0]).toBe('symlink');
  });

  it('not mounted: itself, above it or below it, with a blank in its name', () => {
    const line = (path: string) => `/dev/sdz1 ${path.replaceAll(' ', '\\040')} ext4 defaults,nofail 0 2\n`;
    expect(problem(at('full'), line(at('full')))).toEqual(['unmounted', expect.stringContaining(at('full'))]);
    expect(problem(at('full'), line(`${at('full')}/`))[0]).toBe('unmounted');
    expect(problem(at('full'), line(directory))[0]).toBe('unmounted');
    expect(problem(at('full'), line(at('full/below/it')))[0]).toBe('unmounted');
    expect(problem(at('new volume'), line(at('new volume')))[0]).toBe('unmounted');
  });

  it('is not held up by other lines of fstab', () => {
    const fstab = [
      `# /dev/sdz1 ${at('full')} ext4 defaults 0 2`,
      `/dev/sdz1 ${at('full')} ext4 defaults,noauto 0 2`,
      `/dev/sdz1 ${at('fuller')} ext4 defaults 0 2`,
      `/dev/sdz2 none swap sw 0 0`,
      `/dev/sdz3 / ext4 defaults 0 1`,
      '',
      'rubbish',
    ];
    expect(problem(at('full'), fstab.join('\n'))).toEqual([]);
  });
});

describe('without what it needs nothing is done, and the message says what to install', () => {
  it.each([
    ['an old bash', 'BASH_VERSINFO[0] >= 5', 'is too old; install bash 5 or newer'],
    ['another user than root', 'EUID == 0', 'this must run as root; run it with sudo'],
  ])('%s', (_name, condition, message) => {
    const need = `eval "$(declare -f need | sed 's/${condition.replace(/[[\]]/g, '\\$&')}/0/')"; need`;
    const { code, stdout } = runBash(need);
    expect(code).toBe(13);
    expect(JSON.parse(stdout)).toMatchObject({
      error: 'not-ready',
      message: expect.stringContaining(message),
    });
  });

  it('commands that are missing', () => {
    const { code, stdout } = runBash(
      `eval "$(declare -f need | sed 's/EUID == 0/1/')"
       need bash=bash/bash no-such=deb-package/rpm-package not-this=deb-package/rpm-package`,
    );
    expect(code).toBe(13);
    expect(JSON.parse(stdout).message).toMatch(
      /^missing on this host: no-such not-this; run: (?:apt-get install -y deb-package|dnf install -y rpm-package)$/,
    );
  });
});

it('anything unforeseen ends with the error "internal", so that no caller takes it for success', () => {
  for (const bug of ['false', ': "$no_such_variable"', 'no-such-command', 'value=$(false)']) {
    const { code, stdout } = runBash(bug);
    expect(code).toBe(15);
    expect(JSON.parse(stdout)).toMatchObject({ v: 1, kind: 'error', error: 'internal' });
  }
});
