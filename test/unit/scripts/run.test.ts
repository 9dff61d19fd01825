import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

// Who has run `npm ci` does not wait for it a second time, and who has pulled a change does not run with yesterday's packages.

type Packages = Record<string, object>;
const wanted: Packages = {
  '': { name: 'project', workspaces: ['packages/*'] },
  'node_modules/valibot': { version: '1.5.0', integrity: 'sha512-a' },
  'node_modules/local': { resolved: 'packages/local', link: true },
  'packages/local': { version: '0.1.0' },
  'node_modules/@esbuild/linux-x64': { version: '0.28.2', integrity: 'sha512-b', optional: true },
  'node_modules/@esbuild/win32-x64': { version: '0.28.2', integrity: 'sha512-c', optional: true },
};
/** What npm notes when it is done: not the project itself, nor what is for other platforms. */
const installed = without('', 'node_modules/@esbuild/win32-x64');

function without(...folders: readonly string[]): Packages {
  return Object.fromEntries(Object.entries(wanted).filter(([folder]) => !folders.includes(folder)));
}

let project = '';
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'hostsync-test-'));
  for (const directory of ['scripts', 'node_modules/node/bin', 'bin'])
    mkdirSync(join(project, directory), { recursive: true });
  for (const name of ['run', 'install', 'serverless'])
    copyFileSync(
      resolve(import.meta.dirname, `../../../scripts/${name}.mjs`),
      join(project, `scripts/${name}.mjs`),
    );
  script('node_modules/node/bin/node', 'echo "task $2"');
  script('bin/npm', 'echo "npm $1"');
  lock('package-lock.json', wanted);
});
afterEach(() => {
  rmSync(project, { recursive: true });
});

function script(path: string, text: string): void {
  writeFileSync(join(project, path), `#!/bin/sh\n${text}\n`);
  chmodSync(join(project, path), 0o755);
}

function lock(path: string, packages: Packages): void {
  writeFileSync(join(project, path), JSON.stringify({ lockfileVersion: 3, packages }));
}

/** What runs when somebody runs the task `unit`. */
function runs(): string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(project, 'scripts/run.mjs'), 'unit'], {
    env: { PATH: `${join(project, 'bin')}:/usr/bin:/bin` },
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return `${stderr}${stdout}`.split('\n').filter((line) => /^(?:npm|task) /.test(line));
}

it('after npm ci, whoever ran it, nothing is installed', () => {
  lock('node_modules/.package-lock.json', installed);
  expect(runs()).toEqual(['task unit']);
});

it.each<[string, Packages]>([
  ['a package is missing', without('', 'node_modules/@esbuild/win32-x64', 'node_modules/valibot')],
  [
    'a package has another version',
    { ...installed, 'node_modules/valibot': { version: '1.4.0', integrity: 'sha512-a' } },
  ],
  [
    'a package has another content',
    { ...installed, 'node_modules/valibot': { version: '1.5.0', integrity: 'sha512-z' } },
  ],
  [
    'a package is there that is not wanted any more',
    { ...installed, 'node_modules/old': { version: '1.0.0' } },
  ],
  ['a workspace was installed as a package', { ...installed, 'node_modules/local': { version: '0.1.0' } }],
  [
    'only what production needs was installed',
    without('', 'node_modules/@esbuild/win32-x64', 'node_modules/@esbuild/linux-x64', 'packages/local'),
  ],
])('when %s, npm ci runs first', (_what, packages) => {
  lock('node_modules/.package-lock.json', packages);
  expect(runs()).toEqual(['npm ci', 'task unit']);
});

it('when nothing was installed, or npm was killed over it, npm ci runs first', () => {
  expect(runs()).toEqual(['npm ci', 'task unit']);
  writeFileSync(join(project, 'node_modules/.package-lock.json'), '{"packages": {"node_mod');
  expect(runs()).toEqual(['npm ci', 'task unit']);
});

/** Runs the framework as deploying people do, with a registry that does not answer. @returns which programs ran, and how */
function serverless(command: readonly string[]): string[] {
  const [program = '', ...words] = [...command, 'deploy', '--param=alert-email=a b'];
  const { stdout, stderr } = spawnSync(program, words, {
    cwd: project,
    env: {
      PATH: `${join(project, 'bin')}:${process.env['PATH']}`,
      HOME: project,
      npm_config_cache: join(project, 'cache'),
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_update_notifier: 'false',
    },
    encoding: 'utf8',
  });
  return `${stderr}${stdout}`.split('\n').filter((line) => /^(?:npm ci|framework)/u.test(line));
}

it('npx serverless is never somebody else’s package: what package.json names is installed first', () => {
  const { bin } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'sample', version: '1.0.0', bin }));
  chmodSync(join(project, bin.serverless), 0o755);
  mkdirSync(join(project, 'node_modules/serverless/bin'), { recursive: true });
  writeFileSync(
    join(project, 'node_modules/serverless/bin/serverless.js'),
    'console.log("framework", ...process.argv.slice(2), process.cwd());',
  );
  const done = `framework deploy --param=alert-email=a b ${project}`;
  expect(serverless([process.execPath, join(project, bin.serverless)])).toEqual(['npm ci', done]);
  lock('node_modules/.package-lock.json', installed);
  expect(serverless(['npx', 'serverless'])).toEqual([done]);
});
