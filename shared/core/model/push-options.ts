import { tagKeys } from './tag-keys.ts';
import { type Parsed, parsed, type TagProblem, words } from './tag-problem.ts';

/**
 * What an operator may set of how a group is pushed, with the least and the most that push takes. Units and
 * defaults are in docs/host-package.md. A push has to end before the SSM agent ends it, after an hour.
 */
const pushRanges = {
  parallel: [1, 64],
  'connect-timeout': [1, 300],
  'io-timeout': [5, 3600],
  'push-timeout': [5, 3300],
  'max-delete-share': [0, 100],
  'max-delete-count': [0, 999_999_999],
  'verify-every': [0, 31_536_000],
  'max-size': [32, 99_999_999],
  'keep-deleted': [1, 365],
  'keep-max': [1, 99_999_999],
  bandwidth: [0, 99_999_999],
  nice: [0, 19],
} as const satisfies Ranges;

/** The same of a push that watches. A lease is longer than from one tick to the next, and over before the SSM agent ends the command. */
const watchRanges = {
  quiet: [10, 10_000],
  hold: [0, 3600],
  lease: [90, 3000],
  'walk-every': [10, 86_400],
  'max-cpu': [1, 100],
} as const satisfies Ranges;

type Ranges = Record<string, readonly [number, number]>;

const ranges = { ...pushRanges, ...watchRanges };

/** Options whose value is a word. */
const choices = {
  watch: ['auto', 'off'],
  'after-sync': ['yes'],
  'link-renames': ['yes', 'no'],
  verify: ['size', 'checksum'],
} as const satisfies Record<string, readonly string[]>;

type RangeName = keyof typeof ranges;
type ChoiceName = keyof typeof choices;

/** By name; what is not in it is left to push. */
export type PushOptions = ReadonlyMap<RangeName | ChoiceName, number | string>;

const names = [...Object.keys(ranges), ...Object.keys(choices)].join(', ');

/** The options of a group's pushes, as in `bandwidth=20000 nice=10`; none where the tag is absent. */
export function parsePushOptions(instance: string, value: string | undefined): Parsed<PushOptions> {
  const options = new Map<RangeName | ChoiceName, number | string>();
  const problems: TagProblem[] = [];
  for (const word of words(value ?? '')) {
    const option = parseOption(word, options);
    if ('problem' in option) problems.push({ instance, tag: tagKeys.options, value: word, ...option });
    else options.set(option.name, option.value);
  }
  return parsed(options, problems);
}

type Option = { readonly name: RangeName | ChoiceName; readonly value: number | string };
type Refused = Pick<TagProblem, 'problem' | 'remedy'>;

function parseOption(word: string, seen: PushOptions): Option | Refused {
  const [name = '', text, ...more] = word.split('=');
  if (text === undefined || more.length > 0)
    return { problem: 'it is not of the form name=value', remedy: 'write it as in bandwidth=20000' };
  if (!isRange(name) && !isChoice(name))
    return { problem: 'there is no such option', remedy: `use ${names}` };
  const { found, remedy } = isRange(name) ? parseNumber(name, text) : parseChoice(name, text);
  if (found === undefined) return { problem: 'the value is out of range', remedy };
  if (seen.has(name)) return { problem: 'the option is there twice', remedy: 'take one of them out' };
  return { name, value: found };
}

function parseNumber(name: RangeName, text: string): { readonly found?: number; readonly remedy: string } {
  const [least, most] = ranges[name];
  const number = Number(text);
  const isIn = /^(?:0|[1-9]\d{0,8})$/u.test(text) && number >= least && number <= most;
  const remedy = `use a whole number from ${least} to ${most}, without zeros before it`;
  return isIn ? { found: number, remedy } : { remedy };
}

function parseChoice(name: ChoiceName, text: string): { readonly found?: string; readonly remedy: string } {
  const known: readonly string[] = choices[name];
  const remedy = `use ${known.join(' or ')}`;
  return known.includes(text) ? { found: text, remedy } : { remedy };
}

function isRange(name: string): name is RangeName {
  return Object.hasOwn(ranges, name);
}

function isChoice(name: string): name is ChoiceName {
  return Object.hasOwn(choices, name);
}

/** Of a group whose tag does not say whether the pushes of its ticks stay and watch. */
const defaultWatch: (typeof choices)['watch'][number] = 'off';

/** Whether the pushes of a group's ticks stay and watch. */
export function isWatched(options: PushOptions): boolean {
  return (options.get('watch') ?? defaultWatch) === 'auto';
}

/** Ticks that a watch outlives: with the next one lost or late, the one after it still takes over. */
const ticksOfLease = 2.5;

/** How long a push watches when no other one takes over, in seconds. */
export function leaseOf(options: PushOptions, tickSeconds: number): number {
  const set = options.get('lease');
  return typeof set === 'number' ? set : Math.min(ticksOfLease * tickSeconds, watchRanges.lease[1]);
}

/** Those of which join tells a host, too: it does not let the primary's key choose how much is kept there, and how long. */
export function joinOptions(options: PushOptions): readonly (readonly [string, number | string])[] {
  return options.has('keep-deleted')
    ? [...options].filter(([name]) => name === 'keep-deleted' || name === 'keep-max')
    : [];
}

/** Those that a request repeats. Whether it watches, and until when, its sender says. */
export function repeatedOptions(
  options: PushOptions,
  watches: boolean,
): readonly (readonly [string, number | string])[] {
  return [...options].filter(
    ([name]) => name !== 'watch' && name !== 'lease' && (watches || !Object.hasOwn(watchRanges, name)),
  );
}
