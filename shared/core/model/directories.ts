import { tagKeys } from './tag-keys.ts';
import { type Parsed, parsed, type TagProblem, words } from './tag-problem.ts';

/** Never pushed themselves, but a directory below them may be. */
const systemDirectories: ReadonlySet<string> = new Set([
  ...['/', '/home', '/media', '/mnt', '/opt', '/tmp', '/usr/local', '/usr/share'],
  ...['/var', '/var/lib', '/var/cache', '/var/log', '/var/tmp'],
]);

/** Never pushed, nor anything below them. host/hostsync_host/system_directories.py refuses at least these. */
const systemTrees: readonly string[] = [
  ...[
    '/bin',
    '/boot',
    '/dev',
    '/etc',
    '/lib',
    '/lib32',
    '/lib64',
    '/libx32',
    '/proc',
    '/root',
    '/run',
    '/sbin',
    '/sys',
  ],
  ...['/usr/local/bin', '/usr/local/etc', '/usr/local/lib', '/usr/local/sbin'],
  ...['/var/lib/amazon', '/var/lib/dpkg', '/var/lib/hostsync', '/var/lib/rpm', '/var/run', '/var/spool'],
];

/** Programs and keys: whoever may write there takes the host over. */
function isSystem(path: string): boolean {
  if (systemDirectories.has(path) || systemTrees.some((tree) => isWithin(path, tree))) return true;
  return /^\/usr(?!\/(?:local|share)\/)(?:\/|$)/u.test(path) || /\/\.ssh(?:\/|$)/u.test(path);
}

/** The longest path, in characters; Linux takes 4096 bytes, a tag value only 256. */
const maximumPathLength = 255;

/** Letters and digits of any script; no blank, quote, `%` or `#`, which rsyncd.conf reads as something else. */
const allowedPath = /^(?:\/[\p{L}\p{M}\p{N}._@+=,:~-]+)+$/u;

/** Is `inner` the same as `outer` or below it? */
function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}

/** What is wrong with a single path, and what to do, or nothing. */
function pathProblem(path: string): Pick<TagProblem, 'problem' | 'remedy'> | undefined {
  if (!path.startsWith('/'))
    return { problem: 'the path is not absolute', remedy: 'begin it with /, as in /srv/uploads' };
  if (isSystem(path))
    return {
      problem: 'this directory belongs to the system',
      remedy: 'name the directory that holds the uploads, as in /var/www/site/uploads',
    };
  if (path.endsWith('/') || /\/(?:\.{0,2}\/|\.{1,2}$)/u.test(path))
    return {
      problem: 'the path is not normalised',
      remedy: 'write it without //, /./, /../ and a / at its end',
    };
  if (path.length > maximumPathLength)
    return { problem: `the path is longer than ${maximumPathLength} characters`, remedy: 'shorten it' };
  if (!allowedPath.test(path))
    return {
      problem: 'the path has a character that is not allowed',
      remedy: 'use letters, digits and . _ @ + = , : ~ - only, or rename the directory',
    };
  return undefined;
}

/**
 * The directories of a group, in the order of the tag.
 *
 * Each is absolute and normalised, none belongs to the system, and none lies inside another: its files would be sent
 * and deleted by two modules.
 */
export function parseDirectories(instance: string, value: string | undefined): Parsed<readonly string[]> {
  const tag = tagKeys.directories;
  if (value === undefined || words(value).length === 0)
    return parsed(
      [],
      [
        {
          instance,
          tag,
          value: value ?? '',
          problem: 'no directory is named',
          remedy: 'set it to the absolute paths to keep in sync, separated by a space',
        },
      ],
    );
  const paths = words(value);
  const problems: TagProblem[] = [];
  for (const [index, path] of paths.entries()) {
    const wrong = pathProblem(path);
    if (wrong !== undefined) problems.push({ instance, tag, value: path, ...wrong });
    for (const earlier of paths.slice(0, index)) {
      if (path === earlier)
        problems.push({ instance, tag, value: path, problem: 'it is named twice', remedy: 'name it once' });
      else if (isWithin(path, earlier) || isWithin(earlier, path))
        problems.push({
          instance,
          tag,
          value: path,
          problem: `it and ${earlier} lie one inside the other`,
          remedy: 'name the outer one only',
        });
    }
  }
  return parsed(paths, problems);
}
