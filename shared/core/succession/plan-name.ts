import { tagKeys } from '../model/tag-keys.ts';
import type { WantedAddresses } from './primary-address.ts';

/** One record set of the name that editors use. */
export interface ObservedRecord {
  /** `A`, `AAAA`, `CNAME`, … */
  readonly type: string;
  /** None of an alias. */
  readonly values: readonly string[];
  /** Seconds; an alias has none of its own. */
  readonly ttl: number | undefined;
  /** What an alias points at. */
  readonly alias: string | undefined;
  /** What tells it from others of the same name and type, among which a routing policy chooses. */
  readonly setIdentifier: string | undefined;
}

type AddressType = keyof WantedAddresses;

/** One change of the record sets of a name. */
export type RecordChange =
  | { readonly action: 'UPSERT'; readonly type: AddressType; readonly address: string }
  /** It has to name the record set as it is. */
  | { readonly action: 'DELETE'; readonly type: AddressType; readonly address: string; readonly ttl: number };

/** What a name has beside these does not lead editors anywhere. */
const leading: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME']);

/**
 * Why the record sets of a name are left as they are, or nothing: only what hostsync could have written itself, one address in a simple record,
 * may be replaced. Somebody made the rest otherwise, and wants it so.
 *
 * @param records all that the zone has of the name
 */
export function recordBlocker(name: string, records: readonly ObservedRecord[]): string | undefined {
  for (const record of records) {
    const what = leading.has(record.type) ? foreignKind(record) : undefined;
    if (what !== undefined)
      return `the record ${name} (${record.type}) is ${what}, which hostsync does not change: replace it by a simple record with one address, or take ${name} out of the tag ${tagKeys.dns}`;
  }
  return undefined;
}

function foreignKind({ type, values, alias, setIdentifier }: ObservedRecord): string | undefined {
  if (alias !== undefined) return `an alias of ${alias}`;
  if (setIdentifier !== undefined) return `one of several records with a routing policy (${setIdentifier})`;
  if (type === 'CNAME') return `a CNAME of ${values.join(', ')}`;
  return values.length === 1 ? undefined : `one with ${values.length} addresses`;
}

/**
 * What makes the name point at the primary and at nothing else; nothing where it does already. An AAAA record is kept right where there is one,
 * and made only for a primary that has no IPv4 address: nobody asked for more.
 *
 * @param records that `recordBlocker` lets pass
 */
export function recordChanges(
  wanted: WantedAddresses,
  records: readonly ObservedRecord[],
): readonly RecordChange[] {
  const hasIpv6Record = records.some(({ type }) => type === 'AAAA');
  const AAAA = hasIpv6Record || wanted.A === undefined ? wanted.AAAA : undefined;
  return [...changeOf('A', wanted.A, records), ...changeOf('AAAA', AAAA, records)];
}

function changeOf(
  type: AddressType,
  address: string | undefined,
  records: readonly ObservedRecord[],
): readonly RecordChange[] {
  const found = records.find((record) => record.type === type);
  const [before] = found?.values ?? [];
  if (address !== undefined)
    return before !== undefined && isSameAddress(before, address)
      ? []
      : [{ action: 'UPSERT', type, address }];
  if (found === undefined || before === undefined || found.ttl === undefined) return [];
  return [{ action: 'DELETE', type, address: before, ttl: found.ttl }];
}

function isSameAddress(one: string, other: string): boolean {
  return one === other || (one.includes(':') && wholeIpv6(one) === wholeIpv6(other));
}

/** All eight groups of an IPv6 address, without leading zeros: `2001:DB8::1` and `2001:db8:0:0:0:0:0:1` are one. */
function wholeIpv6(text: string): string {
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const [head = '', tail] = text.toLowerCase().split('::');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].map((group) => group.replace(/^0+(?=.)/u, '')).join(':');
}
