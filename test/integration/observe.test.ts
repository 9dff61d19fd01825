import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { makeUploads, upload } from './on-host.ts';
import { type Ended, hostsync } from './operator.ts';

// An operator who only observes a group loses nothing and sees everything: no file, no tag and no host changes.

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 2 });
});
afterAll(() => group?.close());

const run = (...words: readonly string[]): Promise<Ended> => hostsync(group.cloud.clientConfig(), ...words);

/** All that hostsync may leave on a host: names, times of change and links of what it has, its login and sshd's settings. */
const traces = (host: LocalInstance): Promise<string> =>
  must(
    host,
    `{ find /etc /usr/local /var/lib/hostsync /home ${uploads} -xdev ! -type d ! -path /etc/hosts -printf '%p %i %T@ %n %U %m\\n' 2>/dev/null || true; } | LC_ALL=C sort; cat /etc/passwd`,
  );
const hosts = (): readonly LocalInstance[] => group.cloud.instances();
const seen = (members: readonly LocalInstance[]): Promise<readonly (readonly [string, unknown, string])[]> =>
  Promise.all(members.map(async (host) => [host.id, { ...host.tags }, await traces(host)] as const));
const wouldBe = (name: string) =>
  group.cloud
    .events()
    .map(({ event }) => event)
    .filter((event) => event['detail-type'] === 'Action Observed')
    .map(({ detail }) => detail as { readonly group?: string; readonly action?: string })
    .filter((detail) => detail.group === name)
    .map(({ action }) => action);

describe('a group that hostsync never touched', () => {
  it('is left alone, and shows who would be the primary and who would join', async () => {
    const launch = (name: string) =>
      group.cloud.launch({
        name,
        async prepare(instance) {
          await makeUploads(instance);
          await upload(instance, 'keep', name);
        },
      });
    const [first, second] = await Promise.all([launch('shop-1'), launch('shop-2')]);
    const words = ['--observe', '--primary', first.id, '--host', second.id, '--directory', uploads, '--yes'];
    const made = await run('init', 'shop', ...words);
    expect(made.stderr).toContain('shop is only observed');
    expect(made.code).toBe(0);
    await group.settle();
    const before = await seen([first, second]);
    await group.ticks(3);
    expect(await seen([first, second])).toEqual(before);
    expect(wouldBe('shop')).toEqual(['promote', 'join']);
    const status = await run('status', 'shop');
    expect(status.stdout).toContain('Only observed');
    expect(status.stdout).toContain(`Would promote ${first.id}`);
    expect(status.stdout).toContain(`Would join ${second.id}`);
    expect((await run('history', 'shop')).stdout).toContain(`would join ${second.id}`);
    const refused = await run('push', 'shop');
    expect(refused.code).toBe(1);
  });

  it('begins when the operator says so', async () => {
    const resumed = await run('resume', 'shop', '--yes');
    expect(resumed.stdout).toContain('hostsync is about to');
    expect(resumed.code).toBe(0);
    const waited = await group.whileTicking(run('wait', 'shop', '--in-sync', '--timeout', '200'));
    expect(waited.code).toBe(0);
    const second = hosts().find(({ tags }) => tags['Name'] === 'shop-2') ?? group.primary;
    expect(await must(second, `cat ${uploads}/keep`)).toBe('shop-1\n');
  });
});

describe('a group in service', () => {
  it('is not pushed while it is observed', async () => {
    group.primary.setTags({ 'hostsync:mode': 'observe' });
    await group.settle();
    await upload(group.primary, 'new');
    const before = await seen([group.primary, ...group.secondaries]);
    await group.tick();
    await group.tick();
    expect(await seen([group.primary, ...group.secondaries])).toEqual(before);
    expect(wouldBe('web')).toEqual(['push']);
    expect((await run('switchover', 'web', '--yes')).stderr).toContain('web is only observed');
  });

  it('keeps its dead primary while it is observed', async () => {
    await group.primary.stop();
    await group.settle();
    const tags = hosts().map(({ id, tags: its }) => [id, { ...its }]);
    await group.ticks(3);
    expect(hosts().map(({ id, tags: its }) => [id, { ...its }])).toEqual(tags);
    expect(wouldBe('web')).toContain('promote');
    for (const secondary of group.secondaries)
      await must(secondary, `[ ! -e ${uploads}/new ] && [ -e ${uploads}/keep ]`);
  });

  it('replaces it when the operator ends the mode', async () => {
    group.primary.deleteTags('hostsync:mode');
    await group.settle();
    await group.tickUntil('another is the primary', () =>
      group.secondaries.some(({ tags }) => tags['hostsync:primary'] === '2'),
    );
  });
});
