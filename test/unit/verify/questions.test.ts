import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { askedIds } from '../../../verify/ask.ts';
import { fidelityQuestions, otherQuestions } from '../../../verify/questions.ts';

const fidelity = readFileSync('packages/local-cloud/docs/fidelity.md', 'utf8').split('\n');
const open = fidelity.filter((line) => line.startsWith('|') && line.includes('[?]'));

it('every [?] of the documentation is asked on AWS, or says why not', () => {
  for (const line of open)
    expect(fidelityQuestions.filter(({ row }) => line.includes(row)).length, `questions for: ${line}`).toBe(
      1,
    );
  for (const { row } of fidelityQuestions)
    expect(open.filter((line) => line.includes(row)).length, `lines for: ${row}`).toBe(1);
});

it('no other document leaves something open that no run asks', () => {
  const documents = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  const marked = documents.filter((name) => readFileSync(`docs/${name}`, 'utf8').includes('[?]'));
  // The page that explains the mark
  expect(marked.filter((name) => name !== 'guides/verify-live.md')).toEqual([]);
});

it('each question that is asked has a way to ask it, and each way a question', () => {
  const asked = [...fidelityQuestions, ...otherQuestions].filter(({ notAsked }) => notAsked === undefined);
  expect(asked.map(({ id }) => id).sort()).toEqual([...askedIds].sort());
});
