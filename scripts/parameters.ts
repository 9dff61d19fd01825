import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { settings } from '../shared/edge/settings.ts';

const file = join(resolve(import.meta.dirname, '..'), 'settings.yml');

interface Parameter {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The settings with their defaults and the comments above them; one comment may stand above several. */
function readParameters(text: string): readonly Parameter[] {
  const parameters: Parameter[] = [];
  let meaning: readonly string[] = [];
  let isComment = false;
  const lines = text.split('\n');
  for (const line of lines.slice(lines.indexOf('default:') + 1)) {
    const [, comment] = /^ {2}# (.*)$/u.exec(line) ?? [];
    const [, name, fallback] = /^ {2}([a-z-]+): (.*)$/u.exec(line) ?? [];
    if (comment !== undefined) meaning = isComment ? [...meaning, comment] : [comment];
    else if (name !== undefined && fallback !== undefined)
      parameters.push({ name, fallback: fallback.replaceAll("'", ''), meaning: meaning.join(' ') });
    isComment = comment !== undefined;
  }
  return parameters;
}

/** What is allowed, in the words of the check: of a text that none of them takes. */
function allowed(name: string): string {
  const setting = Object.entries(settings).find(([each]) => each === name);
  if (setting === undefined) throw new Error(`${name} of settings.yml is no setting`);
  const [issue] = v.safeParse<v.GenericSchema>(setting[1], '\0').issues ?? [];
  if (issue === undefined) throw new Error(`the setting ${name} takes anything`);
  return issue.message.replace(/^must be /u, '');
}

const cell = (text: string) => text.replaceAll('|', '\\|');
const code = (text: string) => (text === '' ? 'empty' : `\`${text}\``);

/** docs/reference/parameters.md, from settings.yml and the schema of the settings. */
export function parametersPage(): string {
  const rows = readParameters(readFileSync(file, 'utf8')).map(
    ({ name, fallback, meaning }) =>
      `| \`${name}\` | ${code(fallback)} | ${cell(allowed(name))} | ${cell(meaning)} |`,
  );
  return `# Parameters

What can be set at a deployment, per stage, in \`settings.yml\`:

\`\`\`
prod:
  alert-email: ops@example.com
\`\`\`

\`--param="NAME=VALUE"\` at a deployment overrides the file for that deployment alone: the next deployment without it sets the value back. Whatever is
wrong is said before anything is deployed. What one group can set for itself is in its tags: [tags.md](../tags.md).

<!-- Made by scripts/parameters.ts from settings.yml and shared/edge/settings.ts -->

| name | default | allowed | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

if (process.argv[1] === import.meta.filename) process.stdout.write(parametersPage());
