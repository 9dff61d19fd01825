import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  commandDocument,
  hostDocuments,
  installDocument,
  installParts,
} from '../../scripts/host-documents.mjs';
import { type HostPackage, packFiles, readPackage } from '../../scripts/host-package.mjs';
import { maximumRequestLength } from '../../shared/core/model/request.ts';
import { commands, directory } from './package.ts';

const documents = hostDocuments(directory, '1.2.3');
const thePackage = readPackage(directory, '1.2.3');
const small = (text: string): HostPackage => {
  const files = { '__main__.py': text, 'hostsync_host/x.py': '' };
  const source = mkdtempSync(join(tmpdir(), 'package-'));
  mkdirSync(join(source, 'hostsync_host'));
  for (const [name, each] of Object.entries(files)) writeFileSync(join(source, name), each);
  const found = readPackage(source, '1.2.3');
  rmSync(source, { recursive: true });
  return found;
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'documents-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The text that the agent runs, with its parameters in place, and with our own root for the host's. */
function textOf(document: object, parameters: Readonly<Record<string, string>> = {}): string {
  const { mainSteps } = JSON.parse(JSON.stringify(document));
  const text: string = mainSteps[0].inputs.runCommand.join('\n');
  return text
    .replaceAll(/\{\{ (\w+) \}\}/gu, (_, name: string) => parameters[name] ?? '')
    .replaceAll('/usr/local/lib/hostsync', `${root}/releases`)
    .replaceAll('/etc/hostsync', `${root}/etc`)
    .replaceAll('/var/lib/hostsync', `${root}/var`);
}

function runText(text: string): {
  code: number | null;
  answer: Readonly<Record<string, unknown>>;
  stderr: string;
} {
  const file = join(root, 'script');
  writeFileSync(file, text, { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync(file, { encoding: 'utf8', env: {} });
  return {
    code: status,
    answer: stdout === '' ? {} : JSON.parse(stdout.trim().split('\n').at(-1) ?? ''),
    stderr,
  };
}

const install = (number: number, of = thePackage) => runText(textOf(installDocument(number, of, directory)));
const numbers = Array.from({ length: installParts }, (_, index) => index + 1);
const installAll = (of = thePackage) => {
  for (const number of numbers) install(number, of);
};
const releases = () =>
  readdirSync(join(root, 'releases')).filter((name) => !name.startsWith('.') && name !== 'current');
const request = (text: string) => ({ request: deflateSync(text).toString('base64') });

describe('documents', () => {
  it('are the same for the same files, and say which release they run', () => {
    expect([...hostDocuments(directory, '1.2.3')]).toEqual([...documents]);
    expect(packFiles(thePackage.files)).toBe(packFiles(readPackage(directory, '1.2.3').files));
    for (const name of commands)
      expect(textOf(documents.get(`host: ${name}`) ?? {})).toContain(thePackage.release);
  });

  it('leave room for the longest request that the service sends', () => {
    for (const name of commands) {
      const content = JSON.stringify(documents.get(`host: ${name}`));
      expect(Buffer.byteLength(content) + maximumRequestLength).toBeLessThanOrEqual(64 * 1024);
      expect(content).toContain(`"maxChars":${maximumRequestLength}}`);
    }
  });

  it('are POSIX sh', () => {
    for (const [name, document] of documents) {
      const checked = spawnSync('sh', ['-n'], { input: textOf(document), encoding: 'utf8' });
      expect([name, checked.stderr, checked.status]).toEqual([name, '', 0]);
    }
  });
});

describe('the parts of the package', () => {
  it('install it when the last one has come, in any order, and are compiled', () => {
    for (const number of [...numbers.slice(1).reverse(), 2])
      expect(install(number)).toMatchObject({ code: 0, answer: { kind: 'install', installed: false } });
    expect(install(1)).toMatchObject({ code: 0, answer: { installed: true, release: thePackage.release } });
    expect(readlinkSync(join(root, 'releases/current'))).toBe(thePackage.release);
    const installed = join(root, 'releases', thePackage.release);
    for (const [name, text] of Object.entries(thePackage.files))
      expect(readFileSync(join(installed, name), 'utf8')).toBe(text);
    expect(readdirSync(join(installed, 'hostsync_host/__pycache__')).length).toBeGreaterThan(5);
    expect(readdirSync(join(root, 'releases')).filter((name) => name.startsWith('.part'))).toEqual([]);
    expect(install(2)).toMatchObject({ code: 0, answer: { installed: true } });
  });

  it('may come at the same time', async () => {
    const ends = numbers.map(async (number) => {
      const file = join(root, `script-${number}`);
      writeFileSync(file, textOf(installDocument(number, thePackage, directory)), { mode: 0o755 });
      const child = spawn(file, { env: {}, stdio: 'ignore' });
      return (await once(child, 'close'))[0];
    });
    expect(await Promise.all(ends)).toEqual(numbers.map(() => 0));
    expect(releases()).toEqual([thePackage.release]);
  });

  it('that are not those of the release install nothing', () => {
    const { release } = thePackage;
    const { files } = small('print("evil")');
    for (const number of numbers.filter((each) => each !== 2)) install(number, { release, files });
    expect(install(2, { release, files })).toMatchObject({
      code: 13,
      answer: { error: 'not-ready', message: expect.stringContaining('the content is not that of') },
    });
    expect(releases()).toEqual([]);
    // and the right ones mend it
    installAll();
    expect(releases()).toEqual([release]);
  });

  it('are refused without a Python that can run them, in JSON', () => {
    const text = textOf(installDocument(1, thePackage, directory)).replaceAll(
      '/usr/bin/python3',
      '/usr/bin/python2',
    );
    expect(runText(text)).toMatchObject({ code: 13, answer: { kind: 'error', error: 'not-ready' } });
  });
});

describe('an upgrade', () => {
  it('leaves the release before it, and whatever still runs', async () => {
    const waiting = small(
      'import sys, os, fcntl\nfd = os.open(os.path.dirname(os.path.abspath(__file__)), os.O_RDONLY)\nfcntl.flock(fd, fcntl.LOCK_SH)\nprint("up", flush=True)\nsys.stdin.read()\nimport hostsync_host.x\nprint("done")',
    );
    installAll(waiting);
    const child = spawn('/usr/bin/python3', ['-I', join(root, 'releases', waiting.release)]);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    await once(child.stdout, 'data');
    for (const text of ['1', '2', '3']) installAll(small(text));
    expect(releases()).toHaveLength(3);
    expect(existsSync(join(root, 'releases', waiting.release))).toBe(true);
    child.stdin.end();
    await once(child, 'close');
    expect(said).toBe('up\ndone\n');
    installAll(small('4'));
    expect(releases().toSorted()).toEqual([small('3').release, small('4').release].toSorted());
  });

  it('from the repository is one command', () => {
    cpSync(directory, join(root, 'host'), { recursive: true });
    const file = join(root, 'host/install.py');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/usr/local/lib/hostsync', `${root}/releases`));
    const { status, stdout } = spawnSync(join(root, 'host/install.sh'), {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('"installed": true') });
    // the same digest as the documents'
    expect(releases()).toEqual([thePackage.release.replace('1.2.3', 'local')]);
  });
});

describe('a command', () => {
  it('of another release is an answer, not an error', () => {
    expect(runText(textOf(documents.get('host: push') ?? {}, request('x')))).toMatchObject({
      code: 16,
      answer: { v: 1, kind: 'error', error: 'other-release' },
    });
  });

  it('is run by name, with its request compressed', () => {
    installAll();
    const { code, answer } = runText(textOf(documents.get('host: probe') ?? {}, request('group\t..\n')));
    expect({ code, answer }).toMatchObject({
      code: 12,
      answer: { message: expect.stringContaining('group ".."') },
    });
  });

  it('says in JSON that Python is missing', () => {
    const text = textOf(commandDocument('push', '1'), request('x')).replaceAll(
      '/usr/bin/python3',
      '/nowhere/python3',
    );
    expect(runText(text)).toMatchObject({ code: 13, answer: { kind: 'error', error: 'not-ready' } });
  });
});

describe('uninstall', () => {
  const uninstall = () =>
    runText(textOf(documents.get('host: uninstall') ?? {}, { group: 'web', purge: '' }));

  it('finds nothing to do on a host that has nothing of it', () => {
    expect(uninstall()).toMatchObject({ code: 0, answer: { kind: 'uninstall', kept: [] } });
  });

  it('does not call a host clean whose package is gone, while something else is left', () => {
    mkdirSync(join(root, 'etc'));
    expect(uninstall()).toMatchObject({ code: 16, answer: { kind: 'error', error: 'other-release' } });
  });
});

describe('the fence of a former primary needs no Python', () => {
  const leave = (fence: string) => {
    const text = textOf(documents.get('host: leave') ?? {}, { ...request('x'), fence });
    return runText(text.replaceAll('/usr/bin/python3', '/nowhere/python3'));
  };
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  beforeEach(() => {
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/group'), 'group\tweb\nepoch\t9\nholder\ti-1\n');
    writeFileSync(join(root, 'etc/id_ed25519'), 'secret');
  });

  it('its key goes, and the new epoch is there', () => {
    expect(leave('web 10 i-2')).toMatchObject({ code: 13, stderr: '' });
    expect(read('etc/group')).toBe('group\tweb\nepoch\t10\nholder\ti-2\n');
    expect(existsSync(join(root, 'etc/id_ed25519'))).toBe(false);
    expect(read('var/held-epoch')).toBe('9\n');
    // once more changes nothing
    leave('web 11 i-3');
    expect(read('var/held-epoch')).toBe('9\n');
  });

  it.each(['', 'web 9 i-2', 'web 8 i-2', 'other 10 i-2'])('but not for "%s"', (fence) => {
    leave(fence);
    expect(read('etc/group')).toBe('group\tweb\nepoch\t9\nholder\ti-1\n');
    expect(existsSync(join(root, 'etc/id_ed25519'))).toBe(true);
  });
});
