import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compactScript, hostDocument } from '../../scripts/host-documents.mjs';
import { maximumRequestLength } from '../../shared/core/model/request.ts';
import { libraryPath, scriptFunctions, scripts, scriptText } from './scripts.ts';

/** What bash has read, without line numbers, comments and layout. */
function declared(text: string): string {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['--norc', '-c', `${text}\ndeclare -f\nfinished=yes`],
    {
      encoding: 'utf8',
      env: {},
    },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('hostsync_read_request ()');
  return stdout;
}

describe.each(scripts)('the document of host/%s.sh', (name) => {
  const library = scriptText('request');
  const functions = scriptFunctions(name);

  it('runs the very code that was reviewed and tested, but for comments and layout', () => {
    expect(declared(`${compactScript(library)}${compactScript(functions)}`)).toBe(
      declared(`${library}\n${functions}`),
    );
    const outside = (text: string) => text.split('\n').slice(-3).join('\n');
    expect(outside(compactScript(scriptText(name)))).toBe(`hostsync_read_request ${name} "$@"\nmain\n`);
  });

  it('leaves room for the longest request that the service sends', () => {
    const content = JSON.stringify(hostDocument(name, dirname(libraryPath), 3600));
    expect(Buffer.byteLength(content) + maximumRequestLength).toBeLessThanOrEqual(64 * 1024);
    expect(content).toContain(`"maxChars":${maximumRequestLength}}`);
  });
});

it('a here-document and what looks like one come through whole', () => {
  const text = `f() { # why\n  cat <<END\n  # kept\n\n    kept\nEND\n  # gone\n  ((code = code << 6)) # gone\n  cat <<<"x"\n}\n`;
  expect(compactScript(text)).toBe(
    'f() { cat <<END\n  # kept\n\n    kept\nEND\n((code = code << 6))\ncat <<<"x"\n}\n',
  );
});

it('lines are joined where the shell wants no end of a line', () => {
  const text =
    'case $x in\n  a) one ;;\n  *) two ;;\nesac\nif a \\\n  && b; then\n  c\nelse\n  d\nfi\nwhile e; do\n  {\n    f\n  }\ndone\n';
  expect(compactScript(text)).toBe(
    'case $x in a) one ;;*) two ;;esac\nif a && b; then c\nelse d\nfi\nwhile e; do { f\n}\ndone\n',
  );
});

it('the room for a request holds a group of 100 secondaries with their host keys', () => {
  const line = `secondary\ti-0123456789abcdef0\t10.123.123.123\t22\tssh-ed25519\t${'A'.repeat(68)}\n`;
  const text = `group\tweb\nepoch\t1\ndirectory\t/var/www/html/uploads\n${line.repeat(100)}`;
  expect(Math.ceil(text.length / 3) * 4).toBeLessThanOrEqual(maximumRequestLength);
});
