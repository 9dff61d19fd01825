// The entry of every npm script. It runs on whatever Node.js the machine has, from version 20 on, installs the
// packages when they are missing or old, and then runs scripts/tasks.ts on the Node.js of the Lambda runtime, which
// is one of those packages.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const modules = join(project, 'node_modules');

function fail(message) {
  console.error(`hostsync: ${message}`);
  process.exit(1);
}

if (process.platform !== 'linux')
  fail(
    `this needs Linux (namespaces, overlayfs), and this is ${process.platform}: use a Linux machine or virtual machine`,
  );
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`this needs Node.js 20 or later, and this is ${process.version}: install a newer one`);

/** The packages of a lock file, by folder; none if there is no such file or it was not written to its end. */
function packagesOf(lockFile) {
  try {
    return Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {});
  } catch {
    return [];
  }
}

/**
 * Has `npm ci` run since package-lock.json changed, whoever started it? When npm is done it writes what it has installed to
 * node_modules/.package-lock.json: the same entries, but for the project itself and for what is optional and for other platforms.
 */
function isInstalled() {
  const wanted = new Map(packagesOf(join(project, 'package-lock.json')));
  const installed = new Map(packagesOf(join(modules, '.package-lock.json')));
  wanted.delete('');
  const same = (one, other) =>
    one.version === other.version && one.link === other.link && one.integrity === other.integrity;
  return (
    installed.size > 0 &&
    [...installed].every(([folder, entry]) => wanted.has(folder) && same(entry, wanted.get(folder))) &&
    [...wanted].every(([folder, entry]) => installed.has(folder) || entry.optional)
  );
}

if (!isInstalled()) {
  console.error('hostsync: installing the npm packages (once) …');
  // npm tells where it is to the scripts it runs; without npm around us, the one on PATH is taken
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const [command = 'npm', ...first] = npm;
  const { status } = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: project,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('npm ci failed; its own words stand above');
}

const node = join(modules, 'node', 'bin', 'node');
if (!existsSync(node))
  fail(
    'the package "node" did not install its program: allow its install script (package.json does, with npm 10 or later), remove node_modules and try again',
  );

const child = spawn(node, [join(project, 'scripts', 'tasks.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
  },
});
// Ctrl-C reaches the whole foreground group; the child cleans up, and we wait for it
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// When whoever started us is killed, nothing is to go on without him. npm has a shell between itself and us
function parentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) \S+ (\d+) .*$/s, '$1');
  } catch {
    return '';
  }
}
const ancestors = () =>
  (process.env.npm_lifecycle_event ? [process.ppid, parentOf(process.ppid)] : [process.ppid]).join();
const started = ancestors();
setInterval(() => {
  if (ancestors() !== started) child.kill('SIGTERM');
}, 500).unref();
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
