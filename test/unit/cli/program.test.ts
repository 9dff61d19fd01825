import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeProgram } from '../../../cli/program.ts';
import { Terminal } from '../../../cli/terminal.ts';
import { cliReference } from '../../../scripts/cli-reference.ts';

const program = () =>
  makeProgram(new Terminal({ colour: false, unicode: true, columns: 80, interactive: false }));
const names = program()
  .commands.map((command) => command.name())
  .filter((name) => !['complete', 'completion'].includes(name));
const run = (...words: readonly string[]) =>
  spawnSync(process.execPath, ['cli/main.ts', ...words], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      LANG: 'C.UTF-8',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  });

it('docs/reference/cli.md is up to date: CONTRIBUTING.md says how to make it', () => {
  expect(readFileSync('docs/reference/cli.md', 'utf8')).toBe(cliReference());
});

describe('the help', () => {
  it.each(names)('of %s is short, and has an example', (name) => {
    const command = program().commands.find((each) => each.name() === name);
    let help = '';
    command?.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command?.outputHelp();
    expect(help).toContain(`hostsync ${name}`);
    expect(help).toContain('Examples:\n');
    expect(help.split('\n').length).toBeLessThan(40);
  });
});

describe('the real command, without any configuration', () => {
  it('shows its help, and ends with 0', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    for (const name of names) expect(stdout).toContain(`  ${name} `);
  });

  it.each([
    [64, 'unknown option', ['status', '--nothing']],
    [64, 'unknown command', ['stats']],
    [64, 'whole number of seconds', ['wait', 'web', '--in-sync', '--timeout', 'soon']],
    [64, 'Allowed choices are', ['status', '-o', 'yaml']],
    [64, 'is no name of a stage', ['status', '--stage', '../x', '--region', 'eu-west-1']],
    [64, 'No AWS region is set', ['status']],
    [77, 'No valid AWS credentials', ['status', '--region', 'eu-west-1']],
  ] as const)('%i: %s', (code, text, words) => {
    const { status, stderr } = run(...words);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/\n\s+at /u);
    expect(status).toBe(code);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('%s gets a script', (shell) => {
    const { status, stdout } = run('completion', shell);
    expect(status).toBe(0);
    expect(stdout).toContain('hostsync');
  });

  it('proposes commands and options', () => {
    expect(run('complete', '--', 'sw').stdout).toContain('switchover');
    expect(run('complete', '--', 'switchover', '--t').stdout).toContain('--to');
    expect(run('complete', '--', '-o', '').stdout).toContain('json');
  });
});
