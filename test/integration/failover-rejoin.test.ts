import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalInstance } from 'local-cloud';
import { expect, it } from 'vitest';
import {
  expectAllEqual,
  expectOnePrimary,
  group,
  hostsBut,
  isReplaced,
  newMessages,
  primary,
  subjects,
  useGroup,
  wholeAgain,
  wholeGroup,
  wwwData,
} from './failover.ts';
import { must, uploads } from './group.ts';

// A former primary that cannot join again must neither hold up the group nor fill a mailbox at night: one alert says which host,
// why and what to do, and one that it is resolved.
useGroup();

/** Its joins that have failed. */
const failedJoins = ({ id }: LocalInstance) =>
  group.cloud
    .commands({ document: 'JoinDocument' })
    .flatMap(({ invocations }) => invocations)
    .filter(({ instanceId, status }) => instanceId === id && status === 'Failed').length;

/** A failed join is tried again 15 seconds later. */
async function slowlyUntil(what: string, done: () => boolean): Promise<void> {
  for (let tick = 0; tick < 60 && !done(); tick += 1) {
    await group.tick();
    await sleep(1000);
  }
  expect(done(), what).toBe(true);
}

it('a former primary whose sshd refuses the login: one alert until it is repaired, and the group goes on', async () => {
  const old = await wholeGroup();
  // Somebody locks the host down, and it is away before anybody notices
  await must(old, "cp /etc/ssh/sshd_config /root/kept; sed -i '1i AllowUsers admin' /etc/ssh/sshd_config");
  await old.stop();
  await group.tickUntil('another primary', () => isReplaced(old));
  const now = primary();
  const others = hostsBut(old, now);
  await group.tickUntil('the others follow', () =>
    others.every(({ tags }) => tags['hostsync:state'] === 'in-sync'),
  );
  await group.tick();
  subjects();

  const before = failedJoins(old);
  await old.start();
  await slowlyUntil('its join fails twice', () => failedJoins(old) - before >= 2);
  await group.tick();
  const [alert, ...more] = newMessages();
  expect(more).toEqual([]);
  expect(alert?.subject).toBe(`hostsync web: ${old.id} cannot join`);
  const remedy = 'AllowUsers does not name hostsync; add hostsync to it in /etc/ssh/sshd_config';
  for (const part of [remedy, 'What to do:', 'docs/runbooks/join-failed.md'])
    expect(alert?.message).toContain(part);
  subjects();

  // The others get what is uploaded meanwhile
  await wwwData(now, 'echo meanwhile > meanwhile');
  await group.push();
  for (const { id, host, tags } of others) {
    expect(tags['hostsync:state'], id).toBe('in-sync');
    expect(await must(host, `cat ${uploads}/meanwhile`), id).toBe('meanwhile\n');
  }
  await expectOnePrimary();

  await must(old, 'mv /root/kept /etc/ssh/sshd_config; kill -HUP "$(cat /run/sshd.pid)"');
  await slowlyUntil('it is a secondary', () => old.tags['hostsync:state'] === 'in-sync');
  await wholeAgain();
  await group.ticks(2);
  expect(subjects()).toEqual([`resolved: join failed of ${old.id}`]);
  await expectOnePrimary();
  expect(primary().id).toBe(now.id);
  await expectAllEqual();
});
