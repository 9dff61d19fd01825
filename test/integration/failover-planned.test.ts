import { describe, expect, it } from 'vitest';
import {
  addHost,
  content,
  expectAllEqual,
  expectNotReplaced,
  expectOnePrimary,
  failOver,
  group,
  isReplaced,
  primary,
  row,
  subjects,
  useGroup,
  wholeAgain,
  wholeGroup,
  wwwData,
} from './failover.ts';
import { makeUploads } from './on-host.ts';

useGroup();

describe('the primary fails', () => {
  it('planned, by the tag hostsync:switchover: nothing at all is lost', async () => {
    await failOver(
      async (old) => {
        await wwwData(old, `echo last > last-${row}`);
        old.setTags({ 'hostsync:switchover': 'any' });
      },
      { kind: 'switchover', comeBack: async () => {}, strands: false },
    );
    expect(await content(primary(), `last-${row}`)).toBe('last\n');
  });

  it('a spot interruption: the warning is used for a switchover', async () => {
    let interruption: { readonly ended: Promise<unknown> } | undefined;
    await failOver(
      async (old) => {
        await wwwData(old, `echo last > last-${row}`);
        interruption = await old.spotInterruption({ seconds: 25, action: 'stop' });
      },
      {
        kind: 'switchover',
        strands: false,
        comeBack: async (old) => {
          await interruption?.ended;
          await old.start();
        },
      },
    );
    expect(await content(primary(), `last-${row}`)).toBe('last\n');
  });

  it('the network is cut between the primary and Systems Manager alone: it is not replaced, and an alert says so', async () => {
    await expectNotReplaced(async (old) => old.agentOffline(), {
      ticks: 4,
      async meanwhile() {
        expect(subjects().join()).toMatch(/is not available|may be dead|the push failed/u);
      },
      mend: async (old) => old.agentOnline(),
    });
  });

  it('a reboot: it is not replaced', async () => {
    await expectNotReplaced((old) => old.reboot(), {});
  });

  it('a full disk on the primary: nobody is replaced, nothing is lost, and it goes on by itself', async () => {
    await expectNotReplaced(
      async (old) => {
        await wwwData(old, `echo before > before-${row}`);
        await old.fillDisk();
      },
      {
        ticks: 2,
        async mend(old) {
          await old.freeDisk();
          await wwwData(old, `echo later > later-${row}`);
        },
      },
    );
  });

  it('two failures in a row: the second before anything of the first is mended', async () => {
    const first = await wholeGroup();
    await wwwData(first, `echo synced > synced-${row}`);
    await group.tick();
    await wwwData(first, `echo first > stranded-first-${row}`);
    await first.crash();
    await group.tickUntil('the second primary', () => isReplaced(first), 6);
    const second = primary();
    await wwwData(second, `echo second > stranded-second-${row}`);
    await second.stop();
    await group.tickUntil('the third primary', () => isReplaced(second), 6);
    const third = primary();
    expect([first.id, second.id]).not.toContain(third.id);
    expect(await content(third, `synced-${row}`)).toBe('synced\n');
    await second.start();
    await first.reboot();
    await wholeAgain(20);
    await expectOnePrimary();
    expect(await content(third, `stranded-first-${row}`)).toBe('first\n');
    expect(await content(third, `stranded-second-${row}`)).toBe('second\n');
    await group.tick();
    await expectAllEqual();
  });

  it('a zone is lost: the primary and half of the secondaries', async () => {
    const old = await wholeGroup();
    await wwwData(old, `echo synced > synced-${row}`);
    await group.tick();
    await wwwData(old, `echo only > stranded-${row}`);
    const outage = await group.cloud.zoneOutage(old.availabilityZone);
    await group.tickUntil('a primary in the other zone', () => isReplaced(old), 6);
    expect(primary().availabilityZone).not.toBe(old.availabilityZone);
    await wwwData(primary(), `echo after > after-${row}`);
    await group.tick();
    await outage.heal();
    await wholeAgain(20);
    await expectOnePrimary();
    expect(await content(primary(), `stranded-${row}`)).toBe('only\n');
    await group.tick();
    await expectAllEqual();
  });
});

describe('what points at the primary', () => {
  it('a name and a target group follow it, and are put right again at every tick', async () => {
    const old = await wholeGroup();
    const editors = group.cloud.createTargetGroup({ name: 'editors', tags: { 'hostsync:group': 'web' } });
    old.setTags({ 'hostsync:target-group': editors.arn });
    await group.tick();
    expect(editors.targets().map(({ instanceId }) => instanceId)).toEqual([old.id]);
    await failOver((each) => each.stop(), { comeBack: (each) => each.start() });
    await group.tick();
    const inService = editors.targets().filter(({ state }) => state !== 'draining');
    expect(inService.map(({ instanceId }) => instanceId)).toEqual([primary().id]);
  });
});

describe('the end', () => {
  it('terminated: its tags are gone with it, their mirror is used', async () => {
    await failOver((old) => old.terminate(), {});
    const replacement = await group.cloud.launch({
      name: `replacement-${row}`,
      tags: { 'hostsync:group': 'web' },
      prepare: makeUploads,
    });
    addHost(replacement);
    await wholeAgain();
    await expectAllEqual();
  });
});
