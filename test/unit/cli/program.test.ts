import { readFile } from 'node:fs/promises';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { makeProgram } from '../../../cli/program.ts';
import { renderReference } from '../../../cli/reference.ts';

test('docs/reference/cli.md is what the program prints: node scripts/cli-reference.ts > docs/reference/cli.md', async () => {
  const written = await readFile('docs/reference/cli.md', 'utf8');
  expect(written).toBe(renderReference(makeProgram(() => Promise.resolve())));
});

test('every command says in one line what it is for, and in which part of the help it stands', () => {
  const program = makeProgram(() => Promise.resolve());
  for (const command of program.createHelp().visibleCommands(program)) {
    expect(command.summary(), command.name()).not.toBe('');
    expect(['See', 'Act', 'Script', 'Set up'], command.name()).toContain(command.helpGroup());
  }
});

/** What is said, instead of being printed, and whether a deployment was asked. */
async function parse(...words: readonly string[]) {
  let asked: unknown;
  const program = makeProgram((options) => {
    asked = options;
    return Promise.resolve();
  });
  let said = '';
  for (const command of [program, ...program.commands])
    command.configureOutput({
      writeErr: (text) => {
        said += text;
      },
    });
  const error = await program.parseAsync([...words], { from: 'user' }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { asked, said, error };
}

describe('wrong use asks nothing of AWS and is said', () => {
  test.each([
    [['statsu'], "unknown command 'statsu'"],
    [['status', '--wach'], "unknown option '--wach'"],
    [['status', '-o', 'yaml'], 'Allowed choices are table, json, tsv'],
    [['wait', '--timeout', '0'], 'Give a whole number from 1'],
    [['status', 'web', 'shop'], 'too many arguments'],
    [['resync', 'web'], "missing required argument 'host'"],
    [['promote', 'web'], "required option '--to <host>' not specified"],
  ])('%j', async (words, message) => {
    const { asked, said, error } = await parse(...words);
    expect(error).toBeInstanceOf(CommanderError);
    expect(said).toContain(message);
    expect(asked).toBeUndefined();
  });
});

test('what is for every command may stand before it and behind it', async () => {
  const place = { region: 'eu-west-1', stage: 'test', endpoint: 'http://127.0.0.1:1' };
  const words = ['--region', 'eu-west-1', '--stage', 'test', '--endpoint', 'http://127.0.0.1:1'];
  expect((await parse(...words, 'status')).asked).toMatchObject(place);
  expect((await parse('status', 'web', ...words)).asked).toMatchObject(place);
  expect((await parse('status')).asked).toMatchObject({ stage: 'prod', color: true });
});
