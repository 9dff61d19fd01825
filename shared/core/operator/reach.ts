import type { ObservedInstance } from '../model/observation.ts';
import { routeBetween } from '../model/route.ts';
import type { DoctorFacts, Finding, IngressRule } from './doctor-facts.ts';

/** Whether a rule lets somebody in; `unknown` where that depends on a list that was not read. */
type Verdict = 'yes' | 'no' | 'unknown';

/**
 * Whom the primary, and every host that may take its place, does not reach at the SSH port for lack of a rule. Network ACLs and firewalls of the
 * hosts are not looked at.
 */
export function reachFindings({ overview, members, hosts, securityGroups }: DoctorFacts): readonly Finding[] {
  if ('unknown' in securityGroups)
    return [
      {
        ...{ level: 'unknown', what: 'Not checked: security groups', why: securityGroups.unknown },
        mend: 'Use a role that may call ec2:DescribeSecurityGroups',
      },
    ];
  const groupsOf = (id: string): readonly string[] => {
    const found = hosts.find((host) => host.id === id)?.securityGroups;
    return found !== undefined && 'known' in found ? found.known : [];
  };
  const byId = new Map(securityGroups.known.map((group) => [group.id, group]));
  const running = members.filter(({ state }) => state === 'running');
  const seen = new Set<string>();
  return [
    ...unreadFindings(hosts),
    ...running.flatMap((from) =>
      running.flatMap((to): readonly Finding[] => {
        const route = routeBetween(from, to);
        const [sources, targets] = [groupsOf(from.id), groupsOf(to.id)];
        if (from.id === to.id || route.kind === 'no-route' || sources.length === 0 || targets.length === 0)
          return [];
        const rules = targets.flatMap((id) => byId.get(id)?.ingress ?? []);
        const verdict = admits(rules, {
          address: addressOf(from, route.address),
          groups: sources,
          port: route.port,
        });
        const isPrimary = from.id === overview.primary;
        // Hosts of one launch template are alike: said once
        const pair = `${isPrimary} ${sources.join()} ${targets.join()} ${route.port}`;
        if (verdict === 'yes' || seen.has(pair)) return [];
        seen.add(pair);
        return [
          reachFinding(from, to, {
            verdict,
            isPrimary,
            port: route.port,
            source: sources[0],
            target: targets[0],
          }),
        ];
      }),
    ),
  ];
}

/** Hosts whose groups are not known are neither reached nor not. */
function unreadFindings(hosts: DoctorFacts['hosts']): readonly Finding[] {
  const unread = hosts.flatMap(({ id, securityGroups }) =>
    'unknown' in securityGroups ? [`${id}: ${securityGroups.unknown}`] : [],
  );
  if (unread.length === 0) return [];
  const what = 'Not checked: the security groups of some hosts';
  return [
    {
      level: 'unknown',
      what,
      why: unread.join('; '),
      mend: 'Use a role that may call ec2:DescribeInstances',
    },
  ];
}

function reachFinding(
  from: ObservedInstance,
  to: ObservedInstance,
  {
    verdict,
    isPrimary,
    port,
    source = 'GROUP',
    target = 'GROUP',
  }: {
    readonly verdict: Verdict;
    readonly isPrimary: boolean;
    readonly port: number;
    readonly source?: string | undefined;
    readonly target?: string | undefined;
  },
): Finding {
  const mend = `aws ec2 authorize-security-group-ingress --group-id ${target} --protocol tcp --port ${port} --source-group ${source}`;
  if (verdict === 'unknown')
    return {
      ...{ level: 'unknown', what: `Not checked: whether ${from.id} reaches port ${port} of ${to.id}`, mend },
      why: `A rule of ${target} names a prefix list, which is not read`,
    };
  const why = `No rule of ${target} lets ${source} in`;
  return isPrimary
    ? { level: 'error', what: `The primary ${from.id} cannot reach port ${port} of ${to.id}`, why, mend }
    : {
        ...{ level: 'warning', what: `${from.id} cannot reach port ${port} of ${to.id}`, mend },
        why: `${why}: as the primary it could not push there`,
      };
}

function addressOf({ address, ipv6Address }: ObservedInstance, to: string): string {
  return (to.includes(':') ? ipv6Address : address) ?? '';
}

/** Does one of these rules let this host in? */
export function admits(
  rules: readonly IngressRule[],
  from: { readonly address: string; readonly groups: readonly string[]; readonly port: number },
): Verdict {
  const fitting = rules.filter(
    ({ protocol, fromPort = 0, toPort = 65_535 }) =>
      protocol === '-1' ||
      ((protocol === 'tcp' || protocol === '6') && fromPort <= from.port && from.port <= toPort),
  );
  if (
    fitting.some(
      ({ groups, cidrs }) =>
        groups.some((id) => from.groups.includes(id)) || cidrs.some((cidr) => isInCidr(from.address, cidr)),
    )
  )
    return 'yes';
  return fitting.some(({ prefixLists }) => prefixLists.length > 0) ? 'unknown' : 'no';
}

/** Addresses of both families, as EC2 writes them. */
export function isInCidr(address: string, cidr: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  const [one, other] = [bitsOf(address), bitsOf(network)];
  if (one === undefined || other === undefined || one.length !== other.length) return false;
  const bits = length === '' ? one.length : Number(length);
  return one.slice(0, bits) === other.slice(0, bits);
}

function bitsOf(address: string): string | undefined {
  const numbers = address.includes(':') ? wordsOf(address) : bytesOf(address);
  const width = address.includes(':') ? 16 : 8;
  return numbers?.map((each) => each.toString(2).padStart(width, '0')).join('');
}

function bytesOf(address: string): readonly number[] | undefined {
  const parts = address.split('.').map(Number);
  return parts.length === 4 && parts.every((part) => part >= 0 && part <= 255) ? parts : undefined;
}

function wordsOf(address: string): readonly number[] | undefined {
  const [head = '', tail] = address.split('::');
  const words = (text: string): readonly number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), words(tail ?? '')];
  const missing = 8 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 0) return undefined;
  return [...first, ...Array.from({ length: missing }, () => 0), ...last];
}
