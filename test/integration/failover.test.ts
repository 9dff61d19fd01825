import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  expectAllEqual,
  expectOnePrimary,
  failOver,
  group,
  hosts,
  isWhole,
  newMessages,
  primary,
  subjects,
  tickUntil,
  useGroup,
  wholeGroup,
} from './failover.ts';

useGroup();

describe('the primary fails', () => {
  it('stopped', async () => {
    await failOver((old) => old.stop(), { comeBack: (old) => old.start() });
  });

  it('power cut', async () => {
    await failOver((old) => old.crash(), { within: 6, comeBack: (old) => old.reboot() });
  });

  it('hung kernel: it wakes up later, believes that it is the primary, and can write nowhere', async () => {
    await failOver((old) => old.freeze(), { within: 6, comeBack: (old) => old.thaw() });
  });

  it('cut off from the network, and alive: it comes back with what was uploaded to it meanwhile', async () => {
    await failOver((old) => old.cutOff(), { within: 6, comeBack: (old) => old.heal() });
  });

  it('tags moved by hand: they are adopted, with a new epoch and new keys', async () => {
    const old = await wholeGroup();
    const [other] = hosts.filter(({ id }) => id !== old.id);
    if (other === undefined) throw new Error('fixture');
    const directories = old.tags['hostsync:directories'] ?? '';
    old.deleteTags('hostsync:primary');
    other.setTags({ 'hostsync:primary': '1', 'hostsync:directories': directories });
    await group.tick();
    expect(primary().id).toBe(other.id);
    await expectOnePrimary();
    await tickUntil('whole again', isWhole);
    await expectAllEqual();
  });
});

describe('no failover', () => {
  it('without a candidate: it is told once, with what stands in the way of each and the command that overrides', async () => {
    const old = await wholeGroup();
    for (const host of hosts) if (host.id !== old.id) host.setTags({ 'hostsync:promote': 'never' });
    // Runs at the same time tell it as one if they are in the same minute
    while (new Date().getUTCSeconds() > 45) await sleep(500);
    await old.stop();
    for (let tick = 0; tick < 3; tick += 1) await group.tick();
    expect(primary().id).toBe(old.id);
    const notifications = newMessages().filter(({ subject }) => subject?.includes('is not replaced'));
    expect(notifications.length).toBe(1);
    expect(notifications[0]?.message).toContain('its tag hostsync:promote says never');
    expect(notifications[0]?.message).toContain('aws ec2 create-tags --resources');
    await old.start();
    for (const host of hosts) host.deleteTags('hostsync:promote');
    await tickUntil('well again', isWhole);
  });

  it('while the group is paused: it is told', async () => {
    const old = await wholeGroup();
    old.setTags({ 'hostsync:paused': 'moving house' });
    await old.stop();
    for (let tick = 0; tick < 3; tick += 1) await group.tick();
    expect(primary().id).toBe(old.id);
    expect(subjects().join()).toContain('the group is paused');
    await old.start();
    old.deleteTags('hostsync:paused');
    await tickUntil('well again', isWhole);
  });
});
