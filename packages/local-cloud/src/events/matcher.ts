import { LocalCloudError } from '../base/errors.ts';
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import { escapeRegExp } from '../ec2/filters.ts';
import { addressBits } from './address-bits.ts';

type Value = string | number | boolean | null;

/** Whether a leaf of an event passes; `absent` where there may be none. */
export type Matcher = ((value: Value) => boolean) | 'absent';

/** What may not be the name of a member inside `$or`. Source: event-ruler, Constants.java. */
export const operators: ReadonlySet<string> = new Set([
  ...[
    'exactly',
    'equals-ignore-case',
    'prefix',
    'suffix',
    'anything-but',
    'exists',
    'wildcard',
    'numeric',
    'cidr',
  ],
  ...['=', '<', '<=', '>=', '>', 'regex', 'not-wildcard', 'not-equals-ignore-case'],
  ...['date-after', 'date-on-or-after', 'date-before', 'date-on-or-before', 'in-date-range'],
  ...['ip-address-in-range', 'ip-address-not-in-range'],
]);

/**
 * One alternative of a leaf of a pattern.
 *
 * @param where for messages
 * @throws LocalCloudError for what EventBridge would refuse
 * @see event-ruler, JsonRuleCompiler.java
 */
export function compileMatcher(expected: Json, where: string): Matcher {
  if (isJsonArray(expected)) throw new LocalCloudError(`${where}: a list within a list`);
  if (isJsonObject(expected)) {
    const [operator, argument] = onlyEntry(expected, where);
    return compileOperator(operator, argument, where);
  }
  // An address is the same however it is written
  const address = typeof expected === 'string' ? addressBits(expected) : undefined;
  if (address !== undefined) return onText((text) => addressBits(text) === address);
  return (value) => value === expected;
}

function onlyEntry(object: Readonly<Record<string, Json>>, where: string): readonly [string, Json] {
  const [entry, ...others] = Object.entries(object);
  if (entry === undefined || others.length > 0)
    throw new LocalCloudError(`${where}: only one key is allowed in a match expression`);
  return entry;
}

function compileOperator(operator: string, argument: Json, where: string): Matcher {
  switch (operator) {
    case 'exists':
      if (typeof argument !== 'boolean') throw new LocalCloudError(`${where}: exists needs true or false`);
      return argument ? () => true : 'absent';
    case 'anything-but':
      return compileAnythingBut(argument, where);
    case 'numeric':
      return compileNumeric(argument, where);
    case 'cidr':
      return compileCidr(argument, where);
    default:
      return onText(textTest(operator, argument, where));
  }
}

type TextTest = (text: string) => boolean;

function onText(test: TextTest): (value: Value) => boolean {
  return (value) => typeof value === 'string' && test(value);
}

function textTest(operator: string, argument: Json, where: string): TextTest {
  if ((operator === 'prefix' || operator === 'suffix') && isJsonObject(argument)) {
    const [inner, text] = onlyEntry(argument, where);
    if (inner !== 'equals-ignore-case' || typeof text !== 'string')
      throw new LocalCloudError(`${where}: ${operator} takes text, or equals-ignore-case with text`);
    const test = textTest(operator, text.toLowerCase(), where);
    return (value) => test(value.toLowerCase());
  }
  if (typeof argument !== 'string') throw new LocalCloudError(`${where}: ${operator} needs text`);
  switch (operator) {
    case 'prefix':
      return (text) => text.startsWith(argument);
    case 'suffix':
      return (text) => text.endsWith(argument);
    case 'exactly':
      return (text) => text === argument;
    case 'equals-ignore-case':
      return (text) => text.toLowerCase() === argument.toLowerCase();
    case 'wildcard':
      return wildcardTest(argument, where);
    default:
      throw new LocalCloudError(
        `${where}: the local cloud does not know the operator ${operator}; if EventBridge does, add it to src/events/matcher.ts`,
      );
  }
}

/** `*` is any text; `\*` and `\\` are these characters, and no other escape is allowed. */
function wildcardTest(pattern: string, where: string): TextTest {
  const parts = pattern.match(/\\[\s\S]?|\*+|[^\\*]+/gu) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return '.*';
    if (part.startsWith('*')) throw new LocalCloudError(`${where}: consecutive wildcard characters`);
    if (!part.startsWith('\\')) return escapeRegExp(part);
    if (part !== '\\*' && part !== '\\\\')
      throw new LocalCloudError(`${where}: invalid escape character in ${JSON.stringify(pattern)}`);
    return escapeRegExp(part.slice(1));
  });
  const expression = new RegExp(`^${source.join('')}$`, 'su');
  return (text) => expression.test(text);
}

/** What is not text passes every `anything-but` of text. */
function compileAnythingBut(argument: Json, where: string): Matcher {
  if (isJsonObject(argument)) {
    const [operator, texts] = onlyEntry(argument, where);
    if (!['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(operator))
      throw new LocalCloudError(`${where}: unsupported anything-but pattern: ${operator}`);
    const list = [texts].flat();
    // Event Ruler's own compiler lets it pass, and its machine then breaks
    if (list.length === 0) throw new LocalCloudError(`${where}: anything-but needs a ${operator}`);
    const tests = list.map((text) => {
      if (text === '' && (operator === 'prefix' || operator === 'suffix'))
        throw new LocalCloudError(`${where}: anything-but needs a ${operator} that is not empty`);
      if (typeof text !== 'string') throw new LocalCloudError(`${where}: ${operator} needs text`);
      return onText(textTest(operator, text, where));
    });
    return (value) => !tests.some((test) => test(value));
  }
  const excluded: readonly Json[] = isJsonArray(argument) ? argument : [argument];
  const types = new Set(excluded.map((item) => typeof item));
  if (types.size !== 1 || !(types.has('string') || types.has('number')))
    throw new LocalCloudError(`${where}: anything-but needs text or numbers, one or a list of one kind`);
  return (value) => !excluded.includes(value);
}

/** The wildcard patterns of an alternative that was compiled. */
export function wildcardsOf(expected: Json): readonly string[] {
  const [operator, argument] = isJsonObject(expected) ? onlyEntry(expected, '') : [];
  if (operator === 'anything-but' && isJsonObject(argument ?? null)) return wildcardsOf(argument ?? null);
  return operator === 'wildcard' ? [argument ?? []].flat().map(String) : [];
}

type NumberTest = (value: number) => boolean;

const comparisons: Readonly<Record<string, (bound: number) => NumberTest>> = {
  '=': (bound) => (value) => value === bound,
  '<': (bound) => (value) => value < bound,
  '<=': (bound) => (value) => value <= bound,
  '>': (bound) => (value) => value > bound,
  '>=': (bound) => (value) => value >= bound,
};

/** One comparison, or a lower bound and then an upper one. */
function compileNumeric(argument: Json, where: string): Matcher {
  const parts = isJsonArray(argument) ? argument : [];
  const signs = parts.filter((_, index) => index % 2 === 0).join(' ');
  if (parts.length % 2 !== 0 || !/^(?:=|<=?|>=?|>=? <=?)$/.test(signs))
    throw new LocalCloudError(
      `${where}: numeric needs one sign and number, or a range like [">", 0, "<=", 5]`,
    );
  const tests = parts.flatMap((sign, index) => {
    if (index % 2 !== 0) return [];
    const bound = parts[index + 1];
    const compare = comparisons[String(sign)];
    if (typeof bound !== 'number' || !Number.isFinite(bound) || compare === undefined)
      throw new LocalCloudError(`${where}: the value of ${sign} must be numeric`);
    return [compare(bound)];
  });
  const [lower, upper] = [parts[1], parts[3]];
  if (typeof lower === 'number' && typeof upper === 'number' && lower >= upper)
    throw new LocalCloudError(`${where}: the bottom of a range must be less than its top`);
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
}

function compileCidr(argument: Json, where: string): Matcher {
  const [, address = '', size = ''] = /^([^/]+)\/(\d+)$/.exec(String(argument)) ?? [];
  const bits = addressBits(address);
  if (typeof argument !== 'string' || bits === undefined || Number(size) >= bits.length)
    throw new LocalCloudError(
      `${where}: cidr needs an address, "/" and less than 32 bits, or 128 for IPv6: ${JSON.stringify(argument)}`,
    );
  const network = bits.slice(0, Number(size));
  return onText((text) => {
    const actual = addressBits(text);
    return actual?.length === bits.length && actual.startsWith(network);
  });
}
