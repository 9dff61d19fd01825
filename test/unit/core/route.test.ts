import { describe, expect, it } from 'vitest';
import type { ObservedInstance } from '../../../shared/core/model/observation.ts';
import { formatProbeRequest, formatPushRequest } from '../../../shared/core/model/request.ts';
import { parsePort, routeBetween, routeOutside } from '../../../shared/core/model/route.ts';
import { planPush } from '../../../shared/core/push/plan-push.ts';
import { healthyGroup, instance, instanceId } from './fixtures.ts';

type Families = 'IPv4' | 'IPv6' | 'dual-stack' | 'none';

/** A host with the addresses of these families. */
function host(number: number, families: Families, tags: Readonly<Record<string, string>> = {}) {
  return { ...instance(number, tags), ...addresses(number, families) };
}

function addresses(number: number, families: Families): Pick<ObservedInstance, 'address' | 'ipv6Address'> {
  return {
    address: families === 'IPv4' || families === 'dual-stack' ? `10.0.0.${number}` : undefined,
    ipv6Address: families === 'IPv6' || families === 'dual-stack' ? `2001:db8::${number}` : undefined,
  };
}

const [first, second] = [instanceId(1), instanceId(2)];
const apart = (a: string, one: string, b: string, other: string) =>
  `${a} has an ${one} address only, and ${b} an ${other} address only: launch one of them in a dual-stack subnet`;

describe('a host is reached by an address of a family that both hosts have, IPv4 before IPv6', () => {
  it.each<[Families, Families, string]>([
    ['IPv4', 'IPv4', '10.0.0.2'],
    ['IPv4', 'dual-stack', '10.0.0.2'],
    ['dual-stack', 'IPv4', '10.0.0.2'],
    ['dual-stack', 'dual-stack', '10.0.0.2'],
    ['IPv6', 'IPv6', '2001:db8::2'],
    ['IPv6', 'dual-stack', '2001:db8::2'],
    ['dual-stack', 'IPv6', '2001:db8::2'],
  ])('from %s to %s', (from, to, address) => {
    expect(routeBetween(host(1, from), host(2, to))).toEqual({ kind: 'route', address, port: 22 });
  });
});

describe('two hosts without a family in common: one error names both, and what to do', () => {
  it.each<[Families, Families, string]>([
    ['IPv4', 'IPv6', apart(first, 'IPv4', second, 'IPv6')],
    ['IPv6', 'IPv4', apart(first, 'IPv6', second, 'IPv4')],
    [
      'IPv4',
      'none',
      `${second} has neither a private IPv4 address nor an IPv6 address: see its network interface`,
    ],
    [
      'none',
      'IPv6',
      `${first} has neither a private IPv4 address nor an IPv6 address: see its network interface`,
    ],
  ])('from %s to %s', (from, to, reason) => {
    expect(routeBetween(host(1, from), host(2, to))).toEqual({
      kind: 'no-route',
      code: 'no-address',
      reason,
    });
  });
});

describe('a host that EC2 does not know', () => {
  it.each<[string, Families, string, boolean]>([
    ['a name, which DNS knows the addresses of', 'IPv6', 'web9.example.com', true],
    ['a name', 'IPv4', 'web9.example.com', true],
    ['an IPv4 address, from IPv4', 'IPv4', '192.0.2.9', true],
    ['an IPv4 address, from IPv6 alone', 'IPv6', '192.0.2.9', false],
    ['an IPv6 address, from IPv6', 'dual-stack', '2001:db8::9', true],
    ['an IPv6 address, from IPv4 alone', 'IPv4', '2001:db8::9', false],
  ])('%s', (_name, from, address, reached) => {
    const route = routeOutside(host(1, from), { id: 'web9', address, port: 2222 });
    expect(route.kind).toBe(reached ? 'route' : 'no-route');
    if (route.kind === 'route') expect(route).toMatchObject({ address, port: 2222 });
  });
});

describe('the port of a host', () => {
  const port = (value: string) => parsePort(host(2, 'IPv4', { 'hostsync:port': value }));

  it.each([
    ['2222', 2222],
    [' 2222 ', 2222],
    ['1', 1],
    ['65535', 65535],
  ])('"%s" is taken', (value, expected) => {
    expect(port(value)).toEqual({ ok: true, value: expected });
  });

  it.each(['0', '65536', '022', '+22', '2222.0', '22 2222', 'ssh', '-1', ''])(
    '"%s" is an error that names host, tag, value and remedy',
    (value) => {
      expect(routeBetween(host(1, 'IPv4'), host(2, 'IPv4', { 'hostsync:port': value }))).toEqual({
        kind: 'no-route',
        code: 'bad-tags',
        reason: `${second}: tag hostsync:port, value "${value}": this is no port; set it to the number from 1 to 65535 that the host's sshd listens on, or delete the tag for 22`,
      });
    },
  );

  const tick = (changes: Readonly<Record<string, string>>, number: number) => {
    const group = healthyGroup();
    const instances = group.instances.map((each) =>
      each.id === instanceId(number) ? { ...each, tags: { ...each.tags, ...changes } } : each,
    );
    return planPush({ ...group, instances });
  };

  it('goes into the request of a push, for this host alone', () => {
    const push = tick({ 'hostsync:port': '2222' }, 2).find((action) => action.kind === 'push');
    expect(push === undefined ? '' : formatPushRequest(push.request)).toMatch(
      new RegExp(
        `secondary\t${second}\t10.0.0.2\t2222\t.*\nsecondary\t${instanceId(3)}\t10.0.0.3\t22\t`,
        'u',
      ),
    );
  });

  it('that is wrong keeps one secondary from its files, and no other', () => {
    const actions = tick({ 'hostsync:port': 'ssh' }, 2);
    expect(actions).toContainEqual(
      expect.objectContaining({ kind: 'leave-out', secondary: second, code: 'bad-tags', severity: 'error' }),
    );
    const push = actions.find((action) => action.kind === 'push');
    expect(push?.request.secondaries.map(({ id }) => id)).toEqual([instanceId(3)]);
  });

  it('of the primary that is wrong is said, as any wrong tag of the primary', () => {
    expect(tick({ 'hostsync:port': 'ssh' }, 1)).toMatchObject([
      { kind: 'no-push', code: 'bad-tags', reason: expect.stringContaining('tag hostsync:port') },
    ]);
  });

  it('is the one at which the primary is looked for', () => {
    const target = { id: first, address: '2001:db8::1', port: 2222 };
    expect(formatProbeRequest({ group: 'web', epoch: 3, target })).toBe(
      `group\tweb\nepoch\t3\nsecondary\t${first}\t2001:db8::1\t2222\n`,
    );
  });
});

it('a push goes to each secondary by the family that it shares with the primary', () => {
  const group = healthyGroup();
  const families: readonly Families[] = ['dual-stack', 'IPv6', 'IPv4'];
  const instances = group.instances.map((each, index) => {
    return { ...each, ...addresses(index + 1, families[index] ?? 'none') };
  });
  const push = planPush({ ...group, instances }).find((action) => action.kind === 'push');
  expect(push?.request.secondaries.map(({ address }) => address)).toEqual(['2001:db8::2', '10.0.0.3']);
});
