import { describe, expect, it } from 'vitest';
import type { MembershipObservation } from '../../../shared/core/model/observation.ts';
import { promotionBlocker, rankCandidates } from '../../../shared/core/succession/promotion-blocker.ts';
import { agent, instance, instanceId } from './fixtures.ts';

const now = 1_800_000_000_000;
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
const fit = { 'hostsync:group': 'web', 'hostsync:state': 'in-sync', 'hostsync:synced-at': ago(30) };
const candidate = instance(2, fit);
const observed: MembershipObservation = {
  instances: [candidate],
  agents: [agent(2)],
  lifecycles: new Map(),
  commands: [],
};
const blockerOf = (
  changes: Partial<typeof candidate>,
  tags: Readonly<Record<string, string | undefined>> = {},
  seen: Partial<MembershipObservation> = {},
) => {
  const own = Object.entries({ ...fit, ...tags }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  const host = { ...candidate, tags: Object.fromEntries(own), ...changes };
  return promotionBlocker(host, { ...observed, ...seen }, { promoteWithin: 900 }, now);
};
const lifecycle = (state: string) => ({
  lifecycles: new Map([[instanceId(2), { id: instanceId(2), autoScalingGroup: 'asg', state }]]),
});

it('a host that is up, in sync and not far behind may become the primary', () => {
  expect(blockerOf({})).toBeUndefined();
  expect(blockerOf({}, { 'hostsync:synced-at': ago(900) })).toBeUndefined();
  expect(blockerOf({}, { 'hostsync:promote': 'prefer' })).toBeUndefined();
  expect(blockerOf({}, {}, lifecycle('InService'))).toBeUndefined();
  expect(blockerOf({ address: undefined, ipv6Address: '2001:db8::2' })).toBeUndefined();
  expect(blockerOf({}, { 'hostsync:port': '2222' })).toBeUndefined();
});

describe('what lacks the files, or is not there to stay, is never promoted by itself', () => {
  it.each([
    ['stopped', blockerOf({ state: 'stopped' }), 'it is stopped'],
    ['starting', blockerOf({ state: 'pending' }), 'it is pending'],
    ['without an address', blockerOf({ address: undefined }), 'it has no private address'],
    [
      'with a port that is none',
      blockerOf({}, { 'hostsync:port': 'ssh' }),
      `${instanceId(2)}: tag hostsync:port, value "ssh": this is no port; set it to the number from 1 to 65535 that the host's sshd listens on, or delete the tag for 22`,
    ],
    ['scaled in', blockerOf({}, {}, lifecycle('Terminating:Wait')), 'Auto Scaling has it Terminating:Wait'],
    ['in a warm pool', blockerOf({}, {}, lifecycle('Warmed:Running')), 'Auto Scaling has it Warmed:Running'],
    ['never', blockerOf({}, { 'hostsync:promote': 'never' }), 'its tag hostsync:promote says never'],
    ['not joined', blockerOf({}, { 'hostsync:state': undefined }), 'it has not joined'],
    ['joining', blockerOf({}, { 'hostsync:state': 'joining' }), 'its state is joining'],
    ['behind', blockerOf({}, { 'hostsync:state': 'behind' }), 'its state is behind'],
    ['quarantined', blockerOf({}, { 'hostsync:state': 'quarantined' }), 'its state is quarantined'],
    ['not online', blockerOf({}, {}, { agents: [agent(2, false)] }), 'its SSM agent is not online'],
    ['unknown to SSM', blockerOf({}, {}, { agents: [] }), 'its SSM agent is not online'],
    ['no time', blockerOf({}, { 'hostsync:synced-at': undefined }), 'it is not known when it was in sync'],
    ['a bad time', blockerOf({}, { 'hostsync:synced-at': 'now' }), 'it is not known when it was in sync'],
    ['too old', blockerOf({}, { 'hostsync:synced-at': ago(901) }), 'it is 901 s behind, more than 900'],
  ])('%s', (_name, blocker, reason) => {
    expect(blocker).toBe(reason);
  });
});

describe('what keeps all behind alike keeps none of them from being promoted', () => {
  const lacking = (code: string, since: number, synced: number) => ({
    'hostsync:state': 'behind',
    'hostsync:incident': `${code}/${ago(since)}/1`,
    'hostsync:synced-at': ago(synced),
  });
  const alike = (code: string, since: number, synced: number) => {
    const others = [instance(3, { ...fit, ...lacking(code, since, synced) })];
    return blockerOf({}, lacking(code, since, synced), { instances: [candidate, ...others] });
  };

  it.each([
    [
      'a directory that cannot be read since a day: the rest arrived',
      alike('permission-denied', 86_400, 86_430),
      undefined,
    ],
    [
      'a directory that cannot be read, after the pushes had ended',
      alike('partial', 5000, 5901),
      'it is 901 s behind, more than 900',
    ],
    ['a primary that hangs since a short time', alike('timeout', 100, 160), undefined],
    [
      'a primary that hangs since long: nothing arrived',
      alike('timeout', 1000, 1060),
      'it is 1060 s behind, more than 900',
    ],
  ])('%s', (_name, blocker, expected) => {
    expect(blocker).toBe(expected);
  });

  it('one that lacks what others have is kept as ever', () => {
    const seen = { instances: [candidate, instance(3, fit)] };
    expect(blockerOf({}, lacking('partial', 60, 90), seen)).toBe('its state is behind');
  });
});

describe('of two that may, the better one is taken', () => {
  const host = (number: number, zone: string, seconds: number, promote?: string) => ({
    ...instance(number, {
      ...fit,
      'hostsync:synced-at': ago(seconds),
      ...(promote !== undefined && { 'hostsync:promote': promote }),
    }),
    zone,
  });
  const ids = (hosts: readonly ReturnType<typeof host>[]) =>
    rankCandidates(hosts).map(({ id }) => Number.parseInt(id.slice(2), 16));

  it.each([
    [
      'the one that the user prefers, though it is older',
      [host(2, 'a', 10), host(3, 'b', 500, 'prefer')],
      [3, 2],
    ],
    [
      'the newest, though it is in a lonely zone',
      [host(2, 'a', 60), host(3, 'a', 60), host(4, 'b', 59)],
      [4, 2, 3],
    ],
    [
      'of the same age, one in the zone of most',
      [host(2, 'a', 60), host(3, 'b', 60), host(4, 'b', 60)],
      [3, 4, 2],
    ],
    [
      'else the lowest id, in whatever order they come',
      [host(4, 'a', 60), host(2, 'a', 60), host(3, 'a', 60)],
      [2, 3, 4],
    ],
    [
      'of two that are preferred, the newer',
      [host(2, 'a', 60, 'prefer'), host(3, 'a', 59, 'prefer')],
      [3, 2],
    ],
  ])('%s', (_name, hosts, ranked) => {
    expect(ids(hosts)).toEqual(ranked);
    expect(ids([...hosts].reverse())).toEqual(ranked);
  });

  it('before the newer one, one that reaches most of the group: the others would never be pushed to', () => {
    const newer = { ...host(2, 'a', 10), address: undefined, ipv6Address: '2001:db8::2' };
    const older = host(3, 'a', 60);
    const members = [newer, older, instance(4, {}), instance(5, {})];
    expect(rankCandidates([newer, older], members).map(({ id }) => id)).toEqual([older.id, newer.id]);
  });
});
