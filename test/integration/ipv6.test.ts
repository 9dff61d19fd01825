import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { makeUploads, upload } from './on-host.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({
    secondaries: 2,
    timeScale: 20,
    environment: { HOSTSYNC_COOL_DOWN: '0' },
    hosts: [
      { addressing: 'dual-stack' },
      { addressing: 'ipv6', tags: { 'hostsync:promote': 'prefer' } },
      { addressing: 'dual-stack' },
    ],
  });
});
afterAll(() => group?.close());

it('a host with IPv6 alone is pushed to, takes over when the primary stops, and what it then holds is rescued', async () => {
  const { primary, cloud } = group;
  const [alone, dual] = [group.secondary(0), group.secondary(1)];
  const all = [primary, alone, dual];
  const isWhole = (now: TestGroup['primary']) =>
    now.tags['hostsync:primary'] !== undefined &&
    all.every((each) => each === now || each.tags['hostsync:state'] === 'in-sync');
  expect(alone.host.ipv4).toBeUndefined();
  await upload(primary, 'first');
  await group.tick();
  for (const each of [alone, dual]) expect(await group.differences(each)).toEqual([]);

  await upload(primary, 'stranded');
  await primary.stop();
  await cloud.settle({ timeoutSeconds: 100 });
  await group.tickUntil(
    'the host with IPv6 alone is the primary',
    () => alone.tags['hostsync:primary'] === '2',
  );
  await upload(alone, 'second');
  await group.tickUntil('the other one follows', () => dual.tags['hostsync:gathered'] === '2');
  await group.tick();
  expect(await must(dual, `cat ${uploads}/second`)).toBe('second\n');
  await primary.start();
  await group.tickUntil('the former primary follows', () => isWhole(alone));
  expect(await must(alone, `cat ${uploads}/stranded`)).toBe('stranded\n');

  // And the other way round, planned
  alone.setTags({ 'hostsync:switchover': dual.id });
  await group.tickUntil('the role is handed over', () => isWhole(dual));
  await upload(dual, 'third');
  await group.tick();
  for (const each of [primary, alone]) expect(await must(each, `cat ${uploads}/third`)).toBe('third\n');
});

it('a newcomer without a family in common with the primary sends one alert, with what to do', async () => {
  const hosts = [group.primary, ...group.secondaries];
  const alone = group.secondary(0);
  const now = hosts.find(({ tags }) => tags['hostsync:primary'] !== undefined) ?? group.primary;
  // The primary has IPv6 alone, the newcomer IPv4 alone
  now.setTags({ 'hostsync:switchover': alone.id });
  await group.tickUntil('the host with IPv6 alone is the primary', () => 'hostsync:primary' in alone.tags);
  const newcomer = await group.cloud.launch({
    name: 'ipv4',
    addressing: 'ipv4',
    tags: { 'hostsync:group': 'web' },
    prepare: makeUploads,
  });
  await upload(alone, 'news');
  await group.ticks(2);
  const notifications = group.cloud
    .messages()
    .filter(({ message }) => message.includes(`${newcomer.id} an IPv4 address only`));
  expect(notifications).toHaveLength(1);
  expect(notifications[0]?.message).toContain('launch one of them in a dual-stack subnet');
  expect(
    group.cloud.commands(({ invocations }) =>
      invocations.some(({ instanceId }) => instanceId === newcomer.id),
    ),
  ).toEqual([]);
  await group.tickUntil('the others get their files', () =>
    hosts.every((each) => each === alone || each.tags['hostsync:state'] === 'in-sync'),
  );
  await group.tick();
  for (const each of hosts) expect(await must(each, `cat ${uploads}/news`)).toBe('news\n');
  await newcomer.terminate();
});
