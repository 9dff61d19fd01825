import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBash, scriptFunctions } from './scripts.ts';

// If find left out less than rsync, a push would never end to have something to do; if it left out more, files would not arrive.

const functions = scriptFunctions('push');
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

/** The names that find and rsync leave, and whether push.sh trusts find with these patterns. */
function left(patterns: readonly string[]) {
  const { code, stdout, stderr } = runBash(
    `${functions}
     cd "$1"; shift; request_excludes=("$@")
     read_excludes
     find . "\${prune[@]}" -type f,d,l -printf '%P\\0' | sort -z | base64 -w0; echo
     # as the names of a send, with the rule that --delay-updates makes
     rsync -r -n --out-format=%n --8-bit-output --filter='- /lost+found/' --filter='- .~tmp~/' "\${filters[@]}" ./ /nonexistent/ \\
       | sed 's|/$||' | sort | base64 -w0; echo
     printf '%s\\n' "\${inexact:+inexact}"`,
    [directory, ...patterns],
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const [found = '', sent = '', inexact = ''] = stdout.split('\n');
  const decode = (text: string) => Buffer.from(text, 'base64').toString('latin1');
  return {
    found: decode(found)
      .split('\0')
      .map((name) => name.replaceAll('\n', '\\#012'))
      .filter((name) => name !== '')
      .sort(),
    sent: decode(sent)
      .split('\n')
      .filter((name) => name !== '' && name !== '.' && name !== './')
      .sort(),
    inexact: inexact !== '',
  };
}

describe('find leaves out exactly what rsync leaves out', () => {
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
    const { found, sent, inexact } = left([pattern]);
    if (!inexact) expect(found).toEqual(sent);
  });

  it('with several patterns', () => {
    const { found, sent, inexact } = left(['*.tmp', '/cache/', 'wp-content/cache', 'n[12]']);
    expect(inexact).toBe(false);
    expect(found).toEqual(sent);
  });
});

it.each(['\\*', 'a\\b', '[[:alpha:]]', '[]x]', '[a', 'n[\\1]', 'x[.-/]', 'a***', '/'])(
  'what find might take for something else is left to rsync: %s',
  (pattern) => {
    expect(left([pattern]).inexact).toBe(true);
  },
);

it.each(['*.tmp', '/cache/', 'node_modules', 'wp-content/cache/**', '.git', 'n[0-9]', 'session-????'])(
  'what people write costs no comparison of everything: %s',
  (pattern) => {
    expect(left([pattern]).inexact).toBe(false);
  },
);
