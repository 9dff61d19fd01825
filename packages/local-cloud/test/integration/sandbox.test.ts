import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { insideSandbox, sandboxDirectory } from '../../src/sandbox/sandbox.ts';

const project = resolve(import.meta.dirname, '../../../..');
const sources = join(project, 'packages/local-cloud/src');
const sandboxCommand = join(sources, 'sandbox/sandbox.ts');

/** Everything that a sandbox could leave behind: what this process sees of the kernel, and the files of the project. */
function observe() {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const namespaces = new Set<string>();
  for (const pid of processes) {
    for (const kind of ['mnt', 'net', 'pid']) {
      try {
        namespaces.add(readlinkSync(`/proc/${pid}/ns/${kind}`));
      } catch {
        // that process has just ended
      }
    }
  }
  return {
    namespaces: [...namespaces].sort(),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    links: readFileSync('/proc/net/dev', 'utf8')
      .split('\n')
      .map((line) => line.split(':')[0]),
    addresses: readFileSync('/proc/net/fib_trie', 'utf8'),
    // The base layer and the packaged service are there to stay.
    files: readdirSync(join(project, '.local-cloud'))
      .filter((name) => !/^(?:base|checks|package)/.test(name))
      .sort(),
    temporary: readdirSync('/tmp')
      .filter((name) => name.includes('sample'))
      .sort(),
  };
}

function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

async function until(condition: () => boolean, seconds = 100): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not true after ${seconds} s: ${condition}`);
    await sleep(20);
  }
}

/** A sandbox whose output is read here. */
function startSandbox(script: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, [sandboxCommand, '--', 'bash', '-c', script, 'test', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

async function saying(child: ChildProcess, text: string): Promise<void> {
  let said = '';
  const done = Promise.withResolvers<void>();
  const listen = (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes(text)) done.resolve();
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  child.once('close', () => done.reject(new Error(`ended without saying ${text}: ${said}`)));
  await done.promise;
}

async function runToEnd(child: ChildProcess): Promise<{ code: unknown; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

describe('a sandbox', () => {
  let before: ReturnType<typeof observe>;
  /** a number of seconds that marks the processes of one test */
  let mark: string;

  beforeEach(() => {
    before = observe();
    mark = `${randomInt(1e6, 1e7)}.${randomInt(1e6, 1e7)}`;
  });

  afterEach(async () => {
    await until(() => processesWith(mark).length === 0);
    await until(() => JSON.stringify(observe()) === JSON.stringify(before)).catch(() =>
      expect(observe()).toEqual(before),
    );
  });

  test('gives back the exit code, and passes on input, output and arguments', async () => {
    const child = startSandbox('cat; printf "%s|" "$@"; echo err >&2; exit 23', 'a b', '$HOME');
    child.stdin?.end('input ');
    expect(await runToEnd(child)).toEqual({ code: 23, stdout: 'input a b|$HOME|', stderr: 'err\n' });
    expect((await runToEnd(startSandbox('kill -KILL $$'))).code).toBe(137);
    expect((await runToEnd(startSandbox('kill -TERM $$'))).code).toBe(143);
  });

  test('has a loopback of its own and no other network', async () => {
    const { stdout } = await runToEnd(
      startSandbox('cat /proc/net/dev; cat /proc/net/route; </dev/udp/127.0.0.1/9 && echo lo'),
    );
    expect(stdout).toMatch(/\blo:/);
    expect(stdout).not.toMatch(/eth|ens|enp|hs\d/);
    expect(stdout).toContain('lo\n');
  });

  test('takes what the command left running with it', async () => {
    const { code } = await runToEnd(
      startSandbox('setsid sleep "$1" </dev/null >/dev/null 2>&1 & exit 0', mark),
    );
    expect(code).toBe(0);
  });

  test('reaps orphans', async () => {
    const script =
      'for i in 1 2 3; do (sleep 0.1 &); done; sleep 0.4; grep -l "^State:.Z" /proc/[0-9]*/status | wc -l';
    expect((await runToEnd(startSandbox(script))).stdout).toBe('0\n');
  });

  test('ends when its starter is killed, with hosts and everything', async () => {
    const hosts = `
      import { openFleet } from '${join(sources, 'hosts/index.ts')}';
      const fleet = await openFleet();
      const hosts = await Promise.all(['a', 'b'].map((id) => fleet.create({ id })));
      await Promise.all(hosts.map((host) => host.start()));
      await hosts[0].freeze();
      hosts[1].spawn(['sleep', '${mark}']);
      console.log('hosts are up');`;
    const script = '"$1" --input-type=module --eval "$2" & trap "" TERM INT HUP; sleep "$3"';
    const child = startSandbox(script, process.execPath, hosts, mark);
    await saying(child, 'hosts are up');
    expect(processesWith(mark).length).toBeGreaterThan(2);
    child.kill('SIGKILL');
    await until(() => processesWith(mark).length === 0, 30);
  });

  test('ends when its starter is killed while it is being made', async () => {
    for (const milliseconds of [0, 20, 40, 60, 80, 100, 120, 140, 160, 180]) {
      const child = startSandbox('sleep "$1"', mark);
      await once(child, 'spawn');
      await sleep(milliseconds);
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });

  test('ends, where that is asked for, with the parent of its starter too', async () => {
    const enter = `
      import { enterSandbox } from '${sandboxCommand}';
      await enterSandbox(['bash', '-c', 'echo ready; sleep ${mark}'], { endWithParent: true });`;
    const argv = ['-c', '"$@" & wait', 'parent', process.execPath, '--input-type=module', '--eval', enter];
    const parent = spawn('bash', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    await saying(parent, 'ready');
    parent.kill('SIGKILL');
    await until(() => processesWith(mark).length === 0, 30);
  });

  test('passes SIGTERM on to the command', async () => {
    const child = startSandbox('trap "echo told; exit 5" TERM; echo ready; while :; do sleep 0.05; done');
    const end = runToEnd(child);
    await saying(child, 'ready');
    child.kill('SIGTERM');
    expect(await end).toMatchObject({ code: 5, stdout: 'ready\ntold\n' });
  });

  test('passes SIGINT on to a command that got none from a terminal', async () => {
    const child = startSandbox('trap "echo told; exit 6" INT; echo ready; while :; do sleep 0.05; done');
    const end = runToEnd(child);
    await saying(child, 'ready');
    child.kill('SIGINT');
    expect(await end).toMatchObject({ code: 6, stdout: 'ready\ntold\n' });
  });

  test('ends at a SIGINT that comes while it is being made', async () => {
    for (let milliseconds = 0; milliseconds <= 240; milliseconds += 15) {
      const child = startSandbox('exec sleep "$1"', mark);
      await once(child, 'spawn');
      await sleep(milliseconds);
      child.kill('SIGINT');
      const [code, signal] = await once(child, 'close');
      expect([130, 'SIGINT'], `after ${milliseconds} ms`).toContain(code ?? signal);
    }
  });

  test('ends with 130 at a Ctrl-C', async () => {
    const end = runToEnd(await atTerminal('echo ready; exec sleep "$MARK"', mark, ['\x03']));
    expect(await end).toMatchObject({ code: 130 });
  });

  test('lets the command clean up at a Ctrl-C, which comes once', async () => {
    const script =
      'trap "count=x\\$count" INT; echo ready; for i in {1..20}; do sleep 0.05; done; echo "counted:$count:"; exit 7';
    const { code, stdout } = await runToEnd(await atTerminal(script, mark, ['\x03']));
    expect(stdout).toContain('counted:x:');
    expect(code).toBe(7);
  });

  test('ends at the third Ctrl-C, whatever the command does', async () => {
    const script = 'trap "" INT TERM; echo ready; sleep "$MARK"';
    const end = runToEnd(await atTerminal(script, mark, ['\x03', '\x03', '\x03']));
    expect(await end).toMatchObject({ code: 137 });
  });

  test('can be in another project of any name, several at once', async () => {
    const directory = mkdtempSync(join(project, '.local-cloud', 'test-'));
    try {
      const odd = join(directory, 'a "b", c:d\\e');
      const state = join(odd, '.local-cloud');
      mkdirSync(state, { recursive: true });
      // In here there is no network to get packages from
      for (const name of readdirSync(join(project, '.local-cloud')).filter((each) =>
        /^base-.*\.tar$/.test(each),
      ))
        copyFileSync(join(project, '.local-cloud', name), join(state, name));
      const enter = `
        import { enterSandbox } from '${sandboxCommand}';
        const projectDirectory = process.argv[1];
        process.exitCode = await enterSandbox([process.execPath, '--input-type=module', '--eval', process.argv[2]], {
          projectDirectory, log: (line) => console.error(line),
        });`;
      const work = `
        import { openFleet } from '${join(sources, 'hosts/index.ts')}';
        const fleet = await openFleet();
        const host = await fleet.create({ id: 'a', volumes: [{ path: '/data' }] });
        await host.start();
        const { stdout } = await host.exec('ssh-keyscan -t ed25519 a 2>/dev/null | cut -d" " -f1,2; findmnt -no FSTYPE /data');
        process.stdout.write(host.address + ' ' + stdout);
        await fleet.close();`;
      const argv = ['--input-type=module', '--eval', enter, odd, work];
      const runs = [1, 2, 3].map(() => runToEnd(spawn(process.execPath, argv, { stdio: 'pipe' })));
      for (const { code, stdout, stderr } of await Promise.all(runs)) {
        expect(code, stderr).toBe(0);
        expect(stdout).toBe('10.213.0.11 a ssh-ed25519\ntmpfs\n');
      }
      expect(readdirSync(state).filter((name) => !/^(?:base|checks)/.test(name))).toEqual(['sandbox']);
      expect(readdirSync(join(state, 'sandbox'))).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('can be a layer: the programs of hosts, the project where it is, and nothing left of what is written elsewhere', async () => {
    const enter = `
      import { enterLayer } from '${sandboxCommand}';
      process.exitCode = await enterLayer(process.argv[1], ['bash', '-c', process.argv[2], 'test', '${mark}']);`;
    const inLayer = (layer: string, script: string) =>
      runToEnd(
        spawn(process.execPath, ['--input-type=module', '--eval', enter, layer, script], { stdio: 'pipe' }),
      );
    const script = `for tool in rsync sshd ssh sudo python3 ps ip faketime; do command -v "$tool" >/dev/null || echo "no $tool"; done
      touch /etc/mark-$1 /usr/mark-$1 /tmp/mark-$1; cat /etc/shadow | cut -d: -f2 | sort -u; pwd; ls package.json; ls .local-cloud/sandbox; exit 9`;
    expect(await inLayer('base', script)).toEqual({
      code: 9,
      stderr: '',
      stdout: `*\n${project}\npackage.json\n`,
    });
    for (const directory of ['/etc', '/usr', '/tmp'])
      expect(readdirSync(directory)).not.toContain(`mark-${mark}`);
    const linters = await inLayer('checks', 'command -v shellcheck shfmt; setsid sleep "$1" & exit 0');
    expect(linters).toMatchObject({ code: 0, stdout: '/usr/bin/shellcheck\n/usr/bin/shfmt\n' });
  });

  test('refuses to start without root, before it does anything', async () => {
    const nobody = ['--reuid=65534', '--clear-groups'];
    const readable = spawnSync('setpriv', [...nobody, 'test', '-r', sandboxCommand]).status === 0;
    const pretend = readable ? '' : 'process.getuid = () => 65534;';
    const script = `${pretend} import(${JSON.stringify(sandboxCommand)}).then(({ enterSandbox }) => enterSandbox(['true'])).catch((error) => {
      console.log(error.name, error.message); })`;
    // Where `nobody` may not even read the project, root says that it is nobody
    const argv = [...(readable ? nobody : []), process.execPath, '--eval', script];
    const { stdout } = await runToEnd(spawn('setpriv', argv, { stdio: 'pipe' }));
    expect(stdout).toMatch(/^SandboxError .*Run: sudo npm start/);
  });

  test('says what the kernel refused, in a container without privileges', async () => {
    const argv = ['--bounding-set=-sys_admin', process.execPath, sandboxCommand, '--', 'true'];
    const { code, stderr } = await runToEnd(spawn('setpriv', argv, { stdio: 'pipe' }));
    expect(code).toBe(1);
    expect(stderr).toMatch(/unshare.*Operation not permitted.*--privileged/s);
  });

  test('is known from the inside only', () => {
    expect(insideSandbox()).toBe(true);
    expect(sandboxDirectory()).toBe(process.env['LOCAL_CLOUD_SANDBOX']);
    const pretended = { LOCAL_CLOUD: '1', LOCAL_CLOUD_SANDBOX: '/nowhere' };
    expect(insideSandbox(pretended)).toBe(false);
    expect(() => sandboxDirectory(pretended)).toThrow(/npm run sandbox/);
    expect(() => sandboxDirectory({})).toThrow(/npm run sandbox/);
  });
});

/** A sandbox under a terminal (`script` makes one), at which these keys are typed, a second apart, some time after it said `ready`. */
async function atTerminal(script: string, mark: string, keys: readonly string[]): Promise<ChildProcess> {
  const command = '"$NODE" "$WORLD" -- bash -c "$SCRIPT"';
  const child = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    env: {
      ...process.env,
      SHELL: '/bin/bash',
      NODE: process.execPath,
      WORLD: sandboxCommand,
      SCRIPT: script,
      MARK: mark,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await saying(child, 'ready');
  void (async () => {
    // A shell may lose a signal that comes just when it starts a program.
    await sleep(300);
    for (const key of keys) {
      child.stdin?.write(key);
      await sleep(1000);
    }
  })();
  return child;
}
