import { parseDirectories } from './directories.ts';
import { parseExcludes } from './excludes.ts';
import type { ObservedInstance } from './observation.ts';
import { type PushOptions, parsePushOptions } from './push-options.ts';
import { parsePort } from './route.ts';
import { parseSecondaries, type Secondary } from './secondaries.ts';
import { tagKeys } from './tag-keys.ts';
import { type Parsed, parsed, type TagProblem } from './tag-problem.ts';

/** What the tags of a primary say. */
export interface GroupConfiguration {
  readonly epoch: number;
  readonly directories: readonly string[];
  readonly excludes: readonly string[];
  readonly options: PushOptions;
  readonly secondaries: readonly Secondary[];
}

const groupName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/u;

/** What is wrong with the name of a group, or nothing. It becomes part of file and parameter names. */
export function groupNameProblem(instance: string, name: string): TagProblem | undefined {
  if (groupName.test(name)) return undefined;
  return {
    instance,
    tag: tagKeys.group,
    value: name,
    problem: 'this is no name for a group',
    remedy: 'use 1 to 64 letters, digits and . _ -, beginning with a letter or digit',
  };
}

/** The epoch that a primary's tag holds. */
export function parseEpoch(instance: string, value: string): Parsed<number> {
  const problems: TagProblem[] = /^[1-9]\d{0,11}$/u.test(value)
    ? []
    : [
        {
          instance,
          tag: tagKeys.primary,
          value,
          problem: 'the epoch is not a whole number from 1',
          remedy: 'set it to 1 on a new group, else to one more than the highest epoch so far',
        },
      ];
  return parsed(Number(value), problems);
}

/** All that a primary's tags say, or everything that is wrong with them at once. */
export function parseConfiguration(primary: ObservedInstance): Parsed<GroupConfiguration> {
  const { id, tags } = primary;
  const epoch = parseEpoch(id, tags[tagKeys.primary] ?? '');
  const directories = parseDirectories(id, tags[tagKeys.directories]);
  const excludes = parseExcludes(id, tags[tagKeys.exclude]);
  const options = parsePushOptions(id, tags[tagKeys.options]);
  const secondaries = parseSecondaries(id, tags);
  // Nothing is pushed to it, but probes and the next primary go by it
  const port = parsePort(primary);
  if (epoch.ok && directories.ok && excludes.ok && options.ok && secondaries.ok && port.ok)
    return {
      ok: true,
      value: {
        epoch: epoch.value,
        directories: directories.value,
        excludes: excludes.value,
        options: options.value,
        secondaries: secondaries.value,
      },
    };
  return {
    ok: false,
    problems: [epoch, directories, excludes, options, secondaries, port].flatMap((each) =>
      each.ok ? [] : each.problems,
    ),
  };
}
