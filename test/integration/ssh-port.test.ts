import { afterAll, beforeAll, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { upload } from './on-host.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({
    secondaries: 2,
    timeScale: 20,
    environment: { HOSTSYNC_COOL_DOWN: '0' },
    hosts: [{}, { sshPort: 2222, tags: { 'hostsync:port': '2222', 'hostsync:promote': 'prefer' } }],
  });
});
afterAll(() => group?.close());

it('a host whose SSH server has another port joins, is pushed to, is promoted, and follows again', async () => {
  const { primary, cloud } = group;
  const [moved, usual] = [group.secondary(0), group.secondary(1)];
  const isWhole = (now: TestGroup['primary']) =>
    now.tags['hostsync:primary'] !== undefined &&
    [primary, moved, usual].every((each) => each === now || each.tags['hostsync:state'] === 'in-sync');
  // Nothing from outside is answered at 22, so whatever comes to it went by the tag
  await upload(primary, 'first');
  await group.tick();
  expect(await group.differences(moved)).toEqual([]);

  // Its files are pushed to it before it takes over, and what follows it is at 22
  primary.setTags({ 'hostsync:switchover': moved.id });
  await group.tickUntil('the host with another port is the primary', () => isWhole(moved));
  await upload(moved, 'second');
  await group.tick();
  for (const each of [primary, usual]) expect(await must(each, `cat ${uploads}/second`)).toBe('second\n');

  // It stops with files that only it has: they are rescued from its port, and it follows
  await upload(moved, 'stranded');
  await moved.stop();
  await cloud.settle({ timeoutSeconds: 100 });
  const others = [primary, usual];
  await group.tickUntil('another primary', () =>
    others.some(({ tags }) => Number(tags['hostsync:primary'] ?? 0) > 2),
  );
  const next = others.find(({ tags }) => tags['hostsync:primary'] !== undefined) ?? primary;
  await moved.start();
  await group.tickUntil('it follows', () => isWhole(next));
  expect(await must(next, `cat ${uploads}/stranded`)).toBe('stranded\n');
  await upload(next, 'third');
  await group.tick();
  expect(await must(moved, `cat ${uploads}/third`)).toBe('third\n');
});

it('a value that is no port sends one alert, with the remedy, and the other secondaries get their files', async () => {
  const { cloud } = group;
  const hosts = [group.primary, ...group.secondaries];
  const primary = hosts.find(({ tags }) => tags['hostsync:primary'] !== undefined) ?? group.primary;
  const others = hosts.filter((each) => each !== primary && each !== group.secondary(0));
  group.secondary(0).setTags({ 'hostsync:port': '22222222' });
  await upload(primary, 'fourth');
  await group.ticks(2);
  const notifications = cloud.messages().filter(({ message }) => message.includes('hostsync:port'));
  expect(notifications).toHaveLength(1);
  expect(notifications[0]?.message).toContain(
    `${group.secondary(0).id}: tag hostsync:port, value "22222222"`,
  );
  for (const each of others) expect(await must(each, `cat ${uploads}/fourth`)).toBe('fourth\n');
  group.secondary(0).setTags({ 'hostsync:port': '2222' });
  await group.tick();
  expect(await must(group.secondary(0), `cat ${uploads}/fourth`)).toBe('fourth\n');
});
