import { describe, expect, it } from 'vitest';
import { runBash, scriptFunctions } from './scripts.ts';

const rescue = scriptFunctions('rescue');

describe('the name under which the other version is kept', () => {
  const nameFor = (name: string, number = 1) =>
    runBash(
      `${rescue}
       id=i-0abc it=$(mktemp)
       touch -d '2026-11-22 18:53:25.9 UTC' "$it"
       find_name "$1" "$it" "$2"
       rm "$it"
       printf %s "$want"`,
      [name, String(number)],
    ).stdout;
  const suffix = '.from-i-0abc-20261122T185325Z';

  it('says whence and when, also for the second of the same second', () => {
    expect(nameFor('a b.jpg')).toBe(`a b.jpg${suffix}`);
    expect(nameFor('a b.jpg', 3)).toBe(`a b.jpg${suffix}.3`);
  });

  it('fits into a directory, and is cut between two characters', () => {
    expect(nameFor('n'.repeat(255))).toBe(`${'n'.repeat(255 - suffix.length)}${suffix}`);
    const wide = nameFor('é'.repeat(127));
    expect(Buffer.byteLength(wide)).toBeLessThanOrEqual(255);
    expect(wide).toMatch(/^é+\.from-/u);
  });
});

describe('names that a source tells', () => {
  it('are read as they are, whatever bytes they have', () => {
    const said = [
      'hostsync:>f+++++++++ plain',
      'hostsync:>f.st...... d/a b ',
      'hostsync:cL+++++++++ link',
      'hostsync:cd+++++++++ directory/',
      'hostsync:.f...p..... only the mode',
      'hostsync:*deleting   gone',
      'hostsync:>f+++++++++ new\\#012line \\#033 \\#177',
      'hostsync:>f+++++++++ \\#134#012',
      'something else',
      '',
    ].join('\n');
    const { stdout, stderr } = runBash(
      `${rescue}
       scratch=$(mktemp -d)
       cat >"$scratch/0.out"
       write_decoder
       read_names 0`,
      [],
      said,
    );
    expect(stderr).toBe('');
    expect(stdout.split('\0')).toEqual(['plain', 'd/a b ', 'link', 'new\nline \x1b \x7f', '\\#012', '']);
  });

  it('are dropped if they lead out of the directory, or to where files are put together', () => {
    const bad = [
      '',
      '/etc/x',
      '..',
      '../x',
      'a/../../x',
      'a/..',
      '.',
      './x',
      'a//b',
      'a/',
      '.~tmp~/x',
      'a/.~tmp~',
      '.~tmp~',
    ];
    const good = ['x', '...', '..x', 'a/..b', '.hidden', 'a/b/c', '-x', 'x\ny', ' ', '~tmp~'];
    const { stdout } = runBash(
      `${rescue}\nclean_names`,
      [],
      [...bad, ...good].map((name) => `${name}\0`).join(''),
    );
    expect(stdout.split('\0').slice(0, -1)).toEqual(good);
    expect(runBash(`${rescue}\nclean_names`, [], '/x\0').code).toBe(0);
  });
});
