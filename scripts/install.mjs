import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const project = fileURLToPath(new URL('..', import.meta.url));
export const modules = join(project, 'node_modules');

export function fail(message) {
  console.error(`hostsync: ${message}`);
  process.exit(1);
}

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

/** Installs the packages when they are missing or old. */
export function install() {
  if (Number(process.versions.node.split('.')[0]) < 20)
    fail(`this needs Node.js 20 or later, and this is ${process.version}: install a newer one`);
  if (isInstalled()) return;
  console.error('hostsync: installing the npm packages (once) …');
  // npm tells where it is to the scripts it runs; without npm around us, or with npx, the one on PATH is taken
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const [command = 'npm', ...first] = npm;
  const { status } = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: project,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('npm ci failed; its own words stand above');
}
