import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// What a runbook has somebody type at night is understood by the programs of a host

const runbooks = resolve(import.meta.dirname, '../../docs/runbooks');
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'runbooks-'));
  mkdirSync(join(directory, '2026'));
  writeFileSync(join(directory, '2026', 'photo.jpg'), 'x');
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Lines of code that are neither for the AWS CLI nor for the operator's command. */
function commandsOf(page: string): readonly string[] {
  const blocks = readFileSync(join(runbooks, page), 'utf8').matchAll(/^\s*```\n(.*?)^\s*```$/gmsu);
  return [...blocks]
    .flatMap(([, code = '']) => code.replaceAll(/\\\n\s*/gu, '').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(?:aws|npx|npm) /u.test(line));
}

const commands = readdirSync(runbooks).flatMap((page) =>
  commandsOf(page).map((command) => [page, command] as const),
);

describe('on a host', () => {
  it('there is something to type', () => {
    expect(commands.length).toBeGreaterThan(5);
  });

  it.each(commands)('%s: %s', (_, command) => {
    const typed = command.replaceAll('DIRECTORY', directory);
    const { stderr, error } = spawnSync('bash', ['-c', typed], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    expect(error).toBeUndefined();
    // What a healthy host does not have is not there. Everything else is a mistake of the page's
    const said = stderr
      .split('\n')
      .filter((line) => line !== '' && !/: No such file or directory$/u.test(line));
    expect(said).toEqual([]);
    expect(existsSync(join(directory, '2026', 'photo.jpg'))).toBe(true);
  });
});
