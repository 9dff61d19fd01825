import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const rows = [
  ...read('docs/reference/limits.md').matchAll(/^\| [^|]+ \| ([\d,]+) \| [^|]+ \| `([^`]+)` `(\w+)` \|$/gmu),
].map(([, limit = '', file = '', name = '']) => [name, file, Number(limit.replaceAll(',', ''))] as const);

it.each(rows)('docs/reference/limits.md has the value of %s in %s', (name, file, limit) => {
  const [, value = ''] =
    new RegExp(`^(?:export const|const)? ?${name} = ([\\d_ *]+);?$`, 'mu').exec(read(file)) ?? [];
  expect(value, `${name} is no number in ${file}`).not.toBe('');
  expect(value.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1)).toBe(
    limit,
  );
});

it('every row of the table is compared', () => {
  expect(rows.length).toBe(read('docs/reference/limits.md').split('\n| ').length - 3);
});
