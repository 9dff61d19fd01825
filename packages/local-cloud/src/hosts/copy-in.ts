import type { ChildProcess } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { CommandError, exitCode } from './command.ts';
import { type CopyOptions, HostError } from './host.ts';

/** Starts a program in a host, with these as its first descriptors. */
export type StartInHost = (
  argv: readonly string[],
  stdio: readonly ('ignore' | 'pipe' | number)[],
) => ChildProcess;

/** $1: where to, $2: the owner or nothing. The host cannot see what is copied, but it is handed it, open, as descriptor 3. */
const copyDirectory = `set -o pipefail
  mkdir -p -- "$1" && cp -a /proc/self/fd/3/. "$1" || exit
  if [[ -n $2 ]]; then cd /proc/self/fd/3 && find . -print0 | (cd -- "$1" && xargs -0 chown -h -- "$2"); fi`;
const copyFile = `mkdir -p -- "\${1%/*}/" && cp -aLT /proc/self/fd/3 "$1" || exit
  if [[ -n $2 ]]; then chown -- "$2" "$1"; fi`;

/**
 * See Host.copyIn.
 * @throws CommandError with what cp or chown said
 */
export async function copyIntoHost(
  start: StartInHost,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<void> {
  const kind = await stat(from);
  if (!kind.isDirectory() && !kind.isFile())
    throw new HostError(`${from} is neither a file nor a directory.`);
  const source = await open(from, 'r');
  try {
    const script = kind.isDirectory() ? copyDirectory : copyFile;
    const argv = ['bash', '-c', script, 'copyIn', to, options.owner ?? ''];
    const child = start(argv, ['ignore', 'ignore', 'pipe', source.fd]);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const code = await new Promise<number>((resolve) => {
      child.on('close', (status, signal) => resolve(exitCode(status, signal)));
    });
    if (code !== 0) throw new CommandError(['copyIn', from, to], code, said);
  } finally {
    await source.close();
  }
}
