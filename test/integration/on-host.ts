import type { Host } from 'local-cloud/hosts';
import { makeDirectories, must, uploads } from './group.ts';

type Shell = Pick<Host, 'exec' | 'id'>;

/** Makes a file as the web server does when an editor uploads it. @param content default: its name */
export function upload(host: Shell, name: string, content = name, directory = uploads): Promise<string> {
  return must(host, `cd ${directory}; echo ${content} > ${name}; chown www-data: ${name}`);
}

/** The same, of so many bytes that no compression makes fewer. */
export function uploadRandom(host: Shell, name: string, bytes: number): Promise<string> {
  return must(host, `cd ${uploads}; head -c ${bytes} /dev/urandom > ${name}; chown www-data: ${name}`);
}

/** What a host needs before it can join. */
export const makeUploads = (host: Shell): Promise<void> => makeDirectories(host, [uploads]);

/** Installs a hook as an operator does. @param script without its first line a script of bash; in octal, `mode` */
export async function writeHook(host: Shell, name: string, script: string, mode = '755'): Promise<void> {
  const text = script.startsWith('#!') ? script : `#!/bin/bash\n${script}\n`;
  await must(
    host,
    `mkdir -p -m 755 /etc/hostsync/hooks; cd /etc/hostsync/hooks
     base64 -d <<<${Buffer.from(text).toString('base64')} > ${name}; chmod ${mode} ${name}`,
  );
}
