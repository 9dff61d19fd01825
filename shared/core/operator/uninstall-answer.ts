import type { HostAnswer, Known } from './doctor-facts.ts';
import { parseLines } from './host-report.ts';

/** What became of hostsync on a host. */
export type UninstallOutcome =
  /** @param kept what is the operator's, and was left */
  | { readonly kind: 'gone'; readonly kept: readonly string[] }
  /** Something of it is still there. */
  | { readonly kind: 'left'; readonly reason: string };

/** What the host command `uninstall` answered. Only its own word counts: a host that said nothing may have everything left. */
export function parseUninstall(answer: Known<HostAnswer>): UninstallOutcome {
  if (!answer.known) return { kind: 'left', reason: answer.reason };
  const lines = parseLines(answer.value.output);
  const done = lines.find((fields) => fields.get('kind') === 'uninstall');
  const kept = done?.get('kept');
  if (Array.isArray(kept))
    return { kind: 'gone', kept: kept.filter((each): each is string => typeof each === 'string') };
  const failed = lines.find((fields) => fields.get('kind') === 'error');
  return { kind: 'left', reason: `${failed?.get('message') ?? 'its answer cannot be read'}` };
}

/** What to do on a host that is not clean, as root. */
export const uninstallByHand = '/usr/bin/python3 -I /usr/local/lib/hostsync/current uninstall';
