import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalInstance } from 'local-cloud';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pushResults } from '../../tour/pushes.ts';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { makeUploads, upload } from './on-host.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 1 });
  await must(
    group.primary,
    `cd ${uploads}; for i in $(seq 300); do echo $i > f$i; done; chown -R www-data: .`,
  );
});
afterAll(() => group?.close());

const launch = (name: string, wait = true) =>
  group.cloud.launch({ name, tags: { 'hostsync:group': 'web' }, prepare: makeUploads, wait });
const list = () =>
  Object.entries(group.primary.tags)
    .filter(([key]) => key.startsWith('hostsync:secondaries'))
    .flatMap(([, value]) => value.split(' '))
    .sort();
const isIn = ({ id, tags }: LocalInstance) => list().includes(id) && tags['hostsync:state'] === 'in-sync';

describe('Auto Scaling', () => {
  const autoScalingGroup = (name: string, warmPool = false) =>
    group.cloud.createAutoScalingGroup({
      name,
      tags: { 'hostsync:group': 'web' },
      warmPool,
      launch: { prepare: makeUploads },
      hooks: [
        { name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 120, defaultResult: 'ABANDON' },
        {
          name: 'hostsync-terminate',
          transition: 'terminating',
          heartbeatTimeout: 120,
          defaultResult: 'CONTINUE',
        },
      ],
    });

  it('lets a newcomer take traffic only once it has every file, and verified', async () => {
    const asg = autoScalingGroup('gated');
    const newcomers = await asg.scaleOut(2);
    expect(asg.instances().map(({ state }) => state)).toEqual(['Pending:Wait', 'Pending:Wait']);
    await group.tick();
    expect(asg.instances().map(({ state }) => state)).toEqual(['InService', 'InService']);
    for (const newcomer of newcomers) {
      expect(isIn(newcomer)).toBe(true);
      expect(await group.differences(newcomer)).toEqual([]);
      const passes = pushResults(group.cloud, newcomer.id).filter(({ ok }) => ok);
      expect(passes.slice(0, 2)).toMatchObject([{ files: 301 }, { files: 0, deleted: 0 }]);
      const [completed] = group.cloud.calls(
        ({ operation, input }) =>
          operation === 'CompleteLifecycleAction' && JSON.stringify(input).includes(newcomer.id),
      );
      const verified = ((passes[1]?.started ?? 0) + (passes[1]?.seconds ?? 0)) * 1000;
      expect(completed?.at.getTime()).toBeGreaterThanOrEqual(verified);
    }
    // Scale-in: off the list, and Auto Scaling goes on
    await asg.scaleIn(1);
    await group.settle();
    expect(newcomers.filter(({ id }) => list().includes(id)).length).toBe(1);
    expect(newcomers.map(({ state }) => state).sort()).toEqual(['running', 'terminated']);
    asg.delete();
    await group.settle();
    await group.tick();
    expect(list()).toEqual([group.secondary(0).id]);
  });

  it('with a warm pool: what goes into it is no secondary, what comes out is, and going back is no death', async () => {
    const asg = autoScalingGroup('warm', true);
    const [warm] = await asg.toWarmPool(1);
    await group.tick();
    await group.tick();
    expect(asg.stateOf(warm as LocalInstance)).toBe('Warmed:Stopped');
    expect(list()).toEqual([group.secondary(0).id]);
    const [out] = await asg.fromWarmPool(1);
    await group.tick();
    expect(out !== undefined && isIn(out)).toBe(true);
    await asg.returnToWarmPool(out as LocalInstance);
    await group.tick();
    await group.tick();
    expect(list()).toEqual([group.secondary(0).id]);
    expect(asg.stateOf(out as LocalInstance)).toMatch(/^Warmed:/u);
    asg.delete();
    await group.settle();
  });

  it('hooks of others are left to them', async () => {
    const asg = group.cloud.createAutoScalingGroup({
      name: 'others',
      tags: { 'hostsync:group': 'web' },
      launch: { prepare: makeUploads },
      replace: false,
      hooks: [
        { name: 'warm-caches', transition: 'launching', heartbeatTimeout: 3600, defaultResult: 'CONTINUE' },
      ],
    });
    const [newcomer] = await asg.scaleOut(1);
    await group.tick();
    expect(asg.stateOf(newcomer as LocalInstance)).toBe('Pending:Wait');
    expect(newcomer !== undefined && isIn(newcomer)).toBe(true);
    asg.delete();
    await group.settle();
    await group.tick();
  });
});

describe('a plain instance', () => {
  it('joins, leaves when it is stopped, and comes back by itself when it is started', async () => {
    const instance = await launch('plain');
    await group.tick();
    expect(isIn(instance)).toBe(true);
    await instance.stop();
    await group.settle();
    expect(list()).not.toContain(instance.id);
    expect(Object.keys(instance.tags).filter((key) => key.startsWith('hostsync:'))).toEqual([
      'hostsync:group',
    ]);
    await upload(group.primary, 'away', 'while-away');
    await instance.start();
    await group.tick();
    expect(isIn(instance)).toBe(true);
    expect(await group.differences(instance)).toEqual([]);
    await instance.terminate();
    await group.settle();
    expect(list()).toEqual([group.secondary(0).id]);
  });

  it('joins when it is given the tag later, and leaves when the tag is taken away, with all that was written on it', async () => {
    const instance = await group.cloud.launch({ name: 'later', prepare: makeUploads });
    await group.tick();
    expect(list()).not.toContain(instance.id);
    instance.setTags({ 'hostsync:group': 'web' });
    await group.settle();
    await group.tick();
    expect(isIn(instance)).toBe(true);
    instance.deleteTags('hostsync:group');
    await group.settle();
    expect(list()).not.toContain(instance.id);
    expect(Object.keys(instance.tags)).toEqual(['Name']);
    await instance.terminate();
  });

  it('that lacks the directory stays out, with the remedy in the log, and joins once it is there', async () => {
    const instance = await group.cloud.launch({ name: 'bare', tags: { 'hostsync:group': 'web' } });
    await group.tick();
    expect(instance.tags['hostsync:state']).toBe('joining');
    expect(list()).not.toContain(instance.id);
    const messages = group.cloud
      .invocations()
      .flatMap(({ logs }) => logs)
      .join('\n');
    expect(messages).toMatch(/not-ready: .*\/srv\/uploads/u);
    await makeUploads(instance);
    // A join that failed is tried again 15 seconds later
    await sleep(15_000);
    await group.tickUntil('it has joined', () => isIn(instance), 2);
    await instance.terminate();
    await group.tick();
  });
});

describe('events are only hints', () => {
  const faults: { remove(): void }[] = [];
  afterEach(() => {
    for (const fault of faults.splice(0)) fault.remove();
  });
  const isAlone = () => list().join() === group.secondary(0).id;

  it('with every one of them lost, the ticks alone bring a host in, and take it off the list', async () => {
    faults.push(group.cloud.faults.dropEvents(() => true, 10_000));
    const instance = await launch('unheard');
    // How far a tick comes depends on how long its commands take
    await group.tickUntil('it is in', () => isIn(instance), 4);
    await instance.terminate();
    await group.tickUntil('it is off the list', isAlone, 2);
  });

  it('doubled and reordered they change nothing', async () => {
    faults.push(group.cloud.faults.doubleEvents(() => true, 10_000));
    faults.push(group.cloud.faults.reorderEvents('EC2 Instance State-change Notification', 10_000));
    const instance = await launch('echo');
    await group.tickUntil('it is in', () => isIn(instance), 4);
    await instance.terminate();
    await group.ticks(2);
    expect(isAlone()).toBe(true);
  });
});

it('twenty at once are all in the list in the end, over several tags, though EC2 shows old tags', async () => {
  group.primary.setTags({
    'hostsync:secondaries': `${group.primary.tags['hostsync:secondaries']} by-hand.example.com`,
  });
  group.cloud.faults.staleTags({ seconds: 2 });
  const newcomers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => launch(`many-${index}`, false)),
  );
  await group.settle();
  group.cloud.tick();
  // An operator's hand, in the middle of it
  group.primary.setTags({ 'hostsync:secondaries': 'by-hand.example.com' });
  await group.ticks(4);
  group.cloud.faults.staleTags({ seconds: 0 });
  await group.tick();
  expect(list()).toEqual(
    [...newcomers.map(({ id }) => id), group.secondary(0).id, 'by-hand.example.com'].sort(),
  );
  expect(Object.keys(group.primary.tags)).toContain('hostsync:secondaries-2');
  for (const newcomer of [newcomers[0], newcomers[19]])
    if (newcomer !== undefined) expect(await group.differences(newcomer)).toEqual([]);
  await Promise.all(newcomers.map((instance) => instance.terminate()));
  await group.settle();
  await group.tick();
  expect(list()).toEqual([group.secondary(0).id, 'by-hand.example.com'].sort());
  group.primary.deleteTags('hostsync:secondaries');
}, 900_000);

it('a large first sync does not delay the others, and goes on where it was when its command is killed', async () => {
  await must(
    group.primary,
    `for i in $(seq 20); do head -c 20000000 /dev/urandom > ${uploads}/large$i; done; chown -R www-data: ${uploads}`,
  );
  await group.ticks(2);
  const instance = await launch('large');
  group.cloud.tick();
  const firstSync = async () => (await group.primary.exec(`pgrep -f 'rsync .*${instance.id}::'`)).code === 0;
  await group.cloud.waitFor(firstSync, { what: 'the first sync' });
  // The others are served meanwhile
  await upload(group.primary, 'small');
  group.cloud.tick();
  const arrived = async () => (await group.secondary(0).exec(['test', '-e', `${uploads}/small`])).code === 0;
  await group.cloud.waitFor(arrived, { what: 'the small file' });
  // As SSM does when the command's time is over
  await must(group.primary, `pkill -KILL -f 'rsync .*[${instance.id[0]}]${instance.id.slice(1)}::' || true`);
  await group.settle();
  await group.tickUntil('it has joined', async () => isIn(instance) || (await sleep(5000, false)), 4);
  expect(await group.differences(instance)).toEqual([]);
  await instance.terminate();
  await group.tick();
}, 900_000);
