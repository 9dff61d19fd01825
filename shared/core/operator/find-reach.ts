import type { ObservedInstance } from '../model/observation.ts';
import { findPrimary } from '../model/primary.ts';
import { parsePort, routeBetween } from '../model/route.ts';
import {
  type Finding,
  fault,
  type GroupFacts,
  type IngressRule,
  type InstanceFacts,
  ok,
  unknown,
} from './doctor-facts.ts';

/** Do the security groups let the primary reach the SSH servers of the others? */
export function findReach(facts: GroupFacts, members: readonly ObservedInstance[]): readonly Finding[] {
  const check = 'security-groups';
  const { current } = findPrimary(members);
  if (current === undefined) return [];
  const { instances, ingress } = facts;
  if (!instances.known) return [unknown(check, null, instances.reason)];
  if (!ingress.known) return [unknown(check, null, ingress.reason)];
  const byId = new Map(instances.value.map((each) => [each.id, each]));
  const from = byId.get(current.id);
  return members
    .filter(({ id, state }) => id !== current.id && state === 'running')
    .flatMap((member) => {
      const port = parsePort(member);
      const to = byId.get(member.id);
      // A wrong port is a finding on tags, and without addresses of one family there is a finding of the plan
      if (!port.ok || routeBetween(current, member).kind === 'no-route') return [];
      if (from === undefined || to === undefined)
        return unknown(check, member.id, 'EC2 did not show the instance');
      return findRule({ from, to, address: current.address, port: port.value, rules: ingress.value });
    });
}

interface Way {
  readonly from: InstanceFacts;
  readonly to: InstanceFacts;
  /** The primary's private IPv4 address. */
  readonly address: string | undefined;
  readonly port: number;
  readonly rules: ReadonlyMap<string, readonly IngressRule[]>;
}

function findRule({ from, to, address, port, rules }: Way): Finding {
  const check = 'security-groups';
  const missing = to.securityGroups.filter((id) => !rules.has(id));
  const open = to.securityGroups.flatMap((id) => rules.get(id) ?? []).filter((rule) => isFor(rule, port));
  if (open.some((rule) => letsIn(rule, from, address)))
    return ok(check, to.id, `the primary may reach port ${port}`);
  if (missing.length > 0) return unknown(check, to.id, `EC2 did not show ${missing.join(', ')}`);
  if (to.securityGroups.length === 0) return unknown(check, to.id, 'EC2 shows no security group of it');
  if (open.some(({ others }) => others))
    return unknown(check, to.id, `a rule for port ${port} names a prefix list or IPv6 addresses`);
  const [own, source] = [to.securityGroups[0] ?? 'sg-…', from.securityGroups[0] ?? 'sg-…'];
  return fault('error', check, to.id, {
    what: `The primary ${from.id} cannot reach port ${port} of ${to.id}: no rule of ${to.securityGroups.join(', ')} lets it in`,
    why: `${to.id} receives no files.`,
    mend: `aws ec2 authorize-security-group-ingress --group-id ${own} --protocol tcp --port ${port} --source-group ${source}`,
  });
}

function isFor({ protocol, fromPort, toPort }: IngressRule, port: number): boolean {
  if (protocol === '-1') return true;
  if (protocol !== 'tcp' && protocol !== '6') return false;
  return (fromPort ?? 0) <= port && port <= (toPort ?? 65_535);
}

function letsIn({ groups, blocks }: IngressRule, from: InstanceFacts, address: string | undefined): boolean {
  if (groups.some((group) => from.securityGroups.includes(group))) return true;
  return address !== undefined && blocks.some((block) => isInBlock(address, block));
}

/** Both of IPv4. What cannot be read lets nobody in. */
export function isInBlock(address: string, block: string): boolean {
  const [network = '', length = '32'] = block.split('/');
  const bits = Number(length);
  const [one, other] = [toNumber(address), toNumber(network)];
  if (one === undefined || other === undefined || !(bits >= 0 && bits <= 32)) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(one / size) === Math.floor(other / size);
}

function toNumber(address: string): number | undefined {
  const parts = address.split('.').map(Number);
  const isAddress =
    parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  return isAddress ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}
