import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Script, scripts, scriptText, sourcedTexts } from './scripts.ts';

const files = ['request', 'transfer', ...scripts] as const;

/** The one file that SSM runs, with a request of the longest kind in place. */
function asSsmRunsIt(name: Script, request: string): string {
  return ['#!/bin/bash', `set -- --base64 '${request}'`, ...sourcedTexts(name), scriptText(name)].join('\n');
}

describe.each(files)('host/%s.sh', (name) => {
  const text = scriptText(name);

  it('begins as a bash script in strict mode', () => {
    expect(text).toMatch(/^#!\/bin\/bash\n(?:#.*\n)*set -Eeuo pipefail\n/);
  });

  it('has nothing that SSM would put a parameter or a dollar sign in place of', () => {
    expect(text).not.toContain('{{');
    expect(text).not.toContain('$$');
  });

  it('is valid bash', () => {
    const { status, stderr } = spawnSync('bash', ['-O', 'extglob', '-n'], { input: text, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

describe.each(scripts)('host/%s.sh', (name) => {
  it('ends by reading the request and only then begins its work', () => {
    expect(scriptText(name)).toMatch(new RegExp(`\nhostsync_read_request ${name} "\\$@"\nmain\n$`));
  });

  it('refuses an empty request when it is one file without a name, as in SSM', () => {
    const { status, stdout } = spawnSync('bash', [], {
      input: asSsmRunsIt(name, ''),
      env: {},
      encoding: 'utf8',
    });
    expect(status).toBe(12);
    expect(JSON.parse(stdout)).toMatchObject({ v: 1, kind: 'error', error: 'bad-request' });
  });
});
