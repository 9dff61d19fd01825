import { isIP } from 'node:net';

/**
 * An address as Event Ruler compares it: as 32 or 128 binary digits, however it is written.
 *
 * An IPv4 address within IPv6 is an IPv4 address, and written with dots (`::ffff:10.0.0.1`) it is text like any other.
 *
 * @returns undefined for what is no address
 * @see event-ruler, CIDR.java and Constants.java; java.net.InetAddress
 */
export function addressBits(text: string): string | undefined {
  const kind = isIP(text);
  if (kind === 4) return binary(text.split('.').map(Number), 8);
  if (kind !== 6 || !/^[\da-f:]+$/i.test(text)) return undefined;
  const [head = [], tail = []] = text.split('::').map(groupsOf);
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  const bits = binary([...head, ...middle, ...tail], 16);
  return bits.startsWith(mapped) ? bits.slice(mapped.length) : bits;
}

/** ::ffff:0:0/96, RFC 4291. */
const mapped = '0'.repeat(80) + '1'.repeat(16);

function groupsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function binary(groups: readonly number[], width: number): string {
  return groups.map((group) => group.toString(2).padStart(width, '0')).join('');
}
