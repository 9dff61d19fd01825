import { join } from 'node:path';
import { run } from './command.ts';
import type { Addressing, HostAddresses } from './host.ts';

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

/** Follows from the numbers in the addresses, so that everybody knows it without asking. */
export function hardwareAddress(network: number, host: number): string {
  const byte = (value: number) => value.toString(16).padStart(2, '0');
  return `02:00:0a:d5:${byte(network)}:${byte(host)}`;
}

/**
 * 10.213.NETWORK.HOST and fd00:10:213:1NETWORK::HOST with three digits for the network, decimal ones in both, as far as a host has them.
 * The 1 keeps the text as programs write it, which leave zeros out.
 */
export function hostAddresses(network: number, host: number, addressing: Addressing): HostAddresses {
  return {
    ipv4: addressing === 'ipv6' ? undefined : `10.213.${network}.${host}`,
    ipv6: addressing === 'ipv4' ? undefined : `fd00:10:213:${1000 + network}::${host}`,
  };
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
