import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../hosts/command.ts';
import { BaseLayerError, isOnMachine, isProgress, isThere } from './base-layer.ts';
import { runInNamespaces, scriptsDirectory } from './namespaces.ts';
import { machineNetwork } from './sandbox.ts';

/** Debian Policy 5.6.7; a version or an architecture could be anything else */
const packageName = /^[a-z0-9][a-z0-9+.-]+$/;

/** What this process has laid out or is about to, by sandbox and packages. */
const layers = new Map<string, Promise<string>>();

/**
 * A layer of Debian packages for hosts: makes it, unless `.local-cloud/` has it from an earlier time, and unpacks it in the sandbox. Packages
 * come from where the machine's own apt-get gets them; nothing is installed on the machine. Safe to run several times at once.
 *
 * @param sandbox the directory of the sandbox
 * @returns its name in the sandbox's `layers`
 * @throws BaseLayerError when the packages cannot be had; the message has apt-get's last words
 */
export function packageLayer(
  sandbox: string,
  packages: readonly string[],
  log: (line: string) => void,
): Promise<string> {
  const sorted = [...new Set(packages)].sort();
  const bad = sorted.find((name) => !packageName.test(name));
  if (bad !== undefined) throw new BaseLayerError(`${JSON.stringify(bad)} is no name of a Debian package.`);
  const memory = JSON.stringify([sandbox, sorted]);
  const known = layers.get(memory);
  if (known !== undefined) return known;
  const layer = layOut(sandbox, sorted, log);
  layers.set(memory, layer);
  // What failed may be tried again
  layer.catch(() => layers.delete(memory));
  return layer;
}

async function layOut(
  sandbox: string,
  packages: readonly string[],
  log: (line: string) => void,
): Promise<string> {
  const name = await nameOf(sandbox, packages);
  const archive = join(dirname(sandbox), `packages-${name}.tar`);
  const place = join(sandbox, 'layers', name);
  if (await isThere(place)) return name;
  if (await isThere(archive)) await utimes(archive, new Date(), new Date());
  else await make(sandbox, archive, packages, log);
  const partial = await mkdtemp(`${place}.`);
  await run(['bash', join(scriptsDirectory, 'unpack-layer.sh'), archive, partial]);
  try {
    await rename(partial, place);
  } catch (error) {
    // Another process was faster
    if (!(await isThere(place))) throw error;
    await rm(partial, { recursive: true });
  }
  return name;
}

async function make(
  sandbox: string,
  archive: string,
  packages: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  if (!(await isOnMachine('apt-get')))
    throw new BaseLayerError(`This machine has no apt-get to get ${packages.join(', ')} for hosts.`);
  const said: string[] = [];
  const lock = join(dirname(sandbox), 'base.lock');
  const script = join(scriptsDirectory, 'package-layer.sh');
  const code = await runInNamespaces({
    network: { file: machineNetwork(sandbox) },
    init: ['init.sh', 'bash', script, sandbox, lock, archive, ...packages],
    lines: (line) => {
      said.push(line);
      if (isProgress(line)) log(line);
    },
  });
  if (code !== 0) {
    throw new BaseLayerError(
      `Could not install ${packages.join(', ')} for hosts (exit code ${code}). The last words were:\n` +
        said.slice(-15).join('\n'),
    );
  }
}

/** Everything that the layer is made from. */
async function nameOf(sandbox: string, packages: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(packages));
  const sources = [
    join(sandbox, 'inside'),
    ...['package-layer.sh', 'install.sh', 'layer.sh'].map((name) => join(scriptsDirectory, name)),
  ];
  for (const path of sources) hash.update(`\0${path.slice(sandbox.length)}\0`).update(await readFile(path));
  return hash.digest('hex').slice(0, 16);
}
