import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  expectAllEqual,
  expectNotReplaced,
  expectOnePrimary,
  failOver,
  group,
  hosts,
  hostsBut,
  newMessages,
  primary,
  subjects,
  useGroup,
  wholeAgain,
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
    const [other] = hostsBut(old);
    if (other === undefined) throw new Error('fixture');
    const directories = old.tags['hostsync:directories'] ?? '';
    old.deleteTags('hostsync:primary');
    other.setTags({ 'hostsync:primary': '1', 'hostsync:directories': directories });
    await group.tick();
    expect(primary().id).toBe(other.id);
    await expectOnePrimary();
    await wholeAgain();
    await expectAllEqual();
  });
});

describe('no failover', () => {
  it('without a candidate: one alert, with what stands in the way of each and the command that overrides', async () => {
    await expectNotReplaced(
      async (old) => {
        for (const host of hostsBut(old)) host.setTags({ 'hostsync:promote': 'never' });
        // Runs at the same time tell it as one if they are in the same minute
        while (new Date().getUTCSeconds() > 30) await sleep(500);
        await old.stop();
      },
      {
        async meanwhile() {
          const notifications = newMessages().filter(({ subject }) => subject?.includes('is not replaced'));
          expect(notifications.length).toBe(1);
          expect(notifications[0]?.message).toContain('its tag hostsync:promote says never');
          expect(notifications[0]?.message).toContain('aws ec2 create-tags --resources');
        },
        async mend(old) {
          await old.start();
          for (const host of hosts) host.deleteTags('hostsync:promote');
        },
      },
    );
  });

  it('while the group is paused, as an alert says', async () => {
    await expectNotReplaced(
      async (old) => {
        old.setTags({ 'hostsync:paused': 'moving house' });
        await old.stop();
      },
      {
        async meanwhile() {
          expect(subjects().join()).toContain('the group is paused');
        },
        async mend(old) {
          await old.start();
          old.deleteTags('hostsync:paused');
        },
      },
    );
  });
});
