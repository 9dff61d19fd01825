import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dropUnusedFunctions, hostDocument } from '../../scripts/host-documents.mjs';
import { libraryPath, runBash, scriptFunctions, scripts, scriptText } from './scripts.ts';

const rescue = scriptFunctions('rescue');

/** The top-level functions of a script, with the comments above them. */
function functionsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^(\w+)\(\) \{[\s\S]*?^\}$/gmu)].map(([body, name = '']) => [name, body] as const),
  );
}

describe.each(scripts)('the document of host/%s.sh', (name) => {
  it('has every function that it names, and none that it does not', () => {
    const { mainSteps } = JSON.parse(JSON.stringify(hostDocument(name, dirname(libraryPath), 60)));
    const text: string = mainSteps[0].inputs.runCommand.join('\n');
    for (const it of functionsOf(scriptText('request')).keys()) {
      const named = text.replaceAll(`\n${it}() {`, '').split(new RegExp(`\\b${it}\\b`, 'u')).length > 1;
      expect([it, text.includes(`\n${it}() {`)]).toEqual([it, named]);
    }
  });
});

it('functions that only unused functions name are left out with them, and loose lines stay', () => {
  const library =
    'a=1\nuse() {\n  deep\n}\nb=2\ndeep() {\n  :\n}\nidle() {\n  lazy\n}\nlazy() {\n  :\n}\nc=3\n';
  expect(dropUnusedFunctions([library, 'use\n'])).toEqual([
    'a=1\nuse() {\n  deep\n}\nb=2\ndeep() {\n  :\n}\nc=3\n',
    'use\n',
  ]);
});

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

describe('a request with an option of another script is refused', () => {
  const refusal = (script: string, request: string) => {
    const { code, stdout } = runBash(
      'hostsync_read_request "$1" -',
      [script],
      `group\tweb\nepoch\t1\n${request}`,
    );
    return `${code} ${stdout}`;
  };

  it.each([
    ['push', 'readable\tyes'],
    ['push', 'lists\tyes'],
    ['join', 'parallel\t4'],
    ['leave', 'readable\tyes'],
    ['rescue', 'first\tyes'],
    ['rescue', 'max-delete-count\t0'],
    ['push', 'interval\t15'],
    ['rescue', 'interval\t15'],
  ])('%s: %s', (script, option) => {
    expect(refusal(script, `directory\t/srv/a\noption\t${option}\n`)).toMatch(
      new RegExp(`^12 .*is not for ${script}\\.sh; take the line away`, 'u'),
    );
  });

  it('and so is a directory for probe.sh, and a key for leave.sh', () => {
    expect(refusal('probe', 'directory\t/srv/a\n')).toContain('is not for probe.sh');
    expect(refusal('leave', 'public-key\tssh-ed25519\tx\n')).toContain('is not for leave.sh');
  });
});
