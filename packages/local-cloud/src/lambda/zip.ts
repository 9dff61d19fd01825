import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { LocalCloudError } from '../base/errors.ts';

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

const endOfCentralDirectory = 0x06054b50;
const centralHeader = 0x02014b50;

/**
 * Unpacks a zip file; Node has no reader for them, and `unzip` is not on every machine.
 *
 * @throws LocalCloudError for what a bundle of Lambda does not use: zip64, encryption, other compressions
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export async function unzip(file: string, toDirectory: string): Promise<void> {
  for (const entry of readZip(await readFile(file), file)) {
    const path = normalize(entry.name);
    if (path.startsWith('..') || path.startsWith('/'))
      throw new LocalCloudError(`${file}: bad name ${entry.name}`);
    const target = join(toDirectory, path);
    if (entry.name.endsWith('/')) {
      await mkdir(target, { recursive: true });
      continue;
    }
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, entry.content);
    if (entry.mode !== 0) await chmod(target, entry.mode);
  }
}

function readZip(zip: Buffer, file: string): readonly Entry[] {
  const end = findEnd(zip, file);
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  if (count === 0xffff || at === 0xffffffff) throw new LocalCloudError(`${file}: zip64 is not supported`);
  const entries: Entry[] = [];
  for (let index = 0; index < count; index += 1) {
    if (zip.readUInt32LE(at) !== centralHeader)
      throw new LocalCloudError(`${file}: the central directory is broken`);
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.subarray(at + 46, at + 46 + nameLength).toString('utf8');
    entries.push({
      name,
      mode: (zip.readUInt32LE(at + 38) >>> 16) & 0o777,
      content: contentOf(zip, at, `${file}: ${name}`),
    });
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

function findEnd(zip: Buffer, file: string): number {
  for (let at = zip.length - 22; at >= Math.max(0, zip.length - 22 - 0xffff); at -= 1) {
    if (zip.readUInt32LE(at) === endOfCentralDirectory) return at;
  }
  throw new LocalCloudError(`${file} is not a zip file`);
}

function contentOf(zip: Buffer, header: number, where: string): Buffer {
  if ((zip.readUInt16LE(header + 8) & 1) !== 0) throw new LocalCloudError(`${where} is encrypted`);
  const method = zip.readUInt16LE(header + 10);
  const local = zip.readUInt32LE(header + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + zip.readUInt32LE(header + 20));
  if (method === 0) return packed;
  if (method === 8) return inflateRawSync(packed);
  throw new LocalCloudError(`${where} uses the compression ${method}, which is not supported`);
}
