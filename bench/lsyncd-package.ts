import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const seconds = 120;

/** `on-machine`: the hosts see the machine's own. */
export type LsyncdPackage =
  | { readonly kind: 'on-machine' }
  | { readonly kind: 'unpacked'; readonly directory: string }
  | { readonly kind: 'missing'; readonly reason: string };

/**
 * Downloads lsyncd and what it needs that the machine does not have, and unpacks it below .hostsync. Nothing is installed on the
 * machine; the hosts see its /usr, and get what is unpacked here on top. Runs outside the sandbox, where the network is.
 *
 * @returns where it is unpacked, or why it cannot be had
 */
export async function getLsyncd(projectDirectory: string): Promise<LsyncdPackage> {
  if (existsSync('/usr/bin/lsyncd')) return { kind: 'on-machine' };
  const state = join(projectDirectory, '.hostsync', 'bench');
  const directory = join(state, 'lsyncd');
  if (existsSync(directory)) return { kind: 'unpacked', directory };
  await mkdir(state, { recursive: true });
  const temporary = await mkdtemp(join(state, 'lsyncd-'));
  try {
    const archives = join(temporary, 'archives');
    await mkdir(join(archives, 'partial'), { recursive: true });
    // Without a lock: nothing of the machine's is written
    const options = [`Dir::Cache::archives=${archives}`, 'Debug::NoLocking=1', 'APT::Sandbox::User=root'];
    const argv = ['install', '--download-only', '--no-install-recommends', '--yes'];
    await execute('apt-get', [...argv, ...options.flatMap((option) => ['-o', option]), 'lsyncd'], {
      timeout: seconds * 1000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    });
    const tree = join(temporary, 'tree');
    for (const name of await readdir(archives))
      if (name.endsWith('.deb')) await execute('dpkg-deb', ['--extract', join(archives, name), tree]);
    await rename(tree, directory);
    return { kind: 'unpacked', directory };
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return { kind: 'missing', reason: /^E: (.*)$/m.exec(said)?.[1]?.trim() ?? said.trim().slice(0, 200) };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
