/**
 * The most that EventBridge takes of what `wildcardComplexity` says. It does not publish it: rules of 8 and 9 are reported as accepted, rules of
 * 11 and more as refused.
 */
export const mostComplexity = 10;

type Token = string | typeof anyText;
const anyText = Symbol('*');

/** Stands for each character that is in no pattern. */
const otherCharacter = '';

interface Path {
  readonly tokens: readonly Token[];
  /** what the patterns of one matcher share is counted once: a name for each beginning, by its length */
  readonly names: readonly string[];
}

/**
 * How many beginnings of these wildcard patterns one text can match at once: what Event Ruler holds in memory while it reads the text.
 *
 * @param matchers the wildcard patterns of each matcher of a leaf: one, or those of an `anything-but`; `\*` and `\\` are these characters
 * @returns at most one more than `mostComplexity`; for an `anything-but` of several patterns sometimes 1 more than Event Ruler says
 * @see event-ruler, MachineComplexityEvaluator.java
 */
export function wildcardComplexity(matchers: readonly (readonly string[])[]): number {
  const different = new Map(matchers.map((patterns) => [JSON.stringify(patterns), new Set(patterns)]));
  const paths = [...different.values()].flatMap((patterns, matcher) =>
    [...patterns].map((pattern) => pathOf(pattern, matcher)),
  );
  const characters = new Set(paths.flatMap(({ tokens }) => tokens.filter((token) => token !== anyText)));
  const seen = new Set<string>();
  const pending = [paths.map((): readonly number[] => [0])];
  let most = 0;
  for (let active = pending.pop(); active !== undefined && most <= mostComplexity; active = pending.pop()) {
    for (const character of [...characters, otherCharacter]) {
      const next = paths.map(({ tokens }, index) => step(tokens, active[index] ?? [], character));
      const names = paths.flatMap((path, index) => (next[index] ?? []).map((length) => path.names[length]));
      most = Math.max(most, new Set(names).size);
      const key = JSON.stringify(next);
      if (!seen.has(key)) pending.push(next);
      seen.add(key);
    }
  }
  return Math.min(most, mostComplexity + 1);
}

/** Event Ruler matches texts with their quotation marks. Paths of one matcher are one as far as their first `*`, and at their end. */
function pathOf(pattern: string, matcher: number): Path {
  const parts = pattern.match(/\\[\s\S]|[\s\S]/gu) ?? [];
  const written = ['"', ...parts, '"'];
  const firstWildcard = written.indexOf('*');
  const names = [...written.keys(), written.length].map((length) => {
    if (length === written.length) return `${matcher} end`;
    const isShared = firstWildcard === -1 || length <= firstWildcard + 1;
    return isShared ? `${matcher} ${written.slice(0, length).join('')}` : `${matcher} ${pattern} ${length}`;
  });
  return { names, tokens: written.map((part) => (part === '*' ? anyText : part.replace(/^\\/, ''))) };
}

/** Which beginnings of a pattern match, by their length, when the text goes on with this character. */
function step(tokens: readonly Token[], lengths: readonly number[], character: string): readonly number[] {
  const next = lengths.flatMap((length) => [
    ...(tokens[length - 1] === anyText ? [length] : []),
    ...(tokens[length] === character ? [length + 1] : []),
  ]);
  const withEmptyText = next.flatMap((length) =>
    tokens[length] === anyText ? [length, length + 1] : [length],
  );
  return [...new Set(withEmptyText)];
}
