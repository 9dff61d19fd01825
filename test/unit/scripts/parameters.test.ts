import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parametersPage } from '../../../scripts/parameters.ts';
import { settings } from '../../../shared/edge/settings.ts';

it('the page on parameters says what the code takes; else: node_modules/.bin/node scripts/parameters.ts > docs/reference/parameters.md', () => {
  const page = readFileSync(
    join(resolve(import.meta.dirname, '../../..'), 'docs/reference/parameters.md'),
    'utf8',
  );
  expect(page).toBe(parametersPage());
  for (const name of Object.keys(settings)) expect(page).toContain(`| \`${name}\` |`);
});
