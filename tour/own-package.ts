import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The packaged service as other settings of the deployment make it.
 *
 * @param from where `serverless package` has put it
 * @param variables of the functions' environments, for those that have them
 * @returns a directory, for the caller to remove
 */
export function packageWith(from: string, variables: Readonly<Record<string, string>>): string {
  mkdirSync('.hostsync', { recursive: true });
  const directory = mkdtempSync(join('.hostsync', 'own-package-'));
  cpSync(from, directory, { recursive: true });
  const file = join(directory, 'cloudformation-template-update-stack.json');
  const template: unknown = JSON.parse(
    readFileSync(file, 'utf8'),
    (key, value: unknown) => variables[key] ?? value,
  );
  writeFileSync(file, JSON.stringify(template));
  return directory;
}
