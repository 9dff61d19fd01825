import { tagKeys } from './tag-keys.ts';
import { type Parsed, parsed, type TagProblem, words } from './tag-problem.ts';

/**
 * What an operator may set of how a group is pushed, with the least and the most that push takes. Units and
 * defaults are in docs/host-package.md. A push has to end before the SSM agent ends it, after an hour.
 */
const ranges = {
  parallel: [1, 64],
  'connect-timeout': [1, 300],
  'io-timeout': [5, 3600],
  'push-timeout': [5, 3300],
  'max-delete-share': [0, 100],
  'max-delete-count': [0, 999_999_999],
  'verify-every': [0, 31_536_000],
  bandwidth: [0, 99_999_999],
  nice: [0, 19],
} as const satisfies Record<string, readonly [number, number]>;

type PushOptionName = keyof typeof ranges;

/** By name; what is not in it is left to push. */
export type PushOptions = ReadonlyMap<PushOptionName, number>;

const names = Object.keys(ranges).join(', ');

/** The options of a group's pushes, as in `bandwidth=20000 nice=10`; none where the tag is absent. */
export function parsePushOptions(instance: string, value: string | undefined): Parsed<PushOptions> {
  const options = new Map<PushOptionName, number>();
  const problems: TagProblem[] = [];
  const refuse = (word: string, problem: string, remedy: string) =>
    problems.push({ instance, tag: tagKeys.options, value: word, problem, remedy });
  for (const word of words(value ?? '')) {
    const [name = '', text, ...more] = word.split('=');
    if (text === undefined || more.length > 0)
      refuse(word, 'it is not of the form name=number', 'write it as in bandwidth=20000');
    else if (!isName(name)) refuse(word, 'there is no such option', `use ${names}`);
    else if (options.has(name)) refuse(word, 'the option is there twice', 'take one of them out');
    else {
      const [least, most] = ranges[name];
      const number = Number(text);
      if (/^(?:0|[1-9]\d{0,8})$/u.test(text) && number >= least && number <= most) options.set(name, number);
      else
        refuse(
          word,
          'the value is out of range',
          `use a whole number from ${least} to ${most}, without zeros before it`,
        );
    }
  }
  return parsed(options, problems);
}

function isName(name: string): name is PushOptionName {
  return Object.hasOwn(ranges, name);
}
