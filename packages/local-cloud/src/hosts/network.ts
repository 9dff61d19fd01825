import { join } from 'node:path';
import { run } from './command.ts';

/** What hosts know of the fleet they are in. */
export interface Network {
  readonly sandbox: string;
  /** the fleet's directory in the sandbox */
  readonly directory: string;
  /** 0 to 255, the third byte of its addresses 10.213.N.x */
  readonly number: number;
  readonly bridge: string;
  readonly log: (line: string) => void;
  /** the text of /etc/hosts on every host */
  hostsFile(): string;
}

/** Follows from the address 10.213.NETWORK.HOST, so that everybody knows it without asking. */
export function hardwareAddress(network: number, host: number): string {
  const byte = (value: number) => value.toString(16).padStart(2, '0');
  return `02:00:0a:d5:${byte(network)}:${byte(host)}`;
}

/** Runs commands of `ip`, one a line; ip comes with the base layer, this machine may have none. */
export async function configureLinks(
  sandbox: string,
  commands: readonly string[],
  options: { readonly goOn?: boolean } = {},
): Promise<void> {
  const argv = ['ip', ...(options.goOn ? ['-force'] : []), '-batch', '-'];
  await run(['chroot', join(sandbox, 'tools'), ...argv], { stdin: `${commands.join('\n')}\n` });
}
