import { LocalCloudError } from '../base/errors.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { compileMatcher, type Matcher, operators, wildcardsOf } from './matcher.ts';
import { mostComplexity, wildcardComplexity } from './wildcard-complexity.ts';

export type EventTest = (event: JsonObject) => boolean;

/** What is said of one path: of these alternatives, one has to pass. */
interface Alternatives {
  readonly said: readonly Json[];
  readonly matchers: readonly Matcher[];
}

/** The alternatives of each path. A pattern with `$or` is several rules, of which one has to match. */
type Rule = ReadonlyMap<string, Alternatives>;
type SortedRule = readonly (readonly [string, Alternatives])[];

/** Source: EventBridge quotas, "Event pattern size". */
const longestPattern = 2048;

/** Source: EventBridge User Guide, eb-create-pattern-operators.html, "Or matching". */
const mostCombinations = 1000;

/**
 * Compiles an event pattern of EventBridge, which matches as Event Ruler does, the library that EventBridge is made with: an event is a list of
 * leaves, each with its path, and a rule matches where each of its paths has a leaf that passes; leaves of one match may not come from
 * different items of one list.
 *
 * @throws LocalCloudError for what EventBridge would refuse
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * @see event-ruler, JsonRuleCompiler.java, ACFinder.java
 */
export function compilePattern(pattern: unknown): EventTest {
  if (!isPattern(pattern))
    throw new LocalCloudError('an event pattern is an object with at least one member');
  const length = JSON.stringify(pattern).length;
  if (length > longestPattern)
    throw new LocalCloudError(
      `an event pattern has at most ${longestPattern} characters; this one has ${length}`,
    );
  const rules = compileObject([new Map()], pattern, [], false).map((rule) => [...rule].sort(byPath));
  checkComplexity(rules);
  return (event) => {
    const leaves = leavesOf(event);
    return rules.some((rule) => matches(rule, leaves, new Map()));
  };
}

function isPattern(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const byPath = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]) =>
  one < other ? -1 : one > other ? 1 : 0;

/** Adds what an object says to every rule so far. What is said of one path twice, beside and inside an `$or`, is what was said last. */
function compileObject(
  rules: readonly Rule[],
  pattern: JsonObject,
  path: readonly string[],
  inOr: boolean,
): readonly Rule[] {
  const where = `event pattern, ${path.join('.') || 'the whole'}`;
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new LocalCloudError(`${where}: an empty object`);
  let compiled = rules;
  for (const [key, expected] of entries) {
    const here = [...path, key];
    if (key === '$or') compiled = compileOr(compiled, expected, path);
    else if (inOr && operators.has(key)) throw new LocalCloudError(`${where}: ${key} is reserved inside $or`);
    else if (isJsonObject(expected)) compiled = compileObject(compiled, expected, here, inOr);
    else {
      const alternatives = compileLeaf(expected, here);
      compiled = compiled.map((rule) => new Map([...rule, [here.join('.'), alternatives]]));
    }
  }
  return compiled;
}

function compileOr(rules: readonly Rule[], alternatives: Json, path: readonly string[]): readonly Rule[] {
  const where = `event pattern, ${[...path, '$or'].join('.')}`;
  if (!isJsonArray(alternatives) || alternatives.length < 2)
    throw new LocalCloudError(`${where}: $or needs a list of two or more`);
  const compiled: Rule[] = [];
  for (const alternative of alternatives) {
    if (!isJsonObject(alternative)) throw new LocalCloudError(`${where}: $or holds objects`);
    compiled.push(...compileObject(rules, alternative, path, true));
    if (compiled.length > mostCombinations)
      throw new LocalCloudError(`${where}: $or makes more than ${mostCombinations} combinations`);
  }
  return compiled;
}

function compileLeaf(expected: Json, path: readonly string[]): Alternatives {
  const where = `event pattern, ${path.join('.')}`;
  if (!isJsonArray(expected) || expected.length === 0)
    throw new LocalCloudError(`${where}: expected a list of values or an object`);
  return { said: expected, matchers: expected.map((alternative) => compileMatcher(alternative, where)) };
}

/** Rules that say the same of the paths before one are read together there. @throws LocalCloudError */
function checkComplexity(rules: readonly SortedRule[]): void {
  const together = new Map<string, { readonly path: string; readonly said: readonly Json[] }>();
  for (const rule of rules)
    for (const [index, [path, { said }]] of rule.entries()) {
      const before = rule.slice(0, index).map(([name, alternatives]) => [name, alternatives.said]);
      const key = JSON.stringify([before, path]);
      together.set(key, { path, said: [...(together.get(key)?.said ?? []), ...said] });
    }
  for (const { path, said } of together.values())
    if (wildcardComplexity(said.map(wildcardsOf)) > mostComplexity)
      throw new LocalCloudError(
        `event pattern, ${path}: the rule is too complex: use fewer wildcard characters, or less that repeats after one`,
      );
}

/** Which item of which list something comes from. */
type Membership = ReadonlyMap<number, number>;

interface Leaf {
  readonly path: string;
  readonly value: string | number | boolean | null;
  readonly membership: Membership;
}

/** An object or list is no leaf: one that is empty leaves no trace. */
function leavesOf(event: JsonObject): readonly Leaf[] {
  const leaves: Leaf[] = [];
  let lists = 0;
  const visit = (value: Json, path: readonly string[], membership: Membership): void => {
    if (isJsonArray(value)) {
      const list = lists++;
      // Leaves of a list itself belong to no item: two of them may match one rule
      for (const [index, item] of value.entries())
        visit(item, path, isLeaf(item) ? membership : new Map([...membership, [list, index]]));
    } else if (isJsonObject(value)) {
      for (const [key, member] of Object.entries(value)) visit(member, [...path, key], membership);
    } else {
      leaves.push({ path: path.join('.'), value, membership });
    }
  };
  visit(event, [], new Map());
  return leaves;
}

function isLeaf(value: Json): boolean {
  return !isJsonArray(value) && !isJsonObject(value);
}

/** In the order of their paths, as Event Ruler does: whether something is absent depends on the items that matched before. */
function matches(rule: SortedRule, leaves: readonly Leaf[], soFar: Membership): boolean {
  const [first, ...rest] = rule;
  if (first === undefined) return true;
  const [path, { matchers }] = first;
  const here = leaves.flatMap((leaf) => {
    const membership = leaf.path === path ? merge(soFar, leaf.membership) : undefined;
    return membership === undefined ? [] : [{ value: leaf.value, membership }];
  });
  if (here.length === 0 && matchers.includes('absent') && matches(rest, leaves, soFar)) return true;
  return here.some(
    ({ value, membership }) =>
      matchers.some((matcher) => matcher !== 'absent' && matcher(value)) && matches(rest, leaves, membership),
  );
}

/** @returns undefined if both are of different items of one list */
function merge(one: Membership, other: Membership): Membership | undefined {
  for (const [list, item] of other) if ((one.get(list) ?? item) !== item) return undefined;
  return new Map([...one, ...other]);
}
