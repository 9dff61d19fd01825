import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDirectories } from '../../../shared/core/model/directories.ts';

const parse = (value: string | undefined) => parseDirectories('i-1', value);

describe('directories that are accepted', () => {
  it.each([
    ['one', '/srv/uploads', ['/srv/uploads']],
    ['two, in the order of the tag', '/var/www/b /srv/a', ['/var/www/b', '/srv/a']],
    ['blanks around', '  /srv/a   /srv/b ', ['/srv/a', '/srv/b']],
    [
      'below a system directory',
      '/var/www/html /home/site/files /opt/cms/data',
      ['/var/www/html', '/home/site/files', '/opt/cms/data'],
    ],
    ['names that only begin alike', '/srv/a /srv/ab', ['/srv/a', '/srv/ab']],
    ['dots inside a name', '/srv/a..b/.hidden', ['/srv/a..b/.hidden']],
    ['letters of any script', '/srv/Bücher/日本', ['/srv/Bücher/日本']],
    [
      'a directory whose name begins like a system one',
      '/etcetera /libre /usr/share/cms',
      ['/etcetera', '/libre', '/usr/share/cms'],
    ],
  ])('%s', (_name, value, expected) => {
    expect(parse(value)).toEqual({ ok: true, value: expected });
  });
});

describe('directories that are refused, so that nothing of the system is overwritten or deleted', () => {
  it.each([
    ['no tag', undefined, '', 'no directory is named'],
    ['an empty tag', '', '', 'no directory is named'],
    ['blanks only', '   ', '   ', 'no directory is named'],
    ['relative', 'srv/uploads', 'srv/uploads', 'not absolute'],
    ['a home', '~/uploads', '~/uploads', 'not absolute'],
    ['the root', '/', '/', 'belongs to the system'],
    ['/etc', '/etc', '/etc', 'belongs to the system'],
    ['below /etc', '/etc/nginx', '/etc/nginx', 'belongs to the system'],
    ['/var', '/var', '/var', 'belongs to the system'],
    ['/home', '/home', '/home', 'belongs to the system'],
    ['programs', '/usr/local/bin/x', '/usr/local/bin/x', 'belongs to the system'],
    ['anything in /usr but share and local', '/usr/games', '/usr/games', 'belongs to the system'],
    ['keys', '/home/site/.ssh', '/home/site/.ssh', 'belongs to the system'],
    ['our own state', '/var/lib/hostsync/x', '/var/lib/hostsync/x', 'belongs to the system'],
    ['the agent', '/var/lib/amazon/ssm', '/var/lib/amazon/ssm', 'belongs to the system'],
    ['a slash at the end', '/srv/a/', '/srv/a/', 'not normalised'],
    ['a double slash', '/srv//a', '/srv//a', 'not normalised'],
    ['a dot', '/srv/./a', '/srv/./a', 'not normalised'],
    ['two dots', '/srv/../etc', '/srv/../etc', 'not normalised'],
    ['two dots at the end', '/srv/..', '/srv/..', 'not normalised'],
    ['a quote', "/srv/a'b", "/srv/a'b", 'not allowed'],
    ['a command', '/srv/$(id)', '/srv/$(id)', 'not allowed'],
    ['a percent sign', '/srv/%PATH%', '/srv/%PATH%', 'not allowed'],
    ['a control character', '/srv/a\u0007', '/srv/a\u0007', 'not allowed'],
    ['a pattern', '/srv/*', '/srv/*', 'not allowed'],
    ['too long', `/srv/${'a'.repeat(252)}`, `/srv/${'a'.repeat(252)}`, 'longer than 255'],
    ['twice the same', '/srv/a /srv/a', '/srv/a', 'named twice'],
    ['one inside another', '/srv/a /srv/a/b', '/srv/a/b', 'one inside the other'],
    ['one around another', '/srv/a/b /srv/a', '/srv/a', 'one inside the other'],
  ])('%s', (_name, value, wrong, problem) => {
    const result = parse(value);
    expect(result).toEqual({
      ok: false,
      problems: [
        {
          instance: 'i-1',
          tag: 'hostsync:directories',
          value: wrong,
          problem: expect.stringContaining(problem),
          remedy: expect.stringMatching(/\S/u),
        },
      ],
    });
  });

  it('names every wrong path at once', () => {
    const result = parse('srv /etc /srv/ok /srv/a/');
    expect(!result.ok && result.problems.map(({ value }) => value)).toEqual(['srv', '/etc', '/srv/a/']);
  });
});

it('whatever the tag holds, an accepted path can neither leave its place nor end a line of a request', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const result = parse(`/srv/${text}`);
      if (!result.ok) return;
      for (const path of result.value) {
        expect(path).toMatch(/^\//u);
        expect(path.split('/').slice(1)).not.toContain('..');
        expect(path.split('/').slice(1)).not.toContain('');
        expect(path).not.toMatch(/[\s\p{Cc}"'`$\\;&|<>]/u);
      }
    }),
  );
});
