import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeDirectories, must, startGroup, type TestGroup, uploads } from './group.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 1 });
});
afterAll(() => group?.close());

const launch = (addressing: 'ipv6' | 'dual-stack') =>
  group.cloud.launch({
    ...{ name: addressing, addressing, tags: { 'hostsync:group': 'web' } },
    prepare: (instance) => makeDirectories(instance, [uploads]),
  });

it('a host with IPv6 alone is reported once, by its id and with what to do, and the others get their files', async () => {
  const newcomer = await launch('ipv6');
  await must(group.primary, `echo news > ${uploads}/news; chown www-data: ${uploads}/news`);
  await group.tick();
  await group.tick();
  const told = group.cloud
    .messages()
    .filter(({ message }) => message.includes(`${newcomer.id} has no private IPv4 address`));
  expect(told).toHaveLength(1);
  expect(told[0]?.message).toContain('launch it in a subnet with IPv4 or dual-stack');
  expect(
    group.cloud.commands(({ invocations }) =>
      invocations.some(({ instanceId }) => instanceId === newcomer.id),
    ),
  ).toEqual([]);
  expect(await group.differences()).toEqual([]);
  await newcomer.terminate();
});

it('a dual-stack host is a secondary as any other', async () => {
  const newcomer = await launch('dual-stack');
  await group.tick();
  expect(newcomer.tags['hostsync:state']).toBe('in-sync');
  expect(await group.differences(newcomer)).toEqual([]);
});
