import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Journal } from '../fuzz/journal.ts';
import { fuzz } from '../fuzz/run.ts';

/** Its first rounds have full disks, kills, damaged memory, a cut and a power loss. */
const seed = 11;

it('whatever editors do and however pushes are disturbed, everything arrives in the end and nothing is ever away', async () => {
  const journal = new Journal(join('.hostsync', 'fuzz', 'integration.log'), console.log);
  await fuzz({ seed, minutes: 1440, rounds: 12, watch: false, keepDeleted: false }, journal);
  expect(journal.findings).toEqual([]);
});
