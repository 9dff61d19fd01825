import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onScript } from '../../../tour/look-around.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'on-'));
  // Goes to no host: runs what stands behind the --
  writeFileSync(
    join(directory, 'nsenter'),
    '#!/bin/bash\nwhile [[ $1 != -- ]]; do shift; done\nshift\nexec "$@"\n',
  );
  chmodSync(join(directory, 'nsenter'), 0o755);
  writeFileSync(
    join(directory, 'on'),
    onScript([
      { hostname: 'primary', id: 'i-1', pid: 1 },
      { hostname: 'secondary-1', id: 'i-2', pid: undefined },
    ]),
  );
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function on(...words: readonly string[]) {
  return spawnSync('bash', [join(directory, 'on'), ...words], {
    cwd: directory,
    encoding: 'utf8',
    input: 'echo from a shell\n',
    env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` },
  });
}

describe('on HOST, in the shell of npm start -- --keep', () => {
  it('gives the words to a shell, as ssh does', () => {
    expect(on('primary', 'echo hi > x').status).toBe(0);
    expect(readFileSync(join(directory, 'x'), 'utf8')).toBe('hi\n');
    expect(on('primary', 'echo', 'a   b', '&&', 'echo', '$((1 + 1))').stdout).toBe('a b\n2\n');
  });
  it('opens a shell without words', () => expect(on('primary').stdout).toBe('from a shell\n'));
  it('gives the exit code of the command', () => expect(on('i-1', 'exit 7').status).toBe(7));
  it('says that a host is down', () => {
    const { status, stderr } = on('secondary-1', 'true');
    expect([status, stderr]).toEqual([255, 'secondary-1 is down\n']);
  });
  it('names the hosts when it is asked for another', () => {
    const { status, stderr } = on('nobody');
    expect([status, stderr]).toEqual([2, 'usage: on primary|secondary-1 [COMMAND...]\n']);
  });
});
