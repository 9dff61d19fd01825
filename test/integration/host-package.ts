import { resolve } from 'node:path';
import type { Host } from 'local-cloud/hosts';
import { installDocument, installParts } from '../../scripts/host-documents.mjs';
import { readPackage } from '../../scripts/host-package.mjs';

const directory = resolve(import.meta.dirname, '../../host');

/** rsync's options that the modules for lists of names refuse, though a push uses some of them elsewhere. */
export const refusedForLists = [
  ...['-l', '-p', '-o', '-H', '-D', '--delete', '--backup', '--inplace'],
  '-M--log-file=/etc/x',
] as const;

/** The words that run a command of the installed package, whose request comes on standard input. */
export function hostCommand(name: string): string[] {
  return ['/usr/bin/python3', '-I', '/usr/local/lib/hostsync/current', name, '-'];
}

/** Installs the package of this repository, or that of another directory, with the very text that SSM would run. */
export async function installPackage(host: Host, from = directory): Promise<void> {
  for (let number = 1; number <= installParts; number += 1) {
    const document = JSON.parse(JSON.stringify(installDocument(number, readPackage(from, '0.0.0'), from)));
    const text: string = document.mainSteps[0].inputs.runCommand.join('\n');
    const { code, stdout, stderr } = await host.exec(['sh', '-s'], { stdin: text });
    if (code !== 0) throw new Error(`${host.id}: part ${number} of the package: ${stdout}${stderr}`);
  }
}
