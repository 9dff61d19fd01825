import { LocalCloudError } from '../base/errors.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { escapeRegExp } from '../ec2/filters.ts';

export type EventTest = (event: JsonObject) => boolean;

/** Whether one value passes; undefined stands for a member that is not there. */
type ValueTest = (value: Json | undefined) => boolean;

/**
 * Compiles an event pattern of EventBridge.
 *
 * @throws LocalCloudError for an operator that is unknown or used wrongly
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export function compilePattern(pattern: unknown): EventTest {
  if (!isPattern(pattern) || Object.keys(pattern).length === 0) {
    throw new LocalCloudError('an event pattern is an object with at least one member');
  }
  return compileObject(pattern, []);
}

function isPattern(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compileObject(pattern: JsonObject, path: readonly string[]): EventTest {
  const tests = Object.entries(pattern).map(([key, expected]): EventTest => {
    if (key === '$or') return compileOr(expected, path);
    const here = [...path, key];
    if (isJsonObject(expected)) {
      const inner = compileObject(expected, here);
      return (event) => members(event[key]).some(inner);
    }
    if (!isJsonArray(expected) || expected.length === 0) {
      throw new LocalCloudError(`event pattern, ${here.join('.')}: expected a list of values or an object`);
    }
    const alternatives = expected.map((alternative) => compileValue(alternative, here));
    return (event) => alternatives.some((test) => test(event[key]));
  });
  return (event) => tests.every((test) => test(event));
}

/** The objects below a member; an object that is missing is as an empty one, so that `exists: false` can match. */
function members(value: Json | undefined): readonly JsonObject[] {
  if (isJsonArray(value)) return value.filter(isJsonObject);
  return [isJsonObject(value) ? value : {}];
}

function compileOr(alternatives: Json, path: readonly string[]): EventTest {
  if (!isJsonArray(alternatives) || alternatives.length < 2) {
    throw new LocalCloudError(`event pattern, ${path.join('.')}: $or needs a list of two or more`);
  }
  const tests = alternatives.map((alternative) => {
    if (!isJsonObject(alternative)) throw new LocalCloudError('event pattern: $or holds objects');
    return compileObject(alternative, path);
  });
  return (event) => tests.some((test) => test(event));
}

function compileValue(expected: Json, path: readonly string[]): ValueTest {
  if (!isJsonObject(expected)) {
    if (isJsonArray(expected))
      throw new LocalCloudError(`event pattern, ${path.join('.')}: a list within a list`);
    return overArrays((value) => value === expected);
  }
  const [entry, ...others] = Object.entries(expected);
  if (entry === undefined || others.length > 0) {
    throw new LocalCloudError(`event pattern, ${path.join('.')}: one operator in each object`);
  }
  return compileOperator(entry[0], entry[1], path);
}

function compileOperator(operator: string, argument: Json, path: readonly string[]): ValueTest {
  const where = `event pattern, ${path.join('.')}`;
  if (operator === 'exists') {
    if (typeof argument !== 'boolean') throw new LocalCloudError(`${where}: exists needs true or false`);
    return (value) => (value !== undefined && !isJsonObject(value)) === argument;
  }
  if (operator === 'anything-but') return compileAnythingBut(argument, where);
  if (operator === 'numeric') return overArrays(compileNumeric(argument, where));
  return overArrays(onText(textTest(operator, argument, where)));
}

function textTest(operator: string, argument: Json, where: string): (text: string) => boolean {
  if ((operator === 'prefix' || operator === 'suffix') && isJsonObject(argument)) {
    const folded = argument['equals-ignore-case'];
    if (typeof folded !== 'string') throw new LocalCloudError(`${where}: unknown form of ${operator}`);
    const inner = textTest(operator, folded.toLowerCase(), where);
    return (text) => inner(text.toLowerCase());
  }
  if (typeof argument !== 'string') throw new LocalCloudError(`${where}: ${operator} needs text`);
  switch (operator) {
    case 'prefix':
      return (text) => text.startsWith(argument);
    case 'suffix':
      return (text) => text.endsWith(argument);
    case 'equals-ignore-case':
      return (text) => text.toLowerCase() === argument.toLowerCase();
    case 'wildcard': {
      if (argument.includes('**')) throw new LocalCloudError(`${where}: wildcard does not allow ** `);
      const source = argument.split(/(\\[\\*]|\*)/).map((part) => {
        if (part === '*') return '.*';
        return escapeRegExp(part.replace(/^\\([\\*])$/, '$1'));
      });
      const expression = new RegExp(`^${source.join('')}$`, 's');
      return (text) => expression.test(text);
    }
    default:
      throw new LocalCloudError(
        `${where}: the local cloud does not know the operator ${operator}; if EventBridge does, add it to src/events/pattern.ts`,
      );
  }
}

/** True only if the member is there, and no value of it is one of those excluded. */
function compileAnythingBut(argument: Json, where: string): ValueTest {
  const excluded = isJsonArray(argument) ? argument : [argument];
  const tests = excluded.flatMap((item): ValueTest[] => {
    if (!isJsonObject(item)) return [(value) => value === item];
    return Object.entries(item).flatMap(([operator, value]) =>
      (isJsonArray(value) ? value : [value]).map((text) => onText(textTest(operator, text, where))),
    );
  });
  return (value) => {
    if (value === undefined || isJsonObject(value)) return false;
    const values = isJsonArray(value) ? value : [value];
    return values.some((one) => !tests.some((test) => test(one)));
  };
}

function compileNumeric(argument: Json, where: string): ValueTest {
  const parts = isJsonArray(argument) ? argument : [];
  const comparisons: ((value: number) => boolean)[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const sign = parts[index];
    const bound = parts[index + 1];
    if (typeof sign !== 'string' || typeof bound !== 'number') {
      throw new LocalCloudError(`${where}: numeric needs pairs of a sign and a number`);
    }
    comparisons.push(comparison(sign, bound, where));
  }
  if (comparisons.length === 0) throw new LocalCloudError(`${where}: numeric needs a sign and a number`);
  return (value) => typeof value === 'number' && comparisons.every((compare) => compare(value));
}

function comparison(sign: string, bound: number, where: string): (value: number) => boolean {
  switch (sign) {
    case '=':
      return (value) => value === bound;
    case '<':
      return (value) => value < bound;
    case '<=':
      return (value) => value <= bound;
    case '>':
      return (value) => value > bound;
    case '>=':
      return (value) => value >= bound;
    default:
      throw new LocalCloudError(`${where}: numeric does not know ${sign}`);
  }
}

function onText(test: (text: string) => boolean): ValueTest {
  return (value) => typeof value === 'string' && test(value);
}

/** A list passes if one of its items does. */
function overArrays(test: ValueTest): ValueTest {
  return (value) => (isJsonArray(value) ? value.some((item) => test(item)) : test(value));
}
