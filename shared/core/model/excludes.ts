import { tagKeys } from './tag-keys.ts';
import { type Parsed, parsed, type TagProblem, words } from './tag-problem.ts';

/** Patterns that would leave nothing to push. */
const everything: ReadonlySet<string> = new Set(['*', '**', '***', '/', '/*', '/**', '/***']);

/** The rsync exclude patterns of a group, separated by blanks; none where the tag is absent. */
export function parseExcludes(instance: string, value: string | undefined): Parsed<readonly string[]> {
  const tag = tagKeys.exclude;
  const patterns = words(value ?? '');
  const problems: TagProblem[] = [];
  for (const pattern of patterns) {
    // rsync reads a lone "!" as "forget all patterns before this one"
    if (pattern === '!')
      problems.push({
        instance,
        tag,
        value: pattern,
        problem: 'rsync would take it as "clear the list"',
        remedy: 'take it out',
      });
    else if (everything.has(pattern))
      problems.push({
        instance,
        tag,
        value: pattern,
        problem: 'it excludes everything',
        remedy: `name what is to be left out, or set ${tagKeys.paused} to stop the pushes`,
      });
    else if (/\p{Cc}/u.test(pattern))
      problems.push({
        instance,
        tag,
        value: pattern,
        problem: 'it has a control character',
        remedy: 'use ? in its place',
      });
  }
  return parsed(patterns, problems);
}
