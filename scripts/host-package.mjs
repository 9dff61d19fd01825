import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

/**
 * Every module of the host package by its path, in the order of their names, and what the release is called: the version and a
 * digest of all of it, as host/install.py computes it.
 *
 * @param {string} directory that of the package, host/
 * @param {string} version
 * @returns {{ release: string, files: Readonly<Record<string, string>> }}
 */
export function readPackage(directory, version) {
  const modules = readdirSync(join(directory, 'hostsync_host'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.py'),
  );
  const names = ['__main__.py', ...modules.map((name) => `hostsync_host/${name}`)].toSorted();
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
  const digest = createHash('sha256');
  for (const name of names) digest.update(`${name}\0${files[name]}\0`);
  return { release: `${version}-${digest.digest('hex').slice(0, 16)}`, files };
}

/**
 * The package in one text, and the same bytes for the same files: JSON, compressed, in base64.
 *
 * @param {Readonly<Record<string, string>>} files
 */
export function packFiles(files) {
  return deflateSync(JSON.stringify(files), { level: 9 }).toString('base64');
}
