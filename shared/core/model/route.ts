import type { ObservedInstance } from './observation.ts';
import { sshPort } from './secondaries.ts';
import { tagKeys } from './tag-keys.ts';
import { describeTagProblem, type Parsed, parsed } from './tag-problem.ts';

/** Where one host reaches the SSH server of another, or why it does not. */
export type Route =
  | { readonly kind: 'route'; readonly address: string; readonly port: number }
  | { readonly kind: 'no-route'; readonly code: 'no-address' | 'bad-tags'; readonly reason: string };

type Addresses = Pick<ObservedInstance, 'id' | 'address' | 'ipv6Address'>;

/** The port that the SSH server of a host listens on. */
export function parsePort({ id, tags }: Pick<ObservedInstance, 'id' | 'tags'>): Parsed<number> {
  const value = tags[tagKeys.port];
  if (value === undefined) return { ok: true, value: sshPort };
  const word = value.trim();
  const valid = /^[1-9]\d{0,4}$/u.test(word) && Number(word) <= 65535;
  return parsed(
    Number(word),
    valid
      ? []
      : [
          {
            instance: id,
            tag: tagKeys.port,
            value,
            problem: 'this is no port',
            remedy: `set it to the number from 1 to 65535 that the host's sshd listens on, or delete the tag for ${sshPort}`,
          },
        ],
  );
}

/** By IPv4 if both hosts have an address of it, else by IPv6. */
export function routeBetween(from: Addresses, to: Addresses & Pick<ObservedInstance, 'tags'>): Route {
  const port = parsePort(to);
  if (!port.ok) return noRoute('bad-tags', port.problems.map(describeTagProblem).join(' | '));
  if (from.address !== undefined && to.address !== undefined)
    return { kind: 'route', address: to.address, port: port.value };
  if (from.ipv6Address !== undefined && to.ipv6Address !== undefined)
    return { kind: 'route', address: to.ipv6Address, port: port.value };
  return noRoute('no-address', familyProblem(from, to));
}

/** To a host that EC2 does not know. What is no address is a name, and DNS has the addresses of both families. */
export function routeOutside(
  from: Addresses,
  { id, address, port }: { readonly id: string; readonly address: string; readonly port: number },
): Route {
  const isIpv6 = address.includes(':');
  const isIpv4 = /^[\d.]+$/u.test(address);
  const to = {
    id,
    address: isIpv6 ? undefined : address,
    ipv6Address: isIpv4 ? undefined : address,
  };
  return sharesFamily(from, to)
    ? { kind: 'route', address, port }
    : noRoute('no-address', familyProblem(from, to));
}

/** Both have an address of IPv4, or both have one of IPv6. */
export function sharesFamily(from: Addresses, to: Addresses): boolean {
  return (
    (from.address !== undefined && to.address !== undefined) ||
    (from.ipv6Address !== undefined && to.ipv6Address !== undefined)
  );
}

function familyProblem(from: Addresses, to: Addresses): string {
  const without = [to, from].find((each) => each.address === undefined && each.ipv6Address === undefined);
  if (without !== undefined)
    return `${without.id} has neither a private IPv4 address nor an IPv6 address: see its network interface`;
  return `${from.id} has an ${family(from)} address only, and ${to.id} an ${family(to)} address only: launch one of them in a dual-stack subnet`;
}

function family({ address }: Addresses): 'IPv4' | 'IPv6' {
  return address === undefined ? 'IPv6' : 'IPv4';
}

function noRoute(code: 'no-address' | 'bad-tags', reason: string): Route {
  return { kind: 'no-route', code, reason };
}
