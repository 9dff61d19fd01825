import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseDomainEvent } from '../../shared/edge/domain-event-schema.ts';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { makeUploads, upload } from './on-host.ts';
import { watching } from './watched.ts';

let group: TestGroup;
let row = 0;
beforeAll(async () => {
  group = await startGroup({ secondaries: 2, watch: true });
});
afterAll(() => group?.close());
beforeEach(async () => {
  row += 1;
  await group.tick();
});

const put = (name: string, to: LocalInstance = group.primary) => upload(to, name);

const has = async (host: LocalInstance, name: string) =>
  (await host.exec(`cat ${uploads}/${name}`)).stdout.trim() === name;

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await group.cloud.waitFor(holds, { what, timeoutSeconds: 90 });
}

const arrives = (name: string, hosts: readonly LocalInstance[] = group.secondaries) =>
  Promise.all(hosts.map((host) => until(`${name} on ${host.host.hostname}`, () => has(host, name))));

const ticks = () => group.cloud.invocations({ function: 'SyncLambdaFunction' }).length;
const commands = () => group.cloud.commands({ document: 'PushDocument' });
/** The push that watches now, where it runs. */
const watch = () => watching(commands().filter(({ status }) => status === 'InProgress')).at(-1);
const output = ({ invocations }: ReturnType<typeof commands>[number]) =>
  invocations.flatMap(({ steps }) => steps.map(({ stdout }) => stdout)).join('\n');
const events = () =>
  group.cloud
    .events()
    .filter(({ event }) => event.source === 'hostsync')
    .map(({ event }) => parseDomainEvent(event).type);
const pushes = async (host = group.primary) =>
  Number((await host.exec(`pgrep -f '[p]ush --compressed' | wc -l`)).stdout.trim());

describe('a group that is watched', () => {
  it('has what is put on the primary without another tick', async () => {
    const before = ticks();
    await put(`one-${row}`);
    await arrives(`one-${row}`);
    expect(ticks()).toBe(before);
  });

  it('is watched by the next tick’s push when that has come, and then the lag of the last one is known', async () => {
    const first = watch();
    await put(`two-${row}`);
    await arrives(`two-${row}`);
    await group.tick();
    expect(first?.status).toBe('Success');
    expect(output(first ?? commands()[0] ?? fail())).toContain('"ended":"successor"');
    expect(watch()?.id).not.toBe(first?.id);
    const lag = group.cloud.metrics({ name: 'LagP99' }).at(-1);
    expect(Math.max(...(lag?.values ?? []))).toBeGreaterThan(0);
    const behind = group.cloud.metrics({ name: 'SecondsBehind' }).at(-1);
    expect(Math.max(...(behind?.values ?? [999]))).toBeLessThan(30);
    await put(`three-${row}`);
    await arrives(`three-${row}`);
  });

  it('a host joins beside the watch, which goes on', async () => {
    const newcomer = await group.cloud.launch({
      name: `newcomer-${row}`,
      tags: { 'hostsync:group': 'web' },
      prepare: makeUploads,
    });
    await group.tickUntil('it has joined', () => newcomer.tags['hostsync:state'] === 'in-sync', 4);
    // Its first sync came after the push of the tick, and did not end that
    expect(watch()?.status).toBe('InProgress');
    await put(`four-${row}`);
    await arrives(`four-${row}`);
    await group.tick();
    await arrives(`four-${row}`, [newcomer]);
    await newcomer.terminate();
    await group.tick();
  });

  it('a host that fails sends an event before the next tick, and the others go on', async () => {
    const [first, second] = [group.secondary(0), group.secondary(1)];
    const before = [ticks(), events().length, watch()?.id];
    await second.cutOff();
    await put(`five-${row}`);
    await until('the event on the failure', () => events().slice(Number(before[1])).includes('Sync Failed'));
    expect(ticks()).toBe(before[0]);
    await until('another push watches', () => watch() !== undefined && watch()?.id !== before[2]);
    await put(`six-${row}`);
    await arrives(`six-${row}`, [first]);
    await second.heal();
    for (let tick = 0; tick < 3; tick += 1) {
      await group.tick();
      await sleep(1000);
    }
    await until('it is well again', () => second.tags['hostsync:state'] === 'in-sync');
    await arrives(`six-${row}`);
  });

  it('a pause ends it within seconds, without a tick, and the end of the pause begins it', async () => {
    const before = ticks();
    group.primary.setTags({ 'hostsync:paused': 'a restore' });
    await until('nothing pushes', async () => (await pushes()) === 0);
    expect(ticks()).toBe(before);
    await put(`seven-${row}`);
    await group.tick();
    expect(await has(group.secondary(0), `seven-${row}`)).toBe(false);
    await until('its command has ended', () => watch() === undefined);
    group.primary.deleteTags('hostsync:paused');
    await group.tick();
    await arrives(`seven-${row}`);
  });

  it('held deletions send an event and are accepted as ever', async () => {
    await must(
      group.primary,
      `cd ${uploads}; mkdir many-${row}; for i in $(seq 60); do echo $i > many-${row}/$i; done; chown -R www-data: many-${row}`,
    );
    await put(`many-${row}-there`);
    await arrives(`many-${row}-there`);
    await group.tick();
    const known = events().length;
    await must(group.primary, `cd ${uploads}; rm -r many-${row}`);
    await until('the event on them', async () => {
      if (!events().slice(known).includes('Deletions Held')) await group.tick();
      return events().slice(known).includes('Deletions Held');
    });
    expect((await group.secondary(0).exec(`ls ${uploads}/many-${row} | wc -l`)).stdout.trim()).toBe('60');
    const held = group.cloud
      .events()
      .map(({ event }) => JSON.stringify(event))
      .findLast((text) => text.includes('Deletions Held'));
    const id = /"deletions":"([0-9a-f]{16})"/u.exec(held ?? '')?.[1] ?? '';
    group.primary.setTags({ 'hostsync:accept-deletions': id });
    await group.tick();
    await until(
      'they are done',
      async () => (await group.secondary(0).exec(`ls ${uploads}/many-${row}`)).code !== 0,
    );
    await group.tick();
    expect(group.primary.tags['hostsync:accept-deletions']).toBe(undefined);
  });

  it('changed excludes are followed by the next tick', async () => {
    group.primary.setTags({ 'hostsync:exclude': '*.tmp' });
    await group.tick();
    await put(`x-${row}.tmp`);
    await put(`eight-${row}`);
    await arrives(`eight-${row}`);
    await group.tick();
    expect(await has(group.secondary(0), `x-${row}.tmp`)).toBe(false);
    group.primary.deleteTags('hostsync:exclude');
    await group.tick();
    await arrives(`x-${row}.tmp`);
  });

  it('a tag that says off ends it with the next tick', async () => {
    group.primary.setTags({ 'hostsync:options': 'watch=off' });
    await group.tick();
    await until('it has ended', async () => watch() === undefined && (await pushes()) === 0);
    await put(`nine-${row}`);
    await group.tick();
    expect(await has(group.secondary(1), `nine-${row}`)).toBe(true);
    group.primary.setTags({ 'hostsync:options': 'watch=auto' });
    await group.tick();
    await put(`ten-${row}`);
    await arrives(`ten-${row}`);
  });

  it('a switchover loses nothing that was put before it, and the new primary watches', async () => {
    const old = group.primary;
    for (const number of [1, 2, 3, 4, 5]) await put(`last-${row}-${number}`);
    old.setTags({ 'hostsync:switchover': 'any' });
    const isPrimary = (host: LocalInstance) => host.tags['hostsync:primary'] !== undefined;
    const next = () => group.secondaries.find(isPrimary);
    await group.tickUntil('another primary', () => next() !== undefined && !isPrimary(old), 6);
    const now = next();
    if (now === undefined) throw new Error('nobody was promoted');
    await until('the former primary pushes no more', async () => (await pushes(old)) === 0);
    for (const number of [1, 2, 3, 4, 5]) expect(await has(now, `last-${row}-${number}`)).toBe(true);
    const others = [old, ...group.secondaries].filter(({ id }) => id !== now.id);
    await group.tickUntil('the others follow', () =>
      others.every(({ tags }) => tags['hostsync:state'] === 'in-sync'),
    );
    await group.tick();
    await put(`new-${row}`, now);
    await arrives(`new-${row}`, others);
    for (const number of [1, 2, 3, 4, 5]) await arrives(`last-${row}-${number}`, others);
  });
});

function fail(): never {
  throw new Error('no push');
}
