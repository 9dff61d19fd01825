import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GroupOverview } from '../../shared/core/operator/overview.ts';
import { makeDirectories, must, startGroup, type TestGroup, uploads } from './group.ts';
import { hostsync, startCommand, withTicks } from './hostsync-command.ts';

let group: TestGroup;

beforeAll(async () => {
  group = await startGroup({ secondaries: 2, zones: ['a', 'a', 'b'] });
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

test('pause and resume: nothing without a yes; what is paused is not pushed and not handed over', async () => {
  const unasked = await hostsync(group.cloud, 'pause', 'web');
  expect(unasked.stderr).toContain('Add --yes to go on without a question.');
  expect(unasked.code).toBe(64);
  expect(group.primary.tags['hostsync:paused']).toBeUndefined();
  const dry = await hostsync(group.cloud, 'pause', 'web', '--dry-run');
  expect([dry.code, group.primary.tags['hostsync:paused']]).toEqual([0, undefined]);
  const paused = await hostsync(group.cloud, 'pause', 'web', '--reason', 'a deploy; 2 < 3', '--yes');
  expect(paused.stderr).toMatch(
    /Same with aws: aws ec2 create-tags --region \S+ --endpoint-url \S+ --resources i-/u,
  );
  expect(paused.code).toBe(0);
  expect(group.primary.tags['hostsync:paused']).toMatch(/^a deploy_ 2 _ 3 - \S+ at 2/u);
  await group.cloud.settle({ timeoutSeconds: 100 });
  const seen = await hostsync(group.cloud, 'status', 'web');
  expect([seen.code, seen.stdout]).toEqual([1, expect.stringContaining('Pushes of web are paused')]);
  const pushed = await hostsync(group.cloud, 'push', 'web');
  expect([pushed.code, pushed.stderr]).toEqual([1, expect.stringContaining('Go on: hostsync resume web')]);
  const refused = await hostsync(group.cloud, 'switchover', 'web', '--yes');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('refused: web is paused')]);
  const resumed = await hostsync(group.cloud, 'resume', 'web', '-y');
  expect(resumed.stdout).toContain('✓ web goes on');
  expect(group.primary.tags['hostsync:paused']).toBeUndefined();
  await group.cloud.settle({ timeoutSeconds: 100 });
});

test('resync: the host joins again, and is compared with the primary', async () => {
  await must(group.secondary(1).host, `echo astray > ${uploads}/keep`);
  const resync = startCommand(group.cloud, ['resync', 'web', 'secondary-2', '-y', '--timeout', '200']);
  const ended = await withTicks(group.cloud, resync);
  expect(ended.stdout).toContain('✓ secondary-2 has joined again');
  expect(ended.code).toBe(0);
  expect(await group.differences(group.secondary(1))).toEqual([]);
  const refused = await hostsync(group.cloud, 'resync', 'web', 'primary', '-y');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is the primary')]);
});

test('accept-deletions: what is held is shown with a 2, and deleted when it is accepted', async () => {
  const many = `${uploads}/many`;
  await must(group.primary.host, `mkdir ${many}; touch ${many}/{1..60}; chown -R www-data: ${many}`);
  expect((await hostsync(group.cloud, 'push', 'web')).code).toBe(0);
  await must(group.primary.host, `rm ${many}/*`);
  const held = await hostsync(group.cloud, 'push', 'web');
  expect(held.stdout).toContain('They were meant: hostsync accept-deletions web ');
  expect(held.code).toBe(2);
  const seen = await hostsync(group.cloud, 'status', 'web');
  expect([seen.code, seen.stdout]).toEqual([2, expect.stringContaining('60 deletions are held')]);
  const wrong = await hostsync(group.cloud, 'accept-deletions', 'web', '0123456789abcdef', '-y');
  expect([wrong.code, wrong.stderr]).toEqual([
    1,
    expect.stringContaining('these deletions are no longer held'),
  ]);
  const accepted = await hostsync(group.cloud, 'accept-deletions', 'web', '-y');
  expect(accepted.stdout).toContain('✓ web is pushed: 0 files sent, 120 deleted');
  expect(accepted.code).toBe(0);
  for (const secondary of group.secondaries) expect(await group.differences(secondary)).toEqual([]);
  await group.cloud.settle({ timeoutSeconds: 100 });
});

test('plan: the decisions of the service with their reasons, and nothing is done', async () => {
  const before = group.cloud.commands().length;
  const planned = await hostsync(group.cloud, 'plan', 'web');
  expect(planned.stdout).toContain('push');
  expect(planned.stdout).toContain('pushes 1 directories to 2 of 2 secondaries');
  expect(group.cloud.commands()).toHaveLength(before);
});

test('logs: each decision about the group, with its reason', async () => {
  const all = await hostsync(group.cloud, 'logs', 'web');
  expect(all.stdout).toMatch(/ INFO +sync +push done: i-\w+ pushes 1 directories to 2 of 2 secondaries$/mu);
  expect(all.code).toBe(0);
  const errors = await hostsync(group.cloud, 'logs', 'web', '--level', 'error');
  expect(errors.stdout).not.toContain(' INFO ');
});

test('switchover: refused with the reason of the service; else followed to its end, and remembered', async () => {
  group.secondary(1).setTags({ 'hostsync:promote': 'never' });
  await group.cloud.settle({ timeoutSeconds: 100 });
  const refused = await hostsync(group.cloud, 'switchover', 'web', '--to', 'secondary-2', '-y');
  expect(refused.stderr).toContain('cannot become the primary: its tag hostsync:promote says never');
  expect(refused.stderr).toContain('Possible: secondary-1');
  expect(refused.code).toBe(1);
  const running = startCommand(group.cloud, [
    'switchover',
    'web',
    '--to',
    'secondary-1',
    '-y',
    '--timeout',
    '200',
  ]);
  const ended = await withTicks(group.cloud, running);
  expect(ended.stderr).toContain('Plan: switchover of web from primary to secondary-1');
  expect(ended.stdout).toContain('✓ secondary-1 is the primary (epoch 2)');
  expect(ended.code).toBe(0);
  expect(group.secondary(0).tags['hostsync:primary']).toBe('2');
  const joined = startCommand(group.cloud, [
    'wait',
    'web',
    '--joined',
    'primary',
    '--in-sync',
    '--timeout',
    '200',
  ]);
  expect((await withTicks(group.cloud, joined)).code).toBe(0);
  const { stdout } = await hostsync(group.cloud, 'history', 'web');
  expect(stdout).toMatch(/✓ primary → secondary-1, switchover, epoch 2: /u);
});

test('promote: only with --force, and then whatever keeps the service from it', async () => {
  const refused = await hostsync(group.cloud, 'promote', 'web', '--to', 'secondary-2', '-y');
  expect(refused.stderr).toContain('hostsync switchover web --to');
  expect(refused.code).toBe(1);
  const running = startCommand(group.cloud, [
    'promote',
    'web',
    '--to',
    'secondary-2',
    '--force',
    '-y',
    '--timeout',
    '200',
  ]);
  const ended = await withTicks(group.cloud, running);
  expect(ended.stdout).toContain('✓ secondary-2 is the primary (epoch 3)');
  expect(ended.code).toBe(0);
});

test('doctor: what could not be read is unknown; what is wrong comes with what mends it', async () => {
  const found = await hostsync(group.cloud, 'doctor', 'web', '-o', 'json');
  // These calls are not served by the local cloud
  group.cloud.takeProblems();
  const { findings, passed } = JSON.parse(found.stdout);
  const unknown = findings.filter(({ level }: { level: string }) => level === 'unknown');
  expect(unknown.map(({ what }: { what: string }) => what)).toContain('Not checked: alarms');
  expect(passed).toEqual(expect.arrayContaining(['SSM agents', 'room for tags', 'who could take over']));
  expect(found.code).toBe(findings.length === unknown.length ? 1 : 2);
});

test('init: hosts without tags become a group that is in sync', async () => {
  const directory = '/srv/shop';
  const launch = (name: string) =>
    group.cloud.launch({
      name,
      async prepare(host) {
        await makeDirectories(host, [directory]);
      },
    });
  const [first, second] = await Promise.all([launch('shop-1'), launch('shop-2')]);
  await must(first.host, `echo x > ${directory}/keep; chown -R www-data: ${directory}`);
  const refused = await hostsync(
    group.cloud,
    'init',
    'web',
    '--primary',
    'shop-1',
    '--directory',
    '/etc',
    '-y',
  );
  expect(refused.stderr).toContain('there is a group web already');
  expect(refused.code).toBe(1);
  const words = ['init', 'shop', '--primary', 'shop-1', '--host', 'shop-2', '--directory', directory];
  const running = startCommand(group.cloud, [...words, '-y', '--timeout', '200']);
  const ended = await withTicks(group.cloud, running);
  expect(ended.stdout).toContain('✓ shop is in sync after');
  expect(ended.code).toBe(0);
  expect(second.tags['hostsync:state']).toBe('in-sync');
  expect(await must(second.host, `cat ${directory}/keep`)).toBe('x\n');
});
