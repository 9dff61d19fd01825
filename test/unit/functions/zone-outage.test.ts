import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinDigest } from '../../../shared/core/membership/plan-newcomer.ts';
import { hostKey, publicKey } from '../core/fixtures.ts';
import { type FakeService, startFakeService } from './fake-service.ts';

// A zone goes down, and with it the primaries of many groups at once. Their failovers must not wait for one another.

const groups = Array.from({ length: 50 }, (_, number) => `group-${number}`);
const lost = 'a';
const left = 'b';

let service: FakeService;
let close: (() => Promise<void>) | undefined;
const hosts = new Map<string, readonly LocalInstance[]>();

beforeAll(async () => {
  [service, close] = await startFakeService();
  await Promise.all(groups.map(async (group) => hosts.set(group, await launch(group))));
});
afterAll(() => close?.());

/** A primary and two secondaries that were joined to it long ago. */
async function launch(group: string): Promise<readonly LocalInstance[]> {
  const { cloud } = service;
  const directories = '/srv/uploads';
  const primary = await cloud.launch({
    zone: lost,
    tags: { 'hostsync:group': group, 'hostsync:primary': '1', 'hostsync:directories': directories },
  });
  const tags = {
    'hostsync:group': group,
    'hostsync:host-key': hostKey,
    'hostsync:state': 'in-sync',
    'hostsync:epoch': '1',
    'hostsync:joined': joinDigest(primary.id, {
      group,
      epoch: 1,
      directories: [directories],
      owner: undefined,
      publicKey,
    }),
  };
  const secondaries = await Promise.all([lost, left].map((zone) => cloud.launch({ zone, tags })));
  return [primary, ...secondaries];
}

const primariesOf = (group: string) =>
  (hosts.get(group) ?? []).filter(({ tags }) => tags['hostsync:primary'] !== undefined);

/** Seconds of one call to AWS, as a function waits for it. */
const secondsOfCall = 0.06;
/** Runs of `reconcile` at a time. Source: serverless.yml; a new account has ten for all functions. */
const lanesAtATime = 5;
/** Seconds for which the queue keeps a message. Source: infra/storage.yml. */
const retention = 600;

it('each of fifty groups gets a primary in the zone that is left, and no message waits too long', async () => {
  const { cloud } = service;
  expect(await service.tick()).toEqual([]);
  expect(await service.tick()).toEqual([]);
  await cloud.zoneOutage(lost);
  const before = cloud.calls().length;
  // Two ticks have to find a primary dead
  for (let minute = 0; minute < 2; minute += 1)
    for (const error of await service.tick())
      expect(String(error)).toContain('has lost its connection: see whether the host is up');
  for (const group of groups) {
    const primaries = primariesOf(group).filter(({ tags }) => tags['hostsync:state'] === undefined);
    expect([group, primaries.map(({ availabilityZone }) => availabilityZone.at(-1))]).toEqual([
      group,
      [left],
    ]);
  }
  expect(cloud.queueMessages()).toEqual([]);
  const seconds = ((cloud.calls().length - before) * secondsOfCall) / lanesAtATime;
  expect(seconds).toBeLessThan(retention / 4);
});
