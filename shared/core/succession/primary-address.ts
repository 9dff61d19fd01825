import type { ObservedInstance } from '../model/observation.ts';
import { tagKeys } from '../model/tag-keys.ts';
import { type Parsed, parsed } from '../model/tag-problem.ts';

/** Which address of the primary its name points at: the operator's choice. */
export type AddressChoice =
  | { readonly kind: 'private' }
  | { readonly kind: 'public' }
  /** It goes to whoever is the primary. */
  | { readonly kind: 'elastic-ip'; readonly allocation: string };

/** An Elastic IP address, as EC2 shows it. */
export interface ObservedElasticAddress {
  readonly allocation: string;
  readonly publicIp: string;
  /** The group that its tag names. */
  readonly group: string | undefined;
  /** The instance that has it. */
  readonly instance: string | undefined;
  /** The network interface that has it: that of an instance, or of something else, as a NAT gateway. */
  readonly networkInterface: string | undefined;
}

/** By the type of the record that holds it; undefined where the primary is to have no such record. */
export interface WantedAddresses {
  readonly A: string | undefined;
  readonly AAAA: string | undefined;
}

/** The addresses of the primary, or why they are not known. */
export type FoundAddresses =
  | { readonly ok: true; readonly value: WantedAddresses }
  | { readonly ok: false; readonly problem: string };

const allocationId = /^eipalloc-(?:[0-9a-f]{8}|[0-9a-f]{17})$/u;

/** What the tag `hostsync:address` of a primary says; without it, its private address. */
export function parseAddressChoice({
  id,
  tags,
}: Pick<ObservedInstance, 'id' | 'tags'>): Parsed<AddressChoice> {
  const value = tags[tagKeys.address] ?? 'private';
  const word = value.trim();
  if (word === 'private' || word === 'public') return { ok: true, value: { kind: word } };
  const problem = {
    instance: id,
    tag: tagKeys.address,
    value,
    problem: 'this is no choice of an address',
    remedy: 'set it to private, public, or the allocation id of an Elastic IP (eipalloc-…)',
  };
  return parsed({ kind: 'elastic-ip', allocation: word }, allocationId.test(word) ? [] : [problem]);
}

/**
 * The addresses that the primary's name is to have. An IPv6 address is the same inside and outside.
 *
 * @param elastic what EC2 shows of the Elastic IP that was chosen
 */
export function wantedAddresses(
  primary: ObservedInstance,
  choice: AddressChoice,
  elastic: ObservedElasticAddress | undefined,
): FoundAddresses {
  const { id, address, publicAddress, ipv6Address: AAAA } = primary;
  switch (choice.kind) {
    case 'private':
      return address === undefined && AAAA === undefined
        ? missing(`${id} has no address`)
        : { ok: true, value: { A: address, AAAA } };
    case 'public':
      // Who has IPv4 alone would be locked out by a name with an IPv6 address alone
      return publicAddress === undefined && (address !== undefined || AAAA === undefined)
        ? missing(`${id} has no public IPv4 address: give it one, or choose another with ${tagKeys.address}`)
        : { ok: true, value: { A: publicAddress, AAAA } };
    case 'elastic-ip':
      return elastic === undefined
        ? missing(`nothing is known of the Elastic IP ${choice.allocation}`)
        : { ok: true, value: { A: elastic.publicIp, AAAA } };
  }
}

function missing(problem: string): FoundAddresses {
  return { ok: false, problem };
}

/** Why an Elastic IP is not moved to the primary, or nothing. */
export function elasticAddressBlocker(
  { allocation, publicIp, group: its, instance, networkInterface }: ObservedElasticAddress,
  { id, address }: ObservedInstance,
  group: string,
): string | undefined {
  const what = `the Elastic IP ${publicIp} (${allocation})`;
  if (its !== group)
    return `${what} is not marked as one of this group, so it is not moved: aws ec2 create-tags --resources ${allocation} --tags Key=${tagKeys.group},Value=${group}`;
  if (networkInterface !== undefined && instance === undefined)
    return `${what} is that of the network interface ${networkInterface}, which is no instance's: it is not taken away from there`;
  if (address === undefined) return `${what} cannot be moved to ${id}, which has no private IPv4 address`;
  return undefined;
}
