import type { Command, Option } from 'commander';

/** The reference of the command, in Markdown, from what it prints as help itself. */
export function renderReference(program: Command): string {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const groups = Map.groupBy(commands, (command) => command.helpGroup());
  return [
    '# The command',
    '',
    `${program.description()} \`npx hostsync\` in this project needs Node.js 20 and credentials of AWS, as the AWS CLI has them. It reads the names`,
    'and the settings of the deployment from the outputs of its stack. It decides nothing of its own: what it shows is what the service sees, what it',
    'refuses the service would not do, and what it changes are tags ([tags.md](../tags.md)), which it prints as a line for the AWS CLI first.',
    '',
    '`GROUP` may be left out where there is only one. A host is named by its id or by its tag `Name`.',
    '',
    ...renderOverview(groups),
    '## For every command',
    '',
    ...optionTable(help.visibleOptions(program)),
    ...exitCodeLines,
    ...commands.flatMap((command) => renderCommand(program, command)),
  ].join('\n');
}

const exitCodeLines = [
  '## Exit codes',
  '',
  '| code | `status`, `wait`, `push`, `doctor` | commands that change something |',
  '| --- | --- | --- |',
  '| 0 | in sync; reached; everything arrived; nothing found | done, or a dry run |',
  '| 1 | behind; time is up; something did not arrive; warnings only | refused, or it failed |',
  '| 2 | a person has to act, or to decide on held deletions | the same |',
  '| 64 | wrong use of the command | the same |',
  '| 69 | AWS or the stack cannot be reached | the same |',
  '| 77 | no credentials, or access denied | the same |',
  '| 130 | Ctrl-C | the same; what was asked of the service goes on |',
  '',
  'Data go to standard output; progress, questions and errors go to standard error. `-o json` prints one document.',
  '',
];

function renderOverview(groups: ReadonlyMap<string, readonly Command[]>): readonly string[] {
  return [
    '| | command | |',
    '| --- | --- | --- |',
    ...[...groups].flatMap(([group, commands]) =>
      commands.map(
        (command) =>
          `| ${group} | [\`${command.name()}\`](#${command.name()}) | ${cell(command.summary())} |`,
      ),
    ),
    '',
  ];
}

function renderCommand(program: Command, command: Command): readonly string[] {
  const help = command.createHelp();
  const words = command.registeredArguments.map((each) =>
    each.required ? `<${each.name()}>` : `[${each.name()}]`,
  );
  const rows = command.registeredArguments.map(
    (each) => `| \`${each.name()}\` | ${cell(each.description)} |`,
  );
  const table = rows.length === 0 ? [] : ['| argument | |', '| --- | --- |', ...rows, ''];
  return [
    `## ${command.name()}`,
    '',
    '```',
    [program.name(), command.name(), ...words, '[options]'].join(' '),
    '```',
    '',
    command.description(),
    '',
    ...table,
    ...optionTable(help.visibleOptions(command)),
  ];
}

function optionTable(options: readonly Option[]): readonly string[] {
  const own = options.filter(({ long }) => long !== '--help');
  if (own.length === 0) return [];
  const rows = own.map((option) => `| \`${option.flags}\` | ${cell(describeOption(option))} |`);
  return ['| option | |', '| --- | --- |', ...rows, ''];
}

function describeOption({ description, argChoices, defaultValue, negate, mandatory }: Option): string {
  const extra = [
    ...(mandatory ? ['needed'] : []),
    ...(argChoices === undefined ? [] : [argChoices.map((each) => `\`${each}\``).join(', ')]),
    ...(defaultValue === undefined || negate ? [] : [`default \`${String(defaultValue)}\``]),
  ];
  return extra.length === 0 ? description : `${description}; ${extra.join('; ')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
