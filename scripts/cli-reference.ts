import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { makeProgram } from '../cli/program.ts';
import { Terminal } from '../cli/terminal.ts';

/** docs/reference/cli.md, of the command line as it is. */
export function cliReference(): string {
  const options = { colour: false, unicode: false, columns: 80, interactive: false };
  const program = makeProgram(new Terminal(options));
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  return `${[
    introduction,
    '## Options of every command',
    optionTable(program),
    exitCodes,
    ...commands.flatMap((command) => describeCommand(command)),
    completion,
    access,
  ].join('\n\n')}\n`;
}

const introduction = `# \`npx hostsync\`: see, steer and diagnose groups

<!-- Made by scripts/cli-reference.ts of cli/program.ts: change that, see CONTRIBUTING.md -->

The command works in the clone from which the service was deployed. It uses the same tags, table, documents and planners as the functions, so it sees
and does what they do. It finds them by the functions of the stage: \`hostsync-STAGE-reconcile\` and the others.

Credentials, profile, region and SSO are those of the AWS CLI. Every command that changes something shows its plan and the line of the AWS CLI
that does the same, and asks; \`--dry-run\` ends there, \`--yes\` does not ask. Ctrl-C ends the watching, not what was begun.

Data go to standard output; progress, questions and errors to standard error. \`-o json\` prints one document.
With \`NO_COLOR\`, \`--no-color\` or a pipe there is no colour, with \`LANG=C\` or \`TERM=dumb\` there are symbols of ASCII only.`;

const exitCodes = `## Exit codes

| code | \`status\`, \`doctor\`, \`push\` | \`wait\` | commands that change something |
| --- | --- | --- | --- |
| 0 | in sync; no finding; everything arrived | the condition holds | done, or a dry run, or the answer was no |
| 1 | behind, joining or paused; only warnings or what is not known; something did not arrive | the time is over | refused, or not done in time |
| 2 | needs attention; errors; deletions are held | | needs attention afterwards |
| 64 | wrong use | the same | the same |
| 69 | AWS or the deployment cannot be reached | the same | the same |
| 77 | no credentials, or access denied | the same | the same |
| 130 | interrupted | the same | interrupted; the text says what goes on |`;

const completion = `## Completion

\`\`\`
source <(npx hostsync completion bash)
source <(npx hostsync completion zsh)
npx hostsync completion fish | source
\`\`\`

The shell completes \`hostsync\`, so it needs a name of its own: \`npm link\` in the clone makes one.`;

const policies = ['read', 'act'].map((name) => {
  const url = new URL(`../docs/reference/operator-${name}-policy.json`, import.meta.url);
  return readFileSync(url, 'utf8').trim();
});

const access = `## The operator's rights

Who only looks (\`status\`, \`doctor\`, \`history\`, \`logs\`, \`plan\`, \`wait\`) needs
[operator-read-policy.json](operator-read-policy.json):

\`\`\`json
${policies[0]}
\`\`\`

\`AskHosts\` and \`AskOnHosts\` let \`doctor\` run its one document, which changes nothing, on the hosts. Without them \`doctor\` says of each
host that it was not checked.

Who acts needs [operator-act-policy.json](operator-act-policy.json) as well. \`hostsync\` in the conditions is the tag prefix of the stage. \`init\` sets
tags on hosts of no group yet, so \`SetTags\` asks for no tag; who is to act on hosts of groups only, adds the condition
\`"Null": { "aws:ResourceTag/hostsync:group": "false" }\`.

\`\`\`json
${policies[1]}
\`\`\``;

function describeCommand(command: Command): readonly string[] {
  const examples = exampleLines(command);
  return [
    `## \`hostsync ${command.name()}\``,
    `${command.description().replace(/\.?$/u, '.')}`,
    `\`\`\`\nhostsync ${command.name()} ${command.usage()}\n\`\`\``,
    ...(command.registeredArguments.length > 0 ? [argumentTable(command)] : []),
    ...(command.options.length > 0 ? [optionTable(command)] : []),
    ...(examples === '' ? [] : [`\`\`\`\n${examples}\n\`\`\``]),
  ];
}

/** What stands behind "Examples:" in its help. */
function exampleLines(command: Command): string {
  let text = '';
  const write = (words: string): void => {
    text += words;
  };
  command.configureOutput({ writeOut: write, getOutHelpWidth: () => 200 });
  command.outputHelp();
  const [, examples = ''] = text.split('Examples:\n');
  return examples
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

function argumentTable(command: Command): string {
  const rows = command.registeredArguments.map((each) => {
    const name = each.required ? `<${each.name()}>` : `[${each.name()}]`;
    return `| \`${name}\` | ${cell(each.description)} |`;
  });
  return ['| argument | what |', '| --- | --- |', ...rows].join('\n');
}

function optionTable(command: Command): string {
  const rows = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map(({ flags, description, defaultValue, argChoices }) => {
      const choices =
        argChoices === undefined ? '' : `: ${argChoices.map((each) => `\`${each}\``).join(', ')}`;
      const fallback =
        defaultValue === undefined || typeof defaultValue === 'boolean'
          ? ''
          : `; default \`${defaultValue}\``;
      return `| \`${flags}\` | ${cell(description)}${choices}${fallback} |`;
    });
  return ['| option | what |', '| --- | --- |', ...rows].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(cliReference());
