// What the tests of the core take from vitest, where Stryker runs them: the tests are kept, to be run as often as there are mutants.
import { readFileSync } from 'node:fs';
import { format } from 'node:util';

/** A test that can be run at any time. */
export interface KeptTest {
  readonly file: string;
  readonly name: string;
  readonly run: () => unknown;
}

export const tests: KeptTest[] = [];

const state = { file: '', suite: '' };

/** Loads one file of tests. */
export async function collect(file: string, load: () => Promise<unknown>): Promise<void> {
  Object.assign(state, { file, suite: '' });
  await load();
}

// Of vitest only its expectations are used; they ask for the settings of a worker
Reflect.set(globalThis, '__vitest_worker__', { config: {}, environment: { name: 'node' }, metaEnv: {} });
const { expect } = await import('vitest');

export { expect };

expect.extend({
  toMatchFileSnapshot(received: unknown, file: unknown) {
    const pass = received === readFileSync(String(file), 'utf8');
    return { pass, message: () => `it differs from ${file}` };
  },
});

type Body = (...values: readonly unknown[]) => unknown;

/** The body stands last; options, as a time-out, before it. */
function bodyOf(words: readonly unknown[]): Body {
  const body = words.findLast((word): word is Body => typeof word === 'function');
  if (body === undefined) throw new TypeError('a test has a function');
  return body;
}

/** For each row of a table, with its values as arguments. */
function forEachRow(keep: (name: string, body: () => unknown) => void) {
  return (rows: readonly unknown[]) =>
    (name: string, ...words: readonly unknown[]): void => {
      const body = bodyOf(words);
      for (const row of rows) {
        const values: readonly unknown[] = Array.isArray(row) ? row : [row];
        keep(format(name, ...values), () => body(...values));
      }
    };
}

function keepTest(name: string, run: () => unknown): void {
  const full = `${state.suite}${name}`;
  const alike = tests.filter((each) => each.file === state.file && each.name.split(' #')[0] === full).length;
  tests.push({ file: state.file, name: alike === 0 ? full : `${full} #${alike + 1}`, run });
}

function describeSuite(name: string, body: () => unknown): void {
  const { suite } = state;
  state.suite = `${suite}${name} `;
  body();
  state.suite = suite;
}

export const it = Object.assign(
  (name: string, ...words: readonly unknown[]) => keepTest(name, () => bodyOf(words)()),
  { each: forEachRow(keepTest) },
);
export const test = it;
export const describe = Object.assign(describeSuite, { each: forEachRow(describeSuite) });
