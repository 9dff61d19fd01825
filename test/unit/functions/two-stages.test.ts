import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FakeService, startFakeStages } from './fake-service.ts';

// Two stages in one account and region, each with a prefix of its own and a group of the same name. Where one reached for what is the
// other's, there would be two primaries for one host.

const prefixes = ['hostsync', 'acme'] as const;
type Prefix = (typeof prefixes)[number];

let stages: Readonly<Record<Prefix, FakeService>>;
let hosts: Readonly<Record<Prefix, readonly [LocalInstance, LocalInstance]>>;
let close: (() => Promise<void>) | undefined;

beforeAll(async () => {
  let services: readonly FakeService[];
  [services, close] = await startFakeStages(prefixes);
  const [hostsync, acme] = services;
  if (hostsync === undefined || acme === undefined) throw new Error('fixture');
  stages = { hostsync, acme };
  hosts = { hostsync: await launch('hostsync'), acme: await launch('acme') };
});
afterAll(() => close?.());

async function launch(prefix: Prefix): Promise<readonly [LocalInstance, LocalInstance]> {
  const { cloud } = stages.hostsync;
  const group = { [`${prefix}:group`]: 'web' };
  const primary = { ...group, [`${prefix}:primary`]: '1', [`${prefix}:directories`]: '/srv/uploads' };
  return [await cloud.launch({ tags: primary }), await cloud.launch({ tags: group })];
}

const other = { hostsync: 'acme', acme: 'hostsync' } as const;
const tagsOf = (prefix: Prefix) => hosts[prefix].map(({ tags }) => tags);
const commandsOn = (prefix: Prefix) =>
  stages.hostsync.cloud.commands(({ invocations }) =>
    invocations.some(({ instanceId }) => hosts[prefix].some(({ id }) => id === instanceId)),
  ).length;
const sources = () =>
  stages.hostsync.cloud
    .events()
    .flatMap(({ event }) => (event.source.startsWith('aws.') ? [] : event.source));

it.each(prefixes)(
  '%s joins its own hosts, writes its own tags there, and leaves the others alone',
  async (prefix) => {
    const [tags, commands] = [tagsOf(other[prefix]), commandsOn(other[prefix])];
    for (let minute = 0; minute < 4; minute += 1) expect(await stages[prefix].tick()).toEqual([]);
    const [primary, secondary] = hosts[prefix];
    expect(primary.tags).toMatchObject({ [`${prefix}:secondaries-2`]: secondary.id });
    expect(secondary.tags).toMatchObject({ [`${prefix}:state`]: 'in-sync' });
    for (const { tags: own } of hosts[prefix])
      expect(Object.keys(own).filter((key) => key.startsWith(`${other[prefix]}:`))).toEqual([]);
    expect([tagsOf(other[prefix]), commandsOn(other[prefix])]).toEqual([tags, commands]);
    expect(commandsOn(prefix)).toBeGreaterThan(0);
  },
);

it('neither takes the death of a primary of the other for one of its own', async () => {
  const [dead, heir] = hosts.acme;
  await dead.terminate();
  for (let minute = 0; minute < 2; minute += 1) expect(await stages.hostsync.tick()).toEqual([]);
  expect(heir.tags).not.toHaveProperty('acme:primary');
  // It logs that the group has no primary, until it has one
  for (let minute = 0; minute < 3; minute += 1) await stages.acme.tick();
  expect(heir.tags).toMatchObject({ 'acme:primary': '2' });
  expect(hosts.hostsync[0].tags).toMatchObject({ 'hostsync:primary': '1' });
  expect(new Set(sources())).toEqual(new Set(prefixes));
});
