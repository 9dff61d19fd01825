import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Workload } from '../../../bench/workload.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bench-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Type, size, time and content of every entry. */
function look(): ReadonlyMap<string, string> {
  const names = ['.', ...readdirSync(root, { recursive: true, encoding: 'utf8' })];
  return new Map(
    names.map((name) => {
      const path = join(root, name);
      const stat = statSync(path);
      const content = stat.isFile() ? readFileSync(path, 'base64') : 'directory';
      return [name, `${stat.mtimeMs} ${content}`];
    }),
  );
}

function make(fileBytes = 100): Workload {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return new Workload({ root, files: 1000, fileBytes, owner });
}

it('makes as many files as it was asked for, of the size asked for', async () => {
  const workload = make();
  await workload.grow(700);
  await workload.grow();
  const files = [...look().values()].filter((text) => !text.endsWith('directory'));
  expect(files).toHaveLength(1000);
  expect(new Set(files.map((text) => Buffer.from(text.split(' ')[1] ?? '', 'base64').length))).toEqual(
    new Set([100]),
  );
});

// Else one tool would be measured with another change than the next.
it.each([
  ['nothing', 0, 0],
  ['changed', 50, 0],
  ['new', 0, 50],
  ['renamed', 0, 50],
] as const)(
  'the change "%s" can be made, taken back and made again, to the last bit',
  async (name, changed, added) => {
    const workload = make();
    await workload.grow();
    const before = look();
    const change = workload.change(name);
    await change.apply();
    const after = look();
    const isFile = (text: string) => !text.endsWith('directory');
    const fresh = [...after].filter(([path, text]) => isFile(text) && !before.has(path));
    const other = [...after].filter(([path, text]) => before.has(path) && before.get(path) !== text);
    expect(fresh).toHaveLength(added);
    expect(other).toHaveLength(changed);
    await change.undo();
    expect(look()).toEqual(before);
    await change.apply();
    expect(look()).toEqual(after);
  },
);
