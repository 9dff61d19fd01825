import type { Host } from 'local-cloud/hosts';

/** What one entry of a tree is: all that must be the same on two hosts. The key of the map it stands in is its path. */
export interface TreeEntry {
  /** As `find -printf %y`: f, d, l, p, s, b, c. */
  readonly type: string;
  /** Octal, with the setuid, setgid and sticky bits. */
  readonly mode: string;
  /** Numeric owner and group. */
  readonly owner: string;
  /** Seconds since 1970, with the fraction that the file system keeps. Of a link: its own. */
  readonly modified: string;
  /** Bytes; of a regular file only. */
  readonly size: string;
  /** SHA-256 of a regular file, target of a symbolic link. */
  readonly content: string;
}

/** Every entry below a directory, and the directory itself as `.`; the keys are raw bytes read as Latin-1, for a name need not be UTF-8. */
export type Tree = ReadonlyMap<string, TreeEntry>;

// One walk for the metadata, one for the contents; -z and %p\0 because a name may hold a line break. No rsync: that is what is being proven.
const script = `set -euo pipefail
cd -- "$1"
{
  find . -printf '%y\\t%m\\t%U:%G\\t%T@\\t%s\\t%p\\0%l\\0'
  printf 'END\\0\\0'
  find . -type f -print0 | xargs -0 -r sha256sum -z --
} | base64 -w0`;

/**
 * Reads a tree on a host.
 *
 * @throws {Error} with what the host said, if the directory cannot be read
 */
export async function readTree(host: Host, directory: string): Promise<Tree> {
  const { code, stdout: encoded, stderr } = await host.exec(['bash', '-c', script, 'bash', directory]);
  if (code !== 0) throw new Error(`${host.id}: cannot read ${directory}: ${stderr.trim()}`);
  const stdout = Buffer.from(encoded, 'base64').toString('latin1');
  const end = stdout.indexOf('\0END\0\0');
  const hashes = new Map<string, string>();
  for (const line of stdout.slice(end + 6).split('\0'))
    if (line !== '') hashes.set(line.slice(66), line.slice(0, 64));
  const tree = new Map<string, TreeEntry>();
  const fields = stdout.slice(0, end).split('\0');
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [type = '', mode = '', owner = '', modified = '', size = '', ...name] = (fields[index] ?? '').split(
      '\t',
    );
    const path = name.join('\t');
    const content = type === 'f' ? (hashes.get(path) ?? 'vanished') : (fields[index + 1] ?? '');
    tree.set(path, { type, mode, owner, modified, size: type === 'f' ? size : '', content });
  }
  return tree;
}

/** What differs between two trees, a line each, at most `most` of them; none if they are the same. */
export function compareTrees(expected: Tree, actual: Tree, most = 10): readonly string[] {
  const differences: string[] = [];
  for (const [path, entry] of expected) {
    const other = actual.get(path);
    if (other === undefined) differences.push(`missing: ${printable(path)}`);
    else
      for (const [field, value] of Object.entries(entry)) {
        const actualValue = Object.entries(other).find(([name]) => name === field)?.[1];
        if (value !== actualValue)
          differences.push(`${printable(path)}: ${field} is ${actualValue}, not ${value}`);
      }
  }
  for (const path of actual.keys()) if (!expected.has(path)) differences.push(`too much: ${printable(path)}`);
  return differences.length > most
    ? [...differences.slice(0, most), `and ${differences.length - most} more`]
    : differences;
}

function printable(path: string): string {
  return JSON.stringify(Buffer.from(path, 'latin1').toString('utf8'));
}
