import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeLifecycleHooksCommand,
} from '@aws-sdk/client-auto-scaling';
import type { LocalInstance } from 'local-cloud';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, startGroup, type TestGroup, uploads } from './group.ts';
import { makeUploads, upload } from './on-host.ts';
import { actingOperator, type Ended, hostsync, operatorPolicy } from './operator.ts';

let group: TestGroup;
beforeAll(async () => {
  group = await startGroup({ secondaries: 2 });
});
afterAll(() => group?.close());

const run = (...words: readonly string[]): Promise<Ended> => hostsync(actingOperator(group.cloud), ...words);

const current = (): LocalInstance => {
  const found = [group.primary, ...group.secondaries].find(
    ({ tags }) => tags['hostsync:primary'] !== undefined,
  );
  if (found === undefined) throw new Error('no primary');
  return found;
};

it('who may only look can see everything, and change nothing', async () => {
  const config = group.cloud.roleConfig({ name: 'operator-read', policies: [operatorPolicy('read')] });
  await group.push();
  expect((await hostsync(config, 'status', 'web')).code).toBe(0);
  const doctor = await hostsync(config, 'doctor', 'web', '-o', 'json');
  const findings: readonly { level: string; what: string }[] = JSON.parse(doctor.stdout);
  // There are no security groups here, and nobody is subscribed
  expect(
    findings.filter(({ level, what }) => level === 'unknown' && !what.includes('security group')),
  ).toEqual([]);
  expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
  for (const words of [['history'], ['logs'], ['plan']])
    expect((await hostsync(config, ...words)).code).toBe(0);
  const denied = await hostsync(config, 'pause', 'web', '--yes');
  expect(denied.stderr).toContain('Access denied');
  expect(denied.code).toBe(77);
  expect(group.cloud.takeProblems()).toMatchObject([{ kind: 'denied' }]);
  expect(group.primary.tags['hostsync:paused']).toBeUndefined();
});

describe('an operator steers', () => {
  it('nothing is done without a yes, or as a dry run; the plan and the line for aws are shown', async () => {
    const asked = await run('switchover', 'web', '--to', 'secondary-1');
    expect(asked.code).toBe(64);
    expect(asked.stderr).toContain('Add --yes');
    const dry = await run('switchover', 'web', '--to', 'secondary-1', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('epoch 1 → 2');
    expect(dry.stdout).toContain(`Key=hostsync:switchover,Value=${group.secondary(0).id}`);
    expect(group.primary.tags['hostsync:switchover']).toBeUndefined();
  });

  it('pauses and goes on', async () => {
    expect((await run('pause', 'web', '--reason', "it's lunch", '--yes')).code).toBe(0);
    expect(group.primary.tags['hostsync:paused']).toBe("it's lunch");
    const shown = await run('status', 'web');
    expect(shown.stdout).toContain(`Paused: "it's lunch"`);
    expect(shown.code).toBe(1);
    expect((await run('push', 'web')).stderr).toContain('Nothing can be pushed');
    expect((await run('switchover', 'web', '--yes')).stderr).toContain('First: hostsync resume web');
    expect((await run('resume', 'web', '--yes')).code).toBe(0);
    expect(group.primary.tags['hostsync:paused']).toBeUndefined();
    expect((await run('resume', 'web', '--yes')).code).toBe(1);
  });

  it('accepts deletions that are held, and only those', async () => {
    await must(
      group.primary,
      `cd ${uploads}; for i in $(seq 40); do echo $i > f$i; done; chown -R www-data: .`,
    );
    await group.push();
    await must(group.primary, `rm ${uploads}/f[1-3]*`);
    const pushed = await run('push', 'web');
    expect(pushed.code).toBe(2);
    const id = /accept-deletions web ([0-9a-f]{16})/u.exec(pushed.stderr)?.[1] ?? '';
    const shown = await run('status', 'web', '-o', 'json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ level: 'attention', held: { id } });
    const stale = await run('accept-deletions', 'web', '0123456789abcdef', '--yes');
    expect(stale.code).toBe(1);
    expect(stale.stderr).toContain('no longer held');
    const { code, stderr } = await run('accept-deletions', 'web', id, '--yes');
    expect(stderr).toContain('2 of 2 secondaries have everything');
    expect(code).toBe(0);
    expect(await group.differences(group.secondary(0))).toEqual([]);
  });

  it('copies back what is held, when it was a mistake, and overwrites nothing', async () => {
    await must(
      group.primary,
      `cd ${uploads}; mkdir deep; for i in $(seq 40); do echo $i > g$i; echo $i > deep/$i; done; chown -R www-data: .`,
    );
    await group.push();
    await must(group.primary, `cd ${uploads}; rm -r g* deep`);
    const id = /accept-deletions web ([0-9a-f]{16})/u.exec((await run('push', 'web')).stderr)?.[1] ?? '';
    await upload(group.primary, 'g7', 'newer');
    expect((await run('restore', 'web', '--held', id, '--dry-run')).stdout).toContain('is overwritten');
    expect(await must(group.primary, `ls ${uploads} | grep -c g || true`)).toBe('1\n');
    const stale = await run('restore', 'web', '--held', '0123456789abcdef', '--yes');
    expect(stale.stderr).toContain('no longer held');
    expect(stale.code).toBe(1);
    const { code, stderr } = await run('restore', 'web', '--held', id, '--yes');
    expect(stderr).toContain('79 files are back');
    expect(stderr).toContain('2 of 2 secondaries have everything');
    expect(code).toBe(0);
    expect(await must(group.primary, `cd ${uploads}; cat g7 g8 deep/40; stat -c %U g8 deep`)).toBe(
      'newer\n8\n40\nwww-data\nwww-data\n',
    );
    for (const secondary of group.secondaries) {
      expect(await group.differences(secondary)).toEqual([]);
      // What the primary's key may read there is over
      await must(secondary, '[ ! -e /var/lib/hostsync/readable ]');
    }
    expect((await run('restore', 'web', '--yes')).stderr).toContain('No deletions of web are held');
  });

  it('has a host join again', async () => {
    await must(group.secondary(1), 'rm -f /var/lib/hostsync/login/.ssh/authorized_keys');
    const { code, stderr } = await group.whileTicking(run('resync', 'secondary-2', 'web', '--yes'));
    expect(stderr).toContain('has joined again');
    expect(code).toBe(0);
    expect((await run('push', 'web')).code).toBe(0);
    expect((await run('resync', 'primary', 'web', '--yes')).stderr).toContain('is the primary');
  });

  it('hands the role over, step by step, with nothing lost', async () => {
    await upload(group.primary, 'last');
    const { code, stderr } = await group.whileTicking(
      run('switchover', 'web', '--to', 'secondary-1', '--yes'),
    );
    expect(stderr).toContain(`${group.secondary(0).id} is the primary, epoch 2`);
    expect(code).toBe(0);
    expect(current().id).toBe(group.secondary(0).id);
    expect(await must(group.secondary(0), `cat ${uploads}/last`)).toBe('last\n');
    expect(
      (await group.whileTicking(run('wait', 'web', '--joined', 'primary', '--timeout', '200'))).code,
    ).toBe(0);
    expect((await run('history', 'web')).stdout).toContain('switchover, epoch 2');
  });

  it('refuses what is not safe, with the reason and what is possible', async () => {
    await group.secondary(1).agentOffline(true);
    const { code, stderr } = await run('switchover', 'web', '--to', 'secondary-2', '--yes');
    expect(stderr).toContain('its SSM agent is not online');
    expect(stderr).toContain('Possible: primary');
    expect(code).toBe(1);
    const sick = await run('doctor', 'web');
    expect(sick.stdout).toContain(`The SSM agent of ${group.secondary(1).id} has lost its connection`);
    expect(sick.code).toBe(2);
    await group.secondary(1).agentOnline();
    const unforced = await run('promote', 'secondary-2', 'web', '--yes');
    expect(unforced.stderr).toContain('needs --force');
    expect(unforced.code).toBe(1);
  });

  it('promotes by force, whatever the primary says', async () => {
    const { code, stderr } = await group.whileTicking(
      run('promote', '--force', 'secondary-2', 'web', '--yes'),
    );
    expect(stderr).toContain(`${group.secondary(1).id} is the primary, epoch 3`);
    expect(code).toBe(0);
    expect((await group.whileTicking(run('wait', 'web', '--in-sync', '--timeout', '250'))).code).toBe(0);
  });

  it('gives the primary a new epoch, and says whether the key is new', async () => {
    const before = current().tags['hostsync:public-key'];
    const { code, stderr } = await group.whileTicking(run('rotate-keys', 'web', '--yes'));
    expect(current().tags['hostsync:primary']).toBe('4');
    const isNew = current().tags['hostsync:public-key'] !== before;
    expect(stderr).toContain(isNew ? 'the key is new' : 'has kept its key');
    expect(code).toBe(isNew ? 0 : 1);
  });
});

/** What is on a host where programs and the system keep their things, with content: all but backups of passwd and the like, the agent's, and the names of other hosts, which the local cloud writes. */
const everything = (host: LocalInstance): Promise<string> =>
  must(
    host,
    `{ find /etc /var/lib /usr/local /root /home /run/hostsync.lock -not -path '/var/lib/amazon*' -not -path '/var/lib/sudo*' \
      -not -name '*-' -not -name .pwd.lock -printf '%p %y %m %U:%G %l\n' 2>/dev/null || true; } | sort
    find /etc -type f -not -name '*-' -not -name .pwd.lock -not -path /etc/hosts -exec sha256sum {} + | sort`,
  );

describe('a group begins and ends', () => {
  const before = new Map<string, string>();

  it('is made of hosts that are there, and is in sync when the command ends', async () => {
    const launch = (name: string) => group.cloud.launch({ name, prepare: makeUploads });
    const [first, second] = await Promise.all([launch('shop-1'), launch('shop-2')]);
    for (const host of [first, second]) before.set(host.id, await everything(host));
    await upload(first, 'keep', 'x');
    const words = ['init', 'shop', '--primary', first.id, '--host', second.id, '--directory'];
    const wrong = await run(...words, '/etc', '--yes');
    expect(wrong.code).toBe(1);
    expect(first.tags['hostsync:group']).toBeUndefined();
    const { code, stdout, stderr } = await group.whileTicking(run(...words, uploads, '--yes'));
    expect(stdout).toContain('hostsync:primary=1');
    expect(stderr).toContain('shop is in sync');
    expect(code).toBe(0);
    expect(await must(second, `cat ${uploads}/keep`)).toBe('x\n');
    expect((await run(...words, uploads, '--yes')).stderr).toContain('is there already');
  });

  it('takes its hooks and its tag off a group of Auto Scaling, and stops in time', async () => {
    const scaling = group.cloud.createAutoScalingGroup({
      name: 'SHOP',
      tags: { 'hostsync:group': 'shop' },
      hooks: [{ name: 'hostsync-launch', transition: 'launching', heartbeatTimeout: 300 }],
      launch: { prepare: makeUploads },
    });
    const [third] = await group.whileTicking(scaling.scaleOut(1));
    if (third === undefined) throw new Error('no instance');
    const joined = await group.whileTicking(run('wait', 'shop', '--joined', third.id, '--timeout', '200'));
    expect(joined.code).toBe(0);
    const doctor = await run('doctor', 'shop');
    expect(doctor.stdout).toContain('SHOP has no lifecycle hook hostsync-terminate');
    expect(doctor.code).toBe(2);
  });

  it('leaves nothing of it on the hosts and in the account, and every file that was synced', async () => {
    await group.settle();
    const hosts = group.cloud.instances().filter(({ tags }) => tags['hostsync:group'] === 'shop');
    expect((await run('uninstall', 'shop', '--dry-run')).code).toBe(0);
    expect(hosts.every(({ tags }) => tags['hostsync:group'] === 'shop')).toBe(true);
    const silent = hosts.find(({ id }) => !before.has(id));
    await silent?.agentOffline(true);
    await must(
      hosts[0] ?? group.primary,
      'mkdir -p /etc/hostsync/hooks; echo exit > /etc/hostsync/hooks/before-demotion',
    );
    const { code, stderr } = await group.whileTicking(run('uninstall', 'shop', '--yes', '--purge'));
    // One that cannot be reached is named with what to do, and stops no other
    expect(stderr).toContain(`${silent?.id} is not clean: its SSM agent is not online`);
    expect(stderr).toContain('on it, as root: /usr/bin/python3 -I /usr/local/lib/hostsync/current uninstall');
    expect(code).toBe(1);
    expect(stderr).toContain('tags of 3 hosts');
    for (const host of hosts.filter((each) => each !== silent)) {
      expect(stderr).toContain(`${host.id} is clean`);
      expect(await everything(host)).toBe(before.get(host.id));
    }
    const scaling = new AutoScalingClient(group.cloud.clientConfig());
    const hooks = await scaling.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'SHOP' }));
    expect(hooks.LifecycleHooks).toEqual([]);
    const { AutoScalingGroups = [] } = await scaling.send(new DescribeAutoScalingGroupsCommand({}));
    expect(AutoScalingGroups[0]?.Tags).toEqual([]);
    await group.push();
    for (const host of hosts) {
      expect(Object.keys(host.tags).filter((key) => key.startsWith('hostsync:'))).toEqual([]);
      expect(await must(host, `cat ${uploads}/keep`)).toBe('x\n');
    }
    const items = await group.cloud.table('Memory').items();
    expect(items.filter(({ pk }) => pk?.['S'] === 'group#shop')).toEqual([]);
  });
});
