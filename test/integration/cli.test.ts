import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { hostsync, startCommand, withTicks } from './hostsync-command.ts';

let group: TestGroup;

beforeAll(async () => {
  group = await startGroup({ secondaries: 2, zones: ['eu-west-1a', 'eu-west-1a', 'eu-west-1b'] });
});

afterAll(async () => {
  await group.close();
});

test('status: a healthy group in a table, as JSON and for programs; 0', async () => {
  const table = await hostsync(group.cloud, 'status');
  expect(table.stderr).toBe('');
  expect(table.stdout).toContain('web  ✓ All 2 secondaries are in sync   epoch 1 · ');
  expect(table.stdout).toMatch(/primary +primary +✓ takes writes +-/u);
  expect(table.stdout).toMatch(/secondary-1 +secondary +✓ in sync +\d+ s +-/u);
  expect(table.code).toBe(0);
  const json = await hostsync(group.cloud, 'status', 'web', '-o', 'json');
  const overview: GroupOverview = JSON.parse(json.stdout);
  expect(overview).toMatchObject({
    group: 'web',
    verdict: 'in-sync',
    primary: group.primary.id,
    attention: [],
  });
  expect(overview.hosts.map(({ promote }) => promote)).toEqual([undefined, {}, {}]);
  const tsv = await hostsync(group.cloud, 'status', '-o', 'tsv');
  expect(tsv.stdout.split('\n').filter((line) => line.startsWith('web\t'))).toHaveLength(3);
});

test('push: what is there now has arrived when the command ends; 0', async () => {
  await must(group.primary.host, `echo new > ${uploads}/pushed; chown www-data: ${uploads}/pushed`);
  const pushed = await hostsync(group.cloud, 'push', 'web');
  expect(pushed.stderr).toContain(`primary pushes ${uploads} to 2 secondaries`);
  expect(pushed.stdout).toContain('✓ secondary-1: 1 file, 0 deleted,');
  expect(pushed.stdout).toContain('✓ web is pushed: 2 files sent');
  expect(pushed.code).toBe(0);
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  await group.cloud.settle({ timeoutSeconds: 100 });
});

test('push --dry-run: nothing is asked of any host', async () => {
  const before = group.cloud.commands().length;
  const dry = await hostsync(group.cloud, 'push', '--dry-run');
  expect([dry.code, dry.stdout]).toEqual([0, '']);
  expect(dry.stderr).toContain('to 2 secondaries');
  expect(group.cloud.commands()).toHaveLength(before);
});

test('wait --in-sync: what the primary had at the start has reached everybody', async () => {
  await must(group.primary.host, `echo waited > ${uploads}/waited; chown www-data: ${uploads}/waited`);
  const waiting = startCommand(group.cloud, ['wait', 'web', '--in-sync', '--timeout', '120']);
  const ended = await withTicks(group.cloud, waiting);
  expect(ended.stdout).toContain('✓ web: in sync after');
  expect(ended.code).toBe(0);
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
});

test('wait: what does not come is 1, with what is missing', async () => {
  const ended = await hostsync(group.cloud, 'wait', '--promoted', 'secondary-1', '--timeout', '3');
  expect(ended.stderr).toContain('▲ Not reached after 3 s: secondary-1 is a secondary host');
  expect(ended.code).toBe(1);
});

test('errors say what to do, without a stack', async () => {
  const typed = await hostsync(group.cloud, 'status', 'wbe');
  expect(typed.stderr).toContain('There is no group "wbe"');
  expect(typed.stderr).toContain('Did you mean web?\n  Groups here: web');
  expect(typed.code).toBe(64);
  const stage = await hostsync(group.cloud, 'status', '--stage', 'nowhere');
  expect(stage.stderr).toContain('there is no stack hostsync-nowhere');
  expect(stage.code).toBe(69);
  const usage = await hostsync(group.cloud, 'statsu');
  expect(usage.stderr).toContain("unknown command 'statsu'");
  expect(usage.code).toBe(64);
  expect(typed.stderr + stage.stderr + usage.stderr).not.toMatch(/^ +at /mu);
});
