import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { play } from './transcript.ts';

const directory = join(import.meta.dirname, 'transcripts');
const stories = readdirSync(directory).filter((name) => name.endsWith('.txt'));

// A decision that changes shows here as a change of text: npm run unit -- transcripts -u writes the stories anew, for you to review.
it.each(stories)('%s', async (name) => {
  const file = join(directory, name);
  await expect(play(readFileSync(file, 'utf8'))).toMatchFileSnapshot(file);
});

it('says what is no order', () => {
  expect(() => play('group 2\n\nexplode 1')).toThrow('"explode 1" is no order');
});
