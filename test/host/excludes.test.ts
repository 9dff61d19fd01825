import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// If the walk left out less than rsync, a push would never end to have something to do; if it left out more, files would not arrive.

let directory = '';

const files = [
  ...[
    'a',
    'b.tmp',
    '.hidden',
    'cache/x',
    'cache/deep/y',
    'sub/cache/z',
    'sub/b.tmp',
    'sub/a',
    'sub/sub/cache',
  ],
  ...[
    'x+y',
    'x(y)',
    'x.y',
    'xzy',
    'x^y',
    'x{1}',
    'x|y',
    'x$',
    'line\nbreak.tmp',
    'line\nbreak',
    'ü.tmp',
    'lost+found/x',
    'sub/lost+found/x',
  ],
  ...[
    '.~tmp~/x',
    'sub/.~tmp~/x',
    'n1',
    'n2',
    'n/n3',
    'sub/n/n4',
    'wp-content/cache/page',
    'wp-content/uploads/2024/a.jpg',
    '-dash',
    'a b',
    'c/*x',
  ],
];

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'hostsync-test-')));
  for (const file of files) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), '');
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

const walk = `
import os, sys
sys.path.insert(0, 'host')
from hostsync_host.excludes import compile_excludes
root, patterns = os.fsencode(sys.argv[1]), [os.fsencode(each) for each in sys.argv[2:]]
excluded = compile_excludes(patterns)
def visit(path):
    for entry in os.scandir(os.path.join(root, path)):
        name = entry.name
        inner = path + b'/' + name if path else name
        directory = entry.is_dir(follow_symlinks=False)
        if name == b'.~tmp~' and directory or inner == b'lost+found' or excluded and excluded(inner, name, directory):
            continue
        sys.stdout.buffer.write(inner + b'\\0')
        if directory:
            visit(inner)
visit(b'')
`;

function run(command: string, words: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    encoding: 'latin1',
    env: { LC_ALL: 'C', PATH: process.env['PATH'] },
  });
  if (error !== undefined) throw error;
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

/** The names that the walk and rsync leave. */
function left(patterns: readonly string[]) {
  const found = run('/usr/bin/python3', ['-I', '-c', walk, directory, ...patterns]);
  // As the names of a send, with the rules that every push has
  const rules = ['- /lost+found/', '- .~tmp~/', ...patterns.map((pattern) => `- ${pattern}`)];
  const sent = run('rsync', [
    ...['-r', '-n', '--out-format=%n', '--8-bit-output', ...rules.map((rule) => `--filter=${rule}`)],
    ...[`${directory}/`, '/nonexistent/'],
  ]);
  return {
    found: found
      .split('\0')
      .map((name) => name.replaceAll('\n', '\\#012'))
      .filter((name) => name !== '')
      .sort(),
    sent: sent
      .split('\n')
      .map((name) => name.replace(/\/$/u, ''))
      .filter((name) => name !== '' && name !== '.')
      .sort(),
  };
}

describe('the walk leaves out exactly what rsync leaves out', () => {
  it.each([
    ...[
      '*.tmp',
      '/b.tmp',
      'cache',
      'cache/',
      '/cache/',
      '/cache',
      'sub/cache',
      'sub/cache/',
      '/sub/cache',
      'cache/*',
      '/cache/*',
      'cache/**',
      '/cache/***',
    ],
    ...[
      'cache/***',
      '**/cache',
      '**/cache/',
      '/**/cache',
      'sub/**',
      'su*/cache',
      '?',
      'n?',
      'n[12]',
      'n[!1]',
      'n[^1]',
      'n[0-9]',
      '*',
      '/*',
      '**',
      '.*',
      '*/a',
      '/*/a',
    ],
    ...[
      'x.y',
      'x?y',
      'x+y',
      'x(y)',
      'x^y',
      'x{1}',
      'x|y',
      'x$',
      '*$',
      'line*',
      'ü.tmp',
      '??.tmp',
      '-dash',
      'a b',
      '+ a',
      '!',
      'wp-content/cache',
      'uploads/2024',
      'n/n*',
      '**n/n*',
    ],
    ...[
      'a**',
      '*.t?p',
      '2024/*.jpg',
      'wp-content/**.jpg',
      'wp-content/*.jpg',
      '.~tmp~',
      'lost+found',
      'none/',
      '/',
    ],
  ])('%s', (pattern) => {
    const { found, sent } = left([pattern]);
    expect(found).toEqual(sent);
  });

  it.each([
    ...[
      '\\*',
      'a\\b',
      '\\a',
      'b\\.tmp',
      'c/\\*x',
      '*\\',
      'n\\?',
      'x\\y',
      '[[:alpha:]]',
      '[[:digit:]]',
      'n[[:digit:]]',
      'x[[:punct:]]y',
    ],
    ...[
      '[]x]',
      '[a',
      'n[\\1]',
      'n[\\1-2]',
      'x[.-/]y',
      'x[!a]y',
      'x[^.]y',
      'n[2-1]',
      'n[1-]',
      'n[-1]',
      '[[:none:]]',
      '[[:alpha]',
      'n[1[:alpha:]]',
    ],
    ...[
      'a***',
      'sub/***',
      '***',
      '/***',
      'sub***',
      'n/***',
      '**/',
      '**/**',
      '*/**',
      '/**/',
      'su[b]/a',
      'sub[/]a',
      'sub?a',
      '//a',
      'a//',
      'sub//a',
    ],
    ...[
      '*/cache/',
      '**/cache/*',
      '/*/sub/**',
      'wp-*/cache',
      '**cache',
      '**.tmp',
      's**/a',
      '/s**a',
      'x*y',
      'x**y',
      '.*/',
      'ü*',
      '[ü]*',
    ],
  ])('also where it is unusual: %s', (pattern) => {
    const { found, sent } = left([pattern]);
    expect(found).toEqual(sent);
  });

  it('with several patterns', () => {
    const { found, sent } = left(['*.tmp', '/cache/', 'wp-content/cache', 'n[12]']);
    expect(found).toEqual(sent);
  });
});
